"""From abstract syntax to closures.

An expression is compiled once for each type of `$this` it is applied to: the types of its steps are then
known, so that a path is a few dictionary look-ups and a comparison with a literal is one comparison of
strings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from kontinuum.fhir.definitions import is_subtype, type_definition
from kontinuum.fhir.fhirpath import operations, operators, references, syntax
from kontinuum.fhir.fhirpath.code import (
    EMPTY,
    NOTHING,
    Code,
    Environment,
    boolean,
    single_run,
    test_of,
    with_run,
)
from kontinuum.fhir.fhirpath.errors import FHIRPathError
from kontinuum.fhir.fhirpath.model import (
    TypeSpecifier,
    display_name,
    is_primitive,
    members,
    type_specifier,
)
from kontinuum.fhir.fhirpath.paths import step
from kontinuum.fhir.fhirpath.quantity import Quantity
from kontinuum.fhir.fhirpath.values import Items, Node, type_of

_UNSET: Any = object()


@dataclass(frozen=True, slots=True)
class Scope:
    """What `$this` and `$total` are at a place in the expression."""

    this: str | None
    total: str | None = None


@dataclass(frozen=True, slots=True)
class Function:
    """How a function is compiled: `build` gets the compiler, the call, the compiled focus and the scope."""

    least: int
    most: int
    build: Callable[[Compiler, syntax.Call, Code, Scope], Code]


FUNCTIONS: dict[str, Function] = {}


def function(
    name: str, least: int = 0, most: int | None = None
) -> Callable[[Callable[[Compiler, syntax.Call, Code, Scope], Code]], Any]:
    """Register how calls of a function are compiled, and how many arguments it takes."""

    def register(build: Callable[[Compiler, syntax.Call, Code, Scope], Code]) -> Any:
        FUNCTIONS[name] = Function(least, least if most is None else most, build)
        return build

    return register


class Compiler:
    """Compiles the expression `source`; in `strict` mode unknown names and unordered access are errors."""

    def __init__(
        self, source: str, *, strict: bool = False, tracked: bool = False, context: str | None = None
    ) -> None:
        self.source = source
        self.strict = strict
        self.context = context
        # A tracked plan carries Nodes everywhere, so that each knows its path.
        self.tracked = tracked

    def compile(self, ast: syntax.Ast, scope: Scope) -> Code:
        """The code of an expression whose `$this` is what `scope` says."""
        try:
            return self._compile(ast, scope)
        except FHIRPathError as error:
            if error.expression is not None:
                raise
            raise self.error(error.message, ast) from None

    def error(self, message: str, ast: syntax.Ast) -> FHIRPathError:
        """An error that points at a place in the expression."""
        return FHIRPathError(message, expression=self.source, position=ast.position)

    def _compile(self, ast: syntax.Ast, scope: Scope) -> Code:
        match ast:
            case syntax.Member():
                return self._member(ast, scope)
            case syntax.Call():
                return self._call(ast, scope)
            case syntax.Binary():
                return self._binary(ast, scope)
            case syntax.Literal(value=value):
                items = (value,)
                return Code(lambda _env, _this: items, type_of(value), constant=value)
            case syntax.This():
                return this_code(scope.this)
            case syntax.TypeTest():
                return self._type_test(ast, scope)
            case syntax.Index():
                return self._index(ast, scope)
            case syntax.Sign():
                return self._sign(ast, scope)
            case syntax.Special(name=name):
                return _special(name, scope)
            case syntax.Variable(name=name):
                return self._variable(name)
        return EMPTY

    def _member(self, ast: syntax.Member, scope: Scope) -> Code:
        if isinstance(ast.focus, syntax.This) and ast.name[:1].isupper():
            head = self._type_head(ast.name, scope)
            if head is not None:
                return head
        return step(self.compile(ast.focus, scope), ast.name, strict=self.strict)

    def _type_head(self, name: str, scope: Scope) -> Code | None:
        """The code of a type name that a path starts with, such as `Patient` in `Patient.name`."""
        if type_definition(name) is None:
            return None
        if scope.this is None:
            return Code(lambda _env, this: (this,) if is_subtype(type_of(this), name) else ())
        if is_subtype(scope.this, name):
            return this_code(scope.this)
        if name in members(scope.this):
            return None
        if self.strict:
            raise FHIRPathError(f"The context is {scope.this}, so the path cannot start with {name}.")
        return EMPTY

    def _call(self, ast: syntax.Call, scope: Scope) -> Code:
        known = FUNCTIONS.get(ast.name)
        if known is None:
            raise self.error(f"There is no function {ast.name}().", ast)
        if not known.least <= len(ast.arguments) <= known.most:
            expected = str(known.least) if known.least == known.most else f"{known.least} to {known.most}"
            raise self.error(f"{ast.name}() takes {expected} arguments, not {len(ast.arguments)}.", ast)
        focus = self.compile(ast.focus, scope)
        return known.build(self, ast, focus, scope)

    def require_order(self, focus: Code, what: str) -> None:
        """Refuse, in strict mode, to take items by position from a collection without order."""
        if self.strict and focus.unordered:
            raise FHIRPathError(f"{what} needs an order, and children() and descendants() have none.")

    def _index(self, ast: syntax.Index, scope: Scope) -> Code:
        focus = self.compile(ast.focus, scope)
        self.require_order(focus, "An indexer")
        run, index = focus.run, single_run(self.compile(ast.index, scope), "An indexer")

        def indexed(env: Environment, this: Any) -> Items:
            position = index(env, this)
            if position is None:
                return ()
            if type(position) is not int:
                raise FHIRPathError("An indexer must be an integer.")
            items = run(env, this)
            return (items[position],) if 0 <= position < len(items) else ()

        return with_run(focus, indexed)

    def _sign(self, ast: syntax.Sign, scope: Scope) -> Code:
        operand = self.compile(ast.operand, scope)
        single = single_run(operand, "A sign")
        negative = ast.operator == "-"

        def signed(env: Environment, this: Any) -> Items:
            value = single(env, this)
            if value is None:
                return ()
            if isinstance(value, Quantity):
                return (replace(value, value=-value.value) if negative else value,)
            if not operations.is_number(value):
                raise FHIRPathError(f"A sign needs a number, not {operations.describe(value)}.")
            return (-value if negative else value,)

        return Code(signed, operand.type if (operand.type or "").startswith("System.") else None)

    def _variable(self, name: str) -> Code:
        fixed = _fixed_variable(name)
        if fixed is not None:
            return Code(lambda _env, _this: (fixed,), "System.String", constant=fixed)
        if name in ("resource", "rootResource", "context"):
            return _resource_variable(name, self.context)

        def variable(env: Environment, _this: Any) -> Items:
            value = (env.variables or {}).get(name, _UNSET)
            if value is _UNSET:
                raise FHIRPathError(f"The variable %{name} is not defined.")
            if value is None:
                return ()
            return value if isinstance(value, list | tuple) else (value,)

        return Code(variable)

    def specifier(self, text: str, ast: syntax.Ast) -> TypeSpecifier:
        """The type that a type name means; an unknown one is an error."""
        found = type_specifier(text)
        if found is None:
            raise self.error(f"There is no type {text}.", ast)
        return found

    def _type_test(self, ast: syntax.TypeTest, scope: Scope) -> Code:
        specifier = self.specifier(ast.type, ast)
        resolving = _resolves_to_type(ast, scope, specifier)
        if resolving is not None:
            return resolving
        operand = self.compile(ast.operand, scope)
        return is_code(operand, specifier) if ast.operator == "is" else self.as_code(operand, specifier)

    def as_code(self, operand: Code, specifier: TypeSpecifier) -> Code:
        """The items of a type (`as`, `ofType`).

        `as` is defined for single items; the search parameters and invariants of R4 4.0.1 apply it to many,
        so it filters. Strict mode keeps to the definition where the function `as()` is called.
        """
        if operand.narrow is not None:
            return operand.narrow(specifier)
        if operand.type is not None:
            return operand if specifier.takes(operand.type) else EMPTY
        run = operand.run

        def filtered(env: Environment, this: Any) -> Items:
            return [item for item in run(env, this) if specifier.takes(type_of(item))]

        name = specifier.fhir
        if self.tracked or name is None or specifier.system is not None or not _has_no_subtypes(name):
            return Code(filtered)
        return Code(lambda env, this: [_unwrapped(item) for item in filtered(env, this)], name)

    def _binary(self, ast: syntax.Binary, scope: Scope) -> Code:
        left, right = self.compile(ast.left, scope), self.compile(ast.right, scope)
        operator = ast.operator
        if operator in ("and", "or", "xor", "implies"):
            return boolean(operators.logic(operator, test_of(left), test_of(right)))
        if operator in ("=", "!="):
            return boolean(operators.equality(left, right, negated=operator == "!="))
        if operator in ("~", "!~"):
            return boolean(operators.equivalence(left, right, negated=operator == "!~"))
        if operator in ("<", "<=", ">", ">="):
            return boolean(operators.order(operator, left, right))
        if operator in ("in", "contains"):
            return boolean(operators.membership(*((left, right) if operator == "in" else (right, left))))
        if operator == "|":
            return operators.union(left, right)
        if operator == "&":
            return operators.concatenation(left, right)
        return operators.arithmetic(operator, left, right)


def this_code(type_name: str | None) -> Code:
    """The start of every path, `$this`."""
    if type_name is None or is_primitive(type_name) or type_name.startswith("System."):
        return Code(lambda _env, this: () if this is NOTHING else (this,), type_name)
    return Code(lambda _env, this: () if this is NOTHING else (this,), type_name, chain=())


def _special(name: str, scope: Scope) -> Code:
    if name == "$total":
        return Code(lambda env, _this: env.total, scope.total)
    return Code(lambda env, _this: () if env.index is None else (env.index,), "System.Integer")


_FIXED_VARIABLES = {
    "ucum": "http://unitsofmeasure.org",
    "sct": "http://snomed.info/sct",
    "loinc": "http://loinc.org",
}


def _fixed_variable(name: str) -> str | None:
    if name.startswith("vs-"):
        return f"http://hl7.org/fhir/ValueSet/{name[3:]}"
    if name.startswith("ext-"):
        return f"http://hl7.org/fhir/StructureDefinition/{name[4:]}"
    return _FIXED_VARIABLES.get(name)


def _resource_variable(name: str, context: str | None) -> Code:
    if name == "resource":
        return Code(lambda env, _this: (env.resource,))
    if name == "rootResource":
        return Code(lambda env, _this: (env.root,))
    return Code(lambda env, _this: (env.context,), context)


def is_code(operand: Code, specifier: TypeSpecifier) -> Code:
    """`operand is type`: empty for no item, an error for several."""
    run, static = operand.run, operand.type
    static_answer = None if static is None else specifier.holds(static)

    def test(env: Environment, this: Any) -> bool | None:
        items = run(env, this)
        if not items:
            return None
        if len(items) > 1:
            raise FHIRPathError(f"'is' takes one value; here are {len(items)}. Use ofType() to pick some.")
        return static_answer if static_answer is not None else specifier.holds(type_of(items[0]))

    return boolean(test)


def _has_no_subtypes(name: str) -> bool:
    definition = type_definition(name)
    return definition is not None and not definition.abstract and name not in ("Quantity", "BackboneElement")


def _unwrapped(item: Any) -> Any:
    return item.value if type(item) is Node and type(item.value) is dict else item


def _resolves_to_type(ast: syntax.TypeTest, scope: Scope, specifier: TypeSpecifier) -> Code | None:
    """`resolve() is Patient` on a Reference: decided from the reference's text, without building a node."""
    operand = ast.operand
    if ast.operator != "is" or scope.this != "Reference" or specifier.fhir is None:
        return None
    if not (isinstance(operand, syntax.Call) and operand.name == "resolve"):
        return None
    if operand.arguments or not isinstance(operand.focus, syntax.This):
        return None

    def test(env: Environment, this: Any) -> bool | None:
        name = references.target_type(env, this)
        return None if name is None else name == specifier.fhir or specifier.holds(name)

    return boolean(test)


def type_info(item: Any, static: str | None) -> Node:
    """What `type()` gives: an object with namespace and name."""
    name = static if static is not None and type(item) is not Node else type_of(item)
    namespace, bare = ("System", name[7:]) if name.startswith("System.") else ("FHIR", display_name(name))
    return Node({"namespace": namespace, "name": bare}, "")


__all__ = ["FUNCTIONS", "Compiler", "Scope", "function"]
