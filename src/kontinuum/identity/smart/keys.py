"""The keys that sign identity tokens: made and kept in the database, renewed, and published as a JWK set."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, Final

import msgspec
from joserfc import jwt
from joserfc.jwk import RSAKey

from kontinuum.identity.secret import new_secret
from kontinuum.kernel.clock import Clock, to_micros
from kontinuum.store import apps as store
from kontinuum.store.apps import KeyRow

SIGNS: Final = timedelta(days=90)
KNOWN: Final = timedelta(days=120)
"""How long a key is published: what it signed last has long ended by then."""
ALGORITHM: Final = "RS256"
"""The one algorithm that every OpenID Connect client knows."""


class SigningKeys:
    """The installation's keys, shared by its processes through the database."""

    def __init__(self, pool: Any, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def sign(self, claims: dict[str, Any], algorithm: str = ALGORITHM, **header: str) -> str:
        """A signed JWT (RFC 7519) of claims; `header` are further parameters, such as `jku`."""
        row = await self._current()
        key = RSAKey.import_key(msgspec.json.decode(row.private))
        said = {"alg": algorithm, "kid": row.kid, "typ": "JWT", **header}
        return jwt.encode(said, claims, key, algorithms=[algorithm])

    async def published(self) -> list[dict[str, Any]]:
        """The public halves (RFC 7517) of the keys whose signatures may be met."""
        await self._current()
        rows = await store.keys(self._pool, self._ago(KNOWN))
        return [
            {
                **RSAKey.import_key(msgspec.json.decode(row.private)).as_dict(private=False),
                "kid": row.kid,
                "use": "sig",
            }
            for row in rows
        ]

    async def _current(self) -> KeyRow:
        found = await store.keys(self._pool, self._ago(SIGNS))
        if found:
            return found[0]
        key = await asyncio.to_thread(RSAKey.generate_key, 2048)
        async with self._pool.acquire() as connection, connection.transaction():
            await store.lock_keys(connection)
            found = await store.keys(connection, self._ago(SIGNS))
            if found:
                return found[0]
            private = msgspec.json.encode(key.as_dict(private=True)).decode()
            row = KeyRow(new_secret()[:16], private, to_micros(self._clock.now()))
            await store.insert_key(connection, row)
            return row

    def _ago(self, time: timedelta) -> int:
        return to_micros(self._clock.now() - time)
