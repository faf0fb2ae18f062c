"""Expressions as the rest of the system uses them: compiled once, evaluated often.

Source: https://hl7.org/fhirpath/N1/ with the additions of http://hl7.org/fhir/R4/fhirpath.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from kontinuum.fhir.definitions import type_definition
from kontinuum.fhir.fhirpath import functions
from kontinuum.fhir.fhirpath.code import SYSTEM_CLOCK, Code, Environment, Test, test_of
from kontinuum.fhir.fhirpath.compiler import Compiler, Scope
from kontinuum.fhir.fhirpath.errors import FHIRPathError
from kontinuum.fhir.fhirpath.model import is_primitive
from kontinuum.fhir.fhirpath.parser import parse
from kontinuum.fhir.fhirpath.syntax import named
from kontinuum.fhir.fhirpath.values import Items, Node, fhir_name, plain, temporal_class, to_node, type_of
from kontinuum.kernel.clock import Clock

assert functions, "importing the package registers the functions"

_UNUSED = Environment(None, None, None, None, SYSTEM_CLOCK, None)

Tracer = Callable[[str, list[Any]], None]


class Expression:
    """A FHIRPath expression, compiled for each type of context it meets.

    Safe to share between threads: a plan that two threads build at once is built twice and kept once.
    """

    __slots__ = ("_ast", "_plans", "_strict", "_tests", "_tracked", "text")

    def __init__(self, text: str, *, strict: bool = False) -> None:
        self.text = text
        self._ast = parse(text)
        self._strict = strict
        self._plans: dict[str, Code] = {}
        self._tests: dict[str, Test] = {}
        self._tracked: Code | None = None

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    @property
    def named(self) -> frozenset[str]:
        """The functions and variables that the expression uses, variables with their `%`."""
        return frozenset(named(self._ast))

    def evaluate(
        self,
        resource: Any,
        *,
        context: Node | None = None,
        variables: Mapping[str, Any] | None = None,
        root: Any = None,
        clock: Clock = SYSTEM_CLOCK,
        tracer: Tracer | None = None,
    ) -> list[Any]:
        """The result as plain values: str, bool, int, Decimal, dict, Date, DateTime, Time, Quantity.

        `resource` is `%resource`; `context`, an element of it, is where the path starts and `%context`
        (default: the resource). `root` is `%rootResource` where `resource` is contained in another.
        `variables` are further `%name`s. `tracer(name, values)` is told what passes a `trace()`.
        Raises FHIRPathError where the expression does not apply to the data.
        """
        this, type_name = _start(resource, context)
        code = self._plans.get(type_name) or self._plan(type_name)
        if code.chain is not None:
            return _plain(code, code.run(_UNUSED, this))
        env = Environment(resource, resource if root is None else root, this, variables, clock, tracer)
        return _plain(code, self._run(code, env, this))

    def nodes(
        self,
        resource: Any,
        *,
        context: Node | None = None,
        variables: Mapping[str, Any] | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> list[Node]:
        """The result as Nodes: value, FHIR type name and, computed when asked for, path.

        Values that the expression computed have the type that holds such values in FHIR ("boolean",
        "string", …).
        """
        this, type_name = _start(resource, context)
        code = self._plans.get(type_name) or self._plan(type_name)
        if code.chain is not None:
            items = code.run(_UNUSED, this)  # a plain path reads nothing but its start
        else:
            items = self._run(code, Environment(resource, resource, this, variables, clock, None), this)
        if not items:
            return []
        where = _Where(self, resource, context, variables)
        static = code.type
        if static is None or static[:7] == "System.":
            return [_public(to_node(item, None), where, ordinal) for ordinal, item in enumerate(items)]
        return [
            _public(item, where, ordinal)
            if type(item) is Node
            else Node(item, static, None, where, "", ordinal)
            for ordinal, item in enumerate(items)
        ]

    def test(
        self,
        value: Any,
        type_name: str,
        resource: Any,
        *,
        root: Any = None,
        variables: Mapping[str, Any] | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> bool | None:
        """The result as one boolean, None for empty: the fast way for invariants.

        `value` is the JSON value of an element of type `type_name` inside `resource`. A primitive that has
        an id or extensions is passed as a Node.
        """
        test = self._tests.get(type_name)
        if test is None:
            test = test_of(self._plan(type_name), "The result")
            if type_definition(type_name) is not None:
                self._tests[type_name] = test
        env = Environment(resource, resource if root is None else root, value, variables, clock, None)
        try:
            return test(env, value)
        except FHIRPathError as error:
            raise self._located(error) from None
        except RecursionError:
            raise FHIRPathError("The data is nested too deeply.", expression=self.text) from None

    def prepare(self, type_name: str) -> Expression:
        """Compile for a type now, so that a mistake shows before there is data; returns the expression."""
        self._plan(type_name)
        return self

    def _plan(self, type_name: str) -> Code:
        definition = type_definition(type_name)
        if definition is None:
            # One plan for all unknown names: what a client calls a resource must not fill the memory.
            type_name = ""
            if "" in self._plans:
                return self._plans[""]
        scope = Scope(None if definition is None or definition.abstract else type_name)
        try:
            code = Compiler(self.text, strict=self._strict, context=scope.this).compile(self._ast, scope)
        except RecursionError:
            raise FHIRPathError("The expression is nested too deeply.", expression=self.text) from None
        return self._plans.setdefault(type_name, code)

    def _run(self, code: Code, env: Environment, this: Any) -> Items:
        try:
            return code.run(env, this)
        except FHIRPathError as error:
            raise self._located(error) from None
        except RecursionError:
            raise FHIRPathError("The data is nested too deeply.", expression=self.text) from None

    def _located(self, error: FHIRPathError) -> FHIRPathError:
        return error if error.expression else FHIRPathError(error.message, expression=self.text)

    def paths(
        self, resource: Any, context: Node | None = None, variables: Mapping[str, Any] | None = None
    ) -> list[str]:
        """The locations of the nodes, in the order of `nodes`; "" for a computed value.

        Runs the expression again with full bookkeeping: for messages, not for the hot path.
        """
        if self._tracked is None:
            compiler = Compiler(self.text, strict=self._strict, tracked=True)
            self._tracked = compiler.compile(self._ast, Scope(None))
        name = type_of(resource)
        top = Node(resource, name, name=name)
        this = (
            top if context is None else Node(context.value, context.type, context.element, name=context.path)
        )
        env = Environment(top, top, this, variables, SYSTEM_CLOCK, None)
        return [item.path if type(item) is Node else "" for item in self._run(self._tracked, env, this)]


class _Where:
    """The paths of the nodes of a result, found when one is asked for."""

    __slots__ = ("_context", "_expression", "_paths", "_resource", "_variables")

    def __init__(
        self,
        expression: Expression,
        resource: Any,
        context: Node | None,
        variables: Mapping[str, Any] | None,
    ) -> None:
        self._expression = expression
        self._resource = resource
        self._context = context
        self._variables = variables
        self._paths: list[str] | None = None

    def __call__(self, ordinal: int) -> str:
        if self._paths is None:
            self._paths = self._expression.paths(self._resource, self._context, self._variables)
        return self._paths[ordinal]


def _public(node: Node, where: _Where, ordinal: int) -> Node:
    return Node(node.value, fhir_name(node.type), node.element, where, "", ordinal)


def _start(resource: Any, context: Node | None) -> tuple[Any, str]:
    if context is None:
        if type(resource) is Node:
            raise TypeError("pass the resource as its JSON object, and the Node as context")
        return resource, type_of(resource)
    if is_primitive(context.type):
        return context, context.type
    return context.value, context.type


def _plain(code: Code, items: Items) -> list[Any]:
    wrapper = temporal_class(code.type)
    if wrapper is not None:
        return [wrapper(item) if type(item) is str else plain(item) for item in items]
    if code.type is None or any(type(item) is Node for item in items):
        return [plain(item) for item in items]
    return list(items)


@lru_cache(maxsize=8192)
def compile(  # noqa: A001 - the word of the field
    expression: str,
    *,
    type: str | None = None,  # noqa: A002 - the word of the specification
    strict: bool = False,
) -> Expression:
    """Compile an expression; the same text gives the same Expression.

    With `type` the expression is compiled for that context at once, so that mistakes show now. `strict` makes
    unknown elements, paths from a foreign type, `as()` on many items and positions in unordered collections
    errors. Raises FHIRPathError with the place of the mistake.
    """
    compiled = Expression(expression, strict=strict)
    return compiled if type is None else compiled.prepare(type)
