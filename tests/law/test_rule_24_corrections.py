"""Rule 24: nothing is overwritten. A correction keeps the original, with who, when and why.

patientdatalagen (2008:355) 3:14.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from kontinuum.fhir import json
from kontinuum.record import Gate, Record, Refusal, RefusalKind, SearchPage, Stored
from kontinuum.record.correcting import Corrected
from tests.conftest import OTHER, principal
from tests.support.entries import content, meeting, note, person, put, section

DOCTOR = principal("dr-lind")
WRONG = note("n", section("Status", "Blödning."))
RIGHT = note("n", section("Status", "Ingen blödning."))
WHY = "Ordet ”ingen” föll bort vid diktering."


@pytest.fixture
async def doctor(gate: Gate, record: Record) -> Record:
    await put(record, person(), WRONG)
    return await meeting(gate, DOCTOR)


async def test_rule_24_permits_a_correction_that_keeps_the_original_with_who_when_and_why(
    doctor: Record,
) -> None:
    done = await doctor.text.correct(RIGHT, WHY, version=1)
    assert isinstance(done, Corrected)

    before, after = await doctor.vread("Composition", "n", 1), await doctor.read("Composition", "n")
    assert isinstance(before, Stored)
    assert isinstance(after, Stored)
    assert content(before)["section"] == WRONG["section"]
    assert content(after)["section"] == RIGHT["section"]
    assert content(after)["status"] == "amended"

    why = content(done.provenance.stored)
    assert why["reason"] == [{"text": WHY}]
    assert why["target"][0]["reference"] == "Composition/n/_history/2"
    assert why["entity"] == [{"role": "revision", "what": {"reference": "Composition/n/_history/1"}}]
    assert why["agent"][0]["who"]["display"] == "dr-lind"
    assert why["agent"][0]["onBehalfOf"]["identifier"]["value"] == DOCTOR.assignment.unit
    assert why["recorded"]


async def test_rule_24_the_reason_is_found_from_the_entry_and_filed_under_its_patient(doctor: Record) -> None:
    await doctor.text.correct(RIGHT, WHY, version=1)
    for url in ("Provenance?target=Composition/n", "Provenance?patient=p"):
        page = await doctor.find(url)
        assert isinstance(page, SearchPage)
        assert [content(one)["reason"][0]["text"] for one in page.matches] == [WHY]


@pytest.mark.parametrize("reason", ["", "   \n"])
async def test_rule_24_a_correction_without_a_reason_is_refused(doctor: Record, reason: str) -> None:
    refused = await doctor.text.correct(RIGHT, reason, version=1)
    assert isinstance(refused, Refusal)
    assert refused.kind is RefusalKind.INVALID
    unchanged = await doctor.read("Composition", "n")
    assert isinstance(unchanged, Stored)
    assert unchanged.version == 1


async def test_rule_24_a_correction_of_what_another_has_changed_meanwhile_is_refused(doctor: Record) -> None:
    await doctor.text.correct(RIGHT, WHY, version=1)
    late = await doctor.text.correct(note("n", section("Status", "Annat.")), "Annat skäl", version=1)
    assert isinstance(late, Refusal)
    assert late.kind is RefusalKind.PRECONDITION_FAILED
    page = await doctor.find("Provenance?target=Composition/n")
    assert isinstance(page, SearchPage)
    assert len(page.matches) == 1


async def test_rule_24_a_correction_that_changes_nothing_is_refused(doctor: Record) -> None:
    refused = await doctor.text.correct(WRONG, WHY, version=1)
    stored = await doctor.read("Composition", "n")
    assert isinstance(stored, Stored)
    assert isinstance(refused, Refusal)
    assert stored.version == 1


async def test_rule_24_another_provider_cannot_correct(doctor: Record, gate: Gate) -> None:
    stranger = gate.record(principal("dr-annan", provider=OTHER))
    refused = await stranger.text.correct(RIGHT, WHY, version=1)
    assert isinstance(refused, Refusal)
    assert refused.kind in (RefusalKind.FORBIDDEN, RefusalKind.NOT_FOUND)


@pytest.mark.parametrize(
    "do",
    [
        lambda r: r.update("Composition", "n", RIGHT),
        lambda r: r.delete("Composition", "n"),
        lambda r: r.conditional_update("Composition", "_id=n", RIGHT),
        lambda r: r.conditional_delete("Composition", "_id=n"),
    ],
    ids=["update", "delete", "conditional update", "conditional delete"],
)
async def test_rule_24_refuses_staff_a_change_of_a_signed_entry_without_a_reason(
    doctor: Record, do: Any
) -> None:
    refused = await do(doctor)
    assert isinstance(refused, Refusal)
    assert "3:14" in refused.issues[0].message


async def test_rule_24_staff_cannot_change_a_signed_entry_in_a_bundle_either(doctor: Record) -> None:
    entry = {"resource": RIGHT, "request": {"method": "PUT", "url": "Composition/n"}}
    done = await doctor.transaction({"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
    assert isinstance(done, Refusal)


async def test_rule_24_an_unsigned_entry_is_changed_freely(doctor: Record, record: Record) -> None:
    await put(record, note("draft", status="preliminary"))
    changed = note("draft", section("Status", "Mer."), status="preliminary")
    assert not isinstance(await doctor.update("Composition", "draft", changed), Refusal)


async def test_rule_24_a_system_may_send_a_new_version_of_what_it_holds(
    doctor: Record, record: Record
) -> None:
    await put(record, RIGHT)
    before = await doctor.vread("Composition", "n", 1)
    assert isinstance(before, Stored)
    assert content(before)["section"] == WRONG["section"]


async def test_rule_24_an_entry_in_error_is_marked_with_a_reason_and_never_deleted(doctor: Record) -> None:
    done = await doctor.text.withdraw("Composition", "n", "Skriven om fel patient.", version=1)
    assert isinstance(done, Corrected)
    now = await doctor.read("Composition", "n")
    assert isinstance(now, Stored)
    assert content(now)["status"] == "entered-in-error"
    assert content(now)["section"] == WRONG["section"]
    assert content(done.provenance.stored)["activity"]["coding"][0]["code"] == "nullify"


async def test_rule_24_a_condition_in_error_loses_its_clinical_status(doctor: Record, record: Record) -> None:
    coding = "http://terminology.hl7.org/CodeSystem/condition-clinical"
    condition = {
        "resourceType": "Condition",
        "id": "c",
        "clinicalStatus": {"coding": [{"system": coding, "code": "active"}]},
        "code": {"text": "Astma"},
        "subject": {"reference": "Patient/p"},
    }
    await put(record, condition)
    assert isinstance(await doctor.text.withdraw("Condition", "c", "Fel patient.", version=1), Corrected)
    now = await doctor.read("Condition", "c")
    assert isinstance(now, Stored)
    assert content(now)["verificationStatus"]["coding"][0]["code"] == "entered-in-error"
    assert "clinicalStatus" not in content(now)


async def test_rule_24_x_provenance_gives_the_reason_over_the_api(client: httpx.AsyncClient) -> None:
    await client.put("/fhir/Patient/p", json=person())
    await client.put("/fhir/Composition/n", json=WRONG)
    provenance = {
        "resourceType": "Provenance",
        "recorded": "2026-03-02T10:00:00Z",
        "reason": [{"text": WHY}],
        "agent": [{"who": {"display": "Journalsystemet"}}],
    }
    header = json.dumps(provenance)
    answer = await client.put(
        "/fhir/Composition/n",
        json=RIGHT,
        headers=[(b"x-provenance", header)],  # type: ignore[arg-type]
    )
    assert answer.status_code == 200, answer.text
    found = (await client.get("/fhir/Provenance?target=Composition/n")).json()["entry"][0]["resource"]
    assert found["reason"] == [{"text": WHY}]
    assert found["target"][0] == {"reference": "Composition/n/_history/2"}
    assert found["entity"][0]["what"] == {"reference": "Composition/n/_history/1"}
    assert [one["who"].get("display") for one in found["agent"]] == ["Journalsystemet", "test-client"]


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("not json", 400),
        ("[]", 400),
        ('{"resourceType": "Provenance", "target": [{"reference": "Patient/q"}]}', 400),
        ('{"resourceType": "Patient"}', 400),
        ('{"resourceType": "Provenance"}', 422),
    ],
)
async def test_rule_24_an_x_provenance_that_cannot_be_used_refuses_the_write(
    client: httpx.AsyncClient, header: str, status: int
) -> None:
    await client.put("/fhir/Patient/p", json=person())
    answer = await client.put("/fhir/Composition/n", json=RIGHT, headers={"x-provenance": header})
    assert answer.status_code == status, answer.text
    assert (await client.get("/fhir/Composition/n")).status_code == 404


async def test_rule_24_x_provenance_opens_a_signed_entry_to_staff_only_with_a_reason(doctor: Record) -> None:
    bare = {
        "resourceType": "Provenance",
        "recorded": "2026-03-02T10:00:00Z",
        "agent": [{"who": {"display": "x"}}],
    }
    refused = await doctor.update("Composition", "n", RIGHT, provenance=bare)
    assert isinstance(refused, Refusal)
    reasoned = bare | {"reason": [{"text": WHY}]}
    assert not isinstance(await doctor.update("Composition", "n", RIGHT, provenance=reasoned), Refusal)
