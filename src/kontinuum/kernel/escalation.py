"""Who is told when something waits for too long: the rule of a unit, step after step. Pure.

A rule is written as lines of `unit; after; who`: the HSA-id of the unit or `*`, a time such as `30 min`,
`4 h` or `2 d` counted from when the thing became late, and the HSA-id of a person or `asker` for who asked.
The lines of a unit hold in place of those of `*`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

ASKER: Final = "asker"
EVERY_UNIT: Final = "*"
MOST_LINES: Final = 500
USUAL: Final = (f"{EVERY_UNIT}; 0 min; {ASKER}",)
"""Where nothing is decided, who asked is told as soon as the time has passed."""
TIMES: Final = {"min": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}

_LINE: Final = re.compile(
    r"(?P<unit>\*|[A-Z]{2}[0-9]{10}-[A-Z0-9]{1,18}) *; *(?P<number>[0-9]{1,3}) *(?P<time>min|h|d) *; *"
    rf"(?P<who>{ASKER}|[A-Z]{{2}}[0-9]{{10}}-[A-Z0-9]{{1,18}})"
)


class Step(NamedTuple):
    """Somebody is told so long after the time has passed; `who` is an HSA-id or `ASKER`."""

    unit: str
    number: int
    time: str
    who: str

    @property
    def after(self) -> timedelta:
        """How long after."""
        return self.number * TIMES[self.time]

    @property
    def line(self) -> str:
        """As it is written."""
        return f"{self.unit}; {self.number} {self.time}; {self.who}"


def read_step(line: str) -> Step | None:
    """A line; None for what is none."""
    found = _LINE.fullmatch(line.strip())
    if found is None:
        return None
    return Step(found["unit"], int(found["number"]), found["time"], found["who"])


def steps_of(lines: Iterable[str], unit: str) -> tuple[Step, ...]:
    """The rule of a unit, the first to be told first."""
    steps = [step for line in lines if (step := read_step(line)) is not None]
    own = [one for one in steps if one.unit == unit] or [one for one in steps if one.unit == EVERY_UNIT]
    return tuple(sorted(own, key=lambda one: one.after))


def reached(steps: Sequence[Step], late: datetime | None, now: datetime) -> tuple[Step, ...]:
    """The steps that are taken by now of what became late at a time; none of what is not late."""
    return tuple(one for one in steps if late is not None and late + one.after <= now)
