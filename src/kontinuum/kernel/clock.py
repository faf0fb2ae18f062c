"""Time, passed in: nothing below the application reads the machine's clock by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Clock(Protocol):
    """Gives the present moment."""

    def now(self) -> datetime:
        """The present as an aware datetime in UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The present as an aware datetime in UTC."""
        return datetime.now(UTC)


@dataclass(slots=True)
class FixedClock:
    """A clock that stands still until it is moved; for tests and for repeatable runs."""

    moment: datetime

    def now(self) -> datetime:
        """The moment it was set to."""
        return self.moment

    def advance(self, by: timedelta) -> None:
        """Move the clock forward by a duration."""
        self.moment += by


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970-01-01T00:00Z of an aware datetime, exactly (no floating point)."""
    return (moment - EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The aware UTC datetime at a number of microseconds since 1970-01-01T00:00Z."""
    return EPOCH + timedelta(microseconds=micros)


def instant(micros: int) -> str:
    """A FHIR `instant` with microseconds (http://hl7.org/fhir/R4/datatypes.html#instant)."""
    return from_micros(micros).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
