"""What differs between two versions, word by word, with nothing of either left out. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Final

from kontinuum.web.workspace.entries.parts import Part

_WORDS: Final = re.compile(r"\s+|\w+|[^\w\s]", re.UNICODE)
_LINES: Final = re.compile(r"[^\n]*\n|[^\n]+")
_TOO_MANY: Final = 400_000
"""Pairs of words beyond which lines are compared instead: a reader waits for the page."""


class Change(StrEnum):
    """What became of a piece of text."""

    SAME = "same"
    REMOVED = "removed"
    ADDED = "added"


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text and what became of it."""

    change: Change
    text: str


@dataclass(frozen=True, slots=True)
class PartDifference:
    """A heading whose text differs; `change` tells when the heading itself came or went."""

    heading: str
    change: Change
    pieces: tuple[Piece, ...]


def differences(before: Sequence[Part], after: Sequence[Part]) -> tuple[PartDifference, ...]:
    """The headings that differ between two versions, in the order of the later one, those that went last."""
    old, new = _numbered(before), _numbered(after)
    found = []
    for key, part in new.items():
        former = old.get(key)
        if former is None:
            found.append(PartDifference(part.heading, Change.ADDED, words("", part.text)))
        elif former.text != part.text:
            found.append(PartDifference(part.heading, Change.SAME, words(former.text, part.text)))
    found += [
        PartDifference(part.heading, Change.REMOVED, words(part.text, ""))
        for key, part in old.items()
        if key not in new
    ]
    return tuple(found)


def _numbered(parts: Sequence[Part]) -> dict[tuple[str, int], Part]:
    """The parts by heading; the same heading a second time is another part."""
    seen: dict[str, int] = {}
    numbered = {}
    for part in parts:
        seen[part.heading] = seen.get(part.heading, 0) + 1
        numbered[part.heading, seen[part.heading]] = part
    return numbered


def words(before: str, after: str) -> tuple[Piece, ...]:
    """The pieces of two texts: same and removed give the one before, same and added the one after."""
    left, right = _WORDS.findall(before), _WORDS.findall(after)
    start, end = _shared(left, right)
    head, tail = "".join(left[:start]), "".join(left[len(left) - end :])
    left, right = left[start : len(left) - end], right[start : len(right) - end]
    if len(left) * len(right) > _TOO_MANY:
        left, right = _LINES.findall("".join(left)), _LINES.findall("".join(right))
    if len(left) * len(right) > _TOO_MANY:
        left, right = ["".join(left)], ["".join(right)]
    middle = _pieces(left, right)
    around = [Piece(Change.SAME, head)], middle, [Piece(Change.SAME, tail)]
    return tuple(piece for pieces in around for piece in pieces if piece.text)


def _shared(left: Sequence[str], right: Sequence[str]) -> tuple[int, int]:
    """How many words two texts share at their beginning and, apart from those, at their end."""
    shorter = min(len(left), len(right))
    start = next((n for n in range(shorter) if left[n] != right[n]), shorter)
    rest = shorter - start
    return start, next((n for n in range(rest) if left[-1 - n] != right[-1 - n]), rest)


def _pieces(left: Sequence[str], right: Sequence[str]) -> list[Piece]:
    pieces: list[Piece] = []
    for tag, low, high, start, end in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if tag == "equal":
            pieces.append(Piece(Change.SAME, "".join(left[low:high])))
            continue
        if high > low:
            pieces.append(Piece(Change.REMOVED, "".join(left[low:high])))
        if end > start:
            pieces.append(Piece(Change.ADDED, "".join(right[start:end])))
    return pieces
