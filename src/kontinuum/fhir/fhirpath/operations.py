"""Equality, equivalence, order and arithmetic on System values.

Source: https://hl7.org/fhirpath/N1/#operations. Functions take values as `values.to_system` makes them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from decimal import Decimal
from typing import Any

from kontinuum.fhir.fhirpath import quantity, temporal
from kontinuum.fhir.fhirpath.errors import FHIRPathError
from kontinuum.fhir.fhirpath.quantity import Quantity
from kontinuum.fhir.fhirpath.temporal import Date, DateTime, Temporal, Time
from kontinuum.fhir.fhirpath.values import Items, Node, type_of

_LARGEST_INTEGER = 2**63


def is_number(value: Any) -> bool:
    """Whether the value is an Integer or a Decimal (a Boolean is neither)."""
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def equal(a: Any, b: Any) -> bool | None:
    """`a = b` for two items; None where precision or time zone leave it open."""
    kind, other = type(a), type(b)
    if kind is other and kind in (str, int, Decimal, bool):
        return bool(a == b)
    if is_number(a) and is_number(b):
        return bool(a == b)
    if isinstance(a, Temporal) and isinstance(b, Temporal):
        if isinstance(a, Time) != isinstance(b, Time):
            return False
        order = temporal.compare(a, b)
        return None if order is None else order == 0
    if isinstance(a, Quantity) or isinstance(b, Quantity):
        return _equal_quantities(a, b)
    if kind is dict and other is dict:
        return freeze(a) == freeze(b)
    if kind is Node and other is Node:
        return bool(a == b)
    return False


def _equal_quantities(a: Any, b: Any) -> bool | None:
    left, right = as_quantity(a), as_quantity(b)
    if left is None or right is None:
        return False
    if left.calendar != right.calendar and (
        {left.unit, right.unit} & {"year", "month"} and {left.unit, right.unit} & {"a", "mo"}
    ):
        return None
    order = quantity.compare(left, right)
    if order is None:
        return None if left.calendar or right.calendar else False
    return order == 0


def as_quantity(value: Any) -> Quantity | None:
    """A Quantity, or a number as one of unit '1'; None for anything else."""
    if isinstance(value, Quantity):
        return value
    return Quantity(Decimal(value)) if is_number(value) else None


def equal_collections(left: Items, right: Items) -> bool | None:
    """`left = right`: same length, pairwise equal in order; None when either is empty."""
    if not left or not right:
        return None
    if len(left) != len(right):
        return False
    undecided = False
    for a, b in zip(left, right, strict=True):
        result = equal(a, b)
        if result is False:
            return False
        undecided = undecided or result is None
    return None if undecided else True


def equivalent(a: Any, b: Any) -> bool:
    """`a ~ b` for two items: text without case and extra space, decimals at the lesser precision."""
    if is_number(a) and is_number(b):
        return _equivalent_numbers(Decimal(a), Decimal(b))
    if type(a) is str and type(b) is str:
        return " ".join(a.lower().split()) == " ".join(b.lower().split())
    if isinstance(a, Quantity) or isinstance(b, Quantity):
        left, right = as_quantity(a), as_quantity(b)
        value = quantity.in_unit_of(right, left) if left is not None and right is not None else None
        return left is not None and value is not None and _equivalent_numbers(left.value, value)
    if isinstance(a, dict) and isinstance(b, dict):
        return _equivalent_objects(a, b)
    return equal(a, b) is True


def _equivalent_numbers(a: Decimal, b: Decimal) -> bool:
    digits = min(_decimals(a), _decimals(b))
    return round(a, digits) == round(b, digits)


def _decimals(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def _equivalent_objects(a: dict[str, Any], b: dict[str, Any]) -> bool:
    keys = (a.keys() | b.keys()) - {"id"}
    return all(_equivalent_json(a.get(key), b.get(key)) for key in keys)


def _equivalent_json(a: Any, b: Any) -> bool:
    if isinstance(a, list) and isinstance(b, list):
        return equivalent_collections(a, b)
    return a is not None and b is not None and equivalent(a, b)


def equivalent_collections(left: Items, right: Items) -> bool:
    """`left ~ right`: the same items in any order; two empty collections are equivalent."""
    if len(left) != len(right):
        return False
    rest = list(right)
    for a in left:
        for position, b in enumerate(rest):
            if equivalent(a, b):
                del rest[position]
                break
        else:
            return False
    return True


def compare(a: Any, b: Any) -> int | None:
    """-1, 0, 1 or None (undecided). Raises FHIRPathError for values of types that have no common order."""
    if is_number(a) and is_number(b):
        return int(a > b) - int(a < b)
    if type(a) is str and type(b) is str:
        return int(a > b) - int(a < b)
    if isinstance(a, Temporal) and isinstance(b, Temporal) and isinstance(a, Time) == isinstance(b, Time):
        return temporal.compare(a, b)
    if isinstance(a, Temporal) and type(b) is str and (parsed := type(a).parse(b)):
        return temporal.compare(a, parsed)
    if isinstance(b, Temporal) and type(a) is str and (parsed := type(b).parse(a)):
        return temporal.compare(parsed, b)
    left, right = as_quantity(a), as_quantity(b)
    if left is not None and right is not None:
        return quantity.compare(left, right)
    raise FHIRPathError(f"{describe(a)} and {describe(b)} have no common order; convert one of them.")


def key(value: Any) -> Hashable:
    """A hashable stand-in: two values that are equal have the same key."""
    kind = type(value)
    if kind is str:
        return str(value)
    if kind is int or kind is Decimal:
        return (1, value)
    if kind is bool:
        return (2, value)
    if isinstance(value, Temporal):
        return temporal.normalised(value)
    if kind is Quantity:
        amount, dimensions = quantity.canonical(value)
        return (3, amount, dimensions)
    if kind is Node:
        return (4, value.type, freeze(value.value), freeze(value.element))
    return freeze(value)


def freeze(value: Any) -> Hashable:
    """A JSON value in a hashable form that ignores the order of an object's members."""
    if isinstance(value, dict):
        return frozenset((name, freeze(member)) for name, member in value.items())
    if isinstance(value, list):
        return tuple(freeze(member) for member in value)
    return (bool, value) if isinstance(value, bool) else value


def describe(value: Any) -> str:
    """A value in an error message: its type only, since the value may be a patient's."""
    return f"a {type_of(value).removeprefix('System.') or 'complex element'}"


def _no_operator(symbol: str, a: Any, b: Any) -> FHIRPathError:
    return FHIRPathError(f"The operator {symbol} is not defined between {describe(a)} and {describe(b)}.")


def add(a: Any, b: Any) -> Any:
    """`a + b`: numbers, strings, quantities of comparable units, or a date and a duration."""
    if is_number(a) and is_number(b):
        return bounded(a + b)
    if type(a) is str and type(b) is str:
        return a + b
    if isinstance(a, Temporal) and isinstance(b, Quantity):
        return _shift(a, b, 1)
    if isinstance(a, Quantity) and isinstance(b, Quantity):
        value = quantity.in_unit_of(b, a)
        return None if value is None else Quantity(a.value + value, a.unit, a.calendar)
    raise _no_operator("+", a, b)


def subtract(a: Any, b: Any) -> Any:
    """`a - b`: numbers, quantities of comparable units, or a date and a duration."""
    if is_number(a) and is_number(b):
        return bounded(a - b)
    if isinstance(a, Temporal) and isinstance(b, Quantity):
        return _shift(a, b, -1)
    if isinstance(a, Quantity) and isinstance(b, Quantity):
        value = quantity.in_unit_of(b, a)
        return None if value is None else Quantity(a.value - value, a.unit, a.calendar)
    raise _no_operator("-", a, b)


def _shift(value: Temporal, by: Quantity, sign: int) -> Date | DateTime | Time | Temporal | None:
    unit = by.calendar_unit
    if unit is None:
        raise FHIRPathError(
            f"The unit {by.unit!r} is no duration that a date can be moved by; "
            "use years, months, weeks, days, hours, minutes, seconds or milliseconds."
        )
    return temporal.add(value, by.value * sign, unit)


def multiply(a: Any, b: Any) -> Any:
    """`a * b`: numbers and quantities."""
    if is_number(a) and is_number(b):
        return bounded(a * b)
    left, right = as_quantity(a), as_quantity(b)
    if left is None or right is None:
        raise _no_operator("*", a, b)
    return quantity.multiply(left, right)


def divide(a: Any, b: Any) -> Any:
    """`a / b`: always a Decimal (or Quantity); None for a division by zero."""
    if is_number(a) and is_number(b):
        return None if b == 0 else Decimal(a) / Decimal(b)
    left, right = as_quantity(a), as_quantity(b)
    if left is None or right is None:
        raise _no_operator("/", a, b)
    return quantity.multiply(left, right, divide=True)


def integer_divide(a: Any, b: Any) -> Any:
    """`a div b`: the quotient cut off towards zero; None for a division by zero."""
    if not (is_number(a) and is_number(b)):
        raise _no_operator("div", a, b)
    return None if b == 0 else bounded(int(Decimal(a) / Decimal(b)))


def modulo(a: Any, b: Any) -> Any:
    """`a mod b`: the remainder of `div`; None for a division by zero."""
    if not (is_number(a) and is_number(b)):
        raise _no_operator("mod", a, b)
    if b == 0:
        return None
    rest = Decimal(a) % Decimal(b)
    return int(rest) if isinstance(a, int) and isinstance(b, int) else rest


def bounded(value: int | Decimal) -> int | Decimal | None:
    """The number, or None where an Integer has left 64 bits: overflow gives empty."""
    if isinstance(value, int) and not -_LARGEST_INTEGER <= value < _LARGEST_INTEGER:
        return None
    return value


ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "div": integer_divide,
    "mod": modulo,
}
