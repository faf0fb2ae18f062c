"""Every extension in a resource against its definition: where it may stand, and what it may hold.

http://hl7.org/fhir/R4/extensibility.html. One whose definition is not known here is told as information; as a
modifier it is a warning, since whoever does not understand it must not use what it modifies.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from kontinuum.fhir.definitions import Invariant, is_subtype, type_definition
from kontinuum.fhir.fhirpath import FHIRPathError
from kontinuum.fhir.fhirpath import compile as compile_fhirpath
from kontinuum.fhir.profiles.checking import check_profile
from kontinuum.fhir.profiles.items import Item, items
from kontinuum.fhir.profiles.nodes import is_extension
from kontinuum.fhir.profiles.scope import Scope, located
from kontinuum.fhir.profiles.structure import Structure
from kontinuum.fhir.validation.problems import Found, Problem
from kontinuum.fhir.validation.rules import broken

__all__ = ["check_extensions"]


class _Place(NamedTuple):
    """An element that holds extensions, with the paths by which a definition may name it."""

    item: Item
    paths: frozenset[str]


def check_extensions(resource: Item, scope: Scope) -> Found:
    """Check all extensions of a resource; those within an extension belong to its own definition."""
    return _below(_Place(resource, frozenset({resource.type})), scope) or None


def _below(place: _Place, scope: Scope) -> list[Problem]:
    problems: list[Problem] = []
    for child in _children(place):
        item = child.item
        found = _check(item, place, scope) if is_extension(item.element) else _below(child, scope)
        problems += located(found, item)
    return problems


def _children(place: _Place) -> Iterator[_Place]:
    item = place.item
    holder = item.value if isinstance(item.value, dict) else item.beside
    definition = type_definition(item.type)
    if holder is None or definition is None:
        return
    properties = (definition.properties.get(name.removeprefix("_")) for name in holder)
    for element in dict.fromkeys(each.element for each in properties if each is not None):
        paths = {f"{path}.{element}" for path in place.paths}
        for child in items(item, element):
            if "resourceType" in child.value if isinstance(child.value, dict) else False:
                continue  # a resource within a resource is judged by itself
            if isinstance(child.value, dict) or child.beside is not None:
                yield _Place(child, frozenset({*paths, child.type}))


def _check(item: Item, place: _Place, scope: Scope) -> Found:
    url = item.value["url"]
    modifies = item.element == "modifierExtension"
    structure = scope.library.find(url)
    if structure is None or structure.type != "Extension":
        told = f"the extension {url} is not known here, so it was not checked"
        return [Problem("not-found", told, "warning" if modifies else "information")]
    problems = _misplaced(structure, place, scope)
    declared = scope.library.derived(structure).root.modifies
    if declared != modifies:
        right = "modifierExtension" if declared else "extension"
        told = f"the extension {structure.name} stands in {item.element}; move it to {right}"
        problems.append(Problem("structure", told))
    return [*problems, *(check_profile(structure, item, scope) or ())] or None


def _misplaced(structure: Structure, place: _Place, scope: Scope) -> list[Problem]:
    for rule in structure.context_rules:
        said = Invariant("context", "error", f"the extension {structure.name} is for where {rule}", rule)
        if (found := broken(said, place.item.value, place.item.type, scope.context)) is not None:
            return [found]
    if not structure.contexts or any(_fits(kind, said, place, scope) for kind, said in structure.contexts):
        return []
    where = " or ".join(said for _, said in structure.contexts)
    return [
        Problem("structure", f"the extension {structure.name} has no meaning here; it belongs to {where}")
    ]


def _fits(kind: str, said: str, place: _Place, scope: Scope) -> bool:
    if kind == "element":
        return said in place.paths or is_subtype(place.item.type, said)
    if kind == "fhirpath":
        return _is_among(said, place.item, scope.context.resource)
    return False


def _is_among(expression: str, item: Item, resource: Mapping[str, Any]) -> bool:
    try:
        return any(found is item.value for found in compile_fhirpath(expression).evaluate(resource))
    except FHIRPathError:
        return False
