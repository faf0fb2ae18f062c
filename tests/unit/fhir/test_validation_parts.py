"""What the validator says of contained resources, narrative, rules of single types and bundles."""

import json
import subprocess
import sys
from typing import Any

import pytest
from tests.support.validating import (
    CHARACTERISTIC,
    EXTENSION,
    OBSERVATION,
    PATIENT,
    Resource,
    observation,
    only,
    patient,
    refused_at,
)

from kontinuum.fhir.json import loads
from kontinuum.fhir.validation import validate

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
