"""Writing: create, update, delete, and their conditional forms. Decided, logged, then committed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncpg

from kontinuum.access import NOTHING_KNOWN, Action, Decision, Deny, Facts, Permit, decide
from kontinuum.access.redact import is_marked, may_see
from kontinuum.fhir.definitions import RESOURCE_TYPES, TYPE_CODES
from kontinuum.kernel.ids import id_hash
from kontinuum.record import projecting
from kontinuum.record.circumstances import decide_rows
from kontinuum.record.context import Context, forbidden, missing, stored, type_code
from kontinuum.record.outcome import Change, Refusal, RefusalKind, Stored, Written, refuse
from kontinuum.record.preparing import check, created, stamped, superseding
from kontinuum.record.release import release_one
from kontinuum.record.searching import matching, parse_url
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


@dataclass(frozen=True, slots=True)
class Intent:
    """One write that is wanted: a resource (None to delete) under an id that may or may not exist.

    `identity` was drawn for a create whose id is the server's. `meta` restores version and time. With
    `only_new` what exists is not touched (If-None-Match: *).
    """

    type: str
    id: str | None
    resource: dict[str, Any] | None
    if_match: int | None = None
    identity: tuple[int, int, str] | None = None
    meta: tuple[int, int] | None = None
    only_new: bool = False


class _RollbackError(Exception):
    """Carries a refusal out of a transaction, which is thereby undone."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.issues[0].message)
        self.refusal = refusal


async def create(context: Context, resource: dict[str, Any], if_none_exist: str | None) -> Written | Refusal:
    """Create a resource under an id of the server's (http://hl7.org/fhir/R4/http.html#create)."""
    invalid = check(resource)
    if invalid is not None:
        return invalid
    if if_none_exist is not None:
        return await _create_unless_exists(context, resource, if_none_exist)
    new = created(context, resource, await context.accountable())
    name = f"{resource['resourceType']}/{new.id}"
    decision = _decide_new(context, new)
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
        if projecting.concerns_law(new):
            async with connection.transaction():
                await writes.create(connection, new)
                await _project(context, connection, [new], [], [])
        else:
            await writes.create(connection, new)
    return Written(Change.CREATED, _as_stored(context, new))


async def update(
    context: Context,
    type_name: str,
    logical_id: str,
    resource: dict[str, Any],
    if_match: int | None,
    only_new: bool,
) -> Written | Refusal:
    """Update a resource, or create it under the client's id (http://hl7.org/fhir/R4/http.html#update)."""
    code = type_code(type_name)
    if isinstance(code, Refusal):
        return code
    invalid = check(resource, type_name)
    if invalid is not None:
        return invalid
    return await _one(context, Intent(type_name, logical_id, resource, if_match, only_new=only_new))


async def delete(
    context: Context, type_name: str, logical_id: str, if_match: int | None
) -> Written | Refusal:
    """Delete a resource; its versions stay (http://hl7.org/fhir/R4/http.html#delete)."""
    code = type_code(type_name)
    if isinstance(code, Refusal):
        return code
    return await _one(context, Intent(type_name, logical_id, None, if_match))


async def conditional_update(
    context: Context, type_name: str, criteria: str, resource: dict[str, Any], if_match: int | None
) -> Written | Refusal:
    """Update the one resource that a search finds (http://hl7.org/fhir/R4/http.html#cond-update)."""
    code = type_code(type_name)
    if isinstance(code, Refusal):
        return code
    invalid = check(resource, type_name)
    if invalid is not None:
        return invalid

    async def work(connection: Any) -> Written | Refusal:
        found = await conditional(context, connection, type_name, criteria)
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
        return Intent(type_name, own_id, resource, if_match)
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
        found = await conditional(context, connection, type_name, criteria)
        if isinstance(found, Refusal) or found is None:
            return [] if found is None else found
        result = (await apply(context, connection, [Intent(type_name, found.id, None)]))[0]
        return result if isinstance(result, Refusal) else [result]

    return await in_transaction(context, work, what=f"{type_name}?{criteria}")


async def conditional(
    context: Context, connection: Any, type_name: str, criteria: str
) -> ResourceRow | Refusal | None:
    """The one resource that criteria find; refused when there are several.

    The criteria are locked until the transaction ends, so that two clients who ask for the same
    thing at once do not both find nothing and both create it.
    """
    query = parse_url(f"{type_name}?{criteria.lstrip('?')}")
    if isinstance(query, Refusal):
        return query
    if not query.criteria and query.ids is None:
        return refuse(
            RefusalKind.PRECONDITION_FAILED, "incomplete", "A conditional write needs at least one criterion."
        )
    await connection.execute("select pg_advisory_xact_lock($1)", id_hash(f"{type_name}?{criteria}"))
    rows = await matching(context, connection, query, 2)
    if len(rows) > 1:
        return refuse(
            RefusalKind.PRECONDITION_FAILED,
            "multiple-matches",
            f"More than one {type_name} matches '{criteria}': make the criteria select one.",
        )
    return rows[0] if rows else None


async def in_transaction(
    context: Context, work: Callable[[Any], Awaitable[T | Refusal]], *, what: str
) -> T | Refusal:
    """Run work in one transaction; a refusal undoes it, a collision with another writer repeats it.

    A refusal by law is logged: `what` says what was tried.
    """
    # Outside the transaction: what it made would be remembered after a rollback, and asking for a second
    # connection while holding one can block for ever.
    await context.accountable()
    for attempt in range(ATTEMPTS):
        try:
            async with context.pool.acquire() as connection, connection.transaction():
                result = await work(connection)
                if isinstance(result, Refusal):
                    raise _RollbackError(result)
                return result
        except _RollbackError as rollback:
            if rollback.refusal.kind is RefusalKind.FORBIDDEN:
                await context.log("write", "refused", rollback.refusal.provision or "", what=(what,))
            return rollback.refusal
        except _COLLISIONS:
            if attempt + 1 == ATTEMPTS:
                break
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

    What is refused is left out; a caller that wants all or nothing undoes the transaction. The log
    holds the writes, under the name of `action` or of what was done, before this returns. With
    `keep_newer`, content that a resource had in an earlier version leaves it unchanged.
    """
    accountable = await context.accountable()
    named = [(TYPE_CODES[i.type], i.id) for i in intents if i.id is not None]
    rows = {(r.type, r.id): r for r in await reads.read_many(connection, named, lock=True)} if named else {}
    former: dict[tuple[int, int], list[ResourceRow]] = {}
    if keep_newer:
        for old in await reads.superseded(connection, [row for row in rows.values() if row.version > 1]):
            former.setdefault((old.bucket, old.key), []).append(old)
    current = list(rows.values())
    decided = dict(zip(rows, await decide_rows(context, connection, Action.WRITE, current), strict=True))
    plan = _Plan(context, accountable, context.now(), former, [], [], [])
    results = []
    for intent in intents:
        name = (TYPE_CODES[intent.type], intent.id or "")
        results.append(plan.add(intent, rows.get(name), decided.get(name)))
    await _log_results(context, action, plan, results)
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
    """Tell the law what was written; nothing is asked of the database where it does not concern the law."""
    assignment = context.principal.assignment
    accountable = projecting.Accountable(assignment.unit, assignment.provider)
    await projecting.write(connection, new, changes, buried, accountable, context.now())


@dataclass(slots=True)
class _Plan:
    """The versions that a set of intents comes to, once each has been decided."""

    context: Context
    accountable: int
    now: int
    former: dict[tuple[int, int], list[ResourceRow]]
    new: list[NewVersion]
    changes: list[tuple[ResourceRow, NewVersion]]
    buried: list[ResourceRow]
    basis: str = ""

    def moment_after(self, row: ResourceRow) -> int:
        """The time of the next version of a row: later than its last, even if the clock stepped back."""
        return max(self.now, row.updated + 1)

    def add(self, intent: Intent, row: ResourceRow | None, decision: Decision | None) -> Written | Refusal:
        """Plan one intent, given the current row if there is one and the decision about writing it."""
        if isinstance(decision, Deny):
            return forbidden(decision)
        if isinstance(decision, Permit):
            self.basis = decision.basis
        unseen = _unseen(self.context, row) if row is not None else None
        unmet = unseen or _exists(intent, row) or _unmet_version(intent, row)
        if unmet is not None:
            return unmet
        if intent.resource is None:
            return self._delete(intent, row)
        return self._create(intent, intent.resource) if row is None else self._update(intent.resource, row)

    def _create(self, intent: Intent, resource: dict[str, Any]) -> Written | Refusal:
        version = created(
            self.context,
            resource,
            self.accountable,
            identity=intent.identity,
            client_id=intent.id if intent.identity is None else None,
            meta=intent.meta,
        )
        decision = _decide_new(self.context, version)
        if isinstance(decision, Deny):
            return forbidden(decision)
        self.basis = self.basis or decision.basis
        self.new.append(version)
        return Written(Change.CREATED, _as_stored(self.context, version))

    def _update(self, resource: dict[str, Any], row: ResourceRow) -> Written | Refusal:
        for known in (row, *self.former.get((row.bucket, row.key), ())):
            if known.body == stamped(resource, row.id, known.version, known.updated):
                return Written(Change.UNCHANGED, stored(row))
        fixed = projecting.unchangeable(row, resource)
        if fixed is not None:
            return fixed
        version = superseding(
            resource, row.key, row.id, row.version + 1, self.moment_after(row), self.accountable
        )
        decision = _decide_new(self.context, version)
        if isinstance(decision, Deny):
            return forbidden(decision)
        self.changes.append((row, version))
        change = Change.UPDATED if row.body is not None else Change.CREATED
        return Written(change, _as_stored(self.context, version))

    def _delete(self, intent: Intent, row: ResourceRow | None) -> Written | Refusal:
        if row is None:
            return missing(intent.type, intent.id or "")
        if row.body is None:
            return Written(Change.UNCHANGED, stored(row))
        fixed = projecting.unchangeable(row, None)
        if fixed is not None:
            return fixed
        self.buried.append(row)
        deletion = row._replace(version=row.version + 1, updated=self.moment_after(row), body=None)
        return Written(Change.DELETED, stored(deletion))


async def _one(context: Context, intent: Intent) -> Written | Refusal:
    async def work(connection: Any) -> Written | Refusal:
        return (await apply(context, connection, [intent]))[0]

    return await in_transaction(context, work, what=f"{intent.type}/{intent.id}")


async def _create_unless_exists(
    context: Context, resource: dict[str, Any], criteria: str
) -> Written | Refusal:
    type_name = resource["resourceType"]

    async def work(connection: Any) -> Written | Refusal:
        found = await conditional(context, connection, type_name, criteria)
        if isinstance(found, Refusal):
            return found
        if found is not None:
            await context.log(
                "search", "permitted", "scope", patients=(found.patient,), what=(f"{type_name}?{criteria}",)
            )
            return Written(Change.UNCHANGED, await release_one(context, found))
        return (await apply(context, connection, [Intent(type_name, None, resource)]))[0]

    return await in_transaction(context, work, what=f"{type_name}?{criteria}")


def _exists(intent: Intent, row: ResourceRow | None) -> Refusal | None:
    if not intent.only_new or row is None or row.body is None:
        return None
    return refuse(
        RefusalKind.PRECONDITION_FAILED,
        "conflict",
        f"{intent.type}/{intent.id} exists in version {row.version}; If-None-Match: * forbids to replace it.",
    )


def _unmet_version(intent: Intent, row: ResourceRow | None) -> Refusal | None:
    """Optimistic locking (http://hl7.org/fhir/R4/http.html#concurrency)."""
    if intent.if_match is None or (row is not None and row.version == intent.if_match):
        return None
    current = f"the current version is {row.version}" if row is not None else "there is none"
    return refuse(
        RefusalKind.PRECONDITION_FAILED,
        "conflict",
        f"If-Match asks for version {intent.if_match} of {intent.type}/{intent.id}, but {current}: "
        "read it again and repeat the change on what stands there now.",
    )


def _unseen(context: Context, row: ResourceRow) -> Refusal | None:
    """Who cannot see a protected person's address and relatives must not replace them."""
    protected = row.type == TYPE_CODES["Patient"] and row.body is not None and is_marked(row.body)
    if not protected or may_see(context.question(Action.WRITE)):
        return None
    return forbidden(
        Deny(
            "protected-identity",
            "The person has a protected identity, and parts of it are not shown to you: a change by you "
            "would lose "
            "them. Let somebody with the right to protected identities make it.",
            "offentlighets- och sekretesslagen (2009:400) 22:1",
        )
    )


def _decide_new(context: Context, version: NewVersion) -> Decision:
    assignment = context.principal.assignment
    type_name = RESOURCE_TYPES[version.type - 1]
    about = Facts(type_name, version.patient, assignment.unit, assignment.provider, version.sort)
    return decide(context.question(Action.WRITE), about, NOTHING_KNOWN)


def _as_stored(context: Context, version: NewVersion) -> Stored:
    assignment = context.principal.assignment
    return Stored(
        RESOURCE_TYPES[version.type - 1],
        version.id,
        version.version,
        version.updated,
        version.body,
        assignment.unit,
        assignment.provider,
    )


async def _log_results(
    context: Context, action: str | None, plan: _Plan, results: Sequence[Written | Refusal]
) -> None:
    written = [r for r in results if isinstance(r, Written) and r.change is not Change.UNCHANGED]
    if not written:
        return
    versions = [*plan.new, *(version for _, version in plan.changes)]
    await context.log(
        action or {"created": "create", "updated": "update", "deleted": "delete"}[written[0].change.value],
        "permitted",
        plan.basis,
        patients=[*(v.patient for v in versions), *(row.patient for row in plan.buried)],
        what=[f"{r.stored.reference}/_history/{r.stored.version}" for r in written],
        count=len(written),
    )
