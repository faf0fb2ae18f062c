"""Points in time as the demo writes them: Swedish wall-clock time with its offset from UTC.

The offset follows the rule of directive 2000/84/EC (summer time from the last Sunday of March to the last of
October), computed here so that output never depends on a machine's time-zone files.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import cache
from random import Random

DAY = timedelta(days=1)


@cache
def _summer(year: int) -> tuple[datetime, datetime]:
    def last_sunday(month: int) -> date:
        last = date(year, month, 31)
        return last - timedelta(days=(last.weekday() + 1) % 7)

    return datetime.combine(last_sunday(3), time(2)), datetime.combine(last_sunday(10), time(3))


def stamp(moment: datetime) -> str:
    """Write a wall-clock moment as a FHIR dateTime or instant, http://hl7.org/fhir/R4/datatypes.html#dateTime."""
    start, end = _summer(moment.year)
    return f"{moment.isoformat(timespec='seconds')}+0{2 if start <= moment < end else 1}:00"


def workday(day: date) -> date:
    """Move a Saturday or Sunday to the Monday after it."""
    return day + timedelta(days=max(0, 7 - day.weekday()) if day.weekday() > 4 else 0)


def in_office_hours(day: date, rng: Random) -> datetime:
    """Give a bookable time on the working day at or after `day`: 08:00-15:50, every ten minutes."""
    return datetime.combine(workday(day), time(8 + rng.randrange(8), 10 * rng.randrange(6)))


def any_hour(day: date, rng: Random) -> datetime:
    """Give a time round the clock, for what does not wait for a booking."""
    return datetime.combine(day, time(rng.randrange(24), rng.randrange(60)))


def every(start: date, end: date, days: int, rng: Random, *, jitter: float = 0.15) -> Iterator[datetime]:
    """Give visit times about every `days` from `start` until before `end`."""
    day = start
    while True:
        moment = in_office_hours(day, rng)
        if moment.date() >= end:
            return
        yield moment
        day += timedelta(days=max(1, round(days * rng.uniform(1 - jitter, 1 + jitter))))


def years_before(day: date, years: int) -> date:
    """Give the same day `years` earlier; 29 February becomes the 28th."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def no_later_than(moment: datetime, day: date) -> datetime:
    """Move a moment back to the day before `day`, at the same hour, when it would lie on it or after."""
    return moment if moment.date() < day else datetime.combine(day - DAY, moment.time())
