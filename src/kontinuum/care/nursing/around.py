"""What the pages of nursing plans stand in: the plans, their goals, and what was done around a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from kontinuum.care.nursing.model import CarePlan, Goal, Task, goals_of, plans_of, tasks_of
from kontinuum.care.nursing.rules import Slot, State, latest, slots
from kontinuum.fhir.authoring import author
from kontinuum.kernel.i18n import local
from kontinuum.kernel.module import ActionRequest, Chart, PageRequest, ResourceVersion, ResultPage

PLANS_AT_MOST: Final = 100
_TASKS_AT_MOST: Final = 1000

Stored = ResourceVersion


@dataclass(frozen=True, slots=True)
class Around:
    """The plans by id, the goals by id, and what was written of their actions, the latest first."""

    plans: dict[str, tuple[CarePlan, Stored]]
    goals: dict[str, tuple[Goal, Stored]]
    tasks: list[tuple[Task, Stored]]
    truncated: bool

    def own(self, provider: str) -> list[CarePlan]:
        """The plans of a care provider."""
        return [one for one, entry in self.plans.values() if entry.provider == provider]

    def goal(self, plan: CarePlan) -> tuple[Goal, Stored] | None:
        """The goal of a plan, where it may be read."""
        names = ((one.reference or "").removeprefix("Goal/") for one in plan.goal)
        return next((self.goals[name] for name in names if name in self.goals), None)

    def settled(self, slot: Slot) -> Task | None:
        """What was written of an action at its time."""
        return latest((task for task, _ in self.tasks), slot)

    def day(self, day: date) -> list[Slot]:
        """What is asked for on a day, and what was done that day before it was stopped."""
        found = slots((plan for plan, _ in self.plans.values()), day)
        return [one for one in found if one.asked or self.settled(one) is not None]

    def state(self, slot: Slot, now: datetime) -> State:
        """How it stands with an action at its time."""
        return slot.state(self.settled(slot), now)


def queries(chart: Chart, day: date | None = None) -> tuple[str, ...]:
    """The patient's plans and goals, and what was done around a day: written late, or the night before."""
    day = day or local(chart.now).date()
    period = f"period=ge{day - timedelta(days=1)}&period=le{day + timedelta(days=7)}"
    whose = f"patient={chart.patient}"
    return (
        f"CarePlan?{whose}&_sort=-date&_count={PLANS_AT_MOST}",
        f"Goal?{whose}&_count={PLANS_AT_MOST}",
        f"Task?{whose}&based-on:missing=false&{period}&_sort=-authored-on&_count={_TASKS_AT_MOST}",
    )


def read(pages: Sequence[ResultPage]) -> Around:
    """What the searches found."""
    plans = {one.id: (one, entry) for one, entry in plans_of(pages[0].matches)}
    more = any(page.next for page in pages)
    return Around(plans, goals_of(pages[1].matches), tasks_of(pages[2].matches), more)


async def around(request: PageRequest | ActionRequest, day: date | None = None) -> Around:
    """Read what a page stands in."""
    return read(await request.record.find_many(queries(request.chart, day)))


def writer(request: ActionRequest) -> tuple[str, dict[str, object], str]:
    """Whom, who and when, as `writing.Writer` takes them."""
    moment = local(request.chart.now).isoformat(timespec="seconds")
    return request.chart.patient, author(request.principal), moment


def read_day(text: str, today: date) -> date:
    """The day that an address names; today when it names none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return today
