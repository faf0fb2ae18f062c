"""Dates, dateTimes and times of partial precision: comparison, arithmetic, boundaries.

Source: https://hl7.org/fhirpath/N1/#datetime-equality, #comparison, #datetime-arithmetic.

The values are strings that know what they are: their text is exactly what was written. A comparison that the
precision or a missing time zone leaves undecided has the result None (FHIRPath's empty).
"""

from __future__ import annotations

import calendar
import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import ClassVar, NamedTuple, Self

_PATTERN = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d)(?::(\d\d)(?::(\d\d(?:\.\d+)?))?)?(Z|[+-]\d\d:\d\d)?)?)?)?",
    re.ASCII,
)
_TIME_PATTERN = re.compile(r"(\d\d)(?::(\d\d)(?::(\d\d(?:\.\d+)?))?)?", re.ASCII)

DAY_PRECISION = 3
SECOND_PRECISION = 6


class Parts(NamedTuple):
    """The fields that were written, most significant first, and the offset from UTC in minutes (or None)."""

    fields: tuple[int | Decimal, ...]
    offset: int | None


class Temporal(str):
    """A date, dateTime or time as text; the concrete classes are Date, DateTime and Time."""

    __slots__ = ()
    system_type: ClassVar[str] = ""

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The value, or None where the text is malformed or names no day or time that exists."""
        return cls(text) if _parts(cls.system_type, text) is not None else None

    @property
    def parts(self) -> Parts | None:
        """Its fields; None where the text is not valid (data is not always validated before it is read)."""
        return _parts(self.system_type, str(self))


class Date(Temporal):
    """A System.Date: year, year and month, or day."""

    __slots__ = ()
    system_type = "System.Date"


class DateTime(Temporal):
    """A System.DateTime: a date with, perhaps, a time of day and an offset from UTC."""

    __slots__ = ()
    system_type = "System.DateTime"


class Time(Temporal):
    """A System.Time: hour, minute, second of an unnamed day."""

    __slots__ = ()
    system_type = "System.Time"


@lru_cache(maxsize=8192)
def _parts(system_type: str, text: str) -> Parts | None:
    match = (_TIME_PATTERN if system_type == "System.Time" else _PATTERN).fullmatch(text)
    if match is None:
        return None
    groups = list(match.groups())
    zone = None if system_type == "System.Time" else groups.pop()
    fields = tuple(Decimal(group) if "." in group else int(group) for group in groups if group is not None)
    if system_type == "System.Date" and len(fields) > DAY_PRECISION:
        return None
    if not _exists(fields, system_type):
        return None
    return Parts(fields, _offset(zone))


# A leap second is the sixtieth.
_CLOCK_LIMITS = (Decimal(23), Decimal(59), Decimal("60.999999999"))


def _exists(fields: tuple[int | Decimal, ...], system_type: str) -> bool:
    clock = fields if system_type == "System.Time" else fields[DAY_PRECISION:]
    if any(value > limit for value, limit in zip(clock, _CLOCK_LIMITS, strict=False)):
        return False
    if system_type == "System.Time":
        return True
    year, month, day = (*(int(field) for field in fields[:DAY_PRECISION]), 1, 1)[:DAY_PRECISION]
    return year >= 1 and 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1]


def _offset(zone: str | None) -> int | None:
    if zone is None:
        return None
    if zone == "Z":
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[4:6])
    return -minutes if zone[0] == "-" else minutes


def compare(left: Temporal, right: Temporal) -> int | None:
    """-1, 0 or 1; None where precision or a missing time zone leaves the order open.

    Source: https://hl7.org/fhirpath/N1/#comparison. Seconds and their fraction are one precision.
    """
    first, second = left.parts, right.parts
    if first is None or second is None:
        return None
    a, b = first.fields, second.fields
    if first.offset != second.offset and type(left) is not Time:
        if first.offset is not None and second.offset is not None:
            a, b = _in_utc(first), _in_utc(second)
        elif len(a) > DAY_PRECISION and len(b) > DAY_PRECISION:
            return _compare_across_unknown_zone(a, b)
    for x, y in zip(a, b, strict=False):
        if x != y:
            return -1 if x < y else 1
    return 0 if len(a) == len(b) else None


def _in_utc(parts: Parts) -> tuple[int | Decimal, ...]:
    fields = parts.fields
    year, month, day, hour = (int(field) for field in fields[:4])
    minute = int(fields[4]) if len(fields) > 4 else 0
    try:
        moment = datetime(year, month, day, hour, minute) - timedelta(minutes=parts.offset or 0)
    except OverflowError:
        return fields
    shifted: tuple[int | Decimal, ...] = (moment.year, moment.month, moment.day, moment.hour, moment.minute)
    return shifted[: len(fields)] + fields[5:]


def _compare_across_unknown_zone(a: tuple[int | Decimal, ...], b: tuple[int | Decimal, ...]) -> int | None:
    # Offsets lie between -12:00 and +14:00: three calendar days apart is decided in any zone.
    days = _ordinal(a) - _ordinal(b)
    return None if abs(days) < 3 else (-1 if days < 0 else 1)


def _ordinal(fields: tuple[int | Decimal, ...]) -> int:
    return date(int(fields[0]), int(fields[1]), int(fields[2])).toordinal()


def normalised(value: Temporal) -> tuple[object, ...]:
    """A hashable form in which values that are equal are the same."""
    parts = value.parts
    kind = "time" if type(value) is Time else "date"
    if parts is None:
        return (kind, str(value))
    if parts.offset is None:
        return (kind, parts.fields, None)
    return (kind, _in_utc(parts), 0)


_FIELD_OF_UNIT = {"year": 1, "month": 2, "day": 3, "hour": 4, "minute": 5, "second": 6}
_COARSER = {  # how many of a unit make one of the next coarser one, for values of less precision
    "second": (60, "minute"),
    "minute": (60, "hour"),
    "hour": (24, "day"),
    "day": (30, "month"),
    "month": (12, "year"),
}
_DAYS_OF_A_YEAR = 365


def add(value: Temporal, amount: Decimal, unit: str) -> Temporal | None:
    """The value moved by an amount of a calendar unit ('year' … 'millisecond'), at its own precision.

    Source: https://hl7.org/fhirpath/N1/#datetime-arithmetic. A fraction of a unit coarser than the second is
    dropped; a month's end stays inside the month; None where the result leaves the years 1 to 9999.
    """
    parts = value.parts
    if parts is None:
        return None
    if unit == "week":
        amount, unit = Decimal(int(amount) * 7), "day"
    if unit == "millisecond":
        amount, unit = amount / 1000, "second"
    if unit != "second":
        amount = Decimal(int(amount))
    if isinstance(value, Time):
        return _add_to_time(value, parts, amount, unit)
    amount, unit = _at_precision(amount, unit, len(parts.fields))
    try:
        fields = _moved(parts.fields, amount, unit)
    except (OverflowError, ValueError):
        return None
    zone = re.search(r"T.*?(Z|[+-]\d\d:\d\d)$", value)
    return type(value)(_written(fields, value) + (zone.group(1) if zone else ""))


def _at_precision(amount: Decimal, unit: str, precision: int) -> tuple[Decimal, str]:
    while _FIELD_OF_UNIT[unit] > precision:
        if unit == "day" and precision == 1:
            return Decimal(int(amount / _DAYS_OF_A_YEAR)), "year"
        size, unit = _COARSER[unit]
        amount = Decimal(int(amount / size))
    return amount, unit


def _moved(fields: tuple[int | Decimal, ...], amount: Decimal, unit: str) -> list[int | Decimal]:
    full = [*fields, *(1, 1, 1, 0, 0, 0)[len(fields) :]]
    year, month, day, hour, minute = (int(field) for field in full[:5])
    second = Decimal(full[5])
    if unit in ("year", "month"):
        months = year * 12 + month - 1 + int(amount) * (12 if unit == "year" else 1)
        year, month = divmod(months, 12)
        month += 1
        day = min(day, calendar.monthrange(year, month)[1])
        date(year, month, day)
        moved: list[int | Decimal] = [year, month, day, hour, minute, second]
    else:
        size = {"day": 86400, "hour": 3600, "minute": 60, "second": 1}[unit]
        total = hour * 3600 + minute * 60 + second + amount * size
        days, rest = divmod(total, 86400)
        if rest < 0:
            days, rest = days - 1, rest + 86400
        day_moved = date.fromordinal(date(year, month, day).toordinal() + int(days))
        clock: list[int | Decimal] = [int(rest // 3600), int(rest % 3600 // 60), rest % 60]
        moved = [day_moved.year, day_moved.month, day_moved.day, *clock]
    return moved[: len(fields)]


def _written(fields: list[int | Decimal], like: str) -> str:
    text = "-".join(f"{int(field):0{4 if index == 0 else 2}d}" for index, field in enumerate(fields[:3]))
    return f"{text}T{_written_clock(fields[3:], like)}" if len(fields) > DAY_PRECISION else text


def _written_clock(fields: list[int | Decimal], like: str) -> str:
    texts = [f"{int(field):02d}" for field in fields[:2]]
    if len(fields) > 2:
        written = re.search(r"\.(\d+)", like)
        digits = len(written.group(1)) if written else 0
        second = Decimal(fields[2])
        needed = max(digits, -int(second.normalize().as_tuple().exponent) if second % 1 else 0)
        texts.append(f"{second:0{needed + 3 if needed else 2}.{needed}f}")
    return ":".join(texts)


def _add_to_time(value: Time, parts: Parts, amount: Decimal, unit: str) -> Time | None:
    if unit not in ("hour", "minute", "second"):
        return None
    amount, unit = _at_precision(amount, unit, len(parts.fields) + DAY_PRECISION)
    # A time of day wraps around midnight: any day in the middle of the calendar will do.
    moved = _moved((2000, 1, 1, *parts.fields), amount, unit)
    return Time(_written_clock(moved[DAY_PRECISION:], value))


# Digits of each precision, as the functions precision(), lowBoundary() and highBoundary() count them.
_DATE_DIGITS = (4, 6, 8, 10, 12, 14, 17)
_TIME_DIGITS = (2, 4, 6, 9)


def precision(value: Temporal) -> int:
    """The number of digits written: 4 for a year, 8 for a day, 17 for milliseconds (time: 2, 4, 6, 9)."""
    text = re.sub(r"(Z|[+-]\d\d:\d\d)$", "", value) if "T" in value else str(value)
    return sum(character.isdigit() for character in text)


def boundary(value: Temporal, digits: int | None, *, high: bool) -> Temporal | None:
    """The least or greatest value that this one, with its precision, can stand for.

    Source: https://hl7.org/fhirpath/#lowboundaryprecision-integer-decimal--date--datetime--time.
    Without a time zone the extreme ones are assumed. None for a precision that the type does not have.
    """
    parts = value.parts
    steps: tuple[int, ...] = _TIME_DIGITS if isinstance(value, Time) else _DATE_DIGITS
    if isinstance(value, Date):
        steps = _DATE_DIGITS[:DAY_PRECISION]
    digits = steps[-1] if digits is None else digits
    if parts is None or digits not in steps:
        return None
    fields = _filled(parts.fields, time=isinstance(value, Time), high=high)
    wanted = steps.index(digits) + 1
    milliseconds = wanted == len(steps) and not isinstance(value, Date)
    kept = fields[: wanted - 1] if milliseconds else fields[:wanted]
    text = _written_clock(kept, "") if isinstance(value, Time) else _written(kept, "")
    if milliseconds:
        text += _milliseconds(fields, parts, high=high) if len(kept) >= 3 else ""
    if isinstance(value, DateTime) and wanted > DAY_PRECISION:
        zone = re.search(r"(Z|[+-]\d\d:\d\d)$", value)
        text += zone.group(1) if zone and parts.offset is not None else ("-12:00" if high else "+14:00")
    return type(value)(text)


def _filled(fields: tuple[int | Decimal, ...], *, time: bool, high: bool) -> list[int | Decimal]:
    lowest, highest = (1, 1, 1, 0, 0, 0), (9999, 12, 31, 23, 59, 59)
    full = [*(() if not time else (2000, 1, 1)), *fields]
    for index in range(len(full), SECOND_PRECISION):
        if high and index == 2:
            full.append(calendar.monthrange(int(full[0]), int(full[1]))[1])
        else:
            full.append(highest[index] if high else lowest[index])
    return full[DAY_PRECISION:] if time else full


def _milliseconds(fields: list[int | Decimal], parts: Parts, *, high: bool) -> str:
    second = Decimal(fields[-1])
    written = isinstance(parts.fields[-1], Decimal)
    if written:
        return f".{int(second % 1 * 1000):03d}"
    return ".999" if high else ".000"
