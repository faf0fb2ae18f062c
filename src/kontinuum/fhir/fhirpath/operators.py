"""The operators, as functions from compiled operands to a compiled whole.

Source: https://hl7.org/fhirpath/N1/#operations
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kontinuum.fhir.definitions import is_subtype
from kontinuum.fhir.fhirpath import operations
from kontinuum.fhir.fhirpath.code import (
    EMPTY,
    Code,
    Environment,
    Test,
    node_run,
    single_run,
    system_run,
    with_run,
)
from kontinuum.fhir.fhirpath.errors import FHIRPathError
from kontinuum.fhir.fhirpath.values import Items, Node, to_system


def logic(operator: str, left: Test, right: Test) -> Test:
    """`and`, `or`, `xor`, `implies` on three values (https://hl7.org/fhirpath/N1/#boolean-logic)."""

    def conjunction(env: Environment, this: Any) -> bool | None:
        a = left(env, this)
        if a is False:
            return False
        b = right(env, this)
        return False if b is False else (None if a is None or b is None else True)

    def disjunction(env: Environment, this: Any) -> bool | None:
        a = left(env, this)
        if a is True:
            return True
        b = right(env, this)
        return True if b is True else (None if a is None or b is None else False)

    def exclusive(env: Environment, this: Any) -> bool | None:
        a, b = left(env, this), right(env, this)
        return None if a is None or b is None else a is not b

    def implication(env: Environment, this: Any) -> bool | None:
        a = left(env, this)
        if a is False:
            return True
        b = right(env, this)
        return True if b is True else (None if a is None or b is None else False)

    return {"and": conjunction, "or": disjunction, "xor": exclusive, "implies": implication}[operator]


def equality(left: Code, right: Code, *, negated: bool) -> Test:
    """`=` and `!=`: true, false, or None where an operand is empty or the answer is open."""
    if type(right.constant) is str and left.type is not None:
        return _equals_text(left, right.constant, negated=negated)
    a, b = system_run(left), system_run(right)

    def test(env: Environment, this: Any) -> bool | None:
        result = operations.equal_collections(a(env, this), b(env, this))
        return result if result is None or not negated else not result

    return test


def _equals_text(left: Code, text: str, *, negated: bool) -> Test:
    run = left.run
    system = system_run(left)

    def test(env: Environment, this: Any) -> bool | None:
        items = run(env, this)
        if not items:
            return None
        if len(items) == 1 and type(items[0]) is str:
            return (items[0] == text) is not negated
        result = operations.equal_collections(system(env, this), (text,))
        return result if result is None or not negated else not result

    # Dates compare as dates, never as text.
    return test if left.type and _is_text(left.type) else equality(left, _constant(text), negated=negated)


def _is_text(type_name: str) -> bool:
    return type_name == "System.String" or is_subtype(type_name, "string") or is_subtype(type_name, "uri")


def _constant(text: str) -> Code:
    return Code(lambda _env, _this: (text,), "System.String")


def equivalence(left: Code, right: Code, *, negated: bool) -> Test:
    """`~` and `!~`: always true or false."""
    a, b = system_run(left), system_run(right)
    return lambda env, this: operations.equivalent_collections(a(env, this), b(env, this)) is not negated


def order(operator: str, left: Code, right: Code) -> Test:
    """`<`, `<=`, `>`, `>=`: None where an operand is empty or the order is open."""
    a, b = single_run(left, f"The operator {operator}"), single_run(right, f"The operator {operator}")
    accepted = {"<": (-1,), "<=": (-1, 0), ">": (1,), ">=": (0, 1)}[operator]

    def test(env: Environment, this: Any) -> bool | None:
        x, y = a(env, this), b(env, this)
        if x is None or y is None:
            return None
        order = operations.compare(x, y)
        return None if order is None else order in accepted

    return test


def membership(item: Code, collection: Code) -> Test:
    """`item in collection`: None without an item."""
    single, run = single_run(item, "'in' and 'contains'"), system_run(collection)

    def test(env: Environment, this: Any) -> bool | None:
        value = single(env, this)
        if value is None:
            return None
        return any(operations.equal(value, member) for member in run(env, this))

    return test


def union(left: Code, right: Code) -> Code:
    """`left | right`: each value once."""
    if left is EMPTY or right is EMPTY:
        only = right if left is EMPTY else left
        return with_run(only, distinct_run(only))
    same = left.type == right.type
    a, b = (left.run, right.run) if same else (node_run(left), node_run(right))
    joined = Code(lambda env, this: (*a(env, this), *b(env, this)), left.type if same else None)
    return with_run(joined, distinct_run(joined))


def distinct_run(code: Code) -> Callable[[Environment, Any], Items]:
    """The items without those that equal an earlier one."""
    run, system = code.run, item_key(code)

    def distinct(env: Environment, this: Any) -> Items:
        items = run(env, this)
        if len(items) < 2 or _few_different_objects(items):
            return items
        seen: dict[Any, Any] = {}
        for item in items:
            seen.setdefault(system(item), item)
        return list(seen.values())

    return distinct


def _few_different_objects(items: Items) -> bool:
    """Whether these are few JSON objects, no two with the same content: the quick answer for unions."""
    if len(items) > 4 or any(type(item) is not dict for item in items):
        return False
    return all(a != b for position, a in enumerate(items) for b in items[:position])


def item_key(code: Code) -> Callable[[Any], Any]:
    """A function from an item of this code to what is the same for equal items."""
    static = code.type if code.type is None or not code.type.startswith("System.") else None

    def key_of(item: Any) -> Any:
        if type(item) is Node and item.value is None:
            return operations.key(item)
        return operations.key(to_system(item, static))

    return key_of


def concatenation(left: Code, right: Code) -> Code:
    """`&`: strings joined, empty ones as no text."""
    a, b = single_run(left, "The operator &"), single_run(right, "The operator &")

    def concatenated(env: Environment, this: Any) -> Items:
        x, y = a(env, this), b(env, this)
        for value in (x, y):
            if value is not None and type(value) is not str:
                raise FHIRPathError(f"The operator & joins strings, not {operations.describe(value)}.")
        return ((x or "") + (y or ""),)

    return Code(concatenated, "System.String")


def arithmetic(operator: str, left: Code, right: Code) -> Code:
    """`+ - * / div mod`: empty where an operand is, or where there is no result."""
    a, b = single_run(left, f"The operator {operator}"), single_run(right, f"The operator {operator}")
    apply = operations.ARITHMETIC[operator]

    def computed(env: Environment, this: Any) -> Items:
        x, y = a(env, this), b(env, this)
        if x is None or y is None:
            return ()
        try:
            result = apply(x, y)
        except ArithmeticError:  # overflow gives empty, https://hl7.org/fhirpath/N1/#math-2
            return ()
        return () if result is None else (result,)

    return Code(computed)
