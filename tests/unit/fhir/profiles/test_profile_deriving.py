"""Profiles upon profiles: what is inherited, and what may not be said."""

from typing import Any

import pytest
from tests.support.profiles import CORE, HOME, faults, library, profile, sliced, told

from kontinuum.fhir.issues import Issue
from kontinuum.fhir.profiles import Library, Structure, read_structure

PLAIN = {"resourceType": "Patient", "gender": "female"}
NAMED = profile("Named", "Patient", {"id": "Patient.name", "min": 1}, version="1.0.0")


def test_a_profile_demands_what_it_builds_on_demands_too() -> None:
    born = profile("Born", "Patient", {"id": "Patient.birthDate", "min": 1}, base=HOME + "Named")
    known = library(NAMED, born)
    assert told(PLAIN, known, "Born") == [
        ("error", "required", "Patient.name"),
        ("error", "required", "Patient.birthDate"),
    ]


def test_a_slice_is_narrowed_by_a_profile_further_down() -> None:
    at = "Patient.identifier"
    upper = profile(
        "Upper",
        "Patient",
        sliced(at, "value", "system"),
        {"id": f"{at}:n", "sliceName": "n"},
        {"id": f"{at}:n.system", "patternUri": "urn:n"},
    )
    lower = profile("Lower", "Patient", {"id": f"{at}:n.value", "min": 1}, base=HOME + "Upper")
    known = library(upper, lower)
    person = {**PLAIN, "identifier": [{"system": "urn:other"}, {"system": "urn:n"}]}
    assert told(person, known, "Upper") == []
    assert told(person, known, "Lower") == [("error", "required", "Patient.identifier[1].value")]


@pytest.mark.parametrize(
    ("element", "said"),
    [
        ({"id": "Patient.name", "max": "0"}, "min 1 is more than max 0"),
        ({"id": "Patient.name", "min": 0}, "min is 0, and what it builds on demands 1"),
        ({"id": "Patient.gender", "max": "*"}, "max is *, and what it builds on allows 1"),
        ({"id": "Patient.shoeSize", "min": 1}, "Patient has no element shoeSize in Patient"),
        ({"id": "Patient.gender", "type": [{"code": "Quantity"}]}, "the type Quantity is not one of code"),
        ({"id": "Patient.gender", "fixedQuantity": {"value": 1}}, "fixedQuantity does not fit the type code"),
        (
            {"id": "Patient.name", "path": "Patient.name.given"},
            "is that of another element",
        ),
        (
            {"id": "Patient.identifier:a/b", "sliceName": "a/b"},
            "Patient.identifier has no slice a",
        ),
        (
            {"id": "Patient.identifier:a", "sliceName": "a"},
            "the slices a have no discriminator that tells them apart",
        ),
    ],
)
def test_what_a_profile_may_not_say_is_a_fault_with_its_element(element: dict[str, Any], said: str) -> None:
    lower = profile("Lower", "Patient", element, base=HOME + "Named")
    ((place, message),) = faults(library(NAMED, lower), "Lower")
    assert said in message
    assert place in (element["id"], "Patient.identifier")


def test_a_profile_on_something_unknown_needs_its_snapshot() -> None:
    orphan = profile("Orphan", "Patient", base=HOME + "Nowhere")
    ((_, message),) = faults(library(orphan), "Orphan")
    assert message == f"{HOME}Nowhere, which it builds on, is not known here"
    orphan["snapshot"] = {
        "element": [
            {
                "id": each,
                "path": each,
                "definition": "…",
                "min": least,
                "max": most,
                "base": {"path": each, "min": 0, "max": most},
            }
            for each, least, most in (("Patient", 0, "*"), ("Patient.birthDate", 1, "1"))
        ]
    }
    assert told(PLAIN, library(orphan), "Orphan") == [("error", "required", "Patient.birthDate")]


def test_a_circle_of_profiles_ends() -> None:
    one = profile("One", "Patient", base=HOME + "Two")
    two = profile("Two", "Patient", base=HOME + "One")
    assert "cannot be used" in faults(library(one, two), "One")[0][1]


def test_versions_stand_side_by_side_and_the_newest_answers_for_the_url() -> None:
    older = profile("Named", "Patient", version="0.9.0")
    draft = profile("Named", "Patient", version="1.0.0-ballot")
    known = library(NAMED, draft, older)
    assert told(PLAIN, known, HOME + "Named|0.9.0") == []
    assert told(PLAIN, known, HOME + "Named") == [("error", "required", "Patient.name")]
    assert known.find(HOME + "Named|2.0.0") is None


def test_a_profile_builds_on_the_version_that_came_in_its_own_package() -> None:
    lower = profile("Lower", "Patient", {"id": "Patient.birthDate", "min": 1}, base=HOME + "Named")
    older = profile("Named", "Patient", version="0.9.0")
    read = [read_structure(NAMED, "b#1"), read_structure(older, "a#1"), read_structure(lower, "a#1")]
    known = Library([each for each in read if isinstance(each, Structure)])
    assert told(PLAIN, known, "Lower") == [("error", "required", "Patient.birthDate")]


@pytest.mark.parametrize(
    ("changes", "severity"),
    [
        ({"kind": "logical"}, "information"),
        ({"derivation": "specialization"}, "information"),
        ({"type": "Horse"}, "error"),
        ({"baseDefinition": None}, "error"),
    ],
)
def test_what_is_no_profile_says_so(changes: dict[str, Any], severity: str) -> None:
    issue = read_structure({**NAMED, **changes})
    assert isinstance(issue, Issue)
    assert issue.severity == severity


def test_r4s_own_profiles_are_no_business_of_a_library() -> None:
    assert Library().find(CORE + "Patient") is None
