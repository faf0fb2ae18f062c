"""One item of a template as its editor shows it: each property as a text, and back. Pure.

http://hl7.org/fhir/R4/questionnaire.html with the extensions of https://hl7.org/fhir/uv/sdc/. What is not
changed stays as it is, down to extensions that nobody here knows: a property is written only when its text
is another than the one that it is shown as.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from kontinuum.fhir.questionnaire import display, urls
from kontinuum.fhir.questionnaire.drawing import draw, drawn
from kontinuum.kernel.i18n import message
from kontinuum.sweden import systems

Element = dict[str, Any]

ANSWERS: Final = "urn:kontinuum:answer"
"""The code system of choices that an author writes as words."""

KINDS: Final[Mapping[str, str]] = {
    "group": message("heading with questions below"),
    "text": message("free text"),
    "string": message("short text"),
    "decimal": message("number"),
    "integer": message("whole number"),
    "date": message("date"),
    "dateTime": message("date and time"),
    "time": message("time of day"),
    "boolean": message("yes or no"),
    "choice": message("choice, one"),
    "choice*": message("choice, several"),
    "open-choice": message("choice or own words"),
    "open-choice*": message("choices and own words"),
    "group*": message("table with rows"),
    "display": message("text for who fills it in"),
    "quantity": message("quantity"),
    "url": message("address (URL)"),
}
"""The kinds of items, each with what it is called; a star says that it repeats."""

DRAWN: Final[Mapping[str, str]] = {
    "medication": message("current medication"),
    "allergies": message("hypersensitivity"),
    "problems": message("active diagnoses"),
    "vitals": message("latest vital signs"),
    "results": message("latest laboratory results"),
}
"""What a text can begin with from the chart, and what each is called."""

CODE_SYSTEMS: Final[Mapping[str, str]] = {
    "http://loinc.org": "LOINC",
    "http://snomed.info/sct": "SNOMED CT",
    systems.ICD_10_SE: "ICD-10-SE",
    systems.KVA: "KVÅ",
    "http://www.whocc.no/atc": "ATC",
}

UNITS: Final[Mapping[str, str]] = {
    "mmHg": "mm[Hg]",
    "/min": "/min",
    "°C": "Cel",
    "%": "%",
    "kg": "kg",
    "g": "g",
    "cm": "cm",
    "mm": "mm",
    "kg/m²": "kg/m2",
    "ml": "mL",
    "l": "L",
    "l/min": "L/min",
    "mmol/l": "mmol/L",
    "µmol/l": "umol/L",
    "mmol/mol": "mmol/mol",
    "g/l": "g/L",
    "mg/l": "mg/L",
    "poäng": "{score}",
    "år": "a",
    "veckor": "wk",
    "dagar": "d",
    "h": "h",
    "min": "min",
}
"""Usual units as they are written, and their codes (https://ucum.org)."""

CONDITION: Final = "Condition"
_UCUM: Final = "http://unitsofmeasure.org"
_CONTROLS: Final = "http://hl7.org/fhir/questionnaire-item-control"
_FHIRPATH: Final = "text/fhirpath"
_CLINICAL: Final = f"{urls.CORE}Condition#Condition.clinicalStatus"
_ACTIVE: Final = {
    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]
}
_NUMBER: Final = re.compile(r"-?\d{1,15}(?:[.,]\d{1,10})?")
_WEIGHTED: Final = re.compile(r"(.*\S)\s*\|\s*(-?\d{1,6}(?:[.,]\d{1,4})?)")


def extension(element: Mapping[str, Any], url: str) -> Any:
    """The value of an extension; None where it is absent."""
    for one in element.get("extension") or ():
        if one.get("url") == url:
            return next((value for key, value in one.items() if key.startswith("value")), None)
    return None


def set_extension(element: Element, url: str, value: Mapping[str, Any] | None) -> None:
    """Put an extension in its place, or take it away."""
    found = list(element.get("extension") or ())
    place = next((number for number, one in enumerate(found) if one.get("url") == url), len(found))
    found[place : place + 1] = [] if value is None else [{"url": url, **value}]
    _put(element, "extension", found)


def _parts(value: Any) -> Mapping[str, Any]:
    """A value of several parts; none of them where it is a plain one."""
    return value if isinstance(value, dict) else {}


def _put(element: Element, name: str, value: Any) -> None:
    if value in (None, "", [], {}):
        element.pop(name, None)
    else:
        element[name] = value


def kind(item: Mapping[str, Any]) -> str:
    """Which of the kinds an item is; one that is none of them as its type, with a star where it repeats."""
    return f"{item.get('type', '')}{'*' if item.get('repeats') else ''}"


def _set_kind(item: Element, text: str) -> None:
    item["type"] = text.removesuffix("*")
    _put(item, "repeats", text.endswith("*") or None)
    if item["type"] == "group":
        table = {"valueCodeableConcept": {"coding": [{"system": _CONTROLS, "code": "gtable"}]}}
        set_extension(item, urls.ITEM_CONTROL, table if text.endswith("*") else None)


def _help(item: Mapping[str, Any]) -> str:
    found = [child for child in item.get("item") or () if is_help(child)]
    return str(found[0].get("text", "")) if found else ""


def is_help(item: Mapping[str, Any]) -> bool:
    """Whether an item only explains the one it stands below."""
    control = _parts(extension(item, urls.ITEM_CONTROL))
    codes = [one.get("code") for one in control.get("coding") or ()]
    return item.get("type") == "display" and codes == ["help"]


def _set_help(item: Element, text: str) -> None:
    children = list(item.get("item") or ())
    place = next((number for number, one in enumerate(children) if is_help(one)), None)
    if place is not None and text:
        children[place] = {**children[place], "text": text}
    elif place is not None:
        del children[place]
    elif text:
        control = {"coding": [{"system": _CONTROLS, "code": "help"}]}
        made = {
            "linkId": f"{item.get('linkId', '')}-help",
            "type": "display",
            "text": text,
            "extension": [{"url": urls.ITEM_CONTROL, "valueCodeableConcept": control}],
        }
        children.insert(0, made)
    _put(item, "item", children)


def _unit(item: Mapping[str, Any]) -> str:
    unit = _parts(extension(item, urls.UNIT))
    return str(unit.get("display") or unit.get("code") or "")


def _set_unit(item: Element, text: str) -> None:
    coding = {"system": _UCUM, "code": UNITS.get(text, text), "display": text}
    set_extension(item, urls.UNIT, {"valueCoding": coding} if text else None)


def number_of(text: str) -> Decimal | int | None:
    """A number as it is typed, with a comma or a point."""
    if not _NUMBER.fullmatch(text):
        return None
    made = Decimal(text.replace(",", "."))
    return int(made) if made == int(made) and "," not in text and "." not in text else made


def _limit(url: str) -> Callable[[Mapping[str, Any]], str]:
    def read(item: Mapping[str, Any]) -> str:
        value = extension(item, url)
        return "" if value is None else str(value).replace(".", ",")

    return read


def _set_limit(url: str) -> Callable[[Element, str], None]:
    def write(item: Element, text: str) -> None:
        number = number_of(text)
        if number is not None or not text:
            key = (
                "valueInteger"
                if item.get("type") == "integer" and isinstance(number, int)
                else "valueDecimal"
            )
            set_extension(item, url, None if number is None else {key: number})

    return write


def option_line(option: Mapping[str, Any]) -> str:
    """A choice as a line: its words, and after a bar what it counts in a score."""
    value = next(({key: one} for key, one in option.items() if key.startswith("value")), {})
    weight = extension(option, urls.ORDINAL_VALUE)
    weight = weight if weight is not None else extension(option, urls.ITEM_WEIGHT)
    coding = option.get("valueCoding") or {}
    if weight is None:
        weight = extension(coding, urls.ORDINAL_VALUE)
    shown = " ".join(display(value, "sv").split()) if value else ""
    return f"{shown} | {str(weight).replace('.', ',')}" if weight is not None else shown


def _options(item: Mapping[str, Any]) -> str:
    return "\n".join(option_line(one) for one in item.get("answerOption") or ())


def _set_options(item: Element, text: str) -> None:
    known = {option_line(one): one for one in item.get("answerOption") or ()}
    by_words = {line.partition(" | ")[0]: one for line, one in known.items()}
    made: list[Element] = []
    for line in filter(None, (" ".join(one.split()) for one in text.splitlines())):
        made.append(known[line] if line in known else _option(line, by_words))
    _put(item, "answerOption", made)
    if made:
        item.pop("answerValueSet", None)


def _option(line: str, known: Mapping[str, Element]) -> Element:
    weighted = _WEIGHTED.fullmatch(line)
    words = weighted[1] if weighted else line
    if words in known:
        option = {**known[words]}
    else:
        option = {"valueCoding": {"system": ANSWERS, "code": slug(words), "display": words}}
    weight = number_of(weighted[2]) if weighted else None
    set_extension(option, urls.ITEM_WEIGHT, None)
    set_extension(option, urls.ORDINAL_VALUE, None if weight is None else {"valueDecimal": weight})
    return option


def slug(words: str) -> str:
    """Words as a code or linkId: small letters, digits and hyphens."""
    text = words.casefold().translate(str.maketrans("åäöéü", "aaoeu"))
    return re.sub(r"[^a-z0-9]+", "-", text).strip("-")[:40] or "x"


def _formula(url: str) -> Callable[[Mapping[str, Any]], str]:
    def read(item: Mapping[str, Any]) -> str:
        return str(_parts(extension(item, url)).get("expression", ""))

    return read


def _set_formula(url: str) -> Callable[[Element, str], None]:
    def write(item: Element, text: str) -> None:
        before = _parts(extension(item, url)) or {"language": _FHIRPATH}
        set_extension(item, url, {"valueExpression": {**before, "expression": text}} if text else None)

    return write


def becomes(item: Mapping[str, Any]) -> str:
    """What the answer becomes on signing: an Observation, a part of one, a Condition, or ""."""
    context = extension(item, urls.EXTRACTION_CONTEXT)
    if context is not None:
        return str(context.get("expression") if isinstance(context, dict) else context)
    stated = extension(item, urls.OBSERVATION_EXTRACT)
    return "" if stated in (None, False) else "observation" if stated is True else str(stated)


def _set_becomes(item: Element, text: str) -> None:
    if becomes(item) == CONDITION:
        kept = [
            one
            for one in item.get("extension") or ()
            if one["url"] not in (urls.EXTRACTION_CONTEXT, urls.DEFINITION_VALUE)
        ]
        _put(item, "extension", kept)
    observed: Mapping[str, Any] | None = None
    if text and text != CONDITION:
        observed = {"valueBoolean": True} if text == "observation" else {"valueCode": text}
    set_extension(item, urls.OBSERVATION_EXTRACT, observed)
    if text == CONDITION:
        set_extension(item, urls.EXTRACTION_CONTEXT, {"valueCode": CONDITION})
        fixed = [
            {"url": "definition", "valueUri": _CLINICAL},
            {"url": "fixed-value", "valueCodeableConcept": _ACTIVE},
        ]
        item["extension"].append({"url": urls.DEFINITION_VALUE, "extension": fixed})


def _coded(name: str) -> Callable[[Mapping[str, Any]], str]:
    def read(item: Mapping[str, Any]) -> str:
        codes = item.get("code") or [{}]
        return str(codes[0].get(name, ""))

    return read


def _set_coded(name: str) -> Callable[[Element, str], None]:
    def write(item: Element, text: str) -> None:
        codes = [dict(one) for one in item.get("code") or [{}]]
        _put(codes[0], name, text)
        _put(item, "code", [one for one in codes if one])

    return write


def _plain(name: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda item: str(item.get(name, ""))


def _set_plain(name: str) -> Callable[[Element, str], None]:
    return lambda item, text: _put(item, name, text)


def _flag(name: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda item: "true" if item.get(name) is True else ""


def _set_flag(name: str) -> Callable[[Element, str], None]:
    return lambda item, text: _put(item, name, True if text else None)


def _set_value_set(item: Element, text: str) -> None:
    _put(item, "answerValueSet", text)
    if text:
        item.pop("answerOption", None)


@dataclass(frozen=True, slots=True)
class Property:
    """How a property of an item is read as a text, and written from one."""

    read: Callable[[Mapping[str, Any]], str]
    write: Callable[[Element, str], None]


PROPERTIES: Final[Mapping[str, Property]] = {
    "text": Property(_plain("text"), _set_plain("text")),
    "kind": Property(kind, _set_kind),
    "help": Property(_help, _set_help),
    "required": Property(_flag("required"), _set_flag("required")),
    "unit": Property(_unit, _set_unit),
    "min": Property(_limit(urls.MIN_VALUE), _set_limit(urls.MIN_VALUE)),
    "max": Property(_limit(urls.MAX_VALUE), _set_limit(urls.MAX_VALUE)),
    "options": Property(_options, _set_options),
    "valueset": Property(_plain("answerValueSet"), _set_value_set),
    "calculated": Property(_formula(urls.CALCULATED), _set_formula(urls.CALCULATED)),
    "initial": Property(_formula(urls.INITIAL), _set_formula(urls.INITIAL)),
    "draws": Property(drawn, draw),
    "enabled": Property(_formula(urls.ENABLE_WHEN), _set_formula(urls.ENABLE_WHEN)),
    "becomes": Property(becomes, _set_becomes),
    "system": Property(_coded("system"), _set_coded("system")),
    "code": Property(_coded("code"), _set_coded("code")),
    "display": Property(_coded("display"), _set_coded("display")),
    "definition": Property(_plain("definition"), _set_plain("definition")),
}
"""What is edited of an item, by the name of its field; conditions and linkIds are `editing`'s."""
