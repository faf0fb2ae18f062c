"""Random sequences of writes, held against a model in memory and against the tables themselves."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import pytest

from kontinuum.app.services import Services
from kontinuum.fhir import json
from kontinuum.record import (
    Change,
    HistoryPage,
    Incoming,
    Record,
    Refusal,
    RefusalKind,
    SearchPage,
    Stored,
    Written,
)
from tests.support.invariants import broken
from tests.support.resources import bundle, observation, patient, request

PEOPLE = ["a", "b", "c"]
NAMES = [f"o{n}" for n in range(6)]
CODES = ["8480-6", "8462-4", "1-1"]


@dataclass
class Model:
    """The versions of each observation, oldest first; None is a deletion."""

    versions: dict[str, list[dict[str, Any] | None]] = field(default_factory=dict)

    def current(self, name: str) -> dict[str, Any] | None:
        return self.versions[name][-1] if self.versions.get(name) else None

    def put(self, name: str, resource: dict[str, Any]) -> Change:
        known = self.versions.setdefault(name, [])
        if known and known[-1] == resource:
            return Change.UNCHANGED
        change = Change.UPDATED if known and known[-1] is not None else Change.CREATED
        known.append(resource)
        return change

    def take_in(self, name: str, resource: dict[str, Any]) -> Change:
        if resource in self.versions.get(name, []):
            return Change.UNCHANGED
        return self.put(name, resource)

    def delete(self, name: str) -> Change | None:
        known = self.versions.get(name)
        if not known:
            return None
        if known[-1] is None:
            return Change.UNCHANGED
        known.append(None)
        return Change.DELETED


def some(rng: random.Random, name: str) -> dict[str, Any]:
    return observation(
        rng.choice(PEOPLE), rng.choice(CODES), rng.randrange(3), id=name,
        effectiveDateTime=f"2024-0{rng.randrange(1, 4)}-01",
    )  # fmt: skip


def outcome(result: Any) -> Change | None:
    if isinstance(result, Refusal):
        assert result.kind is RefusalKind.NOT_FOUND, result
        return None
    assert isinstance(result, Written)
    return result.change


async def step(record: Record, model: Model, rng: random.Random) -> None:
    name = rng.choice(NAMES)
    match rng.choice(("put", "put", "delete", "transaction", "take_in")):
        case "put":
            resource = some(rng, name)
            result = await record.update("Observation", name, resource)
            assert outcome(result) is model.put(name, resource)
        case "delete":
            assert outcome(await record.delete("Observation", name)) is model.delete(name)
        case "take_in":
            resources = [some(rng, each) for each in rng.sample(NAMES, 2)]
            results = await record.take_in([Incoming(resource) for resource in resources])
            assert [outcome(r) for r in results] == [model.take_in(r["id"], r) for r in resources]
        case "transaction":
            gone, *written = rng.sample(NAMES, 3)
            resources = [some(rng, each) for each in written]
            broken_off = rng.random() < 0.3
            entries = [request("PUT", f"Observation/{r['id']}", r) for r in resources]
            entries.append(request("DELETE", f"Observation/{gone}"))
            if broken_off:
                entries.append(request("PUT", "Patient/a", patient("9", id="a"), ifMatch='W/"99"'))
            result = await record.transaction(bundle("transaction", *entries))
            if broken_off:
                assert isinstance(result, Refusal)
                return
            assert isinstance(result, list), result
            for entry, resource in zip(result, resources, strict=False):
                assert outcome(entry.written) is model.put(resource["id"], resource)
            deleted = result[-1].written
            assert (None if deleted is None else deleted.change) is model.delete(gone)


def content(stored: Stored) -> dict[str, Any] | None:
    if stored.body is None:
        return None
    resource: dict[str, Any] = json.loads(stored.body)
    del resource["meta"]
    return resource


async def compare(record: Record, model: Model) -> None:
    for name, expected in model.versions.items():
        page = await record.history("Observation", name)
        assert isinstance(page, HistoryPage)
        assert [content(each) for each in reversed(page.entries)] == expected
        assert [each.version for each in page.entries] == list(range(len(expected), 0, -1))
        read = await record.read("Observation", name)
        if expected[-1] is None:
            assert isinstance(read, Refusal)
            assert read.kind is RefusalKind.GONE
        else:
            assert isinstance(read, Stored)
            assert content(read) == expected[-1]
        for number, each in enumerate(expected, 1):
            version = await record.vread("Observation", name, number)
            assert (content(version) if isinstance(version, Stored) else None) == each
    alive = {name: value for name in model.versions if (value := model.current(name)) is not None}
    for person in PEOPLE:
        for code in CODES:
            wanted = {
                name
                for name, each in alive.items()
                if each["subject"]["reference"] == f"Patient/{person}"
                and each["code"]["coding"][0]["code"] == code
            }
            for url in (
                f"Observation?patient={person}&code={code}",
                f"Observation?subject=Patient/{person},Patient/none&code={code}",
            ):
                found = await record.find(url)
                assert isinstance(found, SearchPage)
                assert {match.id for match in found.matches} == wanted, url
    found = await record.find("Observation?_count=1000")
    assert isinstance(found, SearchPage)
    assert {match.id for match in found.matches} == set(alive)


@pytest.mark.parametrize("seed", range(3))
async def test_any_sequence_of_writes_leaves_what_a_model_says(
    services: Services, record: Record, seed: int
) -> None:
    rng = random.Random(seed)
    model = Model()
    for person in PEOPLE:
        await record.update("Patient", person, patient(person, id=person))
    for _ in range(6):
        for _ in range(12):
            await step(record, model, rng)
        assert await broken(services.pool) == []
        await compare(record, model)
