"""SQL put together from parts whose values are always parameters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of SQL with a `{}` for each value; `Fragment("a.provider = {}", ("SE…",))`."""

    text: str
    values: tuple[Any, ...] = ()


@dataclass(slots=True)
class Binder:
    """Collects the values of one statement and hands out their placeholders `$1`, `$2` and so on."""

    values: list[Any] = field(default_factory=list)

    def bind(self, value: Any) -> str:
        """The placeholder of a value."""
        self.values.append(value)
        return f"${len(self.values)}"

    def add(self, fragment: Fragment) -> str:
        """The fragment's text with its values bound."""
        return fragment.text.format(*(self.bind(value) for value in fragment.values))
