"""The writer of the log: entries are committed in groups, and who waits is told when they are durable.

While one group is being committed the next one gathers, so that a busy worker needs one commit for
many entries and an idle one waits for nobody. If the log cannot be written the access that waits for
it fails: what cannot be logged is not shown (patientdatalagen (2008:355) 4:3).
"""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg

from kontinuum.audit.chain import genesis, seal
from kontinuum.audit.entry import AuditEntry
from kontinuum.kernel.clock import Clock, to_micros
from kontinuum.store import audit as store

MAX_GROUP = 1000
"""How many entries one block may hold."""


class AuditUnavailableError(Exception):
    """The log could not be written, so the access it was for must not be completed."""


class AuditLog:
    """One worker's chain of blocks, on a database connection of its own."""

    def __init__(self, dsn: str, clock: Clock) -> None:
        self._dsn = dsn
        self._clock = clock
        self._pending: list[tuple[AuditEntry, asyncio.Future[None]]] = []
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
        """Commit what is pending and disconnect."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task
        if self._connection is not None:
            await self._connection.close()

    async def durable(self, entry: AuditEntry) -> None:
        """Return when the entry is committed. Raises AuditUnavailableError when it could not be."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append((entry, future))
        self._wake.set()
        await future

    async def _connect(self) -> None:
        self._connection = await asyncpg.connect(
            self._dsn, server_settings={"application_name": "kontinuum audit"}
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

    async def _commit(self, group: list[tuple[AuditEntry, asyncio.Future[None]]]) -> None:
        try:
            if self._connection is None or self._connection.is_closed():
                await self._connect()
            await self._append([entry for entry, _ in group])
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
            await self._abandon()
            failure = AuditUnavailableError(f"The log could not be written: {error}")
            for _, future in group:
                if not future.done():
                    future.set_exception(failure)
            return
        for _, future in group:
            if not future.done():
                future.set_result(None)

    async def _append(self, entries: list[AuditEntry]) -> None:
        contents = [entry.content() for entry in entries]
        sealed = to_micros(self._clock.now())
        block = self._block + 1
        sealed_hash = seal(self._previous, self._writer, block, sealed, contents)
        columns = [
            (e.recorded, e.actor, e.assignment, e.unit, e.provider, e.action, " ".join(e.patients), content)
            for e, content in zip(entries, contents, strict=True)
        ]
        await store.append(
            self._connection, self._writer, block, sealed, self._previous, sealed_hash, columns
        )
        self._block, self._previous = block, sealed_hash

    async def _abandon(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
