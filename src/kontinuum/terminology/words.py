"""The words by which a concept is found, and how good a hit each is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from kontinuum.fhir.search.text import normalise

_WORD = re.compile(r"[^\W_]+")
LONGEST = 60

DISPLAY_BEGINS, CODE, DISPLAY, NAME_BEGINS, NAME = range(5)
INACTIVE = 8
_SHIFT = 16


def tokens(text: str) -> tuple[str, ...]:
    """The words of a text without case and accents: letters and digits, at most 60 of them each."""
    return tuple(word[:LONGEST] for word in _WORD.findall(normalise(text)))


def compact(code: str) -> str:
    """A code as one word: `I10.9` and `i109` are the same."""
    return "".join(tokens(code))[:LONGEST]


def folded(code: str, names: Iterable[str]) -> str:
    """All words of a concept, each with a space before it, for asking whether one begins with something."""
    words = dict.fromkeys((compact(code), *tokens(code)))
    for name in names:
        words.update(dict.fromkeys(tokens(name)))
    return "".join(f" {word}" for word in words)


def ranked_words(code: str, display: str, names: Sequence[str], *, active: bool) -> dict[str, int]:
    """Each word of a concept with its rank: the lower, the better it is when the word is asked for.

    First the display's first word, then the code, other words of the display, those of other names. Within a
    kind the shorter display is the more general concept and goes first. What is inactive comes last.
    """
    found: dict[str, int] = {}
    length = min(len(display), (1 << _SHIFT) - 1)

    def add(word: str, kind: int) -> None:
        rank = (kind + (0 if active else INACTIVE)) << _SHIFT | length
        if rank < found.get(word, 1 << 30):
            found[word] = rank

    for word in (compact(code), *tokens(code)):
        add(word, CODE)
    for position, word in enumerate(tokens(display)):
        add(word, DISPLAY if position else DISPLAY_BEGINS)
    for name in names:
        for position, word in enumerate(tokens(name)):
            add(word, NAME if position else NAME_BEGINS)
    found.pop("", None)
    return found
