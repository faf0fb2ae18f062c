"""Giving out everything that some principals may read together, as it stood at one moment."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from kontinuum.access import Action, Deny, predicate
from kontinuum.access.redact import may_see
from kontinuum.access.sql import all_of, any_of
from kontinuum.fhir.definitions import RESOURCE_TYPES, TYPE_CODES
from kontinuum.kernel.ids import BUCKETS, bucket_of
from kontinuum.kernel.principal import ActorKind
from kontinuum.kernel.sql import Fragment
from kontinuum.record.context import Context, forbidden
from kontinuum.record.outcome import Refusal
from kontinuum.record.withholding import exportable
from kontinuum.store import persons
from kontinuum.store.resources import export as store


class Exported(NamedTuple):
    """A resource as it is given out: `body` verbatim, with the HSA-ids accountable for it."""

    type: str
    body: bytes
    unit: str
    provider: str


class ExportPage(NamedTuple):
    """Some resources, and the share (0 to 1) of the export that ends with them."""

    resources: list[Exported]
    share: float


async def providers(pool: object) -> list[str]:
    """The HSA-ids of all care providers that have been accountable for a resource."""
    return await store.providers(pool)


async def export(contexts: Sequence[Context], types: Sequence[str] | None) -> AsyncIterator[ExportPage]:
    """Every current resource of the types (all types when None) that any of the principals may read.

    Each principal's log entry comes first. The order depends only on what the resources are. Raises
    KeyError for what is not a resource type, ValueError without a principal.
    """
    if not contexts:
        raise ValueError("an export needs a principal")
    wanted = list(RESOURCE_TYPES) if types is None else list(types)
    codes = [TYPE_CODES[name] for name in wanted]
    for context in contexts:
        await context.log("export", "permitted", "scope", what=wanted)
    scope = any_of(*(_scope(context) for context in contexts))
    async with contexts[0].pool.acquire() as connection:
        async for rows in store.export(connection, codes, scope):
            resources = [
                Exported(RESOURCE_TYPES[row.type - 1], body, row.unit, row.provider)
                for row in rows
                if (body := exportable(contexts, row.body)) is not None
            ]
            yield ExportPage(resources, rows[-1].bucket / BUCKETS)


_NOT_SELF = Deny(
    "own-record",
    "A copy of the whole record is for the patient.",
    "regulation (EU) 2016/679 art. 15 and 20; patientdatalagen (2008:355) 5:5",
)


async def own(context: Context) -> list[Exported] | Refusal:
    """Everything current that a patient may read of the own record; logged before it is given."""
    actor = context.principal.actor
    if actor.kind is not ActorKind.PATIENT:
        await context.log("export", "refused", _NOT_SELF.rule)
        return forbidden(_NOT_SELF)
    members = list(await persons.whole(context.pool, actor.id))
    buckets = [bucket_of(each) for each in members]
    mine = Fragment("r.bucket = any({}::integer[]) and r.patient = any({}::text[])", (buckets, members))
    scope = all_of(mine, predicate(context.question(Action.READ, patient=actor.id)))
    async with context.pool.acquire() as connection:
        found = [
            Exported(RESOURCE_TYPES[row.type - 1], body, row.unit, row.provider)
            async for rows in store.export(connection, list(TYPE_CODES.values()), scope)
            for row in rows
            if (body := exportable([context], row.body)) is not None
        ]
    what = (f"Patient/{actor.id}",)
    await context.log(
        "export", "permitted", _NOT_SELF.rule, patients=(actor.id,), what=what, count=len(found)
    )
    return found


def _scope(context: Context) -> Fragment:
    """What a principal gives out: without the right to protected identities, nothing of these persons."""
    question = context.question(Action.READ)
    return predicate(question, with_protected=may_see(question))
