"""Giving what waits to somebody: a note to be signed or countersigned, a task, and what is begun."""

from __future__ import annotations

import uuid
from typing import Final

from kontinuum.fhir import json
from kontinuum.kernel.clock import instant
from kontinuum.kernel.i18n import phrase
from kontinuum.record import provenance, writing
from kontinuum.record.context import Context, forbidden
from kontinuum.record.correcting import Corrected, change, current
from kontinuum.record.guarding import is_signed
from kontinuum.record.outcome import Refusal, RefusalKind, Written, refuse
from kontinuum.record.planning import Intent
from kontinuum.record.tasks import (
    COUNTERSIGN,
    NOT_STAFF,
    SIGN,
    WORK_CODES,
    Party,
    TaskRow,
    is_care,
    party,
    tasks,
)
from kontinuum.store.resources.rows import ResourceRow

_COUNTERSIGNED: Final = "Countersigned."
_NAMES: Final = uuid.UUID("6f2b7b1e-6a0c-4f0e-9c5e-2f0a1d7c4b19")


async def give(context: Context, code: str, note: str, to: Party) -> Written | Refusal:
    """Give a note of the own unit to somebody, to be signed or countersigned; twice is one Task."""
    row = await _note(context, note)
    if isinstance(row, Refusal):
        return row
    signed = is_signed(json.loads(row.body or b"{}"))
    if signed is not (code == COUNTERSIGN):
        unsigned, done = phrase("The note is not signed yet."), phrase("The note is signed already.")
        return refuse(RefusalKind.CONFLICT, "conflict", unsigned if code == COUNTERSIGN else done)
    key = f"{code}/{note}" if code == SIGN else f"{code}/{note}/{to.reference}"
    return await _put(context, str(uuid.uuid5(_NAMES, key)), code, row, to)


async def pass_on(context: Context, task: str, to: Party) -> Written | Refusal:
    """Give what somebody at the unit was asked for to somebody else."""
    row = await current(context, "Task", task)
    if isinstance(row, Refusal):
        return row
    found = TaskRow(row, json.loads(row.body or b"{}"))
    if not found.is_open:
        return refuse(RefusalKind.CONFLICT, "conflict", phrase("This is done already."))
    changed = {**found.resource, "owner": party(to), "lastModified": instant(context.now())}
    return await writing.update(context, "Task", task, changed, row.version, False)


async def countersign(context: Context, note: str, version: int) -> Corrected | Refusal:
    """Countersign a signed note that one was asked to countersign; the Task is done with it."""
    row = await _note(context, note)
    if isinstance(row, Refusal):
        return row
    principal = context.principal
    mine = principal.actor.reference or ""
    found = await tasks(context, f"&focus=Composition/{note}&owner={mine}") if mine else []
    asked = [one for one in found if one.code == COUNTERSIGN]
    resource = json.loads(row.body or b"{}")
    if not asked or not is_signed(resource):
        unasked = phrase("Nobody asks you to countersign this note now.")
        return refuse(RefusalKind.CONFLICT, "conflict", unasked)
    if row.version != version:
        changed = phrase("The note was changed after it was shown. Read it again and sign it.")
        return refuse(RefusalKind.CONFLICT, "conflict", changed)
    now = instant(context.now())
    party = {"reference": mine, "display": principal.signature}
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
    return await change(context, signed, _COUNTERSIGNED, version, activity, beside=done)


async def _note(context: Context, note: str) -> ResourceRow | Refusal:
    if not is_care(context.principal):
        return forbidden(NOT_STAFF)
    return await current(context, "Composition", note)


async def _put(context: Context, identity: str, code: str, note: ResourceRow, to: Party) -> Written | Refusal:
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
        "owner": party(to),
    }
    return await writing.update(context, "Task", identity, task, None, False)
