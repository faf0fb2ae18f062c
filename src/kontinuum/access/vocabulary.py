"""The codes by which the law is written into FHIR resources (http://hl7.org/fhir/R4/consent.html).

FHIR has no codes for the blocks of patientdatalagen, so these are ours. They are stored: a code may never
change its meaning.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from kontinuum.sweden import systems

CONSENT_KIND: Final = systems.CONSENT_KIND
"""System of `Consent.category` for what follows."""

INFORMATION_TYPE: Final = systems.INFORMATION_TYPE
"""System of `Consent.provision.class` (in a block: of its exceptions) for groups of resource types."""


class ConsentKind(StrEnum):
    """What a Consent of ours says."""

    INNER_BLOCK = "inner-block"
    OUTER_BLOCK = "outer-block"
    COHERENT_RECORD = "coherent-record"
    CANNOT_CONSENT = "cannot-consent"
    PROXY = "proxy"


INFORMATION: Final = systems.INFORMATION_GIVEN
"""System of `Communication.category` for what a patient has been told."""

COHERENT_RECORD: Final = "coherent-record"
"""That what is documented is offered to other care providers, and that the patient may object."""

BLOCKS: Final = frozenset({ConsentKind.INNER_BLOCK, ConsentKind.OUTER_BLOCK})
READING: Final = frozenset({ConsentKind.COHERENT_RECORD, ConsentKind.CANNOT_CONSENT})

INFORMATION_TYPES: Final[dict[str, frozenset[str]]] = {
    "medication": frozenset(
        {"MedicationRequest", "MedicationStatement", "MedicationAdministration", "MedicationDispense"}
    ),
    "alerts": frozenset({"AllergyIntolerance", "Flag", "DetectedIssue"}),
    "laboratory": frozenset({"DiagnosticReport", "Observation", "Specimen"}),
    "diagnoses": frozenset({"Condition"}),
    "notes": frozenset({"Composition", "DocumentReference"}),
    "contacts": frozenset({"Encounter", "Appointment"}),
    "vaccinations": frozenset({"Immunization"}),
}
"""The resource types of each group."""

KEPT_IN_BLOCK: Final = ("medication", "alerts")
"""The groups that a block may leave visible (patientdatalagen (2008:355) 4:4; HSLF-FS 2016:40 ch. 4)."""
