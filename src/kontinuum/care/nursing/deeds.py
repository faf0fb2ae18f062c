"""What is done with a plan: actions carried out or not, evaluated, changed, ended."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from urllib.parse import quote

from kontinuum.care.nursing import today, writing
from kontinuum.care.nursing.around import Around, around, read_day, writer
from kontinuum.care.nursing.form import LONGEST, TOO_LONG, actions_of, typed
from kontinuum.care.nursing.kinds import ACHIEVEMENTS
from kontinuum.care.nursing.model import CarePlan
from kontinuum.care.nursing.plan import Refilled, plan_view
from kontinuum.care.nursing.rules import Slot, slot_of
from kontinuum.care.nursing.writing import Writer
from kontinuum.fhir import json as fhir_json
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import ActionRequest, Moved, NotFound, Refused, ResourceVersion, View
from kontinuum.kernel.numbers import whole

_NONE: Final = message("There is no such action in the patient's plans.")
_NO_PLAN: Final = message("There is no such plan in this patient's record, or it is over.")
_NOT_YOURS: Final = message("It is another care provider's plan, who is the one to change it.")
_NO_REASON: Final = message("Write why it was not done.")
_DONE_WITH_REASON: Final = message("You wrote why it was not done. Press Not done, or take the reason away.")
_NO_OUTCOME: Final = message("Press whether it was carried out or not.")
_NO_TEXT: Final = message("Write what was reached and how the patient takes it.")
_NO_CLOCK: Final = message("Write the time as 14.30.")
_AHEAD: Final = message("It cannot be done before its time has come: write it when it is done.")
_WHY: Final = message("Pressed by mistake")
_CLOCK: Final = re.compile(r"([01]?\d|2[0-3])[:.]([0-5]\d)")


async def carry_out(request: ActionRequest) -> View | NotFound | Moved:
    """Answer POST `nursing/do`: the action of a slot was done, or (`outcome=not`) was not, and why."""
    now = local(request.chart.now)
    key = request.one("slot")
    day = read_day([*key.split("/"), "", "", ""][2], now.date())
    found = await around(request, day)
    slot = slot_of((plan for plan, _ in found.plans.values()), key)
    if slot is None:
        return NotFound(_NONE)
    if found.plans[slot.plan.id][1].provider != request.principal.assignment.provider:
        return today.view(request, found, day, alert=_NOT_YOURS)
    if found.settled(slot) is not None:
        return _list(request, day)  # a colleague, or an earlier press of the same button
    outcome, reason, comment = request.one("outcome"), request.one("reason"), request.one("comment")
    at = _moment(request.one("at"), slot, now)
    wrong = _contradiction(outcome, reason) or (_NO_CLOCK if at is None else "")
    wrong = wrong or (_AHEAD if day > now.date() or (at is not None and at > now) else "")
    wrong = wrong or (TOO_LONG if len(reason) + len(comment) > LONGEST else "")
    if wrong or at is None:
        refilled = today.Refilled(key, request.one("at"), reason, comment)
        return today.view(request, found, day, alert=wrong, refilled=refilled)
    taken_back = sum(task.key == key and not task.stands for task, _ in found.tasks)
    name = f"{key}/{request.one('token')}" if slot.needed else key
    made = writing.carried_out(
        writing.task_id(name, taken_back),
        slot,
        Writer(*writer(request)),
        at,
        reason=reason if reason.strip() else "",
        comment=comment,
    )
    refused = await request.writer.write([made])
    return _list(request, day) if refused is None else _told(request, found, day, refused)


def _contradiction(outcome: str, reason: str) -> str:
    """What is lacking or too much: why it was not done belongs to what was not, and to nothing else."""
    if outcome not in ("done", "not"):
        return _NO_OUTCOME
    if bool(reason.strip()) is (outcome == "not"):
        return ""
    return _DONE_WITH_REASON if outcome == "done" else _NO_REASON


def _moment(clock: str, slot: Slot, now: datetime) -> datetime | None:
    """When it was done: now, or at a time of the slot's day; 00.30 for an action at 23 is the day after."""
    if not clock.strip():
        return now
    match = _CLOCK.fullmatch(clock.strip())
    if match is None:
        return None
    at = datetime.combine(slot.day, time(int(match[1]), int(match[2])))
    if slot.at is not None and datetime.combine(slot.day, slot.at) - at > timedelta(hours=12):
        at += timedelta(days=1)
    return local(at.isoformat())


def _list(request: ActionRequest, day: date) -> Moved:
    """Back to the list: beside the chart where it was pressed there, else as the page that it was."""
    below = f"nursing/today?day={day.isoformat()}"
    if request.one("beside"):
        return Moved(f"{request.chart.path()}?beside={quote(below, safe='/')}")
    return Moved(request.chart.path(below))


def _told(request: ActionRequest, found: Around, day: date, refused: Refused) -> View:
    return today.view(request, found, day, alert=refused.told(request.chart.translator))


async def take_back(request: ActionRequest) -> View | NotFound | Moved:
    """Answer POST `nursing/undo`: it was pressed by mistake; what stood stays readable, struck."""
    now = local(request.chart.now)
    day = read_day(request.one("day"), now.date())
    found = await around(request, day)
    chosen = next(((task, entry) for task, entry in found.tasks if task.id == request.one("id")), None)
    if chosen is None or not chosen[0].stands or not chosen[0].key:
        return NotFound(_NONE)
    task, entry = chosen
    reason = request.chart.translator.gettext(_WHY)
    refused = await request.writer.withdraw("Task", task.id, reason, entry.version)
    return _list(request, day) if refused is None else _told(request, found, day, refused)


async def _plan_of(request: ActionRequest) -> tuple[Around, CarePlan, ResourceVersion] | NotFound:
    found = await around(request)
    chosen = found.plans.get(request.one("id"))
    if chosen is None or not chosen[0].nursing or not chosen[0].active:
        return NotFound(_NO_PLAN)
    return found, *chosen


def _stands(request: ActionRequest, entry: ResourceVersion) -> tuple[dict[str, Any], int]:
    """The plan as it is stored, and the version that was on the page."""
    text = request.one("version")
    version = whole(text, entry.version)
    return fhir_json.loads(entry.body or b"{}"), version


async def evaluate(request: ActionRequest) -> View | NotFound | Moved:
    """Answer POST `nursing/evaluate`: what was reached; with `end` the plan is over."""
    opened = await _plan_of(request)
    if isinstance(opened, NotFound):
        return opened
    found, plan, entry = opened
    text, status, end = request.one("text"), request.one("reached"), bool(request.one("end"))
    refilled = Refilled("evaluate", text=text, reached=status, end=end)
    wrong = _not_own(request, entry) or ("" if text.strip() and status in ACHIEVEMENTS else _NO_TEXT)
    wrong = wrong or (TOO_LONG if len(text) > LONGEST else "")
    if wrong:
        return plan_view(request, found, plan, refilled.told(request.chart.translator.gettext(wrong)))
    stored, version = _stands(request, entry)
    versions = {f"CarePlan/{plan.id}": version}
    goal = found.goal(plan)
    if goal is not None:
        versions[f"Goal/{goal[0].id}"] = goal[1].version
    body = fhir_json.loads(goal[1].body or b"{}") if goal is not None else None
    made = writing.evaluated(stored, body, Writer(*writer(request)), text, status, end=end)
    refused = await request.writer.write(made, versions)
    return _plan_answer(request, found, plan, refilled, refused)


async def change(request: ActionRequest) -> View | NotFound | Moved:
    """Answer POST `nursing/change`: one more action, or (`stop`, its id) one that is not done any more."""
    opened = await _plan_of(request)
    if isinstance(opened, NotFound):
        return opened
    found, plan, entry = opened
    gettext = request.chart.translator.gettext
    rows, stop = typed(request), request.one("stop")
    refilled = Refilled("change", action=rows[0] if rows else None)
    actions = [] if stop else actions_of(rows, gettext)
    wrong = gettext(_not_own(request, entry)) if _not_own(request, entry) else ""
    if wrong or isinstance(actions, str):
        return plan_view(request, found, plan, refilled.told(wrong or str(actions)))
    made, version = _stands(request, entry)
    day = local(request.chart.now).date()
    made = writing.stopped(made, stop, day.isoformat()) if stop else made
    for action in actions:
        made = writing.added(made, action, day.isoformat())
    refused = await request.writer.write([made], {f"CarePlan/{plan.id}": version})
    return _plan_answer(request, found, plan, refilled, refused)


def _not_own(request: ActionRequest, entry: ResourceVersion) -> str:
    return "" if entry.provider == request.principal.assignment.provider else _NOT_YOURS


def _plan_answer(
    request: ActionRequest, found: Around, plan: CarePlan, refilled: Refilled, refused: Refused | None
) -> View | Moved:
    if refused is None:
        return Moved(f"{request.chart.path('nursing', 'plan')}?id={plan.id}")
    alert = refused.told(request.chart.translator)
    return plan_view(request, found, plan, refilled.told(alert))
