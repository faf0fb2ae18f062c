"""What a review of the log puts first: patterns that are unusual, each with a weight and plain words.

HSLF-FS 2016:40 4:9 and 4:10 ask for systematic, recurring checks of who has read what. A pattern is never
proof of anything: it says where to look first. Pure; docs/log.md explains every pattern.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from kontinuum.kernel.i18n import message

MANY: Final = 15
"""So many different patients within `SLOT_MICROS` are many."""
SLOT_MICROS: Final = 15 * 60 * 1_000_000
NIGHT: Final = (22, 6)
"""Hours of Swedish time between which it is night."""
DAY_WORKER_SHARE: Final = 0.2
"""Whoever has less than this share of the accesses at night works by day."""
DAY_WORKER_ACCESSES: Final = 5
"""With fewer accesses than this nobody can be said to work by day."""
RELATION_MICROS: Final = 400 * 24 * 3600 * 1_000_000
"""How long before an access a visit or booking still explains it."""


@dataclass(frozen=True, slots=True)
class Access:
    """What one person under the assignments of one unit has read of one patient in a period; times in µs.

    `openings` are emergency openings of the record, `stated` care relations that were stated by hand.
    """

    actor: str
    name: str
    unit: str
    patient: str
    first: int
    last: int
    entries: int
    at_night: int
    openings: int = 0
    stated: int = 0


@dataclass(frozen=True, slots=True)
class Identity:
    """What is compared of a person: folded surnames, addresses, and identity numbers."""

    surnames: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known around an access. `staff_with_number` is who among staff has the patient's number."""

    actor: Identity
    patient: Identity
    protected: bool
    related: bool
    works_by_day: bool
    staff_with_number: str | None


@dataclass(frozen=True, slots=True)
class Pattern:
    """One reason to look: `key` is stored, `weight` ranks, `explanation` says what it means and what not."""

    key: str
    weight: int
    title: str
    explanation: str
    holds: Callable[[Access, Circumstances], bool]


def _opened(access: Access, _around: Circumstances) -> bool:
    return access.openings > 0


def _stated(access: Access, _around: Circumstances) -> bool:
    return access.stated > 0


def _no_relation(_access: Access, around: Circumstances) -> bool:
    return not around.related


def _same_surname(_access: Access, around: Circumstances) -> bool:
    return bool(around.actor.surnames & around.patient.surnames)


def _same_address(_access: Access, around: Circumstances) -> bool:
    return bool(around.actor.addresses & around.patient.addresses)


def _own_record(access: Access, around: Circumstances) -> bool:
    return around.staff_with_number == access.actor


def _colleague(access: Access, around: Circumstances) -> bool:
    return around.staff_with_number not in (None, access.actor)


def _protected(_access: Access, around: Circumstances) -> bool:
    return around.protected


def _at_night(access: Access, around: Circumstances) -> bool:
    return access.at_night > 0 and around.works_by_day


PATTERNS: Final[tuple[Pattern, ...]] = (
    Pattern(
        "emergency-opening",
        1000,
        message("Emergency opening"),
        message(
            "The record was opened as an emergency. Every such opening is reviewed; its reason is below."
        ),
        _opened,
    ),
    Pattern(
        "stated-relation",
        500,
        message("Care relation stated by hand"),
        message(
            "Nothing in the record explained the access, and the member of staff stated why. Every such "
            "statement is reviewed; its reason is below."
        ),
        _stated,
    ),
    Pattern(
        "same-address",
        45,
        message("Same address"),
        message(
            "The member of staff and the patient have the same address. They may belong to one household."
        ),
        _same_address,
    ),
    Pattern(
        "own-record",
        40,
        message("Own record"),
        message("The member of staff has opened the own record. It is to be read as a patient, not at work."),
        _own_record,
    ),
    Pattern(
        "colleague",
        40,
        message("Patient works in care"),
        message("The patient is a member of staff. Colleagues are often those whose records are opened."),
        _colleague,
    ),
    Pattern(
        "no-relation",
        30,
        message("No visit or booking"),
        message(
            "No visit, booking or listing at the unit explains the access. There may be another reason, "
            "such as a telephone call or a referral."
        ),
        _no_relation,
    ),
    Pattern(
        "protected-identity",
        25,
        message("Protected identity"),
        message("The patient has a protected identity, so every access is looked at."),
        _protected,
    ),
    Pattern(
        "same-surname",
        20,
        message("Same surname"),
        message(
            "The member of staff and the patient share a surname. They may be related, or the name is common."
        ),
        _same_surname,
    ),
    Pattern(
        "at-night",
        15,
        message("At night"),
        message("Read between 22 and 6, by somebody who otherwise works by day."),
        _at_night,
    ),
)
"""Patterns of one person's accesses to one patient, the weightiest first."""

MANY_FAST: Final = Pattern(
    "many-fast",
    35,
    message("Many patients fast"),
    message("15 patients or more within a quarter of an hour. It may be a list that was gone through."),
    lambda _access, _around: False,
)
"""The pattern of one person's accesses altogether; it is found by counting and not access by access."""

BY_KEY: Final = {pattern.key: pattern for pattern in (*PATTERNS, MANY_FAST)}


def reasons(access: Access, around: Circumstances) -> tuple[Pattern, ...]:
    """The patterns that an access shows, the weightiest first."""
    return tuple(pattern for pattern in PATTERNS if pattern.holds(access, around))


def sample_rank(seed: str, writer: int, block: int, number: int) -> str:
    """By what a sample is drawn: the entries with the lowest ranks are in it.

    MD5 of the seed and the entry's place, in hexadecimal: PostgreSQL computes the same, and so can
    anybody who wants to draw the sample again.
    """
    return hashlib.md5(f"{seed}:{writer}:{block}:{number}".encode(), usedforsecurity=False).hexdigest()


_PARTICLES: Final = frozenset(
    {"af", "al", "da", "de", "del", "den", "der", "di", "du", "la", "le", "van", "von"}
)


def surnames(names: Iterable[str]) -> frozenset[str]:
    """The parts of family names, folded: `von Essen-Lind` gives `essen` and `lind`."""
    parts = (part for name in names for part in re.split(r"[\s\-]+", _fold(name)))
    return frozenset(part for part in parts if len(part) > 1 and part not in _PARTICLES)


def address(line: str, postal_code: str) -> str | None:
    """An address as it is compared; None unless both street and postal code are known."""
    street, code = re.sub(r"[\s.,]+", " ", _fold(line)).strip(), re.sub(r"\s+", "", postal_code)
    return f"{street}|{code}" if street and code else None


def _fold(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))
