"""Rules 4 and 27 to 29: protected identity, and the patient's own access."""

from __future__ import annotations

from typing import Any

from kontinuum.access.circumstances import Kind, Level
from kontinuum.fhir import json
from kontinuum.record import RefusalKind, Stored, Written
from kontinuum.sweden import systems
from tests.law.cast import (
    ADULT,
    CHILD,
    COLLEAGUE,
    DEAD,
    GUARDIAN,
    GUARDIAN_ID,
    PATIENT,
    PROTECTED,
    PROVIDER,
    SECRET,
    SYSTEM_A,
    TEEN,
    TREATING,
    TRUSTED,
    UNIT_A,
    entries,
    patient_of,
    people,
)
from tests.law.conftest import Region, done, refused

HIDDEN = ("address", "telecom", "contact")


def content(stored: Any) -> dict[str, Any]:
    """A resource's content."""
    assert isinstance(stored, Stored), stored
    body: dict[str, Any] = json.loads(stored.body)
    return body


async def every_way_to(region: Region, who: Any) -> list[dict[str, Any]]:
    """The protected Patient by each way out of the gate."""
    record = region.record(who)
    page = await record.find(f"Patient?_id={SECRET}")
    included = await record.find(f"Observation?patient={SECRET}&_include=Observation:patient")
    history = await record.history("Patient", SECRET)
    many = await record.read_many([f"Patient/{SECRET}"])
    (found,) = await record.find_many([f"Patient?_id={SECRET}"])
    stored = [
        await record.read("Patient", SECRET),
        await record.vread("Patient", SECRET, 1),
        *page.matches,
        *(each for each in included.included if each.type == "Patient"),
        *history.entries,
        *many.values(),
        *found.matches,
    ]
    return [content(each) for each in stored]


async def test_rule_04_refuses_address_telephone_and_relatives_by_every_way(region: Region) -> None:
    shown = await every_way_to(region, TREATING)
    assert len(shown) == 7
    for body in shown:
        assert not set(HIDDEN) & set(body)
        assert body["name"]
        assert "REDACTED" in {label["code"] for label in body["meta"]["security"]}


async def test_rule_04_permits_those_with_the_right_and_the_patient(region: Region) -> None:
    for body in await every_way_to(region, TRUSTED):
        assert set(HIDDEN) <= set(body)
    assert set(HIDDEN) <= set(content(await region.record(PROTECTED).read("Patient", SECRET)))
    assert set(HIDDEN) <= set(content(await region.record(TREATING).read("Patient", ADULT)))


async def test_rule_04_refuses_searches_that_would_tell_where_the_patient_lives(region: Region) -> None:
    for asked in ("address-city=Stockholm", "phone=070-174 06 31", "address:missing=false"):
        found = await region.finds(TREATING, f"Patient?{asked}")
        assert SECRET not in found, asked
        assert ADULT in found, asked
        assert SECRET in await region.finds(TRUSTED, f"Patient?{asked}"), asked
    page = await region.record(TREATING).find("Patient?address-city=Stockholm&_total=accurate")
    assert page.total == 5
    ordered = await region.finds(TREATING, "Patient?_sort=address-city")
    assert SECRET not in ordered


async def test_rule_04_an_earlier_version_without_the_mark_is_protected_too(region: Region) -> None:
    marked = next(person for person in people() if person["id"] == ADULT)
    label = {"system": systems.SECURITY_LABEL, "code": systems.PROTECTED_REGISTRATION}
    await region.write(UNIT_A, {**marked, "meta": {"security": [label]}})
    earlier = content(await region.record(TREATING).vread("Patient", ADULT, 1))
    assert not set(HIDDEN) & set(earlier)


async def test_rule_04_relatives_of_a_protected_person_are_not_named(region: Region) -> None:
    def relative(patient: str) -> dict[str, Any]:
        return {
            "resourceType": "RelatedPerson",
            "id": f"rel-{patient}",
            "patient": {"reference": f"Patient/{patient}"},
            "name": [{"text": "Nära Anhörig"}],
            "telecom": [{"system": "phone", "value": "070-174 06 32"}],
        }

    await region.write(UNIT_A, relative(SECRET), relative(ADULT))
    assert "name" not in content(await region.record(TREATING).read("RelatedPerson", f"rel-{SECRET}"))
    assert "name" in content(await region.record(TREATING).read("RelatedPerson", f"rel-{ADULT}"))
    assert "name" in content(await region.record(TRUSTED).read("RelatedPerson", f"rel-{SECRET}"))


async def test_rule_04_refuses_a_change_by_who_does_not_see_all_of_it(region: Region) -> None:
    shown = content(await region.record(TREATING).read("Patient", SECRET))
    refusal = refused(await region.record(TREATING).update("Patient", SECRET, {**shown, "gender": "female"}))
    assert refusal.kind is RefusalKind.FORBIDDEN
    whole = content(await region.record(TRUSTED).read("Patient", SECRET))
    changed = await region.record(TRUSTED).update("Patient", SECRET, {**whole, "gender": "female"})
    assert isinstance(changed, Written)


async def test_rule_27_permits_the_own_record_from_sixteen(region: Region) -> None:
    assert await region.sees(PATIENT, f"Observation/obs-{ADULT}-c")
    assert len(await region.finds(PATIENT, "Observation")) == 3


async def test_rule_27_refuses_children_of_thirteen_to_fifteen_and_everybody_else(region: Region) -> None:
    teen = patient_of(TEEN)
    done(
        await region.record(TREATING).law.represent(TEEN, GUARDIAN_ID, Kind.GUARDIAN, region.later(days=900))
    )
    for who in (teen, GUARDIAN, PATIENT):
        assert not await region.sees(who, f"Observation/obs-{TEEN}-a")
        assert await region.finds(who, f"Observation?patient={TEEN}") == []


async def test_rule_27_a_decision_opens_the_record_of_a_child(region: Region) -> None:
    represent = region.record(TREATING).law.represent
    done(await represent(TEEN, TEEN, Kind.DECISION, region.later(days=100)))
    assert await region.sees(patient_of(TEEN), f"Observation/obs-{TEEN}-a")
    assert not await region.sees(GUARDIAN, f"Observation/obs-{TEEN}-a")
    region.wait(days=100)
    assert not await region.sees(patient_of(TEEN), f"Observation/obs-{TEEN}-a")


async def test_rule_27_permits_a_guardian_until_the_child_is_thirteen(region: Region) -> None:
    represent = region.record(TREATING).law.represent
    done(await represent(CHILD, GUARDIAN_ID, Kind.GUARDIAN, region.later(days=4000)))
    assert await region.sees(GUARDIAN, f"Observation/obs-{CHILD}-a")
    assert not await region.sees(patient_of(CHILD), f"Observation/obs-{CHILD}-a")
    assert not await region.sees(PATIENT, f"Observation/obs-{CHILD}-a")
    region.wait(days=5 * 366)
    assert not await region.sees(GUARDIAN, f"Observation/obs-{CHILD}-a")


async def test_rule_27_refuses_the_account_of_a_deceased_person(region: Region) -> None:
    assert not await region.sees(patient_of(DEAD), f"Observation/obs-{DEAD}-a")
    assert await region.finds(patient_of(DEAD), "Observation") == []
    assert await region.sees(TREATING, f"Observation/obs-{DEAD}-a")


async def test_rule_28_permits_all_else_and_refuses_what_is_kept_back(region: Region) -> None:
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "NOPAT"}
    early = {**entries(ADULT, UNIT_A)[3], "id": "early", "meta": {"security": [label]}}
    await region.write(UNIT_A, early)
    refusal = refused(await region.record(PATIENT).read("Composition", "early"))
    assert refusal.kind is RefusalKind.NOT_FOUND
    assert "early" not in await region.finds(PATIENT, f"Composition?patient={ADULT}")
    assert await region.sees(TREATING, "Composition/early")
    assert await region.sees(PATIENT, f"Composition/note-{ADULT}-a")


async def test_rule_28_an_earlier_version_of_what_is_kept_back_is_kept_back_too(region: Region) -> None:
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "NOPAT"}
    note = entries(ADULT, UNIT_A)[3]
    await region.write(UNIT_A, {**note, "meta": {"security": [label]}})
    page = await region.record(PATIENT).history("Composition")
    assert note["id"] not in {entry.id for entry in page.entries}
    refused(await region.record(PATIENT).vread("Composition", note["id"], 1))


async def test_rule_29_permits_the_patient_to_appoint_a_proxy_with_scope_and_end(region: Region) -> None:
    proxy = patient_of(GUARDIAN_ID)
    law = region.record(PATIENT).law
    appointed = done(
        await law.appoint(
            ADULT, GUARDIAN_ID, region.later(days=30), groups=("medication",), provider=PROVIDER
        )
    )
    assert await region.sees(proxy, f"MedicationRequest/med-{ADULT}-a")
    assert not await region.sees(proxy, f"Composition/note-{ADULT}-a")
    done(await law.annul(ADULT, appointed.name))
    assert not await region.sees(proxy, f"MedicationRequest/med-{ADULT}-a")
    done(await law.appoint(ADULT, GUARDIAN_ID, region.later(days=30), provider=PROVIDER))
    assert await region.sees(proxy, f"Composition/note-{ADULT}-a")
    region.wait(days=30, seconds=1)
    assert not await region.sees(proxy, f"Composition/note-{ADULT}-a")


async def test_rule_29_refuses_to_act_for_another_patient_or_as_staff_elsewhere(region: Region) -> None:
    law = region.record(PATIENT).law
    refused(await law.block(CHILD, Level.INNER, UNIT_A, PROVIDER))
    refused(await law.appoint(CHILD, ADULT, region.later(days=30), provider=PROVIDER))
    refused(await region.record(PATIENT).update("Observation", "x", {**entries(ADULT, UNIT_A)[0], "id": "x"}))
    refused(await region.record(PATIENT).law.relate(ADULT, "Jag vill"))
    assert isinstance(await region.record(SYSTEM_A).read("Patient", ADULT), Stored)
    assert isinstance(await region.record(COLLEAGUE).read("Patient", ADULT), Stored)
