"""In what order a unit offers its templates, and which of them fit a contact and who writes. Pure.

The order is a unit's, so that it holds for templates of every origin, and each is named by its canonical
`url`: a new version keeps its place. http://hl7.org/fhir/R4/encounter.html (`class`, `type`, `reasonCode`)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

KIND: Final = "template-order"
"""The type of the Library in which a unit's order is kept."""

CLASSES: Final[Mapping[str, frozenset[str]]] = {
    "AMB": frozenset({"AMB"}),
    "VR": frozenset({"VR"}),
    "HH": frozenset({"HH", "FLD"}),
    "EMER": frozenset({"EMER"}),
    "IMP": frozenset({"IMP", "ACUTE", "NONAC", "SS", "OBSENC"}),
}
"""Kinds of contact that templates are told apart by, with the classes of an Encounter that each means."""

One = TypeVar("One")


@dataclass(frozen=True, slots=True)
class Place:
    """A template's place in the order, and when it comes first: all that is set must hold."""

    url: str
    contact: str = ""
    words: tuple[str, ...] = ()
    professions: tuple[str, ...] = ()

    @property
    def conditions(self) -> int:
        """How many things are asked of the situation."""
        return bool(self.contact) + bool(self.words) + bool(self.professions)


@dataclass(frozen=True, slots=True)
class Situation:
    """Where somebody begins to write: the contact, if there is one, and what who writes is."""

    contact: Mapping[str, Any] | None = None
    professions: tuple[str, ...] = ()


def read(content: Mapping[str, Any]) -> tuple[Place, ...]:
    """An order as it is kept; what cannot be read is no part of it."""
    held = content.get("templates")
    found: dict[str, Place] = {}
    for one in held if isinstance(held, list) else ():
        if isinstance(one, dict) and isinstance(one.get("url"), str):
            contact = str(one.get("contact", ""))
            listed = (one.get(name) for name in ("words", "professions"))
            words, professions = (tuple(map(str, each)) if isinstance(each, list) else () for each in listed)
            place = Place(one["url"], contact if contact in CLASSES else "", words, professions)
            found.setdefault(one["url"], place)
    return tuple(found.values())


def content_of(places: Iterable[Place]) -> dict[str, Any]:
    """An order as it is kept."""
    rows = [
        {"url": one.url, "contact": one.contact, "words": [*one.words], "professions": [*one.professions]}
        for one in places
    ]
    return {"templates": [{name: value for name, value in row.items() if value} for row in rows]}


def fits(place: Place, situation: Situation) -> bool:
    """Whether a template comes first; one of which nothing is asked never does."""
    contact = situation.contact or {}
    asked = (
        (place.contact, contact.get("class", {}).get("code") in CLASSES.get(place.contact, ())),
        (place.words, _any(place.words, said_of(contact))),
        (place.professions, _any(place.professions, situation.professions)),
    )
    return place.conditions > 0 and all(holds for wanted, holds in asked if wanted)


def _any(words: Iterable[str], texts: Iterable[str]) -> bool:
    said = [text.casefold() for text in texts]
    return any(word.casefold() in text for word in words for text in said)


def said_of(contact: Mapping[str, Any]) -> list[str]:
    """The reason and kind of a contact in words."""
    concepts = [*(contact.get("reasonCode") or ()), *(contact.get("type") or ())]
    concepts.append(contact.get("serviceType") or {})
    return [text for one in concepts for text in told(one)]


def told(concept: Mapping[str, Any]) -> list[str]:
    """What a concept says in words."""
    codings = [str(one.get("display", "")) for one in concept.get("coding") or ()]
    return [text for text in (str(concept.get("text", "")), *codings) if text]


def arranged(
    templates: Sequence[One], url: Callable[[One], str], places: Sequence[Place], situation: Situation
) -> tuple[list[One], list[One]]:
    """The templates that fit, those of which most is asked first, and the others in the unit's order."""
    at = {place.url: number for number, place in enumerate(places)}
    ordered = sorted(templates, key=lambda one: at.get(url(one), len(at)))
    asked = {place.url: place.conditions for place in places if fits(place, situation)}
    first = sorted((one for one in ordered if url(one) in asked), key=lambda one: -asked[url(one)])
    return first, [one for one in ordered if url(one) not in asked]
