"""Sessions of browsers: one person under one assignment, open or locked, ended here or from elsewhere.

No session without one chosen assignment (HSLF-FS 2016:40 ch. 4). A session's cookie changes whenever its
rights do, so that a cookie which was seen before is worth nothing afterwards.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import msgspec

from kontinuum.identity.secret import hashed, new_secret
from kontinuum.kernel.clock import Clock, from_micros, to_micros
from kontinuum.kernel.principal import Principal
from kontinuum.store import sessions as store
from kontinuum.store.provider_settings import SettingsReader
from kontinuum.store.sessions import SessionRow

_REMEMBER_FOR: Final = timedelta(seconds=5)
_REMEMBER_AT_MOST: Final = 4096
_TOUCH: Final = timedelta(seconds=15)
_LONGEST_AGENT: Final = 300
_LONGEST_PAGE: Final = 500
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a session lasts, how long it may lie unused, and after how long the screen locks."""

    lifetime: timedelta = timedelta(hours=12)
    idle: timedelta = timedelta(hours=2)
    lock: timedelta = timedelta(minutes=15)


class Ending(StrEnum):
    """Why a session ended before its time."""

    SIGNED_OUT = "signed-out"
    EVERYWHERE = "everywhere"
    ELSEWHERE = "elsewhere"
    MOVED = "moved"
    REPLACED = "replaced"
    PROVIDER = "provider"
    ASSIGNMENT = "assignment"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Proof:
    """How a person proved to be who it is: `origin` is the provider's key, or `demo`.

    `issuer`, `subject` and `sid` are the provider's names for itself, the person and its session there.
    """

    origin: str
    issuer: str | None = None
    subject: str | None = None
    sid: str | None = None
    id_token: str | None = None
    acr: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in browser: who, under which assignment, and the token its forms must carry.

    `id` names it to its owner and in the log. `just_locked` is set for the one request that found it idle.
    """

    id: str
    principal: Principal
    csrf: str
    proof: Proof
    agent: str
    page: str
    started: datetime
    used: datetime
    locked: bool
    lock_after: timedelta
    just_locked: bool = False


class Sessions:
    """Starts, finds, changes and ends sessions.

    One that was found is remembered for five seconds in the process, so that it costs no query on each
    request; one that is changed by another process is as it was for at most that time, and one whose
    assignment ended only until the database has told of it. `settings` give a care provider's own limits;
    `ended` is called when sessions end here, as tokens of apps end with them.
    """

    def __init__(
        self,
        pool: Any,
        clock: Clock,
        limits: Limits,
        settings: SettingsReader | None = None,
        *,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._limits = limits
        self._settings = settings
        self._ended = ended
        self._known: dict[bytes, tuple[datetime, Session]] = {}
        self._forgotten = 0  # what was read before something was forgotten is not remembered after it

    async def limits_at(self, provider: str) -> Limits:
        """The limits at a care provider; a session never ends before the screen locks."""
        if self._settings is None:
            return self._limits
        decided = await self._settings.of(provider)
        idle = max(timedelta(minutes=decided.idle_minutes), self._limits.lock)
        return replace(self._limits, lifetime=timedelta(hours=decided.session_hours), idle=idle)

    async def start(self, principal: Principal, proof: Proof, agent: str = "") -> tuple[str, Session]:
        """Begin a session: the cookie's value, and the session."""
        cookie, now = new_secret(), self._clock.now()
        limits = await self.limits_at(principal.assignment.provider)
        row = SessionRow(
            id=new_secret()[:16],
            csrf=new_secret(),
            principal=_encode(principal),
            actor=principal.actor.id,
            origin=proof.origin,
            issuer=proof.issuer,
            subject=proof.subject,
            sid=proof.sid,
            id_token=proof.id_token,
            acr=proof.acr,
            authenticated=to_micros(now),
            created=to_micros(now),
            used=to_micros(now),
            expires=to_micros(now + limits.lifetime),
            locked=None,
            page="/",
            agent=agent[:_LONGEST_AGENT],
            ended=None,
            ending=None,
        )
        await store.forget(self._pool, to_micros(now))
        await store.insert(self._pool, hashed(cookie), row)
        return cookie, self._session(row)

    async def find(self, cookie: str, *, touch: bool = True) -> Session | None:
        """The session of a cookie, None when it has ended, expired or lain idle too long.

        One that has not been used for long enough is found locked. With `touch` this counts as use.
        """
        secret = hashed(cookie)
        known = self._known.get(secret)
        if known is not None and known[0] > self._clock.now():
            return known[1]
        forgotten = self._forgotten
        row = await store.by_secret(self._pool, secret)
        if row is None or await self._is_over(row):
            return None
        session = self._session(row)
        now = self._clock.now()
        if not session.locked and session.used + self._limits.lock <= now:
            first = await store.lock(self._pool, secret, to_micros(now))
            return replace(session, locked=True, just_locked=first)
        if session.locked or not touch:
            return session
        if now - session.used > _TOUCH:
            await store.touch(self._pool, secret, to_micros(now))
            session = replace(session, used=now)
        if self._forgotten == forgotten:
            self._remember(secret, session)
        return session

    async def ending(self, cookie: str) -> Ending | None:
        """Why the session of a cookie is no more; None when nothing is known of it."""
        row = await store.by_secret(self._pool, hashed(cookie))
        if row is None:
            return None
        return Ending(row.ending) if row.ending else Ending.EXPIRED

    async def use(self, cookie: str) -> None:
        """Note that the person is there, whatever was noted lately."""
        await store.touch(self._pool, hashed(cookie), self._now())
        self._forget(cookie)

    async def note_page(self, cookie: str, session: Session, page: str) -> None:
        """Note where the person is, so that another workstation can continue there."""
        if page != session.page and len(page) <= _LONGEST_PAGE:
            secret = hashed(cookie)
            await store.note_page(self._pool, secret, page)
            known = self._known.get(secret)
            if known is not None:
                self._known[secret] = (known[0], replace(known[1], page=page))

    async def lock(self, cookie: str) -> bool:
        """Lock the screen; false when it was locked already."""
        first = await store.lock(self._pool, hashed(cookie), self._now())
        self._forget(cookie)
        return first

    async def unlock(self, session: str, proof: Proof | None = None) -> str | None:
        """Open a locked session; the cookie's new value, None when it has ended meanwhile."""
        cookie = new_secret()
        shown = (proof.acr, proof.id_token, proof.sid) if proof else (None, None, None)
        opened = await store.unlock(self._pool, session, hashed(cookie), self._now(), shown)
        return cookie if opened else None

    async def rebind(self, cookie: str, principal: Principal) -> str | None:
        """Give a session another assignment; the cookie's new value, None when it has ended meanwhile."""
        fresh = new_secret()
        changed = await store.rebind(
            self._pool, hashed(cookie), hashed(fresh), new_secret(), _encode(principal), self._now()
        )
        self._forget(cookie)
        return fresh if changed else None

    async def of_actor(self, actor: str) -> list[Session]:
        """A person's sessions, the one used last first."""
        rows = await store.open_of_actor(self._pool, actor, self._now())
        return [self._session(row) for row in rows if not await self._is_over(row)]

    async def open_by_id(self, session: str) -> Session | None:
        """The session of this name, None when it is no more."""
        row = await store.open_by_id(self._pool, session, self._now())
        return None if row is None or await self._is_over(row) else self._session(row)

    async def end(self, session: Session, ending: Ending) -> bool:
        """End a session; false when it had ended. Who ends it logs that."""
        actor = session.principal.actor.id
        ended = await store.end(self._pool, session.id, actor, self._now(), ending.value, told=True)
        self._forget_id(session.id)
        return ended

    async def end_overdue(self) -> None:
        """End the sessions whose time is over, so that their end is told."""
        now = self._now()
        for row in await store.overdue(self._pool, now, now - self._limits.lock // _MICROSECOND):
            if await self._is_over(row):
                await store.end(self._pool, row.id, row.actor, now, Ending.EXPIRED.value, told=False)
                self._forget_id(row.id)

    async def tell_ends(self, tell: Callable[[Session, Ending], Awaitable[None]]) -> int:
        """Tell each session that has ended and is not told of, once; how many there were, a hundred at most.

        What could not be told is told the next time.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            rows = await store.untold(connection)
            for row in rows:
                await tell(self._session(row), Ending(row.ending or Ending.EXPIRED))
            await store.note_told(connection, [row.id for row in rows])
        return len(rows)

    async def end_at_provider(self, issuer: str, subject: str | None, sid: str | None) -> list[Session]:
        """End what a provider says has ended there."""
        rows = await store.end_at_provider(self._pool, issuer, subject, sid, self._now())
        for row in rows:
            self._forget_id(row.id)
        return [self._session(row) for row in rows]

    def forget_all(self) -> None:
        """Read every session anew: an assignment has ended somewhere."""
        self._forgotten += 1
        self._known.clear()

    def hear(self, session: str) -> None:
        """Read a session anew: some process has locked, opened, changed or ended it."""
        self._forgotten += 1
        self._known = {secret: known for secret, known in self._known.items() if known[1].id != session}

    async def _is_over(self, row: SessionRow) -> bool:
        now = self._now()
        if row.ended is not None or row.expires <= now:
            return True
        limits = await self.limits_at(_principal(row).assignment.provider)
        return row.used + limits.idle // _MICROSECOND <= now

    def _session(self, row: SessionRow) -> Session:
        return Session(
            id=row.id,
            principal=_principal(row),
            csrf=row.csrf,
            proof=Proof(row.origin, row.issuer, row.subject, row.sid, row.id_token, row.acr),
            agent=row.agent,
            page=row.page,
            started=from_micros(row.created),
            used=from_micros(row.used),
            locked=row.locked is not None,
            lock_after=self._limits.lock,
        )

    def _now(self) -> int:
        return to_micros(self._clock.now())

    def _remember(self, secret: bytes, session: Session) -> None:
        if len(self._known) >= _REMEMBER_AT_MOST:
            self._known.clear()
        self._known[secret] = (self._clock.now() + _REMEMBER_FOR, session)

    def _forget(self, cookie: str) -> None:
        self._forgotten += 1
        self._known.pop(hashed(cookie), None)

    def _forget_id(self, session: str) -> None:
        self._ended()
        self.hear(session)


def _principal(row: SessionRow) -> Principal:
    return msgspec.json.decode(row.principal, type=Principal)


def _encode(principal: Principal) -> str:
    return msgspec.json.encode(principal).decode()
