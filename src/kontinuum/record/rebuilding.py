"""Makes the tables of the law anew from the record: for a record that is older than they are.

Some hundred resources at a time, each batch in a transaction of its own that also notes how far it came: an
interrupted rebuild goes on where it was, two at once share the work, and writers wait for a batch at most.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from kontinuum.kernel.clock import Clock, to_micros
from kontinuum.kernel.ids import BUCKETS
from kontinuum.record import projecting
from kontinuum.store import law
from kontinuum.store.resources import projected
from kontinuum.store.resources.rows import ResourceRow

BATCH = 500

_START = (-1, 0)


class Rebuilt(NamedTuple):
    """What a batch came to: how many resources it held, and the share (0 to 1) of the record behind it."""

    resources: int
    share: float


async def restart(pool: Any) -> None:
    """Let the next rebuild begin from the start. What is known meanwhile stays known."""
    async with pool.acquire() as connection, connection.transaction():
        before = await law.progress(connection)
        await law.proceed(connection, law.Progress(before.complete, *_START))


async def rebuild(pool: Any, clock: Clock) -> AsyncIterator[Rebuilt]:
    """Go through the record to its end; one result for each batch. Memory does not grow with the record."""
    while True:
        async with pool.acquire() as connection, connection.transaction():
            before = await law.progress(connection)
            if before.bucket >= BUCKETS:
                return
            after = (before.bucket, before.key)
            places = await projected.lock_next(connection, after, sorted(projecting.CODES), BATCH)
            if not places:
                await law.proceed(connection, law.Progress(True, BUCKETS, 0))
                return
            found = await projected.read_locked(connection, places)
            former = await projected.before_deletion(connection, _places(found))
            await projecting.rebuild(connection, found, former, to_micros(clock.now()))
            await law.proceed(connection, law.Progress(before.complete, *places[-1]))
        yield Rebuilt(len(places), places[-1][0] / BUCKETS)


def _places(found: list[ResourceRow]) -> list[tuple[int, int]]:
    return [(row.bucket, row.key) for row in found if row.body is None]
