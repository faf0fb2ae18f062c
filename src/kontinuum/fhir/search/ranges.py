"""What each comparison prefix asks of a stored range: one table, for the store's SQL and for the matcher.

https://hl7.org/fhir/R4/search.html#prefix. A row holds a range [low, high]; a query value holds a range
and, for numbers, the exact value. `RANGE_TESTS[kind][prefix]` is a disjunction of conjunctions: any of
the alternatives holds when all of its comparisons hold. For a row range (r) and a query range (q):

dates, both half-open in microseconds        numbers, row closed; q half-open for eq and ne, v the exact value
eq   r.low >= q.low and r.high <= q.high     r.low >= q.low and r.high < q.high
ne   r.low < q.low or r.high > q.high        r.low < q.low or r.high >= q.high
gt   r.high > q.high                         r.high > v
lt   r.low < q.low                           r.low < v
ge   gt or eq                                r.high > v or r.low >= v (and r.high >= v)
le   lt or eq                                r.low < v or r.high <= v (and r.low <= v)
sa   r.low >= q.high                         r.low > v
eb   r.high <= q.low                         r.high < v
ap   r.low < q.high and r.high > q.low       r.low <= q.high and r.high >= q.low
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import ge, gt, le, lt
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from kontinuum.fhir.search.query import DateValue, NumberValue, Prefix


class Comparison(NamedTuple):
    """Compare a column of the row with a bound of the query value: attributes of the same names."""

    column: Literal["low", "high"]
    operator: Literal["<", "<=", ">", ">="]
    bound: Literal["low", "high", "value"]


Tests: TypeAlias = tuple[tuple[Comparison, ...], ...]

RANGE_TESTS: Final[Mapping[Literal["date", "number"], Mapping[Prefix, Tests]]] = {
    "date": {
        "eq": ((Comparison("low", ">=", "low"), Comparison("high", "<=", "high")),),
        "ne": ((Comparison("low", "<", "low"),), (Comparison("high", ">", "high"),)),
        "gt": ((Comparison("high", ">", "high"),),),
        "lt": ((Comparison("low", "<", "low"),),),
        "ge": (
            (Comparison("high", ">", "high"),),
            (Comparison("low", ">=", "low"), Comparison("high", "<=", "high")),
        ),
        "le": (
            (Comparison("low", "<", "low"),),
            (Comparison("low", ">=", "low"), Comparison("high", "<=", "high")),
        ),
        "sa": ((Comparison("low", ">=", "high"),),),
        "eb": ((Comparison("high", "<=", "low"),),),
        "ap": ((Comparison("low", "<", "high"), Comparison("high", ">", "low")),),
    },
    "number": {
        "eq": ((Comparison("low", ">=", "low"), Comparison("high", "<", "high")),),
        "ne": ((Comparison("low", "<", "low"),), (Comparison("high", ">=", "high"),)),
        "gt": ((Comparison("high", ">", "value"),),),
        "lt": ((Comparison("low", "<", "value"),),),
        "ge": (
            (Comparison("high", ">", "value"),),
            (Comparison("high", ">=", "value"), Comparison("low", ">=", "value")),
        ),
        "le": (
            (Comparison("low", "<", "value"),),
            (Comparison("low", "<=", "value"), Comparison("high", "<=", "value")),
        ),
        "sa": ((Comparison("low", ">", "value"),),),
        "eb": ((Comparison("high", "<", "value"),),),
        "ap": ((Comparison("low", "<=", "high"), Comparison("high", ">=", "low")),),
    },
}

_OPERATORS = {"<": lt, "<=": le, ">": gt, ">=": ge}


def range_holds(value: DateValue | NumberValue, low: Any, high: Any) -> bool:
    """Whether a stored range answers a query value, by the table above."""
    tests = RANGE_TESTS["date" if isinstance(value, DateValue) else "number"][value.prefix]
    row = {"low": low, "high": high}
    return any(
        all(_OPERATORS[test.operator](row[test.column], getattr(value, test.bound)) for test in conjunction)
        for conjunction in tests
    )
