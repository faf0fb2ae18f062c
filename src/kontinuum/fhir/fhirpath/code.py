"""Compiled expressions: closures, and what the compiler knows about their results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from kontinuum.fhir.fhirpath.errors import FHIRPathError
from kontinuum.fhir.fhirpath.model import Member, TypeSpecifier, is_primitive
from kontinuum.fhir.fhirpath.values import (
    QUANTITIES,
    Items,
    Node,
    temporal_class,
    to_node,
    to_system,
    type_of,
)
from kontinuum.kernel.clock import Clock, SystemClock

SYSTEM_CLOCK = SystemClock()


class Environment:
    """What one evaluation carries: the resources, the variables, the clock and the loop variables.

    Source: https://hl7.org/fhirpath/N1/#environment-variables, http://hl7.org/fhir/R4/fhirpath.html#variables
    """

    __slots__ = ("_now", "clock", "context", "index", "resource", "root", "total", "tracer", "variables")

    def __init__(
        self,
        resource: Any,
        root: Any,
        context: Any,
        variables: Mapping[str, Any] | None,
        clock: Clock,
        tracer: Callable[[str, list[Any]], None] | None,
    ) -> None:
        self.resource = resource
        self.root = root
        self.context = context
        self.variables = variables
        self.clock = clock
        self.tracer = tracer
        self.index: int | None = None
        self.total: Items = ()
        self._now: datetime | None = None

    def now(self) -> datetime:
        """The moment of this evaluation: the same each time it is asked for."""
        if self._now is None:
            self._now = self.clock.now()
        return self._now


class Nothing:
    """The `$this` of an expression that has no current item."""


NOTHING = Nothing()

Run = Callable[[Environment, Any], Items]
Test = Callable[[Environment, Any], bool | None]


@dataclass(frozen=True, slots=True)
class Code:
    """A compiled expression.

    `run` gives the items, which must never be changed in place (they may be the resource's own lists).
    `type` is the type that all of them have: a FHIR type (then they are JSON values), a System type, or None
    when each item tells its own. `test` is the same as one boolean, where that is cheaper. `chain` are the
    members when the expression is a plain path from `$this`; `narrow` picks the types of a choice element.
    """

    run: Run
    type: str | None = None
    test: Test | None = None
    chain: tuple[Member, ...] | None = None
    narrow: Callable[[TypeSpecifier], Code] | None = None
    unordered: bool = False
    constant: Any = None


def empty(_env: Environment, _this: Any) -> Items:
    """The empty collection."""
    return ()


EMPTY = Code(empty)


def boolean(test: Test) -> Code:
    """Code whose result is at most one boolean."""

    def run(env: Environment, this: Any) -> Items:
        result = test(env, this)
        return () if result is None else (result,)

    return Code(run, "System.Boolean", test)


def test_of(code: Code, what: str = "A condition") -> Test:  # noqa: PT028 - no test of pytest
    """The code as a condition.

    One item counts as true, or as the boolean that it is: https://hl7.org/fhirpath/N1/#singleton-evaluation.
    """
    if code.test is not None:
        return code.test
    run = code.run

    def test(env: Environment, this: Any) -> bool | None:
        items = run(env, this)
        if not items:
            return None
        if len(items) > 1:
            raise FHIRPathError(f"{what} must be one value; it has {len(items)}. Use exists() or all().")
        item = items[0]
        if type(item) is Node:
            item = item.value
            if item is None:  # a primitive that has only extensions says neither
                return None
        return item if type(item) is bool else True

    return test


def strict_test_of(code: Code, what: str) -> Test:
    """The code as a condition that has to be a boolean, not just any single item."""
    if code.test is not None:
        return code.test
    if code.type is not None and code.type not in ("System.Boolean", "boolean"):
        raise FHIRPathError(f"{what} must be true or false, not a {code.type.removeprefix('System.')}.")
    test, run = test_of(code, what), code.run

    def checked(env: Environment, this: Any) -> bool | None:
        for item in run(env, this):
            if type(item.value if type(item) is Node else item) is not bool:
                raise FHIRPathError(f"{what} must be true or false.")
        return test(env, this)

    return checked


def system_run(code: Code) -> Run:
    """A run whose items are System values (or the JSON object of a complex element)."""
    run, type_name = code.run, code.type
    if type_name is not None and type_name.startswith("System."):
        return run
    if type_name is not None and temporal_class(type_name) is None and type_name not in QUANTITIES:
        return _unwrapping_run(run, is_decimal=type_name == "decimal")

    def converted(env: Environment, this: Any) -> Items:
        items = run(env, this)
        return [to_system(item, type_name) for item in items] if items else items

    return converted


def _unwrapping_run(run: Run, *, is_decimal: bool) -> Run:
    def unwrapped(env: Environment, this: Any) -> Items:
        items = run(env, this)
        for item in items:
            if type(item) is Node or (is_decimal and type(item) is float):
                return [to_system(each) for each in items]
        return items

    return unwrapped


def single_run(code: Code, what: str) -> Callable[[Environment, Any], Any]:
    """A run that gives the one System value or None. More than one is an error."""
    run = system_run(code)
    if code.constant is not None:
        constant = code.constant
        return lambda _env, _this: constant

    def single(env: Environment, this: Any) -> Any:
        items = run(env, this)
        if not items:
            return None
        if len(items) > 1:
            raise FHIRPathError(f"{what} takes one value; here are {len(items)}. Use first() or select().")
        return items[0]

    return single


def node_run(code: Code) -> Run:
    """A run whose FHIR-typed items are Nodes, so that they can stand beside items of other types."""
    run, type_name = code.run, code.type
    if type_name is None or type_name.startswith("System."):
        return run
    return lambda env, this: [to_node(item, type_name) for item in run(env, this)]


def untyped(code: Code) -> Code:
    """The same items, each telling its own type."""
    return code if code.type is None else Code(node_run(code))


def with_run(code: Code, run: Run) -> Code:
    """Code with other items of the same type."""
    return replace(code, run=run, test=None, chain=None, narrow=None, constant=None)


def item_type(item: Any, type_name: str | None) -> str:
    """The type of an item of code with this static type."""
    if type(item) is Node or type_name is None:
        return type_of(item)
    return type_name


def has_value(item: Any, type_name: str | None) -> bool:
    """Whether the item is a primitive with a value (http://hl7.org/fhir/R4/fhirpath.html#functions)."""
    if type(item) is Node:
        return item.value is not None and type(item.value) is not dict
    if type(item) is dict:
        return False
    return type_name is None or type_name.startswith("System.") or is_primitive(type_name)
