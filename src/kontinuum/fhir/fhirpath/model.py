"""What the engine knows about FHIR types: which elements a type has and which type is derived from which.

Source: http://hl7.org/fhir/R4/fhirpath.html#types; the facts come from `kontinuum.fhir.definitions`.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import zip_longest
from typing import Any, NamedTuple

from kontinuum.fhir.definitions import is_subtype, type_definition
from kontinuum.fhir.fhirpath.values import Node, type_of

SYSTEM_TYPES = frozenset(
    {"Boolean", "String", "Integer", "Decimal", "Date", "DateTime", "Time", "Quantity", "Any"}
)


class Member(NamedTuple):
    """One JSON property that an element name stands for."""

    key: str
    sibling: str
    element: str
    type: str | None
    primitive: bool
    array: bool


@lru_cache(maxsize=4096)
def members(type_name: str) -> dict[str, tuple[Member, ...]]:
    """The elements of a type by name; a choice such as `value` has one member per type. {} if not known."""
    definition = type_definition(type_name)
    table: dict[str, tuple[Member, ...]] = {}
    if definition is None:
        return table
    for declared in definition.properties.values():
        target = type_definition(declared.type)
        any_resource = target is not None and target.kind == "resource"
        member = Member(
            key=declared.name,
            sibling=f"_{declared.name}",
            element=declared.element,
            type=None if any_resource else declared.type,
            primitive=target is not None and target.kind == "primitive-type",
            array=declared.array,
        )
        table[declared.element] = (*table.get(declared.element, ()), member)
    return table


@lru_cache(maxsize=4096)
def _members_by_key(type_name: str) -> dict[str, Member]:
    return {member.key: member for choice in members(type_name).values() for member in choice}


@lru_cache(maxsize=1024)
def is_primitive(type_name: str) -> bool:
    """Whether the FHIR type is a primitive."""
    definition = type_definition(type_name)
    return definition is not None and definition.kind == "primitive-type"


@lru_cache(maxsize=1024)
def display_name(type_name: str) -> str:
    """The name that `type()` gives: a backbone element is a BackboneElement."""
    definition = type_definition(type_name)
    if definition is not None and definition.kind == "backbone":
        return definition.base or "BackboneElement"
    return type_name


class TypeSpecifier(NamedTuple):
    """The right side of `is`, `as`, `ofType`: the FHIR and the System type the name can mean."""

    fhir: str | None
    system: str | None

    def holds(self, type_name: str) -> bool:
        """Whether a value of this type is of the specified type or of one derived from it."""
        if type_name.startswith("System."):
            return self.system is not None and self.system in (type_name, "System.Any")
        return self.fhir is not None and is_subtype(type_name, self.fhir)

    def takes(self, type_name: str) -> bool:
        """Whether `as` and `ofType` let a value of this type pass: for primitives the very type only."""
        if not type_name.startswith("System.") and is_primitive(type_name):
            return self.fhir == type_name or (
                self.fhir is None and self.system == _SYSTEM_OF_PRIMITIVE.get(type_name)
            )
        return self.holds(type_name)


# Search parameters of R4 say `value.as(DateTime)` where they mean the primitive.
_SYSTEM_OF_PRIMITIVE = {
    "boolean": "System.Boolean",
    "string": "System.String",
    "integer": "System.Integer",
    "decimal": "System.Decimal",
    "date": "System.Date",
    "dateTime": "System.DateTime",
    "time": "System.Time",
}


@lru_cache(maxsize=1024)
def type_specifier(text: str) -> TypeSpecifier | None:
    """Resolve a type name as written; None where no such FHIR type exists."""
    if text.startswith("System."):
        return TypeSpecifier(None, text)
    name = text.removeprefix("FHIR.")
    fhir = name if type_definition(name) is not None else None
    system = f"System.{name}" if name in SYSTEM_TYPES and name == text else None
    return TypeSpecifier(fhir, system) if fhir or system else None


def navigate(item: Any, name: str, out: list[Any]) -> None:
    """Append the children with this name of an item whose type is only known now."""
    if type(item) is Node:
        value, type_name, parent = item.value, item.type, item
    elif type(item) is dict:
        value, type_name, parent = item, type_of(item), None
    else:
        return
    if type(value) is dict:
        table = members(type_name)
        if table:
            for member in table.get(name, ()):
                append_member(value, member, parent, out)
        else:
            _append_untyped(value.get(name), out)
    elif name in ("extension", "id") and parent is not None and parent.element is not None:
        append_member(parent.element, members("Element")[name][0], parent, out)


def _append_untyped(value: Any, out: list[Any]) -> None:
    for item in value if isinstance(value, list) else (value,):
        if isinstance(item, dict) and "resourceType" not in item:
            out.append(Node(item, ""))
        elif item is not None:
            out.append(item)


def append_member(value: dict[str, Any], member: Member, parent: Node | None, out: list[Any]) -> None:
    """Append the values of one JSON property as Nodes."""
    found = value.get(member.key)
    beside = value.get(member.sibling) if member.primitive else None
    if type(found) is list or type(beside) is list:
        pairs = zip_longest(
            found if type(found) is list else (found,), beside if type(beside) is list else (beside,)
        )
        for index, (entry, extra) in enumerate(pairs):
            _append(entry, extra, member, parent, index, out)
    else:
        _append(found, beside, member, parent, None, out)


def _append(
    value: Any, beside: Any, member: Member, parent: Node | None, index: int | None, out: list[Any]
) -> None:
    element = beside if type(beside) is dict else None
    if value is None and element is None:
        return
    type_name = member.type if member.type is not None else type_of(value)
    out.append(Node(value, type_name, element, parent, member.element, index))


def children(item: Any, out: list[Any]) -> None:
    """Append all children of an item, in the order of the JSON text, as Nodes."""
    node = item if type(item) is Node else Node(item, type_of(item))
    if type(node.value) is dict:
        table = _members_by_key(node.type)
        for key in node.value:
            member = table.get(key)
            if member is not None:
                append_member(node.value, member, node, out)
            elif key[:1] == "_" and key[1:] in table and key[1:] not in node.value:
                append_member(node.value, table[key[1:]], node, out)
    elif node.element is not None:
        for key in ("id", "extension"):
            append_member(node.element, members("Element")[key][0], node, out)
