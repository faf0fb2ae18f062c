"""One search criterion as an SQL condition on a resource row `r`.

Exact values are hashes on the row; ranges and text are rows of the value tables. What must be looked
for is told by `fhir.search.lookup`, what the prefixes mean by `fhir.search.ranges`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from kontinuum.fhir.search.lookup import RowTest, hashes_of, known_of, negated, rows_of, tags_of
from kontinuum.fhir.search.query import (
    MICROS_MAX,
    MICROS_MIN,
    CompositeValue,
    Criterion,
    DateValue,
    NearValue,
    NumberValue,
    StringValue,
    Value,
)
from kontinuum.fhir.search.ranges import RANGE_TESTS, Comparison
from kontinuum.fhir.search.shared import united
from kontinuum.kernel.sql import Binder
from kontinuum.store.resources import words

PREFIX_LENGTH = 200
"""How many characters of a text the prefix index holds; longer texts are compared in whole beside it."""

_LONG = "({alias}.high >> 20) - ({alias}.low >> 20) > 82400"
"""A stored range of more than a day: the condition of the partial index `search_date_long`. Shifted, as the
difference between open ends would overflow."""
_LONG_MICROS = 82_402 << 20
"""What is not `_LONG` is shorter than this."""

_LAST_CHARACTER = "\U0010ffff"
_TABLES = {"strings": "search_string", "dates": "search_date", "numbers": "search_number"}


def condition(type_name: str, criterion: Criterion, binder: Binder, *, row_by_row: bool) -> str:
    """The SQL of one criterion; its values are bound in `binder`.

    With `row_by_row` it is checked on each candidate and never used to find candidates: what is already
    narrowed to one patient must not be looked for in the whole region.
    """
    exact: list[int] = []
    parts: list[str] = []
    for each in united(type_name, criterion):
        for value, alternatives in zip(each.values, hashes_of(type_name, each), strict=True):
            exact += alternatives
            test = known_of(type_name, each, value)
            if test is not None:
                parts.append(words.known(test, binder))
            elif isinstance(value, NearValue):
                parts.append(words.near(type_name, value, binder))
            elif isinstance(value, StringValue) and each.parameter.name in ("_text", "_content"):
                parts.append(words.spoken(each.parameter.name, value, binder))
            elif not alternatives:
                fence = " offset 0" if row_by_row else ""
                parts.append(_rows_exist(type_name, each, value, binder, fence=fence))
    if exact:
        parts.insert(0, has_any(exact, binder))
    alternatives_sql = " or ".join(parts)
    return f"not ({alternatives_sql})" if negated(criterion) else f"({alternatives_sql})"


def has_any(hashes: Sequence[int], binder: Binder) -> str:
    """The row holds at least one of the hashes."""
    operator = "@>" if len(hashes) == 1 else "&&"
    return f"r.hashes {operator} {binder.bind(list(hashes))}::bigint[]"


def _rows_exist(type_name: str, criterion: Criterion, value: Value, binder: Binder, fence: str) -> str:
    tests = rows_of(type_name, criterion, value)
    tags = tags_of(type_name, criterion, value) if isinstance(value, CompositeValue) else []
    first, *others = [f"s{number}" for number in range(len(tests))]
    tables = [f"{_TABLES[test.table]} s{number}" for number, test in enumerate(tests)]
    conditions = [_row(test, f"s{number}", criterion, binder) for number, test in enumerate(tests)]
    conditions += [f"{other}.ord = {first}.ord" for other in others]
    conditions += [f"{first}.tags && {binder.bind(alternatives)}::bigint[]" for alternatives in tags]
    # The fence keeps the planner from turning the question into a join with the whole table.
    return f"exists (select 1 from {', '.join(tables)} where {' and '.join(conditions)}{fence})"


def _row(test: RowTest, alias: str, criterion: Criterion, binder: Binder) -> str:
    parts = [
        f"{alias}.bucket = r.bucket and {alias}.key = r.key and {alias}.param = {binder.bind(test.param)}"
    ]
    if test.unit is not None:
        parts.append(f"{alias}.units @> {binder.bind([test.unit])}::bigint[]")
    if isinstance(test.value, StringValue):
        parts.append(_text(test.value, alias, criterion.modifier, binder))
    else:
        parts.append(_range(test.value, alias, binder))
    return " and ".join(parts)


def _text(value: StringValue, alias: str, modifier: str | None, binder: Binder) -> str:
    text = value.normalised
    if modifier == "contains":
        pattern = "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        return f"{alias}.text like {binder.bind(pattern)}"
    beginning = text[:PREFIX_LENGTH]
    low, high = binder.bind(beginning), binder.bind(beginning + _LAST_CHARACTER)
    within = f"left({alias}.text, {PREFIX_LENGTH}) >= {low} and left({alias}.text, {PREFIX_LENGTH}) < {high}"
    if len(text) > PREFIX_LENGTH:
        within += f" and starts_with({alias}.text, {binder.bind(text)})"
    return within


def _range(value: DateValue | NumberValue, alias: str, binder: Binder) -> str:
    kind: Literal["date", "number"] = "date" if isinstance(value, DateValue) else "number"
    cast = "bigint" if kind == "date" else "numeric"
    bounds: dict[str, str] = {}

    def comparison(test: Comparison) -> str:
        bound = bounds.get(test.bound)
        if bound is None:
            bound = bounds[test.bound] = f"{binder.bind(getattr(value, test.bound))}::{cast}"
        plain = f"{alias}.{test.column} {test.operator} {bound}"
        # A null end of a number is infinite: a missing low end lies below everything.
        open_end = kind == "number" and (test.column == "low") == (test.operator in ("<", "<="))
        return f"({plain} or {alias}.{test.column} is null)" if open_end else plain

    alternatives = RANGE_TESTS[kind][value.prefix]
    found = "(" + " or ".join(" and ".join(map(comparison, tests)) for tests in alternatives) + ")"
    if value.prefix == "eq":
        # Implied, as no range ends before it begins; but only so does an index on `low` have two ends.
        found += f" and {alias}.low <= {bounds['high']}"
    return found


def window(type_name: str, criteria: Sequence[Criterion], binder: Binder, *, clinical: bool) -> str:
    """Several criteria on a date that a resource has once at most, met by one and the same row.

    `date=ge2024-05-11&date=lt2024-05-12` asks for ranges that end after one moment and begin before another;
    either half alone is most of the table. Most ranges are short: those begin at most a day before the
    window. The long ones have an index of their own. `clinical`: the type is ordered by this date, so
    that the window is a stretch of that order, as wide as the long ranges that reach into it demand.
    """
    values = [value for each in criteria for value in each.values if isinstance(value, DateValue)]
    (test,) = rows_of(type_name, criteria[0], values[0])
    param = binder.bind(test.param)
    parts = [f"s.bucket = r.bucket and s.key = r.key and s.param = {param}"]
    parts += [_range(value, "s", binder) for value in values]
    stretch = ""
    after = max(_defined(_ends_after(value) for value in values), default=None)
    before = min(_defined(_begins_before(value) for value in values), default=None)
    if after is not None and before is not None:
        low, high = binder.bind(after), binder.bind(before)
        near = binder.bind(max(after - _LONG_MICROS, MICROS_MIN))
        # Both ends stand in each half: only so does the planner see how narrow a window is.
        short = f"s.low > {near} and s.low < {high}"
        long = f"{_LONG.format(alias='s')} and s.high > {low} and s.low < {high}"
        parts.append(f"(({short}) or ({long}))")
        reaching = (
            f"from search_date l where l.param = {param} and {_LONG.format(alias='l')} and l.high > {low}"
        )
        begun = f"(select min(greatest(l.low, {MICROS_MIN + 1}) - 1) {reaching} and l.low < {high})"
        # What has no beginning stands in the order by its end.
        ended = f"(select max(least(l.high, {MICROS_MAX - 1}) + 1) {reaching} and l.low = {MICROS_MIN})"
        stretch = f" and r.sort > least({near}, {begun}) and r.sort < greatest({high}, {ended})"
    exists = f"exists (select 1 from search_date s where {' and '.join(parts)})"
    return exists + stretch if clinical else exists


def begins_within(values: Sequence[Value], binder: Binder) -> str | None:
    """What a row's `sort` must be for its clinical date to lie within a moment or period asked for.

    For a date that a resource has once at most: `sort` is then its beginning, or its end where it has no
    beginning. Implied by the criterion itself, but answered by the order of the type. None where nothing
    is implied.
    """
    spans = [value for value in values if isinstance(value, DateValue)]
    if len(spans) != len(values) or any(span.prefix != "eq" for span in spans):
        return None
    low, high = min(span.low for span in spans), max(span.high for span in spans)
    return f"r.sort >= {binder.bind(low)} and r.sort <= {binder.bind(high)}"


def _ends_after(value: DateValue) -> int | None:
    """A moment after which every range that answers a value ends."""
    match value.prefix:
        case "eq" | "ge" | "ap":
            return value.low
        case "gt" | "sa":
            return value.high
        case _:
            return None


def _begins_before(value: DateValue) -> int | None:
    """A moment before which every range that answers a value begins."""
    match value.prefix:
        case "eq" | "le" | "ap":
            return value.high
        case "lt" | "eb":
            return value.low
        case _:
            return None


def _defined(moments: Iterable[int | None]) -> list[int]:
    return [moment for moment in moments if moment is not None]


def updated(value: DateValue, binder: Binder) -> str:
    """`_lastUpdated`: the time of writing is a moment of one microsecond on the row itself."""
    low, high = binder.bind(value.low), binder.bind(value.high)
    match value.prefix:
        case "eq":
            return f"(r.updated >= {low} and r.updated < {high})"
        case "ne":
            return f"(r.updated < {low} or r.updated >= {high})"
        case "gt" | "sa":
            return f"r.updated >= {high} and {low}::bigint is not null"
        case "lt" | "eb":
            return f"r.updated < {low} and {high}::bigint is not null"
        case "ge":
            return f"r.updated >= {low} and {high}::bigint is not null"
        case "le":
            return f"r.updated < {high} and {low}::bigint is not null"
        case "ap":
            return f"(r.updated >= {low} and r.updated < {high})"
