"""Giving out everything that a principal may read, type by type, as it stood at one moment."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from kontinuum.access import predicate
from kontinuum.fhir.definitions import RESOURCE_TYPES, TYPE_CODES
from kontinuum.record.context import Context, stored
from kontinuum.record.outcome import Stored
from kontinuum.store.resources import export as store


async def export(context: Context, types: Sequence[str] | None) -> AsyncIterator[Stored]:
    """Every current resource of the types (all types when None). The log entry comes first.

    Raises KeyError for what is not a resource type.
    """
    wanted = list(RESOURCE_TYPES) if types is None else list(types)
    codes = [TYPE_CODES[name] for name in wanted]
    await context.log("export", "permitted", "scope", what=wanted)
    async with context.pool.acquire() as connection:
        async for row in store.export(connection, codes, predicate(context.principal)):
            yield stored(row)
