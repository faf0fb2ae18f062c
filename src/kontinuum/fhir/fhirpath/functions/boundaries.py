"""Precision and boundaries, and the present time.

Source: https://hl7.org/fhirpath/#additional-math-functions (lowBoundary, highBoundary, precision,
comparable), https://hl7.org/fhirpath/N1/#current-date-and-time-functions
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from kontinuum.fhir.fhirpath import quantity, syntax, temporal, ucum
from kontinuum.fhir.fhirpath.code import Code
from kontinuum.fhir.fhirpath.compiler import Compiler, Scope, function
from kontinuum.fhir.fhirpath.errors import FHIRPathError
from kontinuum.fhir.fhirpath.functions.scalars import is_integer, scalar
from kontinuum.fhir.fhirpath.operations import describe, is_number
from kontinuum.fhir.fhirpath.quantity import Quantity
from kontinuum.fhir.fhirpath.temporal import Date, DateTime, Temporal, Time

_DEFAULT_DECIMALS = 8
_MAX_DECIMALS = 28


def _decimals(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def _boundary_of_number(value: Decimal, digits: int, *, high: bool) -> Decimal | None:
    if not 0 <= digits <= _MAX_DECIMALS:
        return None
    half = Decimal(5).scaleb(-_decimals(value) - 1)
    limit = value + half if high else value - half
    return limit.quantize(Decimal(1).scaleb(-digits), ROUND_CEILING if high else ROUND_FLOOR)


def _boundary(value: Any, digits: int | None, *, high: bool) -> Any:
    if isinstance(value, Temporal):
        return temporal.boundary(value, digits, high=high)
    places = _DEFAULT_DECIMALS if digits is None else digits
    if isinstance(value, Quantity):
        limit = _boundary_of_number(value.value, places, high=high)
        return None if limit is None else replace(value, value=limit)
    if is_number(value):
        return _boundary_of_number(Decimal(value), places, high=high)
    raise FHIRPathError(f"A boundary needs a number, a Quantity, a date or a time, not {describe(value)}.")


@scalar("lowBoundary", None, (is_integer,), optional=1)
def _low_boundary(value: Any, digits: int | None = None) -> Any:
    return _boundary(value, digits, high=False)


@scalar("highBoundary", None, (is_integer,), optional=1)
def _high_boundary(value: Any, digits: int | None = None) -> Any:
    return _boundary(value, digits, high=True)


@scalar("precision", result="System.Integer")
def _precision(value: Any) -> int:
    if isinstance(value, Temporal):
        return temporal.precision(value)
    if is_number(value):
        return _decimals(Decimal(value))
    raise FHIRPathError(f"precision() needs a number, a date or a time, not {describe(value)}.")


def _is_quantity(value: Any) -> bool:
    return isinstance(value, Quantity)


@scalar("comparable", None, (_is_quantity,), result="System.Boolean")
def _comparable(value: Any, other: Quantity) -> bool:
    if not isinstance(value, Quantity):
        raise FHIRPathError(f"comparable() needs a Quantity, not {describe(value)}.")
    known = all(each.calendar or ucum.parse(each.unit) is not None for each in (value, other))
    return known and quantity.comparable(value, other)


def _present(name: str, result: str, make: Callable[[datetime], Temporal]) -> None:
    @function(name)
    def _build(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
        return Code(lambda env, _this: (make(env.now()),), result)


_present("now", "System.DateTime", lambda moment: DateTime(moment.isoformat(timespec="milliseconds")))
_present("today", "System.Date", lambda moment: Date(moment.date().isoformat()))
_present("timeOfDay", "System.Time", lambda moment: Time(moment.time().isoformat(timespec="milliseconds")))
