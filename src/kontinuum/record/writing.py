"""Writing: create, update, delete, and their conditional forms. Decided, logged, then committed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import asyncpg

from kontinuum.access import Action, Deny, Facts, Permit, decide
from kontinuum.fhir.definitions import RESOURCE_TYPES, TYPE_CODES
from kontinuum.record import criteria as conditions
from kontinuum.record import tombstones
from kontinuum.record.context import Context, decide_on, forbidden, stored, type_code
from kontinuum.record.guarding import Grounds, unmarked, veto
from kontinuum.record.outcome import Change, Refusal, RefusalKind, Stored, Written, refuse
from kontinuum.record.preparing import check, created, stamped, superseding
from kontinuum.record.reading import missing
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
    `only_new` what exists is not touched (If-None-Match: *). `grounds` are what a function of the gate has
    been given besides the content.
    """

    type: str
    id: str | None
    resource: dict[str, Any] | None
    if_match: int | None = None
    identity: tuple[int, int, str] | None = None
    meta: tuple[int, int] | None = None
    only_new: bool = False
    grounds: Grounds = Grounds.NONE


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
    unsaid = unmarked(resource, new.body)
    if unsaid is not None:
        return unsaid
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
    wrong = unfit(type_name, logical_id, resource)
    if wrong is not None:
        return wrong
    return await _one(context, Intent(type_name, logical_id, resource, if_match, only_new=only_new))


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
    plan = _Plan(context, accountable, context.now(), former, destroyed)
    results = [
        plan.add(intent, rows.get((TYPE_CODES[intent.type], intent.id)) if intent.id is not None else None)
        for intent in intents
    ]
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
    return results


def _deletes_nothing(intent: Intent, refusal: Refusal) -> bool:
    """Whether the only trouble is that what was to be deleted never was."""
    return intent.resource is None and refusal.kind is RefusalKind.NOT_FOUND


@dataclass(frozen=True, slots=True)
class _Trace:
    """What the log tells of one intent; `patients` are those of the version before and the one after."""

    verb: str
    outcome: str
    basis: str
    what: str
    patients: tuple[str | None, ...]


@dataclass(slots=True)
class _Plan:
    """The versions that a set of intents comes to, once each has been decided."""

    context: Context
    accountable: int
    now: int
    former: dict[tuple[int, int], list[ResourceRow]]
    destroyed: dict[tombstones.Name, Refusal]
    new: list[NewVersion] = field(default_factory=list)
    changes: list[tuple[ResourceRow, NewVersion]] = field(default_factory=list)
    buried: list[ResourceRow] = field(default_factory=list)
    traces: list[_Trace] = field(default_factory=list)

    def moment_after(self, row: ResourceRow) -> int:
        """The time of the next version of a row: later than its last, even if the clock stepped back."""
        return max(self.now, row.updated + 1)

    def add(self, intent: Intent, row: ResourceRow | None) -> Written | Refusal:
        """Decide one intent, given the current row if there is one."""
        decision = None if row is None else decide_on(self.context, Action.WRITE, row)
        if isinstance(decision, Deny):
            return self._denied(intent, row, decision, None if row is None else row.patient)
        unmet = _exists(intent, row) or _unmet_version(intent, row)
        if unmet is not None:
            return self._failed(intent, row, "failed", "precondition", unmet)
        name = (TYPE_CODES[intent.type], intent.id or "")
        if name in self.destroyed:
            return self._failed(intent, row, "refused", "destroyed", self.destroyed[name])
        if row is None or decision is None:
            if intent.resource is None:
                return self._failed(intent, row, "not-found", "", missing(intent.type, intent.id or ""))
            return self._create(intent, intent.resource)
        if intent.resource is not None and self._is_known(intent.resource, row):
            return self._done(intent, row, decision, Change.UNCHANGED, stored(row), row.patient)
        vetoed = veto(self.context.principal, intent.grounds, intent.resource, row)
        if vetoed is not None:
            return self._failed(intent, row, "refused", "entry-rule", vetoed)
        if intent.resource is None:
            return self._delete(intent, row, decision)
        return self._update(intent, intent.resource, row)

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
            return self._denied(intent, None, decision, version.patient)
        unsaid = unmarked(resource, version.body)
        if unsaid is not None:
            return self._failed(intent, None, "refused", "entry-rule", unsaid)
        self.new.append(version)
        made = _as_stored(self.context, version)
        return self._done(intent, None, decision, Change.CREATED, made, version.patient)

    def _update(self, intent: Intent, resource: dict[str, Any], row: ResourceRow) -> Written | Refusal:
        version = superseding(
            resource, row.key, row.id, row.version + 1, self.moment_after(row), self.accountable
        )
        decision = _decide_new(self.context, version)
        if isinstance(decision, Deny):
            return self._denied(intent, row, decision, version.patient)
        unsaid = unmarked(resource, version.body)
        if unsaid is not None:
            return self._failed(intent, row, "refused", "entry-rule", unsaid)
        self.changes.append((row, version))
        change = Change.UPDATED if row.body is not None else Change.CREATED
        made = _as_stored(self.context, version)
        return self._done(intent, row, decision, change, made, row.patient, version.patient)

    def _is_known(self, resource: dict[str, Any], row: ResourceRow) -> bool:
        """Whether the content is that of the current version, or of an earlier one that counts."""
        return any(
            known.body == stamped(resource, row.id, known.version, known.updated)
            for known in (row, *self.former.get((row.bucket, row.key), ()))
        )

    def _delete(self, intent: Intent, row: ResourceRow, decision: Permit) -> Written:
        if row.body is None:
            return self._done(intent, row, decision, Change.UNCHANGED, stored(row), row.patient)
        self.buried.append(row)
        assignment = self.context.principal.assignment
        deletion = row._replace(
            version=row.version + 1,
            updated=self.moment_after(row),
            body=None,
            unit=assignment.unit,
            provider=assignment.provider,
        )
        return self._done(intent, row, decision, Change.DELETED, stored(deletion), row.patient)

    def _done(
        self,
        intent: Intent,
        row: ResourceRow | None,
        decision: Permit,
        change: Change,
        what: Stored,
        *patients: str | None,
    ) -> Written:
        name = f"{what.reference}/_history/{what.version}"
        self.traces.append(_Trace(_verb(intent, row), "permitted", decision.basis, name, patients))
        return Written(change, what)

    def _denied(self, intent: Intent, row: ResourceRow | None, deny: Deny, patient: str | None) -> Refusal:
        self.traces.append(_Trace(_verb(intent, row), "refused", deny.rule, _name(intent), (patient,)))
        return forbidden(deny)

    def _failed(
        self, intent: Intent, row: ResourceRow | None, outcome: str, basis: str, refusal: Refusal
    ) -> Refusal:
        patients = () if row is None else (row.patient,)
        self.traces.append(_Trace(_verb(intent, row), outcome, basis, _name(intent), patients))
        return refusal

    async def log(self, action: str | None, *, only_refusals: bool) -> None:
        """Log what was decided: one entry for each outcome and ground. Durable when this returns."""
        groups: dict[tuple[str, str], list[_Trace]] = {}
        for trace in self.traces:
            if not only_refusals or trace.outcome != "permitted":
                groups.setdefault((trace.outcome, trace.basis), []).append(trace)
        await asyncio.gather(
            *(
                self.context.log(
                    action or traces[0].verb,
                    outcome,
                    basis,
                    patients=[patient for trace in traces for patient in trace.patients],
                    what=[trace.what for trace in traces],
                    count=len(traces),
                )
                for (outcome, basis), traces in groups.items()
            )
        )


def _verb(intent: Intent, row: ResourceRow | None) -> str:
    """What the log calls a write that belongs to nothing larger."""
    if intent.resource is None:
        return "delete"
    return "create" if row is None or row.body is None else "update"


def _name(intent: Intent) -> str:
    return f"{intent.type}/{intent.id}" if intent.id is not None else intent.type


async def _one(context: Context, intent: Intent) -> Written | Refusal:
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
            return Written(Change.UNCHANGED, stored(found))
        return (await apply(context, connection, [Intent(type_name, None, resource)]))[0]

    return await in_transaction(context, work, what=f"{type_name}?{criteria}")


def _exists(intent: Intent, row: ResourceRow | None) -> Refusal | None:
    if not intent.only_new or row is None or row.body is None:
        return None
    return refuse(
        RefusalKind.PRECONDITION_FAILED,
        "conflict",
        f"{intent.type}/{intent.id} exists in version {row.version} and was only to be made new.",
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


def _decide_new(context: Context, version: NewVersion) -> Permit | Deny:
    assignment = context.principal.assignment
    type_name = RESOURCE_TYPES[version.type - 1]
    about = Facts(type_name, version.patient, assignment.unit, assignment.provider)
    return decide(context.principal, Action.WRITE, about)


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
