"""What the module reads: MedicationRequest and MedicationStatement.

http://hl7.org/fhir/R4/medicationrequest.html, http://hl7.org/fhir/R4/medicationstatement.html
"""

from __future__ import annotations

from collections.abc import Iterable

from kontinuum.fhir.datatypes import Annotation, CodeableConcept, Element, Period, Reference, decoder
from kontinuum.kernel.module import ResourceVersion
from kontinuum.sweden import systems


class Dosage(Element, frozen=True):
    """How it is taken, in the words of the prescription."""

    text: str | None = None
    patient_instruction: str | None = None
    as_needed_boolean: bool | None = None
    as_needed_codeable_concept: CodeableConcept | None = None


class Contained(Element, frozen=True):
    """A contained resource; of interest when it is the Medication."""

    id: str | None = None
    code: CodeableConcept | None = None


class DispenseRequest(Element, frozen=True):
    """How long the prescription is valid."""

    validity_period: Period | None = None


class Medication(Element, frozen=True):
    """What the two resources have in common, and what either has of its own."""

    id: str
    status: str = ""
    intent: str | None = None
    medication_codeable_concept: CodeableConcept | None = None
    medication_reference: Reference | None = None
    contained: tuple[Contained, ...] = ()
    authored_on: str | None = None
    requester: Reference | None = None
    reason_code: tuple[CodeableConcept, ...] = ()
    dosage_instruction: tuple[Dosage, ...] = ()
    dosage: tuple[Dosage, ...] = ()
    dispense_request: DispenseRequest | None = None
    effective_date_time: str | None = None
    effective_period: Period | None = None
    date_asserted: str | None = None
    information_source: Reference | None = None
    status_reason: CodeableConcept | tuple[CodeableConcept, ...] = ()
    note: tuple[Annotation, ...] = ()

    @property
    def concept(self) -> CodeableConcept:
        """The drug, whichever way it is named."""
        if self.medication_codeable_concept is not None:
            return self.medication_codeable_concept
        reference = self.medication_reference or Reference()
        inside = next((one for one in self.contained if f"#{one.id}" == reference.reference), None)
        return (inside.code if inside else None) or CodeableConcept(
            text=reference.display or reference.reference
        )

    @property
    def atc(self) -> str:
        """The ATC code; empty when none is recorded."""
        return self.concept.code(systems.ATC)

    @property
    def dosages(self) -> tuple[Dosage, ...]:
        """The dosages, in order."""
        return self.dosage_instruction or self.dosage

    @property
    def as_needed(self) -> bool:
        """Whether it is taken only when needed."""
        return any(one.as_needed_boolean or one.as_needed_codeable_concept for one in self.dosages)

    @property
    def since(self) -> str:
        """When it was begun or, failing that, prescribed."""
        period = self.effective_period.start if self.effective_period else None
        return period or self.effective_date_time or self.authored_on or self.date_asserted or ""

    @property
    def until(self) -> str:
        """When it ended or is planned to end; empty when that is open."""
        return (self.effective_period.end if self.effective_period else None) or ""

    @property
    def reasons_for_status(self) -> str:
        """Why it stands as it does; the two resources differ in how many reasons there may be."""
        reasons = self.status_reason
        if isinstance(reasons, CodeableConcept):
            return reasons.label
        return ", ".join(reason.label for reason in reasons)


_DECODER = decoder(Medication)
_NOT_A_PRESCRIPTION = frozenset({"proposal", "plan", "option"})


def read_medication(entries: Iterable[ResourceVersion]) -> list[tuple[Medication, ResourceVersion]]:
    """Each entry that is or was in use; proposals, drafts and mistakes left out."""
    read = [(_DECODER.decode(entry.body), entry) for entry in entries if entry.body]
    return [
        (medication, entry)
        for medication, entry in read
        if medication.intent not in _NOT_A_PRESCRIPTION
        and medication.status not in {"entered-in-error", "draft", "cancelled", "not-taken"}
    ]
