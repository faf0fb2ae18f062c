"""Streaming every current resource out of the store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from kontinuum.kernel.sql import Binder, Fragment
from kontinuum.store.resources.rows import COLUMNS, ResourceRow

FETCH = 2000


async def export(connection: Any, types: Sequence[int], scope: Fragment) -> AsyncIterator[ResourceRow]:
    """The current rows of some types within a scope, from one snapshot, in the order of types and keys."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        for code in types:
            binder = Binder()
            statement = (
                f"select {COLUMNS} from resource r join accountable a on a.id = r.accountable"
                f" where r.type = {binder.bind(code)} and r.body is not null and ({binder.add(scope)})"
            )
            async for record in connection.cursor(statement, *binder.values, prefetch=FETCH):
                yield ResourceRow(*record)
