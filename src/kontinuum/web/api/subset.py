"""A part of a resource: `_summary` and `_elements`.

http://hl7.org/fhir/R4/search.html#summary and #elements. What is returned is marked with the tag SUBSETTED,
so that nobody writes it back as if it were whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from kontinuum.fhir import json
from kontinuum.fhir.definitions import Property, TypeDefinition, type_definition
from kontinuum.web.api.answer import Problem, bad_request
from kontinuum.web.api.request import Parameters, refuse_parameters, single

_ALWAYS = frozenset({"resourceType", "id", "meta", "implicitRules", "modifierExtension"})
_SUBSETTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}

Keeps = Callable[[Property], bool]


@dataclass(frozen=True, slots=True)
class Subset:
    """Which part: `summary` is "true", "text" or "data", None when `elements` names top-level elements."""

    summary: str | None
    elements: tuple[str, ...] = ()


def requested_subset(parameters: Parameters, type_name: str | None) -> Subset | Problem | None:
    """The subset that a read or history asks for, None for the whole; other parameters are refused.

    `type_name` None (history of everything) leaves the names in `_elements` unchecked.
    """
    if not parameters:
        return None
    return refuse_parameters(parameters, ("_summary", "_elements")) or subset_of_parameters(
        parameters, type_name
    )


def subset_of_parameters(parameters: Parameters, type_name: str | None) -> Subset | Problem | None:
    """The subset that `_summary` and `_elements` of the address name, None for the whole."""
    summary, elements = single(parameters, "_summary"), single(parameters, "_elements")
    if isinstance(summary, Problem):
        return summary
    if isinstance(elements, Problem):
        return elements
    if summary is not None and summary not in ("true", "text", "data", "false"):
        return bad_request("value", f"_summary must be true, text, data or false here, not '{summary}'.")
    names = tuple(name.strip() for name in elements.split(",")) if elements is not None else ()
    unknown = [name for name in names if not _is_element(type_name, name)]
    if unknown:
        return bad_request(
            "value", f"_elements names '{unknown[0]}', which is no top-level element of {type_name}."
        )
    return chosen_subset(summary, names)


def chosen_subset(summary: str | None, elements: tuple[str, ...]) -> Subset | Problem | None:
    """The subset of two parameters' values; they cannot be combined."""
    if summary in (None, "false", "count"):
        return Subset(None, elements) if elements else None
    if elements:
        return bad_request("invalid", "_summary and _elements exclude each other; give one of them.")
    return Subset(summary)


def reduce_body(body: bytes, subset: Subset) -> bytes:
    """The serialised resource with only the elements of the subset."""
    resource = json.loads(body)
    type_name = resource["resourceType"]
    if subset.summary == "true":
        kept = _summarised(resource, type_name)
    elif subset.summary == "data":
        kept = {name: value for name, value in resource.items() if name != "text"}
    else:
        names = _names(type_name, ("text",) if subset.summary == "text" else subset.elements)
        kept = {name: value for name, value in resource.items() if name.removeprefix("_") in names}
    kept["meta"] = _marked(resource.get("meta"))
    return json.dumps(kept)


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


def _is_element(type_name: str | None, name: str) -> bool:
    if type_name is None:
        return bool(name)
    properties = _definition(type_name).properties.values()
    return name == "resourceType" or any(name in (item.element, item.name) for item in properties)


def _definition(type_name: str) -> TypeDefinition:
    definition = type_definition(type_name)
    assert definition is not None, f"{type_name} was stored, so it is a type of R4"
    return definition


def _marked(meta: Mapping[str, Any] | None) -> dict[str, Any]:
    marked = dict(meta or {})
    marked["tag"] = [*marked.get("tag", ()), _SUBSETTED]
    return marked
