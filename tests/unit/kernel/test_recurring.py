"""Work that recurs goes on after a fault, is done at once when woken, and ends when it is stopped."""

from __future__ import annotations

import asyncio

from kontinuum.kernel.recurring import Recurring

LONG = 3600.0


async def test_a_fault_does_not_end_it_and_a_call_wakes_it() -> None:
    woken, done = asyncio.Event(), asyncio.Semaphore(0)

    async def work() -> float:
        done.release()
        if work_done := next(faults):
            raise work_done
        return LONG

    faults = iter([ValueError("one that nobody expected"), None, None])
    recurring = Recurring("work", work, every=0.0, woken=woken)
    recurring.start()
    async with asyncio.timeout(30):
        await done.acquire()
        await done.acquire()  # again, after the fault
        woken.set()
        await done.acquire()
    await recurring.stop()


async def test_it_ends_when_it_is_stopped_in_the_moment_when_it_is_woken() -> None:
    for _ in range(50):
        woken, begun = asyncio.Event(), asyncio.Event()

        async def work(begun: asyncio.Event = begun) -> None:
            begun.set()

        recurring = Recurring("work", work, every=LONG, woken=woken)
        recurring.start()
        await begun.wait()
        await asyncio.sleep(0)
        woken.set()
        async with asyncio.timeout(30):
            await recurring.stop()
