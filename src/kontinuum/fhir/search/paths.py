"""Search-parameter expressions as plain paths through JSON.

Nearly every FHIRPath expression of a search parameter (https://hl7.org/fhir/R4/searchparameter.html) is a
union of element paths, cut down by a cast or a simple `where`. This module recognises those and resolves
them against the type definitions, so that extraction can walk the JSON without a FHIRPath engine. What it
does not recognise it says so, and the engine takes over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache

from kontinuum.fhir.definitions import is_subtype, type_definition


@dataclass(frozen=True, slots=True)
class Where:
    """Keep only objects whose member `key` equals `value`."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Step:
    """Go to a JSON member; `array`: its value is a list; `where`: a condition on each value."""

    key: str
    array: bool
    where: Where | None = None


@dataclass(frozen=True, slots=True)
class Path:
    """A way from a resource (or, in a composite, from its context) to values of one FHIR type."""

    steps: tuple[Step, ...]
    type: str
    binding: str | None = None
    """Value set of a required binding."""
    target: str | None = None
    """Only references to this resource type (`where(resolve() is X)`)."""
    from_root: bool = False
    """Starts at the resource even within a composite's context (`%resource`)."""


_TOKEN = re.compile(
    r"\.?where\(\s*resolve\(\)\s+is\s+(?P<target>\w+)\s*\)"
    r"|\.?where\(\s*(?P<key>\w+)\s*=\s*'(?P<value>[^'\\]*)'\s*\)"
    r"|\.?(?:as|ofType)\(\s*(?P<cast>\w+)\s*\)"
    r"|\s+as\s+(?P<as>\w+)"
    r"|\.?(?P<name>%?\w+)(?!\w*\()"
)


@cache
def resolve_paths(type_name: str, expression: str) -> tuple[Path, ...] | None:
    """The paths of an expression from a type, or None when it is more than a union of plain paths.

    `type_name` is a resource type, or for a composite's component the type of its context.
    """
    paths: list[Path] = []
    for branch in expression.split("|"):
        found = _branch(type_name, branch.strip())
        if found is None:
            return None
        paths += found
    return tuple(dict.fromkeys(paths))


@cache
def boolean_only(type_name: str, expression: str) -> bool:
    """Whether every value that an expression yields is a boolean."""
    paths = resolve_paths(type_name, expression)
    if paths is None:
        return " and " in expression or expression.endswith(".exists()")
    return bool(paths) and all(path.type == "boolean" for path in paths)


def _branch(type_name: str, text: str) -> list[Path] | None:
    bare = text.replace("(", "", 1).replace(")", "", 1) if text.startswith("(") else text
    paths = [Path((), type_name)]
    position = 0
    first = True
    while position < len(bare):
        token = _TOKEN.match(bare, position)
        if token is None:
            return None
        position = token.end()
        if token["name"] is not None:
            if first and (token["name"] == type_name or is_subtype(type_name, token["name"])):
                first = False
                continue
            if first and token["name"] == "%resource":
                paths = [Path((), type_name.partition(".")[0], from_root=True)]
                first = False
                continue
            following = _go_to(paths, token["name"])
        elif token["target"] is not None:
            following = [replace(path, target=token["target"]) for path in paths if path.type == "Reference"]
        elif token["key"] is not None:
            following = _filter(paths, Where(token["key"], token["value"]))
        else:
            wanted = token["cast"] or token["as"]
            following = [path for path in paths if is_subtype(path.type, wanted)]
        first = False
        if not following:
            return None
        paths = following
    return paths


def _go_to(paths: list[Path], element: str) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        definition = type_definition(path.type)
        for prop in definition.properties.values() if definition else ():
            if prop.element == element:
                step = Step(prop.name, prop.array)
                found.append(replace(path, steps=(*path.steps, step), type=prop.type, binding=prop.binding))
    return found


def _filter(paths: list[Path], where: Where) -> list[Path]:
    return [
        replace(path, steps=(*path.steps[:-1], replace(path.steps[-1], where=where)))
        for path in paths
        if path.steps and path.steps[-1].where is None
    ]
