"""A part of a resource: what `_summary` and `_elements` leave of it. Pure.

http://hl7.org/fhir/R4/search.html#summary and #elements. What is returned is marked with the tag SUBSETTED,
so that nobody writes it back as if it were whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from kontinuum.fhir import json
from kontinuum.fhir.definitions import TypeDefinition, type_definition

_ALWAYS = frozenset({"resourceType", "id", "meta", "implicitRules", "modifierExtension"})
_SUBSETTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}


@dataclass(frozen=True, slots=True)
class Subset:
    """Which part: `summary` is "true", "text" or "data", None when `elements` names top-level elements."""

    summary: str | None
    elements: tuple[str, ...] = ()


def is_element(type_name: str, name: str) -> bool:
    """Whether a type has a top-level element of that name."""
    properties = _definition(type_name).properties.values()
    return name == "resourceType" or any(name in (item.element, item.name) for item in properties)


def reduce_body(body: bytes, subset: Subset) -> bytes:
    """The serialised resource with only the elements of the subset."""
    return json.dumps(reduce(json.loads(body), subset))


def reduce(resource: Mapping[str, Any], subset: Subset) -> dict[str, Any]:
    """The resource with only the elements of the subset, and those that every one of its type must have."""
    type_name = resource["resourceType"]
    if subset.summary == "true":
        kept = _summarised(resource, type_name)
    elif subset.summary == "data":
        kept = {name: value for name, value in resource.items() if name != "text"}
    else:
        names = _names(type_name, ("text",) if subset.summary == "text" else subset.elements)
        kept = {name: value for name, value in resource.items() if name.removeprefix("_") in names}
    kept["meta"] = _marked(resource.get("meta"))
    return kept


def _summarised(value: Mapping[str, Any], type_name: str) -> dict[str, Any]:
    names = _summary_properties(type_name)
    return {
        name: _summarised_below(child, names[name.removeprefix("_")])
        for name, child in value.items()
        if name.removeprefix("_") in names
    }


def _summarised_below(value: Any, type_name: str | None) -> Any:
    if type_name is None:
        return value
    if isinstance(value, list):
        return [_summarised_below(item, type_name) for item in value]
    return _summarised(value, type_name) if isinstance(value, dict) else value


@lru_cache(maxsize=1024)
def _summary_properties(type_name: str) -> Mapping[str, str | None]:
    """The JSON names that a summary keeps, each with the backbone type to go on with below it."""
    definition = _definition(type_name)
    kept: dict[str, str | None] = dict.fromkeys(_ALWAYS)
    for name, item in definition.properties.items():
        if item.summary or item.min > 0:
            kept[name] = item.type if "." in item.type and not item.type.startswith("http") else None
    return kept


@lru_cache(maxsize=4096)
def _names(type_name: str, elements: tuple[str, ...]) -> frozenset[str]:
    properties = _definition(type_name).properties.values()
    return _ALWAYS | {
        item.name for item in properties if item.min > 0 or item.element in elements or item.name in elements
    }


def _definition(type_name: str) -> TypeDefinition:
    definition = type_definition(type_name)
    assert definition is not None, f"{type_name} was stored, so it is a type of R4"
    return definition


def _marked(meta: Mapping[str, Any] | None) -> dict[str, Any]:
    marked = dict(meta or {})
    marked["tag"] = [*marked.get("tag", ()), _SUBSETTED]
    return marked
