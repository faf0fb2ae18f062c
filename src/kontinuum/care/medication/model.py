"""What the module reads: MedicationRequest, MedicationStatement, and what they are checked against.

http://hl7.org/fhir/R4/medicationrequest.html, http://hl7.org/fhir/R4/medicationstatement.html,
http://hl7.org/fhir/R4/condition.html, http://hl7.org/fhir/R4/list.html
"""

from __future__ import annotations

from collections.abc import Iterable

from kontinuum.fhir.datatypes import (
    Annotation,
    CodeableConcept,
    Element,
    Period,
    Quantity,
    Reference,
    decoder,
)
from kontinuum.kernel.module import ResourceVersion
from kontinuum.sweden import systems

STATUS_CHANGED = "http://hl7.org/fhir/5.0/StructureDefinition/extension-MedicationRequest.statusChanged"
"""When a prescription got its status: R5 has an element for it, and says how R4 writes it."""


class Extension(Element, frozen=True):
    """An extension whose value is a moment."""

    url: str
    value_date_time: str | None = None


class Repeat(Element, frozen=True):
    """From when until when it is to be taken."""

    bounds_period: Period | None = None


class Timing(Element, frozen=True):
    """When it is taken."""

    repeat: Repeat | None = None


class Dosage(Element, frozen=True):
    """How it is taken, in the words of the prescription."""

    timing: Timing | None = None
    text: str | None = None
    patient_instruction: str | None = None
    as_needed_boolean: bool | None = None
    as_needed_codeable_concept: CodeableConcept | None = None


class Contained(Element, frozen=True):
    """A contained resource; of interest when it is the Medication."""

    id: str | None = None
    code: CodeableConcept | None = None


class DispenseRequest(Element, frozen=True):
    """How long the prescription is valid, and how often it is dispensed after the first time."""

    validity_period: Period | None = None
    number_of_repeats_allowed: int | None = None
    quantity: Quantity | None = None


class Substitution(Element, frozen=True):
    """Whether the pharmacy may exchange the product."""

    allowed_boolean: bool | None = None


class Medication(Element, frozen=True):
    """What the two resources have in common, and what either has of its own."""

    id: str
    extension: tuple[Extension, ...] = ()
    status: str = ""
    intent: str | None = None
    medication_codeable_concept: CodeableConcept | None = None
    medication_reference: Reference | None = None
    contained: tuple[Contained, ...] = ()
    authored_on: str | None = None
    requester: Reference | None = None
    category: tuple[CodeableConcept, ...] = ()
    reason_code: tuple[CodeableConcept, ...] = ()
    reason_reference: tuple[Reference, ...] = ()
    prior_prescription: Reference | None = None
    substitution: Substitution | None = None
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
        begun = self._bounds.start or self.effective_date_time
        return begun or self.authored_on or self.date_asserted or ""

    @property
    def until(self) -> str:
        """When it ended or is planned to end; empty when that is open."""
        changed = next((one.value_date_time for one in self.extension if one.url == STATUS_CHANGED), None)
        return (changed if self.status == "stopped" else None) or self._bounds.end or ""

    @property
    def _bounds(self) -> Period:
        if self.effective_period is not None:
            return self.effective_period
        repeats = (one.timing.repeat for one in self.dosages if one.timing)
        return next((one.bounds_period for one in repeats if one and one.bounds_period), Period())

    @property
    def prescribed(self) -> str:
        """When it was prescribed or told of last."""
        return self.authored_on or self.date_asserted or self.since

    @property
    def valid_until(self) -> str:
        """The last day on which the prescription holds; empty when none is stated."""
        valid = self.dispense_request.validity_period if self.dispense_request else None
        return (valid.end if valid else None) or ""

    @property
    def prior(self) -> str:
        """The id of the prescription that this one replaces; empty for none."""
        return ((self.prior_prescription or Reference()).reference or "").rpartition("/")[2]

    @property
    def purpose(self) -> str:
        """What it is for: the reasons given, else what the patient was told besides the dosage."""
        named = [one.display for one in self.reason_reference if one.display]
        reasons = [*named, *(reason.label for reason in self.reason_code)]
        told = [one.patient_instruction for one in self.dosages if one.text and one.patient_instruction]
        return ", ".join(dict.fromkeys(reasons or told))

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


def is_prescription(entry: ResourceVersion) -> bool:
    """Whether an entry is a prescription, which can be renewed; a statement only tells of use."""
    return entry.type == "MedicationRequest"


class Problem(Element, frozen=True):
    """A Condition that a drug can be for."""

    id: str
    clinical_status: CodeableConcept | None = None
    verification_status: CodeableConcept | None = None
    code: CodeableConcept = CodeableConcept()

    @property
    def current(self) -> bool:
        """Whether it goes on."""
        wrong = self.verification_status and self.verification_status.has("entered-in-error", "refuted")
        over = self.clinical_status and self.clinical_status.has("resolved", "inactive", "remission")
        return not wrong and not over


class Person(Element, frozen=True):
    """How old the patient is."""

    birth_date: str | None = None


class Entry(Element, frozen=True):
    """A drug on a list that was gone through."""

    item: Reference = Reference()


class Review(Element, frozen=True):
    """The medication list as somebody went through it: a List."""

    id: str
    status: str = ""
    date: str | None = None
    source: Reference | None = None
    entry: tuple[Entry, ...] = ()

    @property
    def references(self) -> frozenset[str]:
        """What stood on it, as `Type/id`."""
        return frozenset(one.item.reference or "" for one in self.entry)


_PROBLEMS = decoder(Problem)
_PERSONS = decoder(Person)
_REVIEWS = decoder(Review)


def read_problems(entries: Iterable[ResourceVersion]) -> list[Problem]:
    """The problems that go on, each code or wording once."""
    read = (_PROBLEMS.decode(entry.body) for entry in entries if entry.body)
    once = {one.code.code() or one.code.label.casefold(): one for one in read if one.current}
    return list(once.values())


def read_birth_date(entries: Iterable[ResourceVersion]) -> str:
    """The patient's date of birth; empty where it is not known."""
    found = next((_PERSONS.decode(entry.body) for entry in entries if entry.body), Person())
    return found.birth_date or ""


def read_review(entries: Iterable[ResourceVersion]) -> tuple[Review, ResourceVersion] | None:
    """The latest list that was gone through."""
    read = [(_REVIEWS.decode(entry.body), entry) for entry in entries if entry.body]
    standing = [one for one in read if one[0].status == "current"]
    return max(standing, key=lambda one: one[0].date or "", default=None)
