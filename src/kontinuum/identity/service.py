"""Who comes in: bearer tokens of clients, sessions of browsers, the personas of the demo."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec

from kontinuum.identity.secret import hashed, new_secret
from kontinuum.identity.sessions import Limits, Sessions
from kontinuum.identity.steps import Steps
from kontinuum.kernel.clock import Clock, to_micros
from kontinuum.kernel.principal import Persona, Principal
from kontinuum.store import apps, credentials, persons
from kontinuum.store.provider_settings import SettingsReader

TOKEN_PREFIX = "kt_"

_REMEMBER_SECONDS = 5.0
_REMEMBER_AT_MOST = 4096
_encode = msgspec.json.encode


class Identity:
    """Mints and recognises tokens; has the sessions, and the steps on the way to one.

    A token that was recognised is remembered for five seconds in the process, never longer than it
    lasts, so that it costs no query on each request; one that is ended elsewhere is refused after at most
    that time.
    """

    def __init__(
        self,
        pool: Any,
        clock: Clock,
        personas: Sequence[Persona] = (),
        limits: Limits | None = None,
        settings: SettingsReader | None = None,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._known: dict[bytes, tuple[float, int, Principal]] = {}
        self.sessions = Sessions(pool, clock, limits or Limits(), settings, ended=self._known.clear)
        self.steps = Steps(pool, clock)
        self._personas = tuple(personas)

    def personas(self) -> tuple[Persona, ...]:
        """Whom a visitor may sign in as; empty in production."""
        return self._personas

    async def mint_token(self, principal: Principal, lifetime: timedelta) -> str:
        """A new bearer token (RFC 6750) for a principal. Shown once: only its hash is kept."""
        token = TOKEN_PREFIX + new_secret()
        now = self._clock.now()
        await credentials.insert_token(
            self._pool,
            hashed(token),
            _encode(principal).decode(),
            to_micros(now),
            to_micros(now + lifetime),
            None if principal.app is None else principal.app.grant,
        )
        return token

    async def end_token(self, token: str, principal: Principal) -> None:
        """End a token that was minted for an app."""
        if principal.app is not None:
            await apps.end_token(self._pool, hashed(token), principal.app.grant)
        self._known.pop(hashed(token), None)

    async def principal_of_token(self, token: str) -> Principal | None:
        """The principal of a bearer token, None when it is unknown or has expired."""
        if not token.startswith(TOKEN_PREFIX):
            return None
        secret = hashed(token)
        known = self._recall(secret)
        if known is not None:
            return known
        row = await credentials.token(self._pool, secret)
        if row is None or row.expires <= to_micros(self._clock.now()):
            return None
        principal = await self.in_context(msgspec.json.decode(row.principal, type=Principal))
        self._remember(secret, principal, row.expires)
        return principal

    async def in_context(self, principal: Principal) -> Principal:
        """An app's patient with the Patients that are linked to it now: they are the same person."""
        if principal.app is None or not principal.app.patients:
            return principal
        linked = await persons.members(self._pool, principal.app.patients)
        whole = dict.fromkeys(
            [*principal.app.patients, *(one for _, all_ in linked.values() for one in all_)]
        )
        return replace(principal, app=replace(principal.app, patients=tuple(whole)))

    def forget(self) -> None:
        """Ask the database anew who holds what: an assignment has ended somewhere."""
        self._known.clear()
        self.sessions.forget_all()

    def persona(self, actor_id: str) -> Persona | None:
        """Someone whom a visitor may sign in as."""
        return next((one for one in self._personas if one.actor.id == actor_id), None)

    def _recall(self, secret: bytes) -> Principal | None:
        found = self._known.get(secret)
        if found is None or found[0] <= time.monotonic() or found[1] <= to_micros(self._clock.now()):
            return None
        return found[2]

    def _remember(self, secret: bytes, what: Principal, until: int) -> None:
        if len(self._known) >= _REMEMBER_AT_MOST:
            self._known.clear()
        # By both clocks: neither one that is set back nor one that stands still prolongs it.
        soon = to_micros(self._clock.now()) + int(_REMEMBER_SECONDS * 1_000_000)
        self._known[secret] = (time.monotonic() + _REMEMBER_SECONDS, min(until, soon), what)
