"""What a worker process does about jobs: takes one up when it is free, and removes what is over.

A job under way is held by an advisory lock of the connection that belongs to it. A process that is killed
lets it go in the same moment, without a lease that would have to run out, and another begins the job anew.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, Final

import asyncpg
import msgspec
import structlog

from kontinuum.audit.log import AuditUnavailableError
from kontinuum.bulk import exporting
from kontinuum.bulk.desk import Desk, Job, Progress, Result, job_of
from kontinuum.kernel.clock import to_micros
from kontinuum.kernel.recurring import Recurring
from kontinuum.store import jobs as store
from kontinuum.store.faults import FAILED
from kontinuum.store.roles import server_settings

SECONDS: Final = 5.0
"""How often a process looks whether a job waits that another was to take, or was interrupted in."""
ATTEMPTS: Final = 5
"""How often a job is begun: what ends the process each time must not do so for ever."""

Carrier = Callable[[Desk, Job], AsyncGenerator[Progress | Result, None]]
_GONE: Final = (AuditUnavailableError, ConnectionError, *(each for each in FAILED if each is not OSError))
"""Faults of the database: the job is left as it is, and begun again when it is there."""

_log = structlog.get_logger(__name__)


class Runner:
    """Carries out the jobs of a desk; `carriers` are further kinds of job."""

    def __init__(
        self, desk: Desk, dsn: str, role: str | None, carriers: Mapping[str, Carrier] | None = None
    ) -> None:
        self._desk = desk
        self._dsn = dsn
        self._role = role
        self._carriers: dict[str, Carrier] = {"export": exporting.carry_out, **(carriers or {})}
        self._looking = Recurring("jobs in bulk", self.look, every=SECONDS, woken=desk.ordered)

    def start(self) -> None:
        """Look now, which takes up what was interrupted, and then again and again."""
        self._looking.start()

    async def stop(self) -> None:
        """Look no more; a job under way is left to be begun again."""
        await self._looking.stop()

    async def look(self) -> None:
        """Carry out every job that nobody works on, and remove what is over."""
        numbers = await store.to_do(self._desk.pool)
        over = await store.over(self._desk.pool, self._desk.now())
        if not numbers and not over:
            return
        connection: Any = await asyncpg.connect(
            self._dsn,
            server_settings={"application_name": "kontinuum jobs", **server_settings(self._role)},
        )
        try:
            for number, identity in over:
                await self._remove(connection, number, identity)
            for number in numbers:
                if not await store.hold(connection, number):
                    continue
                row = await store.take(connection, number)
                if row is not None:
                    await self._carry_out(connection, job_of(row))
                await store.let_go(connection, number)
        finally:
            await connection.close()

    async def _remove(self, connection: Any, number: int, identity: str) -> None:
        if await store.hold(connection, number):
            await asyncio.to_thread(self._desk.folder(identity).remove)
            await store.remove(connection, number)
            await store.let_go(connection, number)

    async def _carry_out(self, connection: Any, job: Job) -> None:
        result = await self._result(connection, job)
        if result is None:  # cancelled
            await asyncio.to_thread(self._desk.folder(job.id).remove)
            return
        if result.failure is None and not await self._desk.stands(job.principal):
            result = Result(failure="The right under which this was ordered has ended.")
        if result.failure is not None:
            await asyncio.to_thread(self._desk.folder(job.id).remove)
        state = "done" if result.failure is None else "failed"
        ended = self._desk.clock.now()
        expires = to_micros(ended + self._desk.kept)
        bulk = self._desk.gate.record(job.principal).bulk
        taken_in = sum(number for _, change, number in result.changes if change != "refused")
        count = taken_in if job.kind == "import" else sum(file.count for file in result.files)
        await bulk.ended(job.kind, job.id, "permitted" if state == "done" else "failed", count)
        told = msgspec.json.encode(result).decode()
        await store.end(connection, job.number, state, told, to_micros(ended), expires)

    async def _result(self, connection: Any, job: Job) -> Result | None:
        """What came of a job; None when it was cancelled meanwhile."""
        if job.attempts > ATTEMPTS:
            return Result(failure=f"It was interrupted {ATTEMPTS} times, and is not tried again.")
        if not await self._desk.stands(job.principal):
            return Result(failure="The right under which this was ordered has ended.")
        try:
            steps = self._carriers[job.kind](self._desk, job)
            async with contextlib.aclosing(steps):
                async for step in steps:
                    if isinstance(step, Result):
                        return step
                    if not await store.progress(connection, job.number, msgspec.json.encode(step).decode()):
                        return None
        except _GONE:
            raise
        except OSError as error:
            _log.exception("job_failed", job=job.number)
            return Result(failure=f"The files cannot be written: {error.strerror}.")
        except Exception:
            _log.exception("job_failed", job=job.number)
            return Result(failure="The server failed; the fault is in its log.")
        raise AssertionError("a carrier ends with a result")
