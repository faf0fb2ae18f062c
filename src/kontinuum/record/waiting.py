"""What waits for somebody: notes without a signature, what one was asked to do about them, begun drafts.

A note without a signature (patientdatalagen (2008:355) 3:10) is on its unit's list whoever wrote it, and on
its author's. Both are asked for by accountability and not by care relation, so that a note whose relation has
run out is not on no list: of such a one only is told that it waits, about whom and since when.

What one asks of another is a Task (http://hl7.org/fhir/R4/task.html) whose focus is the note.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import xxhash

from kontinuum.fhir import json
from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.kernel.clock import from_micros
from kontinuum.kernel.i18n import local, phrase
from kontinuum.kernel.principal import TRANSCRIPTION
from kontinuum.record import escalating, handing, writing
from kontinuum.record.absences import Absences
from kontinuum.record.answered import arrivals, changed
from kontinuum.record.circumstances import readable, unbarred
from kontinuum.record.context import Context, forbidden, reference, stored
from kontinuum.record.correcting import Corrected
from kontinuum.record.escalating import Rule, rule_of
from kontinuum.record.feedback import Feedback
from kontinuum.record.found import Found, Noted
from kontinuum.record.guarding import is_signed
from kontinuum.record.listing import WorkTask, shown
from kontinuum.record.ordered import stirs
from kontinuum.record.orders import Orders
from kontinuum.record.outcome import Refusal, RefusalKind, Stored, Written, refuse
from kontinuum.record.release import release
from kontinuum.record.tasks import (
    AT_MOST,
    COUNTERSIGN,
    LATE_DAYS,
    NOT_STAFF,
    ORDER,
    OTHER,
    QUESTION,
    READ,
    REFERRAL,
    SIGN,
    TASK,
    TRANSCRIBE,
    WORDS,
    Escalated,
    Party,
    TaskRow,
    Tasks,
    answers,
    business,
    directory,
    is_care,
    rows,
    staff_among,
    tasks,
)
from kontinuum.store import drafts
from kontinuum.store.drafts import BegunRow
from kontinuum.store.resources import read as reads
from kontinuum.store.resources.rows import ResourceRow

Begun = BegunRow
DAY: Final = 24 * 3600 * 1_000_000


@dataclass(frozen=True, slots=True)
class WaitingNote:
    """A note that waits; `note.body` is None where it may not be read just now.

    `since` is when it was written, in microseconds. `task` is what was asked about it, by whom and whom.
    `code` is what it waits for. `instead` names who is away and for whom one sees it. `escalated` tells who
    is told of what is late; `brought`: one is told, and it waits for somebody else.
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
    instead: str = ""
    escalated: Escalated | None = None
    brought: bool = False


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits, the oldest first; `complete` is False when there is more than is listed.

    `handable` are the ids of the drafts that the person may hand over.
    """

    notes: tuple[WaitingNote, ...]
    tasks: tuple[WorkTask, ...]
    drafts: tuple[BegunRow, ...]
    complete: bool
    handable: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Counts:
    """How much waits for the person, and how much at the unit that nobody has or that waits for too long.

    `mark` is another whenever what waits for either is.
    """

    own: int
    unit: int
    mark: str


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

    async def sent(self, *, of_unit: bool) -> Waiting | Refusal:
        """The orders and referrals of the person, or of the unit, that are not answered and read yet.

        Also those that wait in good time, which are on no list of what waits for somebody.
        """
        return await self._shown(of_unit=of_unit, sent=True)

    async def counts(self) -> Counts:
        """How much waits. Tells of no patient, so nothing is logged."""
        if not is_care(self._context.principal):
            return Counts(0, 0, "0")
        own, unit = await self._found(of_unit=False), await self._found(of_unit=True)
        long_ago = self._context.now() - LATE_DAYS * DAY
        every = [row for one in (own, unit) for row in (*one.rows, *one.answers)]
        listed = "/".join(f"{row.id} {row.version}" for row in every)
        needed = sum(one.row.sort <= long_ago for one in unit.notes)
        needed += sum(one.needs_somebody(self._now(), unit.staff) for one, _ in unit.tasks)
        told = await Feedback(self._context).unread()
        listed += "".join(f"/{one.number} {one.unread}" for one in told)
        mark = xxhash.xxh3_64_hexdigest(listed.encode())
        mine = len(own) - (0 if self._writes_out else sum(one.code == TRANSCRIBE for one in own.notes))
        waits = mine + len(told)
        return Counts(waits, needed, f"{waits}-{needed}-{mark}")

    async def newer(self, than: int, *, of_unit: bool) -> int:
        """How much of what waits was written after a moment (microseconds); as `counts`."""
        if not is_care(self._context.principal):
            return 0
        found = await self._found(of_unit=of_unit)
        told = [] if of_unit else await Feedback(self._context).unread()
        written = sum(row.updated > than for row in (*found.rows, *found.answers))
        return written + sum((one.unread or 0) > than for one in told)

    @property
    def orders(self) -> Orders:
        """Orders and referrals, and what becomes of them."""
        return Orders(self._context)

    @property
    def tasks(self) -> Tasks:
        """Giving tasks, asking questions, and what becomes of them."""
        return Tasks(self._context)

    @property
    def absences(self) -> Absences:
        """When the person is away, and who sees the person's list meanwhile."""
        return Absences(self._context)

    async def begun(self) -> tuple[BegunRow, ...]:
        """The person's open drafts, without what they hold; logged when they are opened."""
        if not is_care(self._context.principal):
            return ()
        actor, assignment = self._context.principal.actor, self._context.principal.assignment
        return tuple(await drafts.of_owner(self._context.pool, actor.id, assignment.provider))

    # Whatever is done with what waits names the patient about whom it was shown.

    async def give(self, code: str, note: str, to: Party, *, patient: str) -> Written | Refusal:
        """Give a note of the own unit to somebody, to be signed or countersigned; twice is one Task."""
        return await handing.give(self._context, code, note, to, patient)

    async def pass_on(self, task: str, to: Party, *, patient: str) -> Written | Refusal:
        """Give what somebody at the unit was asked for to somebody else."""
        return await handing.pass_on(self._context, task, to, patient)

    async def hand_draft(self, draft: str, to: Party, *, patient: str) -> Refusal | None:
        """Give an open draft to a colleague: one's own, or as responsible that of one who is away."""
        return await handing.hand_draft(self._context, draft, to, patient)

    async def countersign(self, note: str, version: int) -> Corrected | Refusal:
        """Countersign a signed note that one was asked to countersign; the Task is done with it."""
        return await handing.countersign(self._context, note, version)

    async def acknowledge(self, task: str, version: int, *, patient: str) -> Written | Refusal:
        """Say that an answer is read: who asked, who covers for that one, or the unit for one who left."""
        found = await self.tasks.found(task, version, patient)
        if isinstance(found, Refusal):
            return found
        if not found.is_answered:
            return refuse(RefusalKind.CONFLICT, "conflict", phrase("There is no answer to be read."))
        people = [
            self._context.principal.actor.reference,
            *(one.person for one in await self.absences.covered()),
        ]
        mine = {name for person in people for name in await self._names(person)}
        gone = found.requester not in await staff_among(self._context, [found.requester], in_care=True)
        at_own_unit = found.row.unit == self._context.principal.assignment.unit
        if found.requester not in mine and not (gone and at_own_unit):
            others = phrase("The answer is read by who asked, or by who covers for that one.")
            return refuse(RefusalKind.FORBIDDEN, "forbidden", others)
        changed = {**found.resource, "businessStatus": business(READ)}
        return await writing.update(self._context, "Task", task, changed, found.row.version, False)

    async def take_on(self, task: str, version: int, *, patient: str) -> Written | Refusal:
        """Say that one sees to a task that was escalated to the person, or to whom the person covers for."""
        found = await self.tasks.found(task, version, patient)
        if isinstance(found, Refusal):
            return found
        people = [self._context.principal.actor.reference]
        people += [one.person for one in await self.absences.covered()]
        mine = frozenset({name for person in people for name in await self._names(person)})
        return await escalating.take_on(self._context, found, mine)

    # What is found

    def _now(self) -> datetime:
        return local(from_micros(self._context.now()))

    @property
    def _writes_out(self) -> bool:
        return TRANSCRIPTION in self._context.principal.assignment.rights

    async def _shown(self, *, of_unit: bool, sent: bool = False) -> Waiting | Refusal:
        context = self._context
        if not is_care(context.principal):
            await context.log("search", "refused", NOT_STAFF.rule)
            return forbidden(NOT_STAFF)
        found = await self._found(of_unit=of_unit, sent=sent)
        permitted = await readable(context, context.pool, found.rows)
        released = {one.reference: one for one in await release(context, context.pool, permitted)}
        away = sorted({one.instead for one in found.notes} | {one for _, one in found.tasks} - {""})
        what = "orders" if sent else "work"
        note = f"{what} of the unit" if of_unit else f"own {what}"
        await context.log(
            "search",
            "permitted",
            NOT_STAFF.rule,
            patients=[row.patient for row in found.rows] + [draft.patient for draft in found.drafts],
            what=[*map(reference, found.rows), *(f"draft/{draft.id}" for draft in found.drafts)],
            count=len(found.rows) + len(found.drafts),
            note=f"{note}, and instead of {', '.join(away)}" if any(away) else note,
        )
        notes = [
            replace(
                _waiting(one, released.get(f"Composition/{one.row.id}")),
                escalated=found.escalated.get(one.row.id),
                brought=one.row.id in found.brought,
            )
            for one in found.notes
        ]
        listed = [
            replace(
                shown(
                    one,
                    instead,
                    readable=f"Task/{one.row.id}" in released,
                    now=self._now(),
                    staff=found.staff,
                    results=found.arrived.get(one.row.id, ()),
                ),
                escalated=found.escalated.get(one.row.id),
                brought=one.row.id in found.brought,
            )
            for one, instead in found.tasks
        ]
        may = await handing.handable(context, found.drafts)
        return Waiting(tuple(notes), tuple(listed), found.drafts, found.complete, may)

    async def _found(self, *, of_unit: bool, sent: bool = False) -> Found:
        context = self._context
        actor, at = context.principal.actor, context.principal.assignment
        found = Found([], [], (), True)
        if of_unit:
            unsigned = await rows(context, _UNSIGNED, unit=True)
            again, found.complete = await changed(context, unit=True)
            given = [*await tasks(context, unit=True), *again]
            told = await answers(context, unit=True)
            people = [one.owner for one in given] + [one.requester for one in told]
            found.staff = await staff_among(context, people, in_care=True)
            told = [one for one in told if one.requester not in found.staff]
            await self._add(found, unsigned, [*given, *told], None, "")
            found.drafts = tuple(await drafts.of_unit(context.pool, at.provider, at.unit))
        else:
            await self._add_of_person(found, actor.reference, "")
            for absent in await self.absences.covered():
                await self._add_of_person(found, absent.person, absent.name)
            if self._writes_out:
                asked = [one for one in await tasks(context, unit=True) if one.code == TRANSCRIBE]
                dictated = (await self._behind(asked, {})).values()
                await self._add(found, [row for row in dictated if not _is_signed(row)], asked, None, "")
            found.drafts = tuple(await drafts.of_owner(context.pool, actor.id, at.provider))
        await self._escalate(found, of_unit=of_unit)
        if sent:
            found.keep_orders()
        found.notes.sort(key=lambda one: (one.row.sort, one.row.id))
        found.tasks.sort(key=lambda one: (one[0].due or "9999", one[0].row.sort))
        return await self._answered(await self._unbarred(found), of_unit=of_unit, sent=sent)

    async def _answered(self, found: Found, *, of_unit: bool, sent: bool) -> Found:
        """With what has come of orders, and (but for `sent`) without those that wait in good time."""
        found.arrived = await arrivals(self._context, [one for one, _ in found.tasks])
        found.tasks = [
            (one, instead)
            for one, instead in found.tasks
            if sent or stirs(one, found.arrived, self._now(), left=of_unit and one.owner not in found.staff)
        ]
        return found

    async def _add_of_person(self, found: Found, person: str | None, instead: str) -> None:
        """What waits for somebody; of one who is away, what waits at the own unit."""
        names = await self._names(person)
        if not names:
            return
        found.mine |= {*names}
        mine, unit = ",".join(names), bool(instead)
        unsigned = await rows(self._context, f"{_UNSIGNED}&author={mine}", unit=unit)
        given = await tasks(self._context, f"&owner={mine}", unit=unit)
        asked = await tasks(self._context, f"&requester={mine}", unit=unit)
        found.asked += asked
        given += asked
        again, complete = await changed(self._context, f"&owner={mine}", unit=unit)
        given += again
        found.complete = found.complete and complete
        told = await answers(self._context, f"&requester={mine}", unit=unit)
        await self._add(found, unsigned, [*given, *told], names, instead)

    async def _add(
        self,
        found: Found,
        unsigned: list[ResourceRow],
        given: list[TaskRow],
        names: tuple[str, ...] | None,
        instead: str,
    ) -> None:
        """Put what waits for who is called so (None: for anybody) on the list, each once."""
        noted = [one for one in given if one.code in (SIGN, COUNTERSIGN)]
        behind = await self._behind(noted, {row.id: row for row in unsigned})
        signing = {one.focus: one for one in noted if one.code == SIGN}
        dictated = {one.focus: one for one in given if one.code == TRANSCRIBE}
        added: list[Noted] = []
        for row in unsigned:
            task = signing.get(f"Composition/{row.id}")
            if f"Composition/{row.id}" in dictated:
                added.append(Noted(TRANSCRIBE, row, dictated[f"Composition/{row.id}"], instead))
            elif names is None or task is None or task.owner in names:
                added.append(Noted(SIGN, row, task, instead))
        listed = {one.row.id for one in added}
        for task in {(one.code, one.focus, one.owner): one for one in noted}.values():
            focus = behind.get(task.focus)
            if focus is None or (names is not None and task.owner not in names):
                continue
            signed = _is_signed(focus)
            wanted = not signed and focus.id not in listed if task.code == SIGN else signed
            if wanted:
                added.append(Noted(task.code, focus, task, instead))
        before = {(one.code, one.row.id) for one in found.notes} | {one.row.id for one, _ in found.tasks}
        found.notes += [one for one in added if (one.code, one.row.id) not in before]
        for one in {one.row.id: one for one in given if one.code in _LISTED}.values():
            mine = names is None or not one.is_open or one.owner in names
            if mine and one.row.id not in before:
                found.tasks.append((one, instead))
        found.complete = found.complete and max(len(unsigned), len(given)) < AT_MOST

    async def _escalate(self, found: Found, *, of_unit: bool) -> None:
        """Tell of what is late whom the rule tells, and put on the person's list what that one is told of."""
        rule = await rule_of(self._context)
        if not of_unit:
            everything = Found([], [], (), True)
            given, unsigned = list(found.asked), list[ResourceRow]()
            if not rule.named.isdisjoint(found.mine):
                given += await tasks(self._context, unit=True)
                unsigned = await rows(self._context, _UNSIGNED, unit=True)
            await self._add(everything, unsigned, given, None, "")
            listed = {row.id for row in found.rows}
            found.notes += [one for one in everything.notes if self._brought(found, rule, one, listed)]
            found.tasks += [one for one in everything.tasks if self._brought(found, rule, one[0], listed)]
        ways = [(one.row.id, _late(rule, one)) for one in found.notes]
        ways += [(one.row.id, rule.of_task(one)) for one, _ in found.tasks]
        found.escalated = {name: one for name, one in ways if one is not None}

    def _brought(self, found: Found, rule: Rule, one: Noted | TaskRow, listed: set[str]) -> bool:
        way = rule.of_task(one) if isinstance(one, TaskRow) else _late(rule, one)
        told = {party.reference for party in way.told} if way is not None else set()
        if one.row.id in listed or told.isdisjoint(found.mine):
            return False
        found.brought.add(one.row.id)
        return True

    async def _unbarred(self, found: Found) -> Found:
        """Without what a block keeps from the person: it waits at the unit whose it is.

        What is lacking otherwise can be stated, and hides the text alone.
        """
        free = {(row.type, row.id) for row in await unbarred(self._context, self._context.pool, found.rows)}
        found.notes = [one for one in found.notes if (one.row.type, one.row.id) in free]
        found.tasks = [one for one in found.tasks if (one[0].row.type, one[0].row.id) in free]
        return found

    async def _names(self, person: str | None) -> tuple[str, ...]:
        """The references under which notes and tasks name somebody: as such, and by each assignment."""
        if person is None:
            return ()
        found = await directory(self._context, f"PractitionerRole?practitioner={person}")
        return (person, *(f"PractitionerRole/{row.id}" for row in found))

    async def _behind(
        self, given: Sequence[TaskRow], known: dict[str, ResourceRow]
    ) -> dict[str, ResourceRow]:
        """The notes that tasks are about, by reference."""
        wanted = {one.focus.partition("/")[2] for one in given if one.focus.startswith("Composition/")}
        kind = TYPE_CODES["Composition"]
        missing = [(kind, one) for one in sorted(wanted - known.keys())]
        read = await reads.read_many(self._context.pool, missing) if missing else []
        found = {**known, **{row.id: row for row in read if row.body is not None}}
        return {f"Composition/{one}": row for one, row in found.items()}


_LISTED: Final = (TASK, QUESTION, WORDS, ORDER, REFERRAL, OTHER)
_UNSIGNED: Final = "Composition?status=preliminary&_sort=date"


def _late(rule: Rule, one: Noted) -> Escalated | None:
    """Who is told of a note that waits for too long: for its author, or for who was asked."""
    if one.task is not None:
        return rule.of_task(one.task)
    authors = frozenset(author.get("reference", "") for author in _authors(one.row))
    return rule.of_note(one.row.unit, one.row.sort, authors)


def _waiting(one: Noted, released: Stored | None) -> WaitingNote:
    row = one.row
    note = released if released is not None else stored(row).with_body(None)
    made = WaitingNote(
        one.code, note, row.patient or "", row.sort, _display(_authors(row)), instead=one.instead
    )
    if one.task is None:
        return made
    requester, owner = one.task.resource.get("requester", {}), one.task.resource.get("owner", {})
    return replace(
        made,
        task=one.task.row.id,
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
