"""The values of an element in a resource, each with what FHIR's JSON keeps beside it.

http://hl7.org/fhir/R4/json.html#primitive
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from kontinuum.fhir.definitions import Property, type_definition

__all__ = ["Item", "is_primitive", "item_of", "items"]


class Item(NamedTuple):
    """One value: `type` is its FHIR type, `beside` the id and extensions of a primitive.

    `value` is None for a primitive that has extensions only; `position` is None in what is no array.
    """

    value: Any
    type: str
    element: str = ""
    position: int | None = None
    beside: Mapping[str, Any] | None = None


def item_of(resource: Mapping[str, Any]) -> Item:
    """A whole resource as an item."""
    return Item(resource, resource["resourceType"])


def items(parent: Item, element: str) -> list[Item]:
    """The values of an element below another, in their order; the resource is known to be valid R4."""
    if element == "value" and is_primitive(parent.type):
        return [] if parent.value is None else [Item(parent.value, parent.type, element)]
    holder = parent.value if isinstance(parent.value, dict) else parent.beside
    if holder is None:
        return []
    found: list[Item] = []
    for name, prop in _properties(parent.type, element):
        value, beside = holder.get(name), holder.get("_" + name)
        if value is None and beside is None:
            continue
        if not prop.array:
            found.append(_item(value, prop, None, beside))
            continue
        values, besides = value or (), beside or ()
        for n in range(max(len(values), len(besides))):
            one = values[n] if n < len(values) else None
            other = besides[n] if n < len(besides) else None
            found.append(_item(one, prop, n, other))
    return found


def _item(value: Any, prop: Property, index: int | None, beside: Any) -> Item:
    type_name = prop.type
    if isinstance(value, dict) and "resourceType" in value:
        type_name = value["resourceType"]
    return Item(value, type_name, prop.element, index, beside)


@cache
def is_primitive(type_name: str) -> bool:
    """Whether a type is a primitive, whose `value` is the JSON value itself."""
    definition = type_definition(type_name)
    return definition is not None and definition.kind == "primitive-type"


@cache
def _properties(type_name: str, element: str) -> tuple[tuple[str, Property], ...]:
    definition = type_definition(type_name)
    if definition is None:
        return ()
    return tuple((p.name, p) for p in definition.properties.values() if p.element == element)
