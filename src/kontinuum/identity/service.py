"""Who comes in: bearer tokens of clients, sessions of browsers, the personas of the demo.

No session without one chosen assignment (HSLF-FS 2016:40 ch. 4). Secrets are 256 random bits and are
kept as SHA-256 only, so that a copy of the database lets nobody in.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec

from kontinuum.kernel.clock import Clock, to_micros
from kontinuum.kernel.principal import Persona, Principal
from kontinuum.store import credentials

TOKEN_PREFIX = "kt_"
SESSION_LIFETIME = timedelta(hours=12)
SESSION_IDLE = timedelta(hours=2)

_REMEMBER_SECONDS = 5.0
_REMEMBER_AT_MOST = 4096
_TOUCH_MICROS = 60 * 1_000_000
_encode = msgspec.json.encode


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in browser: who, under which assignment, and the token its forms must carry."""

    id: str
    principal: Principal
    csrf: str


class Identity:
    """Mints and recognises credentials.

    A credential that was recognised is remembered for five seconds in the process, never longer than it
    lasts, so that it costs no query on each request; one that is ended elsewhere is refused after at most
    that time.
    """

    def __init__(self, pool: Any, clock: Clock, personas: Sequence[Persona] = ()) -> None:
        self._pool = pool
        self._clock = clock
        self._personas = tuple(personas)
        self._known: dict[bytes, tuple[float, int, Principal | Session]] = {}

    def personas(self) -> tuple[Persona, ...]:
        """Whom a visitor may sign in as; empty in production."""
        return self._personas

    async def mint_token(self, principal: Principal, lifetime: timedelta) -> str:
        """A new bearer token (RFC 6750) for a principal. Shown once: only its hash is kept."""
        token = TOKEN_PREFIX + secrets.token_urlsafe(32)
        now = self._clock.now()
        await credentials.insert_token(
            self._pool,
            _hashed(token),
            _encode(principal).decode(),
            to_micros(now),
            to_micros(now + lifetime),
        )
        return token

    async def principal_of_token(self, token: str) -> Principal | None:
        """The principal of a bearer token, None when it is unknown or has expired."""
        if not token.startswith(TOKEN_PREFIX):
            return None
        secret = _hashed(token)
        known = self._recall(secret)
        if isinstance(known, Principal):
            return known
        row = await credentials.token(self._pool, secret)
        if row is None or row.expires <= to_micros(self._clock.now()):
            return None
        principal = msgspec.json.decode(row.principal, type=Principal)
        self._remember(secret, principal, row.expires)
        return principal

    async def start_session(self, actor_id: str, assignment_id: str) -> tuple[str, Session] | None:
        """Sign a persona in under one of its assignments: the cookie's value and the session.

        None when there is no such persona or assignment.
        """
        principal = self._principal(actor_id, assignment_id)
        if principal is None:
            return None
        cookie = secrets.token_urlsafe(32)
        csrf = secrets.token_urlsafe(32)
        now = self._clock.now()
        await credentials.insert_session(
            self._pool,
            _hashed(cookie),
            csrf,
            _encode(principal).decode(),
            to_micros(now),
            to_micros(now + SESSION_LIFETIME),
        )
        return cookie, Session(_hashed(cookie).hex()[:16], principal, csrf)

    async def session(self, cookie: str) -> Session | None:
        """The session of a cookie, None when it has ended, expired or lain idle too long."""
        secret = _hashed(cookie)
        known = self._recall(secret)
        if isinstance(known, Session):
            return known
        row = await credentials.session(self._pool, secret)
        now = to_micros(self._clock.now())
        idle = SESSION_IDLE // timedelta(microseconds=1)
        if row is None or row.expires <= now or row.used + idle <= now:
            return None
        if now - row.used > _TOUCH_MICROS:
            await credentials.touch_session(self._pool, secret, now)
        session = Session(secret.hex()[:16], msgspec.json.decode(row.principal, type=Principal), row.csrf)
        self._remember(secret, session, row.expires)
        return session

    async def end_session(self, cookie: str) -> None:
        """Sign out."""
        secret = _hashed(cookie)
        await credentials.delete_session(self._pool, secret)
        self._known.pop(secret, None)

    def _principal(self, actor_id: str, assignment_id: str) -> Principal | None:
        for persona in self._personas:
            if persona.actor.id == actor_id:
                for assignment in persona.assignments:
                    if assignment.id == assignment_id:
                        return Principal(persona.actor, assignment, "browser")
        return None

    def _recall(self, secret: bytes) -> Principal | Session | None:
        found = self._known.get(secret)
        if found is None or found[0] <= time.monotonic() or found[1] <= to_micros(self._clock.now()):
            return None
        return found[2]

    def _remember(self, secret: bytes, what: Principal | Session, until: int) -> None:
        if len(self._known) >= _REMEMBER_AT_MOST:
            self._known.clear()
        # By both clocks: neither one that is set back nor one that stands still prolongs it.
        soon = to_micros(self._clock.now()) + int(_REMEMBER_SECONDS * 1_000_000)
        self._known[secret] = (time.monotonic() + _REMEMBER_SECONDS, min(until, soon), what)


def _hashed(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
