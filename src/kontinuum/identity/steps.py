"""What is remembered between two requests on the way to a session. Each step is used once, and soon."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeVar

import msgspec

from kontinuum.identity.secret import hashed, new_secret
from kontinuum.kernel.clock import Clock, to_micros
from kontinuum.store import sessions as store

LIFETIME = timedelta(minutes=10)
SEEN = timedelta(minutes=30)

T = TypeVar("T")


class Steps:
    """Steps by their secret; the type of a step's content is its kind."""

    def __init__(self, pool: Any, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def keep(self, content: object) -> str:
        """Remember a step for ten minutes; gives the secret that finds it again."""
        secret = new_secret()
        now = self._clock.now()
        await store.keep_step(
            self._pool,
            hashed(secret),
            type(content).__name__,
            msgspec.json.encode(content).decode(),
            to_micros(now),
            to_micros(now + LIFETIME),
        )
        return secret

    async def is_first(self, name: str) -> bool:
        """Whether something is seen for the first time in half an hour."""
        now = self._clock.now()
        return await store.note_step(self._pool, hashed(name), to_micros(now), to_micros(now + SEEN))

    async def look(self, secret: str, kind: type[T]) -> T | None:
        """A step that stays; None when there is none of this kind, or its time is over."""
        found = await store.step(self._pool, hashed(secret), kind.__name__, self._now())
        return None if found is None else msgspec.json.decode(found, type=kind)

    async def take(self, secret: str, kind: type[T]) -> T | None:
        """A step that nobody can use again."""
        found = await store.take_step(self._pool, hashed(secret), kind.__name__, self._now())
        return None if found is None else msgspec.json.decode(found, type=kind)

    def _now(self) -> int:
        return to_micros(self._clock.now())
