"""Who does what only one process may do at a time: locks that end with the process, however it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import asyncpg

from kontinuum.store.feed import CHANNEL

_CLASS: Final = 0x4B4E  # advisory locks of this class are subscriptions

TAKE = "select pg_try_advisory_lock($1, $2)"

LEAVE = "select pg_advisory_unlock($1, $2)"


class Claims:
    """What this process has claimed, on a connection of its own, by which it also hears of the feed.

    A second claim of the same process is refused as another's would be. With the connection every claim
    ends; `open` makes a new one.
    """

    def __init__(self, dsn: str, heard: Callable[[str], None]) -> None:
        self._dsn = dsn
        self._heard = heard
        self._connection: Any = None
        self._turn = asyncio.Lock()
        self._held: set[int] = set()

    async def open(self) -> None:
        """Connect, where there is no connection or it was lost."""
        async with self._turn:
            if self._is_open():
                return
            self._held.clear()
            named = {"application_name": "kontinuum subscriptions"}
            self._connection = await asyncpg.connect(self._dsn, server_settings=named)
            await self._connection.add_listener(CHANNEL, lambda *told: self._heard(told[-1]))
            self._connection.add_termination_listener(lambda _connection: self._heard(""))

    async def close(self) -> None:
        """Give up every claim."""
        async with self._turn:
            self._held.clear()
            if self._is_open():
                await self._connection.close()

    async def take(self, number: int) -> bool:
        """Claim a number; false while it is claimed."""
        async with self._turn:
            if number in self._held or not self._is_open():
                return False
            if not await self._connection.fetchval(TAKE, _CLASS, number):
                return False
            self._held.add(number)
            return True

    async def leave(self, number: int) -> None:
        """Give up a claim."""
        async with self._turn:
            if self.holds(number):
                await self._connection.execute(LEAVE, _CLASS, number)
            self._held.discard(number)

    def holds(self, number: int) -> bool:
        """Whether a claim still holds."""
        return number in self._held and self._is_open()

    def _is_open(self) -> bool:
        return self._connection is not None and not self._connection.is_closed()
