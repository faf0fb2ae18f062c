"""Numbers and quantities as ranges: those of a resource and those that a search implies."""

from __future__ import annotations

import re
from decimal import Context, Decimal, InvalidOperation
from typing import Any

LOWEST = Decimal("-Infinity")
HIGHEST = Decimal("Infinity")

NUMBER_FORM = re.compile(r"[+-]?\d{1,60}(?:\.\d{1,60})?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_LARGEST_EXPONENT = 120  # far beyond any measure, and within what PostgreSQL's numeric holds
_EXACT = Context(prec=400)  # so that adding half a unit never rounds

NumberRange = tuple[Decimal, Decimal]


def parse_number(text: str) -> Decimal | None:
    """The decimal that a search value writes, digits kept; None when it is no number or is out of bounds."""
    if NUMBER_FORM.fullmatch(text) is None:
        return None
    value = Decimal(text)
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or max(abs(exponent), abs(value.adjusted())) > _LARGEST_EXPONENT:
        return None
    return value


def implied_range(text: str, value: Decimal) -> NumberRange:
    """The range [low, high) that a number's digits imply: half a unit of the last digit either way.

    https://hl7.org/fhir/R4/search.html#number gives 100 → 99.5 to 100.5, 100.00 → 99.995 to 100.005 and,
    in exponential form, 1e2 → 95 to 105: there the last digit counts one decimal place finer.
    """
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    place = exponent - 1 if "e" in text.lower() else exponent
    half = Decimal((0, (5,), place - 1))
    return _EXACT.subtract(value, half), _EXACT.add(value, half)


def approximate_range(value: Decimal) -> NumberRange:
    """The range of `ap`: 10 % of the value either way (https://hl7.org/fhir/R4/search.html#prefix)."""
    margin = _EXACT.multiply(abs(value), Decimal("0.1"))
    return _EXACT.subtract(value, margin), _EXACT.add(value, margin)


def as_decimal(value: Any) -> Decimal:
    """A JSON number as a Decimal; a float, which only hand-made resources hold, by its shortest digits."""
    if isinstance(value, Decimal):
        return value
    return Decimal(value) if isinstance(value, int) else Decimal(str(value))


def quantity_range(quantity: dict[str, Any]) -> NumberRange | None:
    """The range of a Quantity or Money: its value, or with a comparator everything beyond it.

    https://hl7.org/fhir/R4/datatypes.html#Quantity. None without a value.
    """
    value = quantity.get("value")
    if value is None:
        return None
    number = as_decimal(value)
    comparator = quantity.get("comparator", "")
    if comparator.startswith("<"):
        return LOWEST, number
    if comparator.startswith(">"):
        return number, HIGHEST
    return number, number


def range_range(value: dict[str, Any]) -> NumberRange | None:
    """The range of a FHIR Range; an end that is missing is open. None without both ends."""
    low = value.get("low", {}).get("value")
    high = value.get("high", {}).get("value")
    if low is None and high is None:
        return None
    return (LOWEST if low is None else as_decimal(low), HIGHEST if high is None else as_decimal(high))


def sampled_range(sampled: dict[str, Any]) -> NumberRange | None:
    """The range of the values in SampledData; None when it has no numeric value.

    https://hl7.org/fhir/R4/datatypes.html#SampledData: a point is origin + factor × its number; "L" and
    "U" lie beyond the device's limits and open the range at that end, "E" is no value.
    """
    origin = as_decimal(sampled.get("origin", {}).get("value", 0))
    factor = as_decimal(sampled.get("factor", 1))
    points: list[Decimal] = []
    for point in str(sampled.get("data", "")).split():
        if point == "L":
            points.append(LOWEST)
        elif point == "U":
            points.append(HIGHEST)
        elif point != "E":
            try:
                points.append(_EXACT.add(origin, _EXACT.multiply(factor, Decimal(point))))
            except InvalidOperation:
                continue  # validation reports what is no number
    return (min(points), max(points)) if points else None
