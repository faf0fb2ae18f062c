"""Rule 24: the patient's dissent is noted at the entry (patientdatalagen (2008:355) 3:8)."""

from __future__ import annotations

import pytest

from kontinuum.record import Change, Gate, Record, Refusal, RefusalKind, SearchPage, Stored, Written
from tests.conftest import OTHER, principal
from tests.support.entries import content, meeting, note, patients_principal, person, put

TEXT = "Jag har aldrig rökt.\n\tDet skrev ni om min bror 👨🏽‍⚕️."
OF_PATIENT = "Communication?patient=p&category=urn:kontinuum:codes:entry|dissent"


@pytest.fixture
async def patient(gate: Gate, record: Record) -> Record:
    await put(record, person(), person("q"), note("n"))
    return gate.record(patients_principal())


async def noted(patient: Record) -> Written:
    written = await patient.text.dissent("Composition", "n", TEXT)
    assert isinstance(written, Written), written
    return written


async def test_rule_24_permits_the_patient_to_note_a_dissent_that_staff_find(
    patient: Record, gate: Gate
) -> None:
    await noted(patient)
    for reader in (await meeting(gate, principal("dr-lind")), patient):
        page = await reader.find(OF_PATIENT)
        assert isinstance(page, SearchPage)
        (one,) = map(content, page.matches)
        assert one["payload"] == [{"contentString": TEXT}]
        assert one["about"] == [{"reference": "Composition/n"}]
        assert one["sent"]


async def test_rule_24_the_unit_that_answers_for_the_entry_answers_for_the_dissent(patient: Record) -> None:
    entry = await patient.read("Composition", "n")
    assert isinstance(entry, Stored)
    stored = (await noted(patient)).stored
    assert (stored.unit, stored.provider) == (entry.unit, entry.provider)


async def test_rule_24_staff_note_what_the_patient_said(patient: Record, gate: Gate) -> None:
    doctor = await meeting(gate, principal("dr-lind"))
    written = await doctor.text.dissent("Composition", "n", TEXT)
    assert isinstance(written, Written)
    assert content(written.stored)["sender"] == {"reference": "Patient/p"}
    assert content(written.stored)["recipient"] == [{"display": "dr-lind"}]


@pytest.mark.parametrize("text", ["", " \n "])
async def test_rule_24_a_dissent_says_something(patient: Record, text: str) -> None:
    assert isinstance(await patient.text.dissent("Composition", "n", text), Refusal)


async def test_rule_24_another_patient_cannot_dissent(patient: Record, gate: Gate) -> None:
    other = gate.record(patients_principal("q"))
    assert isinstance(await other.text.dissent("Composition", "n", TEXT), Refusal)
    assert isinstance(await patient.text.dissent("Composition", "none", TEXT), Refusal)


async def test_rule_24_refuses_staff_a_change_or_removal_of_a_dissent(
    patient: Record, gate: Gate, record: Record
) -> None:
    stored = (await noted(patient)).stored
    changed = content(stored) | {"payload": [{"contentString": "Allt är bra."}]}
    for who in (await meeting(gate, principal("dr-lind")), record):
        for refused in (
            await who.update("Communication", stored.id, changed),
            await who.delete("Communication", stored.id),
            await who.text.withdraw("Communication", stored.id, "Onödig.", version=1),
            await who.text.withdraw_dissent(stored.id),
        ):
            assert isinstance(refused, Refusal)
    now = await patient.read("Communication", stored.id)
    assert isinstance(now, Stored)
    assert now.version == 1


async def test_rule_24_the_patient_withdraws_a_dissent_and_it_stays_as_withdrawn(patient: Record) -> None:
    stored = (await noted(patient)).stored
    done = await patient.text.withdraw_dissent(stored.id)
    assert isinstance(done, Written)
    assert content(done.stored)["status"] == "stopped"
    assert content(done.stored)["payload"] == [{"contentString": TEXT}]
    again = await patient.text.withdraw_dissent(stored.id)
    assert isinstance(again, Written)
    assert again.change is Change.UNCHANGED


async def test_rule_24_nobody_else_withdraws_a_dissent(patient: Record, gate: Gate) -> None:
    stored = (await noted(patient)).stored
    for who in (patients_principal("q"), principal("dr-annan", provider=OTHER)):
        refused = await gate.record(who).text.withdraw_dissent(stored.id)
        assert isinstance(refused, Refusal)
        assert refused.kind in (RefusalKind.FORBIDDEN, RefusalKind.NOT_FOUND)
