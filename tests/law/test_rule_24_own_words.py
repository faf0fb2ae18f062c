"""Rules 24 and 27: the patient's own words stay what the patient wrote, and are read beside the entry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kontinuum.access.circumstances import Kind
from kontinuum.kernel.clock import to_micros
from kontinuum.record import Change, Gate, Record, Refusal, RefusalKind, SearchPage, Stored, Written
from kontinuum.record.own_words import Words, read_words, said_queries
from kontinuum.record.tasks import DECLINED, DONE, WORDS
from tests.conftest import OTHER, principal
from tests.support.entries import content, meeting, note, patients_principal, person, put

TEXT = "Jag förstod det som att medicinen ska tas i två veckor.\n\tInte längre 👨🏽‍⚕️."
AUTHOR = {"reference": "Practitioner/lind", "display": "Maria Lind, läkare"}


@pytest.fixture
async def patient(gate: Gate, record: Record) -> Record:
    visit = {
        "resourceType": "Encounter",
        "id": "e",
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": {"reference": "Patient/p"},
    }
    about = {"reference": "Encounter/e"}
    await put(record, person(), person("q"), visit, note("n", author=[AUTHOR], encounter=about))
    return gate.record(patients_principal())


async def written(patient: Record, about: str = "Composition/n") -> Stored:
    done = await patient.text.write_words(*about.split("/"), TEXT)
    assert isinstance(done, Written), done
    return done.stored


async def shown(reader: Record) -> list[Words]:
    """The own words as whoever reads finds them."""
    said, tasks = await reader.find_many(said_queries("p"))
    assert isinstance(said, SearchPage)
    return read_words(said.matches, tasks.matches)


async def test_rule_24_permits_the_patient_own_words_that_staff_and_the_patient_read(
    patient: Record, gate: Gate
) -> None:
    entry = await patient.read("Composition", "n")
    assert isinstance(entry, Stored)
    stored = await written(patient)
    assert (stored.unit, stored.provider) == (entry.unit, entry.provider)
    for reader in (await meeting(gate, principal("dr-lind")), patient):
        (words,) = await shown(reader)
        assert (words.text, words.about, words.contact) == (TEXT, "Composition/n", "Encounter/e")
        assert (words.author, words.unread, words.changed) == ("", True, None)


async def test_rule_24_what_is_changed_keeps_what_stood_there_and_is_unread_again(
    patient: Record, gate: Gate
) -> None:
    stored = await written(patient, "Encounter/e")
    doctor = await meeting(gate, principal("dr-lind"))
    found = await doctor.work.of_unit()
    assert not isinstance(found, Refusal)
    (task,) = found.tasks
    assert (task.code, task.focus) == (WORDS, f"Communication/{stored.id}")
    tasks = doctor.work.tasks
    assert isinstance(
        await tasks.finish(task.id, task.version, DECLINED, "Nej.", patient=task.patient), Refusal
    )
    assert not isinstance(await tasks.finish(task.id, task.version, DONE, "", patient=task.patient), Refusal)
    (words,) = await shown(patient)
    assert (words.unread, words.reader) == (False, "dr-lind")
    again = await doctor.work.of_unit()
    assert not isinstance(again, Refusal)
    assert again.tasks == (), "the patient is no colleague who waits for an answer"

    late = await patient.text.change_words(stored.id, "Nytt.", version=9)
    assert isinstance(late, Refusal)
    same = await patient.text.change_words(stored.id, TEXT, version=1)
    assert isinstance(same, Written)
    assert same.change is Change.UNCHANGED
    assert isinstance(await patient.text.change_words(stored.id, "Nytt.", version=1), Written)
    (words,) = await shown(doctor)
    assert (words.text, words.unread, words.reader) == ("Nytt.", True, "")
    before = await doctor.vread("Communication", stored.id, 1)
    assert isinstance(before, Stored)
    assert content(before)["payload"] == [{"contentString": TEXT}]

    assert isinstance(await patient.text.take_back_words(stored.id), Written)
    (words,) = await shown(doctor)
    assert (words.taken_back, words.unread) == (True, False)
    assert isinstance(await patient.text.change_words(stored.id, "Åter.", version=3), Refusal)


async def test_rule_24_refuses_everybody_else_a_change_and_staff_the_writing(
    patient: Record, gate: Gate, record: Record
) -> None:
    stored = await written(patient)
    doctor = await meeting(gate, principal("dr-lind"))
    changed = content(stored) | {"payload": [{"contentString": "Allt är bra."}]}
    other = gate.record(patients_principal("q"))
    for refused in (
        await doctor.update("Communication", stored.id, changed),
        await record.update("Communication", stored.id, changed),
        await doctor.delete("Communication", stored.id),
        await doctor.text.withdraw("Communication", stored.id, "Onödig.", version=1),
        await doctor.text.change_words(stored.id, "Allt är bra.", version=1),
        await doctor.text.take_back_words(stored.id),
        await doctor.text.write_words("Composition", "n", TEXT),
        await other.text.change_words(stored.id, "Allt är bra.", version=1),
        await other.text.take_back_words(stored.id),
        await patient.text.withdraw_dissent(stored.id),
        await patient.text.write_words("Patient", "p", TEXT),
        await patient.text.write_words("Composition", "n", " \n"),
        await patient.text.write_words("Composition", "n", "a" * 20_001),
    ):
        assert isinstance(refused, Refusal)
    unknown = [await other.text.write_words("Composition", each, TEXT) for each in ("n", "none")]
    assert [each.kind for each in unknown if isinstance(each, Refusal)] == [RefusalKind.NOT_FOUND] * 2
    elsewhere = gate.record(principal("dr-annan", provider=OTHER))
    assert await shown(elsewhere) == []
    (words,) = await shown(doctor)
    assert (words.text, words.version) == (TEXT, 1)


async def test_rule_27_who_acts_for_the_patient_is_named_as_who_wrote(
    patient: Record, gate: Gate, record: Record
) -> None:
    doctor = await meeting(gate, principal("dr-lind"))
    until = to_micros(datetime.now(UTC) + timedelta(days=30))
    await put(record, person() | {"birthDate": "2024-05-01"})
    stated = await doctor.law.represent("p", "q", Kind.GUARDIAN, until)
    assert not isinstance(stated, Refusal), stated
    guardian = gate.record(patients_principal("q", name="Vera Vän"))
    await written(guardian)
    (words,) = await shown(doctor)
    assert words.author == "Vera Vän, vårdnadshavare"
