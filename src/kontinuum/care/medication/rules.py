"""How prescriptions become a medication list. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from kontinuum.care.medication.model import Medication, Review, is_prescription
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import ResourceVersion

SOON: Final = timedelta(days=30)
"""So long before a prescription ends to hold it is told of."""

_OVER: Final = frozenset({"stopped", "completed", "cancelled", "entered-in-error"})

Read = tuple[Medication, ResourceVersion]


class Standing(StrEnum):
    """Where on the list a drug stands."""

    CURRENT = "current"
    PLANNED = "planned"
    ENDED = "ended"


class Validity(StrEnum):
    """How it stands with the time for which a prescription holds."""

    HOLDS = "holds"
    SOON = "soon"
    OVER = "over"


ATC_GROUPS: Final = {
    "A": message("Alimentary tract and metabolism"),
    "B": message("Blood and blood-forming organs"),
    "C": message("Heart and circulation"),
    "D": message("Skin"),
    "G": message("Urogenital system and sex hormones"),
    "H": message("Systemic hormones"),
    "J": message("Infections"),
    "L": message("Tumours and immune system"),
    "M": message("Muscles, joints and bones"),
    "N": message("Nervous system"),
    "P": message("Parasites"),
    "R": message("Airways"),
    "S": message("Eyes and ears"),
    "V": message("Various"),
}
"""The anatomical main groups of the ATC classification."""


def newest_of_each(medication: Iterable[Read]) -> list[Read]:
    """One line for each drug with the same name and dosage: the latest entry; in ATC order, then by name.

    Two entries of one drug with different dosages both stay: that they differ must be seen.
    """
    newest: dict[tuple[str, str, tuple[str | None, ...]], Read] = {}
    for one in medication:
        drug = one[0]
        key = (drug.concept.label, drug.status, tuple(dosage.text for dosage in drug.dosages))
        if key not in newest or drug.prescribed > newest[key][0].prescribed:
            newest[key] = one
    return sorted(newest.values(), key=lambda one: (one[0].atc or "~", one[0].concept.label))


def standing(medication: Medication, today: str) -> Standing:
    """Whether it is taken on a day, such as 2026-03-01, is to be, or was."""
    until = medication.until[:10]
    if medication.status in _OVER or (until and until < today[: len(until)]):
        return Standing.ENDED
    since = medication.since[:10]
    later = medication.status == "intended" or since > today[: len(since)]
    return Standing.PLANNED if later else Standing.CURRENT


def validity(medication: Medication, today: date) -> Validity:
    """Whether a prescription holds, ends to within a month, or did. One without a last day holds."""
    until = medication.valid_until[:10]
    if not until:
        return Validity.HOLDS
    if until < today.isoformat():
        return Validity.OVER
    return Validity.SOON if until <= (today + SOON).isoformat() else Validity.HOLDS


def renewable(medication: Medication, entry: ResourceVersion, today: str) -> bool:
    """Whether it can be renewed as it stands: a prescription that goes on, of treatment that does."""
    return (
        is_prescription(entry)
        and medication.status in ("active", "on-hold")
        and standing(medication, today) is not Standing.ENDED
    )


def reference_of(one: Read) -> str:
    """`Type/id`."""
    return f"{one[1].type}/{one[0].id}"


@dataclass(frozen=True, slots=True)
class Differences:
    """What the list has now and had not, and the other way round, since it was gone through.

    `unread` counts what stood on it and is not shown to the reader.
    """

    added: tuple[Read, ...]
    gone: tuple[Read, ...]
    unread: int


def differences(review: Review, now: Sequence[Read], every: Iterable[Read]) -> Differences:
    """Compare what is taken now with a list that was gone through.

    A renewal with the same dosage is no difference: the patient takes what was gone through.
    """
    known = {reference_of(one): one for one in every}
    before = [known[name] for name in sorted(review.references) if name in known]
    had, have = {_taken(one) for one in before}, {_taken(one) for one in now}
    return Differences(
        tuple(one for one in now if _taken(one) not in had),
        tuple(one for one in before if _taken(one) not in have),
        len(review.references - known.keys()),
    )


def _taken(one: Read) -> tuple[str, tuple[str | None, ...]]:
    return one[0].concept.label, tuple(dosage.text for dosage in one[0].dosages)
