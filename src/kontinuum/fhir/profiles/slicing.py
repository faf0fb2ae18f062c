"""Telling slices apart: which items of an element belong to which slice.

http://hl7.org/fhir/R4/profiling.html#discriminator. A discriminator's path is a small FHIRPath: `$this`,
names, `extension('url')`, `resolve()`, `ofType(Type)`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from kontinuum.fhir.definitions import is_subtype
from kontinuum.fhir.profiles.codes import codes_of
from kontinuum.fhir.profiles.items import Item, item_of, items
from kontinuum.fhir.profiles.nodes import Node, Value, is_extension
from kontinuum.fhir.profiles.scope import Scope
from kontinuum.fhir.profiles.structure import core_type
from kontinuum.fhir.profiles.values import agrees

if TYPE_CHECKING:
    from kontinuum.fhir.profiles.library import Library

__all__ = ["Belongs", "UntoldError", "belongs"]

Belongs = Callable[[Item, Scope], bool]
Step = tuple[str, str]
Follows = Callable[[str, Item, Scope], bool]
"""Whether an item follows a profile: given by the checks, which use slices themselves."""

_STEP = re.compile(
    r"(?P<this>\$this)|extension\(\s*'(?P<extension>[^']+)'\s*\)|(?P<resolve>resolve\(\))"
    r"|ofType\(\s*(?P<ofType>[\w.]+)\s*\)|(?P<child>[A-Za-z]\w*)(?:\[x\])?"
)


class UntoldError(Exception):
    """A slice that its own definition does not tell from others, with the reason."""


def belongs(part: Node, element: Node, library: Library, follows: Follows) -> Belongs:
    """The test whether an item belongs to a slice. Raises UntoldError."""
    assert element.slicing is not None, "a tree without slicing has no slices"
    tests = [_test(kind, path, part, library, follows) for kind, path in element.slicing.discriminators]
    return lambda item, scope: all(test(item, scope) for test in tests)


def _test(kind: str, path: str, part: Node, library: Library, follows: Follows) -> Belongs:
    steps = _steps(path)
    if kind == "value" and path == "url" and is_extension(part.name):
        return _of_url(part, library)
    wanted = _expected(part, steps, library)
    if kind == "exists":
        return _existence(wanted, steps, path)
    if kind == "type":
        return _of_type(wanted, steps, path, library)
    if kind == "profile":
        return _of_profile(wanted, steps, path, follows)
    match = _matcher(wanted, library, follows) if wanted is not None else None
    if match is None and wanted is not None and wanted.binding is not None:
        raise UntoldError(f"is told apart by {wanted.binding.value_set}, whose codes are not listed here")
    if match is None:
        raise UntoldError(f"says nothing of {path}, by which it is told apart")
    return lambda item, scope: any(match(each, scope) for each in _follow(item, steps, scope))


def _steps(path: str) -> list[Step]:
    steps: list[Step] = []
    at = 0
    while at < len(path):
        found = _STEP.match(path, at)
        if found is None or found.lastgroup is None:
            raise UntoldError(f"has the discriminator {path}, which is no path that is known here")
        if found.lastgroup != "this":
            steps.append((found.lastgroup, found[found.lastgroup]))
        at = found.end()
        if path[at : at + 1] == ".":
            at += 1
    return steps


def _follow(item: Item, steps: Iterable[Step], scope: Scope) -> list[Item]:
    """What a discriminator's path leads to from an item."""
    found = [item]
    for kind, name in steps:
        if kind == "child":
            found = [each for parent in found for each in items(parent, name)]
        elif kind == "extension":
            listed = [each for parent in found for each in items(parent, "extension")]
            found = [each for each in listed if each.value.get("url") == name]
        elif kind == "ofType":
            found = [each for each in found if is_subtype(each.type, name)]
        else:
            led = [scope.resolve(each.value) for each in found if each.type == "Reference"]
            found = [item_of(each) for each in led if each is not None]
    return found


# --- what a slice says at the end of a path -------------------------------------------------------


def _expected(node: Node, steps: list[Step], library: Library) -> Node | None:
    """The node where a path leads in a slice's own definition; None where it says nothing."""
    for number, (kind, name) in enumerate(steps):
        if node.value is not None:
            return _projected(node, node.value, steps[number:])
        if kind == "resolve":
            continue
        if kind == "ofType":
            node = _of_one_type(node, name)
            continue
        below = _below(node, "extension" if kind == "extension" else name, library)
        if below is not None and kind == "extension":
            below = next((each for each in below.slices.values() if _url_of(each, library) == name), None)
        if below is None:
            return None
        node = below
    return node


def _below(node: Node, name: str, library: Library) -> Node | None:
    if name in node.children:
        return node.children[name]
    if not node.children and (only := _only_type(node)) is not None:
        return _below(only, name, library)
    tree = library.tree(node.profile) if node.profile is not None else None
    return tree.children.get(name) if tree is not None else None


def _only_type(node: Node) -> Node | None:
    """The only slice of an element, such as the type of `value[x]`; of a slice that is divided again none."""
    return next(iter(node.slices.values())) if len(node.slices) == 1 and node.slice is None else None


def _of_one_type(node: Node, name: str) -> Node:
    return next((each for each in node.slices.values() if each.leaves == (name,)), node)


def _projected(node: Node, value: Value, steps: list[Step]) -> Node | None:
    """The part of a fixed value or pattern where a path leads."""
    found = [Item(value.value, node.leaves[0])]
    for kind, name in steps:
        if kind != "child":
            return None
        found = [each for parent in found for each in items(parent, name)]
    if not found:
        return None
    return Node(found[0].element, node.path, (found[0].type,), value=Value(value.kind, found[0].value))


def _url_of(part: Node, library: Library) -> str | None:
    """The URL of the extensions that a slice holds."""
    url = part.children.get("url")
    if url is not None and url.value is not None:
        return str(url.value.value)
    profile = part.profile or next(iter(part.grafted), None)
    return None if profile is None else profile.partition("|")[0]


# --- one kind of discriminator each ---------------------------------------------------------------


def _of_url(part: Node, library: Library) -> Belongs:
    url = _url_of(part, library)
    if url is None:
        raise UntoldError("does not say the URL of its extension")
    return lambda item, scope: item.value.get("url") == url


def _existence(wanted: Node | None, steps: list[Step], path: str) -> Belongs:
    if wanted is None or (wanted.min == 0 and wanted.max != 0):
        raise UntoldError(f"does not say whether {path} exists, by which it is told apart")
    exists = wanted.min > 0
    return lambda item, scope: bool(_follow(item, steps, scope)) is exists


def _of_type(wanted: Node | None, steps: list[Step], path: str, library: Library) -> Belongs:
    resolved = any(kind == "resolve" for kind, _ in steps)
    if wanted is None or wanted.narrowed is None:
        raise UntoldError(f"does not say the type of {path}, by which it is told apart")
    types = _target_types(wanted, library) if resolved else wanted.leaves
    return lambda item, scope: any(
        any(is_subtype(each.type, one) for one in types) for each in _follow(item, steps, scope)
    )


def _target_types(wanted: Node, library: Library) -> tuple[str, ...]:
    found: list[str] = []
    for ref in wanted.narrowed or ():
        for target in ref.targets:
            structure = library.find(target)
            name = structure.type if structure is not None else core_type(target)
            found += [name] if name is not None else []
    return tuple(found)


def _of_profile(wanted: Node | None, steps: list[Step], path: str, follows: Follows) -> Belongs:
    refs = (wanted.narrowed or ()) if wanted is not None else ()
    resolved = any(kind == "resolve" for kind, _ in steps)
    profiles = [one for ref in refs for one in (ref.targets if resolved else ref.profiles)]
    if not profiles:
        raise UntoldError(f"does not say which profile {path} follows, by which it is told apart")
    return lambda item, scope: any(
        follows(profile, each, scope) for each in _follow(item, steps, scope) for profile in profiles
    )


def _matcher(node: Node, library: Library, follows: Follows) -> Belongs | None:
    """The test whether an item has the values that a node demands; None when it demands none."""
    tests: list[Belongs] = []
    if node.value is not None:
        value = node.value
        tests.append(lambda item, scope: agrees(item.value, value))
    elif node.binding is not None and node.binding.strength == "required":
        codes = library.codes(node.binding.value_set)
        if codes is not None:
            plain = frozenset(code for _, code in codes)
            tests.append(
                lambda item, scope: any(
                    (system, code) in codes if system is not None else code in plain
                    for system, code in codes_of(item) or ()
                )
            )
    if node.profile is not None and not tests:
        profile = node.profile
        tests.append(lambda item, scope: follows(profile, item, scope))
    for name, child in node.children.items():
        match = _matcher(child, library, follows)
        if match is not None:
            tests.append(_any_below(name, match))
    if (only := _only_type(node)) is not None:
        match = _matcher(only, library, follows)
        tests += [] if match is None else [match]
    return (lambda item, scope: all(test(item, scope) for test in tests)) if tests else None


def _any_below(name: str, match: Belongs) -> Belongs:
    return lambda item, scope: any(match(each, scope) for each in items(item, name))
