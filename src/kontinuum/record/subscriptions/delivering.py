"""What each subscription is to be sent next, decided and logged before it leaves, and what came of it.

An event gets its number when it is first sent, not when it happens: what a subscriber may not read has
none. A number that may have been received stays with its event. Whoever sends holds the subscription's
claim (`store.claims`), so that events keep their order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from kontinuum.access.scopes import LAUNCH, covers
from kontinuum.access.subscribers import SUBSCRIPTION
from kontinuum.audit.entry import by_the_system
from kontinuum.fhir import json
from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.fhir.subscriptions.notification import EVENTS, HANDSHAKE, HEARTBEAT, Event, Standing
from kontinuum.fhir.subscriptions.terms import Channel, Terms, read_terms
from kontinuum.identity.secret import hashed
from kontinuum.kernel.clock import to_micros
from kontinuum.kernel.principal import Principal
from kontinuum.record.context import Context, Services
from kontinuum.record.preparing import superseding
from kontinuum.record.subscriptions.following import TYPE
from kontinuum.record.subscriptions.telling import Told, tell
from kontinuum.store import feed
from kontinuum.store import subscriptions as store
from kontinuum.store.feed import Change
from kontinuum.store.resources import read as reads
from kontinuum.store.resources import write as writes
from kontinuum.store.subscriptions import SubscriptionRow

ATTEMPTS: Final = 12
"""After so many failures in a row a subscription is in error until its client begins it again."""
_LONGEST: Final = 3600
_SECOND: Final = 1_000_000
_SCANNED: Final = 200
_PATIENCE: Final = 200
_MOMENT: Final = 0.05
_ENDED: Final = "The Subscription has reached its end."
_NO_RIGHT: Final = (
    "The token, permission, app or assignment with which the Subscription was made has ended: write it anew "
    "with one that is valid."
)


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Who subscribes, as things stand now; `registered` is what its app may ask for (None: no app)."""

    principal: Principal
    registered: tuple[str, ...] | None = None

    @property
    def narrowed(self) -> Principal:
        """The principal without the scopes that its app is no longer registered for."""
        app, most = self.principal.app, self.registered
        if app is None or most is None:
            return self.principal
        held = [each for each in app.scopes if each in LAUNCH or any(covers(one, each) for one in most)]
        return replace(self.principal, app=replace(app, scopes=tuple(held)))


@dataclass(frozen=True, slots=True)
class Notification:
    """What is to be sent: of which subscription, on which terms, with which events.

    `before` is where the feed stood before fresh events, whose numbers nobody can have seen yet.
    """

    row: SubscriptionRow
    terms: Terms
    kind: str
    standing: Standing
    moment: int
    events: tuple[Event, ...] = ()
    before: int | None = None


class Deliveries:
    """Every subscription's way from the feed to its receiver, but for the sending."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._pool = services.pool

    async def due(self) -> list[tuple[int, str]]:
        """Put the feed in order; gives the numbers and channels of the subscriptions with something to do."""
        await feed.advance(self._pool)
        return await store.due(self._pool, self._now())

    async def seconds_left(self) -> float | None:
        """How long until there is something to do though nothing happens; None: until something does."""
        moment = await store.next_due(self._pool, self._now())
        return None if moment is None else max(0, moment - self._now()) / _SECOND

    async def principal(self, number: int) -> Principal | None:
        """Who made a subscription, as it was then; None when it is gone."""
        row = await store.by_number(self._pool, number)
        return None if row is None else msgspec.json.decode(row.principal, type=Principal)

    async def next(
        self, number: int, subscriber: Subscriber | None, *, greet: bool = False
    ) -> Notification | None:
        """What a subscription is to be sent now, if anything; to nobody who has no right any more.

        With `greet` it is a handshake, whether or not there was one.
        """
        row = await store.by_number(self._pool, number)
        if row is None or row.status not in ("requested", "active") or row.due > self._now():
            return None
        if subscriber is None or (row.ends is not None and row.ends <= self._now()):
            await self._say(row, "off", _NO_RIGHT if subscriber is None else _ENDED)
            return None
        terms = await self._terms(row)
        if terms is None:
            return None
        if row.status == "requested":
            return self._notification(row, terms, HANDSHAKE) if await self._settled(row) else None
        if greet:
            return self._notification(row, terms, HANDSHAKE)
        context = Context(self._services, subscriber.narrowed)
        found = await self._again(context, row, terms) or await self._fresh(context, row, terms)
        if found is None and row.beat is not None and row.beat <= self._now():
            return self._notification(row, terms, HEARTBEAT)
        return found

    async def _settled(self, row: SubscriptionRow) -> bool:
        """Wait until nobody writes any more who does not know that the types are watched; usually no time."""
        for _ in range(_PATIENCE):
            if await store.is_settled(self._pool, row.number):
                return True
            await asyncio.sleep(_MOMENT)
        return False

    async def bound(self, token: str) -> list[int]:
        """The numbers of the subscriptions that a token opens; none when it is not valid."""
        ids = await store.bound(self._pool, hashed(token), self._now())
        rows = [await store.by_id(self._pool, each) for each in ids]
        return [row.number for row in rows if row is not None and row.channel == Channel.WEBSOCKET]

    async def call(self, who: str) -> None:
        """Tell every process who takes over which subscription."""
        await feed.wake(self._pool, who)

    async def received(self, sent: Notification) -> None:
        """Note that a notification was received."""
        row, beat = sent.row, sent.terms.heartbeat
        last = max((each.number for each in sent.events), default=row.accepted)
        following = None if beat is None else self._now() + beat * _SECOND
        await store.accept(self._pool, row.number, last, following)
        if row.status == "requested":
            await self._say(row, "active", None)

    async def lost(self, sent: Notification, reason: str, *, reached: bool) -> None:
        """Note that a notification was not received, and why; `reached`: it may have been seen."""
        row = sent.row
        if sent.before is not None and not reached:
            await self._taken_back(row, sent.before, len(sent.events))
        if sent.terms.channel is Channel.WEBSOCKET:
            return  # it waits until the client comes again
        failures = row.failures + 1
        if sent.kind == HANDSHAKE or failures >= ATTEMPTS:
            await self._say(row, "error", reason)
            return
        pause = min(2**failures, _LONGEST) * _SECOND
        await store.fail(self._pool, row.number, failures, self._now() + pause, reason)

    async def let_go(self, kept: int) -> None:
        """Remove events from before a moment; what was not sent of them stops its subscription, visibly."""
        reason = (
            "Events were not received for so long that they are no longer kept: search for what is missing."
        )
        for name in await feed.behind(self._pool, kept):
            number = store.number_of(name)
            row = None if number is None else await store.by_number(self._pool, number)
            if row is not None and row.status != "off":
                await self._say(row, "off", reason)
        await feed.prune(self._pool, kept)
        await store.prune(self._pool, kept, self._now())

    async def _terms(self, row: SubscriptionRow) -> Terms | None:
        found = await reads.read(self._pool, TYPE, row.id)
        terms = None if found is None or found.body is None else read_terms(json.loads(found.body))
        if isinstance(terms, list):
            # A release may have withdrawn a topic or filter since it was written.
            await self._say(row, "error", terms[0].message)
            return None
        fault = self._services.endpoints.fault(terms.endpoint) if terms and terms.endpoint else None
        if fault is not None:
            await self._say(row, "error", f"Nothing is sent to the endpoint: {fault}.")
            return None
        return terms

    async def _again(self, context: Context, row: SubscriptionRow, terms: Terms) -> Notification | None:
        """What was sent and not received, as far as it may still be told."""
        done = row.accepted
        while waiting := await store.numbered(self._pool, row.number, done + 1, row.sent, terms.most):
            told = await tell(context, terms, [change for _, change in waiting])
            numbers = [number for number, _ in waiting]
            events = [(number, each) for number, each in zip(numbers, told, strict=True) if each is not None]
            if events:
                return await self._logged(context, row, terms, events)
            done = numbers[-1]
            await store.accept(self._pool, row.number, done, row.beat)
        return None

    async def _fresh(self, context: Context, row: SubscriptionRow, terms: Terms) -> Notification | None:
        """The next events that may be told, each with its new number."""
        codes = [TYPE_CODES[name] for name in terms.types]
        while (position := await feed.position(self._pool, row.consumer)) is not None:
            scanned = await feed.read(self._pool, position, codes, min(4 * terms.most, _SCANNED))
            if not scanned:
                return None
            done, told = await _first(context, terms, scanned)
            if not await self._passed(row, done, [change for change, _ in told]):
                return None
            if told:
                events = [(row.sent + place, each) for place, (_, each) in enumerate(told, 1)]
                return await self._logged(context, row, terms, events, position)
        return None

    async def _passed(self, row: SubscriptionRow, done: int, told: Sequence[Change]) -> bool:
        """Go on in the feed and number what is to be told; false when the client has changed it meanwhile."""
        async with self._pool.acquire() as connection, connection.transaction():
            if not await store.lock(connection, row.number, row.sent):
                return False
            if told:
                await store.give_numbers(connection, row.number, row.sent, told)
            await feed.keep(connection, row.consumer, done)
        return True

    async def _taken_back(self, row: SubscriptionRow, position: int, events: int) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            if await store.lock(connection, row.number, row.sent + events):
                await store.take_numbers_back(connection, row.number, row.sent)
                await feed.keep(connection, row.consumer, position)

    async def _logged(
        self,
        context: Context,
        row: SubscriptionRow,
        terms: Terms,
        told: Sequence[tuple[int, Told]],
        before: int | None = None,
    ) -> Notification:
        await log(context, row.id, [each for _, each in told])
        events = tuple(event(number, each) for number, each in told)
        last = max(row.sent, told[-1][0])
        return self._notification(row, terms, EVENTS, last, events, before)

    def _notification(
        self,
        row: SubscriptionRow,
        terms: Terms,
        kind: str,
        last: int | None = None,
        events: tuple[Event, ...] = (),
        before: int | None = None,
    ) -> Notification:
        standing = Standing(row.id, terms.topic.url, row.status, row.sent if last is None else last)
        return Notification(row, terms, kind, standing, self._now(), events, before)

    async def _say(self, row: SubscriptionRow, status: str, error: str | None) -> None:
        """Let the Subscription itself say its new status, as a version of the server's."""
        changed = by_the_system(
            self._now(), "update", what=(f"{SUBSCRIPTION}/{row.id}",), note=error or status
        )
        await self._services.audit.durable(changed)
        async with self._pool.acquire() as connection, connection.transaction():
            rows = await reads.lock_many(connection, [(TYPE, row.id)])
            now = self._now()
            if not await store.set_status(connection, row, status, error, now):
                return
            (found,) = rows
            assert found.body is not None, "a deleted Subscription is not at work"
            if status == "off":
                await feed.forget(connection, row.consumer)
            resource = {name: value for name, value in json.loads(found.body).items() if name != "error"}
            resource |= {"status": status} | ({} if error is None else {"error": error})
            accountable = await writes.accountable(connection, found.unit, found.provider)
            moment = max(now, found.updated + 1)
            version = superseding(resource, found.key, found.id, found.version + 1, moment, accountable)
            await writes.replace_many(connection, [(found, version)])

    def _now(self) -> int:
        return to_micros(self._services.clock.now())


async def _first(
    context: Context, terms: Terms, scanned: Sequence[feed.Positioned]
) -> tuple[int, list[tuple[Change, Told]]]:
    """The first changes that may be told, as many as one notification takes, and how far they reach."""
    found: list[tuple[Change, Told]] = []
    done = scanned[-1].position
    told = await tell(context, terms, [each.change for each in scanned])
    for (position, change), each in zip(scanned, told, strict=True):
        if each is None:
            continue
        found.append((change, each))
        if len(found) == terms.most:
            return position, found
    return done, found


def event(number: int, told: Told) -> Event:
    """What is told under a number."""
    shown = told.shown
    return Event(number, shown.updated, shown.type, shown.id, told.change, shown.body)


async def log(context: Context, subscription: str, told: Sequence[Told]) -> None:
    """Write to the log what a subscriber is told; durable when this returns."""
    await context.log(
        "notify",
        "permitted",
        "several",
        patients=(each.row.patient for each in told),
        what=(each.reference for each in told),
        count=len(told),
        note=f"{SUBSCRIPTION}/{subscription}",
    )
