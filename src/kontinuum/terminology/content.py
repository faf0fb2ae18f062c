"""A code system, value set or concept map on its way into the tables: what every reader makes.

http://hl7.org/fhir/R4/codesystem.html#CodeSystem, http://hl7.org/fhir/R4/conceptmap.html.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Name(NamedTuple):
    """A name of a concept beside its display; `use` is "synonym", "fully-specified", "everyday" or a code."""

    language: str
    use: str
    text: str


@dataclass(slots=True)
class Concept:
    """One concept. `sets` are the codes of reference sets that hold it; property values are JSON values."""

    code: str
    display: str
    parents: Sequence[str] = ()
    names: list[Name] = field(default_factory=list)
    properties: dict[str, list[Any]] = field(default_factory=dict)
    active: bool = True
    selectable: bool = True
    sets: Sequence[str] = ()


@dataclass(slots=True)
class CodeSystem:
    """A version of a code system with its concepts in their order.

    `content` is "complete", or "fragment" when it is known to be a part. `properties` tells the FHIR type of
    each property. `language` is that of the displays.
    """

    url: str
    version: str
    name: str
    title: str
    concepts: list[Concept]
    content: str = "complete"
    language: str = "sv"
    publisher: str = ""
    copyright: str = ""
    properties: dict[str, str] = field(default_factory=dict)
    case_sensitive: bool = True

    def about(self) -> dict[str, Any]:
        """What the tables keep beside the concepts."""
        return {
            "name": self.name,
            "title": self.title,
            "language": self.language,
            "publisher": self.publisher,
            "copyright": self.copyright,
            "properties": self.properties,
            "caseSensitive": self.case_sensitive,
        }


class Mapping(NamedTuple):
    """One element of a concept map; without `target_code` the map says that there is no target."""

    source: str
    source_code: str
    target: str
    target_code: str | None
    equivalence: str
    display: str | None = None
    comment: str | None = None


@dataclass(slots=True)
class ValueSet:
    """A version of a value set: its `compose`, or the expansion that it came with as a list of codes."""

    url: str
    version: str
    name: str
    title: str
    compose: dict[str, Any]


@dataclass(slots=True)
class ConceptMap:
    """A version of a concept map. `unmapped` tells for (source, target) system what else a code becomes."""

    url: str
    version: str
    name: str
    title: str
    mappings: list[Mapping]
    source: str = ""
    target: str = ""
    unmapped: list[dict[str, Any]] = field(default_factory=list)


Content = CodeSystem | ValueSet | ConceptMap


class ContentError(Exception):
    """What was given cannot be taken; the message says where, what and what to do."""
