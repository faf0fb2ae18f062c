"""Subscriptions over time: several workers, restarts, a database that was away, what is no longer kept."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg

from kontinuum.app.services import Services, open_services
from kontinuum.kernel.clock import to_micros
from kontinuum.kernel.config import Settings
from kontinuum.record import Refusal, Written
from kontinuum.store import feed
from kontinuum.store.claims import Claims
from tests.conftest import SYSTEM
from tests.db.test_feed import a_patient, written
from tests.support.resources import observation
from tests.support.subscribing import quiet, receiver, subscription, until


async def minted(services: Services) -> None:
    """The system has a token, on which its subscriptions rest."""
    await services.identity.mint_token(SYSTEM, timedelta(days=30))


async def test_two_workers_send_each_event_once_and_in_order(settings: Settings, dsn: str) -> None:
    async with (
        receiver() as hook,
        open_services(settings, dsn, connections=4) as one,
        open_services(settings, dsn, connections=4) as two,
    ):
        await minted(one)
        for services in (one, two):
            services.courier.start()
        record = one.gate.record(SYSTEM)
        for most in (1, 3):
            assert isinstance(await record.create(subscription(hook.url, max_count=most)), Written)
        await hook.until(lambda: len(hook.of("handshake")) == 2)
        await quiet(one)
        person = await a_patient(record)
        others = two.gate.record(SYSTEM)
        names = await asyncio.gather(
            *(written(each, observation(person)) for _ in range(8) for each in (record, others))
        )
        await quiet(one)
        for topic in {each.told["subscription"]["reference"] for each in hook.got}:
            told = [each for each in hook.got if each.told["subscription"]["reference"] == topic]
            events = [event for each in told for event in each.events]
            assert [number for number, _ in events] == list(range(1, 17))
            assert {name for _, name in events} == set(names)


async def test_what_was_written_before_a_restart_is_sent_after_it(settings: Settings, dsn: str) -> None:
    async with receiver() as hook:
        async with open_services(settings, dsn, connections=4) as services:
            await minted(services)
            services.courier.start()
            record = services.gate.record(SYSTEM)
            assert isinstance(await record.create(subscription(hook.url)), Written)
            await hook.until(lambda: hook.of("handshake"))
            await quiet(services)
            await services.courier.stop()
            person = await a_patient(record)
            names = [await written(record, observation(person)) for _ in range(2)]
        assert hook.events == []
        async with open_services(settings, dsn, connections=4) as services:
            services.courier.start()
            await hook.until(lambda: len(hook.events) == 2)
            assert hook.events == [(1, names[0]), (2, names[1])]
            # As one that was killed between numbering and hearing that it was received.
            await quiet(services)
            await services.pool.execute("update subscription set accepted = 1")
            services.courier.wake()
            await hook.until(lambda: len(hook.events) == 3)
            assert hook.events[2] == (2, names[1])


async def test_it_waits_for_those_who_began_to_write_before_it_watched(settings: Settings, dsn: str) -> None:
    """A transaction under way may have written what was not watched yet: before it ends, nothing begins."""
    async with receiver() as hook, open_services(settings, dsn, connections=4) as services:
        await minted(services)
        writer: Any = await asyncpg.connect(dsn)
        under_way = writer.transaction()
        await under_way.start()
        await writer.execute("select pg_current_xact_id()")
        services.courier.start()
        assert isinstance(await services.gate.record(SYSTEM).create(subscription(hook.url)), Written)
        settling = "select settling is not null from subscription"
        await until(lambda: services.pool.fetchval(settling), bool)
        assert hook.got == []
        await under_way.commit()
        await writer.close()
        await hook.until(lambda: hook.of("handshake"))


async def test_what_is_no_longer_kept_stops_its_subscription_visibly(services: Services) -> None:
    await minted(services)
    record = services.gate.record(SYSTEM)
    made = await record.create(subscription("http://127.0.0.1:9/hook"))
    assert isinstance(made, Written)
    person = await a_patient(record)
    await written(record, observation(person))
    await feed.advance(services.pool)
    later = to_micros(services.clock.now() + timedelta(days=2))
    await services.gate.deliveries.let_go(later - 10**12)
    kept = await record.read("Subscription", made.stored.id)
    assert not isinstance(kept, Refusal)
    assert kept.version == 1
    await services.gate.deliveries.let_go(later)
    stopped = await record.read("Subscription", made.stored.id)
    assert not isinstance(stopped, Refusal)
    assert b'"status":"off"' in (stopped.body or b"")
    assert b"search for what is missing" in (stopped.body or b"")
    assert await services.pool.fetchval("select count(*) from feed") == 0


async def test_a_claim_is_one_process_s_and_ends_with_it(dsn: str) -> None:
    first, second = Claims(dsn, lambda _: None), Claims(dsn, lambda _: None)
    assert not await first.take(7)  # not connected yet
    await first.open()
    await second.open()
    assert await first.take(7)
    assert not await first.take(7)
    assert not await second.take(7)
    await first.close()
    assert not first.holds(7)
    await until(lambda: second.take(7), bool)
    await second.close()


CUT = """
select count(pg_terminate_backend(pid)) from pg_stat_activity
 where application_name = $1 and datname = current_database()
"""


async def test_a_database_that_was_away_is_found_again(settings: Settings, dsn: str, owner: Any) -> None:
    async with receiver() as hook, open_services(settings, dsn, connections=4) as services:
        await minted(services)
        services.courier.start()
        record = services.gate.record(SYSTEM)
        assert isinstance(await record.create(subscription(hook.url)), Written)
        await hook.until(lambda: hook.of("handshake"))
        assert await until(lambda: owner.fetchval(CUT, "kontinuum subscriptions"), bool)
        await written(record, observation(await a_patient(record)))
        await hook.until(lambda: hook.events)
