"""FHIRPath Patch: operations in a Parameters resource (http://hl7.org/fhir/R4/fhirpatch.html)."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from kontinuum.fhir.fhirpath import Expression, FHIRPathError
from kontinuum.fhir.issues import Issue
from kontinuum.fhir.patch.elements import FailedError, Place, add, insert, move, place_of

MAX_OPERATIONS: Final = 10_000
MAX_PATH: Final = 1000

_PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "add": ("path", "name", "value"),
    "insert": ("path", "value", "index"),
    "delete": ("path",),
    "replace": ("path", "value"),
    "move": ("path", "source", "destination"),
}
"""The operations and the parts that each must have; any other part is refused."""

_OFFERED: Final = frozenset(["as", "exists", "extension", "first", "is", "last", "ofType", "where"])
"""What leads to elements. The rest of FHIRPath computes, and may do so for as long as somebody likes."""

_LIST = re.compile(r"(.+)\.`?([A-Za-z_][A-Za-z0-9_]*)`?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation; `index`, `source` and `destination` are places in a list, counted from 0.

    `place` leads to the element that is meant, or to the one that holds the list `name`.
    """

    number: int
    type: str
    path: str
    place: Expression
    name: str = ""
    value: dict[str, Any] | None = None
    index: int = 0
    source: int = 0
    destination: int = 0


@dataclass(frozen=True, slots=True)
class FhirPathPatch:
    """A parsed FHIRPath Patch."""

    operations: tuple[Operation, ...]

    def apply(self, resource: dict[str, Any]) -> dict[str, Any] | Issue:
        """The resource after all operations; the first that cannot be carried out is told instead."""
        work = copy.deepcopy(resource)
        for operation in self.operations:
            try:
                _carry_out(work, operation)
            except (FailedError, FHIRPathError) as failed:
                place = f"Operation {operation.number} ({operation.type} {operation.path})"
                code = failed.code if isinstance(failed, FailedError) else "value"
                return Issue("error", code, f"{place}: {failed}")
        return work


def parse_fhirpath_patch(parameters: dict[str, Any]) -> FhirPathPatch | Issue:
    """The patch in a valid Parameters resource, or what is wrong with it."""
    given = parameters.get("parameter") or []
    if len(given) > MAX_OPERATIONS:
        return Issue(
            "error",
            "too-costly",
            f"The patch has {len(given):,} operations; at most {MAX_OPERATIONS:,} are taken at once.",
        )
    operations = []
    for number, each in enumerate(given):
        operation = _parse(number, each)
        if isinstance(operation, str):
            return Issue("error", "structure", operation, f"Parameters.parameter[{number}]")
        operations.append(operation)
    return FhirPathPatch(tuple(operations))


def _parse(number: int, given: dict[str, Any]) -> Operation | str:
    if given["name"] != "operation":
        return f"A FHIRPath Patch holds parameters called operation, not '{given['name']}'."
    parts = {part["name"]: part for part in given.get("part") or ()}
    kind = _plain(parts.pop("type", {}))
    wanted = _PARTS.get(kind) if isinstance(kind, str) else None
    if wanted is None:
        return f"The part type must be one of {', '.join(_PARTS)}, not {kind!r}."
    missing = [name for name in wanted if name not in parts]
    if missing:
        return f"{kind} needs the part '{missing[0]}'."
    unknown = [name for name in parts if name not in wanted]
    if unknown:
        return f"{kind} has no part '{unknown[0]}'; it has {', '.join(wanted)}."
    if len(given["part"]) > len(parts) + 1:
        return "A part is given twice; give each once."
    fields: dict[str, Any] = {name: _plain(parts[name]) for name in wanted if name != "value"}
    for name, value in fields.items():
        text = name in ("path", "name")
        if not (isinstance(value, str) and value.strip() if text else isinstance(value, int) and value >= 0):
            return f"The part '{name}' must be {'a text' if text else 'a whole number from 0'}."
    path = fields["path"].strip()
    if kind in ("insert", "move"):
        found = _LIST.fullmatch(path)
        if found is None:
            return f"The path of {kind} must end in the name of a list, as in Patient.name."
        path, fields["name"] = found.groups()
    place = _parse_path(path)
    if isinstance(place, str):
        return place
    return Operation(number, str(kind), place=place, value=parts.get("value"), **fields)


def _parse_path(path: str) -> Expression | str:
    """A path, for this patch alone: what clients write fills no cache."""
    if len(path) > MAX_PATH:
        return f"The path is longer than {MAX_PATH:,} characters."
    try:
        expression = Expression(path)
    except FHIRPathError as error:
        return f"The path is no FHIRPath: {error}"
    beyond = expression.named - _OFFERED
    if beyond:
        return f"A path may use {', '.join(sorted(_OFFERED))}, not {sorted(beyond)[0]}."
    return expression


def _plain(part: dict[str, Any]) -> Any:
    value = next((value for name, value in part.items() if name.startswith("value")), None)
    return None if isinstance(value, bool) else value


def _carry_out(resource: dict[str, Any], operation: Operation) -> None:
    value = operation.value or {}
    place = _found(resource, operation.place)
    if place is None and operation.type == "delete":
        return  # http://hl7.org/fhir/R4/fhirpatch.html: "if found"
    if place is None:
        raise FailedError(f"the path {operation.place.text} leads to nothing.", "not-found")
    match operation.type:
        case "add":
            add(*place.inside(), operation.name, value)
        case "insert":
            insert(*place.inside(), operation.name, value, operation.index)
        case "move":
            move(*place.inside(), operation.name, operation.source, operation.destination)
        case "replace":
            place.replace(value)
        case "delete":
            place.remove()


def _found(resource: dict[str, Any], expression: Expression) -> Place | None:
    """The single element of the resource to which a path leads, None when it leads to nothing."""
    found = list(dict.fromkeys(node.path for node in expression.nodes(resource)))
    if not all(found):
        raise FailedError("the path computes a value; it must lead to an element of the resource.")
    if len(found) > 1:
        raise FailedError(
            f"the path leads to {len(found)} elements; make it lead to one.", "multiple-matches"
        )
    return place_of(resource, found[0]) if found else None
