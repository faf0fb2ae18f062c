"""What is usually prescribed: drugs with form, strength and usual dosage, of `data/usual.toml`. Pure."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from kontinuum.care.medication.dosing import Dosing, read_amount


@dataclass(frozen=True, slots=True)
class Usual:
    """A usual prescription; `most` is the usual highest dose of a day for adults, None for none stated."""

    key: str
    atc: str
    name: str
    dosing: Dosing
    problems: tuple[str, ...]
    most: Decimal | None
    pack: str
    draws: int


@cache
def everything() -> dict[str, Usual]:
    """Every usual prescription, by its key."""
    text = files("kontinuum.care.medication").joinpath("data", "usual.toml").read_text("utf-8")
    return {key: _read(key, row) for key, row in tomllib.loads(text).items()}


def _read(key: str, row: dict[str, Any]) -> Usual:
    amount = read_amount(row["dose"]) if "dose" in row else None
    low, high = amount or (None, None)
    dosing = Dosing(
        unit=row["unit"],
        low=low,
        high=high,
        times=row.get("times", 0),
        every=row.get("every", "d"),
        when=tuple(row.get("when", ())),
        needed=row.get("needed", False),
        ceiling=Decimal(row["ceiling"]) if "ceiling" in row else None,
        days=row.get("days", 0),
        words=row.get("words", ""),
        route=row.get("route", "PO"),
    )
    return Usual(
        key,
        row["atc"],
        row["name"],
        dosing,
        tuple(row.get("for", ())),
        Decimal(row["most"]) if "most" in row else None,
        row["pack"],
        row.get("draws", 4),
    )


def usual_for(atc: str) -> list[Usual]:
    """The usual prescriptions of a substance, in the order of the file."""
    return [one for one in everything().values() if atc and one.atc == atc]


def most_of(atc: str, name: str) -> tuple[Decimal, str] | None:
    """The usual highest dose of a day, and its unit; None where none is stated for the very product.

    A number of tablets says nothing where their strength is another, so that the whole name must be the same.
    """
    words = name.strip().casefold()
    same = (one for one in usual_for(atc) if one.name.casefold() == words and one.most is not None)
    return next(((one.most, one.dosing.unit) for one in same if one.most is not None), None)
