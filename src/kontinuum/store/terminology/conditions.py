"""A selection of concepts as a condition in SQL over `c`, a row of `terminology_concept`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kontinuum.fhir import json
from kontinuum.fhir.terminology.selection import (
    Both,
    Codes,
    Either,
    Everything,
    Exists,
    HasValue,
    InSet,
    Selection,
    Under,
    Without,
)
from kontinuum.kernel.sql import Fragment


def condition(selection: Selection, keys: Mapping[str, int]) -> Fragment:
    """The condition; `keys` are those of the codes that the selection rests on (`named_codes`)."""
    match selection:
        case Everything():
            return Fragment("true")
        case Codes(codes):
            return Fragment("c.code = any({}::text[])", (list(codes),))
        case Under(code, itself):
            below = Fragment("c.ancestors @> array[{}::int]", (keys[code],))
            return (
                below if itself else Fragment(f"{below.text} and c.key <> {{}}", (*below.values, keys[code]))
            )
        case InSet(code):
            return Fragment("c.sets @> array[{}::int]", (keys[code],))
        case HasValue(name, values):
            return _joined(" or ", (_has(name, value) for value in values), "false")
        case Exists(name, present):
            return Fragment("c.properties ? {}::text" if present else "not c.properties ? {}::text", (name,))
        case Both(parts):
            return _joined(" and ", (condition(part, keys) for part in parts), "true")
        case Either(parts):
            return _joined(" or ", (condition(part, keys) for part in parts), "false")
        case Without(whole, part):
            outer, inner = condition(whole, keys), condition(part, keys)
            return Fragment(f"({outer.text}) and not ({inner.text})", (*outer.values, *inner.values))


def _has(name: str, value: str) -> Fragment:
    """A property with this value: written as text, as a number or truth value, or as a Coding's code."""
    shapes: list[object] = [{name: [value]}, {name: [{"code": value}]}]
    if value in ("true", "false"):
        shapes.append({name: [value == "true"]})
    elif value.lstrip("-").isdecimal():
        shapes.append({name: [int(value)]})
    encoded = tuple(json.dumps(shape).decode() for shape in shapes)
    return Fragment(" or ".join("c.properties @> {}::jsonb" for _ in encoded), encoded)


def _joined(word: str, parts: Iterable[Fragment], empty: str) -> Fragment:
    listed = list(parts)
    if not listed:
        return Fragment(empty)
    text = word.join(f"({part.text})" for part in listed)
    return Fragment(text, tuple(value for part in listed for value in part.values))
