"""What the validator takes and what it refuses, where, and in which words."""

import json
import subprocess
import sys
from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest

from kontinuum.fhir.issues import Issue
from kontinuum.fhir.json import loads
from kontinuum.fhir.validation import validate

Resource = dict[str, Any]

PATIENT: Resource = {
    "resourceType": "Patient",
    "id": "p1",
    "name": [{"family": "Öberg", "given": ["Åsa"]}],
    "gender": "female",
    "birthDate": "1961-02-28",
}
OBSERVATION: Resource = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "4548-4"}]},
    "subject": {"reference": "Patient/p1"},
    "effectiveDateTime": "2024-05-17T13:28:17+02:00",
    "valueQuantity": {"value": Decimal("48.0"), "system": "http://unitsofmeasure.org", "code": "mmol/mol"},
}


def patient(**changes: Any) -> Resource:
    return {**deepcopy(PATIENT), **changes}


def observation(**changes: Any) -> Resource:
    changed = {**deepcopy(OBSERVATION), **changes}
    return {key: value for key, value in changed.items() if value is not None}


def only(resource: Any, **options: Any) -> Issue:
    issues = validate(resource, **options)
    assert len(issues) == 1, issues
    return issues[0]


def refused_at(resource: Any) -> tuple[str, str | None]:
    issue = only(resource)
    assert issue.severity == "error"
    assert issue.message
    return issue.code, issue.location


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


# --- primitive values -----------------------------------------------------------------------------

CHARACTERISTIC = "http://example.org/p"


def extended(kind: str, value: Any) -> Resource:
    return patient(extension=[{"url": CHARACTERISTIC, f"value{kind}": value}])


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("Date", "2024"),
        ("Date", "2024-02"),
        ("Date", "2024-02-29"),
        ("DateTime", "2024-02-29"),
        ("DateTime", "2024-02-29T23:59:60Z"),
        ("DateTime", "2024-02-29T12:00:00.123456789-14:00"),
        ("Instant", "2024-02-29T12:00:00+02:00"),
        ("Time", "23:59:59.5"),
        ("Decimal", Decimal("1.00")),
        ("Decimal", 7),
        ("Decimal", Decimal("-1E+3")),
        ("Integer", -(2**31)),
        ("UnsignedInt", 0),
        ("PositiveInt", 1),
        ("String", "rad 1\nrad 2\t\u00a0ö 😀"),
        ("Markdown", "# rubrik"),
        ("Code", "a b"),
        ("Id", "a-1.B"),
        ("Uri", "urn:oid:1.2.752.129"),
        ("Url", "https://example.org/å?b=c#d"),
        ("Canonical", "http://example.org/vs|1.0"),
        ("Oid", "urn:oid:1.2.752.129.2.1.4.1"),
        ("Uuid", "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"),
        ("Base64Binary", "QUJD\nREVG"),
        ("Boolean", False),
    ],
)
def test_a_value_of_the_right_form_is_taken(kind: str, value: Any) -> None:
    assert validate(extended(kind, value)) == []


@pytest.mark.parametrize(
    ("kind", "value", "code"),
    [
        ("Date", "2023-02-29", "value"),
        ("Date", "1900-02-29", "value"),
        ("Date", "2024-04-31", "value"),
        ("Date", "2024-13", "value"),
        ("Date", "24-01-01", "value"),
        ("Date", "0000", "value"),
        ("Date", "2024-01-01T00:00:00Z", "value"),
        ("Date", "2024-01-01\n", "value"),
        ("Date", "２０２４-01-01", "value"),
        ("Date", 2024, "structure"),
        ("DateTime", "2024-02-29T12:00:00", "value"),
        ("DateTime", "2024-02-29T12:00Z", "value"),
        ("DateTime", "2024-02-29T24:00:00Z", "value"),
        ("DateTime", "2023-02-29T12:00:00Z", "value"),
        ("DateTime", "2024-02-29 12:00:00Z", "value"),
        ("DateTime", "2024-02-29T12:00:00+15:00", "value"),
        ("Instant", "2024-02-29", "value"),
        ("Instant", "2024-02-29T12:00:00", "value"),
        ("Time", "24:00:00", "value"),
        ("Time", "12:00", "value"),
        ("Time", "12:00:00Z", "value"),
        ("Decimal", "1.0", "structure"),
        ("Decimal", True, "structure"),
        ("Decimal", 1.5, "value"),
        ("Decimal", Decimal("NaN"), "value"),
        ("Decimal", Decimal("1E+500"), "value"),
        ("Decimal", Decimal("0." + "1" * 200), "value"),
        ("Integer", 2**31, "value"),
        ("Integer", Decimal("1.0"), "structure"),
        ("Integer", True, "structure"),
        ("Integer", "1", "structure"),
        ("UnsignedInt", -1, "value"),
        ("PositiveInt", 0, "value"),
        ("String", "", "value"),
        ("String", "a\x00b", "value"),
        ("String", "a\x0bb", "value"),
        ("String", "x" * (1024 * 1024 + 1), "too-long"),
        ("String", 5, "structure"),
        ("Code", " a", "value"),
        ("Code", "a ", "value"),
        ("Code", "a  b", "value"),
        ("Id", "a_b", "value"),
        ("Id", "x" * 65, "value"),
        ("Uri", "http://example.org/a b", "value"),
        ("Uri", "", "value"),
        ("Oid", "1.2.752", "value"),
        ("Oid", "urn:oid:1.02", "value"),
        ("Uuid", "c757873d-ec9a-4326-a141-556f43239520", "value"),
        ("Base64Binary", "QUJ", "value"),
        ("Base64Binary", "å===", "value"),
        ("Boolean", "true", "structure"),
    ],
)
def test_a_value_of_the_wrong_form_is_refused(kind: str, value: Any, code: str) -> None:
    assert refused_at(extended(kind, value)) == (code, "Patient.extension[0].value")


def test_a_resource_id_has_the_form_of_an_id() -> None:
    assert refused_at(patient(id="Åsa")) == ("value", "Patient.id")
    assert refused_at(patient(meta={"versionId": "1/2"})) == ("value", "Patient.meta.versionId")


# --- extensions and what stands beside primitives -------------------------------------------------

EXTENSION = {"url": CHARACTERISTIC, "valueString": "x"}


def test_a_primitive_may_carry_an_extension() -> None:
    assert validate(patient(_birthDate={"extension": [EXTENSION]})) == []
    assert validate(patient(_birthDate={"id": "b"})) == []


def test_nulls_fill_the_places_that_have_only_an_extension() -> None:
    given = {"given": ["Åsa", None], "_given": [None, {"extension": [EXTENSION]}]}
    assert validate(patient(name=[given])) == []


@pytest.mark.parametrize(
    ("changes", "location"),
    [
        ({"_birthDate": {}}, "Patient.birthDate"),
        ({"_birthDate": "x"}, "Patient.birthDate"),
        ({"_birthDate": [{"id": "b"}]}, "Patient.birthDate"),
        ({"_birthDate": {"value": "x"}}, "Patient.birthDate.value"),
        ({"_birthDate": {"extension": [{"valueString": "x"}]}}, "Patient.birthDate.extension[0].url"),
        ({"_active": {"id": "a"}}, "Patient.active"),
        ({"_name": [{"id": "a"}]}, "Patient._name"),
        ({"name": [{"given": ["A", None], "_given": [{"id": "g"}, None]}]}, "Patient.name[0].given[1]"),
        ({"name": [{"given": ["A"], "_given": {"id": "g"}}]}, "Patient.name[0].given"),
        ({"name": [{"_given": [{"id": "g"}]}]}, "Patient.name[0].given[0]"),
        ({"name": [{"family": "F", "_given": [None]}]}, "Patient.name[0].given[0]"),
    ],
)
def test_a_wrong_extension_of_a_primitive_is_refused(changes: Any, location: str) -> None:
    assert refused_at(patient(**changes)) == ("structure" if "url" not in location else "required", location)


def test_a_shorter_array_of_extensions_is_taken_with_a_warning() -> None:
    resource = patient(name=[{"given": ["Åsa", "Maria"], "_given": [{"extension": [EXTENSION]}]}])
    assert validate(resource) == []
    warned = [issue for issue in validate(resource, warnings=True) if "fill up with null" in issue.message]
    assert [(issue.severity, issue.location) for issue in warned] == [("warning", "Patient.name[0].given")]


@pytest.mark.parametrize(
    ("extension", "location"),
    [
        ({"valueString": "x"}, "Patient.extension[0].url"),
        ({"url": CHARACTERISTIC}, "Patient.extension[0]"),
        ({"url": CHARACTERISTIC, "valueString": "x", "extension": [EXTENSION]}, "Patient.extension[0]"),
        ({"url": CHARACTERISTIC, "valueString": "x", "valueCode": "x"}, "Patient.extension[0].value"),
        ({"url": CHARACTERISTIC, "extension": [{"url": "a"}]}, "Patient.extension[0].extension[0]"),
        ({"url": CHARACTERISTIC, "valueQuantity": {"value": "5"}}, "Patient.extension[0].value.value"),
    ],
)
def test_a_wrong_extension_is_refused(extension: Any, location: str) -> None:
    assert only(patient(extension=[extension])).location == location


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
        {"reference": "Patient?identifier=urn:oid:1.2.752.129.2.1.3.1|191212121212"},
        {"identifier": {"value": "191212121212"}},
        {"type": "Patient", "display": "Åsa"},
        {"display": "Åsa"},
    ],
)
def test_a_reference_in_any_permitted_form_is_taken(reference: Any) -> None:
    assert validate(observation(subject=reference)) == []


@pytest.mark.parametrize(
    "literal",
    [
        "Organization/1",
        "https://example.org/fhir/Organization/1",
        "Organization?name=x",
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


# --- contained resources --------------------------------------------------------------------------


def containing(contained: Any, reference: str) -> Resource:
    return observation(contained=contained, subject={"reference": reference})


def test_a_contained_resource_is_referred_to_by_its_id() -> None:
    assert validate(containing([{"resourceType": "Patient", "id": "a", "active": True}], "#a")) == []


def test_a_local_reference_without_a_contained_resource_is_refused() -> None:
    assert refused_at(observation(subject={"reference": "#b"})) == (
        "invariant",
        "Observation.subject.reference",
    )


def test_a_contained_resource_of_the_wrong_type_is_refused() -> None:
    assert refused_at(containing([{"resourceType": "Organization", "id": "a", "name": "X"}], "#a")) == (
        "value",
        "Observation.subject.reference",
    )


def test_a_contained_resource_that_nothing_refers_to_is_refused() -> None:
    issue = only(containing([{"resourceType": "Patient", "id": "a", "active": True}], "Patient/1"))
    assert issue.location == "Observation.contained[0]"
    assert issue.message.startswith("dom-3")


def test_a_contained_resource_may_refer_to_its_container_instead() -> None:
    note = {
        "resourceType": "Provenance",
        "id": "a",
        "target": [{"reference": "#"}],
        "recorded": "2024-01-01T00:00:00Z",
        "agent": [{"who": {"display": "X"}}],
    }
    assert validate(observation(contained=[note])) == []


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (
            {
                "contained": [
                    {
                        "resourceType": "Patient",
                        "id": "b",
                        "link": [{"other": {"reference": "#a"}, "type": "refer"}],
                    }
                ]
            },
            "dom-2",
        ),
        ({"meta": {"versionId": "1"}}, "dom-4"),
        ({"meta": {"security": [{"code": "R"}]}}, "dom-5"),
    ],
)
def test_a_contained_resource_has_no_life_of_its_own(change: Any, rule: str) -> None:
    inner = {"resourceType": "Patient", "id": "a", "active": True, **change}
    issues = validate(containing([inner], "#a"))
    assert rule in {issue.message.partition(":")[0] for issue in issues}


def test_a_contained_resource_is_validated_itself() -> None:
    assert refused_at(containing([{"resourceType": "Patient", "id": "a", "gender": "x"}], "#a")) == (
        "code-invalid",
        "Observation.contained[0].gender",
    )


# --- narrative ------------------------------------------------------------------------------------


def narrative(div: str) -> Resource:
    return patient(text={"status": "generated", "div": div})


@pytest.mark.parametrize(
    "body",
    [
        "<p>Åsa &amp; co &#160;</p>",
        '<table class="grid"><tr><td colspan="2">x</td></tr></table>',
        '<img src="#p" alt="x"/>',
    ],
)
def test_formatted_text_is_taken(body: str) -> None:
    assert validate(narrative(f'<div xmlns="http://www.w3.org/1999/xhtml">{body}</div>')) == []


@pytest.mark.parametrize(
    "div",
    [
        "text",
        "<div>no namespace</div>",
        '<p xmlns="http://www.w3.org/1999/xhtml">no div</p>',
        '<div xmlns="http://www.w3.org/1999/xhtml"><p>open</div>',
        '<div xmlns="http://www.w3.org/1999/xhtml"> </div>',
        '<div xmlns="http://www.w3.org/1999/xhtml">a&nbsp;b</div>',
        '<div xmlns="http://www.w3.org/1999/xhtml"><script>x</script></div>',
        '<div xmlns="http://www.w3.org/1999/xhtml"><p onclick="x()">x</p></div>',
        '<div xmlns="http://www.w3.org/1999/xhtml"><a href=" java&#10;script:x()">x</a></div>',
        '<div xmlns="http://www.w3.org/1999/xhtml"><iframe src="http://x"/>x</div>',
        '<div xmlns="http://www.w3.org/1999/xhtml">x</div><div xmlns="http://www.w3.org/1999/xhtml">y</div>',
        '<!DOCTYPE d [<!ENTITY a "b">]><div xmlns="http://www.w3.org/1999/xhtml">&a;</div>',
        '<?xml-stylesheet href="x"?><div xmlns="http://www.w3.org/1999/xhtml">x</div>',
    ],
)
def test_what_is_not_plain_formatted_text_is_refused(div: str) -> None:
    assert only(narrative(div)).location == "Patient.text.div"


# --- rules of single types ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resource", "rule", "location"),
    [
        (observation(dataAbsentReason={"text": "x"}), "obs-6", "Observation"),
        (observation(component=[{"code": OBSERVATION["code"]}]), "obs-7", "Observation"),
        (
            observation(referenceRange=[{"age": {"low": {"value": 1}}}]),
            "obs-3",
            "Observation.referenceRange[0]",
        ),
        (observation(valueQuantity={"value": 1, "code": "mg"}), "qty-3", "Observation.value"),
        (patient(telecom=[{"value": "08-1"}]), "cpt-2", "Patient.telecom[0]"),
        (patient(contact=[{"gender": "male"}]), "pat-1", "Patient.contact[0]"),
        (
            patient(name=[{"period": {"start": "2024-02", "end": "2024-01"}}]),
            "per-1",
            "Patient.name[0].period",
        ),
        (patient(photo=[{"data": "QUJD"}]), "att-1", "Patient.photo[0]"),
        ({"resourceType": "Organization", "active": True}, "org-1", "Organization"),
        (
            {"resourceType": "Organization", "name": "X", "address": [{"city": "Visby"}, {"use": "home"}]},
            "org-2",
            "Organization.address[1]",
        ),
        (
            {"resourceType": "Bundle", "type": "collection", "entry": [{"fullUrl": "urn:uuid:1"}]},
            "bdl-5",
            "Bundle.entry[0]",
        ),
        ({"resourceType": "Bundle", "type": "transaction", "total": 1}, "bdl-1", "Bundle"),
        (
            {"resourceType": "Bundle", "type": "transaction", "entry": [{"resource": PATIENT}]},
            "bdl-3",
            "Bundle",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and "-" in value else "",
)
def test_a_broken_rule_is_named_with_its_key_and_place(resource: Resource, rule: str, location: str) -> None:
    issue = only(resource)
    assert issue.code == "invariant"
    assert issue.message.startswith(rule + ":")
    assert issue.location == location


@pytest.mark.parametrize(
    "period",
    [
        {"start": "2024-01-01", "end": "2024-01-01T08:00:00+01:00"},
        {"start": "2024", "end": "2024-06-01"},
        {"start": "2024-01-01T23:30:00+01:00", "end": "2024-01-01T22:30:00Z"},
        {"start": "2016-12-31T23:59:60Z", "end": "2017-01-01T00:00:00+00:00"},
        {"start": "2024-01-01"},
    ],
)
def test_a_period_whose_order_cannot_be_doubted_or_told_is_taken(period: Any) -> None:
    assert validate(patient(name=[{"family": "A", "period": period}])) == []


@pytest.mark.parametrize(
    "period",
    [
        {"start": "2024-01-02", "end": "2024-01-01T23:59:59Z"},
        {"start": "2024-01-01T12:00:00+01:00", "end": "2024-01-01T10:59:59Z"},
        {"start": "2025", "end": "2024-12-31"},
    ],
)
def test_a_period_that_ends_before_it_starts_is_refused(period: Any) -> None:
    assert only(patient(name=[{"family": "A", "period": period}])).message.startswith("per-1")


def test_best_practice_is_a_warning_and_only_told_when_asked() -> None:
    assert validate(PATIENT) == []
    issue = only(PATIENT, warnings=True)
    assert (issue.severity, issue.location) == ("warning", "Patient")
    assert issue.message.startswith("dom-6")


def test_a_warning_does_not_hide_an_error() -> None:
    issues = validate(
        {"resourceType": "Bundle", "type": "transaction", "total": 3, "entry": [{"resource": PATIENT}]},
        warnings=True,
    )
    assert {issue.message.partition(":")[0] for issue in issues} == {"dom-6", "bdl-1", "bdl-3"}


# --- bundles --------------------------------------------------------------------------------------


def test_resources_in_a_bundle_are_validated_where_they_stand() -> None:
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": PATIENT}, {"resource": observation(status="finished")}],
    }
    assert refused_at(bundle) == ("code-invalid", "Bundle.entry[1].resource.status")


def test_an_entry_whose_resource_is_no_resource_is_refused() -> None:
    for value in ("x", {"id": "1"}, {"resourceType": "Nothing"}):
        bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": value}]}
        location = only(bundle).location
        assert location is not None
        assert location.startswith("Bundle.entry[0].resource")


def test_local_references_end_at_the_entry() -> None:
    inner = containing([{"resourceType": "Patient", "id": "a", "active": True}], "#a")
    outer = observation(subject={"reference": "#a"})
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": inner}, {"resource": outer}],
    }
    assert refused_at(bundle) == ("invariant", "Bundle.entry[1].resource.subject.reference")


def test_a_resource_nested_beyond_reason_is_refused_not_a_crash() -> None:
    extension: Any = EXTENSION
    for _ in range(3000):
        extension = {"url": CHARACTERISTIC, "extension": [extension]}
    issue = only(patient(extension=[extension]))
    assert (issue.severity, issue.code) == ("fatal", "too-costly")


def test_a_resource_as_deep_as_json_may_be_is_validated() -> None:
    text = json.dumps(EXTENSION)
    for _ in range(60):
        text = '{"url":"http://example.org/p","extension":[' + text + "]}"
    assert validate(patient(extension=[loads(text)])) == []


def test_the_first_validations_may_run_in_many_threads_at_once() -> None:
    script = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from kontinuum.fhir.validation import validate\n"
        "patient = {'resourceType': 'Patient', 'name': [{'family': 'A', '_family': {'id': 'f'}}]}\n"
        "bundle = {'resourceType': 'Bundle', 'type': 'collection', 'entry': [{'resource': patient}]}\n"
        "with ThreadPoolExecutor(8) as pool:\n"
        "    found = list(pool.map(validate, [patient, bundle] * 40))\n"
        "assert found == [[]] * 80, found\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
