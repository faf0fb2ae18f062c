"""Many writers at once: nothing lost, nothing twice, no needless refusal, and nobody waits in a circle."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

from kontinuum.app.services import Services
from kontinuum.record import Gate, Record, Refusal, SearchPage, Written
from tests.conftest import REGION, principal
from tests.support.invariants import broken
from tests.support.resources import bundle, observation, patient, request


async def made(record: Record, resource: dict[str, Any]) -> str:
    """The id of a resource just created."""
    result = await record.create(resource)
    assert isinstance(result, Written), result
    return result.stored.id


def versions(results: list[Any]) -> list[int]:
    """The versions that writes made, in order."""
    refused = [result for result in results if isinstance(result, Refusal)]
    assert not refused, refused[:2]
    return sorted(result.stored.version for result in results)


async def test_writers_of_two_units_never_split_a_resource(services: Services, gate: Gate) -> None:
    writers = [gate.record(principal(unit=f"{REGION}-{unit}")) for unit in "AB"]
    name = await made(writers[0], patient())
    results = await asyncio.gather(
        *(writers[n % 2].update("Patient", name, patient(str(n), id=name)) for n in range(20))
    )
    assert versions(results) == list(range(2, 22))
    assert await broken(services.pool) == []


async def test_writers_who_move_a_resource_all_succeed(services: Services, record: Record) -> None:
    people = [await made(record, patient(str(n))) for n in range(4)]
    name = await made(record, observation(people[0]))
    results = await asyncio.gather(
        *(
            record.update("Observation", name, observation(people[n % 4], id=name, value=n))
            for n in range(1, 25)
        )
    )
    assert versions(results) == list(range(2, 26))
    assert await broken(services.pool) == []


async def test_what_moves_while_it_is_deleted_is_not_called_missing(
    services: Services, record: Record
) -> None:
    people = [await made(record, patient(str(n))) for n in range(3)]
    for _ in range(12):
        name = await made(record, observation(people[0]))
        results = await asyncio.gather(
            record.update("Observation", name, observation(people[1], id=name)),
            record.delete("Observation", name),
            record.update("Observation", name, observation(people[2], id=name)),
        )
        assert versions(list(results)) == [2, 3, 4]
    assert await broken(services.pool) == []


async def test_transactions_over_the_same_resources_do_not_wait_in_a_circle(
    services: Services, record: Record
) -> None:
    def writes(names: list[str], method: str) -> dict[str, Any]:
        if method == "PUT":
            entries = (request("PUT", f"Patient/{n}", patient(str(random.random()), id=n)) for n in names)
        else:
            made_once = [
                {"resourceType": "Organization", "identifier": [{"system": "urn:o", "value": n}]}
                for n in names
            ]
            entries = (
                request("POST", "Organization", each, ifNoneExist=f"identifier=urn:o|{n}")
                for n, each in zip(names, made_once, strict=True)
            )
        return bundle("transaction", *entries)

    names = [f"x{n}" for n in range(10)]
    began = time.monotonic()
    for method in ("PUT", "POST"):
        results = await asyncio.gather(
            *(record.transaction(writes(names if n % 2 else names[::-1], method)) for n in range(8))
        )
        assert not [result for result in results if isinstance(result, Refusal)]
    assert time.monotonic() - began < 8, "PostgreSQL takes a second to notice each deadlock"
    page = await record.find("Organization")
    assert isinstance(page, SearchPage)
    assert len(page.matches) == 10
    assert await broken(services.pool) == []


async def test_many_criteria_in_one_transaction_are_within_the_databases_means(record: Record) -> None:
    entries = [
        request("POST", "Basic", {"resourceType": "Basic", "code": {"text": str(n)}}, ifNoneExist=f"_id=n{n}")
        for n in range(2500)
    ]
    result = await record.transaction(bundle("transaction", *entries))
    assert isinstance(result, list), result


async def test_a_cancelled_request_leaves_nothing_behind(services: Services, record: Record) -> None:
    name = await made(record, patient())
    rng = random.Random(3)
    for n in range(40):
        tasks = [
            asyncio.create_task(record.update("Patient", name, patient(str(n), id=name))),
            asyncio.create_task(record.find("Patient?name=a")),
            asyncio.create_task(record.create(observation(name))),
        ]
        await asyncio.sleep(rng.random() * 0.01)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    async with asyncio.timeout(10):
        result = await record.update("Patient", name, patient("last", id=name))
    assert isinstance(result, Written)
    assert await broken(services.pool) == []


async def test_lost_connections_are_replaced(services: Services, record: Record, owner: Any) -> None:
    name = await made(record, patient())
    kill = (
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    )
    for _ in range(3):
        await asyncio.gather(*(record.read("Patient", name) for _ in range(8)))
        await owner.fetch(kill)
        results = await asyncio.gather(
            *(record.update("Patient", name, patient(str(n), id=name)) for n in range(8)),
            return_exceptions=True,
        )
        assert all(isinstance(result, Written | Exception) for result in results)
        last = await record.update("Patient", name, patient("x", id=name))
        assert isinstance(last, Written)
    assert await broken(services.pool) == []
