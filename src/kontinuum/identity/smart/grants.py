"""What a person permitted an app, from the code to the last refresh token: one family, which ends together.

RFC 6749 and RFC 9700; https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html. Codes and tokens are kept
as SHA-256 only. Whoever shows a code or a refresh token a second time has copied it: the family ends.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from kontinuum.identity.secret import hashed, new_secret
from kontinuum.identity.service import Identity
from kontinuum.identity.smart.apps import App
from kontinuum.kernel.clock import Clock, from_micros, to_micros
from kontinuum.kernel.principal import App as Acting
from kontinuum.kernel.principal import Principal
from kontinuum.store import apps as store
from kontinuum.store import credentials
from kontinuum.store.apps import GrantRow

CODE: Final = timedelta(seconds=60)
ACCESS: Final = timedelta(minutes=15)
SERVICE: Final = timedelta(minutes=5)
WITHOUT_REFRESH: Final = timedelta(hours=1)
"""Without `offline_access` or `online_access` there is no refresh token: the app is launched again."""
OFFLINE: Final = timedelta(days=90)
REFRESH_PREFIX: Final = "kr_"


@dataclass(frozen=True, slots=True)
class Launch:
    """An app is being opened from a patient's chart: in which session, which app, whose, at which contact."""

    session: str
    app: str
    patient: str
    encounter: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What an app asks a person for, once the request was found in order.

    `patient` and `encounter` None: to be chosen, where the scopes are about one.
    """

    session: str
    app: str
    scopes: tuple[str, ...]
    redirect_uri: str
    state: str
    challenge: str
    nonce: str | None = None
    patient: str | None = None
    encounter: str | None = None
    launched: bool = False


@dataclass(frozen=True, slots=True)
class Permission:
    """What somebody permitted an app; `session` where it holds only as long as that person is signed in."""

    id: str
    app: str
    principal: Principal
    scopes: tuple[str, ...]
    patient: str | None
    created: datetime
    expires: datetime
    nonce: str | None
    encounter: str | None = None
    session: str | None = None


@dataclass(frozen=True, slots=True)
class Issued:
    """The tokens that an app is given; `refresh` only with `offline_access` or `online_access`."""

    permission: Permission
    access: str
    lifetime: timedelta
    refresh: str | None = None


@dataclass(frozen=True, slots=True)
class Wrong:
    """Why an app gets nothing: OAuth's code of the error, and what to do."""

    error: str
    description: str


_SPENT = Wrong("invalid_grant", "The code or token is not valid, or no longer: begin a new launch.")


class Grants:
    """Gives codes and tokens out, exchanges them, and ends them."""

    def __init__(self, pool: Any, clock: Clock, identity: Identity) -> None:
        self._pool = pool
        self._clock = clock
        self._identity = identity

    def until(self, scopes: tuple[str, ...]) -> datetime:
        """Until when a permission with these scopes lasts that is given now."""
        return self._clock.now() + (OFFLINE if _renews(scopes) else WITHOUT_REFRESH)

    async def permit(self, principal: Principal, asked: Asked) -> tuple[str, str]:
        """Keep what a person permits; gives the authorization code and the permission's id."""
        code, now = new_secret(), self._clock.now()
        row = GrantRow(
            id=new_secret()[:22],
            app=asked.app,
            actor=principal.actor.id,
            principal=msgspec.json.encode(principal).decode(),
            scopes=list(asked.scopes),
            patient=asked.patient,
            created=to_micros(now),
            expires=to_micros(self.until(asked.scopes)),
            revoked=None,
            code=hashed(code),
            code_expires=to_micros(now + CODE),
            code_used=None,
            challenge=asked.challenge,
            redirect_uri=asked.redirect_uri,
            nonce=asked.nonce,
            encounter=asked.encounter,
            session=asked.session if "online_access" in asked.scopes else None,
        )
        await store.forget(self._pool, to_micros(now))
        await store.insert_grant(self._pool, row)
        return code, row.id

    async def exchange(self, app: App, code: str, redirect_uri: str, verifier: str) -> Issued | Wrong:
        """The tokens for a code, which its app uses once and soon, with its request's secret (RFC 7636)."""
        row = await store.grant_of_code(self._pool, hashed(code))
        if row is None or row.app != app.id:
            return _SPENT
        if not await store.use_code(self._pool, hashed(code), self._now()):
            await self._end(row.id)
            return _SPENT
        kept = row.redirect_uri == redirect_uri and _proves(verifier, row.challenge or "")
        if not kept or (row.code_expires or 0) <= self._now() or not self._holds(row):
            await self._end(row.id)
            return _SPENT
        return await self._issue(row)

    async def refresh(self, app: App, token: str, scopes: tuple[str, ...] | None) -> Issued | Wrong:
        """New tokens for a refresh token, which is used up; `scopes` may narrow what the new token may do."""
        found = await store.refresh(self._pool, hashed(token))
        row = None if found is None else await store.grant(self._pool, found.grant)
        if found is None or row is None or row.app != app.id:
            return _SPENT
        if found.expires <= self._now() or not self._holds(row):
            return _SPENT
        if scopes is not None and not set(scopes) <= set(row.scopes):
            return Wrong("invalid_scope", "A refresh asks for nothing that was not permitted.")
        if not await self._is_there(row):
            await self._end(row.id)
            return _SPENT
        if found.used is not None or not await store.use_refresh(self._pool, hashed(token), self._now()):
            await self._end(row.id)
            return _SPENT
        return await self._issue(row, scopes)

    async def serve(self, app: App, principal: Principal, scopes: tuple[str, ...]) -> Issued:
        """A token of a backend service, which acts under the assignment that it was registered with."""
        now = self._clock.now()
        row = GrantRow(
            id=new_secret()[:22],
            app=app.id,
            actor=principal.actor.id,
            principal=msgspec.json.encode(principal).decode(),
            scopes=list(scopes),
            patient=None,
            created=to_micros(now),
            expires=to_micros(now + SERVICE),
            revoked=None,
        )
        await store.forget(self._pool, to_micros(now))
        await store.insert_grant(self._pool, row)
        return await self._issue(row, lifetime=SERVICE)

    async def of_actor(self, actor: str) -> list[Permission]:
        """What somebody has permitted and apps make use of, the newest first."""
        return [_permission(row) for row in await store.grants(self._pool, actor, self._now())]

    async def withdraw(self, permission: str, actor: str) -> bool:
        """End what somebody permitted; false when it was not this person's, or has ended."""
        ended = await store.revoke(self._pool, permission, self._now(), actor)
        self._identity.forget()
        return ended

    async def revoke(self, app: App, token: str) -> None:
        """End a token of an app (RFC 7009): a refresh token with its whole family."""
        principal = await self._identity.principal_of_token(token)
        if principal is not None and principal.app is not None and principal.app.id == app.id:
            await store.end_token(self._pool, hashed(token), principal.app.grant)
            self._identity.forget()
            return
        found = await store.refresh(self._pool, hashed(token))
        row = None if found is None else await store.grant(self._pool, found.grant)
        if row is not None and row.app == app.id:
            await self._end(row.id)

    async def known(self, app: App, token: str) -> Permission | None:
        """What an app's own token stands for, None when it is not valid, or another's (RFC 7662).

        Its times are the token's own: an access token ends long before what was permitted.
        """
        principal = await self._identity.principal_of_token(token)
        if principal is not None and principal.app is not None and principal.app.id == app.id:
            row = await store.grant(self._pool, principal.app.grant)
            held = await credentials.token(self._pool, hashed(token))
            if row is None or held is None:
                return None
            made, ends = from_micros(held.created), from_micros(held.expires)
            return replace(_permission(row), scopes=principal.app.scopes, created=made, expires=ends)
        found = await store.refresh(self._pool, hashed(token))
        row = None if found is None else await store.grant(self._pool, found.grant)
        if found is None or row is None or row.app != app.id or found.used is not None:
            return None
        return _permission(row) if self._holds(row) and found.expires > self._now() else None

    async def _issue(
        self, row: GrantRow, scopes: tuple[str, ...] | None = None, lifetime: timedelta = ACCESS
    ) -> Issued:
        permission = _permission(row)
        permission = permission if scopes is None else replace(permission, scopes=scopes)
        acting = Acting(row.app, row.id, permission.scopes, (row.patient,) if row.patient else ())
        principal = replace(permission.principal, client=f"app:{row.app}", app=acting)
        renews = _renews(row.scopes)
        if not renews and lifetime is ACCESS:
            lifetime = WITHOUT_REFRESH
        lifetime = min(lifetime, permission.expires - self._clock.now())
        access = await self._identity.mint_token(principal, lifetime)
        refresh = REFRESH_PREFIX + new_secret() if renews else None
        if refresh is not None:
            await store.insert_refresh(self._pool, hashed(refresh), row.id, row.expires)
        return Issued(permission, access, lifetime, refresh)

    async def _is_there(self, row: GrantRow) -> bool:
        """Whether the person is signed in still, and under the same assignment, where that matters."""
        if row.session is None:
            return True
        session = await self._identity.sessions.open_by_id(row.session)
        return session is not None and session.principal.assignment == _permission(row).principal.assignment

    async def _end(self, grant: str) -> None:
        await store.revoke(self._pool, grant, self._now())
        self._identity.forget()

    def _holds(self, row: GrantRow) -> bool:
        return row.revoked is None and row.expires > self._now()

    def _now(self) -> int:
        return to_micros(self._clock.now())


def _permission(row: GrantRow) -> Permission:
    return Permission(
        id=row.id,
        app=row.app,
        principal=msgspec.json.decode(row.principal, type=Principal),
        scopes=tuple(row.scopes),
        patient=row.patient,
        created=from_micros(row.created),
        expires=from_micros(row.expires),
        nonce=row.nonce,
        encounter=row.encounter,
        session=row.session,
    )


def _renews(scopes: Iterable[str]) -> bool:
    return not {"offline_access", "online_access"}.isdisjoint(scopes)


def _proves(verifier: str, challenge: str) -> bool:
    """Whether a verifier is the one whose SHA-256 is the challenge (RFC 7636 section 4.6)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    made = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return 43 <= len(verifier) <= 128 and hmac.compare_digest(made.encode(), challenge.encode())
