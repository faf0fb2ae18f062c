"""What is written about hypersensitivity and alerts, as resources. Pure.

AllergyIntolerance (http://hl7.org/fhir/R4/allergyintolerance.html), Flag (http://hl7.org/fhir/R4/flag.html).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from kontinuum.care.allergies.kinds import DENIALS, KINDS, SEVERITIES, SYSTEM
from kontinuum.fhir.authoring import HL7, coded, hl7
from kontinuum.kernel.terms import Term
from kontinuum.sweden import systems

CLINICAL: Final = "allergyintolerance-clinical"
VERIFICATION: Final = "allergyintolerance-verification"
PATIENT: Final = "patient"
"""The source of what is recorded is the patient, not who records it."""

_ABSENT: Final = f"{HL7}/data-absent-reason"


@dataclass(frozen=True, slots=True)
class About:
    """Whom, when and by whom something is written: ids, a moment in Swedish time, the author."""

    identity: str
    patient: str
    moment: str
    author: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """A hypersensitivity as a person words it; `text` and `reaction` letter for letter.

    `category` and `severity` are keys of `CATEGORIES` and `SEVERITIES`, or empty when not known; `nature` is
    allergy, intolerance or empty.
    """

    text: str
    term: Term | None
    category: str
    nature: str
    severity: str
    suspected: bool
    reaction: str
    source: str
    comment: str


@dataclass(frozen=True, slots=True)
class Warned:
    """An alert as a person words it: a kind of `KINDS`, words, code if any, from and until (FHIR dates)."""

    kind: str
    text: str
    term: Term | None
    start: str
    until: str


def _code(text: str, term: Term | None, before: Mapping[str, Any]) -> dict[str, Any]:
    if term is None:
        return {"text": text}
    if any(one.get("code") == term.code for one in before.get("coding") or ()):
        return {**before, "text": text}
    return coded(term.system, term.code, term.display, text)


def sensitivity(before: Mapping[str, Any], said: Sensitivity, about: About) -> dict[str, Any]:
    """An AllergyIntolerance as it is worded now: a new one of nothing, or a correction of what was."""
    made: dict[str, Any] = {
        "resourceType": "AllergyIntolerance",
        "id": about.identity,
        "clinicalStatus": hl7(CLINICAL, "active"),
        "patient": {"reference": f"Patient/{about.patient}"},
        "recordedDate": about.moment,
        "recorder": dict(about.author),
        **before,
        "verificationStatus": hl7(VERIFICATION, "unconfirmed" if said.suspected else "confirmed"),
        "code": _code(said.text, said.term, before.get("code") or {}),
    }
    made.pop("text", None)  # a narrative would say what the elements said before
    criticality, worst = SEVERITIES[said.severity][:2] if said.severity else (None, None)
    values = {
        "type": said.nature,
        "category": _categories(before, said.category),
        "criticality": criticality,
        "asserter": _asserter(before, said.source, about),
        "reaction": _reactions(before, said.reaction, worst),
    }
    if said.comment != comment_of(before):
        values["note"] = [{"text": said.comment}] if said.comment.strip() else None
    for name, value in values.items():
        if value:
            made[name] = value
        else:
            made.pop(name, None)
    return made


def _categories(before: Mapping[str, Any], category: str) -> list[str]:
    """The category that was chosen; several that stood there stay where the first is still the one."""
    stood: list[str] = before.get("category") or []
    return stood if stood[:1] == [category] else [category] if category else []


def _asserter(before: Mapping[str, Any], source: str, about: About) -> dict[str, Any]:
    """On whose word it stands: the patient's, or that of who records it unless it was another's before."""
    stood: dict[str, Any] = before.get("asserter") or {}
    patients = (stood.get("reference") or "").startswith("Patient/")
    if stood and patients is (source == PATIENT):
        return stood
    return {"reference": f"Patient/{about.patient}"} if source == PATIENT else dict(about.author)


def _reactions(before: Mapping[str, Any], shown: str, worst: str | None) -> list[dict[str, Any]]:
    """The reaction in the words typed; what stood there before stays where nothing else was typed.

    FHIR has no severity without a manifestation, so where that is not known it says so.
    """
    if shown == reaction_of(before) and before.get("reaction"):
        first, *others = before["reaction"]
        kept = {name: value for name, value in first.items() if name != "severity"}
        return [{**kept, **({"severity": worst} if worst else {})}, *others]
    if not shown.strip() and not worst:
        return []
    unknown = {"coding": [{"system": _ABSENT, "code": "unknown", "display": "Unknown"}]}
    manifestation = {"text": shown} if shown.strip() else unknown
    return [{"manifestation": [manifestation], **({"severity": worst} if worst else {})}]


def reaction_of(allergy: Mapping[str, Any]) -> str:
    """How it shows, as one text."""
    found = [
        one.get("text") or next((each.get("display", "") for each in one.get("coding") or ()), "")
        for reaction in allergy.get("reaction") or ()
        for one in reaction.get("manifestation") or ()
        if not any(each.get("system") == _ABSENT for each in one.get("coding") or ())
    ]
    return ", ".join(filter(None, found))


def comment_of(allergy: Mapping[str, Any]) -> str:
    """The comments, as one text."""
    return "\n".join(note["text"] for note in allergy.get("note") or ())


def denial(scope: str, about: About, *, by_patient: bool) -> dict[str, Any]:
    """The statement that none is known; `scope` is a key of `DENIALS`."""
    code, display, _, recorded = DENIALS[scope]
    patient = {"reference": f"Patient/{about.patient}"}
    return {
        "resourceType": "AllergyIntolerance",
        "id": about.identity,
        "clinicalStatus": hl7(CLINICAL, "active"),
        "verificationStatus": hl7(VERIFICATION, "confirmed"),
        "code": coded(systems.SNOMED_CT, code, display, recorded),
        "patient": patient,
        "recordedDate": about.moment,
        "recorder": dict(about.author),
        "asserter": patient if by_patient else dict(about.author),
    }


def warning(before: Mapping[str, Any], said: Warned, about: About) -> dict[str, Any]:
    """A Flag as it is worded now: a new one of nothing, or a correction of what was."""
    made: dict[str, Any] = {
        "resourceType": "Flag",
        "id": about.identity,
        "status": "active",
        "subject": {"reference": f"Patient/{about.patient}"},
        "author": dict(about.author),
        **before,
        "category": [coded(SYSTEM, said.kind, KINDS[said.kind].recorded)],
        "code": _code(said.text, said.term, before.get("code") or {}),
    }
    made.pop("text", None)
    stood = before.get("period") or {}
    typed = (("start", said.start), ("end", said.until))
    # A time of day that stood there stays where the day is still the same.
    period = {
        name: stood[name] if stood.get(name, "")[:10] == value else value for name, value in typed if value
    }
    if period:
        made["period"] = period
    else:
        made.pop("period", None)
    return made


def over(entry: Mapping[str, Any], day: str, *, refuted: bool = False) -> dict[str, Any]:
    """An entry that does not hold any more since a day; `refuted` when it turned out never to have held."""
    made = {name: value for name, value in entry.items() if name != "text"}
    if entry["resourceType"] == "Flag":
        return {**made, "status": "inactive", "period": {**(entry.get("period") or {}), "end": day}}
    if refuted:
        made["verificationStatus"] = hl7(VERIFICATION, "refuted")
    return {**made, "clinicalStatus": hl7(CLINICAL, "inactive" if refuted else "resolved")}


def back(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry that holds after all."""
    made = {name: value for name, value in entry.items() if name != "text"}
    if entry["resourceType"] == "Flag":
        period = {name: value for name, value in (entry.get("period") or {}).items() if name != "end"}
        made["status"] = "active"
        return {**made, "period": period} if period else {k: v for k, v in made.items() if k != "period"}
    verified = hl7(VERIFICATION, "confirmed")
    refuted = entry.get("verificationStatus") == hl7(VERIFICATION, "refuted")
    made["verificationStatus"] = verified if refuted else entry.get("verificationStatus", verified)
    return {**made, "clinicalStatus": hl7(CLINICAL, "active")}
