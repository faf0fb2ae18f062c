"""What changed, in an order that loses nothing: for subscriptions, and whoever else follows the record.

A writer puts what it changes into `outbox` in its own transaction, if somebody watches the type. Transactions
commit in another order than they write. Therefore `advance` gives every change that is committed its position
in `feed`, one caller at a time, so that who has read up to a position has missed nothing below it. A change
that builds on another is written after that one was committed, and so comes after it.

The rows name resources and hold nothing of them: what a consumer may tell of them the gate decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

CHANNEL: Final = "feed"
"""Where is told that something was put into the outbox. It only wakes: nothing depends on it."""

CREATED, UPDATED, DELETED = "c", "u", "d"

_CLASS: Final = 0x4B46  # the advisory lock of whoever gives positions
_AT_ONCE: Final = 5_000


class Change(NamedTuple):
    """One version that was written: of which type (code) and id, when (microseconds), and what it did."""

    moment: int
    version: int
    type: int
    change: str
    id: str


class Positioned(NamedTuple):
    """A change at its position in the feed."""

    position: int
    change: Change


def answering(type_code: int) -> int:
    """The type under which a change is followed that may answer an order, or change what has answered one."""
    return -type_code


WATCHED = "select distinct type from feed_watch where type = any($1::smallint[])"

PUT = """
insert into outbox (moment, version, type, change, id)
select * from unnest($1::bigint[], $2::integer[], $3::smallint[], $4::text[], $5::text[])
"""


async def note(connection: Any, changes: Sequence[Change]) -> None:
    """Put changes into the outbox that somebody watches; inside the transaction that makes them."""
    types = sorted({each.type for each in changes})
    watched = {row["type"] for row in await connection.fetch(WATCHED, types)}
    followed = [each for each in changes if each.type in watched]
    if followed:
        await connection.execute(PUT, *map(list, zip(*followed, strict=True)))


WAKE = f"select pg_notify('{CHANNEL}', $1)"


async def wake(connection: Any, what: str = "") -> None:
    """Wake whoever follows, once this transaction is committed; perhaps with a word for them."""
    await connection.execute(WAKE, what)


LOCK = f"select pg_advisory_xact_lock({_CLASS}, 0)"

# The identity column counts in the order in which the rows come.
MOVE = f"""
with moved as (
    delete from outbox where place in (select place from outbox order by place limit {_AT_ONCE}) returning *
), kept as (
    insert into feed (moment, version, type, change, id)
    select moment, version, type, change, id from moved order by place
    returning 1
)
select count(*) from kept
"""


async def advance(pool: Any) -> None:
    """Give every committed change its position; waits while somebody else does."""
    if not await pool.fetchval("select exists (select from outbox)"):
        return
    moved = _AT_ONCE
    while moved == _AT_ONCE:
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute(LOCK)
            moved = await connection.fetchval(MOVE)


READ = """
select position, moment, version, type, change, id
  from feed
 where position > $1 and type = any($2::smallint[])
 order by position
 limit $3
"""


async def read(connection: Any, after: int, types: Iterable[int], limit: int) -> list[Positioned]:
    """The next changes of some types after a position, in their order."""
    found = await connection.fetch(READ, after, list(types), limit)
    return [Positioned(row[0], Change(*row[1:])) for row in found]


LAST = "select coalesce(max(position), 0) from feed"


async def last(connection: Any) -> int:
    """The position of the latest change: from there on reads who wants to know only what comes."""
    return int(await connection.fetchval(LAST))


WATCH = """
with gone as (
    delete from feed_watch where consumer = $1 and type <> all($2::smallint[])
), new as (
    insert into feed_watch (type, consumer) select unnest($2::smallint[]), $1 on conflict do nothing
)
insert into feed_consumer (name, position)
values ($1, (select coalesce(max(position), 0) from feed)) on conflict (name) do nothing
"""


async def watch(connection: Any, name: str, types: Iterable[int]) -> None:
    """Let a consumer follow these types: from now on when it is new, else from where it is."""
    await connection.execute(WATCH, name, sorted(types))


FORGET = """
with gone as (delete from feed_watch where consumer = $1)
delete from feed_consumer where name = $1
"""


async def forget(connection: Any, name: str) -> None:
    """Let a consumer follow nothing any more; should it come again, it begins anew."""
    await connection.execute(FORGET, name)


POSITION = "select position from feed_consumer where name = $1"

KEEP = "update feed_consumer set position = $2 where name = $1"


async def position(connection: Any, name: str) -> int | None:
    """Up to where a consumer is done; None when it does not follow."""
    found: int | None = await connection.fetchval(POSITION, name)
    return found


async def keep(connection: Any, name: str, done: int) -> None:
    """Note that a consumer is done with everything up to a position."""
    await connection.execute(KEEP, name, done)


BEHIND = """
select c.name
  from feed_consumer c
 where exists (select from feed f
                 join feed_watch w on w.type = f.type and w.consumer = c.name
                where f.position > c.position and f.moment < $1)
"""

PRUNE = "delete from feed where moment < $1"


async def behind(connection: Any, before: int) -> list[str]:
    """The consumers that are not done with what was written before a moment (microseconds)."""
    return [row["name"] for row in await connection.fetch(BEHIND, before)]


async def prune(connection: Any, before: int) -> None:
    """Remove what was written before a moment, whoever is done with it or not."""
    await connection.execute(PRUNE, before)
