"""What the gate promises whoever stands above it: text, versions, time, accountability, refusals."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kontinuum.access import Action, Question, predicate
from kontinuum.app.services import Services
from kontinuum.fhir import json
from kontinuum.fhir.search import parse_search
from kontinuum.kernel.ids import decode_id
from kontinuum.record import (
    Change,
    Gate,
    HistoryPage,
    Incoming,
    Record,
    Refusal,
    RefusalKind,
    SearchPage,
    Stored,
    Written,
)
from kontinuum.store.resources.search import search
from tests.conftest import OTHER, REGION, SYSTEM, principal
from tests.support.resources import bundle, observation, patient, request


async def created(record: Record, resource: dict) -> Stored:
    """A resource after its creation."""
    result = await record.create(resource)
    assert isinstance(result, Written), result
    return result.stored


async def test_a_created_resource_is_read_back_as_it_was_written(record: Record) -> None:
    stored = await created(record, patient())
    read = await record.read("Patient", stored.id)
    assert read == stored
    body = json.loads(read.body)
    assert body["meta"]["versionId"] == "1"
    assert {k: v for k, v in body.items() if k not in ("id", "meta")} == patient()


async def test_decimals_keep_the_digits_they_were_written_with(record: Record) -> None:
    resource = observation("x")
    resource["valueQuantity"]["value"] = Decimal("1.00")
    stored = await created(record, resource)
    read = await record.read("Observation", stored.id)
    assert isinstance(read, Stored)
    assert b'"value":1.00,' in read.body


async def test_text_is_byte_exact(record: Record) -> None:
    @settings(max_examples=60)
    @given(st.text(min_size=1, max_size=400).filter(lambda text: text.strip() == text and text.isprintable()))
    def text_comes_back(text: str) -> None:
        collected.append(text)

    collected: list[str] = ["Ingen blödning 🩸 e\u0301 \u200fעברית", "Å" * 100_000]
    text_comes_back()
    for text in collected:
        stored = await created(record, {"resourceType": "Basic", "code": {"text": text}})
        read = await record.read("Basic", stored.id)
        assert json.loads(read.body)["code"]["text"] == text


async def test_a_server_assigned_id_tells_where_the_resource_lies(record: Record) -> None:
    person = await created(record, patient())
    value = await created(record, observation(person.id))
    assert decode_id(value.id)[1] == decode_id(person.id)[1]


async def test_an_invalid_resource_is_refused_with_its_location(record: Record) -> None:
    result = await record.create({"resourceType": "Patient", "birthDate": "1950-02-30"})
    assert isinstance(result, Refusal)
    assert result.kind is RefusalKind.INVALID
    assert [issue.location for issue in result.issues] == ["Patient.birthDate"]


async def test_an_update_needs_the_version_it_builds_on(record: Record) -> None:
    first = await created(record, patient())
    second = await record.update("Patient", first.id, patient(gender="male", id=first.id), if_match=1)
    assert isinstance(second, Written)
    assert second.stored.version == 2
    stale = await record.update("Patient", first.id, patient(gender="other", id=first.id), if_match=1)
    assert isinstance(stale, Refusal)
    assert stale.kind is RefusalKind.PRECONDITION_FAILED
    assert b'"male"' in (await record.read("Patient", first.id)).body


async def test_only_one_of_many_concurrent_updates_of_a_version_succeeds(record: Record) -> None:
    first = await created(record, patient())
    results = await asyncio.gather(
        *(
            record.update("Patient", first.id, patient(id=first.id, birthDate=f"19{n:02}"), if_match=1)
            for n in range(20)
        )
    )
    assert sum(isinstance(result, Written) for result in results) == 1
    assert {r.kind for r in results if isinstance(r, Refusal)} == {RefusalKind.PRECONDITION_FAILED}


async def test_an_update_without_a_change_makes_no_version(record: Record) -> None:
    first = await created(record, patient())
    again = await record.update("Patient", first.id, json.loads(first.body))
    assert isinstance(again, Written)
    assert (again.change, again.stored.version) == (Change.UNCHANGED, 1)


async def test_concurrent_creates_under_one_client_id_make_one_resource(record: Record) -> None:
    results = await asyncio.gather(
        *(record.update("Patient", "same", patient(str(n), id="same")) for n in range(12))
    )
    assert all(isinstance(result, Written) for result in results)
    page = await record.history("Patient", "same")
    assert isinstance(page, HistoryPage)
    assert sorted(entry.version for entry in page.entries) == list(range(1, 13))


async def test_conditional_creates_at_the_same_time_make_one_resource(record: Record) -> None:
    results = await asyncio.gather(
        *(record.create(patient("77"), if_none_exist="identifier=urn:example:patients|77") for _ in range(10))
    )
    assert sorted(result.change.value for result in results) == ["created"] + ["unchanged"] * 9
    assert len({result.stored.id for result in results}) == 1


async def test_one_criterion_spelled_in_many_ways_makes_one_resource(record: Record) -> None:
    personnummer = quote("http://electronichealth.se/identifier/personnummer|", safe="")
    spellings = [
        "identifier=198011289801",
        "identifier=801128-9801",
        f"identifier={personnummer}19801128-9801",
        "?identifier=8011289801&_sort=_id",
    ]
    wanted = {
        **patient("1"),
        "identifier": [
            {"system": "http://electronichealth.se/identifier/personnummer", "value": "198011289801"}
        ],
    }
    results = await asyncio.gather(*(record.create(wanted, if_none_exist=each) for each in spellings * 3))
    assert sorted(result.change.value for result in results) == ["created"] + ["unchanged"] * 11


async def test_a_deleted_resource_is_gone_and_its_history_stays(record: Record) -> None:
    first = await created(record, patient("55"))
    await record.delete("Patient", first.id)
    gone = await record.read("Patient", first.id)
    assert isinstance(gone, Refusal)
    assert gone.kind is RefusalKind.GONE
    page = await record.find("Patient?identifier=55")
    assert isinstance(page, SearchPage)
    assert page.matches == ()
    versions = await record.history("Patient", first.id)
    assert [(entry.version, entry.deleted) for entry in versions.entries] == [(2, True), (1, False)]
    assert (await record.vread("Patient", first.id, 1)).body == first.body
    back = await record.update("Patient", first.id, patient("55", id=first.id))
    assert back.stored.version == 3
    assert len((await record.find("Patient?identifier=55")).matches) == 1


async def test_a_resource_that_moves_to_another_patient_is_found_there_and_by_its_id(record: Record) -> None:
    one, other = await created(record, patient("1")), await created(record, patient("2"))
    value = await created(record, observation(one.id))
    await record.update("Observation", value.id, observation(other.id, id=value.id))
    assert (await record.find(f"Observation?patient={one.id}")).matches == ()
    assert [m.id for m in (await record.find(f"Observation?patient={other.id}")).matches] == [value.id]
    assert (await record.read("Observation", value.id)).version == 2
    assert len((await record.history("Observation", value.id)).entries) == 2
    assert (await record.vread("Observation", value.id, 1)).body == value.body


async def test_a_transaction_is_all_or_nothing(record: Record) -> None:
    result = await record.transaction(
        bundle(
            "transaction",
            request("POST", "Patient", patient("a1")),
            request("POST", "Observation", {"resourceType": "Observation", "status": "final"}),
        )
    )
    assert isinstance(result, Refusal)
    assert result.issues[0].location == "Bundle.entry[1].resource.code"
    assert (await record.find("Patient?identifier=a1")).matches == ()


async def test_entries_of_a_transaction_refer_to_each_other(record: Record) -> None:
    result = await record.transaction(
        bundle(
            "transaction",
            request("POST", "Observation", {**observation("?"), "subject": {"reference": "urn:uuid:p"}}),
            request("POST", "Patient", patient("a2"), fullUrl="urn:uuid:p"),
        )
    )
    assert isinstance(result, list)
    value, person = (entry.written.stored for entry in result)
    assert json.loads(value.body)["subject"]["reference"] == person.reference
    assert [m.id for m in (await record.find(f"Observation?patient={person.id}")).matches] == [value.id]


async def test_a_reference_to_no_entry_is_refused(record: Record) -> None:
    result = await record.transaction(
        bundle(
            "transaction",
            request("POST", "Observation", {**observation("?"), "subject": {"reference": "urn:uuid:gone"}}),
        )
    )
    assert isinstance(result, Refusal)
    assert result.issues[0].location == "Bundle.entry[0].resource.subject.reference"


async def test_a_conditional_reference_is_resolved_or_refused(record: Record) -> None:
    person = await created(record, patient("c1"))
    wanted = {**observation("?"), "subject": {"reference": "Patient?identifier=urn:example:patients|c1"}}
    result = await record.transaction(bundle("transaction", request("POST", "Observation", wanted)))
    assert json.loads(result[0].written.stored.body)["subject"]["reference"] == person.reference
    missing = {**observation("?"), "subject": {"reference": "Patient?identifier=nobody"}}
    refused = await record.transaction(bundle("transaction", request("POST", "Observation", missing)))
    assert isinstance(refused, Refusal)
    assert refused.kind is RefusalKind.PRECONDITION_FAILED


async def test_the_writers_unit_and_provider_become_accountable(gate: Gate) -> None:
    doctor = gate.record(principal(unit=f"{REGION}-B"))
    stored = await created(doctor, patient())
    assert (stored.unit, stored.provider) == (f"{REGION}-B", REGION)
    read = await doctor.read("Patient", stored.id)
    assert (read.unit, read.provider) == (f"{REGION}-B", REGION)


async def test_a_page_of_a_search_is_stable_while_others_write(record: Record) -> None:
    person = await created(record, patient())
    for day in range(1, 10):
        await created(record, observation(person.id, effectiveDateTime=f"2024-01-0{day}"))
    first = await record.find(f"Observation?patient={person.id}&_sort=-date&_count=4")
    await created(record, observation(person.id, effectiveDateTime="2024-02-01"))
    following = f"Observation?patient={person.id}&_sort=-date&_count=4&_cursor={first.next}"
    second = await record.find(following)
    seen = [json.loads(match.body)["effectiveDateTime"] for match in (*first.matches, *second.matches)]
    assert seen == [f"2024-01-0{day}" for day in range(9, 1, -1)]


async def test_a_cursor_of_another_search_is_refused(record: Record) -> None:
    for number in range(3):
        await created(record, patient(str(number)))
    first = await record.find("Patient?_count=1")
    other = await record.find(f"Patient?gender=male&_cursor={first.next}")
    assert isinstance(other, Refusal)
    assert other.kind is RefusalKind.BAD_REQUEST


async def test_connections_come_back_to_the_pool_without_session_state(
    services: Services, record: Record
) -> None:
    await created(record, patient())
    await record.find("Patient?name=a")
    # The driver switches `jit` off for its own questions; everything else would be a leak.
    query = "select name, setting from pg_settings where source = 'session' and name <> 'jit'"
    async with services.pool.acquire() as connection:
        assert await connection.fetch(query) == []
        assert (
            await connection.fetchval(
                "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()"
            )
            == 0
        )


@pytest.mark.parametrize("reference", ["Patient/nobody", "Nothing/1", "x"])
async def test_what_does_not_exist_is_absent_from_several(record: Record, reference: str) -> None:
    stored = await created(record, patient())
    found = await record.read_many([stored.reference, reference])
    assert list(found) == [stored.reference]


async def test_another_providers_data_is_refused_and_the_refusal_is_logged(
    gate: Gate, services: Services
) -> None:
    stored = await created(gate.record(principal()), observation("p"))
    refused = await gate.record(principal("dr-else", provider=OTHER)).read("Observation", stored.id)
    assert isinstance(refused, Refusal)
    assert refused.kind is RefusalKind.FORBIDDEN
    assert "patientdatalagen" in refused.provision
    entries = await services.pool.fetch("select content from audit_entry where actor = 'dr-else'")
    assert [json.loads(entry["content"])["outcome"] for entry in entries] == ["refused"]


async def test_create_only_never_replaces_even_in_a_race(record: Record) -> None:
    results = await asyncio.gather(
        *(record.update("Patient", "new", patient(str(n), id="new"), only_new=True) for n in range(8))
    )
    assert sum(isinstance(result, Written) for result in results) == 1
    assert {r.kind for r in results if isinstance(r, Refusal)} == {RefusalKind.PRECONDITION_FAILED}


async def test_a_search_within_one_patient_never_walks_what_grows_with_the_region(
    services: Services, record: Record, owner: Any
) -> None:
    people = [patient(str(n), id=f"p{n}") for n in range(3)]
    values = [observation(f"p{n % 3}", id=f"o{n}") for n in range(300)]
    await record.take_in([Incoming(resource) for resource in (*people, *values)])
    asked: list[tuple[str, tuple]] = []

    class Listening:
        async def fetch(self, statement: str, *values: object) -> list:
            asked.append((statement, values))
            return []

    query = parse_search("Observation", [("patient", "p1"), ("code", "8480-6"), ("date", "ge2020")])
    await search(Listening(), query, predicate(Question(SYSTEM, Action.READ, 0)), 20)
    await owner.execute("vacuum analyze")
    plan = await services.pool.fetch("explain " + asked[0][0], *asked[0][1])
    text = "\n".join(row[0] for row in plan)
    assert "hot_pkey" in text
    assert "resource_hashes" not in text
    assert "Seq Scan on resource" not in text
    assert "search_date_low" not in text
