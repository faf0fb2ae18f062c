"""A value in the unit that its kind is charted in, whatever it was recorded in. Pure.

What other systems and forms record stands in UCUM (https://ucum.org/ucum) or in a text only. A number is
charted and scored only in the unit of its kind: 70 inches are never 70 cm. What cannot be brought there stays
a text.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from kontinuum.care.vitals.kinds import Kind
from kontinuum.fhir.fhirpath import ucum
from kontinuum.sweden.systems import UCUM

_WRITTEN: Final[Mapping[str, str]] = {
    "mmHg": "mm[Hg]",
    "°C": "Cel",
    "°F": "[degF]",
    "bpm": "/min",
    "slag/min": "/min",
    "andetag/min": "/min",
}
"""The codes of units as people write them, where those are no codes themselves."""

_CELSIUS: Final = {
    "[degF]": lambda value: (value - 32) / Decimal("1.8"),
    "K": lambda value: value - Decimal("273.15"),
}
"""Units whose conversion is not a factor."""


def in_unit(quantity: Mapping[str, Any], kind: Kind) -> Decimal | None:
    """The value of a FHIR Quantity in the unit of a kind, to its decimals where it was in another one.

    None where there is no value, a bound (`<`), no unit, or one that is not comparable with the kind's.
    """
    value, code = quantity.get("value"), _code(quantity, kind)
    if value is None or code is None or "comparator" in quantity:
        return None
    number = Decimal(value)
    if code == kind.ucum:
        return number
    if kind.ucum == "Cel" and code in _CELSIUS:
        return _rounded(_CELSIUS[code](number), kind)
    own, wanted = ucum.parse(code), ucum.parse(kind.ucum)
    if own is None or wanted is None or own.dimensions != wanted.dimensions:
        return None
    return number if own.factor == wanted.factor else _rounded(number * own.factor / wanted.factor, kind)


def stands_in(quantity: Mapping[str, Any], kind: Kind) -> bool:
    """Whether a Quantity is written in the unit of a kind."""
    code = _code(quantity, kind)
    own, wanted = (ucum.parse(one) if one else None for one in (code, kind.ucum))
    return code == kind.ucum or (own is not None and own == wanted)


def _code(quantity: Mapping[str, Any], kind: Kind) -> str | None:
    """The UCUM code of a Quantity: as stated, or of the text of its unit; None where it has neither.

    Points need no unit.
    """
    if quantity.get("code") and quantity.get("system", UCUM) == UCUM:
        return str(quantity["code"])
    written = str(quantity.get("unit") or "").strip()
    if written == kind.unit or (not written and kind.ucum == "{score}"):
        return kind.ucum
    return _WRITTEN.get(written, written) or None


def _rounded(value: Decimal, kind: Kind) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-kind.decimals))
