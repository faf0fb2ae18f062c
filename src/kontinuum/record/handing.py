"""Giving what waits to somebody: a note to be signed or countersigned, a task, and what is begun."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Final

from kontinuum.fhir import json
from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.kernel.clock import instant
from kontinuum.kernel.i18n import phrase
from kontinuum.record import provenance, writing
from kontinuum.record.absences import Absences
from kontinuum.record.context import Context, forbidden
from kontinuum.record.correcting import Corrected, change, current
from kontinuum.record.drafts import OF_FORM, OF_NOTE
from kontinuum.record.escalating import name_of, rule_of
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
    current_about,
    is_care,
    of_another,
    party,
    staff_among,
    tasks,
)
from kontinuum.store import drafts
from kontinuum.store.drafts import BegunRow
from kontinuum.store.resources import read as reads
from kontinuum.store.resources.rows import ResourceRow

_COUNTERSIGNED: Final = "Countersigned."
_NAMES: Final = uuid.UUID("6f2b7b1e-6a0c-4f0e-9c5e-2f0a1d7c4b19")


async def give(context: Context, code: str, note: str, to: Party, patient: str) -> Written | Refusal:
    """Give a note of the own unit to somebody, to be signed or countersigned; twice is one Task."""
    if not is_care(context.principal):
        return forbidden(NOT_STAFF)
    row = await current_about(context, "Composition", note, patient)
    if isinstance(row, Refusal):
        return row
    signed = is_signed(json.loads(row.body or b"{}"))
    if signed is not (code == COUNTERSIGN):
        unsigned, done = phrase("The note is not signed yet."), phrase("The note is signed already.")
        return refuse(RefusalKind.CONFLICT, "conflict", unsigned if code == COUNTERSIGN else done)
    key = f"{code}/{note}" if code == SIGN else f"{code}/{note}/{to.reference}"
    return await _put(context, str(uuid.uuid5(_NAMES, key)), code, row, to)


async def pass_on(context: Context, task: str, to: Party, patient: str) -> Written | Refusal:
    """Give what somebody at the unit was asked for to somebody else."""
    row = await current_about(context, "Task", task, patient)
    if isinstance(row, Refusal):
        return row
    found = TaskRow(row, json.loads(row.body or b"{}"))
    if not found.is_open:
        return refuse(RefusalKind.CONFLICT, "conflict", phrase("This is done already."))
    changed = {**found.resource, "owner": party(to), "lastModified": instant(context.now())}
    return await writing.update(context, "Task", task, changed, row.version, False)


async def countersign(context: Context, note: str, version: int) -> Corrected | Refusal:
    """Countersign a signed note that one was asked to countersign; the Task is done with it."""
    if not is_care(context.principal):
        return forbidden(NOT_STAFF)
    row = await current(context, "Composition", note)
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


async def hand_draft(context: Context, identity: str, to: Party, patient: str) -> Refusal | None:
    """Give an open draft of the unit to a colleague there, who signs; who wrote it stays an author.

    By who writes it; for one who is away or works there no more, by those whom the unit's rule names.
    """
    if not is_care(context.principal):
        return forbidden(NOT_STAFF)
    at = context.principal.assignment
    draft = await drafts.at_unit(context.pool, identity, at.provider, at.unit) if _is_uuid(identity) else None
    if draft is None:
        return refuse(RefusalKind.NOT_FOUND, "not-found", phrase("There is no such draft."))
    about, what = (draft.patient,), (f"draft/{draft.id}",)
    if draft.id not in await handable(context, [draft]):
        await context.log("draft", "refused", "own-draft", patients=about, what=what)
        others = phrase(
            "A draft is handed over by who writes it, or while that one is away by who is responsible."
        )
        return refuse(RefusalKind.FORBIDDEN, "forbidden", others)
    other = of_another(draft.patient, patient)
    if other is not None:
        return other
    if not await staff_among(context, [to.reference], in_care=True):
        nobody = phrase("Choose somebody who gives care at the unit.")
        return refuse(RefusalKind.INVALID, "value", nobody)
    writer = f"Practitioner/{draft.owner}"
    (named,) = await reads.read_many(context.pool, [(TYPE_CODES["Practitioner"], draft.owner)]) or (None,)
    name = name_of(json.loads(named.body)) if named is not None and named.body else ""
    authors = [one for one in draft.authors if one["reference"] not in (writer, to.reference)]
    authors.append({"reference": writer} | ({"display": name} if name else {}))
    note = f"handed over to {to.reference}"
    await context.log("draft", "permitted", "own-draft", patients=about, what=what, note=note)
    written = json.dumps(authors).decode()
    if not await drafts.hand(context.pool, draft.id, draft.owner, to.reference.partition("/")[2], written):
        same = phrase("%(name)s writes on one of the same kind about the patient already.", name=to.name)
        return refuse(RefusalKind.CONFLICT, "conflict", same)
    return None


async def handable(context: Context, begun: Sequence[BegunRow]) -> frozenset[str]:
    """Which open drafts the person may hand over.

    One that is written on a note goes with the note. What is kept of a form names nobody but who signs it.
    """
    actor = context.principal.actor
    own = [one for one in begun if OF_NOTE not in one.template and not one.template.startswith(OF_FORM)]
    others = {f"Practitioner/{one.owner}" for one in own} - {f"Practitioner/{actor.id}"}
    may: set[str] = set()
    if others and actor.reference in (await rule_of(context)).named:
        away = {one.person for one in await Absences(context).today()}
        here = await staff_among(context, others, in_care=True)
        may = {one for one in others if one in away} | (others - here)
    return frozenset(one.id for one in own if one.owner == actor.id or f"Practitioner/{one.owner}" in may)


def _is_uuid(text: str) -> bool:
    try:
        return bool(uuid.UUID(text))
    except ValueError:
        return False
