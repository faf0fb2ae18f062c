"""`kontinuum law rebuild`: makes the tables of the law from a record that is older than they are."""

from __future__ import annotations

import asyncio

from kontinuum.app.commands.progress import Bar
from kontinuum.kernel.clock import SystemClock
from kontinuum.kernel.config import Settings
from kontinuum.record.rebuilding import rebuild, restart
from kontinuum.store.pool import create_pool

_STEPS = 1000


def run(dsn: str, _settings: Settings, *, again: bool) -> int:
    """Rebuild what is left, or all of it `again`; always 0, as what cannot be read raises."""
    resources = asyncio.run(_rebuild(dsn, again=again))
    print(f"The tables of the law are complete: {resources:,} resources gone through.")
    return 0


def complete(dsn: str) -> int:
    """Rebuild what is left to be gone through; how many resources that took."""
    return asyncio.run(_rebuild(dsn, again=False))


async def _rebuild(dsn: str, *, again: bool) -> int:
    pool = await create_pool(dsn, size=1)
    try:
        if again:
            await restart(pool)
        shown = 0
        with Bar("Law", _STEPS) as bar:
            async for batch in rebuild(pool, SystemClock()):
                steps = int(batch.share * _STEPS)
                bar.advance(steps - shown, batch.resources)
                shown = steps
        return bar.resources
    finally:
        await pool.close()
