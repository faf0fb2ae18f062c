"""Phrases: texts with fields, choices and values of the chart, kept as forms. Pure.

What stands in braces is filled in: `{plats}` by the writer, `{ja/nej}` is one of several, `{=vikt}` comes
from the chart, as a form's answers do (https://hl7.org/fhir/uv/sdc/populate.html). A phrase of a unit is a
Questionnaire of the kind `KIND` with the text as what its only question begins with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from kontinuum.fhir.issues import Issue
from kontinuum.fhir.questionnaire import urls
from kontinuum.fhir.questionnaire.checking import check
from kontinuum.fhir.questionnaire.evaluating import Context
from kontinuum.fhir.questionnaire.items import Form
from kontinuum.fhir.questionnaire.parsing import compile_form
from kontinuum.fhir.questionnaire.prefilling import Prefilled, prefill
from kontinuum.fhir.questionnaire.rendering import display
from kontinuum.kernel.i18n import local

KIND: Final = "phrase"
LONGEST: Final = 20_000
MOST_VALUES: Final = 30
BRACES: Final = re.compile(r"\{([^{}\n]{1,200})\}")
"""A field, a choice or a value of the chart in a text."""

_LOINC: Final = "http://loinc.org"
_NPU: Final = "urn:oid:1.2.752.108.1"
_CODE: Final = re.compile(r"NPU\d{5}|\d{1,7}-\d")
_NAME: Final = re.compile(r"\.[a-zåäöéü0-9-]{1,30}")
_LAUNCH: Final = "http://hl7.org/fhir/uv/sdc/CodeSystem/launchContext"
_YEARS: Final = "today().toString().replace('-','').toInteger()"
_BORN: Final = "%patient.birthDate.toString().replace('-','').toInteger()"
_PRESSURE: Final = "blodtryck"

MEASURED: Final[Mapping[str, tuple[str, ...]]] = {
    "vikt": ("29463-7",),
    "längd": ("8302-2",),
    "bmi": ("39156-5",),
    _PRESSURE: ("8480-6", "8462-4"),
    "puls": ("8867-4",),
    "temp": ("8310-5",),
    "saturation": ("2708-6", "59408-5"),
    "andningsfrekvens": ("9279-1",),
}
"""The latest measurements that a phrase can name, with their LOINC codes; a pressure is both its parts."""

TOLD: Final[Mapping[str, str]] = {
    "idag": "today().toString()",
    "ålder": f"(({_YEARS} - {_BORN}) div 10000).toString()",
    "namn": "%patient.name.first().select(iif(text.exists(), text, (given | family).join(' ')))",
    "kontaktorsak": "%encounter.reasonCode.first().select(iif(text.exists(), text, coding.display.first()))",
    "jag": "%user.name.first().text",
}
"""What else a phrase can name, as expressions in which `%patient`, `%encounter` and `%user` are known."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A phrase for a patient; `missing` are the values that the chart does not have, now fields."""

    text: str
    missing: tuple[str, ...]


def choices(field: str) -> tuple[str, ...]:
    """What a field offers to choose among; nothing for one that is written."""
    parts = tuple(part.strip() for part in field.split("/"))
    return parts if len(parts) > 1 and all(parts) else ()


def values(text: str) -> tuple[str, ...]:
    """The names of what a text takes from the chart, each once."""
    return tuple(dict.fromkeys(one[1:].strip() for one in BRACES.findall(text) if one.startswith("=")))


def questionnaire(name: str, text: str) -> dict[str, Any]:
    """A phrase as a form: `name` begins with a full stop."""
    item: dict[str, Any] = {"linkId": "text", "type": "text", "text": name}
    return {"resourceType": "Questionnaire", "language": "sv", "title": name, "status": "draft"} | {
        "subjectType": ["Patient"],
        "item": [with_text(item, text)],
    }


def with_text(item: Mapping[str, Any], text: str) -> dict[str, Any]:
    """The question of a phrase with another text."""
    kept = {key: value for key, value in item.items() if key != "initial"}
    return {**kept, "initial": [{"valueString": text}]} if text else kept


def text_of(form: Mapping[str, Any]) -> str:
    """The text of a phrase; empty where there is none."""
    for item in form.get("item") or ():
        for one in item.get("initial") or ():
            return str(one.get("valueString", "")) if isinstance(one, dict) else ""
    return ""


def faults(form: Mapping[str, Any]) -> list[Issue]:
    """What is wrong with a phrase, beside what is wrong with it as a form."""
    text, place = text_of(form), "Questionnaire.item[0]"
    found = []
    if not _NAME.fullmatch(str(form.get("title", ""))):
        found.append(("Questionnaire.title", "The name has at most 30 small letters, digits and hyphens."))
    if not text.strip():
        found.append((place, "Write the text that the name stands for."))
    if len(form.get("item") or ()) > 1:
        told = "A phrase has one question only. What else the form asks is gone when the text is changed."
        found.append(("Questionnaire.item[1]", told))
    if len(text) > LONGEST:
        found.append((place, "A phrase has at most 20 000 characters."))
    if len(values(text)) > MOST_VALUES:
        found.append((place, "A phrase takes at most 30 values from the chart."))
    issues = [Issue("error", "value", told, where) for where, told in found]
    left = BRACES.sub("", text)
    if "{" in left or "}" in left:
        told = "A brace stands alone: a field is {…}, on one line and with at most 200 characters."
        issues.append(Issue("warning", "value", told, place))
    return issues + [_wrong(one, place) for one in values(text) if _items(one, 0) is None or _unread(one)]


def _wrong(value: str, place: str) -> Issue:
    told = f"'{value}' is nothing that is taken from the chart, and cannot be read as an expression."
    return Issue("error", "value", told, place)


def _unread(value: str) -> bool:
    form = _form((value,))
    return form is None or any(one.refuses for one in check(form.questionnaire))


def form_of(text: str) -> Form | None:
    """What a text takes from the chart, as a form that is filled in from it; None where it takes nothing."""
    names = tuple(one for one in values(text)[:MOST_VALUES] if _items(one, 0) is not None)
    return _form(names) if names else None


@lru_cache(maxsize=500)
def _form(names: tuple[str, ...]) -> Form | None:
    items = [item for number, name in enumerate(names) for item in _items(name, number) or ()]
    made = compile_form({"resourceType": "Questionnaire", "extension": _launched(), "item": items})
    return made if isinstance(made, Form) else None


def _launched() -> list[dict[str, Any]]:
    known = (("patient", "Patient"), ("encounter", "Encounter"), ("user", "Practitioner"))
    return [
        {
            "url": urls.LAUNCH_CONTEXT,
            "extension": [
                {"url": "name", "valueCoding": {"system": _LAUNCH, "code": name}},
                {"url": "type", "valueCode": type_name},
            ],
        }
        for name, type_name in known
    ]


def _items(name: str, number: int) -> list[dict[str, Any]] | None:
    """The questions whose answers a value is; None for what nobody knows."""
    if name in MEASURED and name != _PRESSURE:
        return [_observed(f"{number}", [(_LOINC, code) for code in MEASURED[name]])]
    if name == _PRESSURE:
        return [_observed(f"{number}.{code}", [(_LOINC, code)]) for code in MEASURED[name]]
    if _CODE.fullmatch(name):
        return [_observed(f"{number}", [(_NPU if name.startswith("NPU") else _LOINC, name)])]
    expression = TOLD.get(name) or (name if "%" in name or "(" in name else None)
    if expression is None:
        return None
    formula = {"language": "text/fhirpath", "expression": expression}
    extension = [{"url": urls.INITIAL, "valueExpression": formula}]
    return [{"linkId": f"{number}", "type": "string", "text": name, "extension": extension}]


def _observed(link: str, codes: list[tuple[str, str]]) -> dict[str, Any]:
    period = {"value": 10, "system": "http://unitsofmeasure.org", "code": "a"}
    return {
        "linkId": link,
        "type": "quantity",
        "text": link,
        "code": [{"system": system, "code": code} for system, code in codes],
        "extension": [{"url": urls.OBSERVATION_LINK, "valueDuration": period}],
    }


def fill(text: str, context: Context) -> Filled:
    """The text with what the chart says, each measurement of another day with its day.

    What the chart does not say becomes a field with the name, which the writer fills in or takes away.
    """
    form = form_of(text)
    if form is None:
        return Filled(BRACES.sub(_as_field, text), values(text))
    begun = prefill(form, context)
    names = [one for one in values(text)[:MOST_VALUES] if _items(one, 0) is not None]
    today = local(context.clock.now()).date().isoformat()
    known = {name: told for number, name in enumerate(names) if (told := _told(begun, name, number, today))}

    def put(found: re.Match[str]) -> str:
        name = found[1][1:].strip()
        return known.get(name, _as_field(found)) if found[1].startswith("=") else found[0]

    return Filled(BRACES.sub(put, text), tuple(one for one in values(text) if one not in known))


def _as_field(found: re.Match[str]) -> str:
    return f"{{{found[1][1:].strip()}}}" if found[1].startswith("=") else found[0]


def _told(begun: Prefilled, name: str, number: int, today: str) -> str:
    links = [f"{number}.{code}" for code in MEASURED[name]] if name == _PRESSURE else [f"{number}"]
    answers = {
        item["linkId"]: item["answer"][0] for item in begun.response.get("item") or () if item.get("answer")
    }
    if any(link not in answers for link in links):
        return ""
    taken = [begun.taken[link] for link in links if link in begun.taken]
    if len({one.reference for one in taken}) > 1:
        # An upper pressure of one measurement and a lower one of another are no pressure.
        return ""
    told = display(answers[links[-1]], "sv")
    if len(links) > 1:
        upper = str(answers[links[0]]["valueQuantity"]["value"]).replace(".", ",")
        told = f"{upper}/{told}"
    day = local(taken[0].when).date().isoformat() if taken else today
    return told if day == today else f"{told} ({day})"
