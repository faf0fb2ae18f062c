"""The feed of changes loses nothing: whatever the order of commits, whoever reads, whenever it is started."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg

from kontinuum.app.services import Services
from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.record import Incoming, Record, Written
from kontinuum.store import feed
from kontinuum.store.feed import Change
from tests.support.resources import observation

OBSERVATION, PATIENT = TYPE_CODES["Observation"], TYPE_CODES["Patient"]


def change(name: str) -> Change:
    """A change that somebody makes."""
    return Change(1, 1, OBSERVATION, feed.CREATED, name)


async def written(record: Record, resource: dict[str, Any]) -> str:
    """The reference of what was created."""
    made = await record.create(resource)
    assert isinstance(made, Written), made
    return made.stored.reference


async def a_patient(record: Record) -> str:
    """The id of a new Patient."""
    return (await written(record, {"resourceType": "Patient"})).split("/")[1]


async def test_what_commits_later_comes_later_and_is_not_passed_over(services: Services, dsn: str) -> None:
    await feed.watch(services.pool, "reader", [OBSERVATION])
    one, two = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    slow, fast = one.transaction(), two.transaction()
    await slow.start()
    await feed.note(one, [change("slow")])
    await fast.start()
    await feed.note(two, [change("fast")])
    await fast.commit()
    await feed.advance(services.pool)
    (first,) = await feed.read(services.pool, 0, [OBSERVATION], 10)
    assert first.change.id == "fast"
    await slow.commit()
    await asyncio.gather(*(feed.advance(services.pool) for _ in range(3)))
    (second,) = await feed.read(services.pool, first.position, [OBSERVATION], 10)
    assert second.change.id == "slow"
    await one.close()
    await two.close()


async def test_nothing_is_kept_of_what_nobody_watches(services: Services, record: Record) -> None:
    """By every way of writing: one by one, in a bundle, by an import, changed and deleted."""
    counted = "select (select count(*) from outbox) + (select count(*) from feed)"
    for watching in (False, True):
        if watching:
            await feed.watch(services.pool, "reader", [OBSERVATION])
        person = await a_patient(record)
        name = await written(record, observation(person))
        await record.update("Observation", name.split("/")[1], observation(person, status="amended"))
        await record.delete("Observation", name.split("/")[1])
        await record.update("Observation", name.split("/")[1], observation(person))
        entry = {"request": {"method": "POST", "url": "Observation"}, "resource": observation(person)}
        await record.transaction({"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
        await record.take_in([Incoming(observation(person) | {"id": f"in-{watching}".lower()})])
        assert await services.pool.fetchval(counted) == (6 if watching else 0)
    await feed.advance(services.pool)
    told = await feed.read(services.pool, 0, [OBSERVATION, PATIENT], 100)
    assert [each.change.change for each in told] == ["c", "u", "d", "c", "c", "c"]
    assert [each.change.version for each in told] == [1, 2, 3, 4, 1, 1]
    await feed.forget(services.pool, "reader")
    await written(record, observation(person))
    await feed.advance(services.pool)
    assert len(await feed.read(services.pool, 0, [OBSERVATION], 100)) == 6


async def test_who_begins_to_follow_gets_what_comes_from_then_on(services: Services, record: Record) -> None:
    await feed.watch(services.pool, "first", [PATIENT])
    await written(record, {"resourceType": "Patient"})
    await feed.advance(services.pool)
    await feed.watch(services.pool, "second", [PATIENT])
    head = await feed.position(services.pool, "second")
    assert head is not None
    assert await feed.read(services.pool, head, [PATIENT], 10) == []
    assert await feed.position(services.pool, "first") == 0
    await feed.keep(services.pool, "first", head)
    await feed.watch(services.pool, "first", [OBSERVATION])
    assert await feed.position(services.pool, "first") == head
