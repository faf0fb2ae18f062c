"""How children grow: the WHO Child Growth Standards of 2006, from birth to five years. Pure.

Values of L, M and S by sex, weekly until 13 weeks and then monthly, for weight, length and height, head
circumference, and BMI from two years (https://www.who.int/tools/child-growth-standards). Between them is
interpolated. The method: Cole and Green, Statistics in Medicine 1992;11:1305-19.
"""

from __future__ import annotations

import csv
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

STANDING: Final = 731
"""The age in days from which a child is measured standing; before that it lies, and is 0.7 cm longer."""

UNTIL: Final = 1826
"""The last day of age that the standards tell of."""

BIRTH_WEEK: Final = 7
"""Before this day weight falls after birth, which the standards do not tell of."""

FARTHEST: Final = 3
"""Standard deviations beyond which WHO reckons weight and BMI in another way: here no number is given."""


@dataclass(frozen=True, slots=True)
class Standard:
    """What is expected at one age: skewness, median (kg, cm or kg/m²) and coefficient of variation."""

    l: float  # noqa: E741 - the letters of the method
    m: float
    s: float

    def at(self, deviations: float) -> float:
        """The value so many standard deviations from the median."""
        return float(self.m * (1 + self.l * self.s * deviations) ** (1 / self.l))

    def deviations(self, value: float) -> float:
        """How many standard deviations a value lies from the median."""
        return float(((value / self.m) ** self.l - 1) / (self.l * self.s))


def standard(measure: str, sex: str, day: int) -> Standard | None:
    """What is expected of a child of a sex (`female`, `male`) on a day of age; None where nothing is told."""
    rows = _table().get((measure, sex, _position(measure, day)), ())
    days = [at for at, _ in rows]
    after = bisect_right(days, day)
    if not 0 <= day <= UNTIL or not rows or after == 0:
        return None
    if after == len(rows):
        return rows[-1][1]
    (begin, low), (end, high) = rows[after - 1], rows[after]
    share = (day - begin) / (end - begin)

    def between(first: float, second: float) -> float:
        return first + (second - first) * share

    return Standard(between(low.l, high.l), between(low.m, high.m), between(low.s, high.s))


def ages(measure: str, sex: str, until: int) -> list[int]:
    """Days of age by which a curve is drawn, up to one."""
    found = {
        round(at)
        for (what, whose, _), rows in _table().items()
        if (what, whose) == (measure, sex)
        for at, _ in rows
    }
    return sorted(day for day in found if day <= min(until, UNTIL) and standard(measure, sex, day))


def _position(measure: str, day: int) -> str:
    if measure not in ("height", "bmi"):
        return ""
    return "standing" if day >= STANDING or measure == "bmi" else "lying"


@cache
def _table() -> Mapping[tuple[str, str, str], tuple[tuple[float, Standard], ...]]:
    """By measure, sex and position: the days of age in order, each with its standard."""
    text = files("kontinuum.care.vitals").joinpath("data", "who-growth-2006.csv").read_text("utf-8")
    found: dict[tuple[str, str, str], list[tuple[float, Standard]]] = {}
    for row in csv.DictReader(text.splitlines()):
        key = (row["measure"], row["sex"], row["position"])
        values = Standard(float(row["l"]), float(row["m"]), float(row["s"]))
        found.setdefault(key, []).append((float(row["day"]), values))
    return {key: tuple(rows) for key, rows in found.items()}
