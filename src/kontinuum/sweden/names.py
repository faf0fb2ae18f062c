"""How alike two names are, as they are written and as they sound in Swedish."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_SOUNDS: Final = (
    (re.compile(r"\s+|-"), ""),
    (re.compile(r"ph"), "f"),
    (re.compile(r"ch(?=r)|ck|c(?![eiy])|q"), "k"),
    (re.compile(r"x"), "ks"),
    (re.compile(r"c|z"), "s"),
    (re.compile(r"w|(?<=.)fv|hv"), "v"),
    (re.compile(r"th"), "t"),
    (re.compile(r"hj|lj|gj|dj"), "j"),
    (re.compile(r"(?<=[rl])gh?(?=$)"), "j"),
    (re.compile(r"y"), "i"),
    (re.compile(r"(.)\1+"), r"\1"),
)


def fold(text: str) -> str:
    """Lower case without diacritics: `Åke` and `ake` are one."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def sound(name: str) -> str:
    """A name as it sounds in Swedish, roughly: `Kristoffer` and `Christopher` are one."""
    text = fold(name)
    for pattern, replacement in _SOUNDS:
        text = pattern.sub(replacement, text)
    return text


def likeness(one: str, other: str) -> float:
    """How alike two words are, 0 to 1: the share of letters that need no change (Damerau-Levenshtein)."""
    longest = max(len(one), len(other))
    return 1.0 if longest == 0 else 1 - distance(one, other) / longest


def distance(one: str, other: str) -> int:
    """Insertions, deletions, substitutions and swaps of neighbours between two words."""
    before: list[int] = []
    current = list(range(len(other) + 1))
    for row, letter in enumerate(one, start=1):
        earlier, before, current = before, current, [row]
        for column, opposite in enumerate(other, start=1):
            cost = min(before[column] + 1, current[column - 1] + 1, before[column - 1] + (letter != opposite))
            swapped = row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == opposite
            current.append(min(cost, earlier[column - 2] + 1) if swapped else cost)
    return current[-1]
