"""Every expression that FHIR R4 itself contains is one that the engine takes, and its plans agree."""

from __future__ import annotations

import json as standard_json
from collections.abc import Iterator
from pathlib import Path

import pytest

from kontinuum.fhir import fhirpath, json
from kontinuum.fhir.definitions import RESOURCE_TYPES, search_parameters, type_definition, type_names
from kontinuum.fhir.fhirpath import FHIRPathError

SYNTHEA = Path(__file__).parents[3].parent / "shared" / "samples" / "synthea"

# Invariants of the specification that name an element which the type they stand at does not have. They
# compile, and find nothing there, without strict mode.
NOT_STRICT = {
    "cid-0": "ChargeItemDefinition has no name in R4",
    "ras-1": "made for Range; the probability may be a decimal as well",
}


def _invariants() -> Iterator[tuple[str, str, str]]:
    pending, seen = list(type_names()), set(type_names())
    while pending:
        definition = type_definition(pending.pop())
        if definition is None:
            continue
        for invariant in definition.invariants:
            yield definition.name, invariant.key, invariant.expression
        for declared in definition.properties.values():
            for invariant in declared.invariants:
                yield declared.type, invariant.key, invariant.expression
            if declared.type not in seen:
                seen.add(declared.type)
                pending.append(declared.type)


def test_every_invariant_compiles_against_its_type() -> None:
    count, refused = 0, set()
    for type_name, key, expression in _invariants():
        count += 1
        fhirpath.compile(expression, type=type_name)
        try:
            fhirpath.compile(expression, type=type_name, strict=True)
        except FHIRPathError:
            refused.add(key)
    assert count > 1000
    assert refused == set(NOT_STRICT)


def test_every_search_parameter_compiles_against_its_type_in_strict_mode() -> None:
    count = 0
    for type_name in RESOURCE_TYPES:
        for parameter in search_parameters(type_name).values():
            if parameter.expression:
                count += 1
                fhirpath.compile(parameter.expression, type=type_name, strict=True)
            for _, expression in parameter.components:
                fhirpath.compile(expression)
    assert count > 2000


@pytest.mark.skipif(not SYNTHEA.is_dir(), reason=f"no Synthea records at {SYNTHEA}")
def test_the_location_of_every_search_value_leads_back_to_it() -> None:
    """The plan that keeps paths and the plan that knows types are compiled apart: they have to agree."""
    checked = 0
    for file in sorted(SYNTHEA.glob("*.json"))[:1]:
        for entry in json.loads(file.read_bytes())["entry"][:150]:
            resource = entry["resource"]
            for parameter in search_parameters(resource["resourceType"]).values():
                if not parameter.expression:
                    continue
                for node in fhirpath.compile(parameter.expression).nodes(resource):
                    if node.path:
                        checked += 1
                        again = fhirpath.compile(node.path).nodes(resource)
                        assert [(n.value, n.type) for n in again] == [(node.value, node.type)]
    assert checked > 500


def test_json_read_by_the_standard_library_is_taken_too() -> None:
    text = '{"resourceType": "Observation", "valueQuantity": {"value": 1.5, "code": "g"}}'
    resource = standard_json.loads(text)
    assert fhirpath.compile("value > 1499 'mg' and value.value + 1 = 2.5").evaluate(resource) == [True]
