"""Reading: one resource, one version, several resources, history. Logged before it is shown."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated

import msgspec

from kontinuum.access import Action, Deny, predicate
from kontinuum.access.kept_back import PROVISION, Withheld
from kontinuum.access.scopes import outside
from kontinuum.audit.event import place_of
from kontinuum.fhir.definitions import RESOURCE_TYPES, TYPE_CODES
from kontinuum.fhir.issues import Issue
from kontinuum.kernel.ids import is_id
from kontinuum.record import tombstones
from kontinuum.record.circumstances import decide_rows, facts, readable
from kontinuum.record.context import Context, missing, reference, stored, type_code
from kontinuum.record.logbook import Logbook
from kontinuum.record.outcome import HistoryPage, Refusal, RefusalKind, Stored, refuse
from kontinuum.record.release import release, release_one
from kontinuum.record.scoping import types_beyond_scopes
from kontinuum.record.withholding import released, visible
from kontinuum.store.resources import read as store
from kontinuum.store.resources.rows import ResourceRow

_Large = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_Position = tuple[_Large, _Large, Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]]


async def read(context: Context, type_name: str, logical_id: str) -> Stored | Refusal:
    """The current version of a resource (http://hl7.org/fhir/R4/http.html#read).

    An entry of the log is an AuditEvent whose id tells its place in the log.
    """
    if type_name == "AuditEvent" and place_of(logical_id) is not None:
        return await Logbook(context).event(logical_id)
    row = await _existing(context, "read", type_name, logical_id)
    if isinstance(row, Refusal):
        return row
    shown = await _released(context, "read", row)
    if isinstance(shown, Refusal):
        return shown
    return gone(shown) if shown.body is None else await release_one(context, context.pool, shown)


async def vread(context: Context, type_name: str, logical_id: str, version: int) -> Stored | Refusal:
    """One version of a resource (http://hl7.org/fhir/R4/http.html#vread).

    The law is asked about the current version and about the one wanted: a resource that was corrected to
    belong to another patient has earlier versions that are not this patient's.
    """
    row = await _readable(context, "vread", type_name, logical_id)
    if isinstance(row, Refusal):
        return row
    found = await store.read_version(context.pool, row, version)
    if found is None and 0 < version < row.version:  # it moved to another patient's bucket meanwhile
        row = await store.read(context.pool, row.type, row.id) or row
        found = await store.read_version(context.pool, row, version)
    if found is None:
        await context.log(
            "vread",
            "not-found",
            "",
            patients=(row.patient,),
            what=(_versioned(type_name, logical_id, version),),
        )
        return refuse(
            RefusalKind.NOT_FOUND,
            "not-found",
            f"{type_name}/{logical_id} has no version {version}; the current one is {row.version}.",
        )
    shown = await _released(context, "vread", found)
    if isinstance(shown, Refusal):
        return shown
    return gone(shown) if shown.body is None else await release_one(context, context.pool, shown)


def _versioned(type_name: str, logical_id: str, version: int) -> str:
    return f"{type_name}/{logical_id}/_history/{version}"


async def _existing(context: Context, action: str, type_name: str, logical_id: str) -> ResourceRow | Refusal:
    """The current row of a resource, before the law is asked; that there is none is logged."""
    code = type_code(type_name)
    if isinstance(code, Refusal):
        return code
    row = await store.read(context.pool, code, logical_id) if is_id(logical_id) else None
    if row is None:
        remains = await tombstones.known(context, [(code, logical_id)] if is_id(logical_id) else [])
        patients = [each.patient for each in remains.values()]
        await context.log(action, "not-found", "", patients=patients, what=(f"{type_name}/{logical_id}",))
        found = next(iter(remains.values()), None)
        return missing(type_name, logical_id) if found is None else tombstones.gone(found)
    return row


async def _readable(context: Context, action: str, type_name: str, logical_id: str) -> ResourceRow | Refusal:
    """The current row of a resource that the principal may read; only refusals are logged."""
    row = await _existing(context, action, type_name, logical_id)
    if isinstance(row, Refusal):
        return row
    (decision,) = await decide_rows(context, context.pool, Action.READ, [row])
    return await context.denied(action, decision, row) if isinstance(decision, Deny) else row


async def _released(context: Context, action: str, row: ResourceRow) -> ResourceRow | Refusal:
    """A row as it is shown, which is logged; the refusal, logged as well, when the law does not let it be."""
    (decision,) = await decide_rows(context, context.pool, Action.READ, [row])
    if isinstance(decision, Deny):
        return await context.denied(action, decision, row)
    shown = await released(context, context.pool, row)
    if isinstance(shown, Withheld):
        return await _withheld(context, action, row, shown)
    await context.log(
        action, "permitted", decision.basis, patients=(row.patient,), what=(reference(row),), count=1
    )
    return shown


async def _withheld(context: Context, action: str, row: ResourceRow, withheld: Withheld) -> Refusal:
    """The refusal of what is kept back from the patient: as of what is not there, unless it may be told."""
    await context.log(action, "refused", "kept-back", patients=(row.patient,), what=(reference(row),))
    if not withheld.told:
        return missing(RESOURCE_TYPES[row.type - 1], row.id)
    message = f"This is not shown to you yet; ask the unit about it. ({PROVISION})"
    return Refusal(RefusalKind.FORBIDDEN, (Issue("error", "suppressed", message),), PROVISION)


async def read_many(context: Context, references: Sequence[str]) -> dict[str, Stored]:
    """Several resources by `Type/id`; what does not exist or is not permitted is absent."""
    wanted = [pair for text in references if (pair := split(text))]
    found = await store.read_many(context.pool, wanted)
    permitted = await readable(context, context.pool, [row for row in found if row.body is not None])
    shown = await visible(context, context.pool, permitted)
    await context.log(
        "read",
        "permitted",
        "several",
        patients=(row.patient for row in shown),
        what=(reference(row) for row in shown),
        count=len(shown),
    )
    return {item.reference: item for item in await release(context, context.pool, shown)}


async def history(
    context: Context,
    type_name: str | None,
    logical_id: str | None,
    *,
    count: int,
    cursor: str | None,
    since: int | None,
    until: int | None,
    at: int | None,
) -> HistoryPage | Refusal:
    """Versions newest first: of a resource, a type or everything (http://hl7.org/fhir/R4/http.html#history)."""
    code = None if type_name is None else type_code(type_name)
    if isinstance(code, Refusal):
        return code
    before = None if cursor is None else _position(cursor)
    if isinstance(before, Refusal):
        return before
    row: ResourceRow | None = None
    if type_name is not None and logical_id is not None:
        found = await _readable(context, "history", type_name, logical_id)
        if isinstance(found, Refusal):
            return found
        current = await released(context, context.pool, found)
        if isinstance(current, Withheld):
            return await _withheld(context, "history", found, current)
        row = found
    elif (beyond := await types_beyond_scopes(context, [type_name])) is not None:
        return beyond
    question = context.question(Action.SEARCH if row is None else Action.READ)
    rows = await store.history(
        context.pool,
        scope=predicate(question),
        types=None if code is None else (code,),
        row=row,
        since=since,
        until=until,
        at=at,
        before=before,
        limit=count + 1,
    )
    # A scope may be narrowed by content, which each version has its own of.
    within = rows[:count]
    if context.principal.app is not None:
        within = [each for each in within if outside(question, facts(each, question.now)) is None]
    shown = await visible(context, context.pool, within, past=True)
    await context.log(
        "history",
        "permitted",
        "scope",
        patients=(each.patient for each in ([row] if row else []) + shown),
        what=("/".join(part for part in (type_name, logical_id, "_history") if part),),
        count=len(shown),
    )
    following = _cursor(rows[count - 1]) if len(rows) > count else None
    return HistoryPage(tuple(await release(context, context.pool, shown)), following)


def split(text: str) -> tuple[int, str] | None:
    """The type's number and the id in a literal reference `Type/id`, perhaps with a version."""
    parts = text.split("/")
    if len(parts) >= 2 and parts[0] in TYPE_CODES and is_id(parts[1]):
        return TYPE_CODES[parts[0]], parts[1]
    return None


def gone(row: ResourceRow) -> Refusal:
    """The refusal for what was deleted."""
    name = f"{RESOURCE_TYPES[row.type - 1]}/{row.id}"
    refusal = refuse(RefusalKind.GONE, "deleted", f"{name} was deleted; earlier versions are in its history.")
    return Refusal(refusal.kind, refusal.issues, stored=stored(row))


def _cursor(row: ResourceRow) -> str:
    packed = msgspec.json.encode((row.updated, row.key, row.version))
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _position(cursor: str) -> tuple[int, int, int] | Refusal:
    try:
        packed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        position: tuple[int, int, int] = msgspec.json.decode(packed, type=_Position)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return refuse(
            RefusalKind.BAD_REQUEST, "value", "The page token is not one of this server's: follow the links."
        )
    return position
