"""Modifiers, words and nearness: what they find, against a scan; and how each is refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from kontinuum.fhir import json
from kontinuum.fhir.search.match import matches
from kontinuum.fhir.search.parse import parse_search
from kontinuum.fhir.search.prose import prose
from kontinuum.fhir.search.query import SearchQuery
from kontinuum.record import Incoming, Record, Refusal, SearchPage
from kontinuum.record.context import Services
from kontinuum.record.terms import Codes, Unanswerable
from tests.support.invariants import broken
from tests.support.resources import observation, patient, variety

V2_0203 = "http://terminology.hl7.org/CodeSystem/v2-0203"
GENDER = "http://hl7.org/fhir/administrative-gender"


def worded() -> list[dict[str, Any]]:
    """Resources with coded texts, addresses, identifiers of a type, references by identifier, and places."""
    pressure = {
        "coding": [
            {
                "system": "http://loinc.org",
                "code": "85354-9",
                "display": "Blodtryck, systoliskt & diastoliskt",
            }
        ],
        "text": "Blodtryck 100 % vila",
    }
    numbered = {
        "type": {"coding": [{"system": V2_0203, "code": "MR"}], "text": "Journalnummer"},
        "system": "urn:mrn",
        "value": "446053",
    }
    places = {
        "visby": ("57.6348", "18.2948"),
        "slite": ("57.7036", "18.8003"),
        "solna": ("59.3514", "18.0311"),
    }
    return [
        *variety(),
        {**observation("p1", id="c1"), "code": {"coding": pressure["coding"]}},
        {**observation("p1", id="c2"), "code": pressure},
        {
            **observation("p2", id="c3", interpretation=[pressure]),
            "code": {"text": "BLODTRYCK i högra armen_1"},
        },
        observation("p2", id="c4", performer=[{"identifier": {"system": "urn:hsa", "value": "SE1"}}]),
        {
            **patient(id="p8", gender="other"),
            "identifier": [numbered, {"system": "urn:x", "value": "446054"}],
        },
        {**patient(id="p9", gender="unknown"), "identifier": [{"system": "urn:mrn", "value": "446053"}]},
        patient("10", id="p10", managingOrganization={"identifier": {"value": "SE1"}}),
        {"resourceType": "ValueSet", "id": "v2", "url": "http://example.org/fhir", "status": "active"},
        {
            "resourceType": "ValueSet",
            "id": "v3",
            "url": "http://example.org/fhir/ValueSet/",
            "status": "active",
        },
        {"resourceType": "ValueSet", "id": "v4", "url": "urn:oid:1.2.752.1", "status": "draft"},
        {"resourceType": "ValueSet", "id": "v5", "url": "http://example.org/fhirother", "status": "draft"},
        *(
            {
                "resourceType": "Location",
                "id": name,
                "name": name,
                "position": {"latitude": Decimal(latitude), "longitude": Decimal(longitude)},
            }
            for name, (latitude, longitude) in places.items()
        ),
        {"resourceType": "Location", "id": "nowhere", "name": "nowhere"},
    ]


ASKED = [
    ("Observation", "code:text", "blodtryck"),
    ("Observation", "code:text", "100 %"),
    ("Observation", "code:text", "armen_1,only"),
    ("Observation", "combo-code:text", "SYSTOLISKT"),
    ("Observation", "code:text", "tryckfall"),
    ("Patient", "identifier:text", "journal"),
    ("Patient", "identifier:of-type", f"{V2_0203}|MR|446053"),
    ("Patient", "identifier:ofType", f"{V2_0203}|MR|446054"),
    ("Observation", "performer:identifier", "urn:hsa|SE1"),
    ("Observation", "performer:identifier", "SE1"),
    ("Observation", "performer:identifier", "|SE1"),
    ("Patient", "organization:identifier", "|SE1"),
    ("ValueSet", "url:below", "http://example.org/fhir"),
    ("ValueSet", "url:below", "http://example.org/fhir/"),
    ("ValueSet", "url:below", "urn:oid:1.2.752"),
    ("ValueSet", "url:above", "http://example.org/fhir/ValueSet/one"),
    ("ValueSet", "url:above", "http://example.org/fhir/ValueSet/"),
    ("ValueSet", "url:above", "urn:oid:1.2.752.1"),
    ("Encounter", "_profile:below", "http://example.org/prof"),
    ("Location", "near", "57.63|18.29|5|km"),
    ("Location", "near", "57.63|18.29|40"),
    ("Location", "near", "57.63|18.29|25|[mi_i]"),
    ("Location", "near", "57.63|18.29,59.35|18.03"),
    ("Observation", "subject:Patient", "p1"),
    ("Observation", "patient.identifier:of-type", f"{V2_0203}|MR|446053"),
    ("Patient", "_has:Observation:patient:code:text", "blodtryck"),
]


async def load(record: Record, resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    results = await record.take_in([Incoming(resource) for resource in resources])
    refused = [result for result in results if isinstance(result, Refusal)]
    assert not refused, refused[:3]
    return [json.loads(each.stored.body or b"") for each in results if not isinstance(each, Refusal)]


async def found_by(record: Record, type_name: str, *params: tuple[str, str]) -> list[str]:
    query = parse_search(type_name, [*params, ("_count", "1000"), ("_total", "accurate")])
    assert isinstance(query, SearchQuery), query
    page = await record.search(query)
    assert isinstance(page, SearchPage), page
    assert page.total == len(page.matches)
    return sorted(match.id for match in page.matches)


async def test_every_modifier_finds_what_a_scan_finds(record: Record, dsn: str) -> None:
    stored = await load(record, worded())
    hits = 0
    for type_name, name, text in ASKED:
        query = parse_search(type_name, [(name, text)])
        assert isinstance(query, SearchQuery), query
        expected = sorted(each["id"] for each in stored if matches(query, each, stored))
        assert await found_by(record, type_name, (name, text)) == expected, (name, text)
        hits += bool(expected)
    assert hits >= 20
    connection: Any = await asyncpg.connect(dsn)
    assert await broken(connection) == []
    await connection.close()


async def test_coded_texts_are_found_in_the_way_they_were_written_one_by_one(record: Record) -> None:
    for resource in worded():
        if resource["resourceType"] in ("Observation", "ValueSet"):
            await record.update(resource["resourceType"], resource["id"], resource)
    assert await found_by(record, "Observation", ("code:text", "blodtryck")) == ["c1", "c2", "c3"]
    again = observation("p1", id="c2")
    await record.update("Observation", "c2", again)
    assert await found_by(record, "Observation", ("code:text", "blodtryck")) == ["c1", "c3"]
    assert await found_by(record, "ValueSet", ("url:below", "urn:oid:1.2")) == ["v4"]


async def test_a_value_set_of_fhirs_own_stands_for_its_codes(record: Record) -> None:
    await load(record, worded())
    known = "http://hl7.org/fhir/ValueSet/administrative-gender"
    assert await found_by(record, "Patient", ("gender:in", known)) == ["p1", "p8", "p9"]
    without = await found_by(record, "Patient", ("gender:not-in", known))
    assert without == ["p10", "p2", "p3", "p4", "p5"]


async def test_what_is_not_known_of_codes_is_refused_not_guessed(record: Record) -> None:
    for url, told in {
        "Patient?gender:in=http://example.org/ValueSet/unknown": "ValueSet/unknown' is not known",
        "Observation?code:below=http://loinc.org|8480-6": "code:below cannot be answered",
        "Patient?_has:Observation:patient:code:in=http://example.org/vs": "is not known",
    }.items():
        answer = await record.find(url)
        assert isinstance(answer, Refusal), url
        assert answer.issues[0].code == "not-supported"
        assert told in answer.issues[0].message


class Hierarchy:
    """Some codes and what is below them."""

    async def codes_of(self, connection: Any, value_set: str) -> Codes:
        return [] if value_set.endswith("empty") else Unanswerable("No.")

    async def related(self, connection: Any, system: str, code: str, *, below: bool) -> Codes:
        if code == "many":
            return [(system, str(number)) for number in range(6000)]
        return [(system, code), (system, "85354-9")] if below else [(system, code)]


async def test_a_hierarchy_that_is_known_answers_above_and_below(record: Record, services: Any) -> None:
    await load(record, worded())
    inner: Services = services.gate._services
    inner.terms = Hierarchy()
    assert "c1" in await found_by(record, "Observation", ("code:below", "http://loinc.org|top"))
    assert await found_by(record, "Observation", ("code:above", "http://loinc.org|top")) == []
    assert await found_by(record, "Observation", ("code:in", "http://example.org/empty")) == []
    answer = await record.find("Observation?code:below=http://loinc.org|many")
    assert isinstance(answer, Refusal)
    assert answer.issues[0].code == "too-costly"


URL = "http://example.org/cs"
PART = "http://example.org/part"


def vocabulary() -> list[dict[str, Any]]:
    """A whole code system, a part of another, and value sets over them."""
    inner = [{"code": "top", "concept": [{"code": "mid", "concept": [{"code": "leaf"}]}, {"code": "side"}]}]

    def system(name: str, url: str, content: str) -> dict[str, Any]:
        found: dict[str, Any] = {"resourceType": "CodeSystem", "id": name, "url": url, "status": "active"}
        return {**found, "content": content, "concept": inner}

    def value_set(name: str, *included: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {"resourceType": "ValueSet", "id": name, "status": "active"}
        return {**found, "url": f"http://example.org/vs/{name}", "compose": {"include": list(included)}}

    is_mid = {"filter": [{"property": "concept", "op": "is-a", "value": "mid"}]}
    listed = {"concept": [{"code": "side"}, {"code": "not-loaded"}]}
    return [
        system("whole", URL, "complete"),
        system("part", PART, "fragment"),
        value_set("mid", {"system": URL, **is_mid}),
        value_set(
            "listed", {"system": PART, **listed}, {"system": "urn:elsewhere", "concept": [{"code": "x"}]}
        ),
        value_set("partly", {"system": PART, **is_mid}),
    ]


def coded(name: str, system: str, code: str) -> dict[str, Any]:
    return {**observation("p1", id=name), "code": {"coding": [{"system": system, "code": code}]}}


async def test_what_the_terminology_holds_answers_in_above_and_below(record: Record) -> None:
    pairs = [(URL, "top"), (URL, "mid"), (URL, "leaf"), (URL, "side"), (PART, "side"), (PART, "not-loaded")]
    pairs += [("urn:elsewhere", "x"), ("urn:other", "leaf")]
    stored = [coded(f"o{number}", *pair) for number, pair in enumerate(pairs)]
    await load(record, [*vocabulary(), patient("1", id="p1"), *stored])
    for asked, found in {
        f"code:below={URL}|mid": "o1 o2",
        f"code:above={URL}|mid": "o0 o1",
        f"code:below={URL}|mid,{URL}|side": "o1 o2 o3",
        "code:in=http://example.org/vs/mid": "o1 o2",
        "code:not-in=http://example.org/vs/mid": "o0 o3 o4 o5 o6 o7",
        "code:in=http://example.org/vs/listed": "o4 o5 o6",
    }.items():
        page = await record.find(f"Observation?{asked}")
        assert not isinstance(page, Refusal), (asked, page)
        assert sorted(each.id for each in page.matches) == found.split(), asked
    people = await record.find(f"Patient?_has:Observation:patient:code:below={URL}|mid")
    assert not isinstance(people, Refusal)
    assert [each.id for each in people.matches] == ["p1"]
    deleted = await record.conditional_delete("Observation", f"code:below={URL}|leaf")
    assert not isinstance(deleted, Refusal)
    assert [each.stored.id for each in deleted] == ["o2"]


async def test_a_part_of_a_code_system_answers_nothing_that_could_be_missed(record: Record) -> None:
    await load(record, [*vocabulary(), patient("1", id="p1"), coded("o", PART, "leaf")])
    for asked in (
        f"code:below={PART}|mid",
        f"code:above={PART}|mid",
        "code:in=http://example.org/vs/partly",
        "code:not-in=http://example.org/vs/partly",
    ):
        answer = await record.find(f"Observation?{asked}")
        assert isinstance(answer, Refusal), asked
        assert answer.issues[0].code == "incomplete"
        assert f"Only a part of {PART} is loaded here" in answer.issues[0].message


def written(name: str, narrative: str, note: str) -> dict[str, Any]:
    made = observation("p1", id=name)
    if narrative:
        made["text"] = {
            "status": "generated",
            "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{narrative}</p></div>',
        }
    if note:
        made["note"] = [{"text": note}]
    return made


SPOKEN = [
    written("t1", "Patienten har haft tv&#229; <b>feber</b>perioder", ""),
    written("t2", "", "Ingen feber idag, blodtrycken har varit höga."),
    written("t3", "Febern har gått ner.", "Smärta i knäet."),
    written("t4", "", "Smärtor i vänster knä"),
    written("t5", "Opererad för gallsten", ""),
    observation("p1", id="t6"),
]


@pytest.mark.parametrize(
    "asked",
    [
        "feber",
        "smärta",
        "blodtryck",
        "knä smärta",
        '"ingen feber"',
        "feber -idag",
        "gallsten or knä",
        "och",
        "FEBERN",
    ],
)
async def test_words_are_found_in_their_swedish_forms(record: Record, dsn: str, asked: str) -> None:
    """Held against PostgreSQL's own reading of each resource's text."""
    stored = await load(record, SPOKEN)
    connection: Any = await asyncpg.connect(dsn)
    for name in ("_text", "_content"):
        expected = []
        for each in stored:
            narrative, other = prose(each)
            text = narrative if name == "_text" else f"{narrative}\n{other}"
            holds = await connection.fetchval(
                "select to_tsvector('swedish', $1) @@ websearch_to_tsquery('swedish', $2)", text, asked
            )
            expected += [each["id"]] if holds and text.strip() else []
        assert await found_by(record, "Observation", (name, asked)) == expected, (name, asked)
    await connection.close()


async def test_words_of_inflected_forms_are_the_same_word(record: Record) -> None:
    await load(record, SPOKEN)
    assert await found_by(record, "Observation", ("_content", "smärtorna")) == ["t3", "t4"]
    assert await found_by(record, "Observation", ("_text", "smärtorna")) == []
    assert await found_by(record, "Observation", ("_text", "feber")) == ["t3"]
    assert await found_by(record, "Observation", ("_content", "gallsten,blodtryck")) == ["t2", "t5"]
    assert await found_by(record, "Observation", ("patient", "p1"), ("_content", "feber")) == ["t2", "t3"]


@pytest.mark.parametrize(
    ("type_name", "name", "text", "told"),
    [
        ("Observation", "code:text", "", "empty|blank"),
        ("Observation", "code:in", "females", "canonical address"),
        ("Observation", "code:below", "8480-6", "system|code"),
        ("Patient", "identifier:of-type", "MR|1", "system|code|value"),
        ("Observation", "value-quantity:below", "5", "possible here: :missing"),
        ("Patient", "name:text", "x", "possible here: :exact, :contains, :missing"),
        ("Observation", "subject:above", "x", "possible here"),
        ("Observation", "_content:exact", "x", "none is possible"),
        ("Location", "near", "57", "latitude"),
        ("Location", "near", "97|18", "within"),
        ("Location", "near", "57|18|5|parsec", "km"),
        ("Location", "near", "57|18|-5", "negative"),
        ("Patient", "_filter", "name eq x", "parameters of their own"),
        ("Patient", "_contained", "true", "within the resource"),
        ("Patient", "_query", "x", "no named queries"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_what_can(
    type_name: str, name: str, text: str, told: str
) -> None:
    issues = parse_search(type_name, [(name, text)])
    assert isinstance(issues, list)
    assert any(part in issues[0].message for part in told.split("|") if part), issues[0].message
