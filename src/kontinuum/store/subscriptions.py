"""SQL for subscriptions at work: for whom, how far, and which events have a number. Times in microseconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from kontinuum.store.feed import Change

_COLUMNS = """number, id, owner, principal::text, status, channel, sent, accepted, failures, due, beat, ends,
       error, written"""


class SubscriptionRow(NamedTuple):
    """A subscription at work, its fields in the order of the columns; `principal` is JSON."""

    number: int
    id: str
    owner: str
    principal: str
    status: str
    channel: str
    sent: int
    accepted: int
    failures: int
    due: int
    beat: int | None
    ends: int | None
    error: str | None
    written: int

    @property
    def consumer(self) -> str:
        """What the feed calls it."""
        return consumer_of(self.number)


_CONSUMER: Final = "subscription/"


def consumer_of(number: int) -> str:
    """What the feed calls a subscription."""
    return f"{_CONSUMER}{number}"


def number_of(consumer: str) -> int | None:
    """The subscription that the feed calls so; None when it is somebody else who follows it."""
    number = consumer.removeprefix(_CONSUMER)
    return int(number) if number != consumer else None


# What was sent and never received stays to be sent, unless nothing was followed meanwhile.
PUT = """
insert into subscription as s (id, owner, principal, status, channel, due, ends)
values ($1, $2, $3::text::jsonb, $4, $5, $6, $7)
    on conflict (id) do update
   set owner = excluded.owner, principal = excluded.principal, status = excluded.status,
       channel = excluded.channel, due = excluded.due, ends = excluded.ends, failures = 0, error = null,
       beat = null, settling = null, written = s.written + 1,
       accepted = case when s.status = 'off' then s.sent else s.accepted end
returning number
"""


async def put(connection: Any, row: tuple[str, str, str, str, str, int, int | None]) -> int:
    """Keep what a client wrote: id, owner, principal, status, channel, due, ends; gives its number."""
    return int(await connection.fetchval(PUT, *row))


REMOVE = "delete from subscription where id = $1 returning number"


async def remove(connection: Any, logical_id: str) -> int | None:
    """Forget a subscription with its events; gives its number."""
    found: int | None = await connection.fetchval(REMOVE, logical_id)
    return found


BY_NUMBER = f"select {_COLUMNS} from subscription where number = $1"

BY_ID = f"select {_COLUMNS} from subscription where id = $1"

OF_OWNER = f"select {_COLUMNS} from subscription where owner = $1 order by number"


async def by_number(connection: Any, number: int) -> SubscriptionRow | None:
    """The subscription with a number."""
    record = await connection.fetchrow(BY_NUMBER, number)
    return None if record is None else SubscriptionRow(*record)


async def by_id(connection: Any, logical_id: str) -> SubscriptionRow | None:
    """The subscription of a resource."""
    record = await connection.fetchrow(BY_ID, logical_id)
    return None if record is None else SubscriptionRow(*record)


async def of_owner(connection: Any, owner: str) -> list[SubscriptionRow]:
    """Everything that somebody subscribes to, the oldest first."""
    return [SubscriptionRow(*record) for record in await connection.fetch(OF_OWNER, owner)]


DUE = """
select s.number, s.channel
  from subscription s
  join feed_consumer c on c.name = 'subscription/' || s.number
 where s.status in ('requested', 'active') and s.due <= $1
   and (s.status = 'requested' or s.ends <= $1 or s.beat <= $1 or s.sent > s.accepted
        or exists (select from feed_watch w
                     join feed f on f.type = w.type and f.position > c.position
                    where w.consumer = c.name))
"""

NEXT = """
select min(moment)
  from subscription s
 cross join unnest(array[s.due, greatest(s.due, s.beat), greatest(s.due, s.ends)]) as moment
 where s.status in ('requested', 'active') and moment > $1
"""


async def due(connection: Any, now: int) -> list[tuple[int, str]]:
    """The numbers and channels of the subscriptions for which there is something to do."""
    return [(row["number"], row["channel"]) for row in await connection.fetch(DUE, now)]


async def next_due(connection: Any, now: int) -> int | None:
    """When there will be something to do, though nothing happens until then."""
    found: int | None = await connection.fetchval(NEXT, now)
    return found


# What was under way when the types began to be watched may have written without being seen.
SETTLE = """
update subscription set settling = coalesce(settling, pg_snapshot_xmax(pg_current_snapshot()))
 where number = $1
returning settling <= pg_snapshot_xmin(pg_current_snapshot())
"""


async def is_settled(connection: Any, number: int) -> bool:
    """Whether everything has ended that may have written before the subscription's types were watched."""
    return bool(await connection.fetchval(SETTLE, number))


LOCK = "select number from subscription where number = $1 and status = 'active' and sent = $2 for update"


async def lock(connection: Any, number: int, sent: int) -> bool:
    """Keep an active subscription as it is until the transaction ends; false when it has changed."""
    return await connection.fetchval(LOCK, number, sent) is not None


NUMBER = """
with s as (
    update subscription set sent = $2 + cardinality($7::text[]) where number = $1
)
insert into subscription_event (subscription, number, moment, version, type, change, id)
select $1, $2 + e.ord, e.moment, e.version, e.type, e.change, e.id
  from unnest($3::bigint[], $4::integer[], $5::smallint[], $6::text[], $7::text[])
       with ordinality as e(moment, version, type, change, id, ord)
"""

TAKE_BACK = """
with gone as (delete from subscription_event where subscription = $1 and number > $2)
update subscription set sent = $2 where number = $1
"""


async def give_numbers(connection: Any, number: int, sent: int, changes: Sequence[Change]) -> None:
    """Number changes as events, after the last that was sent."""
    await connection.execute(NUMBER, number, sent, *map(list, zip(*changes, strict=True)))


async def take_numbers_back(connection: Any, number: int, last: int) -> None:
    """Take back the numbers after `last`: nobody has seen them."""
    await connection.execute(TAKE_BACK, number, last)


NUMBERED = """
select number, moment, version, type, change, id
  from subscription_event
 where subscription = $1 and number between $2 and $3
 order by number
 limit $4
"""


async def numbered(
    connection: Any, number: int, first: int, last: int, limit: int
) -> list[tuple[int, Change]]:
    """The events with numbers from `first` to `last`, in their order."""
    found = await connection.fetch(NUMBERED, number, first, last, limit)
    return [(row[0], Change(*row[1:])) for row in found]


ACCEPTED = """
update subscription set accepted = greatest(accepted, $2), failures = 0, beat = $3, due = 0, error = null
 where number = $1
"""

FAILED = "update subscription set failures = $2, due = $3, error = $4 where number = $1"


async def accept(connection: Any, number: int, last: int, beat: int | None) -> None:
    """Note that a notification was received: up to which event, and when the next heartbeat falls due."""
    await connection.execute(ACCEPTED, number, last, beat)


async def fail(connection: Any, number: int, failures: int, due_: int, error: str) -> None:
    """Note that one was not received, for the how manieth time, and when it is tried again."""
    await connection.execute(FAILED, number, failures, due_, error)


STATUS = """
update subscription set status = $3, error = $4, due = $5, failures = 0
 where number = $1 and written = $2
returning number
"""


async def set_status(
    connection: Any, row: SubscriptionRow, status: str, error: str | None, due_: int
) -> bool:
    """Change its status; false when its client has written it anew by now."""
    return await connection.fetchval(STATUS, row.number, row.written, status, error, due_) is not None


BIND = "insert into subscription_binding (secret, subscriptions, expires) values ($1, $2, $3)"

BOUND = "delete from subscription_binding where secret = $1 and expires > $2 returning subscriptions"


async def bind(connection: Any, secret: bytes, ids: Sequence[str], expires: int) -> None:
    """Keep what a websocket will show, hashed."""
    await connection.execute(BIND, secret, list(ids), expires)


async def bound(connection: Any, secret: bytes, now: int) -> list[str]:
    """The ids of the subscriptions that a hashed secret opens, once; none when it is unknown or over."""
    found = await connection.fetchval(BOUND, secret, now)
    return list(found or ())


PRUNE = """
with bindings as (delete from subscription_binding where expires <= $2)
delete from subscription_event where moment < $1
"""


async def prune(connection: Any, before: int, now: int) -> None:
    """Remove events from before a moment, and bindings that are over."""
    await connection.execute(PRUNE, before, now)
