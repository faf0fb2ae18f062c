"""Who did something to an entry, when and why, as a Provenance (http://hl7.org/fhir/R4/provenance.html)."""

from __future__ import annotations

from typing import Any, Final

from kontinuum.fhir.search.extract import extract
from kontinuum.kernel.clock import instant
from kontinuum.kernel.principal import Principal
from kontinuum.sweden import systems

LIFECYCLE: Final = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle"
AMEND: Final = "amend"
"""A correction: the entry has a new version, and the one before is what it was made from."""
ATTEST: Final = "attest"
"""Somebody else than the author stands for the entry too: a countersignature."""
NULLIFY: Final = "nullify"
"""The whole entry is wrong."""
RESTRICT: Final = "access-restrict"
"""Something is kept back from the patient, or no longer: our own activity, as the lifecycle has none."""
OUR_ACTIVITIES: Final = "urn:kontinuum:codes:activity"

_PARTICIPATION: Final = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"


def agent(principal: Principal, role: str = "author") -> dict[str, Any]:
    """The person under an assignment: accountability never comes from the client."""
    actor, assignment = principal.actor, principal.assignment
    who: dict[str, Any] = {"display": actor.name}
    if actor.reference is not None:
        who["reference"] = actor.reference
    else:
        who["identifier"] = {"system": "urn:kontinuum:actor", "value": actor.id}
    found: dict[str, Any] = {"type": {"coding": [{"system": _PARTICIPATION, "code": role}]}, "who": who}
    if assignment.unit:
        found["onBehalfOf"] = {
            "identifier": {"system": systems.HSA_ID, "value": assignment.unit},
            "display": assignment.unit_name,
        }
    return found


def provenance(
    principal: Principal,
    now: int,
    activity: tuple[str, str],
    reason: str,
    after: str,
    before: str | None,
    patient: str | None,
) -> dict[str, Any]:
    """The record of one change; `after` and `before` are versioned references, `now` is in microseconds.

    The patient is a target too: only so is it filed with the entry, under the same rules of access.
    """
    system, code = activity
    targets = [{"reference": after}]
    if patient is not None:
        targets.append({"reference": f"Patient/{patient}"})
    made: dict[str, Any] = {
        "resourceType": "Provenance",
        "target": targets,
        "recorded": instant(now),
        "reason": [{"text": reason}],
        "activity": {"coding": [{"system": system, "code": code}]},
        "agent": [agent(principal)],
    }
    if before is not None:
        made["entity"] = [{"role": "revision", "what": {"reference": before}}]
    return made


def patient_of(resource: dict[str, Any]) -> str | None:
    """The id of the patient under whom a valid resource is filed."""
    return extract(resource).patient
