"""What the entries of a transaction mean to each other (http://hl7.org/fhir/R4/http.html#trules)."""

from __future__ import annotations

from typing import Any

import pytest

from kontinuum.app.services import Services
from kontinuum.fhir import json
from kontinuum.record import Change, EntryResult, Record, Refusal, RefusalKind, SearchPage, Stored
from tests.support.invariants import broken
from tests.support.resources import bundle, observation, patient, request

BASE = "http://elsewhere.example/fhir"


async def carried_out(record: Record, *entries: dict[str, Any]) -> list[EntryResult]:
    """The results of a transaction that must succeed."""
    results = await record.transaction(bundle("transaction", *entries))
    assert isinstance(results, list), results
    return results


async def refused(record: Record, *entries: dict[str, Any]) -> Refusal:
    """The refusal of a transaction, which must leave nothing."""
    result = await record.transaction(bundle("transaction", *entries))
    assert isinstance(result, Refusal), result
    return result


def written(result: EntryResult) -> Stored:
    """What an entry wrote."""
    assert result.written is not None
    return result.written.stored


def subject(stored: Stored) -> str:
    """To whom an observation refers."""
    assert stored.body is not None
    text: str = json.loads(stored.body)["subject"]["reference"]
    return text


async def test_a_relative_reference_means_the_entry_with_that_address(record: Record) -> None:
    person, value = await carried_out(
        record,
        request("POST", "Patient", patient(id="7"), fullUrl=f"{BASE}/Patient/7"),
        request("POST", "Observation", observation("7"), fullUrl=f"{BASE}/Observation/8"),
    )
    assert subject(written(value)) == written(person).reference


async def test_only_references_are_rewritten(record: Record) -> None:
    uuid = "urn:uuid:6b1f1a9e-8f0b-4f0c-9a55-0a3c3f0d7a11"
    made = patient(uuid)
    made["text"] = {
        "status": "generated",
        "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{uuid} <a href="{uuid}">mig</a></div>',
    }
    made["link"] = [{"other": {"reference": uuid, "display": uuid}, "type": "seealso"}]
    (result,) = await carried_out(record, request("POST", "Patient", made, fullUrl=uuid))
    stored = written(result)
    body = json.loads(stored.body or b"")
    assert body["identifier"][0]["value"] == uuid
    assert body["link"][0]["other"] == {"reference": stored.reference, "display": uuid}
    assert f'{uuid} <a href="{stored.reference}">' in body["text"]["div"]


async def test_a_conditional_reference_finds_what_the_bundle_writes_and_not_what_it_deletes(
    record: Record,
) -> None:
    await record.update("Patient", "old", patient("c", id="old"))
    value = {**observation("?"), "subject": {"reference": "Patient?identifier=c"}}
    result = await carried_out(
        record,
        request("POST", "Observation", value),
        request("POST", "Patient", patient("c")),
        request("DELETE", "Patient/old"),
    )
    assert subject(written(result[0])) == written(result[1]).reference
    visit = {"system": "urn:v", "value": "9"}
    encounter = {
        "resourceType": "Encounter",
        "identifier": [visit],
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": {"reference": "Patient?identifier=c"},
    }
    value = {**observation("x"), "encounter": {"reference": "Encounter?identifier=urn:v|9"}}
    result = await carried_out(
        record, request("POST", "Observation", value), request("POST", "Encounter", encounter)
    )
    body = json.loads(written(result[0]).body or b"")
    assert body["encounter"]["reference"] == written(result[1]).reference


async def test_a_conditional_reference_that_two_entries_answer_is_refused(record: Record) -> None:
    value = {**observation("?"), "subject": {"reference": "Patient?identifier=c"}}
    result = await refused(
        record,
        request("POST", "Observation", value),
        request("POST", "Patient", patient("c")),
        request("POST", "Patient", patient("c")),
    )
    assert result.issues[0].code == "multiple-matches"


async def test_deletions_come_first(record: Record) -> None:
    await record.update("Patient", "old", patient("d", id="old"))
    result = await carried_out(
        record,
        request("POST", "Patient", patient("d"), ifNoneExist="identifier=d"),
        request("DELETE", "Patient?identifier=d"),
        request("GET", "Patient?identifier=d"),
    )
    assert [r.written.change for r in result[:2] if r.written] == [Change.CREATED, Change.DELETED]
    assert result[2].page is not None
    assert [m.id for m in result[2].page.matches] == [written(result[0]).id]


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param(
            [
                request("PUT", "Patient/p", patient("1", id="p", gender="male")),
                request("PUT", "Patient?identifier=1", patient("1", gender="female")),
            ],
            id="by id and by criteria",
        ),
        pytest.param(
            [request("DELETE", "Patient?identifier=1"), request("PUT", "Patient/p", patient("1", id="p"))],
            id="deleted and updated",
        ),
        pytest.param(
            [request("POST", "Patient", patient("7"), ifNoneExist="identifier=7") for _ in range(2)],
            id="the same ifNoneExist",
        ),
        pytest.param(
            [request("POST", "Patient", patient("7"), fullUrl="urn:uuid:1") for _ in range(2)],
            id="the same fullUrl",
        ),
    ],
)
async def test_what_occurs_twice_is_refused_as_such(
    services: Services, record: Record, entries: list[dict[str, Any]]
) -> None:
    await record.update("Patient", "p", patient("1", id="p"))
    result = await refused(record, *entries)
    assert (result.kind, result.issues[0].code) == (RefusalKind.BAD_REQUEST, "invalid")
    assert result.issues[0].location is not None
    assert result.issues[0].location.startswith("Bundle.entry[1].")
    assert await broken(services.pool) == []


async def test_a_conditional_update_never_overwrites_what_its_criteria_did_not_find(record: Record) -> None:
    await record.update("Patient", "p", patient("1", id="p"))
    made = patient("none", id="p")
    result = await record.conditional_update("Patient", "identifier=none", made)
    assert isinstance(result, Refusal)
    assert result.kind is RefusalKind.PRECONDITION_FAILED
    again = await refused(record, request("PUT", "Patient?identifier=none", made))
    assert again.kind is RefusalKind.PRECONDITION_FAILED


@pytest.mark.parametrize(
    "url", ["http://[bad/Patient/1", "Patient/p?name=x", "Patient/a b", "Patient/1/2", "Patient/å", "x"]
)
async def test_an_entry_with_an_odd_url_is_refused_by_itself(record: Record, url: str) -> None:
    results = await record.batch(
        bundle("batch", request("DELETE", url), request("PUT", "Patient/p", patient(id="p")))
    )
    assert isinstance(results, list)
    assert results[0].refusal is not None
    assert results[0].refusal.kind is RefusalKind.BAD_REQUEST
    assert results[1].written is not None


async def test_an_update_under_an_id_that_is_none_is_refused(record: Record) -> None:
    for name, made in (("not valid", patient()), ("x" * 65, patient()), ("a", patient(id="b"))):
        assert isinstance(await record.update("Patient", name, made), Refusal)
    page = await record.find("Patient")
    assert isinstance(page, SearchPage)
    assert page.matches == ()


@pytest.mark.parametrize("text", ["\0", "\ud800"])
async def test_characters_that_no_text_has_are_refused_not_a_fault(record: Record, text: str) -> None:
    for url in (f"Patient?name={text}", f"Patient?_id={text}", f"Patient?name:contains={text}"):
        assert isinstance(await record.find(url), Refusal)
    assert await record.read_many([f"Patient/{text}"]) == {}
    created = await record.create(patient(name=[{"family": f"a{text}b"}]))
    assert isinstance(created, Refusal)
