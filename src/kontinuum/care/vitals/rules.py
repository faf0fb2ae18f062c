"""NEWS2 and Bedside PEWS: the points of each part, the sum, and what it means. Pure.

NEWS2: Royal College of Physicians, National Early Warning Score (NEWS) 2, London 2017, charts 1 and 2; from
16 years of age, and not in pregnancy. Bedside PEWS: Parshuram et al., Critical Care 2009;13:R135
(https://doi.org/10.1186/cc7998), table 1, the seven items that were kept; under 16 years here.

A score with a part missing has no sum: a part that was not measured is never counted as normal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

from kontinuum.care.vitals.ages import AGE_OF_NEWS2, Band, Limits, age_in_months, band
from kontinuum.kernel.i18n import message

Measured = Mapping[str, Decimal | str]
"""What was measured at one time, by the key of its kind; a code where it was chosen."""

AIR: Final = "air"
OXYGEN: Final = "oxygen"
ALERT: Final = "A"


class Scale(StrEnum):
    """A score of early warning, by the code it is kept under."""

    NEWS2 = "news2"
    PEWS = "bedside-pews"

    @property
    def label(self) -> str:
        """Its name."""
        return "NEWS2" if self is Scale.NEWS2 else "Bedside PEWS"


class Risk(StrEnum):
    """What a sum asks for: the classes of NEWS2's trigger thresholds, and two of Bedside PEWS."""

    ZERO = "0"
    LOW = "low"
    SINGLE = "single"
    """Low sum, with three points in one part."""
    MEDIUM = "medium"
    HIGH = "high"
    CHILD_LOW = "child-low"
    CHILD_HIGH = "child-high"


RISKS: Final[Mapping[Risk, str]] = {
    Risk.ZERO: message("Low risk, no points"),
    Risk.LOW: message("Low risk"),
    Risk.SINGLE: message("Low to medium risk, three points in one part"),
    Risk.MEDIUM: message("Medium risk"),
    Risk.HIGH: message("High risk"),
    Risk.CHILD_LOW: message("Below the threshold of 8"),
    Risk.CHILD_HIGH: message("At or above the threshold of 8"),
}

PEWS_THRESHOLD: Final = 8
"""At 8 the score told the children who came to intensive care: sensitivity 82 %, specificity 93 %."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a score: the kinds that it is read from, and its points; None when one was not measured."""

    key: str
    kinds: tuple[str, ...]
    points: int | None


@dataclass(frozen=True, slots=True)
class Score:
    """A score with its parts. `second` says that NEWS2 was reckoned with SpO2 scale 2."""

    scale: Scale
    parts: tuple[Part, ...]
    second: bool = False

    @property
    def missing(self) -> tuple[str, ...]:
        """The parts that were not measured."""
        return tuple(one.key for one in self.parts if one.points is None)

    @property
    def begun(self) -> bool:
        """Whether anything of it was measured."""
        return any(one.points is not None for one in self.parts)

    @property
    def at_least(self) -> int:
        """What the measured parts come to."""
        return sum(one.points or 0 for one in self.parts)

    @property
    def total(self) -> int | None:
        """The sum; None while a part is missing."""
        return None if self.missing else self.at_least

    @property
    def risk(self) -> Risk | None:
        """The class of the sum; None while there is none."""
        return None if self.total is None else self._class(self.total)

    @property
    def alarming(self) -> Risk | None:
        """What the measured parts alone ask for already, though others are missing; None for nothing."""
        known = self._class(self.at_least)
        return None if known in (Risk.ZERO, Risk.LOW, Risk.CHILD_LOW) else known

    def _class(self, total: int) -> Risk:
        if self.scale is Scale.PEWS:
            return Risk.CHILD_HIGH if total >= PEWS_THRESHOLD else Risk.CHILD_LOW
        if total >= 7:
            return Risk.HIGH
        if total >= 5:
            return Risk.MEDIUM
        if any(one.points == 3 for one in self.parts):
            return Risk.SINGLE
        return Risk.LOW if total else Risk.ZERO


@dataclass(frozen=True, slots=True)
class NoScore:
    """Why neither score may be used."""

    reason: str


def score(measured: Measured, born: str | None, day: date, *, second: bool) -> Score | NoScore:
    """The score that fits the age on the day of measuring: NEWS2 from 16 years, Bedside PEWS before."""
    months = age_in_months(born, day)
    if months is None:
        return NoScore(message("No early warning score: the age is not known well enough."))
    if months >= AGE_OF_NEWS2:
        return news2(measured, second=second)
    return pews(measured, band(months))


# (up to and including, points), in rising order; None for everything above.
Steps = Sequence[tuple[str | None, int]]

_RESPIRATION: Final[Steps] = (("8", 3), ("11", 1), ("20", 0), ("24", 2), (None, 3))
_SATURATION: Final[Steps] = (("91", 3), ("93", 2), ("95", 1), (None, 0))
_SATURATION_2_AIR: Final[Steps] = (("83", 3), ("85", 2), ("87", 1), (None, 0))
_SATURATION_2_OXYGEN: Final[Steps] = (*_SATURATION_2_AIR[:3], ("92", 0), ("94", 1), ("96", 2), (None, 3))
_SYSTOLIC: Final[Steps] = (("90", 3), ("100", 2), ("110", 1), ("219", 0), (None, 3))
_PULSE: Final[Steps] = (("40", 3), ("50", 1), ("90", 0), ("110", 1), ("130", 2), (None, 3))
_TEMPERATURE: Final[Steps] = (("35.0", 3), ("36.0", 1), ("38.0", 0), ("39.0", 1), (None, 2))


def news2(measured: Measured, *, second: bool) -> Score:
    """NEWS2; with `second` the saturation is judged by SpO2 scale 2 (target 88–92 %)."""
    gas = measured.get("inspired")
    saturation = _stepped(measured, "saturation", _SATURATION)
    kinds: tuple[str, ...] = ("saturation",)
    if second:
        # Above 92 % only those who are given oxygen get points, so that the gas must be known.
        on_gas = _SATURATION_2_OXYGEN if gas == OXYGEN else _SATURATION_2_AIR
        saturation = _stepped(measured, "saturation", on_gas) if gas else None
        kinds = ("saturation", "inspired")
    mind = measured.get("consciousness")
    parts = (
        Part("respiration", ("respiration",), _stepped(measured, "respiration", _RESPIRATION)),
        Part("saturation", kinds, saturation),
        Part("inspired", ("inspired",), None if gas is None else 2 if gas == OXYGEN else 0),
        Part("systolic", ("systolic",), _stepped(measured, "systolic", _SYSTOLIC)),
        Part("pulse", ("pulse",), _stepped(measured, "pulse", _PULSE)),
        Part("consciousness", ("consciousness",), None if mind is None else 0 if mind == ALERT else 3),
        Part("temperature", ("temperature",), _stepped(measured, "temperature", _TEMPERATURE)),
    )
    return Score(Scale.NEWS2, parts, second)


def _stepped(measured: Measured, key: str, steps: Steps) -> int | None:
    value = measured.get(key)
    if not isinstance(value, Decimal):
        return None
    return next(points for limit, points in steps if limit is None or value <= Decimal(limit))


_EFFORT: Final = {"normal": 0, "mild": 1, "moderate": 2, "severe": 4}
_MUCH_OXYGEN: Final = 4
"""Litres a minute from which oxygen counts four points."""


def pews(measured: Measured, of_age: Band) -> Score:
    """Bedside PEWS with the limits of an age band."""
    refill, saturation = measured.get("refill"), measured.get("saturation")
    parts = (
        Part("pulse", ("pulse",), _within(measured, "pulse", of_age.pulse)),
        Part("systolic", ("systolic",), _within(measured, "systolic", of_age.systolic)),
        Part("refill", ("refill",), (4 if refill >= 3 else 0) if isinstance(refill, Decimal) else None),
        Part("respiration", ("respiration",), _within(measured, "respiration", of_age.respiration)),
        Part("effort", ("effort",), _EFFORT.get(str(measured.get("effort")))),
        Part("saturation", ("saturation",), _child_saturation(saturation)),
        Part("inspired", ("inspired", "flow"), _child_oxygen(measured)),
    )
    return Score(Scale.PEWS, parts)


def _within(measured: Measured, key: str, limits: Limits) -> int | None:
    value = measured.get(key)
    return limits.points(value) if isinstance(value, Decimal) else None


def _child_saturation(value: Decimal | str | None) -> int | None:
    if not isinstance(value, Decimal):
        return None
    return 2 if value <= 90 else 1 if value <= 94 else 0


def _child_oxygen(measured: Measured) -> int | None:
    gas, flow = measured.get("inspired"), measured.get("flow")
    if gas != OXYGEN:
        return 0 if gas == AIR else None
    # Without its flow the oxygen may count two points or four: that is not known, not two.
    return (4 if flow >= _MUCH_OXYGEN else 2) if isinstance(flow, Decimal) else None
