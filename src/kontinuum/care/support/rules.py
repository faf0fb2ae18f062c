"""Which drug collides with which allergy, and which drugs are the same. Pure.

ATC (https://atcddd.fhi.no/atc/structure_and_principles/) is a hierarchy: a code of seven characters is a
substance, four characters are a pharmacological group. What cannot be compared is said, never taken for safe.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import IntEnum
from itertools import combinations
from typing import Final

from kontinuum.care.support.model import Allergy, Drug, atc_of
from kontinuum.fhir.datatypes import CodeableConcept

SUBSTANCE: Final = 7
GROUP: Final = 4
_SHORTEST_WORD: Final = 4


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
