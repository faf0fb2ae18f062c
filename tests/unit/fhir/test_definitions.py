"""The compiled tables say what FHIR R4 says."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from kontinuum.fhir import definitions
from kontinuum.fhir.definitions import (
    RESOURCE_TYPES,
    TYPE_CODES,
    code_system_of,
    compartment,
    is_subtype,
    search_parameters,
    type_definition,
    type_names,
    value_set_codes,
)


def definition(name: str) -> definitions.TypeDefinition:
    found = type_definition(name)
    assert found is not None
    return found


def test_every_concrete_resource_type_of_r4_is_there_once_in_order() -> None:
    assert len(RESOURCE_TYPES) == 146
    assert list(RESOURCE_TYPES) == sorted(set(RESOURCE_TYPES))
    assert {"Patient", "Binary", "Bundle", "Parameters"} <= set(RESOURCE_TYPES)
    assert not {"Resource", "DomainResource", "SubscriptionStatus", "Project"} & set(RESOURCE_TYPES)


def test_type_codes_are_stable_because_databases_hold_them() -> None:
    known = {"Account": 1, "Observation": 96, "Patient": 103, "VisionPrescription": 146}
    assert {name: TYPE_CODES[name] for name in known} == known


def test_a_resource_inherits_the_elements_of_its_bases_in_order() -> None:
    names = list(definition("Observation").properties)
    assert names[:4] == ["id", "meta", "implicitRules", "language"]
    assert names.index("text") < names.index("modifierExtension") < names.index("status")


def test_a_choice_is_a_property_per_type() -> None:
    value = definition("Observation").properties["valueQuantity"]
    assert (value.element, value.type, value.choice, value.array) == ("value", "Quantity", True, False)
    assert "value" not in definition("Observation").properties


def test_cardinality_targets_binding_and_summary_are_known() -> None:
    properties = definition("Observation").properties
    assert (properties["status"].min, properties["status"].max) == (1, 1)
    assert properties["status"].binding == "http://hl7.org/fhir/ValueSet/observation-status"
    assert properties["category"].array
    assert properties["category"].max is None
    assert properties["category"].binding is None
    assert set(properties["subject"].targets) == {"Patient", "Group", "Device", "Location"}
    assert properties["status"].summary
    assert not properties["method"].summary


def test_backbone_elements_and_content_references_have_definitions() -> None:
    component = definition("Observation.component")
    assert (component.kind, component.base) == ("backbone", "BackboneElement")
    assert component.properties["referenceRange"].type == "Observation.referenceRange"
    assert definition("Questionnaire.item").properties["item"].type == "Questionnaire.item"


def test_types_are_named_as_fhir_names_them() -> None:
    assert definition("Resource").properties["id"].type == "id"
    assert definition("Element").properties["id"].type == "string"
    assert definition("Extension").properties["url"].type == "uri"
    assert definition("Meta").properties["lastUpdated"].type == "instant"


def test_nothing_beyond_r4_slipped_in() -> None:
    assert set(definition("Meta").properties) == {
        "id", "extension", "versionId", "lastUpdated", "source", "profile", "security", "tag",
    }  # fmt: skip
    assert "url" not in definition("Binary").properties
    assert "ClientApplication" not in definition("AuditEvent.source").properties["observer"].targets
    assert definition("ResearchStudy").properties["status"].binding == (
        "http://hl7.org/fhir/ValueSet/research-study-status"
    )
    assert definition("DetectedIssue").properties["status"].binding == (
        "http://hl7.org/fhir/ValueSet/observation-status"
    )


def test_every_property_has_a_type_that_is_defined() -> None:
    missing = [
        f"{name}.{prop.name}: {prop.type}"
        for name in type_names()
        for prop in definition(name).properties.values()
        if type_definition(prop.type) is None
    ]
    assert missing == []


def test_an_unknown_type_has_no_definition() -> None:
    assert type_definition("Patience") is None
    assert type_definition("Patient.nickname") is None


@pytest.mark.parametrize(
    ("name", "ancestor", "expected"),
    [
        ("Age", "Quantity", True),
        ("id", "string", True),
        ("positiveInt", "integer", True),
        ("Patient", "Resource", True),
        ("Bundle", "DomainResource", False),
        ("Observation.component", "Element", True),
        ("Quantity", "Age", False),
        ("Nothing", "Element", False),
    ],
)
def test_a_type_is_a_subtype_of_all_its_bases(name: str, ancestor: str, expected: bool) -> None:
    assert is_subtype(name, ancestor) is expected


def test_a_search_parameter_keeps_only_the_branches_of_its_type() -> None:
    assert search_parameters("Condition")["code"].expression == "Condition.code"
    assert search_parameters("Observation")["patient"].expression == (
        "Observation.subject.where(resolve() is Patient)"
    )
    assert search_parameters("Observation")["date"].expression == "Observation.effective"


def test_every_search_parameter_of_a_type_begins_at_that_type_or_at_resource() -> None:
    for name in RESOURCE_TYPES:
        for parameter in search_parameters(name).values():
            if parameter.name in ("_content", "_query", "_text"):
                assert parameter.expression == ""
                continue
            head = parameter.expression.lstrip("(").partition(".")[0].partition(" ")[0]
            assert head in (name, "Resource", "DomainResource"), (name, parameter)


def test_parameters_of_all_resources_are_in_each_and_text_only_where_there_is_text() -> None:
    assert {"_id", "_lastUpdated", "_tag", "_profile", "_security", "_source"} <= set(
        search_parameters("Binary")
    )
    assert "_text" in search_parameters("Patient")
    assert "_text" not in search_parameters("Binary")


def test_a_composite_names_its_components() -> None:
    (code, code_path), (value, value_path) = search_parameters("Observation")[
        "code-value-quantity"
    ].components
    assert (code.name, code_path) == ("code", "code")
    assert (value.name, value_path) == ("value-quantity", "value.as(Quantity)")


def test_search_parameters_of_what_is_not_a_resource_type_are_an_error_of_the_caller() -> None:
    with pytest.raises(KeyError, match="HumanName"):
        search_parameters("HumanName")


def test_the_description_is_the_one_for_this_type() -> None:
    text = search_parameters("Condition")["code"].description
    assert "Multiple Resources" not in text
    assert text


def test_the_patient_compartment_is_that_of_r4() -> None:
    patient = compartment("Patient")
    assert patient["Observation"] == ("subject", "performer")
    assert patient["Encounter"] == ("patient",)
    assert "Task" not in patient
    assert "Organization" not in patient


def test_every_compartment_parameter_exists() -> None:
    for name in ("Patient", "Encounter", "Practitioner", "Device", "RelatedPerson"):
        for resource, codes in compartment(name).items():
            assert {c for c in codes if c != "{def}"} <= set(search_parameters(resource)), (name, resource)


def test_a_required_value_set_is_listed_with_its_system() -> None:
    url = "http://hl7.org/fhir/ValueSet/administrative-gender"
    system = "http://hl7.org/fhir/administrative-gender"
    assert value_set_codes(url) == {(system, code) for code in ("male", "female", "other", "unknown")}
    assert code_system_of(url) == system


def test_a_value_set_that_picks_concepts_holds_only_these() -> None:
    codes = value_set_codes("http://hl7.org/fhir/ValueSet/immunization-status")
    assert codes is not None
    assert {code for _, code in codes} == {"completed", "entered-in-error", "not-done"}


def test_a_value_set_that_cannot_be_listed_is_none() -> None:
    assert value_set_codes("http://hl7.org/fhir/ValueSet/mimetypes") is None
    assert code_system_of("http://hl7.org/fhir/ValueSet/mimetypes") is None


def test_every_required_binding_can_be_listed_but_for_the_four_that_draw_on_outside_systems() -> None:
    unlisted = {
        prop.binding
        for name in type_names()
        for prop in definition(name).properties.values()
        if prop.binding and value_set_codes(prop.binding) is None
    }
    assert unlisted <= {
        "http://hl7.org/fhir/ValueSet/currencies",
        "http://hl7.org/fhir/ValueSet/mimetypes",
        "http://hl7.org/fhir/ValueSet/ucum-units",
        "http://loinc.org/vs/LL379-9",
    }


def test_definitions_are_complete_for_every_thread_that_asks_at_once() -> None:
    script = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from kontinuum.fhir.definitions import type_definition\n"
        "with ThreadPoolExecutor(8) as pool:\n"
        "    found = list(pool.map(type_definition, ['Patient', 'Patient.contact', 'Patient.link'] * 40))\n"
        "assert all(found)\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_definitions_can_not_be_changed() -> None:
    with pytest.raises(TypeError):
        definition("Patient").properties["name"] = None  # type: ignore[index]


def test_a_definition_is_one_object_for_all() -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(type_definition, ["Encounter"] * 16))
    assert all(one is found[0] for one in found)


def test_the_fhir_package_is_imported_in_less_than_a_third_of_a_second() -> None:
    script = (
        "import time\n"
        "start = time.process_time()\n"
        "import kontinuum.fhir.json, kontinuum.fhir.search, kontinuum.fhir.validation\n"
        "print(time.process_time() - start)\n"
    )
    runs = [
        subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
        for _ in range(3)
    ]
    assert min(float(run.stdout) for run in runs) < 0.3
