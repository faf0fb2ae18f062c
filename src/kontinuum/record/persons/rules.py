"""What speaks against two Patients being one person, what speaks for it, and what a link changes. Pure.

A reserve number stands for somebody whose identity is not known yet; when it is, the two records are one
person's (law: the identity of the patient is part of every record, patientdatalagen (2008:355) 3:6 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from kontinuum.fhir import json
from kontinuum.record.persons.identity import Identity, protection_of, sounds
from kontinuum.sweden import systems
from kontinuum.sweden.names import distance, likeness

REPLACED_BY = "replaced-by"
REPLACES = "replaces"
_ALIKE = 0.75


class Conflict(StrEnum):
    """What must be confirmed before two Patients are linked."""

    TWO_NUMBERS = "two-numbers"
    OTHER_WAY = "other-way-round"
    BIRTH_DATES = "birth-dates"
    SEX = "sex"
    NAMES = "names"
    DECEASED = "deceased"
    PROTECTION = "protection"


CONFLICTS: dict[Conflict, str] = {
    Conflict.TWO_NUMBERS: "Both have a personnummer or samordningsnummer, and they differ.",
    Conflict.OTHER_WAY: "The one to be replaced has a personnummer; the one to be kept has none.",
    Conflict.BIRTH_DATES: "Their dates of birth differ.",
    Conflict.SEX: "Their sex differs.",
    Conflict.NAMES: "Their names are not alike.",
    Conflict.DECEASED: "One of them is recorded as deceased, the other is not.",
    Conflict.PROTECTION: "Their protected identity differs; after the link both carry the stronger mark.",
}


def conflicts(replaced: Identity, survivor: Identity) -> tuple[Conflict, ...]:
    """What speaks against `replaced` being the same person as `survivor`."""
    found = []
    if replaced.real and survivor.real and not replaced.real & survivor.real:
        found.append(Conflict.TWO_NUMBERS)
    if replaced.real and not survivor.real:
        found.append(Conflict.OTHER_WAY)
    if replaced.born and survivor.born and not _dates_agree(replaced.born, survivor.born):
        found.append(Conflict.BIRTH_DATES)
    known = {"female", "male", "other"}
    if replaced.sex in known and survivor.sex in known and replaced.sex != survivor.sex:
        found.append(Conflict.SEX)
    provisional = replaced.called_provisionally or survivor.called_provisionally
    if replaced.named and survivor.named and not provisional and not names_alike(replaced, survivor):
        found.append(Conflict.NAMES)
    if replaced.deceased != survivor.deceased:
        found.append(Conflict.DECEASED)
    if replaced.protection != survivor.protection:
        found.append(Conflict.PROTECTION)
    return tuple(found)


def _dates_agree(one: str, other: str) -> bool:
    """Whether two dates of birth can be the same day, as precise as they are."""
    shortest = min(len(one), len(other))
    return one[:shortest] == other[:shortest]


class Likeness(StrEnum):
    """Why two Patients may be one person."""

    NUMBER = "same-number"
    NAME_AND_BIRTH = "same-name-and-birth-date"
    SOUND_AND_BIRTH = "similar-name-and-birth-date"
    SWAPPED_AND_BIRTH = "names-swapped-and-birth-date"
    NAME_AND_SLIP = "same-name-and-slip-in-birth-date"
    RESERVE = "reserve-number-and-number"
    CONTACT = "same-address-or-telephone"


def likenesses(one: Identity, other: Identity) -> tuple[Likeness, ...]:
    """Why two Patients may be one person, the strongest first; empty when nothing says so.

    A shared address or telephone is never enough: families share them.
    """
    found = []
    if one.numbers & other.numbers:
        found.append(Likeness.NUMBER)
    same_day = bool(one.born) and one.born == other.born
    by_name = _by_name(one, other, same_day)
    if by_name is not None:
        found.append(by_name)
    one_reserve, other_reserve = not one.real and bool(one.numbers), not other.real and bool(other.numbers)
    if (
        one_reserve != other_reserve
        and one.named
        and names_alike(one, other)
        and _may_be_born_alike(one, other)
    ):
        found.append(Likeness.RESERVE)
    if found and one.contacts & other.contacts:
        found.append(Likeness.CONTACT)
    return tuple(found)


def _by_name(one: Identity, other: Identity, same_day: bool) -> Likeness | None:
    if not (one.named and other.named):
        return None
    same_first = one.given[0] == other.given[0]
    same = same_first and set(one.family) == set(other.family)
    if same_day:
        if same:
            return Likeness.NAME_AND_BIRTH
        if set(one.given) & set(other.family) and set(other.given) & set(one.family):
            return Likeness.SWAPPED_AND_BIRTH
        return Likeness.SOUND_AND_BIRTH if names_alike(one, other) else None
    return Likeness.NAME_AND_SLIP if same and _is_slip(one.born, other.born) else None


def _may_be_born_alike(one: Identity, other: Identity) -> bool:
    if one.born and other.born:
        return _dates_agree(one.born, other.born)
    return "unknown" in (one.sex, other.sex) or one.sex == other.sex


def _is_slip(one: str, other: str) -> bool:
    """Whether two whole dates differ by one digit, by two neighbours swapped, or by day and month swapped."""
    if len(one) != 10 or len(other) != 10:
        return False
    return distance(one, other) == 1 or (
        one[:4] == other[:4] and one[5:7] == other[8:] and one[8:] == other[5:7]
    )


def names_alike(one: Identity, other: Identity) -> bool:
    """Whether a given name and a family name sound alike, in either order."""
    straight = _any_alike(one.given, other.given) and _any_alike(one.family, other.family)
    crossed = _any_alike(one.given, other.family) and _any_alike(one.family, other.given)
    return straight or crossed


def _any_alike(some: tuple[str, ...], others: tuple[str, ...]) -> bool:
    return any(likeness(a, b) >= _ALIKE for a in sounds(some) for b in sounds(others))


# --- what a link changes in a Patient ------------------------------------------------------------------


def links_in(patient: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    """The (reference, type) of the links of a Patient that say which Patient replaces which."""
    return frozenset(
        (each.get("other", {}).get("reference", ""), each["type"])
        for each in patient.get("link", ())
        if each.get("type") in (REPLACED_BY, REPLACES)
    )


def with_link(patient: dict[str, Any], other: str, kind: str, label: str | None) -> dict[str, Any]:
    """A Patient with a link (http://hl7.org/fhir/R4/patient.html#link), and a label of protected identity."""
    link = {"other": {"reference": f"Patient/{other}"}, "type": kind}
    changed = {**patient, "link": [*patient.get("link", ()), link]}
    return with_protection(changed, label) if label else changed


def without_link(patient: dict[str, Any], other: str, labels: list[str]) -> dict[str, Any]:
    """A Patient without its link to another, and without the labels that the link put there."""
    reference = f"Patient/{other}"
    kept = [
        each
        for each in patient.get("link", ())
        if not (
            each.get("type") in (REPLACED_BY, REPLACES)
            and each.get("other", {}).get("reference") == reference
        )
    ]
    changed = _with_list(patient, "link", kept)
    return without_labels(changed, labels) if labels else changed


def with_protection(patient: dict[str, Any], label: str | None) -> dict[str, Any]:
    """A Patient under one level of protected identity, or under none."""
    if label is not None and protection_of(patient) == label:
        return patient
    other = [each for each in (systems.CONFIDENTIALITY_MARK, systems.PROTECTED_REGISTRATION) if each != label]
    cleared = without_labels(patient, other)
    if label is None or protection_of(cleared) == label:
        return cleared
    meta = cleared.get("meta", {})
    security = [*meta.get("security", ()), {"system": systems.SECURITY_LABEL, "code": label}]
    return {**cleared, "meta": {**meta, "security": security}}


def without_labels(patient: dict[str, Any], labels: list[str]) -> dict[str, Any]:
    """A Patient without some labels of protected identity."""
    meta = patient.get("meta", {})
    kept = [
        each
        for each in meta.get("security", ())
        if not (each.get("system") == systems.SECURITY_LABEL and each.get("code") in labels)
    ]
    changed = _with_list(meta, "security", kept)
    return {name: changed if name == "meta" else value for name, value in patient.items()}


def _with_list(element: dict[str, Any], name: str, items: list[Any]) -> dict[str, Any]:
    """An element with another list in its place; an empty list is left out, as FHIR has no empty ones."""
    return {key: items if key == name else value for key, value in element.items() if key != name or items}


def changes_links(resource: dict[str, Any] | None, body: bytes | None) -> bool:
    """Whether a write would make, change or remove a link; a deletion of a linked Patient would."""
    before = links_in(json.loads(body)) if body is not None and b'"replace' in body else frozenset()
    after = links_in(resource) if resource is not None else frozenset()
    return before != after
