"""The fixed cast of every permission test, and the small region in which it plays.

Three units: A and B of one provider, C of another. Every patient has data at all three.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from kontinuum.kernel.principal import (
    PROTECTED_IDENTITY,
    Actor,
    ActorKind,
    Assignment,
    Principal,
    Purpose,
)
from kontinuum.sweden import systems

PROVIDER, ELSEWHERE = "SE2321000016-1003", "SE5560000001-1001"
UNIT_A, UNIT_B, UNIT_C = f"{PROVIDER}-A", f"{PROVIDER}-B", f"{ELSEWHERE}-C"
OWNER = {UNIT_A: PROVIDER, UNIT_B: PROVIDER, UNIT_C: ELSEWHERE}
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)

ADULT, CHILD, TEEN, SECRET, DEAD = "p-adult", "p-child", "p-teen", "p-secret", "p-dead"
PATIENTS = (ADULT, CHILD, TEEN, SECRET, DEAD)
GUARDIAN_ID = "p-guardian"

KINDS = ("Observation", "MedicationRequest", "AllergyIntolerance", "Composition")


def someone(
    name: str,
    unit: str,
    kind: ActorKind = ActorKind.STAFF,
    purpose: Purpose = Purpose.CARE,
    *rights: str,
) -> Principal:
    """Somebody with an assignment at a unit."""
    provider = OWNER.get(unit, "")
    assignment = Assignment(
        f"{name}@{unit}",
        name,
        unit,
        f"Enhet {unit[-1:]}",
        provider,
        f"Vårdgivare {provider}",
        purpose,
        rights,
    )
    reference = f"Patient/{name}" if kind is ActorKind.PATIENT else f"Practitioner/{name}"
    return Principal(Actor(kind, name, name, reference), assignment, "test")


def patient_of(identity: str) -> Principal:
    """A patient on the patient's own pages."""
    return someone(identity, "", ActorKind.PATIENT, Purpose.PATIENT)


TREATING = someone("treating", UNIT_A)
COLLEAGUE = someone("colleague", UNIT_B)
OUTSIDE = someone("outside", UNIT_C)
NURSE = someone("nurse", UNIT_A)
ADMINISTRATOR = someone("administrator", UNIT_A, ActorKind.STAFF, Purpose.ADMINISTRATION)
TRUSTED = someone("trusted", UNIT_A, ActorKind.STAFF, Purpose.CARE, PROTECTED_IDENTITY)
PATIENT = patient_of(ADULT)
GUARDIAN = patient_of(GUARDIAN_ID)
PROTECTED = patient_of(SECRET)
SYSTEM_A = someone("system", UNIT_A, ActorKind.SYSTEM, Purpose.SYSTEM)

CAST = {
    "treating doctor": TREATING,
    "colleague at another unit": COLLEAGUE,
    "doctor at another provider": OUTSIDE,
    "nurse": NURSE,
    "administrator": ADMINISTRATOR,
    "patient": PATIENT,
    "guardian": GUARDIAN,
    "person with protected identity": PROTECTED,
    "system client": SYSTEM_A,
}


def born(years: int) -> str:
    """The date of birth of somebody who turned so many years old a month ago."""
    return (NOW - timedelta(days=30)).replace(year=NOW.year - years).date().isoformat()


def people() -> list[dict[str, Any]]:
    """The patients."""
    ages = {ADULT: 46, CHILD: 8, TEEN: 14, SECRET: 39, DEAD: 80, GUARDIAN_ID: 40}
    found = []
    for identity, age in ages.items():
        person: dict[str, Any] = {
            "resourceType": "Patient",
            "id": identity,
            "identifier": [{"system": "urn:example:patients", "value": identity}],
            "name": [{"family": "Test", "given": [identity]}],
            "birthDate": born(age),
            "address": [{"line": ["Hornsgatan 14"], "city": "Stockholm"}],
            "telecom": [{"system": "phone", "value": "070-174 06 31"}],
            "contact": [{"name": {"text": "Nära Anhörig"}}],
        }
        if identity == SECRET:
            label = {"system": systems.SECURITY_LABEL, "code": systems.CONFIDENTIALITY_MARK}
            person["meta"] = {"security": [label]}
        if identity == DEAD:
            person["deceasedDateTime"] = "2026-10-01"
        found.append(person)
    return found


def entries(patient: str, unit: str) -> list[dict[str, Any]]:
    """A patient's data at a unit: one of each kind, in the year that the kind's place in the list tells."""
    suffix = f"{patient}-{unit[-1].lower()}"
    about = {"reference": f"Patient/{patient}"}
    return [
        {
            "resourceType": "Observation",
            "id": f"obs-{suffix}",
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]},
            "subject": about,
            "effectiveDateTime": "2024-03-01T08:00:00Z",
            "valueQuantity": {"value": 120, "unit": "mmHg"},
        },
        {
            "resourceType": "MedicationRequest",
            "id": f"med-{suffix}",
            "status": "active",
            "intent": "order",
            "medicationCodeableConcept": {"text": "Alvedon"},
            "subject": about,
            "authoredOn": "2024-03-01T08:00:00Z",
        },
        {
            "resourceType": "AllergyIntolerance",
            "id": f"alg-{suffix}",
            "clinicalStatus": {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical",
                        "code": "active",
                    }
                ]
            },
            "code": {"text": "Penicillin"},
            "patient": about,
            "recordedDate": "2024-03-01T08:00:00Z",
        },
        {
            "resourceType": "Composition",
            "id": f"note-{suffix}",
            "status": "final",
            "type": {"text": "Anteckning"},
            "subject": about,
            "date": "2024-03-01T08:00:00Z",
            "author": [{"display": "Läkare"}],
            "title": "Anteckning",
        },
    ]


def visit(patient: str, unit: str, **changes: Any) -> dict[str, Any]:
    """A visit that goes on: the unit takes part in the care."""
    return {
        "resourceType": "Encounter",
        "id": f"enc-{patient}-{unit[-1].lower()}",
        "status": "in-progress",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": {"reference": f"Patient/{patient}"},
        "period": {"start": "2026-11-22T08:00:00Z"},
        **changes,
    }
