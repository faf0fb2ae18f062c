"""What is to be done on a day, and what of it is done. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from kontinuum.care.nursing.kinds import NEEDED
from kontinuum.care.nursing.model import Activity, CarePlan, Task

GRACE = timedelta(minutes=60)
"""How long after its time an action is not late."""

_TIME = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?")


class State(StrEnum):
    """How it stands with an action at its time."""

    DONE = "done"
    NOT_DONE = "not-done"
    LATE = "late"
    DUE = "due"


@dataclass(frozen=True, slots=True)
class Slot:
    """An action at a time of a day; `at` is None for what has no time, `key` what is done names it by."""

    plan: CarePlan
    activity: Activity
    day: date
    at: time | None
    needed: bool = False

    @property
    def key(self) -> str:
        """The same for everybody who looks at it; `rules.slot_of` finds it again."""
        when = NEEDED if self.needed else self.at.strftime("%H%M") if self.at else "day"
        return f"{self.plan.id}/{self.activity.id}/{self.day.isoformat()}/{when}"

    @property
    def asked(self) -> bool:
        """Whether it is still asked for: what was stopped that day is not, unless it was done before."""
        detail = self.activity.detail
        if detail is None or detail.status == "in-progress":
            return detail is not None
        timing = detail.scheduled_timing
        bounds = timing.repeat.bounds_period if timing else None
        return bounds is not None and bounds.end is not None and self.day.isoformat() < bounds.end[:10]

    @property
    def text(self) -> str:
        """What is to be done."""
        return self.activity.detail.description if self.activity.detail else ""

    def state(self, task: Task | None, now: datetime) -> State:
        """How it stands; `now` is in Swedish time."""
        if task is not None:
            return State.DONE if task.done else State.NOT_DONE
        last = datetime.combine(self.day, self.at or time(23, 59), tzinfo=now.tzinfo)
        return State.LATE if last + GRACE < now and not self.needed else State.DUE


def slots(plans: Iterable[CarePlan], day: date) -> list[Slot]:
    """What is to be done on a day, by time; what has none, and what is done when needed, comes last."""
    found = [slot for plan in plans if plan.nursing for slot in _of_plan(plan, day)]
    return sorted(found, key=lambda one: (one.needed, one.at is None, one.at or time(), one.text))


def _of_plan(plan: CarePlan, day: date) -> Iterable[Slot]:
    if not _within(plan.period.start, plan.period.end, day):
        return
    for one in plan.activity:
        if one.detail is None or not one.id:
            continue
        timing = one.detail.scheduled_timing
        if timing is None:
            if one.detail.status == "in-progress" and plan.active:
                yield Slot(plan, one, day, None, needed=True)
            continue
        bounds = timing.repeat.bounds_period
        start, end = (bounds.start, bounds.end) if bounds else (plan.period.start, None)
        if not _within(start, end, day) or (day - _day(start, day)).days % int(timing.repeat.period or 1):
            continue
        times: list[time | None] = [time.fromisoformat(at) for at in timing.repeat.time_of_day]
        yield from (Slot(plan, one, day, at) for at in times or [None])


def _within(start: str | None, end: str | None, day: date) -> bool:
    return _day(start, day) <= day <= _day(end, day)


def _day(text: str | None, other: date) -> date:
    return date.fromisoformat(text[:10]) if text and len(text) >= 10 else other


def slot_of(plans: Iterable[CarePlan], key: str) -> Slot | None:
    """The slot that a form names, if it is one of these plans'."""
    parts = key.split("/")
    try:
        day = date.fromisoformat(parts[2]) if len(parts) == 4 else None
    except ValueError:
        return None
    return None if day is None else next((one for one in slots(plans, day) if one.key == key), None)


def latest(tasks: Iterable[Task], slot: Slot) -> Task | None:
    """What was written last of a slot, and stands; what is done when needed has none that settles it."""
    if slot.needed:
        return None
    return next((one for one in tasks if one.stands and one.key == slot.key), None)


def read_times(text: str) -> tuple[str, ...] | None:
    """Times as they are typed, `8, 14.30 20:00`, as FHIR has them; None where one of them is no time."""
    found = []
    for part in re.split(r"[,;\s]+", text.strip()):
        match = _TIME.fullmatch(part) if part else None
        if part and match is None:
            return None
        if match is not None:
            hour, minute = int(match[1]), int(match[2] or 0)
            if hour > 23 or minute > 59:
                return None
            found.append(f"{hour:02}:{minute:02}:00")
    return tuple(sorted(set(found)))


def count(states: Sequence[State]) -> tuple[int, int, int]:
    """How many are settled, how many there are, how many are late."""
    settled = sum(one in (State.DONE, State.NOT_DONE) for one in states)
    return settled, len(states), sum(one is State.LATE for one in states)
