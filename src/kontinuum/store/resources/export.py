"""Streaming every current resource out of the store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

from kontinuum.kernel.sql import Binder, Fragment
from kontinuum.store.packing import unpack

FETCH = 2000

PROVIDERS = "select distinct provider from accountable order by provider"


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
    """The current rows of some types within a scope, from one snapshot, some thousand at a time.

    They come in the order of buckets, types and ids: it depends on nothing but what the resources are, and
    follows the primary key, so that each bucket alone is sorted and memory does not grow with the store.
    """
    binder = Binder()
    statement = (
        "select r.bucket, r.type, r.body, a.unit, a.provider"
        "  from resource r join accountable a on a.id = r.accountable"
        f" where r.type = any({binder.bind(list(types))}::smallint[]) and r.body is not null"
        f"   and ({binder.add(scope)})"
        " order by r.bucket, r.type, r.id"
    )
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        cursor = await connection.cursor(statement, *binder.values)
        while found := await cursor.fetch(FETCH, timeout=None):
            yield [_unpacked(record) for record in found]


def _unpacked(record: Any) -> ExportedRow:
    bucket, type_code, body, unit, provider = record
    return ExportedRow(bucket, type_code, unpack(body), unit, provider)
