"""Real-looking records pass; the same records with one fault planted are refused where it was planted."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from kontinuum.fhir.definitions import Property, type_definition, value_set_codes
from kontinuum.fhir.json import loads
from kontinuum.fhir.validation import validate

SYNTHEA = Path(__file__).parents[4] / "shared" / "samples" / "synthea"
EXAMPLES = Path(__file__).parents[4] / "shared" / "conformance" / "fhirpath-r4"

needs_synthea = pytest.mark.skipif(not SYNTHEA.is_dir(), reason="../shared/samples/synthea is not here")
needs_examples = pytest.mark.skipif(not EXAMPLES.is_dir(), reason="../shared/conformance is not here")

PROPERTY = settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


@cache
def bundles() -> list[Any]:
    return [loads(file.read_bytes()) for file in sorted(SYNTHEA.glob("*.json"))]


@cache
def resources() -> list[Any]:
    return [entry["resource"] for bundle in bundles() for entry in bundle["entry"]]


class Place(NamedTuple):
    """An object within a resource: itself, its type and its FHIRPath."""

    value: dict[str, Any]
    type: str
    path: str


def places(value: dict[str, Any], type_name: str, path: str) -> Iterator[Place]:
    """The object and all within it, except resources within resources and extensions."""
    yield Place(value, type_name, path)
    for prop, items in properties(value, type_name):
        definition = type_definition(prop.type)
        if (
            definition is None
            or definition.kind not in ("complex-type", "backbone")
            or prop.type == "Extension"
        ):
            continue
        for n, item in enumerate(items):
            step = f"{path}.{prop.element}" + (f"[{n}]" if prop.array else "")
            yield from places(item, prop.type, step)


def properties(value: dict[str, Any], type_name: str) -> Iterator[tuple[Property, list[Any]]]:
    definition = type_definition(type_name)
    assert definition is not None
    for prop in definition.properties.values():
        if prop.name in value:
            yield prop, value[prop.name] if prop.array else [value[prop.name]]


Target = tuple[Any, Place, Property]
Pick = Callable[[Place], list[Property]]


def present(place: Place) -> list[Property]:
    return [prop for prop, _ in properties(place.value, place.type)]


@st.composite
def targets(draw: st.DrawFn, pick: Pick = present) -> Target:
    """A copy of a sound resource, a place in it and a property picked there; every type is equally likely."""
    kind = draw(st.sampled_from(sorted({resource["resourceType"] for resource in resources()})))
    resource = deepcopy(draw(st.sampled_from([r for r in resources() if r["resourceType"] == kind][:40])))
    fitting = [(place, prop) for place in places(resource, kind, kind) for prop in pick(place)]
    assume(fitting)
    return resource, *draw(st.sampled_from(fitting))


def assert_refused(resource: Any, code: str, location: str) -> None:
    issues = validate(resource)
    assert (code, location) in {(issue.code, issue.location) for issue in issues if issue.refuses}, issues
    assert all(issue.message for issue in issues)


@needs_synthea
def test_every_resource_of_the_samples_is_valid() -> None:
    assert len(resources()) == 7854
    refused = [(r["resourceType"], issue) for r in resources() for issue in validate(r)]
    assert refused == []


@needs_synthea
def test_the_bundles_are_valid_as_a_whole() -> None:
    assert [issue for bundle in bundles() for issue in validate(bundle)] == []


@needs_synthea
def test_every_rule_could_be_evaluated_warnings_included() -> None:
    issues = [issue for r in resources()[::7] for issue in validate(r, warnings=True)]
    assert {issue.severity for issue in issues} <= {"warning"}
    assert {issue.code for issue in issues} == {"invariant"}


@needs_synthea
@PROPERTY
@given(targets(), st.sampled_from(["nickname", "Status", "valuex", "resource_type"]))
def test_an_unknown_element_anywhere_is_refused_there(target: Target, name: str) -> None:
    resource, place, _ = target
    place.value[name] = "x"
    assert_refused(resource, "structure", f"{place.path}.{name}")


@needs_synthea
@PROPERTY
@given(targets(lambda place: [prop for prop in present(place) if prop.min]))
def test_a_required_element_that_is_dropped_is_missed_there(target: Target) -> None:
    resource, place, prop = target
    del place.value[prop.name]
    assert_refused(resource, "required", f"{place.path}.{prop.element}")


@needs_synthea
@PROPERTY
@given(targets(), st.sampled_from([5, "five", True, {"a": {}}, [["a"]], None]))
def test_a_value_of_another_json_kind_is_refused_there(target: Target, wrong: Any) -> None:
    resource, place, prop = target
    value = place.value[prop.name]
    assume(not fits(wrong, value[-1] if prop.array else value))
    location = f"{place.path}.{prop.element}"
    if prop.array:
        location += f"[{len(value) - 1}]"
        value[-1] = wrong
    else:
        place.value[prop.name] = wrong
    issues = [issue for issue in validate(resource) if issue.refuses]
    assert any(issue.location is not None and issue.location.startswith(location) for issue in issues), issues


def fits(other: Any, value: Any) -> bool:
    """Whether a value of one JSON kind could stand for the other: every number is one kind."""
    if isinstance(value, bool) or isinstance(other, bool):
        return isinstance(value, bool) and isinstance(other, bool)
    if isinstance(value, (str, dict, list)):
        return isinstance(other, type(value))
    return isinstance(other, int)


def bound_codes(place: Place) -> list[Property]:
    return [
        prop
        for prop in present(place)
        if prop.binding and prop.type == "code" and not prop.array and value_set_codes(prop.binding)
    ]


@needs_synthea
@PROPERTY
@given(targets(bound_codes))
def test_a_code_outside_a_required_value_set_is_refused_there(target: Target) -> None:
    resource, place, prop = target
    place.value[prop.name] = "no-such-code"
    assert_refused(resource, "code-invalid", f"{place.path}.{prop.element}")


SECOND_FORMS = {"string": "x", "boolean": True, "dateTime": "2024", "Period": {"start": "2024"}}


def second_forms(place: Place) -> list[Property]:
    definition = type_definition(place.type)
    assert definition is not None
    chosen = {prop.element: prop.name for prop in present(place) if prop.choice}
    others = [p for p in definition.properties.values() if chosen.get(p.element, p.name) != p.name]
    return [prop for prop in others if prop.type in SECOND_FORMS]


@needs_synthea
@PROPERTY
@given(targets(second_forms))
def test_a_second_form_of_a_choice_is_refused_there(target: Target) -> None:
    resource, place, prop = target
    place.value[prop.name] = SECOND_FORMS[prop.type]
    assert_refused(resource, "structure", f"{place.path}.{prop.element}")


@needs_synthea
@PROPERTY
@given(targets(), st.booleans())
def test_a_wrong_cardinality_is_refused_there(target: Target, empty: bool) -> None:
    resource, place, prop = target
    value = place.value[prop.name]
    if prop.array:
        place.value[prop.name] = [] if empty else value[0]
    else:
        place.value[prop.name] = {} if empty else [value]
    assert_refused(resource, "structure", f"{place.path}.{prop.element}")


# --- HL7's examples -------------------------------------------------------------------------------

# Inputs of the FHIRPath test suite, cut or changed by its authors so that a path has something to find.
NOT_VALID = {
    "codesystem-example.json": {("invariant", "CodeSystem")},  # one code twice: csd-1
    "explanationofbenefit-example.json": {
        ("required", "ExplanationOfBenefit.status")
    },  # cut to a few elements
    "patient-container-example.json": {  # a reference without type, an organization without name
        ("value", "Patient.managingOrganization.reference"),
        ("invariant", "Patient.contained[0]"),
    },
}


@needs_examples
def test_the_examples_of_hl7_are_valid_but_for_those_that_are_not_meant_to_be() -> None:
    files = sorted(EXAMPLES.glob("*.json"))
    assert files
    for file in files:
        found = {(issue.code, issue.location) for issue in validate(loads(file.read_bytes()))}
        expected = NOT_VALID.get(file.name, set())
        assert expected <= found, file.name
        assert bool(found) is bool(expected), (file.name, found)
