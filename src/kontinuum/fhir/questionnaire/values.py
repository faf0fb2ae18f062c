"""Answers as values: of what type, which are equal, and what an expression's result becomes."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from kontinuum.fhir.fhirpath import Date, DateTime, FHIRPathError, Node, Quantity, Time
from kontinuum.fhir.fhirpath import compile as compile_expression
from kontinuum.fhir.questionnaire.items import FHIR_TYPES, VALUE_KEYS, Item, Value

_COMPARISONS = {
    "=": compile_expression("%a = %b"),
    "<": compile_expression("%a < %b"),
    "<=": compile_expression("%a <= %b"),
    ">": compile_expression("%a > %b"),
    ">=": compile_expression("%a >= %b"),
}


def value_key(value: Mapping[str, Any]) -> str | None:
    """Which `value[x]` stands in an answer; None where none does."""
    return next((key for key in value if key in FHIR_TYPES), None)


def only_value(answer: Mapping[str, Any]) -> Value:
    """The `value[x]` of an answer without what stands beside it."""
    key = value_key(answer)
    return {} if key is None else {key: answer[key]}


def compare(one: Value, operator: str, other: Value) -> bool:
    """Whether two values stand in a relation; not where they cannot be compared.

    http://hl7.org/fhir/R4/valueset-questionnaire-enable-operator.html. Codings are equal when code and system
    are; a Coding without system equals one of any.
    """
    first, second = value_key(one), value_key(other)
    if first is None or second is None:
        return False
    if first == "valueCoding" or second == "valueCoding":
        return operator == "=" and _same_coding(one[first], other[second])
    if first == "valueReference" and second == first:
        return operator == "=" and one[first].get("reference") == other[second].get("reference")
    try:
        both = {"a": Node(one[first], FHIR_TYPES[first]), "b": Node(other[second], FHIR_TYPES[second])}
        result = _COMPARISONS[operator].evaluate({}, variables=both)
    except FHIRPathError:
        return False
    return result == [True]


def _same_coding(one: Any, other: Any) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        texts = [value if isinstance(value, str) else value.get("display") for value in (one, other)]
        return texts[0] == texts[1]
    systems = {coding.get("system") for coding in (one, other)} - {None}
    return one.get("code") == other.get("code") and "code" in one and len(systems) < 2


def same_value(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two answers hold the same value: a Coding by its code, everything else as written."""
    first, second = value_key(one), value_key(other)
    if first != second or first is None or second is None:
        return False
    if first == "valueCoding":
        return _same_coding(one[first], other[second])
    return bool(one[first] == other[second])


def to_answer(item: Item, result: Any) -> Value | None:
    """What an expression gave, as an answer to an item; None where it cannot be one."""
    node = result if isinstance(result, Node) else None
    value = node.value if node is not None else result
    kind = item.type
    if kind in ("choice", "open-choice"):
        return _choice(item, value)
    if kind == "quantity":
        return _quantity(item, value)
    if kind == "boolean":
        return {"valueBoolean": value} if isinstance(value, bool) else None
    if kind in ("decimal", "integer"):
        return _number(kind, value)
    if kind == "reference":
        return _reference(value)
    if kind == "attachment":
        return {"valueAttachment": value} if isinstance(value, dict) else None
    return _text(item, value)


def _number(kind: str, value: Any) -> Value | None:
    if isinstance(value, Quantity):
        value = value.value
    if isinstance(value, dict):
        value = value.get("value")
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    if kind == "decimal":
        return {"valueDecimal": value}
    return {"valueInteger": int(value)} if value == int(value) else None


def _quantity(item: Item, value: Any) -> Value | None:
    if isinstance(value, dict):
        return {"valueQuantity": value} if "value" in value else None
    if isinstance(value, Quantity):
        made = {"value": value.value, "unit": value.unit}
        coded = {} if value.calendar else {"system": "http://unitsofmeasure.org", "code": value.unit}
        return {"valueQuantity": {**made, **coded}}
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return {"valueQuantity": {"value": value, **unit_of(item.unit)}}
    return None


def unit_of(unit: Mapping[str, Any] | None) -> dict[str, Any]:
    """A unit's Coding as the last elements of a Quantity."""
    if unit is None:
        return {}
    stated = {"unit": unit.get("display") or unit.get("code")}
    coded = {key: unit[key] for key in ("system", "code") if key in unit}
    return {**{key: value for key, value in stated.items() if value}, **coded}


def _choice(item: Item, value: Any) -> Value | None:
    if isinstance(value, dict):
        codings = value.get("coding") if isinstance(value.get("coding"), list) else [value]
        coding = next((one for one in codings or () if isinstance(one, dict) and "code" in one), None)
        if coding is not None:
            listed = (option.value for option in item.options)
            return next((one for one in listed if same_value(one, {"valueCoding": coding})), None) or {
                "valueCoding": coding
            }
        text = value.get("text") or value.get("display")
        return {"valueString": text} if text and item.type == "open-choice" else None
    for option in item.options:
        key = value_key(option.value)
        held = option.value[key] if key is not None else None
        if held == value or (isinstance(held, dict) and held.get("code") == value):
            return dict(option.value)
    if item.type == "open-choice" and isinstance(value, str):
        return {"valueString": value}
    return None


def _reference(value: Any) -> Value | None:
    if not isinstance(value, dict):
        return None
    if "resourceType" in value and "id" in value:
        return {"valueReference": {"reference": f"{value['resourceType']}/{value['id']}"}}
    return {"valueReference": value} if "reference" in value or "identifier" in value else None


def _text(item: Item, value: Any) -> Value | None:
    key = VALUE_KEYS[item.type][0]
    if isinstance(value, bool | dict | list):
        return None
    text = str(value)
    if item.type == "date":
        return {key: text[:10]} if isinstance(value, str | Date | DateTime) and text else None
    if item.type == "dateTime" and not isinstance(value, str | Date | DateTime):
        return None
    if item.type == "time" and not isinstance(value, str | Time):
        return None
    return {key: text} if text else None
