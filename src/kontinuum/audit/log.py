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
import structlog

from kontinuum.audit.anchors import anchor
from kontinuum.audit.chain import genesis, seal
from kontinuum.audit.entry import AuditEntry, by_the_system, columns_of
from kontinuum.kernel.clock import Clock, to_micros
from kontinuum.store import audit as store
from kontinuum.store.faults import FAILED
from kontinuum.store.roles import server_settings

_log = structlog.get_logger(__name__)

MAX_GROUP = 1000
"""How many entries one block may hold."""

ANCHOR_SECONDS = 300.0
"""How often a worker that has written something makes an anchor. What a chain has grown since the last
one can be cut off without a trace within the database; at each start and each orderly stop one is made."""


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

    def __init__(
        self, dsn: str, clock: Clock, *, role: str | None = None, anchor_seconds: float = ANCHOR_SECONDS
    ) -> None:
        self._dsn = dsn
        self._clock = clock
        self._role = role
        self._anchor_seconds = anchor_seconds
        self._anchored = 0.0
        self._grown = False
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
            await self._stop_with_anchor(self._connection)
            with contextlib.suppress(*FAILED):
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
            server_settings={"application_name": "kontinuum audit", **server_settings(self._role)},
        )
        # A chain belongs to one connection: after a lost one nobody can tell what was committed.
        now = to_micros(self._clock.now())
        newest = await anchor(self._connection, now)
        self._writer = await store.begin_chain(self._connection, now, newest.number, newest.hash)
        self._block, self._previous = 0, genesis(self._writer, newest.hash)
        self._anchored = asyncio.get_running_loop().time()

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                # Also when nothing more comes: what was written last is to be covered by an anchor.
                async with asyncio.timeout(self._anchor_seconds if self._grown else None):
                    await self._wake.wait()
            self._wake.clear()
            while self._pending:
                group, self._pending = self._pending[:MAX_GROUP], self._pending[MAX_GROUP:]
                await self._commit(group)
            if self._closing:
                return
            await self._anchor_when_due()

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
        self._grown = True
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

    async def _anchor_when_due(self) -> None:
        """After some minutes with entries: an anchor, and an entry that names it in the own chain."""
        now = asyncio.get_running_loop().time()
        due = self._grown and now - self._anchored >= self._anchor_seconds
        if self._connection is None or not due:
            return
        self._anchored, self._grown = now, False
        try:
            newest = await anchor(self._connection, to_micros(self._clock.now()))
            if newest.made:
                named = by_the_system(to_micros(self._clock.now()), "anchor", what=(str(newest),))
                await self._append([_Waiting(named, named.content(), asyncio.Future())])
        except Exception as error:  # as above: the log must go on
            # Nobody waits for an anchor; the next entry connects anew, and a new chain begins with one.
            await self._abandon()
            _log.error("audit_anchor_failed", cause=type(error).__name__)
        else:
            # Outside of the database, where whoever can change the log may not reach it.
            _log.info("audit_anchor", anchor=str(newest))

    async def _stop_with_anchor(self, connection: Any) -> None:
        with contextlib.suppress(*FAILED):  # the next start makes up for it
            await anchor(connection, to_micros(self._clock.now()))

    async def _abandon(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
