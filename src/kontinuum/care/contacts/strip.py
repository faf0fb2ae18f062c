"""The timeline as a drawing: every contact on its lane, from the first to the last. Pure geometry.

Positions are percentages of the width, so that the server can draw it for any screen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from kontinuum.kernel.i18n import local

_SHORTEST = timedelta(days=365)
_LEAST_BAR = 0.3
_LATE = 94


class Lane(IntEnum):
    """Where a contact is drawn, from the top: the most intense care first."""

    INPATIENT = 0
    EMERGENCY = 1
    VISIT = 2
    REMOTE = 3


_LANES = {
    "IMP": Lane.INPATIENT,
    "ACUTE": Lane.INPATIENT,
    "NONAC": Lane.INPATIENT,
    "SS": Lane.INPATIENT,
    "OBSENC": Lane.INPATIENT,
    "EMER": Lane.EMERGENCY,
    "VR": Lane.REMOTE,
}


def lane_of(class_code: str | None) -> Lane:
    """The lane of an encounter class (http://terminology.hl7.org/CodeSystem/v3-ActCode)."""
    return _LANES.get((class_code or "").upper(), Lane.VISIT)


@dataclass(frozen=True, slots=True)
class Span:
    """A contact in time."""

    lane: Lane
    start: datetime
    end: datetime
    planned: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """A contact as drawn: `left` and `width` in per cent; a width of zero is a point."""

    lane: Lane
    left: str
    width: str
    planned: bool


@dataclass(frozen=True, slots=True)
class Tick:
    """A year's beginning; `late` when there is no room for its label on the right."""

    left: str
    label: str
    late: bool


@dataclass(frozen=True, slots=True)
class Strip:
    """The whole drawing; `now` is where today stands."""

    marks: tuple[Mark, ...]
    ticks: tuple[Tick, ...]
    now: str
    lanes: tuple[Lane, ...]


def moment(text: str | None) -> datetime | None:
    """A FHIR dateTime of any precision as a moment in Swedish time; None when it is absent."""
    return local(text) if text else None


def draw(spans: Sequence[Span], now: datetime) -> Strip | None:
    """Lay contacts out in time; None when there are none."""
    if not spans:
        return None
    latest = max(max(span.end for span in spans), now)
    earliest = min(min(span.start for span in spans), now, latest - _SHORTEST)
    whole = (latest - earliest) * 1.02
    start = earliest - (latest - earliest) * 0.005

    def place(when: datetime) -> float:
        return (when - start) / whole * 100

    marks = []
    for span in spans:
        left, bar = place(span.start), 0.0
        if span.lane is Lane.INPATIENT:
            bar = max(place(span.end) - left, _LEAST_BAR)
        marks.append(Mark(span.lane, _percent(left), _percent(bar), span.planned))
    lanes = tuple(sorted({span.lane for span in spans}))
    return Strip(tuple(marks), tuple(_ticks(start, start + whole, place)), _percent(place(now)), lanes)


def _ticks(start: datetime, end: datetime, place: Callable[[datetime], float]) -> Iterable[Tick]:
    years = range(start.year + 1, end.year + 1)
    step = next(step for step in (1, 2, 5, 10, 20) if len(years) / step <= 12)
    for year in years:
        if year % step == 0:
            at = datetime(year, 1, 1, tzinfo=start.tzinfo)
            yield Tick(_percent(place(at)), str(year), place(at) > _LATE)


def _percent(value: float) -> str:
    return f"{value:.2f}%"
