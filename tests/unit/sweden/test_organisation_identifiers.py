"""Organisationsnummer and HSA-id."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontinuum.sweden import systems
from kontinuum.sweden.identifiers import (
    Fault,
    HsaId,
    OrganisationNumber,
    Rejected,
    check_digit,
    from_fhir,
    to_fhir,
)

TODAY = date(2026, 11, 22)


@pytest.mark.parametrize("text", ["2321000016", "232100-0016", "162321000016", " 16 232100-0016 "])
def test_a_regions_organisation_number_is_read_in_every_form(text: str) -> None:
    assert OrganisationNumber.parse(text) == OrganisationNumber("2321000016")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", Fault.EMPTY),
        ("232100-001A", Fault.CHARACTERS),
        ("23210000", Fault.LENGTH),
        ("232100-0017", Fault.CHECK_DIGIT),
        ("191212121212", Fault.LENGTH),
        ("121212-1212", Fault.FORMAT),
    ],
)
def test_a_wrong_organisation_number_is_refused(text: str, fault: Fault) -> None:
    refused = OrganisationNumber.parse(text)
    assert isinstance(refused, Rejected)
    assert refused.fault is fault


@given(st.integers(20, 99), st.integers(0, 9_999_99))
def test_organisation_numbers_are_formatted_back(group: int, rest: int) -> None:
    nine = f"2{group // 10}{max(2, group % 10)}{rest:06d}"
    parsed = OrganisationNumber.parse(f"{nine}{check_digit(nine)}")
    assert isinstance(parsed, OrganisationNumber)
    assert OrganisationNumber.parse(str(parsed)) == parsed


@pytest.mark.parametrize("text", ["SE2321000016-1A2B", "se2321000016-1a2b", " SE2321000016-1A2B "])
def test_an_hsa_id_is_read_in_either_case(text: str) -> None:
    parsed = HsaId.parse(text)
    assert parsed == HsaId("SE2321000016-1A2B")
    assert parsed.organisation_digits == "2321000016"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", Fault.EMPTY),
        ("SE2321000016", Fault.FORMAT),
        ("SE232100001-1A2B", Fault.FORMAT),
        ("NO2321000016-1A2B", Fault.FORMAT),
        ("SE2321000016-1A_B", Fault.FORMAT),
        ("SE2321000016-ÅÄÖ", Fault.FORMAT),
        ("SE2321000016-" + "A" * 19, Fault.LENGTH),
    ],
)
def test_a_wrong_hsa_id_is_refused(text: str, fault: Fault) -> None:
    refused = HsaId.parse(text)
    assert isinstance(refused, Rejected)
    assert refused.fault is fault


def test_the_longest_hsa_id_has_31_characters() -> None:
    assert isinstance(HsaId.parse("SE2321000016-" + "A" * 18), HsaId)


@pytest.mark.parametrize(
    "system", ["urn:oid:1.2.752.29.4.19", "urn:oid:1.2.752.129.2.1.4.1", "1.2.752.129.2.1.4.1"]
)
def test_both_uris_of_hsa_id_mean_the_same(system: str) -> None:
    unit = HsaId("SE2321000016-1A2B")
    assert from_fhir({"system": system, "value": "SE2321000016-1A2B"}, today=TODAY) == unit
    assert to_fhir(unit)["system"] == systems.HSA_ID
