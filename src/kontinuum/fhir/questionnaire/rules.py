"""What an answer must be: its type, its limits, its choices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from kontinuum.fhir.fhirpath import FHIRPathError
from kontinuum.fhir.fhirpath.patterns import compiled
from kontinuum.fhir.questionnaire.items import VALUE_KEYS, Item, Value
from kontinuum.fhir.questionnaire.occurrences import Occurrence, place_of
from kontinuum.fhir.questionnaire.problems import Problem
from kontinuum.fhir.questionnaire.values import compare, only_value, same_value, value_key


def problems(occurrence: Occurrence) -> list[Problem]:
    """What is wrong with the answers of one occurrence that is asked."""
    item = occurrence.item
    if item is None or item.type == "display":
        return []
    if item.is_group:
        return [] if item.repeats and occurrence.row else list(_occurring(item, occurrence))
    found = list(_number_of_answers(item, occurrence))
    path = place_of(occurrence) if occurrence.answers else ""
    for place, answer in enumerate(occurrence.answers):
        where = f"{path}.answer[{place}]"
        for code, values in _faults(item, answer.value):
            found.append(Problem(item.link_id, code, where, values))
        if any(same_value(answer.value, other.value) for other in occurrence.answers[:place]):
            found.append(Problem(item.link_id, "twice", where))
    return found


def _occurring(item: Item, occurrence: Occurrence) -> Iterator[Problem]:
    siblings = occurrence.parent.below() if occurrence.parent is not None else []
    # Rows of the same parent's answer stand together; the first one speaks for all.
    rows = [one for one in siblings if one.item is item and one.json() is not None]
    yield from _counted(item, len(rows), occurrence)


def _number_of_answers(item: Item, occurrence: Occurrence) -> Iterator[Problem]:
    yield from _counted(item, len(occurrence.answers), occurrence)
    if len(occurrence.answers) > 1:
        chosen = [option for option in item.options if option.exclusive]
        values = [answer.value for answer in occurrence.answers]
        if any(same_value(option.value, value) for option in chosen for value in values):
            yield Problem(item.link_id, "exclusive", place_of(occurrence))


def _counted(item: Item, count: int, occurrence: Occurrence) -> Iterator[Problem]:
    limits = item.limits
    most = limits.max_occurs if item.repeats else 1
    if count == 0 and item.required:
        # A heading that must be filled, inside a question that is not answered, is not missed yet.
        yield Problem(item.link_id, "required")
    elif limits.min_occurs is not None and 0 < count < limits.min_occurs:
        yield Problem(item.link_id, "too-few", place_of(occurrence), {"limit": limits.min_occurs})
    if most is not None and count > most:
        yield Problem(item.link_id, "too-many", place_of(occurrence), {"limit": most})


def _faults(item: Item, answer: Value) -> Iterator[tuple[str, Mapping[str, Any]]]:
    key = value_key(answer)
    if key is None:
        if "extension" not in answer:
            yield "no-value", {}
        return
    if key not in VALUE_KEYS[item.type]:
        yield "type", {"expected": item.type, "given": key.removeprefix("value")}
        return
    value = answer[key]
    if isinstance(value, str):
        yield from _text_faults(item, value)
    yield from _choice_faults(item, answer, key)
    yield from _number_faults(item, answer, value)


def _text_faults(item: Item, text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    limits = item.limits
    if not text.strip():
        yield "blank", {}
    control = next(
        (character for character in text if ord(character) < 32 and character not in "\t\r\n"), None
    )
    if control is not None:
        # http://hl7.org/fhir/R4/datatypes.html#string
        yield "control", {"character": ord(control)}
    if limits.max_length is not None and len(text) > limits.max_length:
        yield "max-length", {"length": len(text), "limit": limits.max_length}
    if limits.min_length is not None and len(text) < limits.min_length:
        yield "min-length", {"length": len(text), "limit": limits.min_length}
    if limits.regex is not None:
        try:
            matches = compiled(limits.regex).fullmatch(text)
        except FHIRPathError:
            matches = False  # a text beyond what a pattern is tried on
        if not matches:
            yield "regex", {"pattern": limits.regex, "format": item.entry_format or ""}


def _choice_faults(item: Item, answer: Value, key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if item.type not in ("choice", "open-choice") or not item.options:
        return
    if item.type == "open-choice" and key == "valueString":
        return
    if not any(same_value(option.value, only_value(answer)) for option in item.options):
        yield "not-a-choice", {}


def _number_faults(item: Item, answer: Value, value: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    limits = item.limits
    for code, limit, operator in (
        ("min-value", limits.min_value, ">="),
        ("max-value", limits.max_value, "<="),
    ):
        if limit is not None and not _within(answer, operator, limit):
            yield code, {"limit": next(iter(limit.values()))}
    number = value.get("value") if isinstance(value, dict) else value
    if limits.decimals is not None and isinstance(number, Decimal):
        exponent = number.as_tuple().exponent
        if isinstance(exponent, int) and -exponent > limits.decimals:
            yield "decimals", {"limit": limits.decimals}
    if item.type == "quantity" and isinstance(value, dict) and item.unit_options:
        offered = [unit.get("code") or unit.get("display") for unit in item.unit_options]
        if (value.get("code") or value.get("unit")) not in offered:
            yield "unit", {}


def _within(answer: Value, operator: str, limit: Value) -> bool:
    given = only_value(answer)
    if "valueQuantity" in given and "valueQuantity" not in limit:
        given = {"valueDecimal": given["valueQuantity"].get("value")}
    if next(iter(given.values())) is None:
        return True
    return compare(given, operator, limit)
