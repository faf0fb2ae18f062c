"""What a profile demands of single elements: how often, of which type, with which value, code and rule."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.profiles import CORE, HOME, library, profile, told, value_set

from kontinuum.fhir.profiles import judge
from kontinuum.fhir.profiles.nodes import Value
from kontinuum.fhir.profiles.values import agrees

PATIENT = {"resourceType": "Patient", "id": "p", "gender": "female", "name": [{"family": "Ek"}]}
OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "s", "code": "c"}], "text": "t"},
}


def test_what_keeps_the_profile_is_not_remarked_on() -> None:
    known = library(profile("Named", "Patient", {"id": "Patient.name", "min": 1, "max": "1"}))
    assert told(PATIENT, known, "Named") == []


@pytest.mark.parametrize(
    ("element", "code", "place"),
    [
        ({"id": "Patient.birthDate", "min": 1}, "required", "Patient.birthDate"),
        ({"id": "Patient.name.given", "min": 1}, "required", "Patient.name[0].given"),
        ({"id": "Patient.name", "max": "0"}, "structure", "Patient.name"),
        ({"id": "Patient.gender", "fixedCode": "male"}, "value", "Patient.gender"),
        ({"id": "Patient.name.family", "maxLength": 1}, "too-long", "Patient.name[0].family"),
        ({"id": "Patient.name", "patternHumanName": {"use": "official"}}, "value", "Patient.name[0]"),
    ],
)
def test_one_demand_is_one_error_at_its_place(element: dict[str, Any], code: str, place: str) -> None:
    known = library(profile("Strict", "Patient", element))
    assert told(PATIENT, known, "Strict") == [("error", code, place)]


def test_a_demand_below_an_optional_element_waits_for_the_element() -> None:
    known = library(profile("Housed", "Patient", {"id": "Patient.address.city", "min": 1}))
    assert told(PATIENT, known, "Housed") == []
    homeless = {**PATIENT, "address": [{"city": "Visby"}, {"country": "SE"}]}
    assert told(homeless, known, "Housed") == [("error", "required", "Patient.address[1].city")]


def test_a_fixed_value_is_all_there_is_and_a_pattern_the_least() -> None:
    concept = {"coding": [{"system": "s", "code": "c"}]}
    exact = library(
        profile("Exact", "Observation", {"id": "Observation.code", "fixedCodeableConcept": concept})
    )
    least = library(
        profile("Least", "Observation", {"id": "Observation.code", "patternCodeableConcept": concept})
    )
    assert told(OBSERVATION, exact, "Exact") == [("error", "value", "Observation.code")]
    assert told(OBSERVATION, least, "Least") == []


@given(
    st.recursive(
        st.text(max_size=3) | st.integers() | st.booleans(),
        lambda inner: (
            st.dictionaries(st.text(max_size=2), inner, min_size=1, max_size=3)
            | st.lists(inner, min_size=1, max_size=3)
        ),
        max_leaves=8,
    ),
    st.dictionaries(st.text(min_size=3, max_size=4), st.integers(), max_size=2),
)
def test_every_value_holds_itself_and_less(value: Any, more: dict[str, int]) -> None:
    assert agrees(value, Value("pattern", value))
    assert agrees(value, Value("fixed", value))
    if isinstance(value, dict):
        assert agrees({**more, **value}, Value("pattern", value))


@pytest.mark.parametrize(
    ("value", "places"),
    [
        ({"valueString": "x"}, [("error", "structure", "Observation.value")]),
        ({"valueQuantity": {"value": Decimal("1"), "unit": "mg"}}, []),
        ({}, []),
    ],
)
def test_types_that_are_left_out_are_not_taken(value: dict[str, Any], places: list[Any]) -> None:
    known = library(
        profile("Measured", "Observation", {"id": "Observation.value[x]", "type": [{"code": "Quantity"}]})
    )
    assert told({**OBSERVATION, **value}, known, "Measured") == places


def test_bounds_hold_for_numbers_quantities_and_dates() -> None:
    known = library(
        profile("Born", "Patient", {"id": "Patient.birthDate", "minValueDate": "1900-01-01"}),
        profile(
            "Small",
            "Observation",
            {"id": "Observation.value[x]", "type": [{"code": "Quantity"}], "maxValueQuantity": {"value": 10}},
        ),
    )
    assert told({**PATIENT, "birthDate": "1899"}, known, "Born") == [("error", "value", "Patient.birthDate")]
    assert told({**PATIENT, "birthDate": "1900"}, known, "Born") == []
    over = {**OBSERVATION, "valueQuantity": {"value": Decimal("10.5")}}
    assert told(over, known, "Small") == [("error", "value", "Observation.value")]


def test_a_type_follows_its_own_profile_where_an_element_says_so() -> None:
    known = library(
        profile("Whole", "HumanName", {"id": "HumanName.given", "min": 1}),
        profile(
            "Full",
            "Patient",
            {"id": "Patient.name", "type": [{"code": "HumanName", "profile": [HOME + "Whole"]}]},
            {"id": "Patient.contact.name", "type": [{"code": "HumanName", "profile": [HOME + "Unheard"]}]},
        ),
    )
    assert told(PATIENT, known, "Full") == [("error", "required", "Patient.name[0].given")]
    contact = {**PATIENT, "name": [{"given": ["Eva"]}], "contact": [{"name": {"family": "Ek"}}]}
    assert told(contact, known, "Full") == [("warning", "not-found", "Patient.contact[0].name")]


REFERRING = profile(
    "OfWomen",
    "Observation",
    {"id": "Observation.subject", "type": [{"code": "Reference", "targetProfile": [HOME + "Woman"]}]},
)
WOMAN = profile("Woman", "Patient", {"id": "Patient.gender", "min": 1, "fixedCode": "female"})


@pytest.mark.parametrize(
    ("reference", "places"),
    [
        ("#w", []),
        ("#m", [("error", "structure", "Observation.subject")]),
        ("Patient/elsewhere", []),
        ("Group/1", [("error", "value", "Observation.subject.reference")]),
    ],
)
def test_what_is_referred_to_follows_the_profile_if_it_is_at_hand(reference: str, places: list[Any]) -> None:
    contained = [
        {"resourceType": "Patient", "id": "w", "gender": "female"},
        {"resourceType": "Patient", "id": "m", "gender": "male"},
    ]
    observation = {
        **OBSERVATION,
        "contained": contained,
        "subject": {"reference": reference},
        "performer": [{"reference": "#w"}, {"reference": "#m"}],
    }
    assert told(observation, library(REFERRING, WOMAN), "OfWomen") == places


def test_references_in_a_bundle_lead_to_its_entries() -> None:
    document = profile(
        "Letter",
        "Bundle",
        {
            "id": "Bundle.entry.resource",
            "type": [{"code": "Observation", "profile": [HOME + "OfWomen"]}, {"code": "Patient"}],
        },
    )
    entries = [
        {"fullUrl": "urn:uuid:1", "resource": {**OBSERVATION, "subject": {"reference": "urn:uuid:2"}}},
        {"fullUrl": "urn:uuid:2", "resource": {"resourceType": "Patient", "gender": "male"}},
    ]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    known = library(REFERRING, WOMAN, document)
    assert told(bundle, known, "Letter") == [("error", "structure", "Bundle.entry[0].resource.subject")]
    entry, structure = entries[0]["resource"], known.find(HOME + "OfWomen")
    assert structure is not None
    for outer, errors in ((None, []), (bundle, ["Observation.subject"])):
        assert [each.location for each in judge(entry, [structure], known, within=outer).issues] == errors


CODES = value_set("few", "a", "b")


@pytest.mark.parametrize(
    ("strength", "code", "severities"),
    [
        ("required", "a", []),
        ("required", "c", ["error"]),
        ("extensible", "c", ["warning"]),
        ("preferred", "c", []),
    ],
)
def test_a_binding_counts_by_its_strength(strength: str, code: str, severities: list[str]) -> None:
    bound = {"id": "Observation.code", "binding": {"strength": strength, "valueSet": HOME + "few"}}
    known = library(profile("Coded", "Observation", bound), CODES)
    observation = {**OBSERVATION, "code": {"coding": [{"system": HOME + "codes", "code": code}]}}
    assert [severity for severity, _, _ in told(observation, known, "Coded")] == severities


def test_text_alone_satisfies_an_extensible_binding_but_no_required_one() -> None:
    def bound(name: str, strength: str) -> dict[str, Any]:
        return profile(
            name,
            "Observation",
            {"id": "Observation.code", "binding": {"strength": strength, "valueSet": HOME + "few"}},
        )

    known = library(bound("Loose", "extensible"), bound("Tight", "required"), CODES)
    said = {**OBSERVATION, "code": {"text": "ont i magen"}}
    assert told(said, known, "Loose") == []
    assert told(said, known, "Tight") == [("error", "code-invalid", "Observation.code")]


def test_what_cannot_be_listed_becomes_a_question_with_its_place() -> None:
    bound = {"id": "Observation.code", "binding": {"strength": "required", "valueSet": HOME + "many"}}
    many = value_set("many", filter=[{"property": "concept", "op": "is-a", "value": "1"}])
    known = library(profile("Coded", "Observation", bound), many)
    structure = known.find(HOME + "Coded")
    assert structure is not None
    (question,) = judge(OBSERVATION, [structure], known).questions
    assert (question.value_set, question.codes, question.location) == (
        HOME + "many",
        (("s", "c"),),
        "Observation.code",
    )


def test_rules_of_a_profile_are_run_by_their_severity() -> None:
    rules = [
        {"key": "own-1", "severity": "error", "human": "a family name", "expression": "name.family.exists()"},
        {"key": "own-2", "severity": "warning", "human": "a phone", "expression": "telecom.exists()"},
        {"key": "own-3", "severity": "error", "human": "said in words only"},
    ]
    known = library(profile("Ruled", "Patient", constraint=rules))
    unsaid = ("information", "not-supported", "Patient")
    assert told(PATIENT, known, "Ruled") == [unsaid]
    nameless = {"resourceType": "Patient", "gender": "male"}
    assert told(nameless, known, "Ruled") == [("error", "invariant", "Patient"), unsaid]
    assert told(PATIENT, known, "Ruled", warnings=True) == [("warning", "invariant", "Patient"), unsaid]


def test_a_profile_of_another_type_is_not_followed() -> None:
    known = library(profile("Named", "Patient", {"id": "Patient.name", "min": 1}))
    assert told(OBSERVATION, known, "Named") == [("error", "structure", "Observation")]
    assert CORE + "Patient" not in [structure.url for structure in known]


def test_an_element_that_r4_uses_again_keeps_the_same_demands() -> None:
    known = library(profile("Texts", "Questionnaire", {"id": "Questionnaire.item.text", "min": 1}))
    inner = {"linkId": "2", "type": "group", "text": "b", "item": [{"linkId": "3", "type": "display"}]}
    form = {
        "resourceType": "Questionnaire",
        "status": "active",
        "item": [{"linkId": "1", "type": "group", "text": "a", "item": [inner]}],
    }
    assert told(form, known, "Texts") == [("error", "required", "Questionnaire.item[0].item[0].item[0].text")]
