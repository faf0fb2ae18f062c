"""Chains, `_has`, `_list`, compartments: they find what a scan finds, and what is hidden is never a link."""

from __future__ import annotations

import random
from typing import Any

import pytest

from kontinuum.fhir import json
from kontinuum.fhir.search.match import matches
from kontinuum.fhir.search.parse import parse_search
from kontinuum.fhir.search.query import SearchQuery
from kontinuum.record import Gate, Incoming, Record, Refusal, SearchPage
from tests.conftest import OTHER, principal
from tests.support.resources import observation, patient, variety


def linked() -> list[dict[str, Any]]:
    """Resources that refer to each other over several steps, in circles and to nowhere."""
    coding = {"coding": [{"system": "urn:roles", "code": "doctor"}]}
    return [
        *variety(),
        {"resourceType": "Practitioner", "id": "d1", "name": [{"family": "Lind"}], "gender": "female"},
        {"resourceType": "Practitioner", "id": "d2", "name": [{"family": "Ek"}]},
        {
            "resourceType": "PractitionerRole",
            "id": "r1",
            "practitioner": {"reference": "Practitioner/d1"},
            "organization": {"reference": "Organization/o2"},
            "code": [coding],
        },
        {
            "resourceType": "PractitionerRole",
            "id": "r2",
            "practitioner": {"reference": "Practitioner/d2"},
            "organization": {"reference": "Organization/gone"},
        },
        patient("6", id="p6", generalPractitioner=[{"reference": "PractitionerRole/r1"}], gender="male"),
        patient("7", id="p7", generalPractitioner=[{"reference": "Practitioner/d2"}]),
        observation("p6", "1-1", id="b20", performer=[{"reference": "PractitionerRole/r1"}]),
        observation("p7", "1-1", id="b21", performer=[{"reference": "Practitioner/d2"}], value=7),
        observation("p7", "2-2", id="b22", derivedFrom=[{"reference": "Observation/b21"}]),
        observation("p7", "3-3", id="b23", derivedFrom=[{"reference": "Observation/b22"}]),
        {
            "resourceType": "List",
            "id": "l1",
            "status": "current",
            "mode": "working",
            "entry": [
                {"item": {"reference": "Patient/p6"}},
                {"item": {"reference": "Patient/p1"}},
                {"item": {"reference": "Observation/b20"}},
            ],
        },
        {
            "resourceType": "List",
            "id": "l2",
            "status": "current",
            "mode": "changes",
            "entry": [
                {"item": {"reference": "Patient/p6"}, "deleted": True},
                {"item": {"reference": "Patient/p7"}},
            ],
        },
        {
            "resourceType": "QuestionnaireResponse",
            "id": "qr1",
            "status": "completed",
            "questionnaire": "http://example.org/fhir/Questionnaire/one|1",
            "subject": {"reference": "Patient/p6"},
        },
    ]


ASKED = [
    ("Observation", "subject:Patient.name", "ÅKES"),
    ("Observation", "subject.name", "öberg"),
    ("Observation", "patient.identifier", "urn:example:patients|6"),
    ("Observation", "patient.identifier:not", "urn:example:patients|6"),
    ("Observation", "patient.identifier", "urn:example:patients|nobody"),
    ("Observation", "patient.gender", "male,female"),
    ("Observation", "patient.birthdate", "lt1951"),
    ("Observation", "patient.general-practitioner:PractitionerRole.practitioner.name", "lind"),
    ("Observation", "performer:PractitionerRole.organization.partof.name", "öst"),
    ("Observation", "performer:PractitionerRole.organization.name:exact", "öst vårdcentral"),
    ("Observation", "derived-from:Observation.derived-from:Observation.value-quantity", "7"),
    ("Observation", "derived-from:Observation.code", "1-1,2-2"),
    ("Observation", "encounter.status", "finished"),
    ("Observation", "subject:Group.type", "person"),
    ("Observation", "patient._id", "p6,p7"),
    ("Observation", "patient._has:List:item:status", "current"),
    ("Patient", "organization.name", "nothing"),
    ("Patient", "general-practitioner.name", "ek"),
    ("Patient", "general-practitioner.name:missing", "false"),
    ("Patient", "_has:Observation:patient:code", "1-1"),
    ("Patient", "_has:Observation:patient:code:not", "1-1"),
    ("Patient", "_has:Observation:subject:performer.name", "ek"),
    ("Patient", "_has:Observation:patient:_has:Observation:derived-from:code", "2-2"),
    ("Patient", "_has:Observation:patient:value-quantity", "gt100"),
    ("Patient", "_has:Appointment:actor:status", "booked"),
    ("Patient", "_has:List:item:_id", "l1"),
    ("Practitioner", "_has:PractitionerRole:practitioner:role", "doctor"),
    ("Practitioner", "_has:PractitionerRole:practitioner:organization.name", "öst"),
    ("Organization", "_has:Organization:partof:name", "öst"),
    ("Questionnaire", "_has:QuestionnaireResponse:questionnaire:status", "completed"),
    ("QuestionnaireResponse", "questionnaire:Questionnaire.status", "draft"),
    ("Patient", "_list", "l1"),
    ("Patient", "_list", "l2"),
    ("Patient", "_list", "unknown"),
    ("Observation", "_list", "l1"),
]


async def load(record: Record, resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    results = await record.take_in([Incoming(resource) for resource in resources])
    refused = [result for result in results if isinstance(result, Refusal)]
    assert not refused, refused[:3]
    return [json.loads(each.stored.body or b"") for each in results if not isinstance(each, Refusal)]


async def found_by(record: Record, query: SearchQuery) -> list[str]:
    page = await record.search(query)
    assert isinstance(page, SearchPage), (query.self_params, page)
    assert page.total == len(page.matches), query.self_params
    return sorted(match.id for match in page.matches)


def asked(type_name: str, *params: tuple[str, str]) -> SearchQuery:
    query = parse_search(type_name, [*params, ("_count", "1000"), ("_total", "accurate")])
    assert isinstance(query, SearchQuery), query
    return query


async def test_every_way_of_joining_finds_what_a_scan_finds(record: Record) -> None:
    stored = await load(record, linked())
    hits = 0
    for type_name, name, text in ASKED:
        query = asked(type_name, (name, text))
        expected = sorted(each["id"] for each in stored if matches(query, each, stored))
        assert await found_by(record, query) == expected, (type_name, name, text)
        hits += bool(expected)
    assert hits > 25


@pytest.mark.parametrize("seed", range(3))
async def test_several_joins_at_once_find_what_a_scan_finds(record: Record, seed: int) -> None:
    stored = await load(record, linked())
    rng = random.Random(seed)
    for _ in range(60):
        type_name = rng.choice(("Observation", "Patient"))
        own = [each[1:] for each in ASKED if each[0] == type_name]
        query = asked(type_name, *rng.sample(own, 2), *rng.choice(([], [("_sort", "-_id")])))
        expected = sorted(each["id"] for each in stored if matches(query, each, stored))
        assert await found_by(record, query) == expected, query.self_params


async def test_a_hidden_resource_is_never_a_link(gate: Gate) -> None:
    """What another provider has documented decides neither what a chain finds nor what it counts."""
    ours, theirs = gate.record(principal()), gate.record(principal("dr-else", provider=OTHER))
    await ours.update("Patient", "p", patient(id="p"))
    visit = {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": {"reference": "Patient/p"},
    }
    for record, name in ((ours, "mine"), (theirs, "yours")):
        await record.update("Encounter", name, {**visit, "id": name})
        linked_to = {"encounter": {"reference": f"Encounter/{name}"}}
        await ours.update("Observation", f"at-{name}", observation("p", id=f"at-{name}", **linked_to))
    await theirs.update("Observation", "secret", observation("p", "9-9", id="secret"))
    group = {
        "resourceType": "List",
        "id": "list",
        "status": "current",
        "mode": "working",
        "subject": {"reference": "Patient/p"},
        "entry": [{"item": {"reference": "Observation/at-mine"}}],
    }
    await theirs.update("List", "list", group)
    expected = {
        "Observation?encounter.status=finished": ["at-mine"],
        "Observation?encounter:Encounter.class=AMB": ["at-mine"],
        "Encounter?_has:Observation:encounter:code=8480-6": ["mine"],
        "Patient?_has:Observation:patient:code=9-9": [],
        "Patient?_has:Observation:patient:code=8480-6": ["p"],
        "Observation?patient._has:Observation:patient:code=9-9": [],
        "Observation?_list=list": [],
    }
    for url, ids in expected.items():
        page = await ours.find(url + "&_total=accurate")
        assert isinstance(page, SearchPage), page
        assert (sorted(each.id for each in page.matches), page.total) == (ids, len(ids)), url
    seen = await theirs.find("Patient?_has:Observation:patient:code=9-9")
    assert isinstance(seen, SearchPage)
    assert [each.id for each in seen.matches] == ["p"]


async def test_a_chain_through_too_many_resources_is_refused_with_what_to_do(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kontinuum.record.chaining.MAX_LINKS", 3)
    await load(record, linked())
    for url in ("Observation?patient.name=å", "Patient?_has:Observation:patient:status=final"):
        answer = await record.find(url)
        assert isinstance(answer, Refusal)
        assert answer.issues[0].code == "too-costly"
        assert "other end" in answer.issues[0].message


async def test_includes_that_iterate_follow_what_came_and_end_in_circles(record: Record) -> None:
    await load(record, linked())
    for url, included in {
        "Observation?_id=b23&_include=Observation:derived-from": ["b22"],
        "Observation?_id=b23&_include:iterate=Observation:derived-from": ["b21", "b22"],
        "Observation?_id=b20&_include=Observation:performer&_include:iterate=PractitionerRole:organization"
        "&_include:iterate=Organization:partof": ["o1", "o2", "r1"],
        "Observation?_id=b21&_revinclude:iterate=Observation:derived-from": ["b22", "b23"],
        "Practitioner?_id=d1&_revinclude=PractitionerRole:practitioner"
        "&_revinclude:iterate=Observation:performer": ["b20", "r1"],
        "Observation?_id=b20&_include=Observation:*": ["p6", "r1"],
    }.items():
        page = await record.find(url)
        assert isinstance(page, SearchPage), page
        assert sorted(each.id for each in page.included) == included, url


async def test_a_condition_on_a_write_may_be_a_chain(record: Record) -> None:
    await load(record, linked())
    made = observation("p6", "1-1")
    criteria = "performer:PractitionerRole.practitioner.name=lind"
    again = await record.create(made, if_none_exist=criteria)
    assert not isinstance(again, Refusal)
    assert again.stored.id == "b20"
