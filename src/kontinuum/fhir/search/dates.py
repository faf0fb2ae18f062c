"""FHIR dates and times as half-open ranges of microseconds, by the precision in which they are written."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from kontinuum.fhir.search.query import MICROS_MAX, MICROS_MIN

DATE_FORM = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)?)?)?)?",
    re.ASCII,
)
"""Every date form that a search may use: https://hl7.org/fhir/R4/search.html#date"""

_USUAL_MARKS = ("-T::Z", "-T::+", "-T::-")  # what stands at 7, 10, 13, 16 and 19 of yyyy-mm-ddThh:mm:ss±…
_SECOND = 1_000_000
_MINUTE = 60 * _SECOND
_DAY = 86_400 * _SECOND
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


@lru_cache(maxsize=8192)
def date_range(text: str) -> tuple[int, int] | None:
    """The range [low, high) of a FHIR date, dateTime or instant, in microseconds since 1970 UTC.

    https://hl7.org/fhir/R4/datatypes.html#dateTime. A time without zone is UTC. None when the text is
    no such date (also 2023-02-30). Digits beyond the microsecond are cut.
    """
    length = len(text)
    try:
        if length == 10 and text[7] == "-":
            low = (date.fromisoformat(text).toordinal() - _EPOCH_ORDINAL) * _DAY
            return low, low + _DAY
        # The forms that nearly all records use; `fromisoformat` alone would also take forms that FHIR lacks.
        if length in (20, 25) and text[7:20:3] in _USUAL_MARKS and text[17:19] < "60":
            low = _micros(datetime.fromisoformat(text))
            return low, low + _SECOND
        return _any_form(text)
    except ValueError:
        return None


def _micros(moment: datetime) -> int:
    shifted = moment.utcoffset()
    offset = 0 if shifted is None else shifted.days * _DAY + shifted.seconds * _SECOND
    days = moment.toordinal() - _EPOCH_ORDINAL
    seconds = moment.hour * 3600 + moment.minute * 60 + moment.second
    return days * _DAY + seconds * _SECOND + moment.microsecond - offset


def _any_form(text: str) -> tuple[int, int] | None:
    form = DATE_FORM.fullmatch(text)
    if form is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = form.groups()
    first = date(int(year), int(month or 1), int(day or 1))
    low = (first.toordinal() - _EPOCH_ORDINAL) * _DAY
    if hour is None:
        return low, low + _days_in(first, month, day) * _DAY
    if int(hour) > 23 or int(minute) > 59 or int(second or 0) > 60:
        return None
    low += (int(hour) * 60 + int(minute)) * _MINUTE + int(second or 0) * _SECOND
    width = _MINUTE if second is None else _SECOND
    if fraction is not None:
        digits = fraction[:6]
        width = 10 ** (6 - len(digits))
        low += int(digits) * width
    if zone not in (None, "Z"):
        offset = (int(zone[1:3]) * 60 + int(zone[4:6])) * _MINUTE
        low += offset if zone[0] == "-" else -offset
    return low, low + width


def _days_in(first: date, month: str | None, day: str | None) -> int:
    if day is not None:
        return 1
    if month is None:
        return date(first.year, 12, 31).toordinal() - first.toordinal() + 1
    if first.month == 12:
        return 31
    return date(first.year, first.month + 1, 1).toordinal() - first.toordinal()


def period_range(period: dict[str, Any]) -> tuple[int, int] | None:
    """The range of a Period; an end that is missing is open. None when neither end is a date.

    https://hl7.org/fhir/R4/search.html#date
    """
    start = period.get("start")
    end = period.get("end")
    started = None if start is None else date_range(start)
    ended = None if end is None else date_range(end)
    if started is None and ended is None:
        return None
    return (MICROS_MIN if started is None else started[0], MICROS_MAX if ended is None else ended[1])


def timing_range(timing: dict[str, Any]) -> tuple[int, int] | None:
    """The outer limits of a Timing: its events and the period it is bounded by; None when it has neither.

    https://hl7.org/fhir/R4/search.html#date: "only the outer limits matter".
    """
    ranges = [date_range(event) for event in timing.get("event", ()) if event is not None]
    ranges.append(period_range(timing.get("repeat", {}).get("boundsPeriod", {})))
    known = [limits for limits in ranges if limits is not None]
    if not known:
        return None
    return min(low for low, _ in known), max(high for _, high in known)


def moment_micros(moment: datetime) -> int:
    """Microseconds since 1970 UTC of an aware datetime."""
    return _micros(moment.astimezone(UTC))
