"""Patients that are linked are one person to the law: from the moment of the link, and no longer."""

from __future__ import annotations

import pytest

from kontinuum.access.circumstances import Kind, Level
from kontinuum.fhir import json
from kontinuum.kernel.principal import Purpose
from kontinuum.record import Stored, Written, rebuilding
from kontinuum.record.logbook import Extract
from kontinuum.record.persons.links import Linked, PersonLinks
from kontinuum.store import law as store
from kontinuum.sweden import systems
from tests.law.cast import (
    ADULT,
    CHILD,
    COLLEAGUE,
    ELSEWHERE,
    GUARDIAN,
    GUARDIAN_ID,
    PATIENT,
    PROVIDER,
    SYSTEM_A,
    TREATING,
    UNIT_A,
    UNIT_B,
    UNIT_C,
    entries,
    patient_of,
    someone,
)
from tests.law.conftest import Region, done, refused
from tests.law.test_rebuild import rebuild

FORMER = "p-former"
"""Under this Patient the adult was known before: without a birthday, with data at every unit."""
OURS, SECOND, THEIRS = (f"Observation/obs-{FORMER}-{letter}" for letter in "abc")

REGISTRAR = someone("registrar", UNIT_A, purpose=Purpose.ADMINISTRATION)


@pytest.fixture
async def two(region: Region) -> Region:
    """The adult, and the Patient as whom the adult was known before."""
    former = {"resourceType": "Patient", "id": FORMER, "name": [{"text": "Okänd"}]}
    await region.write(UNIT_A, former, entries(FORMER, UNIT_A)[0])
    await region.write(UNIT_B, entries(FORMER, UNIT_B)[0])
    await region.write(UNIT_C, entries(FORMER, UNIT_C)[0])
    return region


async def link(region: Region, replaced: str = FORMER, survivor: str = ADULT) -> None:
    """Say that two Patients are one person."""
    made = await region.record(REGISTRAR).persons.link(
        replaced, survivor, reason="Legitimerad", confirmed=("names", "birthdates", "sexes", "deceased")
    )
    assert isinstance(made, Linked), made


async def part(region: Region, replaced: str = FORMER) -> None:
    """Undo a link."""
    assert isinstance(
        await region.record(REGISTRAR).persons.unlink(replaced, reason="Fel person"), PersonLinks
    )


async def rows(region: Region) -> dict[str, list[str]]:
    """What the tables of the law hold, repeats included; a Patient's new version leaves its key as it was."""
    found = {}
    for table, columns in store.COLUMNS.items():
        statement = f"select {', '.join([*columns.split(), 'origin'])} from {table}"
        found[table] = sorted(map(str, await region.services.pool.fetch(statement)))
    return found


async def test_rule_07_permits_the_relation_of_one_patient_for_the_other_while_they_are_linked(
    two: Region,
) -> None:
    assert not await two.sees(TREATING, OURS)
    before = await rows(two)
    await link(two)
    assert await two.sees(TREATING, OURS)
    assert await two.finds(TREATING, f"Observation?patient={ADULT}") == [f"obs-{ADULT}-a", f"obs-{FORMER}-a"]
    access = await two.record(TREATING).access(ADULT)
    assert [(held.unit, held.entries) for held in access.withheld if held.unit == UNIT_B] == [(UNIT_B, 5)]
    extract = await two.record(PATIENT).log.extract(ADULT)
    assert isinstance(extract, Extract)
    assert any(FORMER in each.entry.patients for each in extract.entries)
    await part(two)
    assert not await two.sees(TREATING, OURS)
    assert await rows(two) == before


async def test_rule_09_refuses_by_a_block_on_either_patient_from_the_moment_it_is_set(two: Region) -> None:
    blocked = done(await two.record(PATIENT).law.block(ADULT, Level.INNER, UNIT_A, PROVIDER))
    done(await two.record(COLLEAGUE).law.relate(FORMER, "Jour"))
    done(await two.record(COLLEAGUE).law.choose(FORMER, [UNIT_A]))
    assert await two.sees(COLLEAGUE, OURS)
    await link(two)
    assert not await two.sees(COLLEAGUE, OURS)
    assert await two.finds(COLLEAGUE, f"Observation?patient={FORMER}&_id=obs-{FORMER}-a") == []
    access = await two.record(COLLEAGUE).access(FORMER)
    (held,) = [each for each in access.withheld if each.unit == UNIT_A]
    lifted = await two.record(COLLEAGUE).law.lift(
        FORMER, held.blocks[0], ground="consent", reason="Muntligt", until=two.later(days=1)
    )
    done(lifted)
    assert await two.sees(COLLEAGUE, OURS)
    two.wait(days=1)
    done(await two.record(COLLEAGUE).law.choose(FORMER, [UNIT_A]))
    assert not await two.sees(COLLEAGUE, OURS)
    # Annulled by way of the Patient that it was not set on, and by the patient as either.
    done(await two.record(patient_of(FORMER)).law.annul(FORMER, blocked.name))
    assert await two.sees(COLLEAGUE, OURS)
    done(await two.record(PATIENT).law.block(FORMER, Level.INNER, UNIT_A, PROVIDER))
    done(await two.record(COLLEAGUE).law.choose(ADULT, [UNIT_A]))
    assert not await two.sees(COLLEAGUE, f"Observation/obs-{ADULT}-a")
    await part(two)
    assert not await two.sees(COLLEAGUE, OURS)
    refused(await two.record(PATIENT).law.block(FORMER, Level.INNER, UNIT_A, PROVIDER))


async def test_rule_13_refuses_other_providers_by_an_objection_on_the_linked_patient(two: Region) -> None:
    await link(two)
    done(await two.record(TREATING).law.consent(ADULT, two.later(days=30)))
    done(await two.record(TREATING).law.choose(ADULT, [UNIT_C]))
    assert await two.sees(TREATING, THEIRS)
    objection = done(await two.record(PATIENT).law.block(FORMER, Level.OUTER, ELSEWHERE, ELSEWHERE))
    assert not await two.sees(TREATING, f"Observation/obs-{ADULT}-c")
    done(await two.record(PATIENT).law.annul(ADULT, objection.name))
    assert await two.sees(TREATING, f"Observation/obs-{ADULT}-c")
    await part(two)
    assert not await two.sees(TREATING, THEIRS)


async def test_rule_17_permits_and_ends_an_opening_for_the_whole_person(two: Region) -> None:
    duty = someone("duty-doctor", UNIT_C)
    await link(two)
    done(await two.record(duty).law.open(FORMER, "Medvetslös"))
    assert await two.sees(duty, f"Observation/obs-{ADULT}-a")
    done(await two.record(duty).law.close(ADULT))
    assert not await two.sees(duty, OURS)


async def test_rule_27_permits_a_patient_what_is_filed_under_the_other_patient(two: Region) -> None:
    as_former = patient_of(FORMER)
    assert not await two.sees(PATIENT, OURS)
    assert not await two.sees(as_former, OURS)  # of unknown age
    await link(two)
    for who in (PATIENT, as_former):
        assert await two.sees(who, OURS)
        assert await two.finds(who, "Observation") == sorted(
            f"obs-{one}-{letter}" for one in (ADULT, FORMER) for letter in "abc"
        )
    await part(two)
    assert not await two.sees(PATIENT, OURS)
    assert not await two.sees(as_former, f"Observation/obs-{ADULT}-a")


async def test_rule_27_refuses_and_permits_guardians_and_the_dead_by_the_whole_person(two: Region) -> None:
    child = {"resourceType": "Patient", "id": "p-child-2", "birthDate": "2018-10-23"}
    parent = {"resourceType": "Patient", "id": "p-guardian-2", "birthDate": "1986-10-23"}
    await two.write(UNIT_A, child, parent, entries("p-child-2", UNIT_A)[0])
    second = patient_of("p-guardian-2")
    until = two.later(days=900)
    done(await two.record(TREATING).law.represent(CHILD, GUARDIAN_ID, Kind.GUARDIAN, until))
    await link(two, "p-child-2", CHILD)
    await link(two, "p-guardian-2", GUARDIAN_ID)
    for who in (GUARDIAN, second):
        assert await two.sees(who, "Observation/obs-p-child-2-a")
        assert await two.sees(who, f"Observation/obs-{CHILD}-a")
    before = await rows(two)
    await part(two, "p-guardian-2")
    assert not await two.sees(second, f"Observation/obs-{CHILD}-a")
    assert await two.sees(GUARDIAN, "Observation/obs-p-child-2-a")
    await link(two, "p-guardian-2", GUARDIAN_ID)
    assert await rows(two) == before
    await two.write(UNIT_A, {**child, "deceasedBoolean": True})
    assert not await two.sees(second, f"Observation/obs-{CHILD}-a")


async def test_rule_04_refuses_the_address_when_either_patient_is_protected(two: Region) -> None:
    await link(two)
    mark = await two.record(REGISTRAR).persons.protect(
        FORMER, systems.CONFIDENTIALITY_MARK, reason="Skattekontoret", if_match=2
    )
    assert isinstance(mark, Written), mark
    read = await two.record(TREATING).read("Patient", ADULT)
    assert isinstance(read, Stored)
    assert b"Hornsgatan" not in (read.body or b"")
    assert ADULT not in await two.finds(TREATING, "Patient?address-city=stockholm")
    own = await two.record(PATIENT).read("Patient", ADULT)
    assert isinstance(own, Stored)
    assert b"Hornsgatan" in (own.body or b"")


async def test_a_rebuild_and_an_import_give_the_same_rows(two: Region) -> None:
    done(await two.record(PATIENT).law.block(ADULT, Level.INNER, UNIT_B, PROVIDER, kept=["alerts"]))
    await link(two)
    done(await two.record(TREATING).law.consent(FORMER, two.later(days=3)))
    before = await rows(two)
    assert any(FORMER in row for row in before["block"])
    await rebuilding.restart(two.services.pool)
    assert await rebuild(two) > 10
    assert await rows(two) == before
    read = [await two.record(SYSTEM_A).read("Patient", one) for one in (FORMER, ADULT)]
    bodies = [json.loads(one.body or b"") for one in read if isinstance(one, Stored)]
    await part(two)
    await two.write(UNIT_A, *({**body, "active": True} for body in bodies))
    assert await rows(two) == before


async def test_rule_24_permits_the_patient_to_withdraw_a_dissent_made_under_the_linked_identity(
    two: Region,
) -> None:
    made = await two.record(PATIENT).text.dissent("Observation", f"obs-{ADULT}-a", "Stämmer inte.")
    assert isinstance(made, Written), made
    former = two.record(patient_of(FORMER))
    refused(await former.text.withdraw_dissent(made.stored.id))
    await link(two)
    withdrawn = await former.text.withdraw_dissent(made.stored.id)
    assert isinstance(withdrawn, Written), withdrawn
