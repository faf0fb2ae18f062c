"""What FHIR R4 (4.0.1) says about its types, search parameters, compartments and value sets.

http://hl7.org/fhir/R4/. The tables in `data/` are compiled by `tools/compile_definitions.py`; each type is
decoded when it is first asked for, and everything here is immutable after that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import msgspec

__all__ = [
    "FHIR_VERSION",
    "RESOURCE_TYPES",
    "TYPE_CODES",
    "Invariant",
    "Kind",
    "Property",
    "SearchParameter",
    "TypeDefinition",
    "code_system_of",
    "compartment",
    "is_subtype",
    "search_parameters",
    "type_definition",
    "type_names",
    "value_set_codes",
]

Kind = Literal["primitive-type", "complex-type", "resource", "backbone"]


@dataclass(frozen=True, slots=True)
class Invariant:
    """A constraint that instances of a type or element keep.

    http://hl7.org/fhir/R4/elementdefinition.html, `constraint`. `severity` is "error" or "warning";
    `expression` is FHIRPath, run with the element as context. Keys repeat across types (`inv-1`).
    """

    key: str
    severity: Literal["error", "warning"]
    human: str
    expression: str


@dataclass(frozen=True, slots=True)
class Property:
    """One JSON property of a type.

    http://hl7.org/fhir/R4/json.html. A choice element is as many properties as it has types:
    `valueQuantity` has the element `value`.
    `max` None means unbounded. `targets` are the resource types that a Reference or canonical may point to,
    () meaning any. `binding` is the URL of a value set that is required, not of a weaker one. `invariants`
    are those of this place only; the type's own are in its definition.
    """

    name: str
    element: str
    type: str
    array: bool
    min: int
    max: int | None
    choice: bool
    targets: tuple[str, ...]
    binding: str | None
    invariants: tuple[Invariant, ...]
    summary: bool


@dataclass(frozen=True, slots=True)
class TypeDefinition:
    """A resource type, data type or backbone element, with what it inherits.

    http://hl7.org/fhir/R4/structuredefinition.html. `properties` are keyed by JSON name, inherited ones
    first, in the specification's order. The value of a primitive is no property: in JSON it is the value
    itself.
    """

    name: str
    kind: Kind
    base: str | None
    abstract: bool
    properties: Mapping[str, Property]
    invariants: tuple[Invariant, ...]


@dataclass(frozen=True, slots=True)
class SearchParameter:
    """A search parameter as it applies to one resource type.

    http://hl7.org/fhir/R4/searchparameter.html. `expression` holds only this type's branches; it is "" for
    the three parameters that FHIR defines without one (`_content`, `_query`, `_text`). A composite's
    components have an expression relative to each result of the composite's own.
    """

    name: str
    type: Literal["string", "token", "reference", "date", "number", "quantity", "uri", "composite", "special"]
    expression: str
    targets: tuple[str, ...]
    components: "tuple[tuple[SearchParameter, str], ...]"
    url: str
    description: str


def type_definition(name: str) -> TypeDefinition | None:
    """Return the definition of a type such as "Patient", "HumanName" or "Observation.component", or None.

    http://hl7.org/fhir/R4/datatypes.html. A backbone element's name is its path in the resource.
    """
    definition = _definitions.get(name)
    if definition is None and _load(name.partition(".")[0]):
        definition = _definitions.get(name)
    return definition


def type_names() -> tuple[str, ...]:
    """Return the names of all types but backbone elements, abstract ones included, alphabetically."""
    return tuple(_rows("types.jsonl"))


@lru_cache(maxsize=4096)
def is_subtype(name: str, ancestor: str) -> bool:
    """Say whether a type is the other one or is derived from it ("Age" from "Quantity", "id" from "string").

    http://hl7.org/fhir/R4/types.html. An unknown name is a subtype of nothing.
    """
    definition = type_definition(name)
    while definition is not None:
        if definition.name == ancestor:
            return True
        definition = type_definition(definition.base) if definition.base else None
    return False


@cache
def search_parameters(type: str) -> Mapping[str, SearchParameter]:  # noqa: A002 - FHIR's name for it
    """Return the search parameters of a resource type by name, those of all resources included.

    http://hl7.org/fhir/R4/searchparameter-registry.html. Raises `KeyError` for what is not a resource type.
    """
    if type not in TYPE_CODES:
        raise KeyError(f"{type!r} is not a resource type of FHIR R4")
    rows: dict[str, Any] = {}
    for name in (*_ancestors(type), type):
        if name in _rows("search.jsonl"):
            rows.update((row["url"], row) for row in _decode("search.jsonl", name))
    parameters = {url: _search_parameter(row, ()) for url, row in rows.items()}
    for url, row in rows.items():
        if row["components"]:
            components = tuple((parameters[definition], path) for definition, path in row["components"])
            parameters[url] = _search_parameter(row, components)
    return MappingProxyType({p.name: p for p in sorted(parameters.values(), key=lambda p: p.name)})


@cache
def compartment(name: str) -> Mapping[str, tuple[str, ...]]:
    """Return which search parameters put a resource of each type into a compartment.

    http://hl7.org/fhir/R4/compartmentdefinition.html. `name` is Patient, Encounter, Practitioner, Device or
    RelatedPerson; anything else raises `KeyError`. A type that is never in the compartment has no entry.
    "{def}" stands for the resource itself.
    """
    types = _compartments()[name]
    return MappingProxyType({resource: tuple(parameters) for resource, parameters in types.items()})


def value_set_codes(url: str) -> frozenset[tuple[str, str]] | None:
    """Return the (system, code) pairs of a value set that some element requires, without its version.

    http://hl7.org/fhir/R4/valueset.html. None when the codes cannot be listed (currencies, MIME types, UCUM)
    or the value set is not required anywhere.
    """
    return _codes(url) if url in _rows("valuesets.jsonl") else None


@cache
def _codes(url: str) -> frozenset[tuple[str, str]]:
    systems = _decode("valuesets.jsonl", url)
    return frozenset((system, code) for system, codes in systems.items() for code in codes)


@lru_cache(maxsize=1024)
def code_system_of(url: str) -> str | None:
    """Return the code system of a value set that draws on exactly one, else None.

    http://hl7.org/fhir/R4/search.html#token: a `code` element carries no system; its binding implies it.
    """
    systems = {system for system, _ in value_set_codes(url) or ()}
    return systems.pop() if len(systems) == 1 else None


# --- reading the compiled tables ------------------------------------------------------------------

_DATA = Path(__file__).parent / "data"
_INDEX = msgspec.json.decode((_DATA / "index.json").read_bytes())

FHIR_VERSION: str = _INDEX["version"]
"""The version of FHIR that the tables describe."""

RESOURCE_TYPES: tuple[str, ...] = tuple(_INDEX["resourceTypes"])
"""The concrete resource types, alphabetically. http://hl7.org/fhir/R4/resourcelist.html"""

TYPE_CODES: Mapping[str, int] = MappingProxyType({name: n for n, name in enumerate(RESOURCE_TYPES, start=1)})
"""A number for each resource type. Databases hold these numbers: they may never change."""

_definitions: dict[str, TypeDefinition] = {}


@cache
def _rows(file: str) -> Mapping[str, bytes]:
    lines = (_DATA / file).read_bytes().splitlines()
    return {key.decode(): row for key, _, row in (line.partition(b"\t") for line in lines)}


def _decode(file: str, key: str) -> Any:
    return msgspec.json.decode(_rows(file)[key])


@cache
def _invariants() -> tuple[Invariant, ...]:
    return tuple(Invariant(*row) for row in msgspec.json.decode((_DATA / "invariants.json").read_bytes()))


@cache
def _compartments() -> Mapping[str, Mapping[str, list[str]]]:
    table: Mapping[str, Mapping[str, list[str]]]
    table = msgspec.json.decode((_DATA / "compartments.json").read_bytes())
    return table


def _load(name: str) -> bool:
    if name in _definitions or name not in _rows("types.jsonl"):
        return False
    # The type itself comes last: where another thread sees it, its backbone elements are there too.
    for row in reversed(_decode("types.jsonl", name)):
        _definitions.setdefault(row["name"], _type(row))
    return True


def _type(row: Any) -> TypeDefinition:
    base_name = row.get("base")
    base = type_definition(base_name) if base_name else None
    properties = dict(base.properties) if base else {}
    for element in row["properties"]:
        properties.update((p.name, p) for p in _properties(element))
    inherited = base.invariants if base else ()
    return TypeDefinition(
        name=row["name"],
        kind=row["kind"],
        base=base_name,
        abstract=row.get("abstract", False),
        properties=MappingProxyType(properties),
        invariants=(*inherited, *(_invariants()[n] for n in row.get("invariants", ()))),
    )


def _properties(row: Any) -> list[Property]:
    name = row["element"]
    element = name.removesuffix("[x]")
    choice = name != element
    return [
        Property(
            name=element + type_name[0].upper() + type_name[1:] if choice else element,
            element=element,
            type=type_name,
            array=row["max"] is None or row["max"] > 1,
            min=row.get("min", 0),
            max=row["max"],
            choice=choice,
            targets=tuple(targets),
            binding=row.get("binding"),
            invariants=tuple(_invariants()[n] for n in (*row.get("invariants", ()), *of_profile)),
            summary=row.get("summary", False),
        )
        for type_name, targets, of_profile in row["types"]
    ]


def _ancestors(name: str) -> list[str]:
    definition = type_definition(name)
    base = definition.base if definition else None
    return [*_ancestors(base), base] if base else []


def _search_parameter(row: Any, components: tuple[tuple[SearchParameter, str], ...]) -> SearchParameter:
    return SearchParameter(
        name=row["code"],
        type=row["type"],
        expression=row["expression"],
        targets=tuple(row["targets"]),
        components=components,
        url=row["url"],
        description=row["description"],
    )
