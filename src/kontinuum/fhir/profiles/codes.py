"""Value sets whose codes can be listed without asking anybody, and questions about those that cannot.

http://hl7.org/fhir/R4/valueset.html#compositions
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kontinuum.fhir.profiles.items import Item

__all__ = ["Code", "Codes", "Question", "codes_of", "enumerate_codes"]

Code = tuple[str | None, str]
"""System and code; the system of a `code` element is not said, so it is None."""
Codes = frozenset[tuple[str, str]]

MOST_LISTED = 5_000


@dataclass(frozen=True, slots=True)
class Question:
    """Whether one of the codes is in a value set: for a terminology to answer.

    `strength` is "required" or "extensible"; `said` names the profile that asks; `location` is FHIRPath.
    """

    value_set: str
    strength: str
    codes: tuple[Code, ...]
    said: str
    location: str


def codes_of(item: Item) -> tuple[Code, ...] | None:
    """The codes of a value; None for one of a type that has none."""
    value = item.value
    match item.type:
        case "CodeableConcept":
            return tuple(code for each in value.get("coding", ()) for code in _coding(each))
        case "Coding" | "Quantity":
            return tuple(_coding(value))
        case "code" | "uri" | "string" | "canonical" | "url" | "id":
            return () if value is None else ((None, value),)
    return None


def _coding(coding: Mapping[str, Any]) -> list[Code]:
    return [(coding.get("system"), coding["code"])] if "code" in coding else []


def enumerate_codes(
    value_set: Mapping[str, Any],
    set_of: Callable[[str], Codes | None],
    system_of: Callable[[str], Codes | None],
) -> Codes | None:
    """All codes of a value set, by the sets and systems that are known here; None when they cannot be listed.

    Nothing is listed of filters, nor of more than 5,000 codes: those are for the terminology.
    """
    compose = value_set.get("compose")
    if compose is None:
        return None
    included = _united(compose.get("include", ()), set_of, system_of)
    excluded = _united(compose.get("exclude", ()), set_of, system_of)
    if included is None or excluded is None or len(included) > MOST_LISTED:
        return None
    return included - excluded


def _united(
    components: Any, set_of: Callable[[str], Codes | None], system_of: Callable[[str], Codes | None]
) -> Codes | None:
    found: Codes = frozenset()
    for each in components:
        part = _part(each, set_of, system_of)
        if part is None:
            return None
        found |= part
    return found


def _part(
    component: Mapping[str, Any],
    set_of: Callable[[str], Codes | None],
    system_of: Callable[[str], Codes | None],
) -> Codes | None:
    if "filter" in component:
        return None
    parts: list[Codes | None] = [set_of(each) for each in component.get("valueSet", ())]
    if "concept" in component:
        parts.append(frozenset((component["system"], each["code"]) for each in component["concept"]))
    elif "system" in component:
        parts.append(system_of(component["system"]))
    listed = [part for part in parts if part is not None]
    if not listed or len(listed) < len(parts):
        return None
    return frozenset.intersection(*listed)
