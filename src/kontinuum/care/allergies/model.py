"""What the module reads: AllergyIntolerance and Flag.

http://hl7.org/fhir/R4/allergyintolerance.html, http://hl7.org/fhir/R4/flag.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kontinuum.care.allergies.kinds import DENIALS, HYPERSENSITIVITY, KINDS, SEVERITIES, SYSTEM
from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.datatypes import Annotation, CodeableConcept, Element, Period, Reference, decoder
from kontinuum.kernel.module import ResourceVersion

NO_KNOWN_ALLERGY = frozenset(code for code, _, _, _ in DENIALS.values())


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
    note: tuple[Annotation, ...] = ()

    @property
    def entered_in_error(self) -> bool:
        """Whether it was withdrawn as a mistake."""
        return self.verification_status is not None and self.verification_status.has("entered-in-error")

    @property
    def refuted(self) -> bool:
        """Whether it turned out not to be so."""
        return self.verification_status is not None and self.verification_status.has("refuted")

    @property
    def unconfirmed(self) -> bool:
        """Whether it is a suspicion."""
        return self.verification_status is not None and self.verification_status.has("unconfirmed")

    @property
    def kind(self) -> str:
        """The kind of alert that it is."""
        return HYPERSENSITIVITY

    @property
    def scope(self) -> str:
        """What a statement that none is known is about, a key of `DENIALS`; empty for an allergy."""
        return next((name for name, (code, _, _, _) in DENIALS.items() if self.code.has(code)), "")

    def contradicts(self, denial: AllergyIntolerance) -> bool:
        """Whether this allergy is one that a statement says is not known."""
        return not self.denies and (denial.scope == "any" or denial.scope in self.category)

    @property
    def severity(self) -> str:
        """How severe it is, a key of `SEVERITIES`; empty where that is not said so exactly."""
        worst = self.reaction[0].severity if self.reaction else None
        pairs = {(criticality, reaction): name for name, (criticality, reaction, _) in SEVERITIES.items()}
        return pairs.get((self.criticality or "", worst or ""), "")

    @property
    def standing(self) -> bool:
        """Whether it holds now: not resolved, refuted or entered in error."""
        past = self.clinical_status and self.clinical_status.has("resolved", "inactive")
        return not self.entered_in_error and not self.refuted and not past

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
        shown = [
            concept.label
            for one in self.reaction
            for concept in one.manifestation
            if not concept.has("unknown")
        ]
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

    @property
    def kind(self) -> str:
        """The kind of alert that it is, a key of `KINDS`; empty for one of another system."""
        codes = (one.code(SYSTEM) for one in self.category)
        return next((code for code in codes if code in KINDS), "")

    @property
    def entered_in_error(self) -> bool:
        """Whether it was withdrawn as a mistake."""
        return self.status == "entered-in-error"

    def in_force(self, today: str) -> bool:
        """Whether it holds on a day: not ended, and its last day not past."""
        end = (self.period.end if self.period else None) or ""
        return self.status == "active" and (not end or today[: len(end[:10])] <= end[:10])


_ALLERGIES = decoder(AllergyIntolerance)
_FLAGS = decoder(Flag)


Allergy = tuple[AllergyIntolerance, ResourceVersion]
Alert = tuple[Flag, ResourceVersion]


def read_allergies(entries: Iterable[ResourceVersion]) -> list[Allergy]:
    """Each allergy and statement that none is known, the severe first, with the version it came from."""
    read = [(_ALLERGIES.decode(entry.body), entry) for entry in entries if entry.body]
    return sorted(read, key=lambda one: (one[0].denies, not one[0].severe, one[0].code.label))


def read_allergy(resource: Mapping[str, object]) -> AllergyIntolerance:
    """An allergy that is about to be written, as pages read it."""
    return _ALLERGIES.decode(fhir_json.dumps(resource))


def read_flags(entries: Iterable[ResourceVersion]) -> list[Alert]:
    """Each alert, with the version it came from."""
    return [(_FLAGS.decode(entry.body), entry) for entry in entries if entry.body]
