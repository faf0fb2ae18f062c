"""Streaming current resources out of the store, from one moment, in an order that depends on them alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, NamedTuple

from kontinuum.kernel.sql import Binder, Fragment
from kontinuum.store.packing import unpack

FETCH = 2000

PROVIDERS = "select distinct provider from accountable order by provider"

_ACCOUNTABLE = "resource r join accountable a on a.id = r.accountable"
# It follows the primary key: each bucket alone is sorted, and memory does not grow with the store.
_ORDER = "order by r.bucket, r.type, r.id"


class ExportedRow(NamedTuple):
    """A current resource on its way out; `type` is the type's code."""

    bucket: int
    type: int
    body: bytes
    unit: str
    provider: str


async def providers(connection: Any) -> list[str]:
    """The HSA-ids of all care providers that have ever been accountable for a resource."""
    return [record["provider"] for record in await connection.fetch(PROVIDERS)]


async def export(connection: Any, types: Sequence[int], scope: Fragment) -> AsyncIterator[list[ExportedRow]]:
    """The current rows of some types within a scope, from one snapshot, some thousand at a time."""
    binder = Binder()
    statement = (
        f"select r.bucket, r.type, r.body, a.unit, a.provider from {_ACCOUNTABLE}"
        f" where r.type = any({binder.bind(list(types))}::smallint[]) and r.body is not null"
        f"   and ({binder.add(scope)}) {_ORDER}"
    )
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        async for found in _pages(connection, statement, binder):
            yield [ExportedRow(b, t, unpack(body), unit, owner) for b, t, body, unit, owner in found]


class ExtractedRow(NamedTuple):
    """A current resource, or a deletion (no body), on its way into a file."""

    bucket: int
    type: int
    id: str
    patient: str | None
    body: bytes | None


async def extract(
    connection: Any, conditions: str, binder: Binder, *, deleted: bool = False
) -> AsyncIterator[list[ExtractedRow]]:
    """The rows that meet conditions on `r` and `a`, or the deletions that do, within a transaction."""
    statement = (
        f"select r.bucket, r.type, r.id, r.patient, r.body from {_ACCOUNTABLE}"
        f" where r.body is {'null' if deleted else 'not null'} and {conditions} {_ORDER}"
    )
    async for found in _pages(connection, statement, binder):
        yield [
            ExtractedRow(bucket, kind, logical_id, patient, None if body is None else unpack(body))
            for bucket, kind, logical_id, patient, body in found
        ]


async def _pages(connection: Any, statement: str, binder: Binder) -> AsyncIterator[list[Any]]:
    cursor = await connection.cursor(statement, *binder.values)
    while found := await cursor.fetch(FETCH, timeout=None):
        yield found


PROTECTED_SINCE = """
select f.patient
  from resource r
  join person_fact f on f.bucket = r.bucket and f.patient = r.id
 where r.type = $1 and r.updated >= $2 and f.protection > 0
"""


async def protected_since(connection: Any, patient_code: int, moment: int) -> list[str]:
    """Persons with a protected identity of whom something was written since then, the mark perhaps."""
    found = await connection.fetch(PROTECTED_SINCE, patient_code, moment)
    return [record["patient"] for record in found]


WRITERS = """
select distinct virtualtransaction
  from pg_locks
 where locktype = 'relation' and relation = 'resource'::regclass and mode = 'RowExclusiveLock'
   and database = (select oid from pg_database where datname = current_database())
   and ($1::text[] is null or virtualtransaction = any($1))
"""
_LOOK_AGAIN: Final = 0.05


async def await_writers(connection: Any, seconds: float) -> bool:
    """Wait for the transactions that write resources at this moment; false when some still do after that."""
    left = seconds
    waited_for = await _writers(connection, None)
    while waited_for and left > 0:
        await asyncio.sleep(_LOOK_AGAIN)
        left -= _LOOK_AGAIN
        waited_for = await _writers(connection, waited_for)
    return not waited_for


async def _writers(connection: Any, among: list[str] | None) -> list[str]:
    return [record["virtualtransaction"] for record in await connection.fetch(WRITERS, among)]
