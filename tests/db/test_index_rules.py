"""A record whose index was made by older rules is indexed anew before anything is searched."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from kontinuum.fhir import json
from kontinuum.record import Incoming, Record, SearchPage
from kontinuum.store import index
from kontinuum.store.packing import unpack
from tests.support.invariants import broken
from tests.support.resources import variety


def told(_bucket: int, _resources: int) -> None:
    return


async def as_of_old(connection: Any) -> None:
    """Make of a record one that the first release could have left: other rows, bodies as they are sent."""
    for row in await connection.fetch("select bucket, key, body from resource where body is not null"):
        await connection.execute(
            "update resource set body = $3, hashes = hashes || 1::bigint where bucket = $1 and key = $2",
            row["bucket"],
            row["key"],
            unpack(row["body"]),
        )
    await connection.execute("update search_number set param = 5, tags = null")
    await connection.execute("delete from search_date where bucket % 2 = 0")
    await connection.execute("drop index search_number_high")
    await connection.execute("update search_index set version = 1")


async def test_everything_is_found_again_and_bodies_are_what_they_were(record: Record, dsn: str) -> None:
    await record.take_in([Incoming(resource) for resource in variety()])
    connection: Any = await asyncpg.connect(dsn)
    before = {row["key"]: unpack(row["body"]) for row in await connection.fetch("select * from resource")}
    await as_of_old(connection)
    assert await broken(connection)
    assert not await index.is_current(dsn)
    assert await index.rebuild(dsn, told) == len(before)
    assert await broken(connection) == []
    assert await index.is_current(dsn)
    stored = await connection.fetch("select * from resource")
    assert {row["key"]: unpack(row["body"]) for row in stored} == before
    assert sum(len(row["body"]) for row in stored) < sum(map(len, before.values()))
    assert await connection.fetchval("select to_regclass('search_number_high') is not null")
    assert await index.rebuild(dsn, told) == 0
    await connection.close()


async def test_an_interrupted_rebuild_goes_on_where_it_was(record: Record, dsn: str) -> None:
    await record.take_in([Incoming(resource) for resource in variety()])
    connection: Any = await asyncpg.connect(dsn)
    total = await connection.fetchval("select count(*) from resource")
    await connection.execute("update search_index set version = 1")
    seen = 0

    def stop(bucket: int, resources: int) -> None:
        nonlocal seen
        seen += resources
        if bucket == 512:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await index.rebuild(dsn, stop)
    assert not await index.is_current(dsn)
    assert 0 < seen < total
    assert await index.rebuild(dsn, told) == total - seen
    assert await broken(connection) == []
    await connection.close()


async def test_an_index_of_a_newer_version_is_refused_not_misread(record: Record, dsn: str) -> None:
    connection: Any = await asyncpg.connect(dsn)
    await connection.execute("update search_index set version = 999")
    with pytest.raises(index.RulesError, match="newer version"):
        await index.rebuild(dsn, told)
    await connection.close()


async def test_a_body_stored_unpacked_is_read_searched_and_superseded(record: Record, dsn: str) -> None:
    patient = {"resourceType": "Patient", "id": "p", "birthDate": "1950-02-03", "name": [{"family": "Ek"}]}
    await record.update("Patient", "p", patient)
    connection: Any = await asyncpg.connect(dsn)
    row = await connection.fetchrow("select body from resource")
    await connection.execute("update resource set body = $1", unpack(row["body"]))
    page = await record.find("Patient?family=ek")
    assert isinstance(page, SearchPage)
    body = page.matches[0].body
    assert body is not None
    assert json.loads(body)["birthDate"] == "1950-02-03"
    await record.update("Patient", "p", {**patient, "gender": "female"})
    first = await record.vread("Patient", "p", 1)
    assert getattr(first, "body", None) == body
    assert await broken(connection) == []
    await connection.close()


async def test_a_measurement_has_one_row_whatever_parameters_read_it(record: Record, dsn: str) -> None:
    coding = {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]}
    other = {"coding": [{"system": "http://loinc.org", "code": "8462-4"}]}
    await record.take_in(
        [
            Incoming(
                {
                    "resourceType": "Observation",
                    "id": "a",
                    "status": "final",
                    "code": coding,
                    "valueQuantity": {"value": 120, "unit": "mmHg"},
                    "component": [{"code": other, "valueQuantity": {"value": 80}}],
                }
            )
        ]
    )
    connection: Any = await asyncpg.connect(dsn)
    assert await connection.fetchval("select count(*) from search_number") == 2
    await connection.close()
    for asked, hits in {
        "combo-value-quantity=80": 1,
        "value-quantity=80": 0,
        "component-value-quantity=80": 1,
        "combo-code-value-quantity=8480-6$gt100": 1,
        "combo-code-value-quantity=8462-4$80": 1,
        "combo-code-value-quantity=8462-4$gt100": 0,
        "component-code-value-quantity=8480-6$gt100": 0,
        "component-code-value-quantity=8462-4$le80": 1,
        "code-value-quantity=8480-6$120||mmHg": 1,
        "combo-code=8462-4": 1,
        "code=8462-4": 0,
        "combo-code:not=8480-6": 0,
        "combo-value-concept:missing=true": 1,
        "combo-code-value-quantity:missing=false": 1,
        "_sort=combo-value-quantity": 1,
    }.items():
        page = await record.find(f"Observation?{asked}")
        assert isinstance(page, SearchPage)
        assert len(page.matches) == hits, asked
