"""Where words stand in an entry, quoted so that nobody reads a denial as a finding. Pure.

A quotation is a part of the text letter for letter. It never begins or ends within a sentence: "ingen
blödning" must not be shown as "blödning", nor "Blödning: nej" as "Blödning". Where the words stand near the
beginning of their sentence the one before is shown with it, and after a question its answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from kontinuum.fhir.swedish import Term, marks
from kontinuum.fhir.texts import Piece, pieces

_SENTENCE_ENDS: Final = re.compile(r"(?<=[.!?])\s+(?=[^\W\d_a-zåäö]|\d)|\n+")
_BEFORE: Final = 60
_LONGEST: Final = 1_500
"""A sentence longer than this is cut, far from the words."""

AT_MOST: Final = 3


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of text, and whether it is what was asked for."""

    text: str
    marked: bool


@dataclass(frozen=True, slots=True)
class Quotation:
    """A part of a text under its heading; `before` and `after` say whether the text goes on there."""

    heading: str
    segments: tuple[Segment, ...]
    before: bool
    after: bool

    @property
    def text(self) -> str:
        """The part of the text, letter for letter."""
        return "".join(each.text for each in self.segments)


def holds(resource: Mapping[str, Any], terms: Sequence[Term]) -> bool:
    """Whether every term stands somewhere in an entry."""
    missing = list(terms)
    for piece in pieces(resource):
        missing = [term for term in missing if not _places([term], piece)]
        if not missing:
            return True
    return not missing


def quotations(resource: Mapping[str, Any], terms: Sequence[Term]) -> Iterator[Quotation]:
    """Every part of an entry in which a term stands, each text once."""
    told: set[str] = set()
    for piece in pieces(resource):
        if piece.text in told:
            continue
        told.add(piece.text)
        places = _places(terms, piece)
        yield from _of(piece, places)


def marked(text: str, terms: Sequence[Term]) -> tuple[Segment, ...]:
    """A whole text in segments."""
    return tuple(_segments(text, 0, len(text), marks(text, terms)))


def _places(terms: Sequence[Term], piece: Piece) -> tuple[tuple[int, int], ...]:
    return marks(piece.text, [term for term in terms if term.literal or not piece.code])


def _of(piece: Piece, places: Sequence[tuple[int, int]]) -> Iterator[Quotation]:
    bounds = [0, *(found.end() for found in _SENTENCE_ENDS.finditer(piece.text)), len(piece.text)]
    spans: list[tuple[int, int]] = []
    for start, end in places:
        first = max((each for each in bounds if each <= start), default=0)
        if start - first < _BEFORE and first:
            first = max((each for each in bounds if each < first), default=0)
        first = max(first, start - _LONGEST)
        last = min((each for each in bounds if each >= end), default=len(piece.text))
        last = min(last, end + _LONGEST)
        while last < len(piece.text) and piece.text[first:last].rstrip().endswith(("?", ":")):
            last = next(each for each in bounds if each > last)
        if spans and first <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(last, spans[-1][1]))
        else:
            spans.append((first, last))
    for first, last in spans:
        shown = tuple(_segments(piece.text, first, last, places))
        yield Quotation(piece.heading, shown, first > 0, last < len(piece.text))


def _segments(text: str, first: int, last: int, places: Sequence[tuple[int, int]]) -> Iterator[Segment]:
    here = first
    for start, end in places:
        if start < first or end > last:
            continue
        if start > here:
            yield Segment(text[here:start], False)
        yield Segment(text[start:end], True)
        here = end
    if here < last:
        yield Segment(text[here:last], False)
