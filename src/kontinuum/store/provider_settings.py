"""The settings of care providers in the database: what holds, who decided it, and a reader that remembers.

A decision is never changed, only superseded. Every process hears of one when it is committed
(`pg_notify`), so that what is remembered is right without being asked for again and again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import msgspec

from kontinuum.kernel.clock import Clock, to_micros
from kontinuum.kernel.principal import Principal
from kontinuum.kernel.provider_settings import (
    INFORMED_GENERALLY,
    ProviderSettings,
    ReserveSeries,
    Value,
    begins,
    combined,
    reserve_series_of,
)
from kontinuum.store import law

CHANNEL: Final = "kontinuum_changes"
"""On which PostgreSQL tells of committed changes: `settings`, `profiles`, `assignment` for one that ended."""

# Should the connection that listens be lost, a change is seen this much later at the most.
_REMEMBER: Final = timedelta(seconds=30)


class Decision(NamedTuple):
    """One decision on a setting; values as JSON, null where the default holds. `changed` in microseconds."""

    number: int
    name: str
    value: str | None
    before: str | None
    changed: int
    actor: str
    actor_name: str
    reason: str


LATEST = """
select distinct on (name) name, value::text
  from provider_setting
 where provider = $1
 order by name, number desc
"""


async def stored(connection: Any, provider: str) -> dict[str, Any]:
    """What a care provider has decided, by name; what is as by default is absent."""
    rows = await connection.fetch(LATEST, provider)
    return {row["name"]: msgspec.json.decode(row["value"]) for row in rows if row["value"] is not None}


DECIDED_BY_ANYONE = """
select value::text
  from (select distinct on (provider) provider, value
          from provider_setting
         where name = $1
         order by provider, number desc) latest
 where value is not null
"""


async def longest_log_years(connection: Any, overrides: Mapping[str, Value]) -> int:
    """For how many years the log is kept: a chain holds all providers' entries, so the longest holds."""
    rows = await connection.fetch(DECIDED_BY_ANYONE, "log_years")
    each = [combined({"log_years": msgspec.json.decode(row["value"])}, overrides).log_years for row in rows]
    return max([combined({}, overrides).log_years, *each])


async def all_series(connection: Any, overrides: Mapping[str, Value]) -> tuple[ReserveSeries, ...]:
    """The series of reserve numbers that any care provider uses, and the usual one: numbers travel."""
    rows = await connection.fetch(DECIDED_BY_ANYONE, "reserve_series")
    decided = [{}, *({"reserve_series": msgspec.json.decode(row["value"])} for row in rows)]
    return tuple(dict.fromkeys(s for one in decided for s in reserve_series_of(combined(one, overrides))))


HISTORY = """
select number, name, value::text, before::text, changed, actor, actor_name, reason
  from provider_setting
 where provider = $1
 order by number desc
 limit $2
"""


async def history(connection: Any, provider: str, limit: int = 200) -> list[Decision]:
    """The decisions of a care provider, the latest first."""
    return [Decision(*row) for row in await connection.fetch(HISTORY, provider, limit)]


# One provider's decisions are taken one after the other, so that `before` is what was.
LOCK = "select pg_advisory_xact_lock(hashtextextended('provider_setting ' || $1, 0))"

DECIDED = """
select number, value::text
  from provider_setting
 where provider = $1 and name = $2
 order by number desc
 limit 1
"""

DECIDE = """
insert into provider_setting (provider, name, value, before, changed, actor, actor_name, assignment, reason)
values ($1, $2, $3::text::jsonb, $4::text::jsonb, $5, $6, $7, $8, $9)
"""


class Superseded(NamedTuple):
    """Somebody else has decided since the form was shown; `latest` is that decision."""

    latest: Decision


async def decide(
    pool: Any, principal: Principal, now: datetime, name: str, value: Value | None, reason: str, seen: int
) -> bool | Superseded:
    """Decide on a setting of the principal's care provider; false when it is so already.

    `seen` is the number of the latest decision on it that the person was shown, 0 for none.
    """
    assignment, actor = principal.assignment, principal.actor
    wanted = None if value is None else msgspec.json.encode(value).decode()
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(LOCK, assignment.provider)
        row = await connection.fetchrow(DECIDED, assignment.provider, name)
        number, before = (row["number"], row["value"]) if row else (0, None)
        if number != seen:
            made = await history(connection, assignment.provider)
            return Superseded(next(one for one in made if one.number == number))
        if msgspec.json.decode(before or "null") == msgspec.json.decode(wanted or "null"):
            return False
        await connection.execute(
            DECIDE,
            assignment.provider,
            name,
            wanted,
            before,
            to_micros(now),
            actor.id,
            actor.name,
            assignment.id,
            reason,
        )
        if name == INFORMED_GENERALLY:
            await law.offer(connection, assignment.provider, None if value is None else begins(str(value)))
    return True


class SettingsReader:
    """Gives the settings in force at a care provider. Remembers them until it hears of a change."""

    def __init__(self, pool: Any, clock: Clock, overrides: Mapping[str, Value]) -> None:
        self._pool = pool
        self._clock = clock
        self.overrides = dict(overrides)
        self._known: dict[str, tuple[datetime, ProviderSettings]] = {}
        self.series = reserve_series_of(combined({}, overrides))
        """The series of reserve numbers that are recognised here: every care provider's."""
        self._learning: asyncio.Future[None] | None = None

    async def of(self, provider: str) -> ProviderSettings:
        """The settings in force; those of the environment win."""
        known = self._known.get(provider)
        now = self._clock.now()
        if known is not None and known[0] > now:
            return known[1]
        found = combined(await stored(self._pool, provider), self.overrides)
        self._known[provider] = (now + _REMEMBER, found)
        await self.learn()
        return found

    async def learn(self) -> None:
        """Read anew which series of reserve numbers are recognised."""
        self.series = await all_series(self._pool, self.overrides)

    async def history(self, provider: str) -> list[Decision]:
        """The decisions of a care provider, the latest first."""
        return await history(self._pool, provider)

    async def decide(
        self, principal: Principal, name: str, value: Value | None, reason: str, *, seen: int
    ) -> bool | Superseded:
        """Decide on a setting of the principal's care provider; see `decide`."""
        done = await decide(self._pool, principal, self._clock.now(), name, value, reason, seen)
        self.forget()
        await self.learn()
        return done

    def forget(self) -> None:
        """Read anew what is asked for next."""
        self._known.clear()

    def hear(self) -> None:
        """Forget and learn what another process has decided."""
        self.forget()
        self._learning = asyncio.ensure_future(self.learn())
