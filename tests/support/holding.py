"""A guard over the pool of connections: whoever holds one must not ask for a second.

When as many as there are connections do so at once, each waits for another for ever. That shows under load
only; here the first such question fails.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

import pytest
from asyncpg.pool import PoolAcquireContext

_HELD: ContextVar[Any] = ContextVar("held", default=None)
"""The pool of which the running task, or the one that started it, holds a connection."""


def watch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Watch every pool from now on."""
    enter, leave = PoolAcquireContext.__aenter__, PoolAcquireContext.__aexit__

    async def take(self: Any) -> Any:
        assert _HELD.get() is not self.pool, "a second connection is asked for while one is held"
        connection = await enter(self)
        _HELD.set(self.pool)
        return connection

    async def give_back(self: Any, *exception: Any) -> None:
        _HELD.set(None)
        await leave(self, *exception)

    monkeypatch.setattr(PoolAcquireContext, "__aenter__", take)
    monkeypatch.setattr(PoolAcquireContext, "__aexit__", give_back)
