"""Swedish words as people search for them: inflected, and as parts of compounds. Pure.

The stem is that of the Snowball algorithm, https://snowballstem.org/algorithms/swedish/stemmer.html, by which
PostgreSQL's configuration `swedish` indexes free text: both must give the same, or a word would be found and
not be marked. A test holds them together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from unicodedata import normalize

_VOWELS: Final = frozenset("aeiouyäåö")
_BEFORE_S: Final = frozenset("bcdfghjklmnoprtvy")
_BEFORE_OST: Final = frozenset("iklnprtuv")
_ENDINGS: Final = tuple(
    sorted(
        "a arna erna heterna orna ad e ade ande arne are aste en anden aren heten ern ar er heter or as arnas"
        " ernas ornas es ades andes ens arens hetens erns at andet het ast".split(),
        key=len,
        reverse=True,
    )
)
_DOUBLED: Final = ("dd", "gd", "nn", "dt", "gt", "kt", "tt")

_WORD: Final = re.compile(r"(?:[^\W_]|[\u0300-\u036f\u00ad])+")
"""Letters and digits with the marks that stand on them; a soft hyphen is no end of a word."""

_PHRASE: Final = re.compile(r'"([^"]+)"|(\S+)')
_SHORTEST_PART: Final = 4
_SHORTEST_HEAD: Final = 3
_AT_MOST: Final = 8
_LINKED_BY_S: Final = ("arbet", "dom", "het", "ing", "itet", "kropp", "liv", "skap", "tion")
"""First parts that are joined to what follows by an s: `kroppsvikt` is kropp-s-vikt, and no svikt."""

EVERYDAY: Final = {
    "bt": "blodtryck",
    "eko": "ekokardiografi",
    "hb": "hemoglobin",
    "k": "kalium",
    "kol": "kronisk obstruktiv lungsjukdom",
    "krea": "kreatinin",
    "lpk": "leukocyter",
    "na": "natrium",
    "tpk": "trombocyter",
    "uvi": "urinvägsinfektion",
}
"""What is written short at the bedside, and in full in the name of a result or a diagnosis."""


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """The stem of a word in lower case."""
    begins = _region(word)
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= begins:
            word = word[: -len(ending)]
            break
    else:
        if word.endswith("s") and len(word) - 1 >= begins and word[-2:-1] in _BEFORE_S:
            word = word[:-1]
    if word.endswith(_DOUBLED) and len(word) - 2 >= begins:
        word = word[:-1]
    for ending, left in (("fullt", "full"), ("öst", "ös"), ("els", ""), ("lig", ""), ("ig", "")):
        if word.endswith(ending) and len(word) - len(ending) >= begins:
            kept = ending == "öst" and word[-4] not in _BEFORE_OST
            return word if kept else word[: -len(ending)] + left
    return word


def _region(word: str) -> int:
    """Where the part of a word begins in which endings are looked for: after a vowel and a consonant."""
    for place in range(1, len(word)):
        if word[place] not in _VOWELS and word[place - 1] in _VOWELS:
            return max(3, place + 1)
    return len(word) + 1


def folded(word: str) -> str:
    """A word as it is compared: lower case, each letter one character, no soft hyphens."""
    return normalize("NFC", word.replace("\u00ad", "")).lower()


@dataclass(frozen=True, slots=True)
class Term:
    """One thing that was asked for: a word, or `literal` text (a code, a number, a phrase in quotes).

    `ways` are the words that count as the word: itself, and what an everyday abbreviation stands for.
    """

    typed: str
    literal: bool
    ways: tuple[str, ...]

    @property
    def needles(self) -> tuple[str, ...]:
        """Texts of which each place that the term is found at holds one, in lower case."""
        if self.literal:
            return (max(_WORD.findall(folded(self.typed)), key=len, default=folded(self.typed)),)
        return tuple(_needle(way) for way in self.ways)

    def places(self, text: str) -> Iterator[tuple[int, int]]:
        """Where the term stands in a text, as (start, end)."""
        if self.literal:
            yield from (found.span() for found in _literal(self.typed).finditer(text))
            return
        for way in self.ways:
            if " " in way:
                yield from (found.span() for found in _literal(way).finditer(text))
        for found in _WORD.finditer(text):
            for way in self.ways:
                part = _part(found[0], way)
                if part is not None:
                    yield found.start() + part[0], found.start() + part[1]
                    break


def terms(typed: str) -> tuple[Term, ...]:
    """What was typed as terms, all of which must be found; at most eight, each at least two characters."""
    found: list[Term] = []
    for phrase, word in _PHRASE.findall(normalize("NFC", typed)):
        text = (phrase or word).strip("\"'.,;:()?!")
        if len(text) < 2:
            continue
        bare = _WORD.fullmatch(text)
        literal = bool(phrase) or bare is None or any(each.isdigit() for each in text)
        ways = (folded(text), *([EVERYDAY[folded(text)]] if folded(text) in EVERYDAY else []))
        found.append(Term(text, literal, ways))
    return tuple(dict.fromkeys(found))[:_AT_MOST]


def marks(text: str, wanted: Iterable[Term]) -> tuple[tuple[int, int], ...]:
    """The places of all terms in a text, in order, those that touch joined."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted({place for term in wanted for place in term.places(text)}):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)


def _root(word: str) -> str:
    """The stem, also without the definite ending `-et`, which the algorithm leaves: `trycket`, `tryck`."""
    found = stem(word)
    definite = found == word and word.endswith("et") and len(word) - 2 >= _SHORTEST_PART
    return word[:-2] if definite else found


def _needle(way: str) -> str:
    """What stands in every word, and in the stem of every word, in which a word is found."""
    root = _root(way.split(" ")[-1])
    # A short stem may lose its last letters in a longer word, where they count as an ending.
    return root[:-2] if len(root) > _SHORTEST_PART else root[:3]


@lru_cache(maxsize=1024)
def _literal(text: str) -> re.Pattern[str]:
    """A text at the beginning of a word, whatever white space stands between its words."""
    inner = r"\s+".join(re.escape(each) for each in text.split())
    return re.compile(rf"(?<![^\W_]){inner}", re.IGNORECASE)


def _part(word: str, way: str) -> tuple[int, int] | None:
    """The part of a word in which another is found; None when it is not.

    The whole word in another form; a word that begins with it; from four letters on a part of a compound,
    after at least three letters of which one is a vowel: `svikt` in `hjärtsvikten`, but not `puls` in
    `impulsiv`. A shorter one only where something other than a small letter goes on: `Hb` in `HbA1c`.
    """
    plain = folded(word)
    whole = (0, len(word))
    if " " in way:
        return None
    root = _root(way)
    if plain == way or _root(plain) == root:
        return whole
    exact = len(plain) == len(word)
    if len(way) < _SHORTEST_PART:
        follows = word[len(way) : len(way) + 1] if exact else ""
        cut = plain.startswith(way) and bool(follows) and not follows.islower()
        return (0, len(way)) if cut else None
    sought = root if len(root) >= _SHORTEST_PART else way
    place = plain.find(sought)
    while place > 0 and not _may_be_head(plain[:place], sought):
        place = plain.find(sought, place + 1)
    if place < 0:
        return None
    if not exact:
        return whole
    if _root(plain[place:]) in (root, way):
        return place, len(word)
    end = place + (len(way) if plain.startswith(way, place) else len(sought))
    return place, end


def _may_be_head(head: str, following: str) -> bool:
    """Whether letters can be what stands before the last part of a compound."""
    linked = following.startswith("s") and head.endswith(_LINKED_BY_S)
    return len(head) >= _SHORTEST_HEAD and bool(_VOWELS & set(head)) and not linked
