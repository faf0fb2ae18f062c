"""What is written about a drug, as resources. Pure.

MedicationRequest (http://hl7.org/fhir/R4/medicationrequest.html), List (http://hl7.org/fhir/R4/list.html).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from kontinuum.care.medication.dosing import Dosing, dosage
from kontinuum.care.medication.model import STATUS_CHANGED
from kontinuum.fhir.authoring import HL7, coded, hl7
from kontinuum.kernel.terms import Term

CATEGORY: Final = "medicationrequest-category"
COMMUNITY: Final = "community"
INPATIENT: Final = "inpatient"
LIST_CODE: Final = ("list-example-use-codes", "medications")

RENEWED: Final = "Förnyad"
CHANGED: Final = "Ändrad ordination"
_CARRIED: Final = (
    "category",
    "priority",
    "reportedBoolean",
    "contained",
    "medicationCodeableConcept",
    "medicationReference",
    "reasonCode",
    "reasonReference",
    "insurance",
    "dosageInstruction",
    "dispenseRequest",
    "substitution",
)
"""What a renewal has of the prescription before it, byte for byte."""


@dataclass(frozen=True, slots=True)
class About:
    """Whom, when and by whom something is written: ids, a moment in Swedish time, the author."""

    identity: str
    patient: str
    moment: str
    author: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    """A prescription as a person words it; `name` letter for letter.

    `problem` is the id and the name of a Condition, or empty; `reason` is free text. `pack` is a number and
    what is counted; `draws` how many times it is dispensed; `until` the last day. `why` is the reason to
    prescribe against a warning, with what was warned of.
    """

    name: str
    term: Term | None
    dosing: Dosing
    problem: tuple[str, str]
    reason: str
    pack: tuple[Decimal, str] | None
    draws: int
    until: str
    exchange: bool
    inpatient: bool
    comment: str
    why: str


def prescribed(about: About, said: Said, prior: str = "") -> dict[str, Any]:
    """A new MedicationRequest; `prior` is the id of the one that it replaces."""
    term = said.term
    concept = coded(term.system, term.code, term.display, said.name) if term else {"text": said.name}
    made: dict[str, Any] = {
        **_begun(about, prior),
        "category": [hl7(CATEGORY, INPATIENT if said.inpatient else COMMUNITY)],
        "medicationCodeableConcept": concept,
        "dosageInstruction": [dosage(said.dosing)],
    }
    if said.problem[0]:
        reference, display = said.problem
        made["reasonReference"] = [{"reference": f"Condition/{reference}", "display": display}]
    if said.reason.strip():
        made["reasonCode"] = [{"text": said.reason}]
    if not said.inpatient:
        made["dispenseRequest"] = _dispensed(about, said)
        made["substitution"] = {"allowedBoolean": said.exchange}
    notes = [{"text": text} for text in (said.why, said.comment) if text.strip()]
    return made | ({"note": notes} if notes else {})


def _begun(about: About, prior: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "resourceType": "MedicationRequest",
        "id": about.identity,
        "status": "active",
        "intent": "order",
        "subject": {"reference": f"Patient/{about.patient}"},
        "authoredOn": about.moment,
        "requester": dict(about.author),
    }
    return made | ({"priorPrescription": {"reference": f"MedicationRequest/{prior}"}} if prior else {})


def _dispensed(about: About, said: Said) -> dict[str, Any]:
    made: dict[str, Any] = {
        "validityPeriod": {"start": about.moment[:10], "end": said.until},
        "numberOfRepeatsAllowed": said.draws - 1,
    }
    if said.pack is not None:
        made["quantity"] = {"value": said.pack[0], "unit": said.pack[1]}
    return made


def renewed(before: Mapping[str, Any], about: About, until: str, why: str) -> dict[str, Any]:
    """A MedicationRequest that goes on where another ends; dosage and drug stay byte for byte."""
    made = _begun(about, before["id"]) | {name: before[name] for name in _CARRIED if name in before}
    if "dispenseRequest" in before:
        validity = {"start": about.moment[:10], "end": until}
        made["dispenseRequest"] = {**before["dispenseRequest"], "validityPeriod": validity}
    return made | ({"note": [{"text": why}]} if why else {})


def over(request: Mapping[str, Any], status: str, reason: str, moment: str) -> dict[str, Any]:
    """A MedicationRequest that holds no more, since when and why; `status` is stopped or completed."""
    others = [one for one in request.get("extension") or () if one.get("url") != STATUS_CHANGED]
    made = {name: value for name, value in request.items() if name != "text"}
    changed = {"url": STATUS_CHANGED, "valueDateTime": moment}
    return {**made, "extension": [*others, changed], "status": status, "statusReason": {"text": reason}}


def back(request: Mapping[str, Any]) -> dict[str, Any]:
    """A MedicationRequest that was stopped by mistake and holds after all."""
    others = [one for one in request.get("extension") or () if one.get("url") != STATUS_CHANGED]
    gone = ("text", "statusReason", "extension")
    made = {name: value for name, value in request.items() if name not in gone}
    return {**made, **({"extension": others} if others else {}), "status": "active"}


def gone_through(about: About, references: Sequence[str], title: str) -> dict[str, Any]:
    """The List that says what stood on the medication list when somebody went through it."""
    made: dict[str, Any] = {
        "resourceType": "List",
        "id": about.identity,
        "status": "current",
        "mode": "snapshot",
        "title": title,
        "code": {"coding": [{"system": f"{HL7}/{LIST_CODE[0]}", "code": LIST_CODE[1]}]},
        "subject": {"reference": f"Patient/{about.patient}"},
        "date": about.moment,
        "source": dict(about.author),
    }
    if references:
        return made | {"entry": [{"item": {"reference": each}} for each in references]}
    return made | {"emptyReason": hl7("list-empty-reason", "nilknown")}
