"""Drugs and hypersensitivities: what of them is compared, and how they stand to each other. Pure.

http://hl7.org/fhir/R4/allergyintolerance.html, …/medicationrequest.html. ATC
(https://atcddd.fhi.no/atc/structure_and_principles/) is a hierarchy: a code of seven characters is a
substance, four characters are a pharmacological group. What cannot be compared is said, never taken for safe.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import IntEnum
from itertools import combinations
from typing import Final

from kontinuum.fhir.datatypes import CodeableConcept, Element, Reference
from kontinuum.sweden import systems

_NO_KNOWN_ALLERGY: Final = ("716186003", "409137002", "429625007", "428607008")
"""SNOMED CT: no known allergy, and no known allergy to drugs, food, and the environment."""
SUBSTANCE: Final = 7
GROUP: Final = 4
_SHORTEST_WORD: Final = 4


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


def atc_of(concept: CodeableConcept) -> str:
    """The ATC code of a concept; empty when it has none."""
    codes = (
        one.code for one in concept.coding if one.code and systems.canonical(one.system or "") == systems.ATC
    )
    return next(codes, "").upper()


class Match(IntEnum):
    """How a drug and an allergy stand to each other."""

    NO = 0
    UNKNOWN = 1
    """They have no code in common by which it could be told, and no words either."""
    RELATED = 2
    """Of the same pharmacological group."""
    SAME = 3


def match(drug: Drug, allergy: Allergy) -> Match:
    """How a drug and an allergy stand to each other."""
    ours, theirs = atc_of(drug.concept), atc_of(allergy.code)
    if _share_code(drug.concept, allergy.code) or _share_words(drug.label, allergy.code.label):
        return Match.SAME
    if not ours or not theirs:
        return Match.UNKNOWN
    if ours.startswith(theirs):
        return Match.SAME
    return Match.RELATED if theirs.startswith(ours) or ours[:GROUP] == theirs[:GROUP] else Match.NO


def same_drug(one: Drug, other: Drug) -> bool:
    """Whether two entries are the same substance, by ATC or by the same words."""
    codes = [atc_of(each.concept) for each in (one, other)]
    if all(len(code) == SUBSTANCE for code in codes):
        return codes[0] == codes[1]
    return one.label != "?" and _plain(one.label) == _plain(other.label)


def duplicates(drugs: Sequence[Drug]) -> list[tuple[Drug, Drug]]:
    """Pairs of entries that are the same substance; of three, each that came later with the first."""
    found, later = [], set()
    for (first, one), (second, other) in combinations(enumerate(drugs), 2):
        if first not in later and same_drug(one, other):
            found.append((one, other))
            later.add(second)
    return found


def without_code(drugs: Iterable[Drug]) -> list[Drug]:
    """Drugs that only their words can be compared by."""
    return [one for one in drugs if not atc_of(one.concept)]


def _share_code(one: CodeableConcept, other: CodeableConcept) -> bool:
    codes = {(each.system, each.code) for each in one.coding if each.system and each.code}
    return any((each.system, each.code) in codes for each in other.coding)


def _share_words(drug: str, allergy: str) -> bool:
    """Whether the name of what is reacted to stands as a word of its own in the name of the drug."""
    name = _plain(allergy)
    return len(name) >= _SHORTEST_WORD and re.search(rf"\b{re.escape(name)}\b", _plain(drug)) is not None


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
