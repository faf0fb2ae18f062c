"""The patient's dissent: that the patient holds an entry to be wrong is noted at the entry.

patientdatalagen (2008:355) 3:8. A dissent is a Communication of its own whose `about` is the entry. Nobody
may change or remove it; the one who made it may withdraw it, and then it stands as withdrawn.
"""

from __future__ import annotations

from typing import Any, Final

from kontinuum.access import Action, Deny, Permit
from kontinuum.access.kept_back import Withheld
from kontinuum.fhir import json
from kontinuum.fhir.definitions import RESOURCE_TYPES, TYPE_CODES
from kontinuum.kernel.clock import instant
from kontinuum.kernel.i18n import phrase
from kontinuum.kernel.ids import is_id
from kontinuum.kernel.principal import ActorKind
from kontinuum.record import withholding
from kontinuum.record.circumstances import decide_rows
from kontinuum.record.context import Context, missing, stored, type_code
from kontinuum.record.guarding import DISSENT, DISSENT_PROVISION, ENTRY_CODES, said_by_patient
from kontinuum.record.outcome import Change, Refusal, RefusalKind, Stored, Written, refuse
from kontinuum.record.preparing import check, created, superseding
from kontinuum.record.writing import in_transaction
from kontinuum.store import persons
from kontinuum.store.resources import read as reads
from kontinuum.store.resources import write as writes
from kontinuum.store.resources.rows import NewVersion, ResourceRow

LONGEST: Final = 20_000
TAKEN_BACK: Final = {"status": "stopped", "statusReason": {"text": "Återtagen av patienten"}}


async def dissent(context: Context, type_name: str, logical_id: str, text: str) -> Written | Refusal:
    """Note that the patient holds an entry to be wrong: by the patient, or by staff whom the patient told.

    The unit that is accountable for the entry is accountable for the note.
    """
    if not text.strip():
        return refuse(RefusalKind.INVALID, "required", phrase("Write what the patient holds to be wrong."))
    if len(text) > LONGEST:
        long = phrase("A dissent has at most %(number)s characters.", number=LONGEST)
        return refuse(RefusalKind.INVALID, "too-long", long)
    found = await entry(context, DISSENT, type_name, logical_id)
    if isinstance(found, Refusal):
        return found
    row, _ = found
    resource = _communication(context, row, text)
    invalid = check(resource)
    if invalid is not None:
        return invalid
    accountable = await writes.accountable(context.pool, row.unit, row.provider)
    new = created(context, resource, accountable)
    await log_said(context, new, row.patient, "dissent")
    async with context.pool.acquire() as connection:
        await writes.create(connection, new)
    return Written(Change.CREATED, as_written(new, row))


async def withdraw_dissent(context: Context, logical_id: str) -> Written | Refusal:
    """Let the one who made a dissent take it back; that it was made, and is withdrawn, stays."""

    async def work(connection: Any) -> Written | Refusal:
        found = await own(context, connection, DISSENT, logical_id, "withdraw-dissent")
        if isinstance(found, Refusal):
            return found
        row, resource = found
        if resource.get("status") == "stopped":
            return Written(Change.UNCHANGED, stored(row))
        changed = await following(context, connection, row, resource | TAKEN_BACK)
        await log_said(context, changed, row.patient, "withdraw-dissent")
        await writes.replace_many(connection, [(row, changed)])
        return Written(Change.UPDATED, as_written(changed, row))

    return await in_transaction(context, work, what=f"Communication/{logical_id}")


async def entry(
    context: Context, act: str, type_name: str, logical_id: str
) -> tuple[ResourceRow, Permit] | Refusal:
    """The entry that something is said of, as whoever says it may read it (staff: write about it)."""
    code = type_code(type_name)
    if isinstance(code, Refusal):
        return code
    row = await reads.read(context.pool, code, logical_id) if is_id(logical_id) else None
    if row is None or row.body is None:
        await context.log(act, "not-found", "", what=(f"{type_name}/{logical_id}",))
        return missing(type_name, logical_id)
    action = Action.READ if context.principal.actor.kind is ActorKind.PATIENT else Action.WRITE
    (decision,) = await decide_rows(context, context.pool, action, [row])
    if isinstance(decision, Deny):
        return await context.denied(act, decision, row)
    if isinstance(await withholding.released(context, context.pool, row), Withheld):
        await context.log(act, "refused", "kept-back", patients=(row.patient,), what=(_name(row),))
        return missing(type_name, logical_id)
    if row.patient is None:
        return refuse(RefusalKind.INVALID, "business-rule", "The entry is in no patient's record.")
    return row, decision


async def own(
    context: Context, connection: Any, said: str, logical_id: str, act: str
) -> tuple[ResourceRow, dict[str, Any]] | Refusal:
    """What whoever acts has said (`DISSENT` or `OWN_WORDS`), locked to be changed."""
    place = (TYPE_CODES["Communication"], logical_id)
    rows = await reads.lock_many(connection, [place]) if is_id(logical_id) else []
    row = rows[0] if rows else None
    if row is None or row.body is None or said_by_patient(resource := json.loads(row.body)) != said:
        return missing("Communication", logical_id)
    (decision,) = await decide_rows(context, connection, Action.READ, [row])
    if isinstance(decision, Deny) or not await _is_own(context, connection, resource):
        await context.log(act, "refused", f"own-{said}", patients=(row.patient,), what=(_name(row),))
        return _not_own(said, row.id)
    return row, resource


async def following(
    context: Context, connection: Any, row: ResourceRow, resource: dict[str, Any]
) -> NewVersion:
    """The next version; whoever answered for the one before answers for it."""
    moment = max(context.now(), row.updated + 1)
    accountable = await writes.accountable(connection, row.unit, row.provider)
    return superseding(resource, row.key, row.id, row.version + 1, moment, accountable)


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


def _not_own(said: str, logical_id: str) -> Refusal:
    dissent = phrase(
        "Only the one who made the dissent may withdraw it. (%(provision)s)", provision=DISSENT_PROVISION
    )
    text = dissent if said == DISSENT else phrase("Only who wrote these words may change them.")
    return refuse(RefusalKind.FORBIDDEN, "business-rule", text, f"Communication/{logical_id}")


def _name(row: ResourceRow) -> str:
    return f"{RESOURCE_TYPES[row.type - 1]}/{row.id}"


async def log_said(context: Context, new: NewVersion, patient: str | None, act: str) -> None:
    """Log that something is said, before it is written."""
    what = f"Communication/{new.id}/_history/{new.version}"
    said = act.removeprefix("withdraw-")
    await context.log(act, "permitted", said, patients=(patient,), what=(what,), count=1)


def as_written(new: NewVersion, row: ResourceRow) -> Stored:
    """What was written, under the unit that answers for `row`."""
    return Stored("Communication", new.id, new.version, new.updated, new.body, row.unit, row.provider)
