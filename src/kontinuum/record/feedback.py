"""Deviations and ideas that staff report from where they work, on a board that their unit sees.

Staff contribute to patient safety by reporting risks and events to the care provider (patientsäkerhetslagen
(2010:659) 6:4). A report tells of no patient unless its writer attaches one. Then it is patient data: every
text of it is a Communication (http://hl7.org/fhir/R4/communication.html) in that patient's record, which is
decided on and logged as such for each who reads it, and the board holds nothing but its id.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from kontinuum.fhir import json
from kontinuum.kernel.clock import instant
from kontinuum.kernel.i18n import phrase
from kontinuum.kernel.ids import is_id
from kontinuum.kernel.principal import ActorKind
from kontinuum.record import correcting, reading, writing
from kontinuum.record.context import Context
from kontinuum.record.existence import standing
from kontinuum.record.outcome import Refusal, RefusalKind, Stored, refuse
from kontinuum.record.planning import Intent
from kontinuum.record.tasks import NOT_STAFF, Party, is_care, party, staff_among
from kontinuum.store import feedback as store
from kontinuum.store.feedback import Event, Item

T = TypeVar("T")

FEEDBACK_CODES: Final = "urn:kontinuum:codes:feedback"
"""Our codes in `Communication.category`: texts of deviations and ideas."""
KINDS: Final = ("deviation", "idea")
OPEN: Final = ("new", "looked-at", "decided")
NOT_DONE: Final = "not-done"
STATES: Final = (*OPEN, "done", NOT_DONE)
AT_MOST: Final = 500
LONGEST: Final = 10_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of the board is wanted: `mine` is "reported" or "owned" by the person, else of anybody."""

    states: Sequence[str] = OPEN
    kinds: Sequence[str] = KINDS
    mine: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A report and what was said and done, each text where it may be read; `patient` then is its patient."""

    item: Item
    events: tuple[Event, ...]
    patient: str = ""


class Feedback:
    """The board of the unit of one principal's assignment, and what the principal reports to it."""

    __slots__ = ("_context",)

    def __init__(self, context: Context) -> None:
        self._context = context

    async def report(
        self, kind: str, text: str, attached: Mapping[str, str], *, patient: str = "", nameless: bool = False
    ) -> int | Refusal:
        """Report a deviation or an idea; gives its number. `attached` is where the person was."""
        if kind not in KINDS:
            return refuse(
                RefusalKind.INVALID, "value", phrase("Choose whether it is a deviation or an idea.")
            )
        unfit = await self._unfit(text, patient)
        if unfit is not None:
            return unfit
        about = bool(patient)
        told = json.dumps(dict(attached)).decode()

        async def put(connection: Any, text: str | None, filed: str | None) -> int:
            said = self._event("report", text, filed, nameless=nameless)
            await self._log("create", f"a {kind} is reported")
            return await store.report(connection, self._place, kind, told, said, about_patient=about)

        made = self._communication(kind, text, patient, nameless=nameless) if patient else None
        return await self._put(text, made, put)

    async def board(self, wanted: Wanted) -> list[Item] | Refusal:
        """What is on the board, the newest first; nothing in it is patient data, so nothing is logged."""
        if not self._is_staff:
            return _not_for()
        actor = self._context.principal.actor
        reporter = actor.id if wanted.mine == "reported" else None
        owner = actor.reference or "-" if wanted.mine == "owned" else None
        asked = (wanted.states, wanted.kinds, reporter, owner, AT_MOST)
        return await store.board(self._context.pool, self._place, *asked)

    async def item(self, number: int) -> Shown | Refusal:
        """One report. What is about a patient is read as any of the patient's data."""
        found = await self._found(number)
        if isinstance(found, Refusal):
            return found
        events = await store.events(self._context.pool, number)
        read = await self._read(events)
        if found.reporter == self._context.principal.actor.id:
            await store.seen(self._context.pool, number)
        shown = (
            one._replace(text=_text(read.get(one.filed))) if one.filed and one.withdrawn is None else one
            for one in events
        )
        return Shown(found, tuple(shown), _patient(read.get(events[0].filed or "")))

    async def comment(self, number: int, text: str) -> Refusal | None:
        """Say something about a report."""
        return await self._say(number, "comment", text)

    async def change(
        self, number: int, was: str, state: str, owner: Party | None = None, word: str = ""
    ) -> Refusal | None:
        """Say how a report stands and who sees to it; `was` is how it stood when it was shown."""
        if state not in STATES:
            return refuse(RefusalKind.INVALID, "value", phrase("Choose how it stands."))
        if state == NOT_DONE and not word.strip():
            return refuse(RefusalKind.INVALID, "required", phrase("Write why it is not done."))
        actor = self._context.principal.actor
        known = owner is None or owner.reference == actor.reference
        if owner and not known and not await staff_among(self._context, [owner.reference]):
            return refuse(RefusalKind.INVALID, "value", phrase("Choose somebody who works at the unit."))
        return await self._say(number, "change", word, (was, state, owner))

    async def agree(self, number: int) -> Refusal | None:
        """Say that one has met the same; twice is once, and who reported is counted already."""
        found = await self._found(number)
        if isinstance(found, Refusal):
            return found
        context, actor = self._context, self._context.principal.actor
        await self._log("update", "met the same", number)
        await store.agree(context.pool, self._place, number, context.now(), actor.id, actor.name)
        return None

    async def withdraw(self, number: int, event: int, reason: str) -> Refusal | None:
        """Take an own text away, such as one that names a patient; when and why stays.

        A text in a patient's record becomes `entered-in-error` there.
        """
        found = await self._found(number)
        if isinstance(found, Refusal):
            return found
        unreasoned = correcting.check_reason(reason)
        if unreasoned is not None:
            return unreasoned
        context, me = self._context, self._context.principal.actor.id
        events = await store.events(context.pool, number)
        own = next((one for one in events if one.number == event and one.person == me), None)
        if own is None or own.withdrawn is not None or not (own.text or own.filed):
            return refuse(
                RefusalKind.NOT_FOUND, "not-found", phrase("There is no text of yours to withdraw.")
            )
        if own.filed:
            stored = (await self._read([own])).get(own.filed)
            if stored is None:
                return _unreadable()
            done = await correcting.withdraw(context, stored.type, stored.id, reason, stored.version)
            if isinstance(done, Refusal):
                return done
        await self._log("update", "a text is withdrawn", number)
        await store.withdraw(context.pool, number, event, me, context.now(), reason)
        return None

    async def unread(self) -> list[Item]:
        """What became of the person's own reports that the person has not seen."""
        context = self._context
        if not self._is_staff:
            return []
        actor, assignment = context.principal.actor, context.principal.assignment
        return await store.unread(context.pool, assignment.provider, actor.id)

    async def _say(
        self, number: int, kind: str, text: str, change: tuple[str, str, Party | None] | None = None
    ) -> Refusal | None:
        found = await self._found(number)
        if isinstance(found, Refusal):
            return found
        if change is not None and change[0] != found.state:
            return _others_were_first()
        made = None
        if text.strip() or change is None:
            patient = await self._patient_of(number) if found.about_patient else ""
            if patient is None:
                return _unreadable()
            unfit = await self._unfit(text, patient)
            if unfit is not None:
                return unfit
            made = self._communication(found.kind, text, patient) if patient else None

        async def put(connection: Any, text: str | None, filed: str | None) -> Refusal | bool:
            said = self._event(kind, text, filed)
            was, owner = None, None
            if change is not None:
                was, state, to = change
                owner = to.reference if to else ""
                said = said._replace(state=state, owner_name=to.name if to else "")
            await self._log("update", kind, number)
            stands = await store.say(connection, self._place, number, said, was, owner)
            return stands or _others_were_first()

        done = await self._put(text if text.strip() else None, made, put)
        return done if isinstance(done, Refusal) else None

    async def _patient_of(self, number: int) -> str | None:
        """The patient whom a report is about, if the report may be read."""
        events = await store.events(self._context.pool, number)
        return _patient((await self._read(events[:1])).get(events[0].filed or "")) or None

    async def _found(self, number: int) -> Item | Refusal:
        if not self._is_staff:
            return _not_for()
        found = await store.item(self._context.pool, self._place, number)
        missing = phrase("There is no such report at your unit.")
        return found or refuse(RefusalKind.NOT_FOUND, "not-found", missing)

    async def _put(
        self,
        text: str | None,
        made: dict[str, Any] | None,
        put: Callable[[Any, str | None, str | None], Awaitable[T | Refusal]],
    ) -> T | Refusal:
        """Keep a text as itself on the board, or by the id of what is `made` of it in the record.

        What stands in the record and on the board is written together or not at all: a text that the board
        refuses is in no record, and can be sent once more.
        """
        context = self._context
        wrong = writing.unfit("Communication", made["id"], made) if made else None
        if wrong is not None:
            return wrong

        async def work(connection: Any) -> T | Refusal:
            if made is None:
                return await put(connection, text, None)
            intent = Intent("Communication", made["id"], made, only_new=True)
            done = (await writing.apply(context, connection, [intent]))[0]
            return done if isinstance(done, Refusal) else await put(connection, None, made["id"])

        return await writing.in_transaction(context, work, what="feedback")

    async def _unfit(self, text: str, patient: str) -> Refusal | None:
        """Why a text cannot be kept, on the board or in the record of a patient."""
        if not self._is_staff:
            return _not_for()
        if not text.strip():
            return refuse(RefusalKind.INVALID, "required", phrase("Write what happened, or your idea."))
        if len(text) > LONGEST:
            long = phrase("The text has at most %(number)s characters.", number=LONGEST)
            return refuse(RefusalKind.INVALID, "too-long", long)
        if any(ord(one) < 32 and one not in "\t\r\n" for one in text):
            odd = phrase("The text holds a character that cannot be shown. Write it anew.")
            return refuse(RefusalKind.INVALID, "value", odd)
        context = self._context
        if not patient:
            return None
        if is_care(context.principal) and is_id(patient) and (await standing(context, patient)).related:
            return None
        lacking = phrase(
            "You have no care relation to this patient just now, so nothing was written. "
            "State it on the patient's chart."
        )
        return refuse(RefusalKind.FORBIDDEN, "forbidden", lacking)

    def _communication(self, kind: str, text: str, patient: str, *, nameless: bool = False) -> dict[str, Any]:
        actor = self._context.principal.actor
        sender = {} if nameless or actor.reference is None else party(Party(actor.reference, actor.name))
        return {
            "resourceType": "Communication",
            "id": str(uuid.uuid4()),
            "status": "completed",
            "category": [{"coding": [{"system": FEEDBACK_CODES, "code": kind}]}],
            "subject": {"reference": f"Patient/{patient}"},
            "sent": instant(self._context.now()),
            **({"sender": sender} if sender else {}),
            "payload": [{"contentString": text}],
        }

    async def _read(self, events: Sequence[Event]) -> dict[str, Stored]:
        """What of the filed texts may be read, by id."""
        wanted = [f"Communication/{one.filed}" for one in events if one.filed]
        found = await reading.read_many(self._context, wanted) if wanted else {}
        return {one.id: one for one in found.values()}

    def _event(self, kind: str, text: str | None, filed: str | None, *, nameless: bool = False) -> Event:
        actor = self._context.principal.actor
        return Event(0, kind, self._context.now(), actor.id, "" if nameless else actor.name, text, filed)

    async def _log(self, action: str, note: str, number: int | None = None) -> None:
        what = ("feedback",) if number is None else (f"feedback/{number}",)
        await self._context.log(action, "permitted", NOT_STAFF.rule, what=what, note=note)

    @property
    def _is_staff(self) -> bool:
        principal = self._context.principal
        return principal.actor.kind is ActorKind.STAFF and bool(principal.assignment.unit)

    @property
    def _place(self) -> store.Place:
        at = self._context.principal.assignment
        return at.provider, at.unit


def _not_for() -> Refusal:
    return refuse(RefusalKind.FORBIDDEN, "forbidden", phrase("The board is for the staff of a unit."))


def _others_were_first() -> Refusal:
    changed = phrase("Somebody was first: look at what stands there now.")
    return refuse(RefusalKind.CONFLICT, "conflict", changed)


def _unreadable() -> Refusal:
    text = phrase("This is about a patient whose record you may not read now, so nothing was written.")
    return refuse(RefusalKind.FORBIDDEN, "forbidden", text)


def _text(stored: Stored | None) -> str | None:
    if stored is None:
        return None
    parts = json.loads(stored.body or b"{}").get("payload", ())
    return next((part.get("contentString") for part in parts), None)


def _patient(stored: Stored | None) -> str:
    subject = json.loads(stored.body or b"{}").get("subject", {}) if stored else {}
    return str(subject.get("reference", "")).removeprefix("Patient/")
