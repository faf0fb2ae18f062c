"""A set of concepts of one code system, as a value: what `compose` and ECL come to.

http://hl7.org/fhir/R4/valueset.html#compositions. The store turns a selection into SQL, the tests evaluate it
on small systems by the definition; a property test holds that both agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Everything:
    """All concepts of the system."""


@dataclass(frozen=True, slots=True)
class Codes:
    """Concepts named one by one."""

    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Under:
    """What is below a concept, `itself` included or not (filters `is-a`, `descendent-of`; ECL `<<`, `<`)."""

    code: str
    itself: bool


@dataclass(frozen=True, slots=True)
class InSet:
    """The members of a reference set (ECL `^`)."""

    code: str


@dataclass(frozen=True, slots=True)
class HasValue:
    """Concepts with one of these values of a property (filters `=`, `in`)."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Exists:
    """Concepts that have a property at all, or have not."""

    name: str
    present: bool


@dataclass(frozen=True, slots=True)
class Both:
    """What is in every part; everything when there is none."""

    parts: tuple[Selection, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """What is in at least one part; nothing when there is none."""

    parts: tuple[Selection, ...]


@dataclass(frozen=True, slots=True)
class Without:
    """What is in `whole` and not in `part`."""

    whole: Selection
    part: Selection


Selection = Everything | Codes | Under | InSet | HasValue | Exists | Both | Either | Without

NOTHING = Either(())


def named_codes(selection: Selection) -> Iterator[str]:
    """The codes whose place in the hierarchy, or whose members, a selection rests on: they must exist."""
    match selection:
        case Under(code) | InSet(code):
            yield code
        case Both(parts) | Either(parts):
            for part in parts:
                yield from named_codes(part)
        case Without(whole, part):
            yield from named_codes(whole)
            yield from named_codes(part)
