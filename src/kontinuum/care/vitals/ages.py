"""Age when something was measured, and what is expected at that age. Pure.

Children: the limits of Bedside PEWS, Parshuram et al., Critical Care 2009;13:R135, table 1
(https://doi.org/10.1186/cc7998); what scores nothing there is the range that is shown. Adults: the intervals
that the chart's vital signs have; blood pressure up to 139/89, as hypertension begins at 140/90.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

AGE_OF_NEWS2: Final = 16 * 12
"""In months: NEWS2 is made for those who are 16 or older."""

Interval = tuple[Decimal | None, Decimal | None]
"""The lowest and the highest value that are within; None for no limit."""


@dataclass(frozen=True, slots=True)
class Limits:
    """For 1, 2 and 4 points: at or below the one, at or above the other."""

    one: tuple[int, int]
    two: tuple[int, int]
    four: tuple[int, int]

    def points(self, value: Decimal) -> int:
        """The points of a value; the most that any pair of limits gives."""
        for points, (low, high) in ((4, self.four), (2, self.two), (1, self.one)):
            if value <= low or value >= high:
                return points
        return 0

    @property
    def normal(self) -> Interval:
        """The whole numbers that give no points."""
        return Decimal(self.one[0] + 1), Decimal(self.one[1] - 1)


@dataclass(frozen=True, slots=True)
class Band:
    """An age band, below `until` months."""

    until: int
    pulse: Limits
    systolic: Limits
    respiration: Limits


BANDS: Final = (
    Band(
        3,
        Limits((110, 150), (90, 180), (80, 190)),
        Limits((60, 80), (50, 100), (45, 130)),
        Limits((29, 61), (19, 81), (15, 91)),
    ),
    Band(
        12,
        Limits((100, 150), (80, 170), (70, 180)),
        Limits((80, 100), (70, 120), (60, 150)),
        Limits((24, 51), (19, 71), (15, 81)),
    ),
    Band(
        60,
        Limits((90, 120), (70, 150), (60, 170)),
        Limits((90, 110), (75, 125), (65, 160)),
        Limits((19, 41), (15, 61), (12, 71)),
    ),
    Band(
        13 * 12,
        Limits((70, 110), (60, 130), (50, 150)),
        Limits((90, 120), (80, 140), (70, 170)),
        Limits((19, 31), (14, 41), (10, 51)),
    ),
    Band(
        AGE_OF_NEWS2,
        Limits((60, 100), (50, 120), (40, 140)),
        Limits((100, 130), (85, 150), (75, 190)),
        Limits((11, 17), (10, 23), (9, 30)),
    ),
)
"""0-3 months, 3-12 months, 1-4 years, 5-12 years, over 12: four and twelve last until the next birthday."""


def band(months: int) -> Band:
    """The band of an age below 16 years, in months. Raises ValueError for an older one."""
    for one in BANDS:
        if months < one.until:
            return one
    raise ValueError(f"Bedside PEWS has no band for {months} months")


def age_in_months(born: str | None, day: date) -> int | None:
    """Whole months of age on a day; None when the birth date is unknown, later, or leaves the band open."""
    if not born:
        return None
    first = _months(_filled(born, last=False), day)
    last = _months(_filled(born, last=True), day)
    if last < 0 or _group(first) != _group(last):
        return None
    return first


def _filled(born: str, *, last: bool) -> date:
    """The first or last day that a birth date of a year or month may mean."""
    year, month, day = [*map(int, born[:10].split("-")), 0, 0][:3]
    month = month or (12 if last else 1)
    if day:
        return date(year, month, day)
    if not last:
        return date(year, month, 1)
    following = date(year + month // 12, month % 12 + 1, 1)
    return date.fromordinal(following.toordinal() - 1)


def _months(born: date, day: date) -> int:
    return (day.year - born.year) * 12 + day.month - born.month - (day.day < born.day)


def _group(months: int) -> int:
    return next((one.until for one in BANDS if months < one.until), 0)


def _between(low: str | None, high: str | None) -> Interval:
    return (None if low is None else Decimal(low), None if high is None else Decimal(high))


_EVERYONE: Final[Mapping[str, Interval]] = {
    "saturation": _between("95", None),
    "temperature": _between("36.0", "37.8"),
    "pain": _between(None, "3"),
    "glucose": _between("4.0", "8.7"),
}
_ADULT: Final[Mapping[str, Interval]] = {
    "respiration": _between("12", "20"),
    "systolic": _between("100", "139"),
    "diastolic": _between("60", "89"),
    "pulse": _between("50", "100"),
}
_SECOND_SCALE: Final = _between("88", None)
_CHILD_REFILL: Final = _between(None, "2.9")


def intervals(months: int | None, *, second: bool = False) -> Mapping[str, Interval]:
    """The range of each kind at an age, in months; without an age only what holds for everybody.

    `second`: a target saturation of 88-92 % was decided for the patient.
    """
    found = dict(_EVERYONE)
    if second:
        found["saturation"] = _SECOND_SCALE
    if months is None:
        return found
    if months >= AGE_OF_NEWS2:
        return found | dict(_ADULT)
    of_age = band(months)
    return found | {
        "pulse": of_age.pulse.normal,
        "systolic": of_age.systolic.normal,
        "respiration": of_age.respiration.normal,
        "refill": _CHILD_REFILL,
    }
