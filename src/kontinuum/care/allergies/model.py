"""What the module reads: AllergyIntolerance and Flag.

http://hl7.org/fhir/R4/allergyintolerance.html, http://hl7.org/fhir/R4/flag.html
"""

from __future__ import annotations

from collections.abc import Iterable

from kontinuum.fhir.datatypes import CodeableConcept, Element, Period, Reference, decoder
from kontinuum.kernel.module import ResourceVersion

NO_KNOWN_ALLERGY = frozenset({"716186003", "409137002", "429625007", "428607008"})
"""SNOMED CT: no known allergy, and no known allergy to drugs, food, and the environment."""


class Reaction(Element, frozen=True):
    """What happened."""

    manifestation: tuple[CodeableConcept, ...] = ()
    severity: str | None = None
    description: str | None = None


class AllergyIntolerance(Element, frozen=True):
    """The elements of AllergyIntolerance that pages show."""

    id: str
    clinical_status: CodeableConcept | None = None
    verification_status: CodeableConcept | None = None
    type: str | None = None
    category: tuple[str, ...] = ()
    criticality: str | None = None
    code: CodeableConcept = CodeableConcept()
    onset_date_time: str | None = None
    recorded_date: str | None = None
    recorder: Reference | None = None
    asserter: Reference | None = None
    reaction: tuple[Reaction, ...] = ()

    @property
    def standing(self) -> bool:
        """Whether it holds now: not resolved, refuted or entered in error."""
        wrong = self.verification_status and self.verification_status.has("refuted", "entered-in-error")
        past = self.clinical_status and self.clinical_status.has("resolved", "inactive")
        return not wrong and not past

    @property
    def denies(self) -> bool:
        """Whether it records that no allergy is known."""
        return self.code.has(*NO_KNOWN_ALLERGY)

    @property
    def severe(self) -> bool:
        """Whether it may threaten life or organs."""
        return self.criticality == "high" or any(one.severity == "severe" for one in self.reaction)

    @property
    def manifestations(self) -> str:
        """How it shows, in the words recorded."""
        shown = [concept.label for one in self.reaction for concept in one.manifestation]
        return (
            ", ".join(dict.fromkeys(shown))
            or " ".join(one.description or "" for one in self.reaction).strip()
        )


class Flag(Element, frozen=True):
    """The elements of Flag that pages show: an alert (uppmärksamhetssignal)."""

    id: str
    status: str = "active"
    category: tuple[CodeableConcept, ...] = ()
    code: CodeableConcept = CodeableConcept()
    period: Period | None = None
    author: Reference | None = None


_ALLERGIES = decoder(AllergyIntolerance)
_FLAGS = decoder(Flag)


def read_allergies(entries: Iterable[ResourceVersion]) -> list[tuple[AllergyIntolerance, ResourceVersion]]:
    """Each allergy that stands, the severe first, with the version it came from."""
    read = [(_ALLERGIES.decode(entry.body), entry) for entry in entries if entry.body]
    standing = [(allergy, entry) for allergy, entry in read if allergy.standing]
    return sorted(standing, key=lambda one: (one[0].denies, not one[0].severe, one[0].code.label))


def read_flags(entries: Iterable[ResourceVersion]) -> list[tuple[Flag, ResourceVersion]]:
    """Each alert in force, with the version it came from."""
    read = [(_FLAGS.decode(entry.body), entry) for entry in entries if entry.body]
    return [(flag, entry) for flag, entry in read if flag.status == "active"]
