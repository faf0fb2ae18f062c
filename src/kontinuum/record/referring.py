"""Referrals: sent to another unit, assessed there, answered back.

A referral (remiss) is the sender's ServiceRequest and Task (`ORDER`). What the receiver gets to see is what
was sent, and nothing else of the sender's record: a Task of its own (`REFERRAL`) with the words of the
referral, for which the receiving unit answers from the moment when it is there. What becomes of it is
delivered the other way, into the sender's Task. Each side reads its own, under its own care relation: that
of the receiver is the referral itself (patientdatalagen (2008:355) 4:1).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from kontinuum.access import Deny
from kontinuum.fhir import json
from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.kernel.awaiting import REFERRAL as AWAITED
from kontinuum.kernel.awaiting import within
from kontinuum.kernel.clock import from_micros, instant
from kontinuum.kernel.i18n import local, phrase
from kontinuum.record import ordered, writing
from kontinuum.record.context import Context, forbidden
from kontinuum.record.correcting import check_reason, current
from kontinuum.record.dissenting import following
from kontinuum.record.existence import standing
from kontinuum.record.ordered import ACCEPTED, ANSWERED, ASKED, DECLINED
from kontinuum.record.outcome import Change, Refusal, RefusalKind, Written, refuse
from kontinuum.record.planning import Intent, as_stored
from kontinuum.record.preparing import check, created
from kontinuum.record.tasks import LONGEST, NOT_STAFF, REFERRAL, WORK_CODES, TaskRow, business, is_care
from kontinuum.store.resources import read as reads
from kontinuum.store.resources import write as writes
from kontinuum.store.resources.rows import NewVersion
from kontinuum.sweden import systems

COMPLETED: Final = "completed"
"""What the sender does with a question about the referral: writes what was lacking (komplettering)."""
READ_WITHIN: Final = 3
"""After how many days an answer that nobody has acknowledged needs somebody."""

BASIS: Final = "referral"
_NAMES: Final = uuid.UUID("3d1f4f36-0e2b-4b8e-9a2f-6c1f7b5d2e90")
_STATUS: Final = {ACCEPTED: "accepted", ASKED: "on-hold", ANSWERED: "completed", DECLINED: "rejected"}
"""What a Task of the receiver becomes by what is done with it."""


def received_id(order: str) -> str:
    """The id of the receiver's Task of a referral, by the id of its ServiceRequest."""
    return str(uuid.uuid5(_NAMES, order))


@dataclass(frozen=True, slots=True)
class _Receiver:
    unit: str
    provider: str


async def send(context: Context, request: dict[str, Any], awaited: dict[str, Any]) -> Refusal | None:
    """Write a referral and the Task of its sender, and hand it to the unit that it names, all or nothing.

    A receiver outside the record is named by words alone, and gets the referral by other ways.
    """
    if not is_care(context.principal):
        return forbidden(NOT_STAFF)
    patient = str(request.get("subject", {}).get("reference", "")).removeprefix("Patient/")
    if not (await standing(context, patient)).related:
        return forbidden(_NO_RELATION)
    receiver = await _receiver(context, request)
    if isinstance(receiver, Refusal):
        return receiver
    told = _told(context, request, awaited) if receiver is not None else None
    for one in (request, awaited, *([told] if told else ())):
        invalid = check(one)
        if invalid is not None:
            return invalid
    number = await writes.accountable(context.pool, receiver.unit, receiver.provider) if receiver else 0
    own = [Intent(one["resourceType"], one["id"], one) for one in (request, awaited)]

    async def work(connection: Any) -> Written | Refusal:
        results = await writing.apply(context, connection, own)
        refused = next((one for one in results if isinstance(one, Refusal)), None)
        if refused is not None or told is None:
            return refused or results[0]
        name = (TYPE_CODES["Task"], told["id"])
        if not await reads.lock_many(connection, [name]):
            handed = created(context, told, number, client_id=told["id"])
            await _log(context, "create", handed)
            await writes.create(connection, handed)
        return results[0]

    done = await writing.in_transaction(context, work, what=f"ServiceRequest/{request['id']}")
    return done if isinstance(done, Refusal) else None


_NO_RELATION: Final = Deny(
    "care-relation",
    "You have no care relation to this patient just now, so nothing was written. "
    "State it on the patient's chart.",
    "patientdatalagen (2008:355) 4:1",
)


async def _receiver(context: Context, request: Mapping[str, Any]) -> _Receiver | Refusal | None:
    """The unit that a referral is sent to; None for one that is named by words alone."""
    named = next((one.get("reference", "") for one in request.get("performer") or ()), "")
    if not named:
        return None
    row = await reads.read(context.pool, TYPE_CODES["Organization"], named.removeprefix("Organization/"))
    identifiers = json.loads(row.body).get("identifier") or () if row is not None and row.body else ()
    for one in identifiers:
        if systems.canonical(one.get("system") or "") == systems.HSA_ID and row is not None:
            return _Receiver(one["value"], row.provider)
    unknown = phrase("The receiver is not a unit in the directory. Choose another one, or write its name.")
    return refuse(RefusalKind.INVALID, "not-found", unknown)


def _told(context: Context, request: Mapping[str, Any], awaited: Mapping[str, Any]) -> dict[str, Any]:
    """What the receiver gets: the words of the referral, and who waits for the answer."""
    texts = [("question", one.get("text", "")) for one in request.get("reasonCode") or ()]
    texts += [("background", one.get("text", "")) for one in request.get("note") or ()]
    made: dict[str, Any] = {
        "resourceType": "Task",
        "id": received_id(request["id"]),
        "basedOn": [{"reference": f"ServiceRequest/{request['id']}"}],
        "partOf": [{"reference": f"Task/{awaited['id']}"}],
        "status": "requested",
        "intent": "order",
        "priority": request.get("priority", "routine"),
        "code": {"coding": [{"system": WORK_CODES, "code": REFERRAL}], "text": "Remiss"},
        "description": (request.get("code") or {}).get("text", ""),
        "for": request["subject"],
        "authoredOn": request["authoredOn"],
        "lastModified": request["authoredOn"],
        "requester": {
            **awaited["requester"],
            "display": f"{awaited['requester']['display']}, {context.principal.assignment.unit_name}",
        },
        "owner": request["performer"][0],
        "input": [{"type": _word(kind), "valueString": text} for kind, text in texts if text],
    }
    if not made["input"]:
        del made["input"]
    return made | ({"restriction": awaited["restriction"]} if "restriction" in awaited else {})


async def reply(context: Context, task: str, version: int, deed: str, text: str) -> Written | Refusal:
    """Say what becomes of a referral: the receiver accepts, asks, declines or answers; the sender completes.

    Both sides' Tasks tell it from the same moment.
    """
    if not is_care(context.principal):
        return forbidden(NOT_STAFF)
    row = await current(context, "Task", task)
    if isinstance(row, Refusal):
        return row
    found = TaskRow(row, json.loads(row.body or b"{}"))
    if row.version != version:
        return refuse(RefusalKind.CONFLICT, "conflict", _FIRST)
    unfit = _unfit(found, deed, text)
    if unfit is not None:
        return unfit
    other = await _other_side(context, found)
    sender = other if found.code == REFERRAL and other is not None else found
    times = (await context.services.decided.of(sender.row.provider)).answer_times

    async def work(connection: Any) -> Written | Refusal:
        names = [(TYPE_CODES["Task"], one) for one in (task, *([other.row.id] if other else ()))]
        locked = {one.id: one for one in await reads.lock_many(connection, names)}
        if locked[task].version != version:
            return refuse(RefusalKind.CONFLICT, "conflict", _FIRST)
        changes = []
        for one in locked.values():
            after = _after(context, TaskRow(one, json.loads(one.body or b"{}")), deed, text, times)
            changed = await following(context, connection, one, after)
            await _log(context, "update", changed)
            changes.append((one, changed))
        await writes.replace_many(connection, changes)
        mine = next(new for old, new in changes if old.id == task)
        return Written(Change.UPDATED, as_stored(context, mine))

    return await writing.in_transaction(context, work, what=f"Task/{task}")


_FIRST: Final = phrase("Somebody was first: look at what stands there now.")


def _unfit(found: TaskRow, deed: str, text: str) -> Refusal | None:
    receives = found.code == REFERRAL and found.is_open and deed in _STATUS
    sends = deed == COMPLETED and found.is_open and found.state == ASKED and found.code != REFERRAL
    if not receives and not sends:
        return refuse(RefusalKind.CONFLICT, "conflict", phrase("This is done already."))
    if not text.strip() and deed != ACCEPTED:
        return refuse(RefusalKind.INVALID, "required", phrase("Write a word to who asked."))
    if len(text) > LONGEST:
        long = phrase("The text has at most %(number)s characters.", number=LONGEST)
        return refuse(RefusalKind.INVALID, "too-long", long)
    return None


async def _other_side(context: Context, found: TaskRow) -> TaskRow | None:
    """The open Task of the other side; None for what came, or went, by other ways.

    A Task that anybody has written makes no other one its own: both name each other, and the order names the
    unit that answers for the receiver's.
    """
    receives = found.code == REFERRAL
    sent = next((one.removeprefix("ServiceRequest/") for one in found.based_on), "")
    whole = next((one.get("reference", "") for one in found.resource.get("partOf", ())), "")
    name = whole.removeprefix("Task/") if receives else received_id(sent)
    rows = await reads.read_many(
        context.pool, [(TYPE_CODES["Task"], name), (TYPE_CODES["ServiceRequest"], sent)]
    )
    known = {row.type: row for row in rows if row.body and row.patient == found.row.patient}
    row, request = known.get(TYPE_CODES["Task"]), known.get(TYPE_CODES["ServiceRequest"])
    if row is None or request is None:
        return None
    other = TaskRow(row, json.loads(row.body or b""))
    mine, theirs = (other, found) if receives else (found, other)
    part_of = [one.get("reference") for one in theirs.resource.get("partOf", ())]
    receiver = await _receiver(context, json.loads(request.body or b""))
    named = isinstance(receiver, _Receiver) and receiver.unit == theirs.row.unit
    mutual = part_of == [f"Task/{mine.row.id}"] and f"ServiceRequest/{request.id}" in mine.based_on
    both = mutual and named and theirs.row.id == received_id(request.id) and mine.row.unit == request.unit
    return other if both and other.is_open else None


def _after(context: Context, task: TaskRow, deed: str, text: str, times: Sequence[str]) -> dict[str, Any]:
    """A Task of either side after what was done; `times` are those that the sender's provider has decided."""
    now, principal, body = instant(context.now()), context.principal, task.resource
    changed = {**body, "lastModified": now, "businessStatus": business(deed)}
    if deed == COMPLETED:
        changed.pop("businessStatus")
    if task.code == REFERRAL:
        changed["status"] = _STATUS.get(deed, "requested")
        if deed != COMPLETED and principal.actor.reference:
            changed["owner"] = {"reference": principal.actor.reference, "display": principal.actor.name}
    elif deed != ASKED and deed != COMPLETED:
        moment = from_micros(context.now())
        last = (local(moment).date() + timedelta(days=READ_WITHIN)).isoformat()
        if deed == ACCEPTED:
            receiver, priority = principal.assignment.unit, body.get("priority", "routine")
            awaited = within(times, receiver, AWAITED, priority)
            last = awaited.until(moment, local(moment).date())
        changed["restriction"] = {"period": {"end": last}}
    if text.strip() and deed == ANSWERED:
        changed["output"] = [*body.get("output", ()), {"type": _word("answer"), "valueString": text}]
    if text.strip():
        who = f"{principal.signature}, {principal.assignment.unit_name}"
        note = {"authorString": who, "time": now, "text": text}
        changed["note"] = [*body.get("note", ()), note]
    return changed


async def revoke(context: Context, task: str, version: int, reason: str) -> Written | Refusal:
    """Take back an order or a referral, with the reason; the receiver's Task is over with it."""
    unreasoned = check_reason(reason)
    if unreasoned is not None:
        return unreasoned
    found = await ordered.order(context, task, version)
    if isinstance(found, Refusal):
        return found
    now, who = instant(context.now()), context.principal.signature
    why = {"status": "cancelled", "statusReason": {"text": reason}, "lastModified": now}
    intents = [Intent("Task", task, {**found.resource, **why}, version)]
    for row in await ordered.requests(context, found):
        body = json.loads(row.body or b"{}")
        note = {"authorString": who, "time": now, "text": reason}
        revoked = {**body, "status": "revoked", "note": [*body.get("note", ()), note]}
        intents.append(Intent("ServiceRequest", row.id, revoked, row.version))
    other = await _other_side(context, found)
    handed = [(TYPE_CODES["Task"], other.row.id)] if other else []

    async def work(connection: Any) -> Written | Refusal:
        results = await writing.apply(context, connection, intents)
        refused = next((one for one in results if isinstance(one, Refusal)), None)
        if refused is not None:
            return refused
        for row in await reads.lock_many(connection, handed):
            body = json.loads(row.body or b"{}")
            if TaskRow(row, body).is_open:
                over = await following(context, connection, row, {**body, **why})
                await _log(context, "update", over)
                await writes.replace_many(connection, [(row, over)])
        return results[0]

    return await writing.in_transaction(context, work, what=f"Task/{task}")


async def _log(context: Context, action: str, new: NewVersion) -> None:
    """Log what is delivered to another unit, before it is written."""
    what = f"Task/{new.id}/_history/{new.version}"
    await context.log(action, "permitted", BASIS, patients=(new.patient,), what=(what,), count=1)


def _word(code: str) -> dict[str, Any]:
    return {"coding": [{"system": WORK_CODES, "code": code}]}
