"""System.Quantity: a decimal with a UCUM unit or a calendar duration.

Source: https://hl7.org/fhirpath/N1/#quantity and #time-valued-quantities.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from kontinuum.fhir.fhirpath import ucum

UCUM = "http://unitsofmeasure.org"

_CALENDAR = ("year", "month", "week", "day", "hour", "minute", "second", "millisecond")
CALENDAR_UNITS = {name: unit for unit in _CALENDAR for name in (unit, f"{unit}s")}
_CODE_OF_CALENDAR = {
    "year": "a",
    "month": "mo",
    "week": "wk",
    "day": "d",
    "hour": "h",
    "minute": "min",
    "second": "s",
    "millisecond": "ms",
}
# Calendar years and months have no fixed length, so they equal no definite duration (they are equivalent to
# one).
_INDEFINITE = frozenset({"year", "month"})
_CALENDAR_OF_CODE = {code: unit for unit, code in _CODE_OF_CALENDAR.items() if unit not in _INDEFINITE}
_TEXT = re.compile(r"(?P<value>[+-]?\d+(?:\.\d+)?)\s*(?:'(?P<code>[^']+)'|(?P<word>[A-Za-z]+))?")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with a unit: `calendar` when the unit is a keyword such as day and not a UCUM code."""

    value: Decimal
    unit: str = "1"
    calendar: bool = False

    def __str__(self) -> str:
        if not self.calendar:
            return f"{self.value} '{self.unit}'"
        return f"{self.value} {self.unit}" if self.value == 1 else f"{self.value} {self.unit}s"

    @property
    def calendar_unit(self) -> str | None:
        """The calendar unit that date arithmetic takes this quantity for; None where it has none."""
        if self.calendar:
            return self.unit
        return _CALENDAR_OF_CODE.get(self.unit) or CALENDAR_UNITS.get(self.unit)


def parse(text: str) -> Quantity | None:
    """The quantity written as `1`, `1.5 'mg'` or `4 days`; None for any other text."""
    match = _TEXT.fullmatch(text.strip())
    if match is None:
        return None
    value = Decimal(match["value"])
    if match["word"]:
        unit = CALENDAR_UNITS.get(match["word"])
        return None if unit is None else Quantity(value, unit, calendar=True)
    return Quantity(value, match["code"] or "1")


def from_element(element: dict[str, Any]) -> Quantity | None:
    """The FHIR Quantity as a System.Quantity; None where it has no value, a comparator or a foreign unit.

    Source: http://hl7.org/fhir/R4/fhirpath.html#quantity
    """
    value = element.get("value")
    if "comparator" in element or isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    code = element.get("code")
    if code is None:
        unit = element.get("unit")
        return Quantity(number, unit if isinstance(unit, str) else "1")
    if not isinstance(code, str):
        return None
    return Quantity(number, code) if element.get("system", UCUM) == UCUM else None


def canonical(quantity: Quantity) -> tuple[Decimal, object]:
    """The value in base units, and what it must share with another quantity to be comparable."""
    if quantity.calendar and quantity.unit in _INDEFINITE:
        months = 12 if quantity.unit == "year" else 1
        return quantity.value * months, "calendar months"
    code = _CODE_OF_CALENDAR[quantity.unit] if quantity.calendar else quantity.unit
    unit = ucum.parse(code)
    if unit is None:
        return quantity.value, ("unknown unit", quantity.unit)
    return quantity.value * unit.factor, unit.dimensions


def comparable(left: Quantity, right: Quantity) -> bool:
    """Whether both can be brought to one unit (`comparable()`)."""
    if left.unit == right.unit and left.calendar == right.calendar:
        return True
    return canonical(left)[1] == canonical(right)[1]


def compare(left: Quantity, right: Quantity) -> int | None:
    """-1, 0 or 1; None where the units are not comparable."""
    if left.unit == right.unit and left.calendar == right.calendar:
        a, b = left.value, right.value
    else:
        (a, kind), (b, other_kind) = canonical(left), canonical(right)
        if kind != other_kind:
            return None
    return (a > b) - (a < b)


def in_unit_of(quantity: Quantity, other: Quantity) -> Decimal | None:
    """The value of `quantity` in the unit of `other`, calendar years and months taken as a and mo."""
    if quantity.unit == other.unit and quantity.calendar == other.calendar:
        return quantity.value
    (value, kind), (_, other_kind) = canonical(definite(quantity)), canonical(definite(other))
    if kind != other_kind:
        return None
    factor = canonical(definite(Quantity(Decimal(1), other.unit, other.calendar)))[0]
    return value / factor


def definite(quantity: Quantity) -> Quantity:
    """A calendar duration as the UCUM duration it is equivalent to."""
    return Quantity(quantity.value, _CODE_OF_CALENDAR[quantity.unit]) if quantity.calendar else quantity


def multiply(left: Quantity, right: Quantity, *, divide: bool = False) -> Quantity | None:
    """The product or quotient, its unit written in base units; None for unknown units or division by zero."""
    a, b = definite(left), definite(right)
    if divide and b.value == 0:
        return None
    if b.unit == "1":
        return Quantity(a.value / b.value if divide else a.value * b.value, a.unit)
    first, second = ucum.parse(a.unit), ucum.parse(b.unit)
    if first is None or second is None:
        return None
    if divide and a.unit == b.unit:
        return Quantity(a.value / b.value)
    value_of_b = b.value * second.factor
    value = a.value * first.factor / value_of_b if divide else a.value * first.factor * value_of_b
    powers = dict(first.dimensions)
    for name, power in second.dimensions:
        powers[name] = powers.get(name, 0) + (-power if divide else power)
    return Quantity(value, _unit_text(powers))


def _unit_text(powers: dict[str, int]) -> str:
    parts = [f"{name}{power if power != 1 else ''}" for name, power in sorted(powers.items()) if power]
    return ".".join(parts) or "1"
