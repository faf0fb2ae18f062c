"""Conversions between System types.

Source: https://hl7.org/fhirpath/N1/#conversion

Each `toX()` gives empty where the value has no such form, and each `convertsToX()` tells that beforehand.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from kontinuum.fhir.fhirpath import quantity, syntax
from kontinuum.fhir.fhirpath.code import Code, Environment, boolean, single_run
from kontinuum.fhir.fhirpath.compiler import Compiler, Scope, function
from kontinuum.fhir.fhirpath.operations import as_quantity, is_number
from kontinuum.fhir.fhirpath.quantity import Quantity
from kontinuum.fhir.fhirpath.temporal import DAY_PRECISION, Date, DateTime, Temporal, Time
from kontinuum.fhir.fhirpath.values import Items

_TRUE = frozenset({"true", "t", "yes", "y", "1", "1.0"})
_FALSE = frozenset({"false", "f", "no", "n", "0", "0.0"})


def to_boolean(value: Any) -> bool | None:
    """True or false for the texts and numbers that stand for them."""
    if isinstance(value, bool):
        return value
    if is_number(value):
        return {0: False, 1: True}.get(value)
    if type(value) is not str:
        return None
    return True if value.lower() in _TRUE else (False if value.lower() in _FALSE else None)


def to_integer(value: Any) -> int | None:
    """A whole number, written without fraction."""
    if isinstance(value, bool | int):
        return int(value)
    return int(value) if type(value) is str and re.fullmatch(r"[+-]?[0-9]{1,19}", value) else None


def to_decimal(value: Any) -> Decimal | None:
    """A number."""
    if isinstance(value, bool | int):
        return Decimal(int(value))
    if isinstance(value, Decimal):
        return value
    return Decimal(value) if type(value) is str and re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", value) else None


def to_quantity(value: Any) -> Quantity | None:
    """A number with unit '1', or a text such as `4 days` or `1.5 'mg'`."""
    if isinstance(value, bool):
        return Quantity(Decimal(int(value)))
    if type(value) is str:
        return quantity.parse(value)
    return as_quantity(value)


def to_string(value: Any) -> str | None:
    """The value as text: a decimal with its digits, a date as written."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, str | int | Quantity):
        return str(value)
    return None


def to_date(value: Any) -> Date | None:
    """A date, also the date of a dateTime."""
    if isinstance(value, Time) or not isinstance(value, str):
        return None
    return Date.parse(value.partition("T")[0] if isinstance(value, DateTime) else str(value))


def to_date_time(value: Any) -> DateTime | None:
    """A dateTime; a date gives one without time of day."""
    return None if isinstance(value, Time) or not isinstance(value, str) else DateTime.parse(str(value))


def to_time(value: Any) -> Time | None:
    """A time of day."""
    if isinstance(value, Temporal):
        return value if isinstance(value, Time) else None
    return Time.parse(value.removeprefix("T")) if isinstance(value, str) else None


_CONVERSIONS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "Boolean": (to_boolean, "System.Boolean"),
    "Integer": (to_integer, "System.Integer"),
    "Decimal": (to_decimal, "System.Decimal"),
    "Quantity": (to_quantity, "System.Quantity"),
    "String": (to_string, "System.String"),
    "Date": (to_date, "System.Date"),
    "DateTime": (to_date_time, "System.DateTime"),
    "Time": (to_time, "System.Time"),
}


def _register(name: str, convert: Callable[[Any], Any], result: str) -> None:
    unit_allowed = 1 if name == "Quantity" else 0

    def converter(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Any:
        value_of = single_run(focus, f"{call.name}()")
        unit_of = None
        if call.arguments:
            unit_of = single_run(compiler.compile(call.arguments[0], scope), f"The unit of {call.name}()")

        def converted(env: Environment, this: Any) -> tuple[bool, Any]:
            value = value_of(env, this)
            if value is None:
                return False, None
            made = convert(value)
            return True, made if unit_of is None or made is None else _in_unit(made, unit_of(env, this))

        return converted

    @function(f"to{name}", 0, unit_allowed)
    def _to(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
        converted = converter(compiler, call, focus, scope)

        def run(env: Environment, this: Any) -> Items:
            _, value = converted(env, this)
            return () if value is None else (value,)

        return Code(run, result)

    @function(f"convertsTo{name}", 0, unit_allowed)
    def _converts(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
        converted = converter(compiler, call, focus, scope)

        def test(env: Environment, this: Any) -> bool | None:
            present, value = converted(env, this)
            return None if not present else value is not None

        return boolean(test)


def _in_unit(value: Quantity, unit: Any) -> Quantity | None:
    if not isinstance(unit, str):
        return None
    calendar = quantity.CALENDAR_UNITS.get(unit)
    wanted = Quantity(Decimal(1), calendar or unit, calendar is not None)
    amount = quantity.in_unit_of(value, wanted)
    return None if amount is None else Quantity(amount, wanted.unit, wanted.calendar)


for _name, (_convert, _result) in _CONVERSIONS.items():
    _register(_name, _convert, _result)


def _component(name: str, kinds: tuple[type[Temporal], ...], position: int) -> None:
    """Register yearOf(), hourOf() and so on: one field of a date or time, as an Integer."""

    @function(name)
    def _build(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
        value_of = single_run(focus, f"{name}()")

        def run(env: Environment, this: Any) -> Items:
            value = value_of(env, this)
            parts = value.parts if isinstance(value, kinds) else None
            at = position - DAY_PRECISION if isinstance(value, Time) else position
            return (int(parts.fields[at]),) if parts is not None and 0 <= at < len(parts.fields) else ()

        return Code(run, "System.Integer")


for _at, _field in enumerate(("yearOf", "monthOf", "dayOf")):
    _component(_field, (Date, DateTime), _at)
for _at, _field in enumerate(("hourOf", "minuteOf", "secondOf"), start=DAY_PRECISION):
    _component(_field, (DateTime, Time), _at)
