"""JSON Patch (RFC 6902) with JSON Pointers (RFC 6901)."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from kontinuum.fhir.issues import Issue

MAX_OPERATIONS: Final = 10_000
MAX_COPIED: Final = 200_000
"""How many JSON values a patch may copy: copies of copies would soon fill any memory."""

_INDEX = re.compile(r"0|[1-9][0-9]{0,9}")
_BAD_ESCAPE = re.compile(r"~(?![01])")
_MEMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "add": ("path", "value"),
    "remove": ("path",),
    "replace": ("path", "value"),
    "move": ("from", "path"),
    "copy": ("from", "path"),
    "test": ("path", "value"),
}
"""The operations and what each must have; other members are ignored (RFC 6902 section 4)."""

Pointer = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation; `origin` is the pointer `from`, `shown` the path as it was written."""

    number: int
    op: str
    path: Pointer
    shown: str
    origin: Pointer = ()
    value: Any = None


@dataclass(frozen=True, slots=True)
class JsonPatch:
    """A parsed JSON Patch."""

    operations: tuple[Operation, ...]

    def apply(self, resource: dict[str, Any]) -> dict[str, Any] | Issue:
        """The document after all operations; the first that cannot be carried out is told instead."""
        work = _Work(copy.deepcopy(resource))
        for operation in self.operations:
            try:
                _CARRY_OUT[operation.op](work, operation)
            except _FailedError as failed:
                place = f"Operation {operation.number} ({operation.op} '{operation.shown}')"
                return Issue("error", failed.code, f"{place}: {failed.message}")
        if not isinstance(work.document, dict):
            return Issue("error", "structure", "The patch replaces the resource by something that is none.")
        return work.document


def parse_json_patch(document: Any) -> JsonPatch | Issue:
    """A patch document, or what is wrong with it."""
    if not isinstance(document, list):
        return Issue("error", "structure", "A JSON Patch is a list of operations (RFC 6902).")
    if len(document) > MAX_OPERATIONS:
        return Issue(
            "error",
            "too-costly",
            f"The patch has {len(document):,} operations; at most {MAX_OPERATIONS:,} are taken at once.",
        )
    operations = []
    for number, each in enumerate(document):
        operation = _parse(number, each)
        if isinstance(operation, str):
            return Issue("error", "structure", f"Operation {number}: {operation}")
        operations.append(operation)
    return JsonPatch(tuple(operations))


def _parse(number: int, given: Any) -> Operation | str:
    if not isinstance(given, dict):
        return "an operation is a JSON object."
    op = given.get("op")
    members = _MEMBERS.get(op) if isinstance(op, str) else None
    if not isinstance(op, str) or members is None:
        return f"op must be one of {', '.join(_MEMBERS)}, not {op!r}."
    missing = [name for name in members if name not in given]
    if missing:
        return f"{op} needs '{missing[0]}'."
    path = _pointer(given["path"])
    origin = _pointer(given["from"]) if "from" in members else ()
    for name, pointer in (("path", path), ("from", origin)):
        if pointer is None:
            return f"'{name}' is no JSON Pointer (RFC 6901): {given[name]!r}."
    assert path is not None
    assert origin is not None
    if op == "move" and path[: len(origin)] == origin and path != origin:
        return "a value cannot be moved into itself."
    return Operation(number, op, path, given["path"], origin, given.get("value"))


def _pointer(text: Any) -> Pointer | None:
    if not isinstance(text, str) or (text and not text.startswith("/")) or _BAD_ESCAPE.search(text):
        return None
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in text.split("/")[1:])


class _FailedError(Exception):
    def __init__(self, message: str, code: str = "not-found") -> None:
        super().__init__(message)
        self.message = message
        self.code = code


@dataclass(slots=True)
class _Work:
    """The document as far as it has come."""

    document: Any
    copied: int = 0


def _find(document: Any, pointer: Pointer) -> Any:
    for depth, step in enumerate(pointer):
        if isinstance(document, dict):
            if step not in document:
                raise _absent(pointer[: depth + 1])
            document = document[step]
        elif isinstance(document, list):
            document = document[_position(step, len(document), pointer[: depth + 1])]
        else:
            raise _absent(pointer[: depth + 1])
    return document


def _absent(pointer: Pointer) -> _FailedError:
    return _FailedError(f"there is nothing at '{_written(pointer)}'.")


def _written(pointer: Pointer) -> str:
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in pointer)


def _position(step: str, length: int, pointer: Pointer) -> int:
    """The place in a list that a step names; `length` places there are."""
    if _INDEX.fullmatch(step) is None:
        raise _FailedError(f"'{step}' is no place in a list at '{_written(pointer)}'.", "value")
    position = int(step)
    if position >= length:
        raise _FailedError(f"'{_written(pointer)}' lies beyond the end of the list.")
    return position


def _add(work: _Work, operation: Operation) -> None:
    _put(work, operation.path, copy.deepcopy(operation.value))


def _put(work: _Work, pointer: Pointer, value: Any) -> None:
    if not pointer:
        work.document = value
        return
    holder, last = _find(work.document, pointer[:-1]), pointer[-1]
    if isinstance(holder, dict):
        holder[last] = value
    elif isinstance(holder, list):
        place = len(holder) if last == "-" else _position(last, len(holder) + 1, pointer)
        holder.insert(place, value)
    else:
        raise _absent(pointer)


def _take(work: _Work, pointer: Pointer) -> Any:
    if not pointer:
        raise _FailedError("the resource itself cannot be removed by a patch; DELETE it.", "business-rule")
    found = _find(work.document, pointer)
    holder, last = _find(work.document, pointer[:-1]), pointer[-1]
    del holder[int(last) if isinstance(holder, list) else last]
    return found


def _remove(work: _Work, operation: Operation) -> None:
    _take(work, operation.path)


def _replace(work: _Work, operation: Operation) -> None:
    _find(work.document, operation.path)
    value = copy.deepcopy(operation.value)
    if not operation.path:
        work.document = value
        return
    holder, last = _find(work.document, operation.path[:-1]), operation.path[-1]
    holder[int(last) if isinstance(holder, list) else last] = value


def _move(work: _Work, operation: Operation) -> None:
    if operation.origin == operation.path:
        _find(work.document, operation.origin)
        return
    _put(work, operation.path, _take(work, operation.origin))


def _copy(work: _Work, operation: Operation) -> None:
    found = _find(work.document, operation.origin)
    work.copied += _size(found)
    if work.copied > MAX_COPIED:
        raise _FailedError(f"the patch copies more than {MAX_COPIED:,} values.", "too-costly")
    _put(work, operation.path, copy.deepcopy(found))


def _size(value: Any) -> int:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(_size, children))


def _test(work: _Work, operation: Operation) -> None:
    if not _same(_find(work.document, operation.path), operation.value):
        raise _FailedError("the value there is another one, so nothing was changed.", "conflict")


def _same(one: Any, other: Any) -> bool:
    """Equality of JSON values (RFC 6902 section 4.6): 1.0 is 1, and neither is true."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return _kind(one) == _kind(other) and bool(one == other)


def _kind(value: Any) -> str:
    number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return "number" if number else type(value).__name__


_CARRY_OUT: Final[Mapping[str, Callable[[_Work, Operation], None]]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}
