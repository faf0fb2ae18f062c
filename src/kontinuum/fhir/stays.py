"""Where an admitted patient lies, has lain and is going: Encounter.location. Pure.

http://hl7.org/fhir/R4/encounter-definitions.html#Encounter.location
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

Reference = Mapping[str, Any]

INPATIENT: Final = frozenset({"IMP", "ACUTE", "NONAC", "SS", "OBSENC"})
"""The classes of contacts in which a patient lies on a ward (v3-ActCode)."""


def is_inpatient(encounter: Mapping[str, Any]) -> bool:
    """Whether a contact is an admission."""
    return (encounter.get("class") or {}).get("code") in INPATIENT


def placed(encounter: Mapping[str, Any], here: Sequence[Reference], moment: str) -> dict[str, Any]:
    """An admission whose patient lies elsewhere from a moment on; where the patient lay before stays."""
    names = {one.get("reference") for one in here}
    before = [
        one
        if one.get("status") in ("completed", "planned") or one["location"].get("reference") in names
        else {**one, "status": "completed", "period": {**(one.get("period") or {}), "end": moment}}
        for one in encounter.get("location") or ()
    ]
    there = {one["location"].get("reference") for one in before if one.get("status") == "active"}
    new = [
        {"location": dict(one), "status": "active", "period": {"start": moment}}
        for one in here
        if one.get("reference") not in there
    ]
    return _with(encounter, [*before, *new])


def planned(encounter: Mapping[str, Any], here: Sequence[Reference], moment: str) -> dict[str, Any]:
    """An admission whose patient is to move at a moment, in place of an earlier plan."""
    to = [{"location": dict(one), "status": "planned", "period": {"start": moment}} for one in here]
    return _with(encounter, [*staying(encounter), *to])


def unplanned(encounter: Mapping[str, Any]) -> dict[str, Any]:
    """An admission whose patient stays where the patient is."""
    return _with(encounter, staying(encounter))


def staying(encounter: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Where the patient lies and has lain."""
    return [one for one in encounter.get("location") or () if one.get("status") != "planned"]


def going(encounter: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Where the patient is to lie."""
    return [one for one in encounter.get("location") or () if one.get("status") == "planned"]


def _with(encounter: Mapping[str, Any], location: list[dict[str, Any]]) -> dict[str, Any]:
    made = {**encounter, "location": location}
    if not location:
        made.pop("location")
    made.pop("text", None)
    return made
