"""Within how long an order or a referral is to be answered: by who answers, what, and its priority. Pure.

A time is decided as a line of `unit; what; priority; time`: the HSA-id of the laboratory or unit that
answers, or `*`; what is awaited; a priority (http://hl7.org/fhir/R4/valueset-request-priority.html); and
`45 min`, `4 h` or `7 d`. Days end with the last of them, hours and minutes when they have passed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple

from kontinuum.kernel.escalation import EVERY_UNIT, TIMES
from kontinuum.kernel.i18n import local

LABORATORY: Final = "laboratory"
"""From when a sample is ordered to its answer."""
ASSESSMENT: Final = "assessment"
"""From when a referral is sent to when it is accepted or answered."""
REFERRAL: Final = "referral"
"""From when a referral is accepted to its answer."""
MOST_LINES: Final = 500

_ROUTINE: Final = "routine"
_LINE: Final = re.compile(
    r"(?P<unit>\*|[A-Z]{2}[0-9]{10}-[A-Z0-9]{1,18}) *; *"
    rf"(?P<what>{LABORATORY}|{ASSESSMENT}|{REFERRAL}) *; *"
    r"(?P<priority>routine|urgent|asap|stat) *; *(?P<number>[1-9][0-9]{0,2}) *(?P<time>min|h|d)"
)


class Within(NamedTuple):
    """A decided time."""

    unit: str
    what: str
    priority: str
    number: int
    time: str

    @property
    def line(self) -> str:
        """As it is written."""
        return f"{self.unit}; {self.what}; {self.priority}; {self.number} {self.time}"

    def until(self, now: datetime, day: date) -> str:
        """The last day, or the moment, that is in good time of what is ordered now, to be done on a day.

        At which hour it is done on a day to come is not known: then the whole day counts.
        """
        length = self.number * TIMES[self.time]
        if self.time != "d" and day == local(now).date():
            return local(now.astimezone(UTC) + length).isoformat(timespec="seconds")
        return (day + timedelta(days=length.days)).isoformat()


USUAL: Final = (
    "*; laboratory; routine; 7 d",
    "*; laboratory; urgent; 24 h",
    "*; laboratory; asap; 4 h",
    "*; laboratory; stat; 1 h",
    "*; assessment; routine; 14 d",
    "*; assessment; urgent; 72 h",
    "*; assessment; asap; 24 h",
    "*; assessment; stat; 4 h",
    "*; referral; routine; 90 d",
    "*; referral; urgent; 30 d",
    "*; referral; asap; 7 d",
    "*; referral; stat; 24 h",
)
"""What holds where nothing is decided: ours, as no statute names such times."""


def read_within(line: str) -> Within | None:
    """A line; None for what is none."""
    found = _LINE.fullmatch(line.strip())
    if found is None:
        return None
    return Within(found["unit"], found["what"], found["priority"], int(found["number"]), found["time"])


def within(lines: Iterable[str], unit: str, what: str, priority: str) -> Within:
    """The time that holds: that of who answers before that of all, what is decided before the usual."""
    known = {one[:3]: one for line in (*USUAL, *lines) if (one := read_within(line)) is not None}
    asked = (known.get((whose, what, priority)) for whose in (unit, EVERY_UNIT))
    return next(filter(None, asked), None) or known[EVERY_UNIT, what, _ROUTINE]
