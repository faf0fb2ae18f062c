"""What a form made elsewhere writes otherwise than FHIR allows, put right where that takes no guess.

Builders of forms write numbers in quotes, lists without content and answers that are chosen beforehand twice
over. Whoever takes such a form in cannot change that in the studio, and should not have to change the file.
What is put right is told, each thing with its place; everything else is refused, with its place, or kept to
the letter.
http://hl7.org/fhir/R4/json.html and http://hl7.org/fhir/R4/questionnaire.html.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from kontinuum.fhir.definitions import type_definition
from kontinuum.fhir.questionnaire.extensions import FHIRPATH, VALUE_BY_TYPE
from kontinuum.fhir.questionnaire.items import FHIR_TYPES
from kontinuum.fhir.questionnaire.values import only_value, same_value
from kontinuum.fhir.validation import validate
from kontinuum.kernel.i18n import Translator, message
from kontinuum.web.workspace.studio.elements import Element

Told = dict[str, list[str]]
"""What was done, and at which places."""

_QUOTED: Final = message("Numbers and true or false that stood in quotes are read as such: %(where)s.")
_EMPTY: Final = message("Lists without content are left out: %(where)s.")
_CHOSEN: Final = message("What is chosen beforehand is marked at the choice: %(where)s.")
_UNDATED: Final = message("Codes without status or time of their making have got them: %(where)s.")
_RENAMED: Final = message(
    "Names of calculated values are written without what FHIR does not allow: %(where)s."
)
_TYPED: Final = message("Expressions name values as FHIRPath does: %(where)s.")
_UNUSED: Final = message("What nothing in the form refers to is left out: %(where)s.")

_SHOWN: Final = 5
_DEEPEST: Final = 60
_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WHOLE: Final = re.compile(r"-?(0|[1-9][0-9]{0,9})")
_READ: Final[Mapping[str, Callable[[str], Any]]] = {
    "decimal": lambda text: Decimal(text) if _NUMBER.fullmatch(text) else None,
    "integer": lambda text: int(text) if _WHOLE.fullmatch(text) else None,
    "positiveInt": lambda text: int(text) if _WHOLE.fullmatch(text) else None,
    "unsignedInt": lambda text: int(text) if _WHOLE.fullmatch(text) else None,
    "boolean": lambda text: {"true": True, "false": False}.get(text),
}


def mended(questionnaire: Element, moment: str) -> tuple[Element, Told]:
    """A Questionnaire as FHIR allows it, as far as nothing has to be guessed, and what was done.

    `moment` is the dateTime at which codes without one count as made.
    """
    told: Told = {}
    made = _renamed(_written(questionnaire, "Questionnaire", "Questionnaire", told, 0), told)
    _name_values(made, told)
    _choose(made, "Questionnaire", told)
    for number, one in enumerate(made.get("contained") or ()):
        _date(one, f"Questionnaire.contained[{number}]", moment, told)
    return _without_unused(made, told), told


def in_words(told: Told, translator: Translator) -> str:
    """What was done, in sentences, each with its first places."""
    made = []
    for sentence, places in told.items():
        shown = ", ".join(places[:_SHOWN]) + (" …" if len(places) > _SHOWN else "")
        made.append(translator.gettext(sentence) % {"where": shown})
    return " ".join(made)


def _written(element: Any, type_name: str, path: str, told: Told, depth: int) -> Any:
    """An element with its primitives as JSON writes them."""
    if isinstance(element, str) and type_name in _READ:
        value = _READ[type_name](element)
        if value is not None:
            told.setdefault(_QUOTED, []).append(path)
            return value
    if not isinstance(element, dict) or depth > _DEEPEST:
        return element
    definition = type_definition(str(element.get("resourceType") or type_name))
    if definition is None:
        return element
    made = {}
    for name, value in element.items():
        place = f"{path}.{name}"
        known = definition.properties.get(name)
        if value == []:
            told.setdefault(_EMPTY, []).append(place)
        elif known is None:
            made[name] = value
        elif isinstance(value, list):
            each = enumerate(value)
            made[name] = [_written(one, known.type, f"{place}[{n}]", told, depth + 1) for n, one in each]
        else:
            made[name] = _written(value, known.type, place, told, depth + 1)
    return made


def _renamed(questionnaire: Element, told: Told) -> Element:
    """With variables named as `Expression.name` may be, where they are stated and where they are used."""
    names = {str(one["name"]) for one in _expressions(questionnaire) if "name" in one}
    new = {name: name.replace("_", "") for name in sorted(names) if _JOINED.fullmatch(name)}
    if not new or len(names | {*new.values()}) < len(names) + len(new) or len({*new.values()}) < len(new):
        return questionnaire
    used = re.compile(rf"%({'|'.join(new)})(?![A-Za-z0-9_])")
    for one in _expressions(questionnaire):
        if one.get("name") in new:
            one["name"] = new[one["name"]]
        if isinstance(one.get("expression"), str):
            one["expression"] = used.sub(lambda found: f"%{new[found[1]]}", one["expression"])
    told[_RENAMED] = [f"{before} → {after}" for before, after in new.items()]
    return questionnaire


def _name_values(questionnaire: Element, told: Told) -> None:
    """Name the values of answers as FHIRPath does: `.value.ofType(decimal)` for `.valueDecimal`."""
    for one in _expressions(questionnaire):
        if one.get("language") == FHIRPATH and VALUE_BY_TYPE.search(str(one.get("expression"))):
            told.setdefault(_TYPED, []).append(one["expression"])
            one["expression"] = VALUE_BY_TYPE.sub(_of_type, one["expression"])


def _of_type(found: re.Match[str]) -> str:
    return f".value.ofType({FHIR_TYPES[found[1]]})"


_JOINED: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)+")


def _expressions(value: Any) -> Iterator[Element]:
    """Every Expression in an element (http://hl7.org/fhir/R4/metadatatypes.html#Expression)."""
    if isinstance(value, dict):
        if "language" in value and ("expression" in value or "name" in value):
            yield value
        value = list(value.values())
    for one in value if isinstance(value, list) else ():
        yield from _expressions(one)


def _choose(holder: Element, path: str, told: Told) -> None:
    """Mark the choices that `initial` names: an item has no `initial` beside its choices (que-11)."""
    for number, item in enumerate(holder.get("item") or ()):
        place = f"{path}.item[{number}]"
        options, initial = item.get("answerOption") or (), item.get("initial") or ()
        meant = [one for value in initial for one in options if _is(one, value)]
        if options and len(meant) == len(initial) > 0:
            for one in meant:
                one["initialSelected"] = True
            del item["initial"]
            told.setdefault(_CHOSEN, []).append(place)
        _choose(item, place, told)


def _is(option: Element, value: Element) -> bool:
    return same_value(only_value(option), only_value(value))


def _date(resource: Element, path: str, moment: str, told: Told) -> None:
    if resource.get("resourceType") != "ValueSet":
        return
    expansion = resource.get("expansion")
    if "status" not in resource:
        resource["status"] = "unknown"
        told.setdefault(_UNDATED, []).append(path)
    if isinstance(expansion, dict) and "timestamp" not in expansion:
        expansion["timestamp"] = moment
        told.setdefault(_UNDATED, []).append(f"{path}.expansion")


def _without_unused(questionnaire: Element, told: Told) -> Element:
    """Without the contained resources that nothing refers to, which FHIR does not allow (dom-3)."""
    unused = {
        issue.location
        for issue in validate({"status": "draft", **questionnaire})
        if issue.message.startswith("dom-3")
    }
    if not unused:
        return questionnaire
    places = [f"Questionnaire.contained[{n}]" for n, _ in enumerate(questionnaire["contained"])]
    each = zip(places, questionnaire["contained"], strict=True)
    kept = [one for place, one in each if place not in unused]
    told.setdefault(_UNUSED, []).extend(place for place in places if place in unused)
    rest = {name: value for name, value in questionnaire.items() if name != "contained"}
    return {**rest, "contained": kept} if kept else rest
