"""What is written of a nursing plan, as resources. Pure.

CarePlan with its actions (http://hl7.org/fhir/R4/careplan.html), Goal, and a Task for each action at its
time that was done or was not.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from kontinuum.care.nursing.kinds import ACTIVITY, HEADINGS, KINDS, NEEDED, NURSING, VIPS
from kontinuum.care.nursing.rules import Slot
from kontinuum.fhir.authoring import hl7
from kontinuum.kernel.i18n import local

_IDS: Final = uuid.UUID("7c1a9a54-2f0e-4c57-8a6c-5c6c2a0b9d11")
_AS_NEEDED: Final = "Vid behov"

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Action:
    """An action as it is planned: `interval` in days, or NEEDED; `times` as `08:00:00`."""

    text: str
    interval: str
    times: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes about whom, and when: `moment` with zone."""

    patient: str
    author: Mapping[str, Any]
    moment: str

    @property
    def day(self) -> str:
        """The day of it."""
        return self.moment[:10]

    @property
    def subject(self) -> Resource:
        """The patient."""
        return {"reference": f"Patient/{self.patient}"}


def goal_id(plan: str) -> str:
    """The id of the goal of a plan."""
    return str(uuid.uuid5(_IDS, f"{plan}/goal"))


def task_id(key: str, before: int) -> str:
    """The id of what is written of a slot, whoever writes it; `before` counts what was taken back."""
    return str(uuid.uuid5(_IDS, f"{key}/{before}"))


def plan(
    identity: str, who: Writer, heading: str, problem: str, goal: tuple[str, str], actions: Sequence[Action]
) -> list[Resource]:
    """A new plan with its goal, (words, day) where the day may be empty."""
    words, due = goal
    vips = {"coding": [{"system": VIPS, "code": heading, "display": HEADINGS[heading]}]}
    made: Resource = {
        "resourceType": "CarePlan",
        "id": identity,
        "status": "active",
        "intent": "plan",
        "category": [
            {"coding": [{"system": KINDS, "code": NURSING}], "text": "Omvårdnadsplan"},
            {**vips, "text": HEADINGS[heading]},
        ],
        "title": problem,
        "subject": who.subject,
        "period": {"start": who.day},
        "created": who.moment,
        "author": dict(who.author),
        "goal": [{"reference": f"Goal/{goal_id(identity)}"}],
        "activity": [activity(one, who.day) for one in actions],
    }
    aim: Resource = {
        "resourceType": "Goal",
        "id": goal_id(identity),
        "lifecycleStatus": "active",
        "description": {"text": words},
        "subject": who.subject,
        "startDate": who.day,
        "statusDate": who.day,
        "expressedBy": dict(who.author),
    }
    if due:
        aim["target"] = [{"dueDate": due}]
    return [aim, made]


def activity(action: Action, day: str) -> Resource:
    """An action of a plan, from a day."""
    detail: Resource = {"kind": "ServiceRequest", "status": "in-progress", "description": action.text}
    if action.interval == NEEDED:
        detail["scheduledString"] = _AS_NEEDED
    else:
        repeat: Resource = {"boundsPeriod": {"start": day}, "frequency": max(1, len(action.times))}
        repeat |= {"period": int(action.interval), "periodUnit": "d"}
        detail["scheduledTiming"] = {
            "repeat": {**repeat, **({"timeOfDay": list(action.times)} if action.times else {})}
        }
    return {"id": uuid.uuid4().hex[:12], "detail": detail}


def added(stored: Mapping[str, Any], action: Action, day: str) -> Resource:
    """A plan with one more action."""
    return {**stored, "activity": [*stored.get("activity", ()), activity(action, day)]}


def stopped(stored: Mapping[str, Any], which: str, day: str) -> Resource:
    """A plan whose action `which` ends on a day; an empty `which` stops all of them."""
    made = []
    for one in stored.get("activity", ()):
        detail = one.get("detail")
        if detail is None or detail["status"] != "in-progress" or which not in ("", one.get("id")):
            made.append(one)
            continue
        detail = {**detail, "status": "completed" if not which else "stopped"}
        repeat = detail.get("scheduledTiming", {}).get("repeat")
        if repeat is not None:
            bounds = {**repeat.get("boundsPeriod", {}), "end": day}
            detail["scheduledTiming"] = {"repeat": {**repeat, "boundsPeriod": bounds}}
        made.append({**one, "detail": detail})
    return {**stored, "activity": made}


def evaluated(
    stored: Mapping[str, Any],
    goal: Mapping[str, Any] | None,
    who: Writer,
    text: str,
    status: str,
    *,
    end: bool,
) -> list[Resource]:
    """A plan with its evaluation, and its goal as far as it is reached; with `end` both are over."""
    named = "authorReference" if "reference" in who.author else "authorString"
    writer = dict(who.author) if named == "authorReference" else who.author["display"]
    made: Resource = {
        **stored,
        "note": [*stored.get("note", ()), {named: writer, "time": who.moment, "text": text}],
    }
    if end:
        made = {**stopped(made, "", who.day), "status": "completed"}
        made["period"] = {**stored.get("period", {}), "end": who.day}
    if goal is None:
        return [made]
    reached = {**goal, "statusDate": who.day, "achievementStatus": hl7("goal-achievement", status)}
    if end:
        reached["lifecycleStatus"] = "completed"
    return [made, reached]


def carried_out(
    identity: str, slot: Slot, who: Writer, at: datetime, *, reason: str = "", comment: str = ""
) -> Resource:
    """That an action was done at a moment; with a `reason`, that and why it was not."""
    key = slot.key
    made: Resource = {
        "resourceType": "Task",
        "id": identity,
        "identifier": [{"system": ACTIVITY, "value": key}],
        "basedOn": [{"reference": f"CarePlan/{slot.plan.id}"}],
        "status": "cancelled" if reason else "completed",
        "intent": "order",
        "code": {"coding": [{"system": ACTIVITY, "code": NURSING}], "text": "Omvårdnadsåtgärd"},
        "description": slot.text,
        "for": who.subject,
        "executionPeriod": {
            "start": at.isoformat(timespec="seconds"),
            "end": at.isoformat(timespec="seconds"),
        },
        "authoredOn": who.moment,
        "lastModified": who.moment,
        "owner": dict(who.author),
    }
    if reason:
        made["statusReason"] = {"text": reason}
    if comment.strip():
        made["note"] = [{"text": comment}]
    if slot.at is not None:
        due = local(datetime.combine(slot.day, slot.at).isoformat()).isoformat()
        made["restriction"] = {"period": {"start": due, "end": due}}
    return made
