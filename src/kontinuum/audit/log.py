"""The writer of the log: entries are committed in groups, and who waits is told when they are durable.

While one group is being committed the next one gathers, so that a busy worker needs one commit for
many entries and an idle one waits for nobody. If the log cannot be written the access that waits for
it fails: what cannot be logged is not shown (patientdatalagen (2008:355) 4:3).
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any

import asyncpg

from kontinuum.audit.chain import genesis, seal
from kontinuum.audit.entry import AuditEntry, columns_of
from kontinuum.kernel.clock import Clock, to_micros
from kontinuum.store import audit as store

MAX_GROUP = 1000
"""How many entries one block may hold."""


COMMIT_SECONDS = 30.0
"""How long a block may take to commit before the connection is given up."""


class AuditUnavailableError(Exception):
    """The log could not be written, so the access it was for must not be completed."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An entry, the bytes that the chain covers, and who waits for it to be durable."""

    entry: AuditEntry
    content: bytes
    future: asyncio.Future[None]


class AuditLog:
    """One worker's chain of blocks, on a database connection of its own."""

    def __init__(self, dsn: str, clock: Clock) -> None:
        self._dsn = dsn
        self._clock = clock
        self._pending: list[_Waiting] = []
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._connection: Any = None
        self._writer = 0
        self._block = 0
        self._previous = b""
        self._closing = False

    async def start(self) -> None:
        """Connect and begin a chain."""
        await self._connect()
        self._task = asyncio.create_task(self._run(), name="audit log")

    async def stop(self) -> None:
        """Commit what is pending and disconnect; what comes later is refused."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task
        if self._connection is not None:
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
                await self._connection.close(timeout=5)

    async def durable(self, entry: AuditEntry) -> None:
        """Return when the entry is committed. Raises AuditUnavailableError when it could not be.

        Who stops waiting does not take the entry back: the access may have been made.
        """
        if self._closing or self._task is None or self._task.done():
            raise AuditUnavailableError("The log is not open.")
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # Encoded here: what cannot be encoded fails the one who brought it, not all who wait beside it.
        self._pending.append(_Waiting(entry, entry.content(), future))
        self._wake.set()
        await future

    async def _connect(self) -> None:
        self._connection = await asyncpg.connect(
            self._dsn,
            timeout=COMMIT_SECONDS,
            command_timeout=COMMIT_SECONDS,
            server_settings={"application_name": "kontinuum audit"},
        )
        # A chain belongs to one connection: after a lost one nobody can tell what was committed.
        self._writer = await self._connection.fetchval("select nextval('audit_writer')")
        self._block, self._previous = 0, genesis(self._writer)

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._pending:
                group, self._pending = self._pending[:MAX_GROUP], self._pending[MAX_GROUP:]
                await self._commit(group)
            if self._closing:
                return

    async def _commit(self, group: list[_Waiting]) -> None:
        try:
            if self._connection is None or self._connection.is_closed():
                await self._connect()
            await self._append(group)
        except Exception as error:  # whatever it is: nobody may wait for ever, and the next group must go on
            await self._abandon()
            failure = AuditUnavailableError(f"The log could not be written: {error or type(error).__name__}")
            for each in group:
                if not each.future.done():
                    each.future.set_exception(failure)
            return
        for each in group:
            if not each.future.done():
                each.future.set_result(None)

    async def _append(self, group: list[_Waiting]) -> None:
        contents = [each.content for each in group]
        sealed = to_micros(self._clock.now())
        block = self._block + 1
        sealed_hash = seal(self._previous, self._writer, block, sealed, contents)
        columns = [(*columns_of(each.entry), each.content) for each in group]
        await store.append(
            self._connection, self._writer, block, sealed, self._previous, sealed_hash, columns
        )
        self._block, self._previous = block, sealed_hash

    async def _abandon(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
