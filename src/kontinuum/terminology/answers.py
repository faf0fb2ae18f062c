"""What the terminology answers. That something is not known is an answer of its own, never silence."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from kontinuum.terminology.content import Name


class Subject(StrEnum):
    """What was asked for and is not known."""

    CODE_SYSTEM = "code system"
    CODE = "code"
    VALUE_SET = "value set"
    CONCEPT_MAP = "concept map"


@dataclass(frozen=True, slots=True)
class NotKnown:
    """It is not here, so nothing can be said: neither yes nor no."""

    subject: Subject
    message: str


@dataclass(frozen=True, slots=True)
class Refused:
    """It is here, but what was asked is not done; `code` is from FHIR's issue types."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Coded:
    """A code with its display. `uses` is how often it was chosen where a suggestion was asked for."""

    system: str
    version: str
    code: str
    display: str
    active: bool = True
    selectable: bool = True
    names: tuple[Name, ...] = ()
    uses: int = 0


@dataclass(frozen=True, slots=True)
class Property:
    """A property of a concept: name, FHIR type ("string", "code", "Coding", …) and JSON value."""

    name: str
    type: str
    value: Any


@dataclass(frozen=True, slots=True)
class Found:
    """A concept as `$lookup` shows it; `parents` and `children` are (code, display).

    `complete` is False when only a part of the system is loaded here.
    """

    coded: Coded
    system_name: str
    properties: tuple[Property, ...]
    parents: tuple[tuple[str, str], ...]
    children: tuple[tuple[str, str], ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class Validation:
    """Whether a code is valid. `message` says why not, or what is odd; `complete` as in `Found`."""

    result: bool
    message: str | None = None
    display: str | None = None
    coded: Coded | None = None
    complete: bool = True


class Subsumption(StrEnum):
    """http://hl7.org/fhir/R4/valueset-concept-subsumption-outcome.html."""

    EQUIVALENT = "equivalent"
    SUBSUMES = "subsumes"
    SUBSUMED_BY = "subsumed-by"
    NOT_SUBSUMED = "not-subsumed"


@dataclass(frozen=True, slots=True)
class Branch:
    """A concept of an expansion with those below it, when hierarchies were asked for."""

    coded: Coded
    below: tuple[Branch, ...] = ()


@dataclass(frozen=True, slots=True)
class Expansion:
    """A page of a value set. `total` is None when it was not counted (suggestions).

    `systems` are those that were used, as `url|version`; `fragments` those of them of which only a part is
    here.
    """

    url: str
    version: str
    concepts: tuple[Branch, ...]
    total: int | None
    offset: int
    systems: tuple[str, ...]
    fragments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """A target that a concept map gives."""

    equivalence: str
    system: str
    code: str | None
    display: str | None
    comment: str | None
    map_url: str


@dataclass(frozen=True, slots=True)
class Translation:
    """What concept maps say of a code; `result` is whether any target is a match."""

    result: bool
    message: str | None
    matches: tuple[Match, ...] = field(default=())
