"""Where, from when and in which version a form is in use.

http://hl7.org/fhir/R4/questionnaire-definitions.html: each version is a resource of its own with the same
`url`; `status` "active", `effectivePeriod` and the venues of `useContext` say where it is begun.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Any, Final

CONTEXT_TYPES: Final = "http://terminology.hl7.org/CodeSystem/usage-context-type"
VENUE: Final = "venue"
KIND: Final = "urn:kontinuum:template-kind"
"""The code system that says in `useContext` what a template is: "note", "scale" or "phrase"."""


def number(questionnaire: Mapping[str, Any]) -> int:
    """The version as a number, from 1; 0 for a version that is none."""
    version = str(questionnaire.get("version", ""))
    return int(version) if version.isdecimal() else 0


def kind(questionnaire: Mapping[str, Any]) -> str:
    """What a template is; one that does not say is a note."""
    return next(
        (
            str(coding.get("code"))
            for context in questionnaire.get("useContext") or ()
            for coding in context.get("valueCodeableConcept", {}).get("coding") or ()
            if coding.get("system") == KIND
        ),
        "note",
    )


def venues(questionnaire: Mapping[str, Any]) -> tuple[str, ...]:
    """The codes of the places at which the form is in use."""
    return tuple(
        coding["code"]
        for context in questionnaire.get("useContext") or ()
        if context.get("code", {}).get("code") == VENUE
        for coding in context.get("valueCodeableConcept", {}).get("coding") or ()
        if "code" in coding
    )


def starts(questionnaire: Mapping[str, Any]) -> str:
    """The day from which it is in use; empty for any."""
    return str(questionnaire.get("effectivePeriod", {}).get("start", ""))[:10]


def in_use(versions: Iterable[dict[str, Any]], places: Collection[str], day: date) -> list[dict[str, Any]]:
    """Of each form the newest version that is in use at one of the places on a day."""
    newest: dict[str, dict[str, Any]] = {}
    for one in versions:
        here = set(venues(one)) & set(places)
        if one.get("status") != "active" or not here or starts(one) > day.isoformat():
            continue
        held = newest.get(one.get("url", ""))
        if held is None or number(held) < number(one):
            newest[one.get("url", "")] = one
    return list(newest.values())
