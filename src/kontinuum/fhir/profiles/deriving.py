"""From what a profile changes (its differential) to what it demands in all: its base's tree with the changes.

http://hl7.org/fhir/R4/profiling.html#snapshot. A profile may only narrow what it builds on; where it does
not, or says what cannot be worked with, that is a fault with the element's id.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kontinuum.fhir.definitions import Property, type_definition
from kontinuum.fhir.issues import Issue
from kontinuum.fhir.profiles.constraining import constrain
from kontinuum.fhir.profiles.items import is_primitive
from kontinuum.fhir.profiles.nodes import Node, Slicing, TypeRef, is_extension
from kontinuum.fhir.profiles.structure import Structure

__all__ = ["Derived", "derive", "properties_of"]

TreeOf = Callable[[str], Node | None]
"""The tree of a profile by its canonical URL, None when it is not known."""

_BY_URL = Slicing((("value", "url"),))
_BY_TYPE = Slicing((("type", "$this"),))


@dataclass(slots=True)
class Derived:
    """What came of a profile. With a fault of severity error it must not be used."""

    root: Node
    faults: list[Issue] = field(default_factory=list)

    @property
    def usable(self) -> bool:
        """Whether resources can be held to it."""
        return not any(issue.refuses for issue in self.faults)


class _WrongError(Exception):
    """An element that cannot be placed, with the reason."""


def derive(structure: Structure, base: Node | None, tree_of: TreeOf) -> Derived:
    """Work out what a profile demands; `base` is the tree of the profile that it builds on, if it is one."""
    root = Node(structure.type, structure.type, (structure.type,), 0, None) if base is None else None
    derived = Derived(root or copy.deepcopy(base))  # type: ignore[arg-type]
    walk = _Walk(derived.root, tree_of)
    for element in structure.elements:
        where = element["id"]
        try:
            node = walk.find(element)
        except _WrongError as error:
            derived.faults.append(Issue("error", "not-supported", str(error), where))
            continue
        derived.faults += (Issue("error", "business-rule", told, where) for told in constrain(node, element))
    _share(derived.root)
    derived.faults += _unsliced(derived.root)
    return derived


class _Walk:
    """Finds the nodes that elements mean, and makes those that are not there yet."""

    def __init__(self, root: Node, tree_of: TreeOf) -> None:
        self._root = root
        self._tree_of = tree_of

    def find(self, element: Mapping[str, Any]) -> Node:
        node = self._root
        steps = self._steps(element)
        for number, (name, slice_name) in enumerate(steps):
            node = self._child(node, name)
            for each in _nested(slice_name):
                # The entry that names a new slice comes with its slicing; what is below may only refer to it.
                declared = number == len(steps) - 1 and each == slice_name
                node = self._slice(node, each, declared=declared)
        return node

    def _steps(self, element: Mapping[str, Any]) -> list[tuple[str, str | None]]:
        path: str = element["path"]
        parts = path.split(".")
        if parts[0] != self._root.name:
            raise _WrongError(f"the path {path} does not begin with {self._root.name}")
        named = element["id"].split(".")
        if len(named) != len(parts) or named[0] != parts[0]:
            raise _WrongError(f"its path {path} is that of another element")
        split = [each.partition(":") for each in named[1:]]
        steps = [(name, slice_name or None) for name, _, slice_name in split]
        if any(name == "@default" for _, name in steps):
            raise _WrongError("the slice @default is not done here; write its rules for the element itself")
        return steps

    def _child(self, node: Node, name: str) -> Node:
        plain = name.removesuffix("[x]")
        if plain in node.children:
            return node.children[plain]
        self._graft(node)
        if plain in node.children:
            return node.children[plain]
        found = [prop for each in node.leaves for prop in properties_of(each, plain)]
        if found:
            node.children[plain] = _node(node, plain, found)
            return node.children[plain]
        if plain == "value" and all(map(is_primitive, node.leaves)):
            node.children[plain] = Node(plain, f"{node.path}.value", node.leaves, 0, 1)
            return node.children[plain]
        return self._typed(node, plain)

    def _typed(self, node: Node, name: str) -> Node:
        """`valueQuantity` where an element is `value[x]`: the slice of that type.

        Older publishers read it as the only type that is left, newer ones as here; where it is required, both
        come to the same.
        """
        for each in node.leaves:
            definition = type_definition(each)
            prop = definition.properties.get(name) if definition else None
            if prop is not None and prop.choice:
                return self._slice(self._child(node, prop.element), name, declared=True)
        raise _WrongError(f"{node.place} has no element {name} in {' or '.join(node.leaves) or 'R4'}")

    def _graft(self, node: Node) -> None:
        """Below an element that follows a profile stand that profile's children."""
        profile = node.profile
        if profile is None or profile in node.grafted:
            return
        tree = self._tree_of(profile)
        if tree is None:
            return
        taken = copy.deepcopy(tree)
        node.children = {**taken.children, **node.children}
        node.grafted = (*node.grafted, profile)

    def _slice(self, node: Node, name: str, *, declared: bool) -> Node:
        if name in node.slices:
            return node.slices[name]
        self._graft_slices(node)
        if name in node.slices:
            return node.slices[name]
        if not declared and not is_extension(node.name) and not _is_choice(node):
            raise _WrongError(f"{node.path} has no slice {name}")
        if node.slicing is None:
            node.slicing = _BY_URL if is_extension(node.name) else _BY_TYPE if _is_choice(node) else None
        made = Node(node.name, node.path, node.leaves, 0, node.max, name)
        if _is_choice(node):
            made.narrowed = _named_type(node, name)
        node.slices[name] = made
        return made

    def _graft_slices(self, node: Node) -> None:
        if node.slicing is None and node.profile is not None:
            self._graft(node)


def _nested(slice_name: str | None) -> list[str]:
    """The slices that lead to one: `a/b` divides `a` again.

    http://hl7.org/fhir/R4/profiling.html#slicenames
    """
    parts = slice_name.split("/") if slice_name else []
    return ["/".join(parts[: n + 1]) for n in range(len(parts))]


def properties_of(type_name: str, element: str) -> list[Property]:
    """The JSON properties of an element of a type: one, or as many as a choice has types."""
    definition = type_definition(type_name)
    if definition is None:
        return []
    return [prop for prop in definition.properties.values() if prop.element == element]


def _node(parent: Node, name: str, found: list[Property]) -> Node:
    path = f"{parent.path}.{name}"
    types = tuple(dict.fromkeys(prop.type for prop in found))
    return Node(name, path, types, found[0].min, found[0].max)


def _is_choice(node: Node) -> bool:
    return len(node.types) > 1


def _named_type(node: Node, name: str) -> tuple[TypeRef, ...] | None:
    """The type that a slice named `valueQuantity` means, unless the element says more."""
    suffix = name.removeprefix(node.name)
    found = [each for each in node.leaves if each[0].upper() + each[1:] == suffix and suffix != name]
    kept = [ref for ref in node.narrowed or () if ref.code in found]
    return tuple(kept or [TypeRef(each) for each in found]) or None


def _unsliced(node: Node) -> Iterator[Issue]:
    """Slices that nobody could tell apart."""
    if node.slices and (node.slicing is None or not node.slicing.discriminators):
        names = ", ".join(node.slices)
        message = f"the slices {names} have no discriminator that tells them apart"
        yield Issue("error", "required", message, node.place)
    for child in (*node.children.values(), *node.slices.values()):
        yield from _unsliced(child)


def _share(root: Node) -> None:
    """Let what is demanded of an element hold where R4 uses the same element again.

    http://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.contentReference:
    `Questionnaire.item.item` is `Questionnaire.item`.
    """
    constrained = {node.path: node for node in _unshared(root) if node.children and "." in node.path}
    if not constrained:
        return
    for node in list(_unshared(root)):
        for each in node.leaves:
            _share_below(node, each, constrained)


def _share_below(node: Node, type_name: str, constrained: Mapping[str, Node]) -> None:
    definition = type_definition(type_name)
    if definition is None or definition.kind not in ("backbone", "resource"):
        return
    for prop in definition.properties.values():
        path = f"{type_name}.{prop.element}"
        if prop.type in constrained and prop.type != path:
            child = node.children.get(prop.element) or _node(node, prop.element, [prop])
            child.shared = constrained[prop.type]
            node.children[prop.element] = child


def _unshared(node: Node) -> Iterator[Node]:
    yield node
    for child in (*node.children.values(), *node.slices.values()):
        yield from _unshared(child)
