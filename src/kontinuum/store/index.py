"""Keeping the search index of a database to the rules of this program.

What a resource is found by is worked out when it is written. When a release changes those rules, every
stored resource is indexed anew before anything is searched: an index of other rules would miss hits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import asyncpg

from kontinuum.kernel.ids import BUCKETS
from kontinuum.store import law
from kontinuum.store.resources import reindex

VERSION = 2
"""The rules by which resources are indexed now; raised with every change of what is stored for search.

1: as first released. 2: `combo-*` are found by the parameters that they unite, an Observation's quantities
have one row each; coded texts, addresses and free text are found by their words, references by an
identifier, identifiers by their type.
"""

_LOCK = 0x4B494458  # "KIDX": two starts at once rebuild one after the other

STATE = "select version, bucket from search_index"
FORWARD = "update search_index set bucket = $1"
DONE = "update search_index set version = $1, bucket = 0"
INDEXES = (
    "drop index concurrently if exists search_number_high",
    "create index concurrently search_number_high on search_number (param, high)",
)


class RulesError(Exception):
    """The index cannot be brought up to date; the message says why and what to do."""


async def is_current(dsn: str) -> bool:
    """Whether the index was made by this program's rules."""
    connection: Any = await asyncpg.connect(dsn)
    try:
        return bool(await connection.fetchval("select version = $1 from search_index", VERSION))
    finally:
        await connection.close()


async def is_law_made(connection: Any) -> bool:
    """Whether the tables of the law have been made from all of the record."""
    return (await law.progress(connection)).bucket >= BUCKETS


async def rebuild(dsn: str, told: Callable[[int, int], None]) -> int:
    """Bring the index to this program's rules; gives how many resources were indexed anew.

    Constant in memory, interrupted at any time without harm: it goes on where it was. `told` is given the
    number of buckets done and of resources since the last call. Raises RulesError when a newer
    program's rules made the index.
    """
    connection: Any = await asyncpg.connect(dsn, server_settings={"application_name": "kontinuum index"})
    try:
        await connection.execute("select pg_advisory_lock($1)", _LOCK)
        version, begin = await connection.fetchrow(STATE)
        if version == VERSION:
            return 0
        if version > VERSION:
            raise RulesError(
                f"The search index was made by rules {version} of a newer version of Kontinuum; this one "
                f"knows rules {VERSION}. Start that version, or point KONTINUUM_DATABASE_URL at another "
                "database."
            )
        total = 0
        for bucket in range(begin, BUCKETS):
            done = await _bucket(connection, bucket)
            total += done
            told(bucket + 1, done)
        for statement in INDEXES:
            await connection.execute(statement, timeout=None)
        await connection.execute(DONE, VERSION)
        return total
    finally:
        await connection.close()


async def _bucket(connection: Any, bucket: int) -> int:
    total, after = 0, -1
    while True:
        async with connection.transaction():
            found = await reindex.some(connection, bucket, after)
            if found is None:
                await connection.execute(FORWARD, bucket + 1)
                return total
        total += found[0]
        after = found[1]
