"""Typed views of the FHIR data types that pages read (http://hl7.org/fhir/R4/datatypes.html).

They are decoded straight from a stored body and hold only what is shown; elements that are not named here
are skipped without being built. Numbers keep their digits. For validation use `fhir.validation`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Generic, TypeVar

import msgspec

from kontinuum.kernel.kept import Kept, Room


class Element(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """Base of the views: snake_case here, FHIR's camelCase in JSON."""


class Coding(Element, frozen=True):
    """A code of a code system."""

    system: str | None = None
    code: str | None = None
    display: str | None = None


class CodeableConcept(Element, frozen=True):
    """A concept: codings and/or the words that were used."""

    coding: tuple[Coding, ...] = ()
    text: str | None = None

    @property
    def label(self) -> str:
        """The words that were used, else the first display, else the first code."""
        if self.text:
            return self.text
        shown = next((coding.display for coding in self.coding if coding.display), None)
        return shown or next((coding.code for coding in self.coding if coding.code), "")

    def code(self, system: str | None = None) -> str:
        """The first code, of one system when it is given; empty when there is none."""
        return next((c.code for c in self.coding if c.code and (system is None or c.system == system)), "")

    def has(self, *codes: str) -> bool:
        """Whether any coding carries one of the codes."""
        return any(coding.code in codes for coding in self.coding)


class Identifier(Element, frozen=True):
    """A business identifier."""

    system: str | None = None
    value: str | None = None
    use: str | None = None


class Reference(Element, frozen=True):
    """A reference to another resource."""

    reference: str | None = None
    display: str | None = None
    type: str | None = None
    identifier: Identifier | None = None


class Period(Element, frozen=True):
    """A span of time; an absent end is open."""

    start: str | None = None
    end: str | None = None


class Quantity(Element, frozen=True):
    """A measured amount; `value` keeps its digits."""

    value: Decimal | None = None
    comparator: str | None = None
    unit: str | None = None
    code: str | None = None


class HumanName(Element, frozen=True):
    """A person's name."""

    use: str | None = None
    text: str | None = None
    family: str | None = None
    given: tuple[str, ...] = ()
    period: Period | None = None


class ContactPoint(Element, frozen=True):
    """A telephone number or other address for contact."""

    system: str | None = None
    value: str | None = None
    use: str | None = None


class Address(Element, frozen=True):
    """A postal address."""

    use: str | None = None
    text: str | None = None
    line: tuple[str, ...] = ()
    city: str | None = None
    postal_code: str | None = None


class Annotation(Element, frozen=True):
    """A comment with its author."""

    text: str
    time: str | None = None
    author_string: str | None = None
    author_reference: Reference | None = None


class Meta(Element, frozen=True):
    """The part of a resource's metadata that pages show."""

    security: tuple[Coding, ...] = ()
    tag: tuple[Coding, ...] = ()
    source: str | None = None


T = TypeVar("T", bound=Element)

_ROOM: Final = Room(24 * 2**20)
"""For the views, of every kind, that are kept in a worker for when their bodies come again."""


class Views(Generic[T]):
    """Reads stored bodies as one kind of view. Those read lately are kept: a view never changes."""

    def __init__(self, view: type[T]) -> None:
        self.decode: Final = Kept(msgspec.json.Decoder(view).decode, _weight, _ROOM).of
        """The view of a body."""


def _weight(body: bytes, _view: object) -> int:
    """Bytes for a body and its view, which takes two to three times its body, whatever its kind."""
    return 4 * len(body)


def decoder(view: type[T]) -> Views[T]:
    """A reader of stored bodies as one view; made once and kept by the module that reads them."""
    return Views(view)


def views_kept() -> list[tuple[bytes, object]]:
    """The bodies and views that this process keeps just now."""
    return _ROOM.known
