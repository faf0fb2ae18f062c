"""What the services read of resources that may come from anywhere; what does not fit is told, not guessed.

http://hl7.org/fhir/R4/allergyintolerance.html, …/medicationrequest.html, …/flag.html, …/patient.html
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

import msgspec

from kontinuum.fhir.datatypes import CodeableConcept, Element, Meta, Reference
from kontinuum.sweden import systems

_NO_KNOWN_ALLERGY: Final = ("716186003", "409137002", "429625007", "428607008")
"""SNOMED CT: no known allergy, and no known allergy to drugs, food, and the environment."""


class Reaction(Element, frozen=True):
    """How severe a reaction was."""

    severity: str | None = None


class Allergy(Element, frozen=True):
    """AllergyIntolerance."""

    code: CodeableConcept = CodeableConcept()
    clinical_status: CodeableConcept | None = None
    verification_status: CodeableConcept | None = None
    category: tuple[str, ...] = ()
    criticality: str | None = None
    reaction: tuple[Reaction, ...] = ()

    @property
    def stands(self) -> bool:
        """Whether it is recorded that somebody reacts, and holds now."""
        wrong = self.verification_status and self.verification_status.has("refuted", "entered-in-error")
        past = self.clinical_status and self.clinical_status.has("resolved", "inactive")
        return not wrong and not past and not self.code.has(*_NO_KNOWN_ALLERGY)

    @property
    def severe(self) -> bool:
        """Whether it may threaten life or organs."""
        return self.criticality == "high" or any(one.severity == "severe" for one in self.reaction)

    @property
    def about_drugs(self) -> bool:
        """Whether it is, or may be, about a drug."""
        return not self.category or not {"medication", "biologic"}.isdisjoint(self.category)


class Contained(Element, frozen=True):
    """A contained Medication."""

    id: str | None = None
    code: CodeableConcept | None = None


class Drug(Element, frozen=True):
    """MedicationRequest and MedicationStatement."""

    status: str = ""
    intent: str | None = None
    medication_codeable_concept: CodeableConcept | None = None
    medication_reference: Reference | None = None
    contained: tuple[Contained, ...] = ()

    @property
    def in_use(self) -> bool:
        """Whether it is taken, or on hold; proposals, drafts and mistakes are not."""
        ordered = self.intent not in ("proposal", "plan", "option")
        return ordered and self.status in ("active", "on-hold", "intended")

    @property
    def concept(self) -> CodeableConcept:
        """The drug, whichever way it is named."""
        if self.medication_codeable_concept is not None:
            return self.medication_codeable_concept
        reference = self.medication_reference or Reference()
        inside = next((one.code for one in self.contained if f"#{one.id}" == reference.reference), None)
        return inside or CodeableConcept(text=reference.display or reference.reference)

    @property
    def label(self) -> str:
        """The drug in the words recorded."""
        return self.concept.label or "?"


class Alert(Element, frozen=True):
    """Flag."""

    status: str = ""
    code: CodeableConcept = CodeableConcept()


class Person(Element, frozen=True):
    """Patient: never who it is."""

    deceased_boolean: bool | None = None
    deceased_date_time: str | None = None
    meta: Meta = Meta()

    @property
    def protected(self) -> bool:
        """Whether the identity is protected."""
        return any(one.system == systems.SECURITY_LABEL for one in self.meta.security)


T = TypeVar("T", bound=Element)


def atc_of(concept: CodeableConcept) -> str:
    """The ATC code of a concept; empty when it has none."""
    codes = (
        one.code for one in concept.coding if one.code and systems.canonical(one.system or "") == systems.ATC
    )
    return next(codes, "").upper()


def read(resources: list[dict[str, Any]], view: type[T]) -> tuple[list[T], int]:
    """Resources as a view, and how many were not of its form."""
    found, wrong = [], 0
    for one in resources:
        try:
            found.append(msgspec.convert(one, view))
        except msgspec.ValidationError:
            wrong += 1
    return found, wrong
