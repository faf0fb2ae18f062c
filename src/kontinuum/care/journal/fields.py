"""The fields of the writing pane: what stands in the browser, as a response to its form, and back. Pure.

A field is named by its place, `status/puls` or `diagnos:1/diagnos-kod` (the second row). What is typed is
kept as it was typed; what is no answer yet, such as `37,` where a number is wanted, is told and stays in the
draft.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote, unquote

from kontinuum.fhir.questionnaire import Form, Item, Occurrence, State, display
from kontinuum.fhir.questionnaire.values import unit_of, value_key
from kontinuum.kernel.i18n import local
from kontinuum.kernel.numbers import whole

Fields = Mapping[str, Sequence[str]]

ROWS: Final = 8
"""How many rows of a repeating group the pane shows at a time: as many again once they are filled."""
MOST_ROWS: Final = 200
"""How many rows a repeating group takes."""
OTHER: Final = "~other"
"""Ends the name of the field for an answer that is none of the choices."""
WORDS: Final = "~words"
"""Ends the name of the field in which codes are searched: words in it are no answer."""
CONTACT: Final = "~contact"
"""The field in which the contact is chosen that the note belongs to."""
BASE: Final = "~base"
"""The field that holds the version of the note in the record that a draft was begun from."""
SOURCES: Final = "~sources"
"""The field that tells where answers come from that nobody wrote in this note."""
UNWRITABLE: Final = frozenset({"attachment", "reference", "display"})

_NUMBER = re.compile(r"[+-]?\d{1,30}(?:[.,]\d{1,20})?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Unread:
    """A field whose text is no answer of its type."""

    place: str
    link_id: str
    text: str


def step_of(link: str) -> str:
    """A linkId as a step of a field's name: forms made elsewhere have `/` and `:` in theirs."""
    return quote(link, safe=" ,.;!?()[]=+&@$'\"<>|^`{}åäöÅÄÖéÉüÜ")


def place(occurrence: Occurrence) -> str:
    """The name of the field of an occurrence."""
    steps: list[str] = []
    here: Occurrence | None = occurrence
    while here is not None and here.item is not None:
        row = f":{here.row}" if here.row else ""
        steps.append(f"{step_of(here.item.link_id)}{row}")
        here = here.parent
    return "/".join(reversed(steps))


def to_response(form: Form, fields: Fields) -> tuple[dict[str, Any], list[Unread]]:
    """The response that the fields hold, and the fields that hold no answer yet."""
    unread: list[Unread] = []
    items = _items(form.children, "", fields, unread)
    head: dict[str, Any] = {"resourceType": "QuestionnaireResponse", "status": "in-progress"}
    if form.canonical:
        head["questionnaire"] = form.canonical
    return ({**head, "item": items} if items else head), unread


def strangers(form: Form, fields: Fields) -> dict[str, list[str]]:
    """The fields that the form has no place for, such as those of an earlier version of the template."""
    return {name: list(values) for name, values in fields.items() if not _is_known(form, name)}


def _is_known(form: Form, name: str) -> bool:
    if name in (CONTACT, BASE, SOURCES):
        return True
    steps = [step.partition(":") for step in name.removesuffix(OTHER).removesuffix(WORDS).split("/")]
    links = [unquote(link) for link, _, _ in steps]
    item = form.items.get(links[-1])
    if item is None or list(reversed(form.ancestors[item.link_id])) != links[:-1]:
        return False
    rows = [row for link, colon, row in steps if colon]
    numbered = all(row.isdecimal() and len(row) < 6 and 0 < int(row) < MOST_ROWS for row in rows)
    repeating = all(
        form.items[link].repeats and form.items[link].is_group
        for link, (_, colon, _) in zip(links, steps, strict=True)
        if colon
    )
    return numbered and repeating and item.is_question and item.calculated is None


def _items(items: Sequence[Item], path: str, fields: Fields, unread: list[Unread]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for item in items:
        if item.is_group:
            rows = range(_rows(item, path, fields))
            inner = [_items(item.children, _below(path, item, row), fields, unread) for row in rows]
            # An empty row between others stays, so that the rows keep their places.
            last = max((row for row in rows if inner[row]), default=-1)
            made += [
                {"linkId": item.link_id, **({"item": inner[row]} if inner[row] else {})}
                for row in range(last + 1)
            ]
        elif item.type not in UNWRITABLE:
            here = _below(path, item, 0)
            values = list(_values(item, here, fields, unread))
            below = _items(item.children, here, fields, unread) if values else []
            if values:
                first = {**values[0], "item": below} if below else values[0]
                made.append({"linkId": item.link_id, "answer": [first, *values[1:]]})
    return made


def _rows(item: Item, path: str, fields: Fields) -> int:
    """How many rows of a group the fields reach to."""
    start = f"{_below(path, item, 0)}:"
    steps = (name[len(start) :].partition("/")[0] for name in fields if name.startswith(start))
    found = [int(step) for step in steps if step.isdecimal() and len(step) < 6] if item.repeats else []
    return min(max(found, default=0), MOST_ROWS - 1) + 1


def _below(path: str, item: Item, row: int) -> str:
    name = step_of(item.link_id)
    step = f"{name}:{row}" if row else name
    return f"{path}/{step}" if path else step


def _values(item: Item, name: str, fields: Fields, unread: list[Unread]) -> Iterator[dict[str, Any]]:
    texts = [text for text in fields.get(name, ()) if text.strip()]
    for text in texts:
        value = _value(item, text)
        if value is None:
            unread.append(Unread(name, item.link_id, text))
        else:
            yield value
    if is_searched(item):
        words = (text for text in fields.get(name + WORDS, ()) if text.strip())
        unread.extend(Unread(name, item.link_id, text) for text in words)
    if item.type == "open-choice":
        for text in fields.get(name + OTHER, ()):
            if text.strip():
                yield {"valueString": text}


def _value(item: Item, text: str) -> dict[str, Any] | None:
    kind = item.type
    if kind in ("string", "text"):
        return {"valueString": text} if text.strip() else None
    if kind == "url":
        return {"valueUri": text.strip()} if text.strip() else None
    if is_searched(item):
        return _coding(text)
    if kind in ("choice", "open-choice"):
        number = whole(text, -1)
        return dict(item.options[number].value) if 0 <= number < len(item.options) else None
    if kind == "boolean":
        return {"valueBoolean": text == "true"} if text in ("true", "false") else None
    if kind in ("integer", "decimal", "quantity"):
        return _number(item, text.strip())
    return _moment(kind, text.strip())


def is_searched(item: Item) -> bool:
    """Whether its codes are searched in a value set, which is too large to be listed in the form."""
    return item.type in ("choice", "open-choice") and item.value_set is not None and not item.options


def _coding(text: str) -> dict[str, Any] | None:
    """A code as a field holds it, `system|code|words`."""
    parts = text.split("|", 2)
    if len(parts) != 3 or not parts[1]:
        return None
    named = zip(("system", "code", "display"), parts, strict=True)
    return {"valueCoding": {name: part for name, part in named if part}}


def _number(item: Item, text: str) -> dict[str, Any] | None:
    text = text.replace("\N{MINUS SIGN}", "-")
    if not _NUMBER.fullmatch(text):
        return None
    number = Decimal(text.replace(",", "."))
    if item.type == "integer":
        whole = "," not in text and "." not in text and abs(number) < 2**31
        return {"valueInteger": int(number)} if whole else None
    value: Decimal | int = number if "," in text or "." in text else int(number)
    if item.type == "decimal":
        return {"valueDecimal": value}
    unit = item.unit or (item.unit_options[0] if item.unit_options else None)
    return {"valueQuantity": {"value": value, **unit_of(unit)}}


def _moment(kind: str, text: str) -> dict[str, Any] | None:
    try:
        if kind == "date" and _DATE.fullmatch(text):
            return {"valueDate": datetime.strptime(text, "%Y-%m-%d").date().isoformat()}
        if kind == "dateTime" and _DATE.match(text):
            return {
                "valueDateTime": local(datetime.fromisoformat(text).isoformat()).isoformat(timespec="seconds")
            }
        if kind == "time" and re.fullmatch(r"\d{2}:\d{2}", text):
            return {"valueTime": f"{datetime.strptime(text, '%H:%M').time().isoformat()}"}
    except ValueError:
        return None
    return None


def from_state(state: State) -> dict[str, list[str]]:
    """The fields of a response, as a browser shows them."""
    fields: dict[str, list[str]] = {}
    for one in state.top.walk():
        item = one.item
        if item is None or not item.is_question or item.calculated is not None or not one.answers:
            continue
        name = place(one)
        for answer in one.answers:
            key = value_key(answer.value)
            number = option_number(item, answer.value)
            if item.type in ("choice", "open-choice") and number is not None:
                fields.setdefault(name, []).append(str(number))
            elif is_searched(item) and key == "valueCoding":
                coding = answer.value[key]
                parts = (str(coding.get(part, "")) for part in ("system", "code", "display"))
                fields.setdefault(name, []).append("|".join(parts))
            elif item.type == "open-choice" and key == "valueString":
                fields.setdefault(name + OTHER, []).append(answer.value[key])
            elif key is not None:
                fields.setdefault(name, []).append(_text(answer.value[key], key))
    return fields


def left_out(state: State, fields: Fields) -> list[tuple[str, str]]:
    """What was filled in and is not asked as the other answers are now: the question, and what it holds."""
    asked = {place(one) for one in state.top.walk() if one.item is not None and one.active()}
    found: list[tuple[str, str]] = []
    for name, values in fields.items():
        item = state.form.items.get(unquote(name.removesuffix(OTHER).rpartition("/")[2].partition(":")[0]))
        if item is None or name.removesuffix(OTHER) in asked:
            continue
        if any(state.form.items[link].hidden for link in (item.link_id, *state.form.ancestors[item.link_id])):
            continue
        texts = values if name.endswith(OTHER) else [said(item, text) for text in values]
        found += [(item.text, text) for text in texts if text.strip()]
    return found


def said(item: Item, text: str) -> str:
    """What a field holds, as it is read."""
    value = _value(item, text) if item.type in ("choice", "open-choice", "boolean") else None
    return text if value is None else display(value, "sv")


def option_number(item: Item, value: Mapping[str, Any]) -> int | None:
    """Which of the choices a value is."""
    held = value.get(value_key(value) or "")
    for number, option in enumerate(item.options):
        other = option.value.get(value_key(option.value) or "")
        same = other == held or (
            isinstance(other, dict)
            and isinstance(held, dict)
            and other.get("code") == held.get("code")
            and other.get("system") == held.get("system")
        )
        if same:
            return number
    return None


def _text(value: Any, key: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        value = value.get("value", "")
    if key == "valueDateTime":
        return local(value).strftime("%Y-%m-%dT%H:%M") if len(value) > 10 else str(value)
    if key == "valueTime":
        return str(value)[:5]
    text = format(value, "f") if isinstance(value, Decimal) else str(value)
    return text.replace(".", ",") if key in ("valueDecimal", "valueQuantity") else text
