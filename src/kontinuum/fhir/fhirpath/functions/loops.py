"""Functions that evaluate an expression for each item: where, select, all, repeat, aggregate, sort.

Source: https://hl7.org/fhirpath/N1/#filtering-and-projection, #existence, #aggregates
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cmp_to_key
from typing import Any

from kontinuum.fhir.fhirpath import operations, syntax
from kontinuum.fhir.fhirpath.code import (
    EMPTY,
    NOTHING,
    Code,
    Environment,
    Test,
    boolean,
    node_run,
    strict_test_of,
    system_run,
    test_of,
    with_run,
)
from kontinuum.fhir.fhirpath.compiler import Compiler, Scope, function
from kontinuum.fhir.fhirpath.errors import FHIRPathError
from kontinuum.fhir.fhirpath.operators import item_key
from kontinuum.fhir.fhirpath.values import Items, plain

# More items than any record has; a projection that makes new values for ever is stopped here.
MAX_REPEAT = 100_000


def _indexed(env: Environment, items: Items) -> Iterator[Any]:
    """The items, `$index` counting along; what it was before comes back at the end."""
    outer = env.index
    try:
        for position, item in enumerate(items):
            env.index = position
            yield item
    finally:
        env.index = outer


def _iterate(call: syntax.Call) -> Callable[[Environment, Items], Any]:
    if any(syntax.uses_special(argument, "$index") for argument in call.arguments):
        return _indexed
    return lambda _env, items: items


def _criterion(compiler: Compiler, call: syntax.Call, focus: Code) -> Test:
    code = compiler.compile(call.arguments[0], Scope(focus.type))
    return test_of(code, f"The condition of {call.name}()")


@function("where", 1)
def _where(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
    if focus is EMPTY and not compiler.strict:
        return EMPTY
    run, test, iterate = focus.run, _criterion(compiler, call, focus), _iterate(call)
    if iterate is _indexed:
        return with_run(
            focus, lambda env, this: [item for item in _indexed(env, run(env, this)) if test(env, item)]
        )

    def where(env: Environment, this: Any) -> Items:
        items = run(env, this)
        return [item for item in items if test(env, item)] if items else items

    return with_run(focus, where)


@function("exists", 0, 1)
def _exists(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
    if call.arguments:
        focus = _where(compiler, call, focus, scope)
    chain = focus.chain
    if chain is not None and len(chain) == 1:
        key, sibling = chain[0].key, chain[0].sibling
        if chain[0].primitive:
            return boolean(lambda _env, this: type(this) is dict and (key in this or sibling in this))
        return boolean(lambda _env, this: type(this) is dict and key in this)
    run = focus.run
    return boolean(lambda env, this: bool(run(env, this)))


@function("empty")
def _empty(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
    exists = test_of(_exists(compiler, call, focus, scope))
    return boolean(lambda env, this: not exists(env, this))


@function("all", 1)
def _all(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
    run, test, iterate = focus.run, _criterion(compiler, call, focus), _iterate(call)

    def holds(env: Environment, this: Any) -> bool:
        items = run(env, this)
        return all(test(env, item) for item in iterate(env, items)) if items else True

    return boolean(holds)


@function("select", 1)
def _select(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
    projection = compiler.compile(call.arguments[0], Scope(focus.type))
    run, project, iterate = focus.run, projection.run, _iterate(call)

    def select(env: Environment, this: Any) -> Items:
        return [result for item in iterate(env, run(env, this)) for result in project(env, item)]

    return with_run(projection, select)


@function("repeat", 1)
def _repeat(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
    projection = compiler.compile(call.arguments[0], Scope(None))
    start, project, key = node_run(focus), node_run(projection), item_key(Code(node_run(projection)))

    def repeat(env: Environment, this: Any) -> Items:
        found: dict[Any, Any] = {}
        pending = list(start(env, this))
        while pending:
            level, pending = pending, []
            for item in level:
                for result in project(env, item):
                    identity = key(result)
                    if identity not in found:
                        found[identity] = result
                        pending.append(result)
            if len(found) > MAX_REPEAT:
                raise FHIRPathError(f"repeat() found more than {MAX_REPEAT} items and was stopped.")
        return list(found.values())

    return Code(repeat)


@function("aggregate", 1, 2)
def _aggregate(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
    start = compiler.compile(call.arguments[1], scope) if len(call.arguments) == 2 else EMPTY
    step = compiler.compile(call.arguments[0], Scope(focus.type))
    run, first, combine = focus.run, node_run(start), node_run(step)

    def aggregate(env: Environment, this: Any) -> Items:
        outer = env.total
        total = first(env, this)
        try:
            for item in _indexed(env, run(env, this)):
                env.total = total
                total = combine(env, item)
        finally:
            env.total = outer
        return total

    return Code(aggregate)


@function("iif", 2, 3)
def _iif(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
    inner = scope if isinstance(call.focus, syntax.This) else Scope(focus.type, scope.total)
    codes = [compiler.compile(argument, inner) for argument in call.arguments]
    condition = strict_test_of(codes[0], "The condition of iif()")
    then, otherwise = codes[1], codes[2] if len(codes) == 3 else EMPTY
    same = then.type == otherwise.type or otherwise is EMPTY
    yes, no = (then.run, otherwise.run) if same else (node_run(then), node_run(otherwise))
    run = focus.run

    def iif(env: Environment, this: Any) -> Items:
        items = run(env, this)
        if len(items) > 1:
            raise FHIRPathError(f"iif() takes one item; here are {len(items)}. Call it inside select().")
        item = items[0] if items else NOTHING
        return yes(env, item) if condition(env, item) else no(env, item)

    return Code(iif, then.type if same else None)


@function("sort", 0, 9)
def _sort(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
    inner = Scope(focus.type)
    asts: tuple[syntax.Ast, ...] = call.arguments or (syntax.This(call.position),)
    keys = []
    for ast in asts:
        descending = isinstance(ast, syntax.Sign) and ast.operator == "-"
        operand = ast.operand if isinstance(ast, syntax.Sign) else ast
        keys.append((system_run(compiler.compile(operand, inner)), descending))
    run = focus.run

    def sort(env: Environment, this: Any) -> Items:
        rows = [([key(env, item) for key, _ in keys], item) for item in run(env, this)]

        def order(a: Any, b: Any) -> int:
            for (_, descending), x, y in zip(keys, a[0], b[0], strict=True):
                result = _order_of_keys(x, y)
                if result:
                    return -result if descending else result
            return 0

        return [item for _, item in sorted(rows, key=cmp_to_key(order))]

    return with_run(focus, sort)


def _order_of_keys(x: Items, y: Items) -> int:
    # An item without the key sorts as the greatest.
    if not x or not y:
        return (not x) - (not y)
    if len(x) > 1 or len(y) > 1:
        raise FHIRPathError("A key of sort() must be one value.")
    return operations.compare(x[0], y[0]) or 0


@function("trace", 1, 2)
def _trace(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
    name = system_run(compiler.compile(call.arguments[0], scope))
    projected = _select(compiler, _projection(call), focus, scope) if len(call.arguments) == 2 else focus
    run, shown = focus.run, projected.run

    def trace(env: Environment, this: Any) -> Items:
        if env.tracer is not None:
            label = name(env, this)
            env.tracer(str(label[0]) if label else "", [plain(item) for item in shown(env, this)])
        return run(env, this)

    return with_run(focus, trace)


def _projection(call: syntax.Call) -> syntax.Call:
    return syntax.Call(call.position, call.focus, "select", call.arguments[1:])
