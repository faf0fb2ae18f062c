"""Functions on whole collections: counting, subsetting, sets, the tree, types.

Source: https://hl7.org/fhirpath/N1/#existence, #subsetting, #combining, #tree-navigation, #types
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kontinuum.fhir.fhirpath import syntax
from kontinuum.fhir.fhirpath.code import (
    EMPTY,
    Code,
    Environment,
    boolean,
    node_run,
    single_run,
    test_of,
    with_run,
)
from kontinuum.fhir.fhirpath.compiler import Compiler, Scope, function, is_code, type_info
from kontinuum.fhir.fhirpath.errors import FHIRPathError
from kontinuum.fhir.fhirpath.model import TypeSpecifier, children
from kontinuum.fhir.fhirpath.operators import distinct_run, item_key, union
from kontinuum.fhir.fhirpath.values import Items, Node, to_node


@function("count")
def _count(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
    run = focus.run
    return Code(lambda env, this: (len(run(env, this)),), "System.Integer")


@function("not")
def _not(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
    test = test_of(focus, "The focus of not()")

    def negation(env: Environment, this: Any) -> bool | None:
        result = test(env, this)
        return None if result is None else not result

    return boolean(negation)


def _booleans(name: str, decide: Callable[[list[bool]], bool]) -> None:
    @function(name)
    def _build(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
        run = focus.run

        def test(env: Environment, this: Any) -> bool:
            values = [item.value if type(item) is Node else item for item in run(env, this)]
            if any(type(value) is not bool for value in values):
                raise FHIRPathError(f"{name}() takes booleans only.")
            return decide(values)

        return boolean(test)


_booleans("allTrue", all)
_booleans("anyTrue", any)
_booleans("allFalse", lambda values: not any(values))
_booleans("anyFalse", lambda values: not all(values))


@function("distinct")
def _distinct(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
    return with_run(focus, distinct_run(focus))


@function("isDistinct")
def _is_distinct(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
    run, key = focus.run, item_key(focus)

    def test(env: Environment, this: Any) -> bool:
        items = run(env, this)
        return len(items) < 2 or len({key(item) for item in items}) == len(items)

    return boolean(test)


def _two_sets(name: str, build: Callable[[Code, Code], Code]) -> None:
    @function(name, 1)
    def _build(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
        return build(focus, compiler.compile(call.arguments[0], scope))


def _subset(left: Code, right: Code) -> Code:
    a, b, key_a, key_b = left.run, right.run, item_key(left), item_key(right)
    return boolean(lambda env, this: {key_a(i) for i in a(env, this)} <= {key_b(i) for i in b(env, this)})


def _combine(left: Code, right: Code) -> Code:
    if left is EMPTY or right is EMPTY:
        return right if left is EMPTY else left
    same = left.type == right.type
    a, b = (left.run, right.run) if same else (node_run(left), node_run(right))
    return Code(lambda env, this: (*a(env, this), *b(env, this)), left.type if same else None)


def _intersect(left: Code, right: Code) -> Code:
    run, other, key_a, key_b = distinct_run(left), right.run, item_key(left), item_key(right)

    def intersect(env: Environment, this: Any) -> Items:
        kept = {key_b(item) for item in other(env, this)}
        return [item for item in run(env, this) if key_a(item) in kept]

    return with_run(left, intersect)


def _exclude(left: Code, right: Code) -> Code:
    run, other, key_a, key_b = left.run, right.run, item_key(left), item_key(right)

    def exclude(env: Environment, this: Any) -> Items:
        dropped = {key_b(item) for item in other(env, this)}
        return [item for item in run(env, this) if key_a(item) not in dropped]

    return with_run(left, exclude)


_two_sets("subsetOf", _subset)
_two_sets("supersetOf", lambda left, right: _subset(right, left))
_two_sets("union", union)
_two_sets("combine", _combine)
_two_sets("intersect", _intersect)
_two_sets("exclude", _exclude)


def _by_position(name: str, pick: Callable[[Items], Items]) -> None:
    @function(name)
    def _build(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
        compiler.require_order(focus, f"{name}()")
        run = focus.run
        return with_run(focus, lambda env, this: pick(run(env, this)))


def _only(items: Items) -> Items:
    if len(items) > 1:
        raise FHIRPathError(f"single() takes at most one item; here are {len(items)}.")
    return items


_by_position("first", lambda items: items[:1])
_by_position("last", lambda items: items[-1:])
_by_position("tail", lambda items: items[1:])
_by_position("single", _only)


def _by_number(name: str, pick: Callable[[Items, int], Items]) -> None:
    @function(name, 1)
    def _build(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
        compiler.require_order(focus, f"{name}()")
        run = focus.run
        number = single_run(compiler.compile(call.arguments[0], scope), f"The argument of {name}()")

        def counted(env: Environment, this: Any) -> Items:
            count = number(env, this)
            if type(count) is not int:
                raise FHIRPathError(f"The argument of {name}() must be an integer.")
            return pick(run(env, this), max(count, 0))

        return with_run(focus, counted)


_by_number("skip", lambda items, count: items[count:])
_by_number("take", lambda items, count: items[:count])


@function("children")
def _children(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
    run, static = focus.run, focus.type

    def all_children(env: Environment, this: Any) -> Items:
        out: list[Any] = []
        for item in run(env, this):
            children(to_node(item, static), out)
        return out

    return Code(all_children, unordered=True)


@function("descendants")
def _descendants(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
    run, static = focus.run, focus.type

    def all_descendants(env: Environment, this: Any) -> Items:
        out: list[Any] = []
        for item in run(env, this):
            children(to_node(item, static), out)
        # `out` grows while it is walked: breadth first, each node once.
        for node in out:
            children(node, out)
        return out

    return Code(all_descendants, unordered=True)


@function("type")
def _type(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
    run, static = focus.run, focus.type
    return Code(lambda env, this: [type_info(item, static) for item in run(env, this)])


def _type_argument(compiler: Compiler, call: syntax.Call) -> TypeSpecifier:
    argument = call.arguments[0]
    if isinstance(argument, syntax.Member):
        if isinstance(argument.focus, syntax.This):
            return compiler.specifier(argument.name, argument)
        if isinstance(argument.focus, syntax.Member) and isinstance(argument.focus.focus, syntax.This):
            return compiler.specifier(f"{argument.focus.name}.{argument.name}", argument)
    raise compiler.error(f"{call.name}() takes the name of a type, such as Quantity or FHIR.Patient.", call)


@function("is", 1)
def _is(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
    return is_code(focus, _type_argument(compiler, call))


@function("ofType", 1)
def _of_type(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
    return compiler.as_code(focus, _type_argument(compiler, call))


@function("as", 1)
def _as(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
    code = compiler.as_code(focus, _type_argument(compiler, call))
    if not compiler.strict:
        return code
    run, kept = focus.run, code.run

    def single(env: Environment, this: Any) -> Items:
        if len(run(env, this)) > 1:
            raise FHIRPathError("as() takes one item; use ofType() for many.")
        return kept(env, this)

    return replace(with_run(code, single), unordered=False)
