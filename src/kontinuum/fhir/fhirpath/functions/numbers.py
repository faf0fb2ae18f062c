"""Functions on numbers.

Source: https://hl7.org/fhirpath/N1/#math
"""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Decimal, localcontext
from typing import Any

from kontinuum.fhir.fhirpath.errors import FHIRPathError
from kontinuum.fhir.fhirpath.functions.scalars import is_integer, scalar
from kontinuum.fhir.fhirpath.operations import bounded, is_number
from kontinuum.fhir.fhirpath.quantity import Quantity

_WORKING_DIGITS = 40
_MAX_PRECISION = 28


@scalar("abs")
def _abs(value: Any) -> Any:
    if isinstance(value, Quantity):
        return replace(value, value=abs(value.value))
    if not is_number(value):
        raise FHIRPathError("abs() needs a number or a Quantity.")
    return abs(value)


@scalar("ceiling", is_number, result="System.Integer")
def _ceiling(value: Any) -> int:
    return int(Decimal(value).to_integral_value(ROUND_CEILING))


@scalar("floor", is_number, result="System.Integer")
def _floor(value: Any) -> int:
    return int(Decimal(value).to_integral_value(ROUND_FLOOR))


@scalar("truncate", is_number, result="System.Integer")
def _truncate(value: Any) -> int:
    return int(Decimal(value).to_integral_value(ROUND_DOWN))


@scalar("round", is_number, (is_integer,), optional=1, result="System.Decimal")
def _round(value: Any, precision: int = 0) -> Decimal:
    if not 0 <= precision <= _MAX_PRECISION:
        raise FHIRPathError(f"round() takes a precision from 0 to {_MAX_PRECISION}.")
    return Decimal(value).quantize(Decimal(1).scaleb(-precision), ROUND_HALF_UP)


@scalar("sqrt", is_number, result="System.Decimal")
def _sqrt(value: Any) -> Decimal | None:
    return None if value < 0 else Decimal(value).sqrt()


@scalar("exp", is_number, result="System.Decimal")
def _exp(value: Any) -> Decimal:
    return Decimal(value).exp()


@scalar("ln", is_number, result="System.Decimal")
def _ln(value: Any) -> Decimal | None:
    return None if value <= 0 else Decimal(value).ln()


@scalar("log", is_number, (is_number,), result="System.Decimal")
def _log(value: Any, base: Any) -> Decimal | None:
    if value <= 0 or base <= 0 or base == 1:
        return None
    with localcontext() as context:
        context.prec = _WORKING_DIGITS
        quotient = Decimal(value).ln() / Decimal(base).ln()
    return +quotient


@scalar("power", is_number, (is_number,))
def _power(value: Any, exponent: Any) -> Any:
    result = Decimal(value) ** Decimal(exponent)
    if is_integer(value) and is_integer(exponent) and exponent >= 0 and result.adjusted() < 20:
        return bounded(int(result))
    return result
