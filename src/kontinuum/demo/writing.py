"""Note texts: Swedish clinical prose put together from alternatives written by hand.

`data/notes-*.toml` holds, per kind of note, the keywords (sökord) in order and several ways to write each;
shared sentences stand under `[fragment]`. In a `linked` kind the first ways of all keywords belong
together, the second ways too, and so on. A text names what it needs in braces: a measured value of this
visit, a fragment, or the patient's pronouns. Only alternatives whose values exist are considered, and each
is used once before any comes again, so that a chart does not repeat itself.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any

from kontinuum.demo.tables import table

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
_LASTING = frozenset({"rok"})
"""Fragments that stay the same for a patient, such as whether he or she smokes."""
_FILES = ("notes-general", "notes-chronic", "notes-specialist", "notes-ward", "notes-life")


@dataclass(frozen=True, slots=True)
class _Alternative:
    text: str
    needs: frozenset[str]
    fragments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Theme:
    """A kind of note: its title and, per keyword, the ways to write it."""

    title: str
    sections: Mapping[str, tuple[_Alternative, ...]]
    linked: bool = False


@cache
def themes() -> dict[str, Theme]:
    """Read every kind of note."""
    found: dict[str, Theme] = {}
    for file in _FILES:
        for key, row in table(file).items():
            if key != "fragment":
                sections = {head: _alternatives(texts) for head, texts in row["text"].items()}
                found[key] = Theme(row["title"], sections, row.get("linked", False))
    return found


@cache
def _fragments() -> dict[str, tuple[str, ...]]:
    return {key: tuple(texts) for file in _FILES for key, texts in table(file).get("fragment", {}).items()}


def _alternatives(texts: list[str]) -> tuple[_Alternative, ...]:
    known = _fragments()
    found = []
    for text in texts:
        names = _PLACEHOLDER.findall(text)
        fragments = tuple(name for name in names if name in known)
        found.append(_Alternative(text, frozenset(names) - set(fragments), fragments))
    return tuple(found)


def _needs(row: tuple[_Alternative, ...]) -> frozenset[str]:
    return frozenset[str]().union(*(each.needs for each in row))


class Writer:
    """Writes one patient's notes, remembering what it has used."""

    def __init__(self, rng: Random, sex: str) -> None:
        self._rng = rng
        self._decks: dict[tuple[str, str], list[int]] = {}
        self._lasting: dict[str, str] = {}
        she = sex == "female"
        self._pronouns = {
            "hon": "hon" if she else "han",
            "Hon": "Hon" if she else "Han",
            "henne": "henne" if she else "honom",
            "hennes": "hennes" if she else "hans",
            "Hennes": "Hennes" if she else "Hans",
            "kvinna": "kvinna" if she else "man",
            "flicka": "flicka" if she else "pojke",
        }

    def write(self, theme: str, values: Mapping[str, str]) -> tuple[str, list[tuple[str, str]]]:
        """Write a note of a kind: its title and (keyword, text) in order.

        KeyError for an unknown kind; LookupError when a keyword has no text that fits the values at hand.
        """
        kind = themes()[theme]
        known = {**self._pronouns, **values}
        together = list(kind.sections.values())
        common = (
            self._choose((theme, ""), [_needs(row) for row in zip(*together, strict=True)], known)
            if kind.linked
            else None
        )
        sections = []
        for head, alternatives in kind.sections.items():
            index = common
            if index is None:
                index = self._choose((theme, head), [each.needs for each in alternatives], known)
            chosen = alternatives[index]
            parts = {name: self._fragment(name) for name in chosen.fragments if name not in values}
            sections.append((head, chosen.text.format_map({**known, **parts})))
        return kind.title, sections

    def _choose(self, slot: tuple[str, str], needs: list[frozenset[str]], known: Mapping[str, Any]) -> int:
        deck = self._decks.setdefault(slot, [])
        for _ in range(2):
            for position, index in enumerate(deck):
                if needs[index] <= known.keys():
                    return deck.pop(position)
            deck[:] = self._rng.sample(range(len(needs)), len(needs))
        missing = sorted(frozenset[str]().union(*needs) - known.keys())
        message = f"no text for {slot} without {missing}"
        raise LookupError(message)

    def _fragment(self, name: str) -> str:
        texts = _fragments()[name]
        if name in _LASTING:
            return self._lasting.setdefault(name, self._rng.choice(texts))
        deck = self._decks.setdefault(("fragment", name), [])
        if not deck:
            deck[:] = self._rng.sample(range(len(texts)), len(texts))
        return texts[deck.pop()]
