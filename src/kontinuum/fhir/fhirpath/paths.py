"""Steps from element to element: the hot path of the engine.

When the type of the focus is known at compile time a step is a dictionary look-up, and a chain of steps one
closure. Otherwise the type of each item is asked for when it is met.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

from kontinuum.fhir.fhirpath.code import EMPTY, Code, Environment, Run, Test
from kontinuum.fhir.fhirpath.errors import FHIRPathError
from kontinuum.fhir.fhirpath.model import (
    Member,
    TypeSpecifier,
    append_member,
    is_primitive,
    members,
    navigate,
)
from kontinuum.fhir.fhirpath.values import Items, Node


def step(focus: Code, name: str, *, strict: bool) -> Code:
    """The children called `name` of the focus (https://hl7.org/fhirpath/N1/#path-selection).

    In strict mode a name that the type of the focus does not have is an error; else it finds nothing.
    """
    if focus is EMPTY:
        return EMPTY
    if focus.type is None or is_primitive(focus.type):
        return _dynamic_step(focus, name, strict=strict)
    if focus.type.startswith("System."):
        return _absent(focus.type, name, strict=strict)
    choice = members(focus.type).get(name)
    if choice is None:
        return _absent(focus.type, name, strict=strict)
    if len(choice) == 1:
        return _static_step(focus, choice[0])
    return _choice_step(focus, choice)


def _absent(type_name: str, name: str, *, strict: bool) -> Code:
    if strict:
        raise FHIRPathError(f"{type_name.removeprefix('System.')} has no element {name!r}.")
    return EMPTY


def _dynamic_step(focus: Code, name: str, *, strict: bool) -> Code:
    run = focus.run
    if strict and focus.type is not None and name not in ("extension", "id", "value"):
        return _absent(focus.type, name, strict=strict)

    def dynamic(env: Environment, this: Any) -> Items:
        items = run(env, this)
        if not items:
            return items
        out: list[Any] = []
        for item in items:
            navigate(item, name, out)
        return out

    return Code(dynamic)


def _static_step(focus: Code, member: Member) -> Code:
    if focus.chain is not None:
        chain = (*focus.chain, member)
        return Code(_chain_run(chain), member.type, _chain_test(chain), chain)
    run = focus.run

    def stepped(env: Environment, this: Any) -> Items:
        return _advance(run(env, this), member)

    return Code(stepped, member.type)


def _choice_step(focus: Code, choice: tuple[Member, ...]) -> Code:
    run = focus.run

    def chosen(env: Environment, this: Any) -> Items:
        out: list[Any] = []
        for item in run(env, this):
            if type(item) is dict:
                for member in choice:
                    if member.key in item or (member.primitive and member.sibling in item):
                        append_member(item, member, None, out)
                        break
        return out

    def narrow(specifier: TypeSpecifier) -> Code:
        kept = tuple(member for member in choice if member.type is not None and specifier.takes(member.type))
        if not kept:
            return EMPTY
        return _static_step(focus, kept[0]) if len(kept) == 1 else _choice_step(focus, kept)

    return Code(chosen, None, narrow=narrow)


def _chain_run(chain: tuple[Member, ...]) -> Run:
    if len(chain) == 1:
        return _first_run(chain[0])
    first, rest = _first_run(chain[0]), chain[1:]
    if len(rest) == 1:
        second = rest[0]

        def two(env: Environment, this: Any) -> Items:
            items = first(env, this)
            return _advance(items, second) if items else items

        return two

    def many(env: Environment, this: Any) -> Items:
        items = first(env, this)
        for member in rest:
            if not items:
                return items
            items = _advance(items, member)
        return items

    return many


def _first_run(member: Member) -> Run:
    key, sibling = member.key, member.sibling

    def primitive(_env: Environment, this: Any) -> Items:
        if type(this) is not dict:
            return ()
        if sibling in this:
            return _with_siblings(this, member)
        value = this.get(key)
        if value is None:
            return ()
        return value if type(value) is list else (value,)

    def complex_element(_env: Environment, this: Any) -> Items:
        if type(this) is not dict:
            return ()
        value = this.get(key)
        if value is None:
            return ()
        return value if type(value) is list else (value,)

    return primitive if member.primitive else complex_element


def _chain_test(chain: tuple[Member, ...]) -> Test | None:
    """A single boolean element, such as `active`, as a condition."""
    if len(chain) != 1 or chain[0].type != "boolean" or chain[0].array:
        return None
    key = chain[0].key

    def test(_env: Environment, this: Any) -> bool | None:
        value = this.get(key) if type(this) is dict else None
        return value if type(value) is bool else None

    return test


def _advance(items: Items, member: Member) -> Items:
    if len(items) == 1:
        item = items[0]
        if type(item) is not dict:
            return ()
        if member.primitive and member.sibling in item:
            return _with_siblings(item, member)
        value = item.get(member.key)
        if value is None:
            return ()
        return value if type(value) is list else (value,)
    out: list[Any] = []
    key = member.key
    for item in items:
        if type(item) is not dict:
            continue
        if member.primitive and member.sibling in item:
            out.extend(_with_siblings(item, member))
            continue
        value = item.get(key)
        if type(value) is list:
            out.extend(value)
        elif value is not None:
            out.append(value)
    return out


def _with_siblings(value: dict[str, Any], member: Member) -> Items:
    """The values of a primitive that has ids or extensions beside it (http://hl7.org/fhir/R4/json.html#primitive)."""
    found, beside = value.get(member.key), value.get(member.sibling)
    if type(found) is not list and type(beside) is not list:
        found, beside = [found], [beside]
    pairs = zip_longest(found if type(found) is list else [], beside if type(beside) is list else [])
    type_name = member.type or ""
    return [
        Node(entry, type_name, extra) if type(extra) is dict else entry
        for entry, extra in pairs
        if entry is not None or type(extra) is dict
    ]
