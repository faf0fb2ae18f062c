"""Rule 13: data is offered to other care providers only after the patient was informed."""

from __future__ import annotations

import pytest

from kontinuum.access.circumstances import Level
from kontinuum.fhir import json
from kontinuum.kernel.principal import Purpose
from kontinuum.record import RefusalKind, Stored, Way, Written
from tests.law.cast import (
    ADULT,
    ELSEWHERE,
    OUTSIDE,
    PATIENT,
    SYSTEM_A,
    TREATING,
    UNIT_C,
    someone,
    visit,
)
from tests.law.conftest import Region, done, refused

THEIRS = f"Observation/obs-{ADULT}-c"
SOURCE = {
    "resourceType": "Communication",
    "status": "completed",
    "subject": {"reference": f"Patient/{ADULT}"},
}
CATEGORY = {"system": "urn:kontinuum:codes:information-given", "code": "coherent-record"}


@pytest.fixture
async def one_by_one(region: Region) -> Region:
    """The provider elsewhere informs its patients one by one; all else that a reader needs is there."""
    administrator = someone("administrator", UNIT_C, purpose=Purpose.ADMINISTRATION)
    settings = region.services.provider_settings
    await settings.decide(administrator, "informed_generally", "", "Ingen allmän information", seen=0)
    await region.write(UNIT_C, visit(ADULT, UNIT_C))
    law = region.record(TREATING).law
    done(await law.consent(ADULT, region.later(days=30)))
    done(await law.choose(ADULT, [UNIT_C]))
    return region


async def test_rule_13_permits_by_general_information_and_from_its_day_on(region: Region) -> None:
    done(await region.record(TREATING).law.consent(ADULT, region.later(days=30)))
    done(await region.record(TREATING).law.choose(ADULT, [UNIT_C]))
    assert await region.sees(TREATING, THEIRS)
    administrator = someone("administrator", UNIT_C, purpose=Purpose.ADMINISTRATION)
    decide = region.services.provider_settings.decide
    await decide(administrator, "informed_generally", "2026-11-23", "Brev skickas", seen=0)
    assert not await region.sees(TREATING, THEIRS)
    region.wait(hours=14)  # midnight in Sweden has just passed
    done(await region.record(TREATING).law.choose(ADULT, [UNIT_C]))
    assert await region.sees(TREATING, THEIRS)


async def test_rule_13_refuses_what_the_patient_was_not_informed_of_as_if_it_were_not_there(
    one_by_one: Region,
) -> None:
    refusal = refused(await one_by_one.record(TREATING).read("Observation", f"obs-{ADULT}-c"))
    nothing = refused(await one_by_one.record(TREATING).read("Observation", "never-was"))
    assert refusal.kind is nothing.kind is RefusalKind.NOT_FOUND
    assert refusal.issues[0].message == nothing.issues[0].message.replace("never-was", f"obs-{ADULT}-c")
    assert await one_by_one.finds(TREATING, f"Observation?patient={ADULT}") == [f"obs-{ADULT}-a"]
    access = await one_by_one.record(TREATING).access(ADULT)
    assert UNIT_C not in {held.unit for held in access.withheld}
    assert (await one_by_one.logged("read"))[-2]["basis"] == "not-offered"
    # Its own staff and the patient read as before; in an emergency it is told who holds something.
    assert await one_by_one.sees(OUTSIDE, THEIRS)
    assert await one_by_one.sees(PATIENT, THEIRS)
    done(await one_by_one.record(TREATING).law.open(ADULT, "Medvetslös"))
    after = await one_by_one.record(TREATING).access(ADULT)
    assert (ELSEWHERE, None, Way.HOLDER) in {
        (held.provider, held.entries, held.way) for held in after.withheld
    }
    assert not await one_by_one.sees(TREATING, THEIRS)


async def test_rule_13_permits_once_it_is_noted_when_how_and_by_whom(one_by_one: Region) -> None:
    law = one_by_one.record(OUTSIDE).law
    assert refused(await law.inform(ADULT, "by pigeon")).kind is RefusalKind.BAD_REQUEST
    told = done(await law.inform(ADULT, "writing"))
    assert await one_by_one.sees(TREATING, THEIRS)
    (entry,) = [each for each in await one_by_one.logged("inform") if each["outcome"] == "permitted"]
    assert (entry["what"], entry["note"]) == ([f"{told.name}/_history/1"], "writing")
    read = await one_by_one.record(OUTSIDE).read(*told.name.split("/"))
    assert isinstance(read, Stored)
    body = json.loads(read.body or b"")
    assert body["medium"][0]["coding"][0]["code"] == "WRITTEN"
    assert body["sender"]["reference"] == "Practitioner/outside"
    # A note that is withdrawn as entered in error no longer tells anything.
    body["status"] = "entered-in-error"
    assert isinstance(await one_by_one.record(OUTSIDE).update("Communication", body["id"], body), Written)
    assert not await one_by_one.sees(TREATING, THEIRS)


async def test_rule_13_refuses_to_note_it_outside_of_care_and_for_another_provider(
    one_by_one: Region,
) -> None:
    for who in (SYSTEM_A, PATIENT, someone("stranger", UNIT_C + "2")):
        refused(await one_by_one.record(who).law.inform(ADULT, "orally"))
    # Told by another provider: that says nothing of what is documented elsewhere.
    done(await one_by_one.record(TREATING).law.inform(ADULT, "orally"))
    assert not await one_by_one.sees(TREATING, THEIRS)


async def test_rule_13_permits_what_another_system_says_in_fhir(one_by_one: Region) -> None:
    letter = {**SOURCE, "id": "letter", "category": [{"coding": [CATEGORY]}], "sent": "2026-11-20T10:00:00Z"}
    await one_by_one.write(UNIT_C, {**letter, "category": [{"text": "Annat"}]})
    assert not await one_by_one.sees(TREATING, THEIRS)
    await one_by_one.write(UNIT_C, letter)
    assert await one_by_one.sees(TREATING, THEIRS)


async def test_rule_13_an_objection_when_informed_refuses_others_at_once(one_by_one: Region) -> None:
    done(await one_by_one.record(OUTSIDE).law.inform(ADULT, "orally", objects=True))
    assert not await one_by_one.sees(TREATING, THEIRS)
    (block,) = (await one_by_one.record(OUTSIDE).standing(ADULT)).circumstances.blocks
    assert (block.level, block.provider, block.unit) == (Level.OUTER, ELSEWHERE, "")
