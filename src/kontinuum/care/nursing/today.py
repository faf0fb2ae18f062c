"""The list of a day: what is to be done for the patient, when, and what of it is done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from kontinuum.care.nursing.around import Around, around, read_day
from kontinuum.care.nursing.kinds import HEADINGS
from kontinuum.care.nursing.model import Task
from kontinuum.care.nursing.rules import Slot, State, count
from kontinuum.fhir.authoring import new_token
from kontinuum.kernel.i18n import local
from kontinuum.kernel.module import ActionRequest, Chart, NotFound, PageRequest, View


@dataclass(frozen=True, slots=True)
class Refilled:
    """What stood in the form of a slot that was refused."""

    key: str = ""
    at: str = ""
    reason: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """What was written of an action: by whom, when, and why it was not done."""

    id: str
    done: bool
    when: str
    by: str
    reason: str
    comment: str


@dataclass(frozen=True, slots=True)
class Row:
    """An action at its time, with what was written of it."""

    key: str
    clock: str
    text: str
    heading: str
    plan: str
    state: State
    needed: bool
    written: tuple[Written, ...]
    token: str


_NO_REFILL: Final = Refilled()


async def show(request: PageRequest) -> View | NotFound:
    """Answer GET `nursing/today`: the list of today, or of `day`."""
    day = read_day(request.parameters.get("day", ""), local(request.chart.now).date())
    return view(request, await around(request, day), day)


def view(
    request: PageRequest | ActionRequest,
    found: Around,
    day: date,
    *,
    alert: str = "",
    refilled: Refilled = _NO_REFILL,
) -> View:
    """The list of a day, with what was refused filled in again."""
    chart = request.chart
    now = local(chart.now)
    rows = [_row(chart, found, slot) for slot in found.day(day)]
    settled, total, late = count([one.state for one in rows if not one.needed])
    values: dict[str, object] = {
        "rows": rows,
        "settled": settled,
        "total": total,
        "late": late,
        "day": day.isoformat(),
        "day_text": chart.translator.day(day.isoformat()),
        "is_today": day == now.date(),
        "writes": day <= now.date(),
        "own": {one.id for one in found.own(request.principal.assignment.provider)},
        "before": (day - timedelta(days=1)).isoformat(),
        "after": (day + timedelta(days=1)).isoformat(),
        "alert": chart.translator.gettext(alert) if alert else "",
        "refilled": refilled,
        "truncated": found.truncated,
    }
    return View("nursing/today.html", values)


def _row(chart: Chart, found: Around, slot: Slot) -> Row:
    task = found.settled(slot)
    matching = [one for one, _ in found.tasks if one.stands and one.key == slot.key]
    return Row(
        key=slot.key,
        clock=slot.at.strftime("%H:%M") if slot.at else "",
        text=slot.text,
        heading=HEADINGS.get(slot.plan.heading, ""),
        plan=slot.plan.id,
        state=slot.state(task, local(chart.now)),
        needed=slot.needed,
        written=tuple(_written(chart, one) for one in (matching if slot.needed else matching[:1])),
        token=new_token() if slot.needed else "",
    )


def _written(chart: Chart, task: Task) -> Written:
    return Written(
        id=task.id,
        done=task.done,
        when=chart.translator.clock(task.execution_period.start),
        by=chart.directory.name(task.owner.reference, task.owner.display) if task.owner else "",
        reason=task.status_reason.label if task.status_reason else "",
        comment="\n".join(note.text for note in task.note),
    )
