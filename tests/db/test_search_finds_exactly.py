"""A search finds exactly what a scan of the same resources finds: no false hit and no miss."""

from __future__ import annotations

import json as plain_json
import random
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from kontinuum.fhir import json
from kontinuum.fhir.search.match import matches
from kontinuum.fhir.search.parse import parse_search
from kontinuum.fhir.search.query import SearchQuery
from kontinuum.record import Incoming, Record, Refusal, SearchPage
from tests.conftest import SHARED
from tests.support.queries import KINDS, PREFIXES, parameters, some_query
from tests.support.resources import observation, variety


def _now() -> datetime:
    """The same present for the scan and for every page.

    `ap` means a tenth of a date's distance from the present. That of a `_lastUpdated` just written is so
    small that the moments between two parses of one search widen it past a neighbour.
    """
    return datetime(2026, 6, 1, 12, tzinfo=UTC)


async def load(record: Record, resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Take resources in and give them as they are stored."""
    results = await record.take_in([Incoming(resource) for resource in resources])
    refused = [result for result in results if isinstance(result, Refusal)]
    assert not refused, refused[:3]
    bodies = {
        result.stored.reference: result.stored.body for result in results if not isinstance(result, Refusal)
    }
    return [json.loads(body) for body in bodies.values() if body]


async def found_by_search(record: Record, query: SearchQuery) -> list[str]:
    """The ids of every page of a search, in order."""
    ids: list[str] = []
    cursor = None
    while True:
        params = [*query.self_params, *([("_cursor", cursor)] if cursor else [])]
        again = parse_search(query.type, params, now=_now)
        assert isinstance(again, SearchQuery), again
        page = await record.search(again)
        assert isinstance(page, SearchPage), (query.type, params, page)
        ids += [match.id for match in page.matches]
        cursor = page.next
        if cursor is None:
            return ids


async def compare(record: Record, resources: list[dict[str, Any]], seed: int, rounds: int) -> Counter[str]:
    """Hold searches against the scan; counts the hits seen for each kind of parameter."""
    rng = random.Random(seed)
    hits: Counter[str] = Counter()
    for _ in range(rounds):
        type_name, asked = some_query(resources, rng)
        query = parse_search(type_name, [*asked, ("_count", rng.choice(("3", "50", "1000")))], now=_now)
        assert isinstance(query, SearchQuery), (type_name, asked, query)
        expected = sorted(resource["id"] for resource in resources if matches(query, resource))
        found = await found_by_search(record, query)
        assert sorted(found) == expected, f"{type_name}?{asked}: {sorted(set(found) ^ set(expected))}"
        for criterion in query.criteria:
            hits[criterion.parameter.type] += bool(expected)
    return hits


@pytest.mark.parametrize("seed", range(4))
async def test_every_kind_of_parameter_finds_what_a_scan_finds(record: Record, seed: int) -> None:
    resources = await load(record, variety())
    hits = await compare(record, resources, seed, 350)
    assert set(hits) == set(KINDS)
    assert all(hits[kind] for kind in KINDS), hits


async def test_every_parameter_of_the_made_resources_is_asked_at_least_once(record: Record) -> None:
    resources = await load(record, variety())
    for type_name in sorted({resource["resourceType"] for resource in resources}):
        for parameter in parameters(type_name):
            if parameter.name in ("_id", "_lastUpdated"):
                continue
            query = parse_search(type_name, [(f"{parameter.name}:missing", "false")])
            assert isinstance(query, SearchQuery)
            expected = sorted(resource["id"] for resource in resources if matches(query, resource))
            assert sorted(await found_by_search(record, query)) == expected, (type_name, parameter.name)


async def test_a_window_of_time_finds_what_a_scan_finds(record: Record) -> None:
    rng = random.Random(11)
    moments = [
        "2024",
        "2024-02",
        "2024-02-29",
        "2024-03-01T00:00:00Z",
        "2024-03-01T12:00:00+02:00",
        "2023-12-31",
    ]
    made: list[dict[str, Any]] = []
    for number in range(60):
        first, last = sorted(rng.sample(["2023-06-01", "2024-02-28", "2024-03-01", "2024-03-02", "2025"], 2))
        when: dict[str, Any] = rng.choice(
            [
                {"effectiveDateTime": rng.choice(moments)},
                {"effectivePeriod": {"start": first, "end": last}},
                {"effectivePeriod": {"start": first}},
                {"effectivePeriod": {"end": last}},
                {"effectiveInstant": "2024-03-01T11:59:59.999Z"},
                {"effectiveTiming": {"event": [first, last]}},
                {},
            ]
        )
        value = observation("p", id=f"w{number}")
        del value["effectiveDateTime"]
        made.append({**value, **when})
    resources = await load(record, made)
    for _ in range(250):
        params = [
            ("date", rng.choice(PREFIXES) + rng.choice([*moments, "2024-03", "2025"])) for _ in range(2)
        ]
        query = parse_search("Observation", [*params, ("_count", "1000")], now=_now)
        assert isinstance(query, SearchQuery)
        expected = sorted(resource["id"] for resource in resources if matches(query, resource))
        assert sorted(await found_by_search(record, query)) == expected, params


@pytest.mark.slow
async def test_real_data_finds_what_a_scan_finds(record: Record) -> None:
    files = sorted((SHARED / "samples" / "synthea").glob("*.json"))
    if not files:
        pytest.skip("no sample data beside the repository")
    resources: list[dict[str, Any]] = []
    for file in (files[0], files[1], files[7]):
        for entry in plain_json.loads(file.read_bytes())["entry"]:
            text = plain_json.dumps(entry["resource"]).replace("urn:uuid:", "Any/")
            resources.append(_typed(json.loads(text), {}))
    names = {resource["id"]: resource["resourceType"] for resource in resources}
    resources = [_typed(resource, names) for resource in resources]
    stored = await load(record, resources)
    hits = await compare(record, stored, 7, 400)
    assert hits["date"]
    assert hits["reference"]
    assert hits["token"]


def _typed(value: Any, names: dict[str, str]) -> Any:
    """References between the entries of a bundle as `Type/id`."""
    if isinstance(value, dict):
        return {key: _typed(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_typed(item, names) for item in value]
    if isinstance(value, str) and value.startswith("Any/"):
        return f"{names.get(value[4:], 'Any')}/{value[4:]}"
    return value
