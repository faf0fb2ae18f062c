"""Rule 20: each pattern that a review puts first is found where it is, and not where it is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kontinuum.audit.patterns import (
    BY_KEY,
    PATTERNS,
    Access,
    Circumstances,
    Identity,
    address,
    reasons,
    surnames,
)

ACCESS = Access("s-1", "Eva Ek", "SE1", "p-1", 1, 2, 3, at_night=0)
NURSE = Identity(frozenset({"ek"}), frozenset({"storgatan 1|11122"}), frozenset({"198001019801"}))
PATIENT = Identity(frozenset({"alm"}), frozenset({"lillgatan 2|11122"}), frozenset({"199001019802"}))
ORDINARY = Circumstances(
    NURSE, PATIENT, protected=False, related=True, works_by_day=True, staff_with_number=None
)


def keys(access: Access, around: Circumstances) -> list[str]:
    return [pattern.key for pattern in reasons(access, around)]


def test_an_ordinary_access_shows_nothing() -> None:
    assert keys(ACCESS, ORDINARY) == []


@pytest.mark.parametrize(
    ("key", "access", "around"),
    [
        ("no-relation", ACCESS, replace(ORDINARY, related=False)),
        (
            "same-surname",
            ACCESS,
            replace(ORDINARY, patient=replace(PATIENT, surnames=frozenset({"ek", "ås"}))),
        ),
        ("same-address", ACCESS, replace(ORDINARY, patient=replace(PATIENT, addresses=NURSE.addresses))),
        ("colleague", ACCESS, replace(ORDINARY, staff_with_number="s-2")),
        ("own-record", ACCESS, replace(ORDINARY, staff_with_number="s-1")),
        ("protected-identity", ACCESS, replace(ORDINARY, protected=True)),
        ("at-night", replace(ACCESS, at_night=1), ORDINARY),
    ],
)
def test_each_pattern_is_found_alone(key: str, access: Access, around: Circumstances) -> None:
    assert keys(access, around) == [key]


def test_who_works_at_night_is_not_unusual_at_night() -> None:
    assert keys(replace(ACCESS, at_night=3), replace(ORDINARY, works_by_day=False)) == []


def test_nothing_known_of_a_person_is_not_the_same_as_something_in_common() -> None:
    unknown = replace(ORDINARY, actor=Identity(), patient=Identity())
    assert keys(ACCESS, unknown) == []


def test_the_weightiest_come_first_and_every_pattern_can_be_told_by_its_key() -> None:
    weights = [pattern.weight for pattern in PATTERNS]
    assert weights == sorted(weights, reverse=True)
    assert {pattern.key for pattern in PATTERNS} < set(BY_KEY)
    assert all(pattern.title and pattern.explanation.endswith(".") for pattern in BY_KEY.values())


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("von Essen-Lind", "LIND", True),
        ("Åkerström", "akerstrom", True),
        ("van der Berg", "de la Cruz", False),
        ("Lindqvist", "Lind", False),
    ],
)
def test_surnames_are_compared_by_their_parts(one: str, other: str, alike: bool) -> None:
    assert bool(surnames([one]) & surnames([other])) is alike


def test_an_address_needs_street_and_postal_code() -> None:
    assert address("Hornsgatan 14, lgh 1101", "118 20") == address("HORNSGATAN 14 LGH 1101", "11820")
    assert address("Hornsgatan 14", "") is None
    assert address("", "118 20") is None
