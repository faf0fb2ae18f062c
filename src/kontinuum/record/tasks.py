"""Tasks and questions between the staff of a unit, about a patient (http://hl7.org/fhir/R4/task.html).

A Task says what is to be done, about whom, by whom (somebody at the unit, or the unit), until when, and who
asks. Whoever does it, declines it or answers says so on the same Task, which then waits for who asked until
that one has read it. It is filed with the patient at the unit, and so it is on the unit's list whoever has
it: one that is overdue, or whose owner works here no more, is marked there as one that needs somebody.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from kontinuum.access import Deny
from kontinuum.fhir import json
from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.fhir.search.query import SearchQuery
from kontinuum.kernel.clock import from_micros, instant
from kontinuum.kernel.i18n import local, phrase
from kontinuum.kernel.principal import ActorKind, Principal, Purpose
from kontinuum.kernel.sql import Fragment
from kontinuum.record import writing
from kontinuum.record.context import Context, forbidden, stored
from kontinuum.record.correcting import current
from kontinuum.record.existence import standing
from kontinuum.record.outcome import Change, Refusal, RefusalKind, Written, refuse
from kontinuum.record.searching import confirmed, parse_url
from kontinuum.store.resources import read as reads
from kontinuum.store.resources import search as store
from kontinuum.store.resources.rows import ResourceRow
from kontinuum.sweden import systems

WORK_CODES: Final = "urn:kontinuum:codes:work"
SIGN: Final = "sign"
COUNTERSIGN: Final = "countersign"
TRANSCRIBE: Final = "transcribe"
"""To write out what was dictated: asked of the unit, done by who has the right to."""
TASK: Final = "task"
QUESTION: Final = "question"
WORDS: Final = "own-words"
"""To read what the patient has written to a contact or note: asked by the patient (`record.own_words`)."""
ORDER: Final = "order"
"""To see to it that what was ordered or referred is answered, and to read the answer (`record.ordered`)."""
REFERRAL: Final = "referral"
"""To assess and answer a referral: asked of the unit that it was sent to (`record.referring`)."""
OTHER: Final = "other"
"""What another system asks for, whatever it is."""
OPEN: Final = ("requested", "received", "accepted", "ready", "in-progress", "on-hold", "failed")
DONE: Final = "completed"
DECLINED: Final = "rejected"
AT_MOST: Final = 1000
LONGEST: Final = 4000
LATE_DAYS: Final = 14
"""What waits for longer than this without a day of its own is marked."""

_GOES_ON: Final = "arrived,triaged,in-progress,onleave"
_ASKED: Final = (SIGN, COUNTERSIGN, TRANSCRIBE, TASK, QUESTION, WORDS, ORDER, REFERRAL)
ANSWERED: Final = "answered"
READ: Final = "read"
_NAMES: Final = uuid.UUID("0b0e8c0e-5c0f-4f5b-9a38-1f6d2f5f7c11")
NOT_STAFF: Final = Deny(
    "own-work",
    "What waits is shown under an assignment whose purpose is care.",
    "patientdatalagen (2008:355) 4:1",
)


@dataclass(frozen=True, slots=True)
class Party:
    """To whom something is given: reference of a Practitioner or of the unit's Organization, and name."""

    reference: str
    name: str

    @property
    def is_person(self) -> bool:
        """Whether it is somebody, not a unit."""
        return self.reference.startswith("Practitioner/")


@dataclass(frozen=True, slots=True)
class Escalated:
    """Something is late since a moment, and some are told of it; `taken` names who sees to it."""

    since: datetime
    told: tuple[Party, ...]
    taken: str = ""


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A Task as it is stored."""

    row: ResourceRow
    resource: dict[str, Any]

    @property
    def code(self) -> str:
        """What it asks for, of `WORK_CODES`; `OTHER` for what another system asks for."""
        code = _coded(self.resource.get("code", {}))
        return code if code in _ASKED else OTHER

    @property
    def is_answered(self) -> bool:
        """Whether who asked has not read what became of it."""
        done = self.resource.get("status") in (DONE, DECLINED)
        return done and _coded(self.resource.get("businessStatus", {})) == ANSWERED

    @property
    def state(self) -> str:
        """How it stands between who asked and who answers, a code of `WORK_CODES`; empty for nothing said."""
        return _coded(self.resource.get("businessStatus", {}))

    @property
    def based_on(self) -> tuple[str, ...]:
        """The references of the orders that it comes of."""
        return tuple(filter(None, (one.get("reference") for one in self.resource.get("basedOn", ()))))

    @property
    def focus(self) -> str:
        """The reference of what it is about: a note, or a patient's own words."""
        text: str = self.resource.get("focus", {}).get("reference", "")
        return text.partition("/_history/")[0]

    @property
    def owner(self) -> str:
        """The reference of who is to do it."""
        text: str = self.resource.get("owner", {}).get("reference", "")
        return text

    @property
    def acknowledged(self) -> frozenset[str]:
        """The versions of answers to an order that were acknowledged, as `Type/id/_history/n`."""
        outputs = [one.get("valueReference") or {} for one in self.resource.get("output") or ()]
        return frozenset(filter(None, (one.get("reference") for one in outputs)))

    @property
    def requester(self) -> str:
        """The reference of who asks."""
        text: str = self.resource.get("requester", {}).get("reference", "")
        return text

    @property
    def is_open(self) -> bool:
        """Whether it is still to be done."""
        return self.resource.get("status") in OPEN

    @property
    def due(self) -> str:
        """The last day, or the moment where it has a time; empty for none."""
        text: str = self.resource.get("restriction", {}).get("period", {}).get("end", "")
        return text

    @property
    def late(self) -> datetime | None:
        """From when it is late: after its day or time, or without one when it has waited for long."""
        if self.due:
            return end_of(self.due)
        written = self.resource.get("authoredOn") or self.resource.get("lastModified") or ""
        return local(written[:10]) + timedelta(days=LATE_DAYS) if written else None

    def overdue(self, now: datetime) -> bool:
        """Whether its day or time has passed and it is not done."""
        return self.is_open and bool(self.due) and self.late is not None and self.late <= now

    def needs_somebody(self, now: datetime, staff: frozenset[str]) -> bool:
        """Whether nobody in particular sees to it: it is the unit's, overdue, or of one not among the staff.

        Without a day it is as overdue when it has waited for long. An answer needs somebody when who asked
        is not among them.
        """
        if not self.is_open:
            return self.requester not in staff
        return self.owner not in staff or (self.late is not None and self.late <= now)


class Tasks:
    """Giving tasks, asking questions, and what becomes of them."""

    __slots__ = ("_context",)

    def __init__(self, context: Context) -> None:
        self._context = context

    async def assign(
        self, code: str, patient: str, text: str, to: Party, due: date | None = None
    ) -> Written | Refusal:
        """Give a task (`TASK`) or ask a question (`QUESTION`); the same to the same, still open, is one."""
        context = self._context
        if not is_care(context.principal):
            return forbidden(NOT_STAFF)
        unfit = _unfit(text)
        if unfit is not None:
            return unfit
        if not (await standing(context, patient)).related:
            lacking = phrase(
                "You have no care relation to this patient just now, so nothing was written. "
                "State it on the patient's chart."
            )
            return refuse(RefusalKind.FORBIDDEN, "forbidden", lacking)
        said = " ".join(text.split()).casefold()
        identity = str(
            uuid.uuid5(
                _NAMES, "/".join((code, patient, to.reference, context.principal.assignment.unit, said))
            )
        )
        there = await reads.read(context.pool, TYPE_CODES["Task"], identity)
        if there is not None and there.body is not None:
            if TaskRow(there, json.loads(there.body)).is_open:
                return Written(Change.UNCHANGED, stored(there).with_body(None))
            identity = str(uuid.uuid4())
        task = _task(context, identity, code, patient, text, to, due) | await self._at_contact(patient)
        return await writing.update(context, "Task", identity, task, None, False)

    async def _at_contact(self, patient: str) -> dict[str, Any]:
        """The contact that goes on at the own unit, the latest that began; nothing for none."""
        asked = f"Encounter?patient={quote(patient, safe='')}&status={_GOES_ON}&_sort=-date"
        found = await rows(self._context, asked, unit=True)
        return {"encounter": {"reference": f"Encounter/{found[0].id}"}} if found else {}

    async def finish(
        self, identity: str, version: int, status: str, word: str, *, patient: str
    ) -> Written | Refusal:
        """Say that a task is done (`DONE`) or will not be (`DECLINED`), with a word, or answer a question."""
        context = self._context
        found = await self.found(identity, version, patient)
        if isinstance(found, Refusal):
            return found
        if not found.is_open:
            return refuse(RefusalKind.CONFLICT, "conflict", phrase("This is done already."))
        word = word if word.strip() else ""
        if found.code == WORDS and (word or status != DONE):
            return refuse(
                RefusalKind.INVALID,
                "business-rule",
                phrase("The patient's own words are read: they are not answered or declined here."),
            )
        if not word and (status == DECLINED or found.code == QUESTION):
            return refuse(RefusalKind.INVALID, "required", phrase("Write a word to who asked."))
        if len(word) > LONGEST:
            return _too_long()
        actor = context.principal.actor
        now = instant(context.now())
        me = party(Party(actor.reference, actor.name)) if actor.reference else {"display": actor.name}
        changed = {**found.resource, "status": status, "lastModified": now, "owner": me}
        if word and found.code == QUESTION and status == DONE:
            kind = {"coding": [{"system": WORK_CODES, "code": "answer"}]}
            changed["output"] = [{"type": kind, "valueString": word}]
        elif word:
            said = {"authorReference": me, "time": now, "text": word}
            changed["note"] = [*found.resource.get("note", ()), said]
        if found.requester != actor.reference and found.code not in (WORDS, OTHER):
            changed["businessStatus"] = business(ANSWERED)
        return await writing.update(context, "Task", identity, changed, found.row.version, False)

    async def found(self, identity: str, version: int, patient: str) -> TaskRow | Refusal:
        """The Task as it was read, about whom it was read, which the principal may change."""
        if not is_care(self._context.principal):
            return forbidden(NOT_STAFF)
        row = await current_about(self._context, "Task", identity, patient)
        if isinstance(row, Refusal):
            return row
        if row.version != version:
            changed = phrase("Somebody was first: look at what stands there now.")
            return refuse(RefusalKind.CONFLICT, "conflict", changed)
        found = TaskRow(row, json.loads(row.body or b"{}"))
        if found.code not in (TASK, QUESTION, WORDS, OTHER):
            return refuse(RefusalKind.NOT_FOUND, "not-found", phrase("This is no task between staff."))
        return found


async def current_about(
    context: Context, type_name: str, identity: str, patient: str
) -> ResourceRow | Refusal:
    """The current version of what was shown about a patient, which the principal may change."""
    row = await current(context, type_name, identity)
    return row if isinstance(row, Refusal) else of_another(row.patient, patient) or row


def of_another(whose: str | None, patient: str) -> Refusal | None:
    """The refusal of what was shown about one patient, and is about another."""
    if whose == patient:
        return None
    other = phrase(
        "This is about another patient than it was shown for, so nothing was written. Look at it again."
    )
    return refuse(RefusalKind.CONFLICT, "conflict", other)


def end_of(due: str) -> datetime:
    """When a day, or a moment, has passed until which something was in good time."""
    end = local(due)
    return end if "T" in due else end + timedelta(days=1)


def is_care(principal: Principal) -> bool:
    """Whether somebody of the staff asks for the sake of care."""
    return principal.actor.kind is ActorKind.STAFF and principal.purpose is Purpose.CARE


def party(to: Party) -> dict[str, str]:
    """As it stands in a resource."""
    return {"reference": to.reference, "display": to.name}


async def tasks(context: Context, criteria: str = "", *, unit: bool = False) -> list[TaskRow]:
    """What is open of what somebody was asked for, at the care provider or only at the own unit."""
    found = await rows(context, f"Task?status={','.join(OPEN)}{criteria}", unit=unit)
    return _tasks([one for one in found if one.patient])


async def answers(context: Context, criteria: str = "", *, unit: bool = False) -> list[TaskRow]:
    """What was answered and not read by who asked."""
    asked = f"Task?status={DONE},{DECLINED}&code={_codes(TASK, QUESTION)}&business-status={_codes(ANSWERED)}"
    return _tasks(await rows(context, f"{asked}{criteria}", unit=unit))


async def rows(context: Context, url: str, *, unit: bool = False) -> list[ResourceRow]:
    """What the own care provider, or unit, is accountable for; not narrowed to care relations."""
    query = parse_url(url)
    assert isinstance(query, SearchQuery), query
    at = context.principal.assignment
    scope = Fragment("a.provider = {}::text", (at.provider,))
    if unit:
        scope = Fragment("a.provider = {}::text and a.unit = {}::text", (at.provider, at.unit))
    found = await store.search(context.pool, query, scope, AT_MOST)
    return confirmed(query, [one.row for one in found])


async def staff_among(
    context: Context, references: Iterable[str], *, in_care: bool = False
) -> frozenset[str]:
    """Those of some Practitioners who have an assignment (for care) at the own unit that holds today."""
    people = sorted({one for one in references if one.startswith("Practitioner/")})
    places = await _organizations(context, context.principal.assignment.unit) if people else []
    if not places:
        return frozenset()
    at = ",".join(f"Organization/{row.id}" for row in places)
    found = await directory(context, f"PractitionerRole?organization={at}&practitioner={','.join(people)}")
    today = local(from_micros(context.now())).date()
    roles = [json.loads(row.body or b"{}") for row in found]
    return frozenset(
        role["practitioner"]["reference"]
        for role in roles
        if holds(role, today) and (not in_care or gives_care(role))
    )


def gives_care(role: dict[str, Any]) -> bool:
    """Whether an assignment is for care: what waits about patients is on no list of any other."""
    return _purpose(role) in (None, Purpose.CARE)


def _purpose(role: dict[str, Any]) -> str | None:
    marks = (one for one in role.get("extension", ()) if one.get("url") == systems.ASSIGNMENT_PURPOSE)
    return next((one.get("valueCode") for one in marks), None)


async def unit_of(context: Context, hsa_id: str) -> dict[str, str]:
    """A unit as a resource names it; empty where the directory does not have it."""
    for row in await _organizations(context, hsa_id):
        name = json.loads(row.body or b"{}").get("name")
        return {"reference": f"Organization/{row.id}"} | ({"display": name} if name else {})
    return {}


async def _organizations(context: Context, hsa_id: str) -> list[ResourceRow]:
    unit = quote(hsa_id, safe="")
    named = ",".join(f"{system}|{unit}" for system in sorted(systems.HSA_ID_FORMS))
    return await directory(context, f"Organization?identifier={named}")


async def directory(context: Context, url: str) -> list[ResourceRow]:
    """What the directory of units and staff says, which is no patient's."""
    query = parse_url(url)
    assert isinstance(query, SearchQuery), query
    return [one.row for one in await store.search(context.pool, query, Fragment("true"), AT_MOST)]


def holds(role: dict[str, Any], today: date) -> bool:
    """Whether a PractitionerRole holds on a day."""
    period = role.get("period", {})
    ends = period.get("end", "")[:10] or "9999"
    return bool(role.get("active", True)) and period.get("start", "")[:10] <= today.isoformat() <= ends


def _task(
    context: Context, identity: str, code: str, patient: str, text: str, to: Party, due: date | None
) -> dict[str, Any]:
    now = instant(context.now())
    asking = context.principal.actor
    requester = {"reference": asking.reference} if asking.reference else {}
    made: dict[str, Any] = {
        "resourceType": "Task",
        "id": identity,
        "status": "requested",
        "intent": "order",
        "code": {"coding": [{"system": WORK_CODES, "code": code}]},
        "description": text,
        "for": {"reference": f"Patient/{patient}"},
        "authoredOn": now,
        "lastModified": now,
        "requester": {**requester, "display": asking.name},
        "owner": party(to),
    }
    return made | ({"restriction": {"period": {"end": due.isoformat()}}} if due else {})


def _unfit(text: str) -> Refusal | None:
    if not text.strip():
        return refuse(RefusalKind.INVALID, "required", phrase("Write what is to be done, or what you ask."))
    return _too_long() if len(text) > LONGEST else None


def _too_long() -> Refusal:
    long = phrase("The text has at most %(number)s characters.", number=LONGEST)
    return refuse(RefusalKind.INVALID, "too-long", long)


def business(code: str) -> dict[str, Any]:
    """How it stands between who asked and who answers, as it stands in a resource."""
    return {"coding": [{"system": WORK_CODES, "code": code}]}


def _codes(*codes: str) -> str:
    return ",".join(f"{WORK_CODES}|{code}" for code in codes)


def _coded(concept: dict[str, Any]) -> str:
    codings = concept.get("coding", ())
    return next((one.get("code", "") for one in codings if one.get("system") == WORK_CODES), "")


def _tasks(found: Sequence[ResourceRow]) -> list[TaskRow]:
    return [TaskRow(row, json.loads(row.body or b"{}")) for row in found]
