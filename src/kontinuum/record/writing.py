"""Writing: create, update, delete, and their conditional forms. Decided, logged, then committed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import asyncpg

from kontinuum.access import Action, Deny
from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.record import criteria as conditions
from kontinuum.record import documenting, profiled, projecting, tombstones, tools, vocabularies
from kontinuum.record.circumstances import decide_each
from kontinuum.record.context import Context, forbidden, type_code
from kontinuum.record.guarding import Grounds, unmarked
from kontinuum.record.outcome import Change, Refusal, RefusalKind, Written, refuse
from kontinuum.record.places import place_of, places_of
from kontinuum.record.planning import Intent, Plan, as_stored, decide_new, links_unchanged
from kontinuum.record.preparing import check, created
from kontinuum.record.references import made_local
from kontinuum.record.release import release_one
from kontinuum.record.subscriptions import following
from kontinuum.store.resources import read as reads
from kontinuum.store.resources import write as writes
from kontinuum.store.resources.rows import NewVersion, ResourceRow

T = TypeVar("T")

ATTEMPTS = 4
_COLLISIONS = (
    asyncpg.UniqueViolationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
)


class _RollbackError(Exception):
    """Carries a refusal out of a transaction, which is thereby undone."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.issues[0].message)
        self.refusal = refusal


async def create(context: Context, resource: dict[str, Any], if_none_exist: str | None) -> Written | Refusal:
    """Create a resource under an id of the server's (http://hl7.org/fhir/R4/http.html#create)."""
    made_local(resource, context.base)
    invalid = check(resource)
    if invalid is not None:
        return invalid
    if if_none_exist is not None:
        return await _create_unless_exists(context, resource, if_none_exist)
    held = await profiled.held(context, context.pool, resource)
    if isinstance(held, Refusal):
        return held
    linking = links_unchanged(Intent("Patient", None, resource), None)
    if resource["resourceType"] == "Patient" and linking is not None:
        return linking
    if TYPE_CODES[resource["resourceType"]] in (following.TYPE, *tools.TYPES, *vocabularies.PROJECTED):
        return await one(context, Intent(resource["resourceType"], None, resource))
    new = created(context, resource, await context.accountable())
    unsaid = unmarked(resource, new.body)
    if unsaid is not None:
        return unsaid
    name = f"{resource['resourceType']}/{new.id}"
    places = await places_of(context.pool, [resource])
    place = place_of(resource, places, context.principal.assignment.provider)
    decision = decide_new(context, Action.CREATE, new, place)
    if isinstance(decision, Deny):
        await context.log("create", "refused", decision.rule, patients=(new.patient,), what=(name,))
        return forbidden(decision)
    await context.log(
        "create",
        "permitted",
        decision.basis,
        patients=(new.patient,),
        what=(f"{name}/_history/{new.version}",),
        count=1,
    )
    async with context.pool.acquire() as connection:
        if projecting.concerns_law(new) or documenting.states_relation(context, [new]):
            async with connection.transaction():
                await writes.create(connection, new)
                await _project(context, connection, [new], [], [])
        else:
            await writes.create(connection, new)
    return Written(Change.CREATED, as_stored(context, new), held)


async def update(
    context: Context,
    type_name: str,
    logical_id: str,
    resource: dict[str, Any],
    if_match: int | None,
    only_new: bool,
) -> Written | Refusal:
    """Update a resource, or create it under the client's id (http://hl7.org/fhir/R4/http.html#update)."""
    made_local(resource, context.base)
    wrong = unfit(type_name, logical_id, resource)
    if wrong is not None:
        return wrong
    return await one(context, Intent(type_name, logical_id, resource, if_match, only_new=only_new))


def unfit(type_name: str, logical_id: str, resource: dict[str, Any]) -> Refusal | None:
    """Why a resource cannot be written under this type and id: another type or id, or not valid."""
    code = type_code(type_name)
    if isinstance(code, Refusal):
        return code
    own_id = resource.get("id", logical_id) if isinstance(resource, dict) else logical_id
    if own_id != logical_id:
        return refuse(
            RefusalKind.BAD_REQUEST,
            "value",
            f"The resource has the id {own_id!r}, but is to be written as {type_name}/{logical_id}.",
            f"{type_name}.id",
        )
    return check({**resource, "id": logical_id} if isinstance(resource, dict) else resource, type_name)


async def delete(
    context: Context, type_name: str, logical_id: str, if_match: int | None
) -> Written | Refusal:
    """Delete a resource; its versions stay (http://hl7.org/fhir/R4/http.html#delete)."""
    code = type_code(type_name)
    if isinstance(code, Refusal):
        return code
    return await one(context, Intent(type_name, logical_id, None, if_match))


async def conditional_update(
    context: Context, type_name: str, criteria: str, resource: dict[str, Any], if_match: int | None
) -> Written | Refusal:
    """Update the one resource that a search finds (http://hl7.org/fhir/R4/http.html#cond-update)."""
    code = type_code(type_name)
    if isinstance(code, Refusal):
        return code
    made_local(resource, context.base)
    invalid = check(resource, type_name)
    if invalid is not None:
        return invalid

    async def work(connection: Any) -> Written | Refusal:
        found = await conditions.find_one(context, connection, (type_name, criteria))
        if isinstance(found, Refusal):
            return found
        intent = update_intent(type_name, resource, found, if_match)
        return intent if isinstance(intent, Refusal) else (await apply(context, connection, [intent]))[0]

    return await in_transaction(context, work, what=f"{type_name}?{criteria}")


def update_intent(
    type_name: str, resource: dict[str, Any], found: ResourceRow | None, if_match: int | None
) -> Intent | Refusal:
    """What a conditional update does, given the resource that its criteria found."""
    own_id = resource.get("id")
    if found is None:
        # An id that exists all the same belongs to a resource that was not meant.
        return Intent(type_name, own_id, resource, if_match, only_new=True)
    if own_id is not None and own_id != found.id:
        return refuse(
            RefusalKind.BAD_REQUEST,
            "value",
            f"The criteria find {type_name}/{found.id}, but the resource carries the id '{own_id}'.",
            f"{type_name}.id",
        )
    return Intent(type_name, found.id, resource, if_match)


async def conditional_delete(context: Context, type_name: str, criteria: str) -> list[Written] | Refusal:
    """Delete the one resource that a search finds (http://hl7.org/fhir/R4/http.html#3.1.0.7.1)."""

    async def work(connection: Any) -> list[Written] | Refusal:
        found = await conditions.find_one(context, connection, (type_name, criteria))
        if isinstance(found, Refusal) or found is None:
            return [] if found is None else found
        result = (await apply(context, connection, [Intent(type_name, found.id, None)]))[0]
        return result if isinstance(result, Refusal) else [result]

    return await in_transaction(context, work, what=f"{type_name}?{criteria}")


async def in_transaction(
    context: Context, work: Callable[[Any], Awaitable[T | Refusal]], *, what: str
) -> T | Refusal:
    """Run work in one transaction; a refusal undoes it, a collision with another writer repeats it.

    Work logs what it does and what it refuses. `what` says what was tried, should it come to nothing
    because others were always faster.
    """
    # Outside the transaction: what it made would be remembered after a rollback, and asking for a second
    # connection while holding one can block for ever.
    await context.accountable()
    for _ in range(ATTEMPTS):
        try:
            async with context.pool.acquire() as connection, connection.transaction():
                result = await work(connection)
                if isinstance(result, Refusal):
                    raise _RollbackError(result)
                return result
        except _RollbackError as rollback:
            return rollback.refusal
        except _COLLISIONS:
            continue
    await context.log("write", "failed", "conflict", what=(what,))
    return refuse(
        RefusalKind.CONFLICT, "conflict", "Others write the same resources at this moment: try again."
    )


async def apply(
    context: Context,
    connection: Any,
    intents: Sequence[Intent],
    *,
    action: str | None = None,
    keep_newer: bool = False,
) -> list[Written | Refusal]:
    """Carry out valid intents inside a transaction; each gets its result, in their order.

    The log holds the writes, under the name of `action` or of what was done, and the refusals, before this
    returns. A refusal keeps everything from being written: the caller undoes the transaction. Only with
    `keep_newer` (an import) is what is refused left out and the rest written; content that a resource had
    in an earlier version then leaves it unchanged.
    """
    accountable = await context.accountable()
    named = [(TYPE_CODES[i.type], i.id) for i in intents if i.id is not None]
    rows = {(r.type, r.id): r for r in await reads.lock_many(connection, named)} if named else {}
    former: dict[tuple[int, int], list[ResourceRow]] = {}
    if keep_newer:
        for old in await reads.superseded(connection, [row for row in rows.values() if row.version > 1]):
            former.setdefault((old.bucket, old.key), []).append(old)
    destroyed = await tombstones.taken(connection, [name for name in named if name not in rows])
    places = await places_of(connection, [intent.resource for intent in intents])
    beside = await tools.beside(context, connection, intents)
    plan = Plan(context, accountable, context.now(), former, destroyed, places, beside)
    asked = _asked(context, intents, rows)
    decided = dict(zip(rows, await decide_each(context, connection, asked), strict=True))
    results: list[Written | Refusal] = []
    for intent in intents:
        name = (TYPE_CODES[intent.type], intent.id or "")
        row = rows.get(name)
        before = None if row is None else row.body
        # Who may not write it gets the law's answer: what its stored version lacks is not told to others.
        unheld = intent.whole or isinstance(decided.get(name), Deny)
        held = () if unheld else await profiled.held(context, connection, intent.resource, before)
        if isinstance(held, Refusal):
            results.append(held)
            continue
        results.append(profiled.remarked(plan.add(intent, row, decided.get(name)), held))
    stopped = not keep_newer and any(
        isinstance(result, Refusal) and not _deletes_nothing(intent, result)
        for intent, result in zip(intents, results, strict=True)
    )
    await plan.log(action, only_refusals=stopped)
    if stopped:
        return results
    if plan.new:
        await writes.create_many(connection, plan.new)
    if plan.changes:
        await writes.replace_many(connection, plan.changes)
    for row in plan.buried:
        await writes.bury(connection, row, plan.moment_after(row), accountable)
    await _project(context, connection, plan.new, plan.changes, plan.buried)
    return results


async def _project(
    context: Context,
    connection: Any,
    new: Sequence[NewVersion],
    changes: Sequence[tuple[ResourceRow, NewVersion]],
    buried: Sequence[ResourceRow],
) -> None:
    """Tell the law, the terminology and subscriptions what was written; who is not concerned asks nothing."""
    assignment = context.principal.assignment
    accountable = projecting.Accountable(assignment.unit, assignment.provider)
    await projecting.write(connection, new, changes, buried, accountable, context.now())
    written = [*new, *(version for _, version in changes)]
    await documenting.relate(context, connection, written)
    await vocabularies.follow(connection, written, buried)
    await following.follow(context, connection, written, buried)


def _deletes_nothing(intent: Intent, refusal: Refusal) -> bool:
    """Whether the only trouble is that what was to be deleted never was."""
    return intent.resource is None and refusal.kind is RefusalKind.NOT_FOUND


def _asked(
    context: Context, intents: Sequence[Intent], rows: Mapping[tuple[int, str], ResourceRow]
) -> list[tuple[Action, ResourceRow]]:
    """What is to be decided of stored rows; a contact that was moved here counts as the own unit's."""
    deleting = {(TYPE_CODES[i.type], i.id) for i in intents if i.resource is None}
    moved = {(TYPE_CODES[i.type], i.id) for i in intents if Grounds.MOVED in i.grounds}
    own = context.principal.assignment.unit
    return [
        (
            Action.DELETE if name in deleting else Action.WRITE,
            row._replace(unit=own) if name in moved else row,
        )
        for name, row in rows.items()
    ]


async def one(context: Context, intent: Intent) -> Written | Refusal:
    """Write one valid resource in a transaction of its own."""

    async def work(connection: Any) -> Written | Refusal:
        return (await apply(context, connection, [intent]))[0]

    return await in_transaction(context, work, what=f"{intent.type}/{intent.id}")


async def _create_unless_exists(
    context: Context, resource: dict[str, Any], criteria: str
) -> Written | Refusal:
    type_name = resource["resourceType"]

    async def work(connection: Any) -> Written | Refusal:
        found = await conditions.find_one(context, connection, (type_name, criteria))
        if isinstance(found, Refusal):
            return found
        if found is not None:
            return Written(Change.UNCHANGED, await release_one(context, connection, found))
        return (await apply(context, connection, [Intent(type_name, None, resource)]))[0]

    return await in_transaction(context, work, what=f"{type_name}?{criteria}")
