"""The patient's own words: before a visit what to bring up, after it how it was understood.

patientlagen (2014:821) 5:1 (care is carried out in consultation with the patient). They are a Communication
whose `about` is a contact or note, and the unit that answers for it answers for them. They become part of the
record: only who wrote them changes them, by a new version, and taken back they stand as taken back. A Task
tells whoever is responsible that they are there. It is done when somebody has read them, and open again when
they were changed.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from kontinuum.access import Permit
from kontinuum.fhir import json
from kontinuum.fhir.authoring import contact_of
from kontinuum.fhir.definitions import RESOURCE_TYPES, TYPE_CODES
from kontinuum.kernel.clock import from_micros, instant
from kontinuum.kernel.i18n import phrase
from kontinuum.kernel.principal import ActorKind
from kontinuum.record.context import Context, stored
from kontinuum.record.dissenting import (
    LONGEST,
    TAKEN_BACK,
    as_written,
    entry,
    following,
    log_said,
    own,
)
from kontinuum.record.guarding import DISSENT, ENTRY_CODES, OWN_WORDS, said_by_patient
from kontinuum.record.outcome import Change, Refusal, RefusalKind, Written, refuse
from kontinuum.record.preparing import check, created
from kontinuum.record.tasks import OPEN, WORDS, WORK_CODES, TaskRow, unit_of
from kontinuum.record.writing import in_transaction
from kontinuum.store.resources import read as reads
from kontinuum.store.resources import write as writes
from kontinuum.store.resources.rows import ResourceRow

ABOUT: Final = ("Appointment", "Composition", "DocumentReference", "Encounter")
"""The types of entry that a patient may write own words to."""

_AT_MOST: Final = 500
_ACT: Final = "own-words"
_TAKE_BACK: Final = "withdraw-own-words"
_NAMES: Final = uuid.UUID("8a0f9d3c-7a51-4a0e-b7e1-0c5d6e2f9b44")
_WRITTEN_AS: Final = {"guardian": "vårdnadshavare", "decision-for-child": "vårdnadshavare", "proxy": "ombud"}
_TOLD: Final = {
    "Appointment": "Patientens egna ord inför ett besök",
    "Encounter": "Patientens egna ord om ett besök",
}
_TOLD_OF_NOTE: Final = "Patientens egna ord om en anteckning"


@dataclass(frozen=True, slots=True)
class Words:
    """A patient's own words as pages show them.

    `about` is the reference of the entry, `contact` that of the Encounter that it belongs to or
    that comes of it, if any. `author` is
    empty where the patient wrote them. `changed` is when they were changed last, None for
    never. `item` names the open Task in forms; without one they are read, by `reader`.
    """

    id: str
    version: int
    patient: str
    about: str
    contact: str
    author: str
    sent: str
    changed: datetime | None
    text: str
    taken_back: bool
    item: str
    reader: str
    read: str

    @property
    def unread(self) -> bool:
        """Whether nobody has read them as they are now."""
        return bool(self.item) and not self.taken_back


def said_queries(patient: str) -> tuple[str, str]:
    """The searches for all that a patient has said (dissents too), and for who has read the own words."""
    codes = ",".join(f"{ENTRY_CODES}|{code}" for code in (DISSENT, OWN_WORDS))
    return (
        f"Communication?patient={patient}&category={codes}&_count={_AT_MOST}",
        f"Task?patient={patient}&code={WORK_CODES}|{WORDS}&_count={_AT_MOST}",
    )


def read_words(said: Iterable[Any], tasks: Iterable[Any]) -> list[Words]:
    """The own words among what `said_queries` found, in the order in which they were written."""
    telling = {}
    for one in tasks:
        task = json.loads(one.body)
        telling[(task.get("focus") or {}).get("reference", "")] = (one, task)
    found = []
    for one in said:
        resource = json.loads(one.body)
        if said_by_patient(resource) == OWN_WORDS:
            found.append(_words(one, resource, *telling.get(f"Communication/{one.id}", (None, {}))))
    return sorted(found, key=lambda words: (words.sent, words.id))


def _words(one: Any, resource: Mapping[str, Any], row: Any, task: Mapping[str, Any]) -> Words:
    patient = resource["subject"]["reference"].partition("/")[2]
    waits = task.get("status") in OPEN
    done = task.get("status") == "completed"
    sender, subject = resource["sender"], resource["subject"]["reference"]
    about = next((each.get("reference", "") for each in resource.get("about") or ()), "")
    kind, _, booking = about.partition("/")
    coming = f"Encounter/{contact_of(booking)}" if kind == "Appointment" else ""
    return Words(
        id=one.id,
        version=one.version,
        patient=patient,
        about=about.partition("/_history/")[0],
        contact=(resource.get("encounter") or {}).get("reference", coming),
        author=sender.get("display", "") if sender.get("reference") != subject else "",
        sent=resource.get("sent", ""),
        changed=from_micros(one.updated) if one.version > 1 else None,
        text=_text(resource),
        taken_back=resource.get("status") == "stopped",
        item=f"{WORDS}/{patient}//{row.version}/{row.id}" if waits else "",
        reader=(task.get("owner") or {}).get("display", "") if done else "",
        read=task.get("lastModified", "") if done else "",
    )


async def write(context: Context, type_name: str, logical_id: str, text: str) -> Written | Refusal:
    """Write own words to a contact or note: the patient, or who reads the record for the patient."""
    unfit = _unfit(context, text, type_name)
    if unfit is not None:
        return unfit
    found = await entry(context, _ACT, type_name, logical_id)
    if isinstance(found, Refusal):
        return found
    row, ground = found
    resource = _communication(context, row, ground, text)
    invalid = check(resource)
    if invalid is not None:
        return invalid
    accountable = await writes.accountable(context.pool, row.unit, row.provider)
    new = created(context, resource, accountable)
    told = _task(context, row, new.id, await _responsible(context, row))
    telling = created(context, told, accountable, client_id=told["id"])

    async def work(connection: Any) -> Written | Refusal:
        await log_said(context, new, row.patient, _ACT)
        await writes.create(connection, new)
        await writes.create(connection, telling)
        return Written(Change.CREATED, as_written(new, row))

    return await in_transaction(context, work, what=f"{type_name}/{logical_id}")


async def change(context: Context, logical_id: str, text: str, version: int) -> Written | Refusal:
    """Write one's own words anew; what stood there stays, and they are unread again."""
    unfit = _unfit(context, text)
    if unfit is not None:
        return unfit

    async def work(connection: Any) -> Written | Refusal:
        found = await own(context, connection, OWN_WORDS, logical_id, _ACT)
        if isinstance(found, Refusal):
            return found
        row, resource = found
        if row.version != version or resource.get("status") == "stopped":
            elsewhere = phrase("You have changed this elsewhere since. Read it again.")
            return refuse(RefusalKind.CONFLICT, "conflict", elsewhere)
        if _text(resource) == text:
            return Written(Change.UNCHANGED, stored(row))
        anew = resource | {"payload": [{"contentString": text}]}
        return await _supersede(context, connection, row, anew, _ACT, "requested")

    return await in_transaction(context, work, what=f"Communication/{logical_id}")


async def take_back(context: Context, logical_id: str) -> Written | Refusal:
    """Take one's own words back; that they were written, and what, stays in the history."""

    async def work(connection: Any) -> Written | Refusal:
        found = await own(context, connection, OWN_WORDS, logical_id, _TAKE_BACK)
        if isinstance(found, Refusal):
            return found
        row, resource = found
        if resource.get("status") == "stopped":
            return Written(Change.UNCHANGED, stored(row))
        return await _supersede(context, connection, row, resource | TAKEN_BACK, _TAKE_BACK, "cancelled")

    return await in_transaction(context, work, what=f"Communication/{logical_id}")


async def _supersede(
    context: Context, connection: Any, row: ResourceRow, resource: dict[str, Any], act: str, status: str
) -> Written:
    """Write the next version; whoever was told of the words is told anew, or no more."""
    changes = [(row, await following(context, connection, row, resource))]
    task = (TYPE_CODES["Task"], _task_id(row.id))
    for telling in await reads.lock_many(connection, [task]):
        told = TaskRow(telling, json.loads(telling.body or b"{}"))
        if telling.body is not None and (told.is_open or status in OPEN):
            again = told.resource | {"status": status, "lastModified": instant(context.now())}
            changes.append((telling, await following(context, connection, telling, again)))
    await log_said(context, changes[0][1], row.patient, act)
    await writes.replace_many(connection, changes)
    return Written(Change.UPDATED, as_written(changes[0][1], row))


def _unfit(context: Context, text: str, type_name: str = ABOUT[0]) -> Refusal | None:
    if context.principal.actor.kind is not ActorKind.PATIENT:
        others = phrase("Own words are written by the patient, on the patient's own pages.")
        return refuse(RefusalKind.FORBIDDEN, "forbidden", others)
    if type_name not in ABOUT:
        return refuse(
            RefusalKind.INVALID, "business-rule", phrase("Own words are written to a contact or a note.")
        )
    if not text.strip():
        return refuse(RefusalKind.INVALID, "required", phrase("Write something first."))
    if len(text) > LONGEST:
        long = phrase("What you write has at most %(number)s characters.", number=LONGEST)
        return refuse(RefusalKind.INVALID, "too-long", long)
    return None


def _communication(context: Context, row: ResourceRow, ground: Permit, text: str) -> dict[str, Any]:
    actor = context.principal.actor
    sender = {"reference": actor.reference or f"Patient/{actor.id}"}
    written_as = _WRITTEN_AS.get(ground.basis, "")
    if written_as and actor.id != row.patient:
        sender["display"] = f"{actor.name}, {written_as}"
    about = {"reference": _reference(row)}
    made: dict[str, Any] = {
        "resourceType": "Communication",
        "status": "completed",
        "category": [{"coding": [{"system": ENTRY_CODES, "code": OWN_WORDS}], "text": "Patientens egna ord"}],
        "subject": {"reference": f"Patient/{row.patient}"},
        "about": [about],
        "sent": instant(context.now()),
        "sender": sender,
        "payload": [{"contentString": text}],
    }
    contact = about if _type(row) == "Encounter" else json.loads(row.body or b"{}").get("encounter")
    return made | ({"encounter": {"reference": contact["reference"]}} if _is_reference(contact) else {})


def _task(context: Context, row: ResourceRow, words: str, owner: dict[str, Any]) -> dict[str, Any]:
    now = instant(context.now())
    actor = context.principal.actor
    made = {
        "resourceType": "Task",
        "id": _task_id(words),
        "status": "requested",
        "intent": "order",
        "code": {"coding": [{"system": WORK_CODES, "code": WORDS}]},
        "description": _TOLD.get(_type(row), _TOLD_OF_NOTE),
        "focus": {"reference": f"Communication/{words}"},
        "for": {"reference": f"Patient/{row.patient}"},
        "authoredOn": now,
        "lastModified": now,
        "requester": {"reference": actor.reference or f"Patient/{actor.id}", "display": actor.name},
    }
    return made | ({"owner": owner} if owner else {})


def _task_id(words: str) -> str:
    return str(uuid.uuid5(_NAMES, words))


async def _responsible(context: Context, row: ResourceRow) -> dict[str, Any]:
    """Who wrote the note or whom the contact is with, else the unit; empty where neither is known here."""
    resource = json.loads(row.body or b"{}")
    people = [*resource.get("author", ())]
    for one in resource.get("participant") or ():
        people.append(one.get("individual") or one.get("actor") or {})
    person = next((one for one in people if one.get("reference", "").startswith("Practitioner")), None)
    if person is not None:
        return {name: person[name] for name in ("reference", "display") if name in person}
    return await unit_of(context, row.unit)


def _is_reference(contact: Any) -> bool:
    return isinstance(contact, dict) and str(contact.get("reference", "")).startswith("Encounter/")


def _text(resource: Mapping[str, Any]) -> str:
    return "\n".join(each.get("contentString") or "" for each in resource.get("payload") or ())


def _type(row: ResourceRow) -> str:
    return RESOURCE_TYPES[row.type - 1]


def _reference(row: ResourceRow) -> str:
    return f"{_type(row)}/{row.id}"
