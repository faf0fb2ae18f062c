"""Changing a template: what stands in the fields of the editor, and adding, moving and removing items. Pure.

Items are numbered in reading order; texts that only explain an item count as part of it. A draft may be
wrong, even no valid Questionnaire: what is wrong is told (`remarks`), and holds it back from review.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from kontinuum.fhir.questionnaire import display, phrasing, urls, use
from kontinuum.web.workspace.studio import elements
from kontinuum.web.workspace.studio.elements import PROPERTIES, Element

Fields = Mapping[str, Sequence[str]]

ROWS: Final = 2
"""How many empty rows for conditions an item offers beside those that it has."""
PRESENT: Final = "exists"
ABSENT: Final = "absent"

_LAUNCH: Final = "http://hl7.org/fhir/uv/sdc/CodeSystem/launchContext"
_LITERAL: Final = r"(?<!code=)(?<!code = )(?<!system=)(?<!system = )'%s'"
"""A text in an expression that may be a linkId: none that a code or system is compared with."""
_YES: Final = frozenset({"ja", "yes", "true", "sant"})
_NO: Final = frozenset({"nej", "no", "false", "falskt"})


@dataclass(frozen=True, slots=True)
class Place:
    """An item where it stands: among which others, how deep, and its FHIRPath in the Questionnaire."""

    number: int
    item: Element
    siblings: list[Element]
    index: int
    depth: int
    parent: Place | None
    location: str


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition as texts: the linkId of the question, how it is compared, and with what."""

    question: str
    operator: str
    answer: str


def walk(questionnaire: Element) -> list[Place]:
    """Every item in reading order."""
    return list(_walk(questionnaire, None, "Questionnaire", [0]))


def _walk(holder: Element, parent: Place | None, path: str, count: list[int]) -> Iterator[Place]:
    siblings = holder.get("item") or []
    for index, item in enumerate(siblings):
        if elements.is_help(item):
            continue
        depth = 0 if parent is None else parent.depth + 1
        place = Place(count[0], item, siblings, index, depth, parent, f"{path}.item[{index}]")
        count[0] += 1
        yield place
        yield from _walk(item, place, place.location, count)


def begin(title: str, kind: str = "note") -> Element:
    """An empty template."""
    launch = [
        {
            "url": urls.LAUNCH_CONTEXT,
            "extension": [
                {"url": "name", "valueCoding": {"system": _LAUNCH, "code": name}},
                {"url": "type", "valueCode": type_name},
            ],
        }
        for name, type_name in (("patient", "Patient"), ("encounter", "Encounter"), ("user", "Practitioner"))
    ]
    made: Element = {
        "resourceType": "Questionnaire",
        "language": "sv",
        "extension": launch,
        "title": title,
        "status": "draft",
        "subjectType": ["Patient"],
        "item": [],
    }
    set_template_kind(made, kind)
    return made


def set_template_kind(questionnaire: Element, kind: str) -> None:
    """Say that it is a note, a scale or a phrase."""
    others = [
        one for one in questionnaire.get("useContext") or () if one.get("code", {}).get("code") != "task"
    ]
    concept = {"coding": [{"system": use.KIND, "code": kind}]}
    task = {"code": {"system": use.CONTEXT_TYPES, "code": "task"}, "valueCodeableConcept": concept}
    questionnaire["useContext"] = [task, *others]


def begin_phrase(name: str, text: str) -> Element:
    """A phrase of a unit; `name` is what is written after the full stop."""
    made = phrasing.questionnaire(f".{name}", text)
    set_template_kind(made, phrasing.KIND)
    return made


def apply(questionnaire: Mapping[str, Any], fields: Fields) -> Element:
    """The template as the fields of the editor have it."""
    made: Element = copy.deepcopy(dict(questionnaire))
    for name in ("title", "description"):
        text = _last(fields, name)
        if text is not None and text != made.get(name, ""):
            made[name] = text
            if not text:
                del made[name]
    if use.kind(made) == phrasing.KIND:
        _apply_phrase(made, fields)
        return made
    kind = _last(fields, "template-kind")
    if kind in ("note", "scale") and kind != use.kind(made):
        set_template_kind(made, kind)
    places = walk(made)
    for place in places:
        _apply(place, fields)
    for place in places:
        _apply_conditions(place, places, fields)
    for place in places:
        link = _last(fields, f"{place.number}.link")
        if link and link != place.item.get("linkId"):
            _rename(made, place, link)
    return made


def _apply_phrase(made: Element, fields: Fields) -> None:
    """The text of a phrase, with every space that was typed."""
    if made.get("title"):
        made["title"] = f".{made['title'].removeprefix('.').lower()}"
    if "phrase" in fields:
        item = next(iter(made.get("item") or ()), {"linkId": "text", "type": "text"})
        text = fields["phrase"][-1].replace("\r\n", "\n")
        made["item"] = [{**phrasing.with_text(item, text), "text": made.get("title", "")}]


def _last(fields: Fields, name: str) -> str | None:
    values = fields.get(name)
    return values[-1].replace("\r\n", "\n").strip() if values else None


def _apply(place: Place, fields: Fields) -> None:
    for name, one in PROPERTIES.items():
        text = _last(fields, f"{place.number}.{name}")
        if text is not None and text != one.read(place.item):
            one.write(place.item, text)


def conditions(item: Mapping[str, Any]) -> list[Condition]:
    """When an item is asked, as texts."""
    found = []
    for one in item.get("enableWhen") or ():
        value = {f"value{key[6:]}": answer for key, answer in one.items() if key.startswith("answer")}
        operator, text = str(one.get("operator", "")), display(value, "sv") if value else ""
        if operator == "exists":
            operator, text = (PRESENT if value.get("valueBoolean") is not False else ABSENT), ""
        found.append(Condition(str(one.get("question", "")), operator, text))
    return found


def _apply_conditions(place: Place, places: Sequence[Place], fields: Fields) -> None:
    item, stem = place.item, f"{place.number}.c"
    if f"{stem}0.question" not in fields:
        return
    before = dict(zip(conditions(item), item.get("enableWhen") or (), strict=True))
    questions = {str(one.item.get("linkId")): one.item for one in places}
    made = []
    row = 0
    while f"{stem}{row}.question" in fields:
        given = [_last(fields, f"{stem}{row}.{name}") or "" for name in ("question", "operator", "answer")]
        wanted = Condition(*given)
        if wanted.question:
            made.append(before.get(wanted) or _condition(wanted, questions.get(wanted.question, {})))
        row += 1
    item.pop("enableWhen", None)
    item.pop("enableBehavior", None)
    if made:
        item["enableWhen"] = made
    if len(made) > 1:
        item["enableBehavior"] = "any" if _last(fields, f"{place.number}.any") == "any" else "all"


def _condition(wanted: Condition, question: Mapping[str, Any]) -> Element:
    if wanted.operator in (PRESENT, ABSENT) or not wanted.answer:
        # A condition whose answer is not typed yet asks whether there is any.
        value: Element = {"answerBoolean": wanted.operator != ABSENT}
        return {"question": wanted.question, "operator": "exists", **value}
    return {
        "question": wanted.question,
        "operator": wanted.operator or "=",
        **_answer(wanted.answer, question),
    }


def _answer(text: str, question: Mapping[str, Any]) -> Element:
    kind, number = question.get("type"), elements.number_of(text)
    if kind in ("choice", "open-choice"):
        for option in question.get("answerOption") or ():
            value = {key: one for key, one in option.items() if key.startswith("value")}
            if display(value, "sv").casefold() == text.casefold():
                return {f"answer{key[5:]}": one for key, one in value.items()}
        return {"answerCoding": {"display": text}}
    if kind == "boolean" and text.casefold() in _YES | _NO:
        return {"answerBoolean": text.casefold() in _YES}
    if kind == "integer" and isinstance(number, int):
        return {"answerInteger": number}
    if kind == "decimal" and number is not None:
        return {"answerDecimal": number}
    if kind == "quantity" and number is not None:
        unit = elements.extension(question, urls.UNIT) or {}
        named = {"unit": unit.get("display"), "system": unit.get("system"), "code": unit.get("code")}
        return {"answerQuantity": {"value": number, **{key: one for key, one in named.items() if one}}}
    if kind == "date" and len(text) == 10:
        return {"answerDate": text}
    return {"answerString": text}


def _rename(questionnaire: Element, place: Place, link: str) -> None:
    """Give an item another linkId, and everything that names it."""
    old = str(place.item.get("linkId", ""))
    place.item["linkId"] = link
    for child in place.item.get("item") or ():
        if elements.is_help(child):
            child["linkId"] = f"{link}-help"
    others = [one for one in walk(questionnaire) if one.item is not place.item]
    if any(one.item.get("linkId") == old for one in others):
        return
    _rename_in(questionnaire, old, link)


def _rename_in(value: Any, old: str, link: str) -> None:
    if isinstance(value, list):
        for one in value:
            _rename_in(one, old, link)
    elif isinstance(value, dict):
        if value.get("question") == old and "operator" in value:
            value["question"] = link
        key = "valueString" if value.get("url") == "expression" else "expression"
        text = value.get(key)
        if isinstance(text, str) and "linkId" in text:
            value[key] = re.sub(_LITERAL % re.escape(old), lambda _: f"'{link}'", text)
        for one in value.values():
            _rename_in(one, old, link)


# Adding, moving, removing


def edit(
    questionnaire: Mapping[str, Any], what: str, number: int, kind: str = "text", before: int = -1
) -> tuple[Element, int]:
    """The template after a change of its structure, and the number of the item that it was about.

    `what` is "add" (after the item, at the end for -1), "add-in" (last below it), "copy", "remove", "up",
    "down", "in" (below the heading before it), "out" (after what it stands below) or "before" (to where
    the item `before` stands, last for -1).
    """
    made: Element = copy.deepcopy(dict(questionnaire))
    places = walk(made)
    place = places[number] if 0 <= number < len(places) else None
    if what in ("add", "add-in"):
        subject = _added(made, place, kind, inside=what == "add-in")
    elif place is None:
        return made, number
    elif what == "before":
        subject = _put_before(made, places, place, before)
    else:
        subject = _moved(made, place, what)
    _drop_empty(made)
    at = next((one.number for one in walk(made) if one.item is subject), max(number - 1, 0))
    return made, at


def _added(made: Element, place: Place | None, kind: str, *, inside: bool) -> Element:
    item: Element = {"linkId": free_link(made, "fraga"), "type": "text"}
    PROPERTIES["kind"].write(item, kind if kind in elements.KINDS else "text")
    if place is None:
        made.setdefault("item", []).append(item)
    elif inside:
        place.item.setdefault("item", []).append(item)
    else:
        place.siblings.insert(place.index + 1, item)
    return item


def _moved(made: Element, place: Place, what: str) -> Element:
    item, siblings, index = place.item, place.siblings, place.index
    shown = [number for number, one in enumerate(siblings) if not elements.is_help(one)]
    before, after = (
        next((number for number in reversed(shown) if number < index), None),
        next((number for number in shown if number > index), None),
    )
    if what == "remove":
        del siblings[index]
    elif what == "copy":
        item = _copied(made, item)
        siblings.insert(index + 1, item)
    elif what == "up" and before is not None:
        siblings.insert(before, siblings.pop(index))
    elif what == "down" and after is not None:
        siblings.insert(after, siblings.pop(index))
    elif what == "in" and before is not None and siblings[before].get("type") == "group":
        del siblings[index]
        siblings[before].setdefault("item", []).append(item)
    elif what == "out" and place.parent is not None:
        del siblings[index]
        place.parent.siblings.insert(place.parent.index + 1, item)
    return item


def _put_before(made: Element, places: Sequence[Place], place: Place, before: int) -> Element:
    """Put an item before another; what lies below it comes along, so it goes to no place within itself."""
    item = place.item
    other = places[before] if 0 <= before < len(places) else None
    if other is not None and any(one is other.item for one in _below(item)):
        return item
    del place.siblings[place.index]
    holder = made["item"] if other is None else other.siblings
    at = len(holder) if other is None else next(n for n, one in enumerate(holder) if one is other.item)
    holder.insert(at, item)
    return item


def _drop_empty(element: Element) -> None:
    for item in element.get("item") or ():
        _drop_empty(item)
        if item.get("item") == []:
            del item["item"]


def _copied(made: Element, item: Element) -> Element:
    copied = copy.deepcopy(item)
    renamed: dict[str, str] = {}
    taken = _links(made)
    for one in _below(copied):
        old = str(one.get("linkId", ""))
        one["linkId"] = renamed[old] = _free(taken, elements.slug(old))
        taken.add(one["linkId"])
    for old, new in renamed.items():
        _rename_in(copied, old, new)
    return copied


def _below(item: Element) -> Iterator[Element]:
    yield item
    for child in item.get("item") or ():
        yield from _below(child)


def _links(questionnaire: Element) -> set[str]:
    return {str(one.get("linkId")) for child in questionnaire.get("item") or () for one in _below(child)}


def free_link(questionnaire: Element, stem: str) -> str:
    """A linkId that no item has."""
    return _free(_links(questionnaire), stem)


def _free(taken: set[str], stem: str) -> str:
    number = 1
    while f"{stem}-{number}" in taken:
        number += 1
    return f"{stem}-{number}"
