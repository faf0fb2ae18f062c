"""Elements of a resource as places in its JSON, and values of a FHIRPath Patch put there.

http://hl7.org/fhir/R4/json.html: a list of primitives may have a second list beside it (`_given`) with their
ids and extensions; both always change together.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from kontinuum.fhir.definitions import Property, TypeDefinition, type_definition

_STEP = re.compile(r"([A-Za-z_]\w*)(?:\[(\d+)\])?")


class FailedError(Exception):
    """An operation cannot be carried out; `code` is from FHIR's issue types."""

    def __init__(self, message: str, code: str = "value") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Filling:
    """What stands in a place: the JSON value, and for a primitive what stands beside it."""

    value: Any
    beside: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """A property of an object: one value, or a list of them."""

    holder: dict[str, Any]
    name: str

    def fill(self, filling: Filling) -> None:
        """Give the property this value alone."""
        self.clear()
        for name, part in ((self.name, filling.value), (f"_{self.name}", filling.beside)):
            if part is not None:
                self.holder[name] = part

    def clear(self) -> None:
        """Take the property away."""
        self.holder.pop(self.name, None)
        self.holder.pop(f"_{self.name}", None)

    def listed(self) -> list[Filling]:
        """The items of the list."""
        values, beside = self.holder.get(self.name) or [], self.holder.get(f"_{self.name}") or []
        length = max(len(values), len(beside))
        values, beside = (each + [None] * (length - len(each)) for each in (values, beside))
        return [Filling(*pair) for pair in zip(values, beside, strict=True)]

    def relist(self, items: list[Filling]) -> None:
        """Give the list these items; without any it is gone, as FHIR has no empty lists."""
        values, beside = [each.value for each in items], [each.beside for each in items]
        self.clear()
        for name, part in ((self.name, values), (f"_{self.name}", beside)):
            if any(each is not None for each in part):
                self.holder[name] = part


@dataclass(frozen=True, slots=True)
class Place:
    """Where an element stands: a property of an object, and which item if it is a list.

    Without a property it is the resource itself.
    """

    holder: dict[str, Any]
    holder_type: str
    member: Property | None = None
    index: int | None = None

    def remove(self) -> None:
        """Take the element away."""
        slot = self._slot()
        if self.index is None:
            slot.clear()
        else:
            items = slot.listed()
            del items[self.index]
            slot.relist(items)

    def replace(self, part: dict[str, Any]) -> None:
        """Put a value in place of the element; in a choice it may be of another type."""
        slot = self._slot()
        assert self.member is not None
        member = member_for(self.holder_type, self.member.element, part)
        filling = filling_of(member.type, part)
        if self.index is None:
            slot.clear()
            Slot(self.holder, member.name).fill(filling)
        else:
            items = slot.listed()
            items[self.index] = filling
            slot.relist(items)

    def inside(self) -> tuple[dict[str, Any], str]:
        """The object that holds the element's own children, and its type.

        Those of a primitive stand in the object beside it.
        """
        if self.member is None:
            return self.holder, self.holder_type
        name = self.member.name
        if not _is_primitive(self.member.type):
            found = self.holder[name] if self.index is None else self.holder[name][self.index]
            return found, found.get("resourceType", self.member.type)
        beside: dict[str, Any]
        if self.index is None:
            beside = self.holder.setdefault(f"_{name}", {})
        else:
            items = self._slot().listed()
            beside = items[self.index].beside or {}
            items[self.index] = Filling(items[self.index].value, beside)
            self._slot().relist(items)
        return beside, "Element"

    def _slot(self) -> Slot:
        if self.member is None:
            raise FailedError("the resource itself is not an element; PUT or DELETE it.")
        return Slot(self.holder, self.member.name)


def place_of(resource: dict[str, Any], path: str) -> Place:
    """The place of an element whose location is known, such as `Patient.name[0].given[1]`."""
    place = Place(resource, resource["resourceType"])
    for step in path.split(".")[1:]:
        parts = _STEP.fullmatch(step)
        assert parts is not None, f"a location that FHIRPath gave: {path}"
        holder, type_name = place.inside()
        member = next(
            each
            for each in _definition(type_name).properties.values()
            if each.element == parts[1] and (each.name in holder or f"_{each.name}" in holder)
        )
        place = Place(holder, type_name, member, int(parts[2]) if parts[2] and member.array else None)
    return place


def member_for(type_name: str, name: str, part: dict[str, Any]) -> Property:
    """The property of a type by which an element of this name holds a part's value."""
    named = [each for each in _definition(type_name).properties.values() if name in (each.element, each.name)]
    if not named:
        raise FailedError(f"{type_name} has no element '{name}'.")
    given = _given_type(part)
    fitting = [each for each in named if _takes(each, given)]
    if not fitting:
        possible = " or ".join(each.type for each in named[:8])
        raise FailedError(f"{name} of {type_name} takes {possible}, not {given or 'parts'}.")
    return fitting[0]


def _takes(member: Property, given: str | None) -> bool:
    definition = type_definition(member.type)
    if given is None:
        # Only types that `value[x]` has no room for are written as parts, but any may be.
        return definition is not None and definition.kind in ("backbone", "complex-type")
    if member.choice or member.type == given:
        return member.type == given
    if member.type == "Resource":
        found = type_definition(given)
        return found is not None and found.kind == "resource"
    other = type_definition(given)
    if definition is None or other is None:
        return False
    if definition.kind == "primitive-type":
        return (
            other.kind == "primitive-type"
        )  # a code is often sent as a string; validation has the last word
    return other.base == member.type or definition.base == given


def _given_type(part: dict[str, Any]) -> str | None:
    """The FHIR type of a part's value; None when it is made of parts."""
    if "resource" in part:
        found: str = part["resource"]["resourceType"]
        return found
    key = _value_key(part)
    if key is None:
        return None
    suffix = key.removeprefix("value")
    small = suffix[:1].lower() + suffix[1:]
    return small if _is_primitive(small) else suffix


def _value_key(part: dict[str, Any]) -> str | None:
    return next((name.removeprefix("_") for name in part if name.removeprefix("_").startswith("value")), None)


def filling_of(type_name: str, part: dict[str, Any]) -> Filling:
    """A part's value as the JSON of an element of a type."""
    if "resource" in part:
        return Filling(part["resource"])
    key = _value_key(part)
    if key is not None:
        return Filling(part.get(key), part.get(f"_{key}"))
    if not part.get("part"):
        raise FailedError(f"the part '{part.get('name')}' has no value.", "required")
    made: dict[str, Any] = {}
    for each in part["part"]:
        add(made, type_name, each["name"], each)
    return Filling(made)


def add(holder: dict[str, Any], type_name: str, name: str, part: dict[str, Any]) -> None:
    """Add a value to an object: at the end of a list, or as an element that is not there yet."""
    member = member_for(type_name, name, part)
    slot = Slot(holder, member.name)
    filling = filling_of(member.type, part)
    if member.array:
        slot.relist([*slot.listed(), filling])
        return
    family = {
        each.name for each in _definition(type_name).properties.values() if each.element == member.element
    }
    if any(key.removeprefix("_") in family for key in holder):
        raise FailedError(f"{name} is there already and is no list; replace it.", "conflict")
    slot.fill(filling)


def insert(holder: dict[str, Any], type_name: str, name: str, part: dict[str, Any], index: int) -> None:
    """Put a value into a list, before the item that has the index now."""
    member = member_for(type_name, name, part)
    if not member.array:
        raise FailedError(f"{name} is no list; use add or replace.")
    slot = Slot(holder, member.name)
    items = slot.listed()
    _within(index, len(items), "index")
    slot.relist([*items[:index], filling_of(member.type, part), *items[index:]])


def move(holder: dict[str, Any], type_name: str, name: str, source: int, destination: int) -> None:
    """Move an item within a list; `destination` is its index afterwards."""
    member = _definition(type_name).properties.get(name)
    if member is None or not member.array:
        raise FailedError(f"{type_name} has no list '{name}'.")
    slot = Slot(holder, name)
    items = slot.listed()
    _within(source, len(items) - 1, "source")
    _within(destination, len(items) - 1, "destination")
    items.insert(destination, items.pop(source))
    slot.relist(items)


def _within(index: int, last: int, name: str) -> None:
    if index > last:
        raise FailedError(f"{name} {index} lies beyond the end of the list.")


def _is_primitive(type_name: str) -> bool:
    definition = type_definition(type_name)
    return definition is not None and definition.kind == "primitive-type"


def _definition(type_name: str) -> TypeDefinition:
    definition = type_definition(type_name)
    if definition is None:
        raise FailedError(f"'{type_name}' is no type of FHIR R4.")
    return definition
