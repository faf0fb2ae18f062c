"""What speaks against a prescription, the worst first, and what was not looked at. Pure.

What cannot be compared is said, never taken for safe. The comparison of drugs with hypersensitivities is
that of our decision support (docs/decisions/0021-decision-support.md), so that a form and a service of ours
never say different things.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from kontinuum.care.medication.dosing import shown
from kontinuum.care.medication.usual import most_of
from kontinuum.clinical.drugs import Allergy, Drug, Match, atc_of, match, same_drug
from kontinuum.fhir.datatypes import CodeableConcept, Coding, decoder
from kontinuum.kernel.module import ResourceVersion
from kontinuum.sweden import systems

ADULT = 18
_SUBGROUP = 5
"""Characters of an ATC code that name a chemical subgroup: drugs that do the same."""

_ALLERGIES = decoder(Allergy)
_DRUGS = decoder(Drug)


class Kind(StrEnum):
    """What a finding is; the order is that of the pages."""

    SEVERE = "severe"
    SENSITIVE = "sensitive"
    TWICE = "twice"
    DOSE = "dose"
    RELATED = "related"
    SAME_GROUP = "same-group"


class Unchecked(StrEnum):
    """What was not looked at, and why."""

    INTERACTIONS = "interactions"
    KIDNEY = "kidney"
    PREGNANCY = "pregnancy"
    MORE = "more"
    NO_CODE = "no-code"
    NOT_COMPARED = "not-compared"
    NO_MAXIMUM = "no-maximum"
    CHILD = "child"
    NO_NUMBERS = "no-numbers"


ALWAYS = (Unchecked.INTERACTIONS, Unchecked.KIDNEY, Unchecked.PREGNANCY)
"""There is no source for these: every page of a prescription says so."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What speaks against it; `what` names the hypersensitivity, the other drug or the usual maximum."""

    kind: Kind
    what: str

    @property
    def stops(self) -> bool:
        """Whether it takes a reason to prescribe all the same."""
        return self.kind is Kind.SEVERE


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found, the worst first, and what was not looked at, each with what it concerns."""

    findings: tuple[Finding, ...] = ()
    unchecked: tuple[tuple[Unchecked, str], ...] = ()
    allergies: int = 0
    drugs: int = 0

    @property
    def stops(self) -> tuple[Finding, ...]:
        """What takes a reason to prescribe all the same."""
        return tuple(one for one in self.findings if one.stops)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be prescribed: its name and ATC code (may be empty), and the most of a day in a unit.

    `a_day` is None where the dosage does not say it in numbers.
    """

    name: str
    atc: str
    a_day: Decimal | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What it is compared with: hypersensitivities, the other drugs in use, the date of birth.

    `whole` says that nothing of it was left out for its number.
    """

    allergies: Sequence[ResourceVersion]
    drugs: Sequence[ResourceVersion]
    born: str
    today: date
    whole: bool = True


def check(asked: Asked, known: Known) -> Checked:
    """Compare a drug with what is known of the patient."""
    drug = _drug(asked)
    allergies = [_ALLERGIES.decode(one.body) for one in known.allergies if one.body]
    standing = [one for one in allergies if one.stands]
    others = [_DRUGS.decode(one.body) for one in known.drugs if one.body]
    unchecked = [(one, "") for one in ALWAYS]
    if not known.whole:
        unchecked.append((Unchecked.MORE, ""))
    if not asked.atc:
        unchecked.append((Unchecked.NO_CODE, ""))
    findings = [*_sensitive(drug, standing, unchecked), *_twice(drug, others)]
    findings += _too_much(asked, known, unchecked)
    findings.sort(key=lambda one: list(Kind).index(one.kind))
    return Checked(tuple(findings), tuple(unchecked), len(standing), len(others))


def _drug(asked: Asked) -> Drug:
    coding = (Coding(systems.ATC, asked.atc),) if asked.atc else ()
    return Drug(medication_codeable_concept=CodeableConcept(coding, asked.name))


def _sensitive(
    drug: Drug, allergies: Iterable[Allergy], unchecked: list[tuple[Unchecked, str]]
) -> Iterable[Finding]:
    for one in allergies:
        what = one.code.label or "?"
        match match(drug, one):
            case Match.SAME:
                yield Finding(Kind.SEVERE if one.severe else Kind.SENSITIVE, what)
            case Match.RELATED:
                yield Finding(Kind.RELATED, what)
            case Match.UNKNOWN if one.about_drugs:
                unchecked.append((Unchecked.NOT_COMPARED, what))


def _twice(drug: Drug, others: Iterable[Drug]) -> Iterable[Finding]:
    """What the patient has already: of the same substance, or of the same chemical subgroup."""
    ours = atc_of(drug.concept)
    for label, other in {one.label: one for one in others}.items():
        theirs = atc_of(other.concept)
        if same_drug(drug, other):
            yield Finding(Kind.TWICE, label)
        elif len(ours) > _SUBGROUP and len(theirs) > _SUBGROUP and ours[:_SUBGROUP] == theirs[:_SUBGROUP]:
            yield Finding(Kind.SAME_GROUP, label)


def _too_much(asked: Asked, known: Known, unchecked: list[tuple[Unchecked, str]]) -> Iterable[Finding]:
    if not is_adult(known.born, known.today):
        unchecked.append((Unchecked.CHILD, ""))
        return
    most = most_of(asked.atc, asked.name)
    if most is None or most[1] != asked.unit:
        unchecked.append((Unchecked.NO_MAXIMUM, ""))
    elif asked.a_day is None:
        unchecked.append((Unchecked.NO_NUMBERS, ""))
    elif asked.a_day > most[0]:
        yield Finding(Kind.DOSE, f"{shown(most[0])} {most[1]}")


def is_adult(born: str, today: date) -> bool:
    """Whether somebody is certainly grown up; not where the date of birth is not known."""
    if len(born) < 4:
        return False
    first = f"{int(born[:4]) + ADULT:04d}{(born + '-12-31'[len(born) - 4 :])[4:]}"
    return first <= today.isoformat()
