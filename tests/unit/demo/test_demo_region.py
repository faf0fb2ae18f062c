"""The demo region as a whole: the same every time, valid, connected, and nobody real in it."""

import hashlib
import re
import tracemalloc
from collections import Counter
from datetime import date
from functools import cache
from typing import Any

import pytest

from kontinuum.demo import MAX_PATIENTS, Batch, generate, personas
from kontinuum.demo.chart import references
from kontinuum.fhir import json
from kontinuum.fhir.profiles import claims, judge, judge_extensions
from kontinuum.fhir.validation import validate
from kontinuum.kernel.principal import PROTECTED_IDENTITY, ActorKind, Purpose
from kontinuum.profiles.service import library_of
from kontinuum.sweden import systems
from kontinuum.sweden.identifiers import (
    HsaId,
    OrganisationNumber,
    Personnummer,
    Rejected,
    Samordningsnummer,
    from_fhir,
)

TODAY = date(2026, 11, 22)

Resource = dict[str, Any]


@cache
def demo() -> tuple[Batch, ...]:
    return tuple(generate(today=TODAY))


@cache
def resources() -> tuple[Resource, ...]:
    return tuple(resource for batch in demo() for resource in batch.resources)


def of_type(kind: str) -> list[Resource]:
    return [resource for resource in resources() if resource["resourceType"] == kind]


def digest(batches: object) -> str:
    hashed = hashlib.sha256()
    for batch in batches:  # type: ignore[attr-defined]
        hashed.update(f"{batch.unit} {batch.provider}".encode())
        for resource in batch.resources:
            hashed.update(json.dumps(resource))
    return hashed.hexdigest()


def test_the_same_seed_and_day_give_the_same_bytes() -> None:
    assert digest(generate(1, 25, today=TODAY)) == digest(generate(1, 25, today=TODAY))


def test_another_seed_or_another_day_gives_other_charts() -> None:
    usual = digest(generate(1, 5, today=TODAY))
    assert digest(generate(2, 5, today=TODAY)) != usual
    assert digest(generate(1, 5, today=date(2026, 11, 23))) != usual


def test_a_patient_does_not_depend_on_how_many_follow() -> None:
    few = [batch for batch in generate(1, 61, today=TODAY) if batch.patient == "p-0061"]
    many = [batch for batch in generate(1, 64, today=TODAY) if batch.patient == "p-0061"]
    assert few == many


@pytest.mark.parametrize("patients", [-1, MAX_PATIENTS + 1])
def test_a_number_of_patients_that_cannot_be_is_refused(patients: int) -> None:
    with pytest.raises(ValueError, match=str(MAX_PATIENTS)):
        generate(1, patients, today=TODAY)


def test_every_resource_is_valid_r4() -> None:
    problems = [
        (resource["resourceType"], resource["id"], issue.location, issue.message)
        for resource in resources()
        for issue in validate(resource)
    ]
    assert problems == []


def test_generated_patients_are_valid_on_another_day_and_seed() -> None:
    problems = [
        (resource["id"], issue.message)
        for batch in generate(7, 180, today=date(2028, 2, 29))
        if batch.patient is None or batch.patient > "p-0060"
        for resource in batch.resources
        for issue in validate(resource)
    ]
    assert problems == []


def test_every_reference_leads_to_what_was_generated_before_or_with_it() -> None:
    known: set[str] = set()
    for batch in generate(3, 140, today=TODAY):
        known.update(f"{resource['resourceType']}/{resource['id']}" for resource in batch.resources)
        for resource in batch.resources:
            missing = [target for target in references(resource) if target not in known]
            assert not missing, resource["id"]


def test_ids_are_unique_and_readable() -> None:
    names = [f"{resource['resourceType']}/{resource['id']}" for resource in resources()]
    assert len(names) == len(set(names))
    for resource in resources():
        assert re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,63}", resource["id"])


def test_every_batch_names_an_existing_unit_and_its_provider() -> None:
    owners: dict[str, set[str]] = {}
    for batch in demo():
        assert isinstance(HsaId.parse(batch.unit), HsaId)
        owners.setdefault(batch.unit, set()).add(batch.provider)
    assert all(len(providers) == 1 for providers in owners.values())
    written = {
        identifier["value"]
        for resource in of_type("Organization")
        for identifier in resource["identifier"]
        if identifier["system"] == systems.HSA_ID
    }
    assert set(owners) <= written
    assert {batch.provider for batch in demo()} <= written


def test_a_batch_with_a_patient_concerns_that_patient_only() -> None:
    for batch in demo():
        subjects = {
            target
            for resource in batch.resources
            for target in references(resource)
            if target.startswith("Patient/")
        }
        assert subjects <= {f"Patient/{batch.patient}"}


def test_two_regions_two_private_providers_and_a_municipality_give_care() -> None:
    numbers = {
        identifier["value"]
        for resource in of_type("Organization")
        for identifier in resource["identifier"]
        if identifier["system"] == systems.ORGANISATION_NUMBER
    }
    assert len(numbers) == 5
    assert {"2321000016", "2120000803", "2120000183"} <= numbers
    assert all(isinstance(OrganisationNumber.parse(number), OrganisationNumber) for number in numbers)


def test_every_assignment_has_unit_practitioner_and_purpose() -> None:
    roles = of_type("PractitionerRole")
    assert len(roles) > len(of_type("Practitioner")) >= 30
    for role in roles:
        purpose = next(each for each in role["extension"] if each["url"] == systems.ASSIGNMENT_PURPOSE)
        assert purpose["valueCode"] in {each.value for each in Purpose}
        assert role["practitioner"]
        assert role["organization"]


def test_someone_on_the_staff_has_protected_identity() -> None:
    marked = [
        person
        for person in of_type("Practitioner")
        if any(
            label["code"] == systems.CONFIDENTIALITY_MARK
            for label in person.get("meta", {}).get("security", [])
        )
    ]
    assert marked


def test_personas_are_of_every_kind_and_their_assignments_exist() -> None:
    roles = {role["id"] for role in of_type("PractitionerRole")}
    units = {identifier["value"] for unit in of_type("Organization") for identifier in unit["identifier"]}
    everyone = personas()
    staff = [persona for persona in everyone if persona.actor.kind is ActorKind.STAFF]
    patients = [persona for persona in everyone if persona.actor.kind is ActorKind.PATIENT]
    assert len(staff) >= 8
    assert patients
    for persona in staff:
        for assignment in persona.assignments:
            assert assignment.id in roles
            assert {assignment.unit, assignment.provider} <= units
    purposes = {assignment.purpose for persona in everyone for assignment in persona.assignments}
    assert {
        Purpose.CARE,
        Purpose.ADMINISTRATION,
        Purpose.QUALITY,
        Purpose.SUPERVISION,
        Purpose.PATIENT,
    } <= purposes
    assert max(len(persona.assignments) for persona in staff) > 1
    names = {f"Patient/{resource['id']}" for resource in of_type("Patient")}
    assert {persona.actor.reference for persona in patients} <= names


def test_all_personal_numbers_are_of_the_tax_agencys_test_series_and_differ() -> None:
    seen: Counter[str] = Counter()
    for batch in generate(1, 500, today=TODAY):
        for resource in batch.resources:
            if resource["resourceType"] != "Patient":
                continue
            identifier = from_fhir(resource["identifier"][0], today=TODAY)
            assert identifier is not None
            assert not isinstance(identifier, Rejected), resource["identifier"]
            if isinstance(identifier, Personnummer):
                assert identifier.is_test_number
                assert identifier.birth_date.isoformat() == resource["birthDate"]
                assert identifier.sex.value == resource["gender"]
            if isinstance(identifier, Samordningsnummer):
                assert int(identifier.value[8:11]) >= 980
            seen[identifier.value] += 1
    assert len(seen) == 500


def test_telephone_numbers_are_of_the_series_kept_for_fiction() -> None:
    mobile, fixed = re.compile(r"070-174 0[6] \d\d"), re.compile(r"08-465 004 \d\d")
    numbers = [
        contact["value"]
        for kind in ("Patient", "RelatedPerson")
        for resource in of_type(kind)
        for contact in resource.get("telecom", [])
        if contact["system"] == "phone"
    ]
    assert len(numbers) > 60
    for number in numbers:
        assert mobile.fullmatch(number) or fixed.fullmatch(number), number
        assert not mobile.fullmatch(number) or int(number[-2:]) >= 5


def test_nothing_but_bookings_and_limits_lies_in_the_future() -> None:
    now = f"{TODAY}T23:59"
    timed = (
        "date",
        "effectiveDateTime",
        "authoredOn",
        "performedDateTime",
        "recordedDate",
        "occurrenceDateTime",
    )
    for resource in resources():
        for name in timed:
            assert resource.get(name, "") <= now, (resource["id"], name)
        if resource["resourceType"] == "Encounter":
            assert resource["period"]["start"] <= now
    assert any(each["start"] > now for each in of_type("Appointment"))


def test_memory_does_not_grow_with_the_number_of_patients() -> None:
    stream = generate(1, 300, today=TODAY)

    def peak(patients: int) -> int:
        tracemalloc.reset_peak()
        done: set[str | None] = set()
        for batch in stream:
            done.add(batch.patient)
            if len(done) > patients:
                break
        return tracemalloc.get_traced_memory()[1]

    for batch in stream:
        if batch.patient == "p-0061":
            break
    tracemalloc.start()
    try:
        early = peak(30)
        late = max(peak(30) for _ in range(4))
    finally:
        tracemalloc.stop()
    assert late < early * 2 + 1_000_000


def test_one_registrar_alone_may_see_what_a_protected_identity_hides() -> None:
    entitled = [
        one.actor.name for one in personas() for each in one.assignments if PROTECTED_IDENTITY in each.rights
    ]
    assert entitled == ["Birgitta Nyström"]
    given = [
        role["practitioner"]["display"]
        for role in of_type("PractitionerRole")
        for each in role["extension"]
        if each["url"] == systems.ASSIGNMENT_RIGHT and each["valueCode"] == PROTECTED_IDENTITY
    ]
    assert given == entitled


def test_persons_organisations_and_staff_follow_the_swedish_profiles_that_they_claim() -> None:
    library = library_of([])
    claiming = [resource for resource in resources() if claims(resource)]
    assert {each["resourceType"] for each in claiming} == {
        "Patient",
        "Organization",
        "Practitioner",
        "PractitionerRole",
    }
    for resource in claiming:
        (claim,) = claims(resource)
        structure = library.find(claim)
        assert structure is not None
        found = (*judge(resource, [structure], library).issues, *judge_extensions(resource, library).issues)
        assert [issue for issue in found if issue.severity in ("error", "information")] == [], resource["id"]
