"""A worklist as a unit builds it: what it lists, on which conditions, with which columns. Pure.

Each becomes a search of FHIR (http://hl7.org/fhir/R4/search.html), which whoever opens the list makes as
themselves: a list shows nobody more than they may read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, timedelta
from typing import Any, Final
from urllib.parse import quote

from kontinuum.kernel.i18n import message

KIND: Final = "worklist"


@dataclass(frozen=True, slots=True)
class Thing:
    """What a list can be of: a resource type, and the search parameters that its conditions are.

    `statuses` are (key, words, codes); those of `usual` are listed where none is chosen.
    """

    title: str
    type: str
    date: str
    code: str
    code_words: str
    status: str
    statuses: tuple[tuple[str, str, str], ...]
    fixed: str = ""


THINGS: Final[Mapping[str, Thing]] = {
    "patients": Thing(
        message("patients with a diagnosis"),
        "Condition",
        "recorded-date",
        "code",
        message("Diagnosis codes"),
        "clinical-status",
        (
            ("active", message("going on"), "active,recurrence,relapse"),
            ("ended", message("ended"), "inactive,remission,resolved"),
        ),
    ),
    "contacts": Thing(
        message("contacts"),
        "Encounter",
        "date",
        "type",
        message("Codes of the kind of contact"),
        "status",
        (
            ("planned", message("booked"), "planned"),
            ("now", message("here now"), "arrived,triaged,in-progress,onleave"),
            ("done", message("finished"), "finished"),
        ),
    ),
    "tasks": Thing(
        message("tasks"),
        "Task",
        "authored-on",
        "code",
        message("Codes of the kind of task"),
        "status",
        (
            ("open", message("open"), "requested,received,accepted,ready,in-progress,on-hold"),
            ("done", message("done"), "completed"),
        ),
    ),
    "results": Thing(
        message("laboratory results"),
        "Observation",
        "date",
        "code",
        message("Codes of the analysis"),
        "status",
        (
            ("preliminary", message("preliminary"), "registered,preliminary"),
            ("final", message("final"), "final,amended,corrected"),
        ),
        "category=laboratory",
    ),
    "notes": Thing(
        message("notes"),
        "Composition",
        "date",
        "type",
        message("Codes of the kind of note"),
        "status",
        (
            ("unsigned", message("unsigned"), "preliminary"),
            ("signed", message("signed"), "final,amended"),
        ),
    ),
}
"""What lists can be of."""

PERIODS: Final[Mapping[str, tuple[str, int, int]]] = {
    "": (message("at any time"), 0, 0),
    "today": (message("today"), 0, 0),
    "-7": (message("the last 7 days"), -7, 0),
    "-30": (message("the last 30 days"), -30, 0),
    "-90": (message("the last 3 months"), -90, 0),
    "-365": (message("the last year"), -365, 0),
    "7": (message("today and 7 days on"), 0, 7),
    "30": (message("today and 30 days on"), 0, 30),
}
"""Words, first and last day counted from today."""

MISSING: Final[Mapping[str, tuple[str, str, str]]] = {
    "": (message("nothing"), "", ""),
    "measurement": (message("measurement or result"), "Observation", "date"),
    "contact": (message("contact"), "Encounter", "date"),
    "note": (message("note"), "Composition", "date"),
}
"""Words, type, and the search parameter of its date: what the patient has none of."""

COLUMNS: Final[Mapping[str, str]] = {
    "when": message("When"),
    "what": message("What"),
    "value": message("Value"),
    "status": message("Status"),
    "by": message("By whom"),
    "unit": message("Unit"),
}
ORDERS: Final[Mapping[str, str]] = {"newest": message("newest first"), "oldest": message("oldest first")}

_CODES: Final = re.compile(r"[^\s,|]+(\|[^\s,|]+)?")
_NO_TITLE: Final = message("Give the list a name.")
_NO_CODE: Final = message("Say which diagnoses: write one or more codes, such as I10.")
_NO_MISSING: Final = message("Say what is missing: write the code, such as 85354-9 for blood pressure.")
_BAD_CODE: Final = message("Codes are written with a comma between them, such as E119, I109.")


@dataclass(frozen=True, slots=True)
class Worklist:
    """A worklist. `code` and `missing_code` hold codes with commas between."""

    about: str = "notes"
    own_unit: bool = True
    period: str = ""
    code: str = ""
    statuses: tuple[str, ...] = ()
    missing: str = ""
    missing_code: str = ""
    missing_period: str = "-365"
    columns: tuple[str, ...] = ("when", "what", "status", "by")
    order: str = "newest"

    @property
    def thing(self) -> Thing:
        """What it is of."""
        return THINGS[self.about]

    @property
    def whole(self) -> bool:
        """Whether it must be looked through as a whole: a patient once, or those who lack something."""
        return self.about == "patients" or bool(self.missing)


def content_of(worklist: Worklist) -> dict[str, Any]:
    """A list as it is kept."""
    return {name: list(one) if isinstance(one, tuple) else one for name, one in asdict(worklist).items()}


def read(content: Mapping[str, Any]) -> Worklist | None:
    """A list as it was kept; None where it asks for what there is not."""
    known: dict[str, Any] = {}
    for field in fields(Worklist):
        value = content.get(field.name, field.default)
        made = tuple(value) if isinstance(value, list | tuple) else value
        if type(made) is not type(field.default):
            return None
        known[field.name] = made
    worklist = Worklist(**known)
    return None if _unknown(worklist) else worklist


def _unknown(worklist: Worklist) -> bool:
    if worklist.about not in THINGS or worklist.order not in ORDERS or worklist.missing not in MISSING:
        return True
    statuses = {key for key, _, _ in worklist.thing.statuses}
    periods = {worklist.period, worklist.missing_period} <= PERIODS.keys()
    chosen = set(worklist.statuses) <= statuses and set(worklist.columns) <= COLUMNS.keys()
    return not (periods and chosen) or bool(faults("-", worklist))


def faults(title: str, worklist: Worklist) -> list[str]:
    """What is to be corrected before a list can be looked at and kept."""
    found = []
    if not title.strip():
        found.append(_NO_TITLE)
    if worklist.about == "patients" and not worklist.code:
        found.append(_NO_CODE)
    if worklist.missing == "measurement" and not worklist.missing_code:
        found.append(_NO_MISSING)
    codes = (*codes_in(worklist.code), *codes_in(worklist.missing_code))
    if not all(_CODES.fullmatch(one) for one in codes):
        found.append(_BAD_CODE)
    return found


def codes_in(text: str) -> tuple[str, ...]:
    """The codes in a field."""
    return tuple(one.strip() for one in text.split(",") if one.strip())


def search_of(worklist: Worklist, today: date) -> str:
    """The search that a list is."""
    thing = worklist.thing
    chosen = [codes for key, _, codes in thing.statuses if key in worklist.statuses or not worklist.statuses]
    parts = [thing.fixed, f"{thing.status}={','.join(chosen)}"]
    parts += _coded(thing.code, worklist.code) + _dated(thing.date, worklist.period, today)
    parts.append(f"_sort={'-' if worklist.order == 'newest' else ''}{thing.date}")
    return f"{thing.type}?{'&'.join(part for part in parts if part)}"


def search_of_missing(worklist: Worklist, today: date, patients: Sequence[str]) -> str:
    """The search for what some patients do have of that of which a list shows who lacks it."""
    _, type_name, when = MISSING[worklist.missing]
    parts = [f"patient={','.join(patients)}", *_dated(when, worklist.missing_period, today)]
    if worklist.missing == "measurement":
        parts += _coded("code", worklist.missing_code)
    return f"{type_name}?{'&'.join(parts)}"


def _coded(parameter: str, text: str) -> list[str]:
    codes = codes_in(text)
    return [f"{parameter}={','.join(quote(one, safe='|') for one in codes)}"] if codes else []


def _dated(parameter: str, period: str, today: date) -> list[str]:
    if not period:
        return []
    _, first, last = PERIODS[period]
    days = (today + timedelta(days=first), today + timedelta(days=last))
    return [f"{parameter}=ge{days[0].isoformat()}", f"{parameter}=le{days[1].isoformat()}"]


@dataclass(frozen=True, slots=True)
class Cells:
    """What a resource has for each column; `value` is a number with its unit, or words."""

    patient: str
    when: str = ""
    what: str = ""
    value: str = ""
    unit_of_value: str = ""
    status: str = ""
    by: str = ""


def cells(worklist: Worklist, resource: Mapping[str, Any]) -> Cells:
    """The cells of what a list found."""
    thing = worklist.thing
    status = resource.get(thing.status) or resource.get("status")
    if worklist.about == "patients":
        status = next(iter(_codings(resource.get("clinicalStatus"))), "")
    words = next((words for _, words, codes in thing.statuses if status in codes.split(",")), "")
    quantity = resource.get("valueQuantity", {})
    value = str(quantity.get("value", "")) or str(resource.get("valueString", ""))
    return Cells(
        patient=_patient(resource),
        when=_when(resource),
        what=_what(resource),
        value=value or _label(resource.get("valueCodeableConcept")),
        unit_of_value=str(quantity.get("unit") or quantity.get("code") or ""),
        status=words,
        by=", ".join(dict.fromkeys(_people(resource))),
    )


def _patient(resource: Mapping[str, Any]) -> str:
    holder = resource.get("subject") or resource.get("for") or {}
    return str(holder.get("reference", "")).partition("Patient/")[2].partition("/")[0]


def _when(resource: Mapping[str, Any]) -> str:
    names = ("effectiveDateTime", "date", "authoredOn", "recordedDate", "onsetDateTime")
    period = resource.get("period") or resource.get("effectivePeriod") or {}
    found = (resource[name] for name in names if name in resource)
    return str(next(found, period.get("start", "")))


def _what(resource: Mapping[str, Any]) -> str:
    kinds = (resource.get("code"), *(resource["type"] if isinstance(resource.get("type"), list) else ()))
    words = (str(resource.get("title") or ""), *map(_label, kinds), str(resource.get("description") or ""))
    held = resource.get("class")
    return next((one for one in words if one), str((held or {}).get("display", "")))


def _label(concept: Any) -> str:
    if not isinstance(concept, dict):
        return ""
    shown = [one.get("display") or one.get("code") or "" for one in concept.get("coding") or ()]
    return str(concept.get("text") or next(iter(shown), ""))


def _codings(concept: Any) -> Iterable[str]:
    return (str(one.get("code")) for one in (concept or {}).get("coding") or ())


def _people(resource: Mapping[str, Any]) -> Iterable[str]:
    held = [resource.get(name) for name in ("author", "performer", "recorder", "asserter", "owner")]
    held += [one.get("individual") for one in resource.get("participant") or ()]
    for one in held:
        for each in one if isinstance(one, list) else [one]:
            if isinstance(each, dict) and each.get("display"):
                yield str(each["display"])
