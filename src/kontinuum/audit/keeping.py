"""How long the log is kept, and how what is older is removed so that the rest still proves itself.

Entries are kept at least five years (HSLF-FS 2016:40 4:9). Removal takes whole blocks from the beginning of
each chain. A decision says who, when, why and up to which block, and keeps that block's hash, on which the
rest of the chain builds; it is written to the log before anything is removed. The database refuses every
removal that no decision covers, and every decision that reaches into the last five years.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kontinuum.audit.chain import Head, decision_digest
from kontinuum.audit.entry import AuditEntry, by_the_system
from kontinuum.kernel.clock import to_micros
from kontinuum.store import audit_keeping as store

LEAST_YEARS = 5


@dataclass(frozen=True, slots=True)
class Removable:
    """What has been kept long enough at a moment."""

    before: int
    heads: tuple[Head, ...]
    blocks: int
    entries: int


def kept_until(now: datetime, years: int) -> datetime:
    """The moment before which entries have been kept for some years. Raises ValueError below five years."""
    if years < LEAST_YEARS:
        raise ValueError(f"the log is kept at least {LEAST_YEARS} years, not {years}")
    try:
        return now.replace(year=now.year - years)
    except ValueError:  # 29 February
        return now.replace(year=now.year - years, day=28)


async def removable(connection: Any, now: datetime, years: int) -> Removable:
    """What may be removed now when entries are kept for some years."""
    before = to_micros(kept_until(now, years))
    rows = await store.removable(connection, before)
    blocks, entries = await store.size(connection, rows) if rows else (0, 0)
    return Removable(before, tuple(Head(*row) for row in rows), blocks, entries)


async def decide(
    connection: Any,
    log: Callable[[AuditEntry], Awaitable[None]],
    found: Removable,
    *,
    now: datetime,
    actor: str,
    reason: str,
) -> int:
    """Record the decision to remove: in the log first, then beside it. Gives its number."""
    decided = to_micros(now)
    number = await store.next_number(connection)
    digest = decision_digest(number, decided, found.before, actor, reason, found.heads)
    note = f"Decision {number} by {actor}: {reason}"
    what = (f"{number}:{digest.hex()}",)
    await log(by_the_system(decided, "remove-log", what=what, count=found.entries, note=note))
    decision = store.Decision(
        number, decided, found.before, actor, reason, found.blocks, found.entries, digest
    )
    async with connection.transaction():
        await store.decide(connection, decision, list(found.heads))
    return number


async def carry_out(connection: Any, progress: Callable[[int], None]) -> int:
    """Remove what was decided, also what an interrupted removal left; gives how many blocks were removed."""
    removed = 0
    for writer, until in await store.undone(connection):
        while count := await store.remove(connection, writer, until):
            removed += count
            progress(count)
            await asyncio.sleep(0)
    return removed
