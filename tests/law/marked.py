"""One valid resource of every type that can be about a patient, each with a text that gives it away.

What is made follows from the tables of FHIR R4, so that no type is left out.
"""

from __future__ import annotations

import re
from typing import Any

from kontinuum.fhir.definitions import (
    Property,
    compartment,
    search_parameters,
    type_definition,
    value_set_codes,
)

TYPES = tuple(sorted(compartment("Patient").keys() - {"Patient"}))
"""The types of a patient's compartment, the patient's own aside."""

_PRIMITIVES: dict[str, Any] = {
    "boolean": False,
    "integer": 1,
    "positiveInt": 1,
    "unsignedInt": 1,
    "decimal": 1,
    "date": "2024-03-01",
    "dateTime": "2024-03-01T08:00:00Z",
    "instant": "2024-03-01T08:00:00Z",
    "uri": "urn:example:x",
    "url": "urn:example:x",
    "canonical": "urn:example:x",
    "base64Binary": "TWFyaw==",
}

_PREFERRED = ("entered-in-error", "cancelled", "revoked", "rejected", "final", "active")
"""States in which nothing follows from a resource: no visit, booking or referral makes a care relation."""

_MORE: dict[str, dict[str, Any]] = {
    "AllergyIntolerance": {"clinicalStatus": "allergyintolerance-clinical active", "code": "*"},
    "Appointment": {"status": "cancelled", "description": "*"},
    "Composition": {"status": "final", "title": "*", "section": "*"},
    "Condition": {"clinicalStatus": "condition-clinical active", "code": "*"},
    "Consent": {"policyRule": {"text": "x"}},
    "Encounter": {"type": ["*"], "period": {"start": "2024-03-01T08:00:00Z", "end": "2024-03-01T09:00:00Z"}},
    "Flag": {"status": "active", "code": "*"},
    "Group": {"actual": True},
    "ImmunizationRecommendation": {
        "recommendation": [
            {
                "targetDisease": {"text": "x"},
                "forecastStatus": {"text": "x"},
                "dateCriterion": [{"code": {"text": "x"}, "value": "2024-03-01"}],
            }
        ]
    },
    "MedicationRequest": {"status": "active", "medicationCodeableConcept": "*"},
    "MedicationStatement": {"status": "active", "medicationCodeableConcept": "*"},
    "Observation": {"status": "final", "code": "*", "valueQuantity": {"value": 120, "unit": "mmHg"}},
}
"""What a type needs beside what it requires, and what pages show of it; `*` is where the text stands."""


def mark(type_name: str, where: str) -> str:
    """The text that gives a resource away."""
    return f"Kännetecken-{type_name}-{where}-slut"


def identity(type_name: str, where: str) -> str:
    """The id of the resource of a type at a place."""
    return f"m-{type_name.lower()}-{where}"[:64]


def marked(type_name: str, patient: str, where: str) -> dict[str, Any]:
    """A valid resource about a patient that carries its mark."""
    resource = _filled(type_name)
    text = mark(type_name, where)
    div = f'<div xmlns="http://www.w3.org/1999/xhtml">{text}</div>'
    resource |= {
        "resourceType": type_name,
        "id": identity(type_name, where),
        "text": {"status": "generated", "div": div},
    }
    _refer(resource, type_name, f"Patient/{patient}")
    for name, value in _MORE.get(type_name, {}).items():
        resource[name] = _said(name, value, text, div)
    return resource


def _said(name: str, value: Any, text: str, div: str) -> Any:
    if name == "section":
        return [{"title": "Status", "text": {"status": "generated", "div": div}}]
    if name.endswith("Status") and isinstance(value, str):
        system, code = value.split()
        return {"coding": [{"system": f"http://terminology.hl7.org/CodeSystem/{system}", "code": code}]}
    if value == ["*"]:
        return [{"text": text}]
    if value == "*":
        return text if name in ("title", "description") else {"text": text}
    return value


def _filled(name: str) -> dict[str, Any]:
    """A value with everything that its type requires; of a choice the first."""
    definition = type_definition(name)
    assert definition is not None, name
    found: dict[str, Any] = {}
    chosen: set[str] = set()
    for each in definition.properties.values():
        if each.min and each.element not in chosen:
            chosen.add(each.element)
            found[each.name] = _value(each)
    return found


def _value(each: Property) -> Any:
    value = _one(each)
    return [value] if each.array else value


def _one(each: Property) -> Any:
    codes = value_set_codes(each.binding) if each.binding else None
    if codes is not None:
        known = {code: system for system, code in codes}
        code = next((one for one in _PREFERRED if one in known), min(known))
        if each.type in ("code", "string", "uri"):
            return code
        coding = {"system": known[code], "code": code}
        return {"coding": [coding]} if each.type == "CodeableConcept" else coding
    if each.type in _PRIMITIVES:
        return _PRIMITIVES[each.type]
    match each.type:
        case "Reference":
            return {"reference": f"{(each.targets or ('Organization',))[0]}/unknown"}
        case "CodeableConcept":
            return {"text": "x"}
        case "Coding":
            return {"system": "urn:example:codes", "code": "x"}
        case "Identifier":
            return {"system": "urn:example:numbers", "value": "1"}
        case "Period":
            return {"start": "2024-03-01T08:00:00Z"}
        case "Quantity" | "SimpleQuantity":
            return {"value": 1}
        case "Attachment":
            return {"contentType": "text/plain", "url": "urn:example:x"}
        case "string" | "code" | "markdown" | "id":
            return "x"
    return _filled(each.type)


def _refer(resource: dict[str, Any], type_name: str, reference: str) -> None:
    """Set the reference that puts the resource into the patient's compartment."""
    name = parameter_of(type_name)
    expression = search_parameters(type_name)[name].expression.split("|")[0]
    steps = re.sub(r"\.where\(.*$", "", expression.strip().strip("()")).split(".")[1:]
    place: Any = resource
    kind = type_name
    for number, step in enumerate(steps):
        definition = type_definition(kind)
        assert definition is not None, (type_name, expression)
        each = definition.properties.get(step) or definition.properties[f"{step}Reference"]
        if number == len(steps) - 1:
            value = {"reference": reference}
            place[each.name] = [value] if each.array else value
            return
        if each.name not in place:
            place[each.name] = [_filled(each.type)] if each.array else _filled(each.type)
        place = place[each.name][0] if each.array else place[each.name]
        kind = each.type


def parameter_of(type_name: str) -> str:
    """The search parameter by which resources of a type are a patient's."""
    names = compartment("Patient")[type_name]
    return next((name for name in ("patient", "subject") if name in names), names[0])
