"""The patient's dissent: that the patient holds an entry to be wrong is noted at the entry.

patientdatalagen (2008:355) 3:8. A dissent is a Communication of its own whose `about` is the entry. Nobody
may change or remove it; the one who made it may withdraw it, and then it stands as withdrawn.
"""

from __future__ import annotations

from typing import Any, Final

from kontinuum.access import Action, Deny
from kontinuum.access.kept_back import Withheld
from kontinuum.fhir import json
from kontinuum.fhir.definitions import RESOURCE_TYPES, TYPE_CODES
from kontinuum.kernel.clock import instant
from kontinuum.kernel.i18n import phrase
from kontinuum.kernel.principal import ActorKind
from kontinuum.record import withholding
from kontinuum.record.circumstances import decide_rows
from kontinuum.record.context import Context, is_id, missing, type_code
from kontinuum.record.guarding import DISSENT, DISSENT_PROVISION, ENTRY_CODES, is_dissent
from kontinuum.record.outcome import Change, Refusal, RefusalKind, Stored, Written, refuse
from kontinuum.record.preparing import check, created, superseding
from kontinuum.record.writing import in_transaction
from kontinuum.store import persons
from kontinuum.store.resources import read as reads
from kontinuum.store.resources import write as writes
from kontinuum.store.resources.rows import NewVersion, ResourceRow

LONGEST: Final = 20_000


async def dissent(context: Context, type_name: str, logical_id: str, text: str) -> Written | Refusal:
    """Note that the patient holds an entry to be wrong: by the patient, or by staff whom the patient told.

    The unit that is accountable for the entry is accountable for the note.
    """
    if not text.strip():
        return refuse(RefusalKind.INVALID, "required", phrase("Write what the patient holds to be wrong."))
    if len(text) > LONGEST:
        long = phrase("A dissent has at most %(number)s characters.", number=LONGEST)
        return refuse(RefusalKind.INVALID, "too-long", long)
    row = await _entry(context, type_name, logical_id)
    if isinstance(row, Refusal):
        return row
    if row.patient is None:
        return refuse(RefusalKind.INVALID, "business-rule", "The entry is in no patient's record.")
    resource = _communication(context, row, text)
    invalid = check(resource)
    if invalid is not None:
        return invalid
    accountable = await writes.accountable(context.pool, row.unit, row.provider)
    new = created(context, resource, accountable)
    await _log(context, new, row.patient)
    async with context.pool.acquire() as connection:
        await writes.create(connection, new)
    return Written(Change.CREATED, _stored(new, row))


async def withdraw_dissent(context: Context, logical_id: str) -> Written | Refusal:
    """Let the one who made a dissent take it back; that it was made, and is withdrawn, stays."""

    async def work(connection: Any) -> Written | Refusal:
        place = (TYPE_CODES["Communication"], logical_id)
        rows = await reads.lock_many(connection, [place]) if is_id(logical_id) else []
        row = rows[0] if rows else None
        if row is None or row.body is None or not is_dissent(resource := json.loads(row.body)):
            return missing("Communication", logical_id)
        (decision,) = await decide_rows(context, connection, Action.READ, [row])
        if isinstance(decision, Deny) or not await _is_own(context, connection, resource):
            await context.log(
                "withdraw-dissent", "refused", "own-dissent", patients=(row.patient,), what=(_name(row),)
            )
            return _not_own(row.id)
        resource |= {"status": "stopped", "statusReason": {"text": "Återtagen av patienten"}}
        moment = max(context.now(), row.updated + 1)
        accountable = await writes.accountable(connection, row.unit, row.provider)
        new = superseding(resource, row.key, row.id, row.version + 1, moment, accountable)
        if json.loads(row.body).get("status") == "stopped":
            return Written(Change.UNCHANGED, _stored_row(row))
        await _log(context, new, row.patient, "withdraw-dissent")
        await writes.replace_many(connection, [(row, new)])
        return Written(Change.UPDATED, _stored(new, row))

    return await in_transaction(context, work, what=f"Communication/{logical_id}")


async def _entry(context: Context, type_name: str, logical_id: str) -> ResourceRow | Refusal:
    code = type_code(type_name)
    if isinstance(code, Refusal):
        return code
    row = await reads.read(context.pool, code, logical_id) if is_id(logical_id) else None
    if row is None or row.body is None:
        await context.log("dissent", "not-found", "", what=(f"{type_name}/{logical_id}",))
        return missing(type_name, logical_id)
    own = context.principal.actor.kind is ActorKind.PATIENT
    action = Action.READ if own else Action.WRITE
    (decision,) = await decide_rows(context, context.pool, action, [row])
    if isinstance(decision, Deny):
        return await context.denied("dissent", decision, row)
    if isinstance(await withholding.released(context, context.pool, row), Withheld):
        await context.log("dissent", "refused", "kept-back", patients=(row.patient,), what=(_name(row),))
        return missing(type_name, logical_id)
    return row


def _communication(context: Context, row: ResourceRow, text: str) -> dict[str, Any]:
    actor = context.principal.actor
    patient = f"Patient/{row.patient}"
    own = actor.kind is ActorKind.PATIENT
    made: dict[str, Any] = {
        "resourceType": "Communication",
        "status": "completed",
        "category": [
            {"coding": [{"system": ENTRY_CODES, "code": DISSENT}], "text": "Patientens avvikande mening"}
        ],
        "subject": {"reference": patient},
        "about": [{"reference": _name(row)}],
        "sent": instant(context.now()),
        "sender": {"reference": (actor.reference or f"Patient/{actor.id}") if own else patient},
        "payload": [{"contentString": text}],
    }
    if not own:
        taken_by = {"reference": actor.reference} if actor.reference else {}
        made["recipient"] = [{**taken_by, "display": actor.name}]
    return made


async def _is_own(context: Context, connection: Any, resource: dict[str, Any]) -> bool:
    """Whether a dissent was made by the person who acts, as whichever Patient that person was known then."""
    actor = context.principal.actor
    if actor.kind is not ActorKind.PATIENT:
        return False
    known_as = (f"Patient/{each}" for each in await persons.whole(connection, actor.id))
    return resource.get("sender", {}).get("reference") in {actor.reference, *known_as}


def _not_own(logical_id: str) -> Refusal:
    text = phrase(
        "Only the one who made the dissent may withdraw it. (%(provision)s)", provision=DISSENT_PROVISION
    )
    return refuse(RefusalKind.FORBIDDEN, "business-rule", text, f"Communication/{logical_id}")


def _name(row: ResourceRow) -> str:
    return f"{RESOURCE_TYPES[row.type - 1]}/{row.id}"


async def _log(context: Context, new: NewVersion, patient: str | None, action: str = "dissent") -> None:
    what = f"Communication/{new.id}/_history/{new.version}"
    await context.log(action, "permitted", "dissent", patients=(patient,), what=(what,), count=1)


def _stored(new: NewVersion, row: ResourceRow) -> Stored:
    return Stored("Communication", new.id, new.version, new.updated, new.body, row.unit, row.provider)


def _stored_row(row: ResourceRow) -> Stored:
    return Stored("Communication", row.id, row.version, row.updated, row.body, row.unit, row.provider)
