"""What the validator takes and what it refuses, where, and in which words: elements, codes, references."""

from typing import Any

import pytest
from tests.support.validating import OBSERVATION, PATIENT, Resource, observation, only, patient, refused_at

from kontinuum.fhir.validation import validate


@pytest.mark.parametrize("resource", [PATIENT, OBSERVATION], ids=["Patient", "Observation"])
def test_a_sound_resource_has_no_issues(resource: Resource) -> None:
    assert validate(resource) == []


# --- the resource itself --------------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, 1, "Patient", [], [PATIENT], True])
def test_what_is_no_object_is_no_resource(value: Any) -> None:
    issue = only(value)
    assert (issue.severity, issue.code) == ("fatal", "structure")


@pytest.mark.parametrize("value", [{}, {"id": "1"}, {"resourceType": None}])
def test_a_resource_names_its_type(value: Any) -> None:
    assert "resourceType" in only(value).message


@pytest.mark.parametrize("name", ["Pasient", "HumanName", "DomainResource", "Resource", "", 7, ["Patient"]])
def test_a_type_that_r4_does_not_have_is_refused(name: Any) -> None:
    assert only({"resourceType": name}).severity == "fatal"


def test_a_misspelt_type_gets_a_hint() -> None:
    assert "did you mean Patient?" in only({"resourceType": "Pasient"}).message


def test_another_type_than_the_expected_is_refused() -> None:
    issue = only(PATIENT, expected_type="Observation")
    assert (issue.severity, issue.location) == ("error", "Patient")
    assert validate(PATIENT, expected_type="Patient") == []


# --- elements -------------------------------------------------------------------------------------


def test_an_unknown_element_is_refused_with_a_hint() -> None:
    issue = only(patient(birthdate="1961"))
    assert (issue.code, issue.location) == ("structure", "Patient.birthdate")
    assert 'did you mean "birthDate"?' in issue.message


def test_an_unknown_element_deep_inside_has_its_whole_path() -> None:
    resource = patient(contact=[{"name": {"family": "A"}}, {"name": {"family": "B", "middle": "C"}}])
    assert refused_at(resource) == ("structure", "Patient.contact[1].name.middle")


def test_a_name_that_is_no_identifier_still_gives_a_fhirpath() -> None:
    assert only(patient(**{"last name": "x"})).location == "Patient.`last name`"


def test_a_missing_required_element_is_named() -> None:
    issue = only(observation(code=None))
    assert (issue.code, issue.location) == ("required", "Observation.code")
    assert "add it" in issue.message


def test_a_missing_required_choice_names_its_forms() -> None:
    issue = only({"resourceType": "Parameters", "parameter": [{"valueString": "x"}]})
    assert issue.location == "Parameters.parameter[0].name"
    resource = {
        "resourceType": "MedicationRequest",
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/1"},
    }
    assert "medicationCodeableConcept" in only(resource).message
    assert only(resource).location == "MedicationRequest.medication"


def test_a_required_element_may_be_given_by_an_extension_only() -> None:
    absent = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
    assert validate(observation(status=None, _status={"extension": [absent]})) == []


def test_all_problems_are_reported_not_only_the_first() -> None:
    issues = validate(patient(gender="f", birthDate="61", foo=1))
    assert {issue.location for issue in issues} == {"Patient.gender", "Patient.birthDate", "Patient.foo"}


@pytest.mark.parametrize(
    ("changes", "location"),
    [
        ({"name": {"family": "A"}}, "Patient.name"),
        ({"name": []}, "Patient.name"),
        ({"name": [None]}, "Patient.name[0]"),
        ({"name": ["A"]}, "Patient.name[0]"),
        ({"name": [{}]}, "Patient.name[0]"),
        ({"name": [{"id": "n"}]}, "Patient.name[0]"),
        ({"name": [{"given": "Åsa"}]}, "Patient.name[0].given"),
        ({"name": [{"given": [None]}]}, "Patient.name[0].given[0]"),
        ({"gender": ["female"]}, "Patient.gender"),
        ({"gender": None}, "Patient.gender"),
        ({"gender": {"value": "female"}}, "Patient.gender"),
        ({"maritalStatus": []}, "Patient.maritalStatus"),
        ({"maritalStatus": None}, "Patient.maritalStatus"),
        ({"active": "true"}, "Patient.active"),
        ({"active": 1}, "Patient.active"),
    ],
)
def test_a_wrong_json_form_is_refused_where_it_stands(changes: Any, location: str) -> None:
    assert refused_at(patient(**changes)) == ("structure", location)


def test_two_forms_of_one_choice_are_refused() -> None:
    assert refused_at(observation(valueString="48")) == ("structure", "Observation.value")


def test_a_choice_of_a_type_that_is_not_offered_is_an_unknown_element() -> None:
    assert refused_at(observation(valueQuantity=None, valueAddress={"city": "Visby"})) == (
        "structure",
        "Observation.valueAddress",
    )


# --- codes ----------------------------------------------------------------------------------------


def test_a_code_outside_its_required_value_set_is_refused_with_the_choices() -> None:
    issue = only(patient(gender="woman"))
    assert (issue.code, issue.location) == ("code-invalid", "Patient.gender")
    assert "female, male, other, unknown" in issue.message


def test_a_concept_needs_one_coding_from_its_required_value_set() -> None:
    system = "http://terminology.hl7.org/CodeSystem/condition-clinical"
    condition = {"resourceType": "Condition", "subject": {"reference": "Patient/1"}}
    good = {"coding": [{"system": "urn:local", "code": "x"}, {"system": system, "code": "active"}]}
    assert validate({**condition, "clinicalStatus": good}) == []
    for bad in (
        {"coding": [{"system": system, "code": "Active"}]},
        {"coding": [{"code": "active"}]},
        {"coding": [{"system": "urn:local", "code": "active"}]},
        {"text": "active"},
    ):
        assert refused_at({**condition, "clinicalStatus": bad}) == (
            "code-invalid",
            "Condition.clinicalStatus",
        )


def test_codes_bound_less_than_required_are_free() -> None:
    assert validate(observation(category=[{"coding": [{"system": "urn:x", "code": "anything"}]}])) == []


@pytest.mark.parametrize(("mime", "sound"), [("text/plain; charset=utf-8", True), ("plain text", False)])
def test_a_mime_type_has_the_form_of_one(mime: str, sound: bool) -> None:
    resource = patient(photo=[{"contentType": mime, "url": "http://example.org/p"}])
    assert (validate(resource) == []) is sound


# --- references -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reference",
    [
        {"reference": "Patient/1"},
        {"reference": "Patient/1/_history/2"},
        {"reference": "https://example.org/fhir/Patient/1"},
        {"reference": "https://example.org/anything?x=1"},
        {"reference": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"},
        {"identifier": {"value": "191212121212"}},
        {"type": "Patient", "display": "Åsa"},
        {"display": "Åsa"},
    ],
)
def test_a_reference_in_any_permitted_form_is_taken(reference: Any) -> None:
    assert validate(observation(subject=reference)) == []


def test_a_reference_by_condition_stands_in_a_bundle_alone() -> None:
    conditional = observation(
        subject={"reference": "Patient?identifier=urn:oid:1.2.752.129.2.1.3.1|191212121212"}
    )
    entry = {"resource": conditional, "request": {"method": "POST", "url": "Observation"}}
    assert validate({"resourceType": "Bundle", "type": "transaction", "entry": [entry]}) == []
    issue = only(conditional)
    assert (issue.code, issue.location) == ("value", "Observation.subject.reference")
    assert "in a transaction" in issue.message
    elsewhere = {
        "resource": observation(subject={"reference": "Organization?name=x"}),
        "request": entry["request"],
    }
    assert "Patient" in only({"resourceType": "Bundle", "type": "transaction", "entry": [elsewhere]}).message


@pytest.mark.parametrize(
    "literal",
    [
        "Organization/1",
        "https://example.org/fhir/Organization/1",
        "Organization/1/_history/1",
    ],
)
def test_a_reference_to_a_type_that_the_element_does_not_allow_is_refused(literal: str) -> None:
    issue = only(observation(subject={"reference": literal}))
    assert (issue.code, issue.location) == ("value", "Observation.subject.reference")
    assert "Patient" in issue.message


@pytest.mark.parametrize("literal", ["Pasient/1", "1", "Patient/", "Patient/å", "patient/1", "Patient/1/x"])
def test_what_is_no_reference_is_refused(literal: str) -> None:
    assert refused_at(observation(subject={"reference": literal})) == (
        "value",
        "Observation.subject.reference",
    )


def test_a_stated_type_that_the_element_does_not_allow_is_refused() -> None:
    assert refused_at(observation(subject={"type": "Organization", "display": "X"})) == (
        "value",
        "Observation.subject",
    )
