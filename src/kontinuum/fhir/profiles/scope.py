"""What the checks of one resource against profiles share, and what they hand back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from kontinuum.fhir.profiles.codes import Code, Question
from kontinuum.fhir.profiles.items import Item
from kontinuum.fhir.validation.problems import Context, Found, Problem

if TYPE_CHECKING:
    from kontinuum.fhir.profiles.library import Library

__all__ = ["Check", "Doubt", "Scope", "entries_of", "is_sound", "located", "together"]


class Scope:
    """The resource that is judged, with what its references can lead to.

    `context` is that of plain validation; `entries` are a Bundle's resources by fullUrl and by `Type/id`.
    """

    __slots__ = ("context", "entries", "library")

    def __init__(self, context: Context, library: Library, entries: Mapping[str, Any]) -> None:
        self.context = context
        self.library = library
        self.entries = entries

    def within(self, resource: Mapping[str, Any], *, contained: bool) -> Scope:
        """The scope of a resource in this one."""
        root = self.context.root if contained else resource
        return Scope(Context(resource, root, self.context.warnings), self.library, self.entries)

    def resolve(self, reference: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What a reference leads to within what was sent; None when it leads elsewhere."""
        literal = reference.get("reference")
        if literal is None:
            return None
        if literal.startswith("#"):
            listed = self.context.root.get("contained", ())
            return next((each for each in listed if each.get("id") == literal[1:]), None)
        return self.entries.get(literal)


class Doubt(Problem):
    """A problem only if a terminology says so: that a code is not in a value set."""

    __slots__ = ("codes", "said", "strength", "value_set")

    def __init__(self, value_set: str, strength: str, codes: tuple[Code, ...], said: str) -> None:
        super().__init__("code-invalid", "", "information")
        self.value_set = value_set
        self.strength = strength
        self.codes = codes
        self.said = said

    def question(self, root: str) -> Question:
        """The doubt as a question, with its place in the resource."""
        return Question(
            self.value_set, self.strength, self.codes, self.said, self.issue(root).location or root
        )


Check = Callable[[Item, Scope], Found]


def together(checks: list[Check]) -> Check:
    """Several checks as one."""
    if len(checks) == 1:
        return checks[0]

    def check(item: Item, scope: Scope) -> Found:
        problems: list[Problem] = []
        for each in checks:
            found = each(item, scope)
            if found is not None:
                problems += found
        return problems or None

    return check


def located(found: Found, item: Item) -> list[Problem]:
    """The problems of an item, put where it stands in its parent."""
    if found is None:
        return []
    for problem in found:
        if item.position is not None:
            problem.at(item.position)
        problem.at(item.element)
    return found


def is_sound(found: Found) -> bool:
    """Whether nothing that was found is an error."""
    return found is None or not any(problem.severity in ("error", "fatal") for problem in found)


def entries_of(root: Mapping[str, Any]) -> dict[str, Any]:
    """A Bundle's resources by what references may call them; nothing for any other resource."""
    found: dict[str, Any] = {}
    if root.get("resourceType") != "Bundle":
        return found
    for entry in root.get("entry", ()):
        resource = entry.get("resource")
        if resource is None:
            continue
        if "fullUrl" in entry:
            found[entry["fullUrl"]] = resource
        if "id" in resource:
            found[f"{resource['resourceType']}/{resource['id']}"] = resource
    return found
