"""The codes that one writes with, as a module asks for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Term:
    """A code with its display; `names` are what else people call it."""

    system: str
    code: str
    display: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Suggested:
    """What a person may mean who typed something.

    `source` names the code systems and their versions, and is empty when none is loaded; `partial` says that
    only a part of them is loaded, so that a code that is not found may exist all the same.
    """

    terms: tuple[Term, ...]
    source: str
    partial: bool


class Terms(Protocol):
    """The codes that one writes with.

    `where` is "analysis", "diagnosis", "measure" or "substance", or the address of a value set. A "template"
    can be chosen too: it is counted for the unit only.
    """

    async def suggest(self, where: str, text: str, /) -> Suggested:
        """The best codes for what was typed, those first that the person and the unit use most."""
        ...

    async def knows(self, where: str, /) -> bool:
        """Whether there are codes to choose from."""
        ...

    async def find(self, where: str, code: str, /) -> Term | None:
        """A code that may be chosen; None when it is not known here."""
        ...

    async def chose(self, where: str, code: str, /) -> None:
        """Count that the person chose it."""
        ...
