"""What waits for somebody: notes without a signature, what one was asked to do about them, begun drafts.

A note without a signature (patientdatalagen (2008:355) 3:10) is on its unit's list whoever wrote it, and on
its author's. Both are asked for by accountability and not by care relation, so that a note whose relation has
run out is not on no list: of such a one only is told that it waits, about whom and since when.

What one asks of another is a Task (http://hl7.org/fhir/R4/task.html) whose focus is the note.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from kontinuum.access import Deny
from kontinuum.fhir import json
from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.fhir.search.query import SearchQuery
from kontinuum.kernel.clock import instant
from kontinuum.kernel.i18n import phrase
from kontinuum.kernel.principal import TRANSCRIPTION, ActorKind, Purpose
from kontinuum.kernel.sql import Fragment
from kontinuum.record import provenance, writing
from kontinuum.record.circumstances import readable
from kontinuum.record.context import Context, forbidden, reference, stored
from kontinuum.record.correcting import Corrected, change, current
from kontinuum.record.guarding import is_signed
from kontinuum.record.outcome import Refusal, RefusalKind, Stored, Written, refuse
from kontinuum.record.planning import Intent
from kontinuum.record.release import release
from kontinuum.record.searching import confirmed, parse_url
from kontinuum.store import drafts
from kontinuum.store.drafts import BegunRow
from kontinuum.store.resources import read as reads
from kontinuum.store.resources import search as store
from kontinuum.store.resources.rows import ResourceRow

Begun = BegunRow

WORK_CODES: Final = "urn:kontinuum:codes:work"
SIGN: Final = "sign"
COUNTERSIGN: Final = "countersign"
TRANSCRIBE: Final = "transcribe"
"""To write out what was dictated: asked of the unit, done by who has the right to."""
OPEN: Final = ("requested", "accepted", "in-progress")
AT_MOST: Final = 1000

_COUNTERSIGNED: Final = "Countersigned."
_NOT_STAFF: Final = Deny(
    "own-work",
    "What waits is shown under an assignment whose purpose is care.",
    "patientdatalagen (2008:355) 4:1",
)


@dataclass(frozen=True, slots=True)
class Person:
    """To whom something is given: the reference of a Practitioner, and the name."""

    reference: str
    name: str


@dataclass(frozen=True, slots=True)
class WaitingNote:
    """A note that waits; `note.body` is None where it may not be read just now.

    `since` is when it was written, in microseconds. `task` is what was asked about it, by whom and whom.
    `code` is what it waits for.
    """

    code: str
    note: Stored
    patient: str
    since: int
    author: str = ""
    task: str = ""
    asked_by: str = ""
    owner: str = ""
    owner_name: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits, the oldest first; `complete` is False when there is more than is listed."""

    notes: tuple[WaitingNote, ...]
    drafts: tuple[BegunRow, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class _Task:
    row: ResourceRow
    resource: dict[str, Any]

    @property
    def code(self) -> str:
        return next(
            (
                one["code"]
                for one in self.resource["code"].get("coding", ())
                if one.get("system") == WORK_CODES
            ),
            "",
        )

    @property
    def focus(self) -> str:
        text: str = self.resource.get("focus", {}).get("reference", "")
        return text.partition("/_history/")[0]

    @property
    def owner(self) -> str:
        text: str = self.resource.get("owner", {}).get("reference", "")
        return text


class Work:
    """What waits for one principal and at the unit of the assignment."""

    __slots__ = ("_context",)

    def __init__(self, context: Context) -> None:
        self._context = context

    async def own(self) -> Waiting | Refusal:
        """What waits for the person, at every unit of the care provider."""
        return await self._shown(of_unit=False)

    async def of_unit(self) -> Waiting | Refusal:
        """What waits at the unit, whoever it waits for."""
        return await self._shown(of_unit=True)

    async def count(self) -> int:
        """How much waits for the person. Tells of no patient, so nothing is logged."""
        if not self._is_care:
            return 0
        found = await self._found(of_unit=False)
        noted = {row.id for _, row, _ in found.notes}
        mine = sum(one[0] != TRANSCRIBE or self._writes_out for one in found.notes)
        return mine + sum(draft.id not in noted for draft in found.drafts)

    async def begun(self) -> tuple[BegunRow, ...]:
        """The person's open drafts, without what they hold; logged when they are opened."""
        if not self._is_care:
            return ()
        actor, assignment = self._context.principal.actor, self._context.principal.assignment
        return tuple(await drafts.of_owner(self._context.pool, actor.id, assignment.provider))

    async def give(self, code: str, note: str, to: Person) -> Written | Refusal:
        """Give a note of the own unit to somebody, to be signed or countersigned; twice is one Task."""
        row = await self._note(note)
        if isinstance(row, Refusal):
            return row
        signed = is_signed(json.loads(row.body or b"{}"))
        if signed is not (code == COUNTERSIGN):
            unsigned, done = phrase("The note is not signed yet."), phrase("The note is signed already.")
            return refuse(RefusalKind.CONFLICT, "conflict", unsigned if code == COUNTERSIGN else done)
        key = f"{code}/{note}" if code == SIGN else f"{code}/{note}/{to.reference}"
        return await self._put(str(uuid.uuid5(_NAMES, key)), code, row, to)

    async def pass_on(self, task: str, to: Person) -> Written | Refusal:
        """Give what somebody at the unit was asked for to somebody else."""
        row = await current(self._context, "Task", task)
        if isinstance(row, Refusal):
            return row
        found = _Task(row, json.loads(row.body or b"{}"))
        if found.resource.get("status") not in OPEN or not found.code:
            return refuse(RefusalKind.CONFLICT, "conflict", phrase("This is done already."))
        changed = {**found.resource, "owner": _party(to), "lastModified": instant(self._context.now())}
        return await writing.update(self._context, "Task", task, changed, row.version, False)

    async def countersign(self, note: str, version: int) -> Corrected | Refusal:
        """Countersign a signed note that one was asked to countersign; the Task is done with it."""
        row = await self._note(note)
        if isinstance(row, Refusal):
            return row
        principal = self._context.principal
        mine = principal.actor.reference or ""
        found = await self._tasks(f"focus=Composition/{note}&owner={mine}") if mine else []
        asked = [one for one in found if one.code == COUNTERSIGN]
        resource = json.loads(row.body or b"{}")
        if not asked or not is_signed(resource):
            unasked = phrase("Nobody asks you to countersign this note now.")
            return refuse(RefusalKind.CONFLICT, "conflict", unasked)
        if row.version != version:
            changed = phrase("The note was changed after it was shown. Read it again and sign it.")
            return refuse(RefusalKind.CONFLICT, "conflict", changed)
        now = instant(self._context.now())
        party = {"reference": mine, "display": f"{principal.actor.name}, {principal.assignment.title}"}
        attester = {"mode": "official", "time": now, "party": party}
        signed = {**resource, "attester": [*resource.get("attester", ()), attester]}
        done = [
            Intent(
                "Task",
                one.row.id,
                {**one.resource, "status": "completed", "lastModified": now},
                one.row.version,
            )
            for one in asked
        ]
        activity = (provenance.LIFECYCLE, provenance.ATTEST)
        return await change(self._context, signed, _COUNTERSIGNED, version, activity, beside=done)

    # What is found

    @property
    def _writes_out(self) -> bool:
        return TRANSCRIPTION in self._context.principal.assignment.rights

    @property
    def _is_care(self) -> bool:
        principal = self._context.principal
        return principal.actor.kind is ActorKind.STAFF and principal.purpose is Purpose.CARE

    async def _shown(self, *, of_unit: bool) -> Waiting | Refusal:
        context = self._context
        if not self._is_care:
            await context.log("search", "refused", _NOT_STAFF.rule)
            return forbidden(_NOT_STAFF)
        found = await self._found(of_unit=of_unit)
        rows = list({row.id: row for _, row, _ in found.notes}.values())
        permitted = await readable(context, context.pool, rows)
        shown = {one.id: one for one in await release(context, context.pool, permitted)}
        await context.log(
            "search",
            "permitted",
            _NOT_STAFF.rule,
            patients=[row.patient for row in rows] + [draft.patient for draft in found.drafts],
            what=[*map(reference, rows), *(f"draft/{draft.id}" for draft in found.drafts)],
            count=len(rows) + len(found.drafts),
            note="work of the unit" if of_unit else "own work",
        )
        notes = [_waiting(code, row, shown.get(row.id), task) for code, row, task in found.notes]
        return Waiting(tuple(notes), found.drafts, found.complete)

    async def _found(self, *, of_unit: bool) -> _Found:
        principal = self._context.principal
        actor, assignment = principal.actor, principal.assignment
        me = await self._me()
        if of_unit:
            unsigned = await self._rows("Composition?status=preliminary&_sort=date", unit=True)
            tasks = await self._tasks("", unit=True)
            begun = await drafts.of_unit(self._context.pool, assignment.provider, assignment.unit)
        else:
            mine = ",".join(me)
            unsigned = (
                await self._rows(f"Composition?status=preliminary&author={mine}&_sort=date") if me else []
            )
            tasks = await self._tasks(f"owner={mine}") + await self._tasks(f"requester={mine}") if me else []
            begun = await drafts.of_owner(self._context.pool, actor.id, assignment.provider)
        dictated = {one.focus: one for one in tasks if one.code == TRANSCRIBE}
        if self._writes_out and not of_unit:
            asked = await self._tasks("", unit=True)
            dictated |= {one.focus: one for one in asked if one.code == TRANSCRIBE}
            rows = await self._behind(list(dictated.values()), {row.id: row for row in unsigned})
            unsigned = list({row.id: row for row in rows.values() if not _is_signed(row)}.values())
        behind = await self._behind(tasks, {row.id: row for row in unsigned})
        given = {one.focus: one for one in tasks if one.code == SIGN}
        notes: list[tuple[str, ResourceRow, _Task | None]] = []
        for row in unsigned:
            task = given.get(f"Composition/{row.id}")
            if f"Composition/{row.id}" in dictated:
                notes.append((TRANSCRIBE, row, dictated[f"Composition/{row.id}"]))
            elif of_unit or task is None or task.owner in me:
                notes.append((SIGN, row, task))
        listed = {row.id for _, row, _ in notes}
        for task in {(one.code, one.focus, one.owner): one for one in tasks}.values():
            focus = behind.get(task.focus)
            if focus is None or task.code == TRANSCRIBE or (not of_unit and task.owner not in me):
                continue
            signed = _is_signed(focus)
            wanted = not signed and focus.id not in listed if task.code == SIGN else signed
            if wanted:
                notes.append((task.code, focus, task))
        complete = max(len(unsigned), len(tasks)) < AT_MOST
        notes.sort(key=lambda one: (one[1].sort, one[1].id))
        return _Found(notes, tuple(begun), complete)

    async def _me(self) -> tuple[str, ...]:
        """The references under which notes and tasks name the person: as such, and by each assignment."""
        person = self._context.principal.actor.reference
        if person is None:
            return ()
        query = parse_url(f"PractitionerRole?practitioner={person}")
        assert isinstance(query, SearchQuery), query
        found = await store.search(self._context.pool, query, Fragment("true"), AT_MOST)
        return (person, *(f"PractitionerRole/{one.row.id}" for one in found))

    async def _behind(self, tasks: Sequence[_Task], known: dict[str, ResourceRow]) -> dict[str, ResourceRow]:
        """The notes that tasks are about, by reference."""
        wanted = {one.focus.partition("/")[2] for one in tasks if one.focus.startswith("Composition/")}
        kind = TYPE_CODES["Composition"]
        missing = [(kind, one) for one in sorted(wanted - known.keys())]
        rows = await reads.read_many(self._context.pool, missing) if missing else []
        found = {**known, **{row.id: row for row in rows if row.body is not None}}
        return {f"Composition/{one}": row for one, row in found.items()}

    async def _tasks(self, criteria: str, *, unit: bool = False) -> list[_Task]:
        codes = ",".join(f"{WORK_CODES}|{code}" for code in (SIGN, COUNTERSIGN, TRANSCRIBE))
        more = f"&{criteria}" if criteria else ""
        rows = await self._rows(f"Task?status={','.join(OPEN)}&code={codes}{more}", unit=unit)
        return [_Task(row, json.loads(row.body or b"{}")) for row in rows]

    async def _rows(self, url: str, *, unit: bool = False) -> list[ResourceRow]:
        """What the own care provider, or unit, is accountable for; not narrowed to care relations."""
        query = parse_url(url)
        assert isinstance(query, SearchQuery), query
        assignment = self._context.principal.assignment
        scope = Fragment("a.provider = {}::text", (assignment.provider,))
        if unit:
            scope = Fragment(
                "a.provider = {}::text and a.unit = {}::text", (assignment.provider, assignment.unit)
            )
        found = await store.search(self._context.pool, query, scope, AT_MOST)
        return confirmed(query, [one.row for one in found])

    async def _note(self, note: str) -> ResourceRow | Refusal:
        if not self._is_care:
            return forbidden(_NOT_STAFF)
        return await current(self._context, "Composition", note)

    async def _put(self, identity: str, code: str, note: ResourceRow, to: Person) -> Written | Refusal:
        context = self._context
        asking = context.principal.actor
        now = instant(context.now())
        requester = {"reference": asking.reference} if asking.reference else {}
        task = {
            "resourceType": "Task",
            "id": identity,
            "status": "requested",
            "intent": "order",
            "code": {"coding": [{"system": WORK_CODES, "code": code}]},
            "focus": {"reference": f"Composition/{note.id}"},
            "for": {"reference": f"Patient/{note.patient}"},
            "authoredOn": now,
            "lastModified": now,
            "requester": {**requester, "display": asking.name},
            "owner": _party(to),
        }
        return await writing.update(context, "Task", identity, task, None, False)


@dataclass(frozen=True, slots=True)
class _Found:
    notes: list[tuple[str, ResourceRow, _Task | None]]
    drafts: tuple[BegunRow, ...]
    complete: bool


_NAMES: Final = uuid.UUID("6f2b7b1e-6a0c-4f0e-9c5e-2f0a1d7c4b19")


def _party(person: Person) -> dict[str, str]:
    return {"reference": person.reference, "display": person.name}


def _waiting(code: str, row: ResourceRow, shown: Stored | None, task: _Task | None) -> WaitingNote:
    note = shown if shown is not None else stored(row).with_body(None)
    made = WaitingNote(code, note, row.patient or "", row.sort, _display(_authors(row)))
    if task is None:
        return made
    requester, owner = task.resource.get("requester", {}), task.resource.get("owner", {})
    return replace(
        made,
        task=task.row.id,
        asked_by=requester.get("display", ""),
        owner=owner.get("reference", ""),
        owner_name=owner.get("display", ""),
    )


def _is_signed(row: ResourceRow) -> bool:
    return is_signed(json.loads(row.body or b"{}"))


def _authors(row: ResourceRow) -> Iterable[dict[str, Any]]:
    found: Iterable[dict[str, Any]] = json.loads(row.body or b"{}").get("author", ())
    return found


def _display(parties: Iterable[dict[str, Any]]) -> str:
    return ", ".join(one.get("display") or one.get("reference", "") for one in parties)
