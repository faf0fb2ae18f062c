"""What the directory's mapping makes follows HL7 Sweden's profiles, and says so."""

from __future__ import annotations

from datetime import date

import pytest

from kontinuum.fhir.profiles import claims, judge, judge_extensions
from kontinuum.fhir.validation import validate
from kontinuum.kernel.principal import PROTECTED_IDENTITY, Purpose
from kontinuum.organisation.model import Person, Role, Unit
from kontinuum.organisation.resources import Resource, person_resource, role_resource, unit_resource
from kontinuum.profiles.service import library_of

UNIT = Unit(
    hsa_id="SE2321000016-1",
    name="Region Väst",
    type="provider",
    organisation_number="2321000016",
    street="Storgatan 1",
    city="Visby",
    phone="+46 498 26 90 00",
    start=date(2020, 1, 1),
)
PERSON = Person(
    hsa_id="SE2321000016-2",
    given_name="Anna Maria",
    family_name="Berg",
    personal_number="198011289801",
    protected=True,
    professions=("LK",),
    prescriber_code="1234567",
)
ROLE = Role(
    person=PERSON.hsa_id,
    unit=UNIT.hsa_id,
    purpose=Purpose.CARE,
    hsa_id="SE2321000016-3",
    rights=(PROTECTED_IDENTITY,),
    title="Överläkare",
    position="201010",
    start=date(2026, 1, 1),
)


@pytest.mark.parametrize(
    "made", [unit_resource(UNIT, {}), person_resource(PERSON), role_resource(ROLE, {})], ids=str
)
def test_what_is_new_claims_its_profile_and_follows_it(made: Resource) -> None:
    library = library_of([])
    (claim,) = claims(made)
    structure = library.find(claim)
    assert structure is not None
    assert structure.type == made["resourceType"]
    assert [issue for issue in validate(made) if issue.refuses] == []
    assert judge(made, [structure], library).issues == ()
    assert judge_extensions(made, library).issues == ()


def test_what_is_there_already_claims_what_it_claimed() -> None:
    present = {"resourceType": "Organization", "id": "x", "name": "Region"}
    assert "meta" not in unit_resource(UNIT, {}, present)
