"""What a profile demands, as a tree of elements: only where it says more than R4 does.

http://hl7.org/fhir/R4/elementdefinition.html. A tree says as much as a snapshot; what R4 itself demands of an
element is in `kontinuum.fhir.definitions` and stands in no node.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from kontinuum.fhir.definitions import Invariant

__all__ = ["Binding", "Node", "Slicing", "TypeRef", "Value", "is_extension"]


@dataclass(frozen=True, slots=True)
class TypeRef:
    """One type that an element may have; `code` is a type of R4, the rest are canonical URLs.

    http://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.type: a value follows at least
    one of `profiles`, and what it refers to at least one of `targets`.
    """

    code: str
    profiles: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    aggregation: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Value:
    """A value that an element must equal ("fixed") or hold at least ("pattern")."""

    kind: Literal["fixed", "pattern"]
    value: Any


@dataclass(frozen=True, slots=True)
class Binding:
    """The value set that codes come from (http://hl7.org/fhir/R4/terminologies.html#strength)."""

    strength: str
    value_set: str
    max_value_set: str | None = None


@dataclass(frozen=True, slots=True)
class Slicing:
    """How the items of an element are told apart. `discriminators` are (type, path).

    http://hl7.org/fhir/R4/profiling.html#slicing
    """

    discriminators: tuple[tuple[str, str], ...]
    rules: str = "open"
    ordered: bool = False


@dataclass(slots=True)
class Node:
    """One element, or one slice of it (`slice`), with what is demanded of it.

    `types` are those that R4 allows here, `narrowed` what the profile leaves of them, None for all. `min` and
    `max` begin as R4's. `shared` is the node whose children apply here too (`contentReference`).
    `grafted` are profiles whose children have been taken over.
    """

    name: str
    path: str
    types: tuple[str, ...]
    min: int = 0
    max: int | None = None
    slice: str | None = None
    narrowed: tuple[TypeRef, ...] | None = None
    value: Value | None = None
    binding: Binding | None = None
    rules: list[Invariant] = field(default_factory=list)
    max_length: int | None = None
    least: Any = None
    most: Any = None
    slicing: Slicing | None = None
    slices: dict[str, Node] = field(default_factory=dict)
    children: dict[str, Node] = field(default_factory=dict)
    shared: Node | None = None
    grafted: tuple[str, ...] = ()
    modifies: bool = False

    @property
    def place(self) -> str:
        """The path with the slice, as published definitions identify elements."""
        return f"{self.path}:{self.slice}" if self.slice else self.path

    @property
    def profile(self) -> str | None:
        """The one profile that every value follows; None when there is no such or a choice of several."""
        if self.narrowed is not None and len(self.narrowed) == 1 and len(self.narrowed[0].profiles) == 1:
            return self.narrowed[0].profiles[0]
        return None

    @property
    def leaves(self) -> tuple[str, ...]:
        """The types that are left."""
        return self.types if self.narrowed is None else tuple(each.code for each in self.narrowed)


def is_extension(name: str) -> bool:
    """Whether an element of that name holds extensions, which are always sliced by their URL."""
    return name in ("extension", "modifierExtension")
