"""Work that a process does again and again, as long as it runs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from kontinuum.kernel.logging import get_logger

_log = get_logger(__name__)


class Recurring:
    """Does `work` now, and again after `every` seconds, or after so many as it gave, or when `woken` is set.

    Whatever fault it meets is logged under its name, and the work is done again after `every` seconds.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], Awaitable[float | None]],
        *,
        every: float,
        woken: asyncio.Event | None = None,
    ) -> None:
        self._name = name
        self._work = work
        self._every = every
        self._woken = woken or asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; what was begun goes on."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=self._name)

    async def stop(self) -> None:
        """Do nothing more; work under way is broken off."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            pause = None
            try:
                pause = await self._work()
            except Exception:  # whatever it is, it must not end the work for good
                _log.exception("recurring_work_failed", work=self._name)
            # Not `wait_for`: before Python 3.12 it loses a cancellation that comes together with the waking.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._every if pause is None else pause):
                    await self._woken.wait()
