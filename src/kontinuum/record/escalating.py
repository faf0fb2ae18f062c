"""Whom the rule of a unit tells of what waits for too long, and who has said that one sees to it.

Who is told follows from the Task, the rule and the time whenever a list is made, so nothing is lost where no
process ran in between. Who takes it on writes so into the Task (`Task.input`,
http://hl7.org/fhir/R4/task-definitions.html#Task.input), with from whom it came and why: nobody further
is told.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from kontinuum.fhir import json
from kontinuum.kernel.clock import from_micros, instant
from kontinuum.kernel.escalation import ASKER, Step, reached, steps_of
from kontinuum.kernel.i18n import local, phrase
from kontinuum.record import writing
from kontinuum.record.context import Context
from kontinuum.record.outcome import Refusal, RefusalKind, Written, refuse
from kontinuum.record.tasks import (
    LATE_DAYS,
    WORK_CODES,
    Escalated,
    Party,
    TaskRow,
    directory,
    party,
)
from kontinuum.sweden import systems

ESCALATED: Final = "escalated"
"""Code of the input of a Task by which somebody takes it on."""


class Rule:
    """The rules of the units at one moment, with the people whom that of the own unit names."""

    __slots__ = ("_lines", "_people", "_unit", "now")

    def __init__(self, lines: tuple[str, ...], unit: str, people: dict[str, Party], now: datetime) -> None:
        self._lines = lines
        self._unit = unit
        self._people = people
        self.now = now

    @property
    def named(self) -> frozenset[str]:
        """The references of those whom the own unit's rule names, the responsible ones."""
        return frozenset(one.reference for one in self._people.values())

    def of_task(self, one: TaskRow) -> Escalated | None:
        """Who is told of a Task by now; None while it is in time, and for what is done."""
        if not one.is_open or one.late is None or one.late > self.now:
            return None
        takers = tuple(taken_by(one.resource))
        if takers:
            return Escalated(one.late, takers[-1:], takers[-1].name)
        asker = one.resource.get("requester", {})
        asks = Party(one.requester, asker.get("display", ""))
        told = self._told(self._reached(one.row.unit, one.late), asks)
        return Escalated(one.late, tuple(each for each in told if each.reference != one.owner))

    def of_note(self, unit: str, written: int, authors: frozenset[str]) -> Escalated | None:
        """Who is told of a note that stands unsigned since a moment (microseconds)."""
        late = local(from_micros(written)) + timedelta(days=LATE_DAYS)
        if late > self.now:
            return None
        told = self._told(self._reached(unit, late), Party("", ""))
        return Escalated(late, tuple(each for each in told if each.reference not in authors))

    def _reached(self, unit: str, late: datetime) -> tuple[Step, ...]:
        return reached(steps_of(self._lines, unit), late, self.now)

    def _told(self, steps: tuple[Step, ...], asker: Party) -> list[Party]:
        """Each once; a person of another unit's rule is not known here."""
        told = [asker if step.who == ASKER else self._people.get(step.who) for step in steps]
        known = [one for one in told if one is not None and one.reference.startswith("Practitioner")]
        return list({one.reference: one for one in known}.values())


async def rule_of(context: Context) -> Rule:
    """The rules as they are now."""
    lines = (await context.settings()).escalation
    unit = context.principal.assignment.unit
    named = sorted({step.who for step in steps_of(lines, unit)} - {ASKER})
    people: dict[str, Party] = {}
    if named:
        wanted = ",".join(f"{system}|{one}" for one in named for system in sorted(systems.HSA_ID_FORMS))
        for row in await directory(context, f"Practitioner?identifier={quote(wanted, safe='|,:')}"):
            practitioner = json.loads(row.body or b"{}")
            found = Party(f"Practitioner/{row.id}", name_of(practitioner))
            people |= {one.get("value", ""): found for one in practitioner.get("identifier", ())}
    return Rule(
        lines, unit, {one: people[one] for one in named if one in people}, local(from_micros(context.now()))
    )


def name_of(practitioner: dict[str, Any]) -> str:
    """What somebody of the staff is called."""
    for name in practitioner.get("name", ()):
        text = name.get("text") or " ".join([*name.get("given", ()), name.get("family", "")]).strip()
        if text:
            return str(text)
    return str(practitioner.get("id", ""))


def taken_by(task: dict[str, Any]) -> list[Party]:
    """Who has taken a Task on, in order."""
    said = [
        one.get("valueAnnotation", {}).get("authorReference", {})
        for one in task.get("input", ())
        if any(
            c.get("code") == ESCALATED and c.get("system") == WORK_CODES
            for c in one["type"].get("coding", ())
        )
    ]
    return [Party(one.get("reference", ""), one.get("display", "")) for one in said]


async def take_on(context: Context, found: TaskRow, mine: frozenset[str]) -> Written | Refusal:
    """Say that one sees to a Task that one is told of, as one of the references `mine`."""
    actor = context.principal.actor
    escalated = (await rule_of(context)).of_task(found)
    told = {one.reference for one in escalated.told} if escalated is not None else set()
    if escalated is None or actor.reference is None or mine.isdisjoint(told) or escalated.taken:
        nothing = phrase("Nobody waits for you to take this on: look at what stands there now.")
        return refuse(RefusalKind.CONFLICT, "conflict", nothing)
    owner = found.resource.get("owner", {}).get("display", "") or "ingen"
    since = f"{escalated.since:%Y-%m-%d %H:%M}"
    annotation = {
        "authorReference": party(Party(actor.reference, actor.name)),
        "time": (now := instant(context.now())),
        "text": f"Eskalerad från {owner}, försenad sedan {since}. {actor.name} tar hand om det.",
    }
    kind = {"coding": [{"system": WORK_CODES, "code": ESCALATED}], "text": "Eskalerad"}
    inputs = [*found.resource.get("input", ()), {"type": kind, "valueAnnotation": annotation}]
    changed = {**found.resource, "input": inputs, "lastModified": now}
    return await writing.update(context, "Task", found.row.id, changed, found.row.version, False)
