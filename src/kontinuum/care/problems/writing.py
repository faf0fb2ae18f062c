"""What is written about a problem, as resources. Pure.

Condition (http://hl7.org/fhir/R4/condition.html), and its place among the diagnoses of a contact
(http://hl7.org/fhir/R4/encounter-definitions.html#Encounter.diagnosis).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from kontinuum.fhir.authoring import HL7, coded, hl7
from kontinuum.kernel.terms import Term

CLINICAL: Final = "condition-clinical"
VERIFICATION: Final = "condition-ver-status"
CATEGORY: Final = "condition-category"
ROLES: Final = f"{HL7}/diagnosis-role"

MAIN: Final = "main"
SECONDARY: Final = "secondary"
_USES: Final = {MAIN: ("DD", "Discharge diagnosis"), SECONDARY: ("CM", "Comorbidity diagnosis")}


@dataclass(frozen=True, slots=True)
class Wording:
    """What a person says of a problem: `text` letter for letter, with a code or without.

    `lasting` problems stand on the problem list, others belong to a contact. `onset` is a FHIR date or empty.
    """

    text: str
    term: Term | None
    suspected: bool
    onset: str
    lasting: bool
    comment: str

    @property
    def key(self) -> str:
        """What registrations of the same problem have in common (`model.Condition.key`)."""
        return self.term.code if self.term else self.text.strip().casefold()


def code_of(wording: Wording, before: Mapping[str, Any]) -> dict[str, Any]:
    """The problem as a CodeableConcept; codes of other systems stay where the code is still the same."""
    term = wording.term
    if term is None:
        return {"text": wording.text}
    if any(one.get("code") == term.code for one in before.get("coding") or ()):
        return {**before, "text": wording.text}
    return coded(term.system, term.code, term.display, wording.text)


def worded(condition: Mapping[str, Any], wording: Wording) -> dict[str, Any]:
    """A Condition as it is worded now; what the form does not ask for stays."""
    made = {
        **condition,
        "verificationStatus": _verified(condition, wording.suspected),
        "category": [hl7(CATEGORY, "problem-list-item" if wording.lasting else "encounter-diagnosis")],
        "code": code_of(wording, condition.get("code") or {}),
    }
    made.pop("text", None)  # a narrative would say what the elements said before
    onset = condition.get("onsetDateTime") or ""
    if wording.onset and wording.onset == onset[:10]:
        return _commented(made, condition, wording)  # a time of day that stood there stays
    if wording.onset:
        made = {key: value for key, value in made.items() if not key.lstrip("_").startswith("onset")}
    _set(made, "onsetDateTime", wording.onset)
    return _commented(made, condition, wording)


def _commented(made: dict[str, Any], before: Mapping[str, Any], wording: Wording) -> dict[str, Any]:
    if wording.comment != comment_of(before):
        _set(made, "note", [{"text": wording.comment}] if wording.comment.strip() else None)
    return made


def _verified(before: Mapping[str, Any], suspected: bool) -> Any:
    """How certain it is; which kind of suspicion it was stays where it still is one."""
    stood = before.get("verificationStatus") or {}
    suspicions = {"unconfirmed", "provisional", "differential"}
    if suspected and any(one.get("code") in suspicions for one in stood.get("coding") or ()):
        return stood
    return hl7(VERIFICATION, "provisional" if suspected else "confirmed")


def comment_of(condition: Mapping[str, Any]) -> str:
    """The comments on a Condition, as one text."""
    return "\n".join(note["text"] for note in condition.get("note") or ())


def begun(
    identity: str, patient: str, wording: Wording, moment: str, author: Mapping[str, Any], contact: str
) -> dict[str, Any]:
    """A new Condition; `moment` is when it is recorded, `contact` the id of an Encounter or empty."""
    about: dict[str, Any] = {
        "resourceType": "Condition",
        "id": identity,
        "clinicalStatus": hl7(CLINICAL, "active"),
        "subject": {"reference": f"Patient/{patient}"},
        "recordedDate": moment,
        "recorder": dict(author),
    }
    if contact:
        about["encounter"] = {"reference": f"Encounter/{contact}"}
    return worded(about, wording)


def ended(condition: Mapping[str, Any], day: str) -> dict[str, Any]:
    """A Condition that is over since a day."""
    made = {**condition, "clinicalStatus": hl7(CLINICAL, "resolved"), "abatementDateTime": day}
    for other in ("abatementAge", "abatementPeriod", "abatementRange", "abatementString", "text"):
        made.pop(other, None)
    return made


def reopened(condition: Mapping[str, Any], *, again: bool) -> dict[str, Any]:
    """A Condition that goes on, or (`again`) has come back: one that goes on has no end."""
    made = {key: value for key, value in condition.items() if not key.lstrip("_").startswith("abatement")}
    made.pop("text", None)
    return {**made, "clinicalStatus": hl7(CLINICAL, "recurrence" if again else "active")}


def refuted(condition: Mapping[str, Any]) -> dict[str, Any]:
    """A Condition that turned out not to be so; it is not current any more (invariant con-3 to con-5)."""
    made = {**condition, "verificationStatus": hl7(VERIFICATION, "refuted")}
    made["clinicalStatus"] = hl7(CLINICAL, "inactive")
    made.pop("text", None)
    return made


def diagnosed(contact: Mapping[str, Any], condition: str, role: str) -> dict[str, Any]:
    """An Encounter with a Condition among its diagnoses; the main one is the first, and there is one."""
    reference = f"Condition/{condition}"
    others = [one for one in contact.get("diagnosis") or () if one["condition"].get("reference") != reference]
    others.sort(key=lambda one: one.get("rank") or len(others) + 1)
    entry = {"condition": {"reference": reference}}
    if role == MAIN:
        others = [_used(one, SECONDARY) if is_main(one) else one for one in others]
        ordered = [_used(entry, MAIN), *others]
    else:
        ordered = [*others, _used(entry, SECONDARY)]
    first = 1 if any(is_main(one) for one in ordered) else 2
    return {**contact, "diagnosis": [{**one, "rank": first + place} for place, one in enumerate(ordered)]}


def is_main(diagnosis: Mapping[str, Any]) -> bool:
    """Whether a diagnosis of an Encounter is its main one."""
    return diagnosis.get("rank") == 1 or any(
        one.get("code") == _USES[MAIN][0] for one in (diagnosis.get("use") or {}).get("coding") or ()
    )


def _used(diagnosis: Mapping[str, Any], role: str) -> dict[str, Any]:
    code, display = _USES[role]
    kept = {name: value for name, value in diagnosis.items() if name != "rank"}
    return {**kept, "use": {"coding": [{"system": ROLES, "code": code, "display": display}]}}


def _set(resource: dict[str, Any], name: str, value: object) -> None:
    if value:
        resource[name] = value
    else:
        resource.pop(name, None)
