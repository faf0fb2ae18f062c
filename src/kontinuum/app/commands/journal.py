"""How far an import has come: kept in the database, so that the same command continues after any end."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from types import TracebackType
from typing import Any

import asyncpg
import msgspec

from kontinuum.store import delivery
from kontinuum.store.faults import FAILED

FLUSH_SECONDS = 0.5


class Done(msgspec.Struct, frozen=True):
    """What a finished piece came to: (type, change, number), and how long the file of refusals then was."""

    changes: list[tuple[str, str, int]]
    refused_bytes: int

    def counter(self) -> Counter[tuple[str, str]]:
        """The changes as a counter."""
        return Counter({(type_name, change): number for type_name, change, number in self.changes})


class Journal:
    """The finished pieces of one delivery; a context manager that writes what is pending at its end.

    A piece that was finished but not yet noted when the power failed is taken in again, which changes
    nothing: resources keep their ids.
    """

    def __init__(self, dsn: str, name: str) -> None:
        self._dsn = dsn
        self._name = name
        self._runner = asyncio.Runner()
        self._connection: Any = None
        self._pending: list[tuple[str, str]] = []
        self._flushed = 0.0
        self.finished: dict[str, Done] = {}

    def __enter__(self) -> Journal:
        self._connection = self._runner.run(asyncpg.connect(self._dsn))
        kept = self._runner.run(delivery.finished(self._connection, self._name))
        self.finished = {piece: msgspec.json.decode(done, type=Done) for piece, done in kept.items()}
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        try:
            self._flush()
            self._runner.run(self._connection.close())
        except FAILED:
            self._connection.terminate()  # the database is gone: the command tells it, not its journal
        finally:
            self._runner.close()

    @property
    def refused_bytes(self) -> int:
        """How long the file of refusals was when the last finished piece was noted."""
        return max((done.refused_bytes for done in self.finished.values()), default=0)

    def note(self, piece: str, done: Done) -> None:
        """Keep that a piece is done."""
        self._pending.append((piece, msgspec.json.encode(done).decode()))
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            self._flush()

    def forget(self) -> None:
        """Remove the delivery: it is complete, or begins anew."""
        self._pending, self.finished = [], {}
        self._runner.run(delivery.forget(self._connection, self._name))

    def settle(self) -> None:
        """Tell the database's planner about what has come in."""
        self._runner.run(delivery.refresh_statistics(self._connection))

    def _flush(self) -> None:
        pending, self._pending = self._pending, []
        if pending:
            self._runner.run(delivery.note(self._connection, self._name, pending))
        self._flushed = time.monotonic()
