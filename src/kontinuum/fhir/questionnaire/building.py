"""Building a resource element by element, as definitions such as `Condition.code` name its places.

https://hl7.org/fhir/uv/sdc/extraction.html#definition-based
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from kontinuum.fhir.definitions import Property, is_subtype, type_definition
from kontinuum.fhir.questionnaire.items import FHIR_TYPES, VALUE_KEYS, Item
from kontinuum.fhir.questionnaire.values import unit_of

_TEXTS = frozenset({"string", "markdown", "code", "uri", "url", "id", "canonical"})
_NUMBERS = frozenset({"decimal", "integer", "positiveInt", "unsignedInt"})
_TEXT_HOLDERS = {"CodeableConcept": "text", "Annotation": "text", "HumanName": "text", "Identifier": "value"}


class BuildError(ValueError):
    """A value has no place in the resource under this definition."""

    def __init__(self, definition: str, link: str = "") -> None:
        super().__init__(definition)
        self.definition = definition
        self.link = link


class Builder:
    """A resource in the making."""

    def __init__(self, type_name: str) -> None:
        self.resource: dict[str, Any] = {"resourceType": type_name}
        self.answered = False
        self._type = type_name
        self._open: list[tuple[tuple[str, ...], dict[str, Any]]] = []

    def answer(self, item: Item, key: str, value: Any) -> None:
        """Put an answer where its item's definition says."""
        unit = unit_of(item.unit)
        if key in ("valueDecimal", "valueInteger") and unit:
            properties = targets(item.definition or "", self._type)
            if any(_is_quantity(one.type) for one in properties):
                key, value = "valueQuantity", {"value": value, **unit}
        try:
            self.put(item.definition or "", key, value)
        except BuildError as error:
            raise BuildError(error.definition, item.link_id) from None
        self.answered = True

    def put(self, definition: str, key: str, value: Any) -> None:
        """Put a value where a definition says; one more where the element repeats."""
        chosen = next(
            (
                (one, made)
                for one in targets(definition, self._type)
                if (made := coerced(key, value, one.type)) is not None
            ),
            None,
        )
        if chosen is None:
            raise BuildError(definition)
        found, made = chosen
        parent = self._parent(_steps(definition, self._type))
        if found.array:
            parent.setdefault(found.name, []).append(made)
        else:
            parent[found.name] = made

    @contextmanager
    def element(self, definition: str, link: str) -> Iterator[None]:
        """What is put meanwhile goes into a new element: each row of a group is one."""
        steps = _steps(definition, self._type)
        found = targets(definition, self._type)
        if not steps or not found or not found[0].array:
            raise BuildError(definition, link)
        made: dict[str, Any] = {}
        parent = self._parent(steps)
        self._open.append((steps, made))
        try:
            yield
        finally:
            self._open.pop()
        if made:
            parent.setdefault(found[0].name, []).append(made)

    def _parent(self, steps: tuple[str, ...]) -> dict[str, Any]:
        here, type_name, taken = self.resource, self._type, 0
        for opened, element in reversed(self._open):
            if steps[: len(opened)] == opened and len(steps) > len(opened):
                here, taken = element, len(opened)
                for step in opened:
                    type_name = _property(type_name, step)[0].type
                break
        for step in steps[taken:-1]:
            prop = _property(type_name, step)[0]
            if prop.array:
                here.setdefault(prop.name, [{}])
                here = here[prop.name][0]
            else:
                here = here.setdefault(prop.name, {})
            type_name = prop.type
        return here


def _steps(definition: str, type_name: str) -> tuple[str, ...]:
    path = definition.partition("#")[2] or definition.rpartition("/")[2]
    head, *steps = path.split(".")
    return tuple(step.removesuffix("[x]") for step in steps) if head == type_name else ()


def targets(definition: str, type_name: str) -> list[Property]:
    """The properties that a definition may mean: several for `value[x]`, none where it means nothing here."""
    found: list[Property] = []
    for step in _steps(definition, type_name):
        found = _property(type_name, step)
        if not found:
            return []
        type_name = found[0].type
    return found


def _property(type_name: str, step: str) -> list[Property]:
    definition = type_definition(type_name)
    if definition is None:
        return []
    if step in definition.properties:
        return [definition.properties[step]]
    return [one for one in definition.properties.values() if one.choice and one.element == step]


def fits(item: Item, type_name: str) -> bool:
    """Whether answers to an item can stand where its definition says."""
    wanted = targets(item.definition or "", type_name)
    if item.is_group:
        return bool(wanted) and wanted[0].array
    probes = {key: _PROBES.get(key, "x") for key in VALUE_KEYS.get(item.type, ())[:1]}
    if item.type in ("decimal", "integer") and any(_is_quantity(one.type) for one in wanted):
        return item.unit is not None
    return any(coerced(key, probe, one.type) is not None for key, probe in probes.items() for one in wanted)


_PROBES: Mapping[str, Any] = {
    "valueBoolean": True,
    "valueDecimal": 1,
    "valueInteger": 1,
    "valueDate": "2024-01-01",
    "valueDateTime": "2024-01-01T12:00:00Z",
    "valueTime": "12:00:00",
    "valueCoding": {"system": "urn:x", "code": "x"},
    "valueQuantity": {"value": 1},
    "valueReference": {"reference": "Patient/x"},
    "valueAttachment": {"url": "x"},
}


def _is_quantity(type_name: str) -> bool:
    return type_name == "Quantity" or is_subtype(type_name, "Quantity")


def coerced(key: str, value: Any, target: str) -> Any:
    """A value as one of the type `target`; None where it cannot be."""
    given = FHIR_TYPES.get(key) or key.removeprefix("value")
    if given == target or given[:1].lower() + given[1:] == target:
        return value
    if given == "Coding" and isinstance(value, dict):
        return _of_coding(value, target)
    if isinstance(value, str):
        return _of_text(value, given, target)
    if target in _NUMBERS and not isinstance(value, bool | dict) and given in _NUMBERS:
        return value if target == "decimal" or value == int(value) else None
    if given == "Quantity" and _is_quantity(target):
        return value
    return None


def _of_coding(coding: Mapping[str, Any], target: str) -> Any:
    if target == "CodeableConcept":
        made: dict[str, Any] = {"coding": [coding]}
        return {**made, "text": coding["display"]} if "display" in coding else made
    if target == "code":
        return coding.get("code")
    if target == "string":
        return coding.get("display") or coding.get("code")
    return None


def _of_text(text: str, given: str, target: str) -> Any:
    if given == "date" and target == "dateTime":
        return text
    if given in ("dateTime", "instant") and target == "date":
        return text[:10]
    if given in _TEXTS and target in _TEXTS:
        return text
    if given in _TEXTS and target in _TEXT_HOLDERS:
        return {_TEXT_HOLDERS[target]: text}
    return None
