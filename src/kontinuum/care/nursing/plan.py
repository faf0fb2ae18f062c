"""One plan: the need, the goal, its actions, and how it was evaluated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from kontinuum.care.nursing.around import Around, around
from kontinuum.care.nursing.form import Typed
from kontinuum.care.nursing.kinds import ACHIEVEMENTS, HEADINGS, INTERVALS, NEEDED, USUAL
from kontinuum.care.nursing.model import Activity, CarePlan, Goal
from kontinuum.kernel.i18n import Translator, message
from kontinuum.kernel.module import ActionRequest, Chart, NotFound, PageRequest, View

_GONE: Final = message("There is no such plan in this patient's record.")


@dataclass(frozen=True, slots=True)
class Refilled:
    """What stood in a form that was refused: which form, its fields, and why."""

    deed: str = ""
    text: str = ""
    reached: str = ""
    end: bool = False
    action: Typed | None = None
    alert: str = ""

    def told(self, alert: str) -> Refilled:
        """The same, with why it was refused."""
        return replace(self, alert=alert)


@dataclass(frozen=True, slots=True)
class Planned:
    """An action in words; `id` is what stops it, empty when it is over."""

    id: str
    text: str
    when: str


@dataclass(frozen=True, slots=True)
class Summary:
    """A plan as the card and its page show it."""

    id: str
    heading: str
    title: str
    nursing: bool
    active: bool
    goal: str
    due: str
    reached: str
    since: str
    until: str
    unit: str
    author: str
    actions: tuple[Planned, ...]


def summary(chart: Chart, found: Around, plan: CarePlan) -> Summary:
    """A plan in words."""
    entry = found.plans[plan.id][1]
    goal = found.goal(plan)
    words = chart.translator
    return Summary(
        id=plan.id,
        heading=HEADINGS.get(plan.heading, next((one.text for one in plan.category if one.text), "") or ""),
        title=plan.title or plan.description,
        nursing=plan.nursing,
        active=plan.active,
        goal=goal[0].description.label if goal else "",
        due=words.day(goal[0].target[0].due_date) if goal and goal[0].target else "",
        reached=_reached(goal[0], words) if goal else "",
        since=words.day(plan.period.start),
        until=words.day(plan.period.end),
        unit=chart.directory.unit(entry.unit),
        author=chart.directory.name(plan.author.reference, plan.author.display) if plan.author else "",
        actions=tuple(_planned(one, words) for one in plan.activity if one.detail is not None),
    )


def _reached(goal: Goal, words: Translator) -> str:
    status = goal.achievement_status
    codes = [one.code or "" for one in status.coding] if status else []
    return next((words.gettext(ACHIEVEMENTS[code]) for code in codes if code in ACHIEVEMENTS), "")


def _planned(one: Activity, words: Translator) -> Planned:
    detail = one.detail
    assert detail is not None
    over = detail.status not in ("in-progress", "scheduled", "not-started")
    timing = detail.scheduled_timing
    if timing is None:
        when = words.gettext(INTERVALS[NEEDED]) if detail.scheduled_string else ""
    else:
        every = INTERVALS.get(str(int(timing.repeat.period or 1)), "")
        times = ", ".join(at[:5] for at in timing.repeat.time_of_day)
        when = " ".join(part for part in (words.gettext(every) if every else "", times) if part)
    return Planned("" if over else one.id, detail.description, when)


async def show(request: PageRequest) -> View | NotFound:
    """Answer GET `nursing/plan?id=`: one plan."""
    found = await around(request)
    chosen = found.plans.get(request.parameters.get("id", ""))
    return NotFound(_GONE) if chosen is None else plan_view(request, found, chosen[0], Refilled())


def plan_view(
    request: PageRequest | ActionRequest, found: Around, plan: CarePlan, refilled: Refilled
) -> View:
    """The page of a plan, with what was refused filled in again."""
    chart = request.chart
    entry = found.plans[plan.id][1]
    own = entry.provider == request.principal.assignment.provider
    notes = [
        (
            chart.translator.moment(one.time),
            chart.directory.name(one.author_reference.reference, one.author_reference.display)
            if one.author_reference
            else one.author_string or "",
            one.text,
        )
        for one in reversed(plan.note)
    ]
    values: dict[str, object] = {
        "plan": summary(chart, found, plan),
        "version": entry.version,
        "changes": own and plan.nursing and plan.active,
        "own": own,
        "notes": notes,
        "refilled": refilled,
        "action": refilled.action or Typed(),
        "achievements": ACHIEVEMENTS,
        "intervals": INTERVALS,
        "usual": USUAL,
    }
    return View("nursing/plan.html", values)
