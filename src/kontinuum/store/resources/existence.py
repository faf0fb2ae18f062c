"""How much there is about one patient at each unit, and how much of it a scope shows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from kontinuum.kernel.sql import Binder, Fragment

_HELD = r"hashes (?:@>|&&) \$\d+::bigint\[\]"
_ASKED = re.compile(
    rf"\(r\.type = (?P<type>\$\d+::smallint)\) and (?P<not>\((?:not \()?)r\.(?P<held>{_HELD})"
    rf"|\br\.(?P<column>{_HELD}|\w+)"
)
"""What a condition asks of an entry `r`: what it holds if it is of a type, or at all, or a column."""


class ByUnit(NamedTuple):
    """A unit's entries about a patient: all, those within the scope, those whose existence is hidden."""

    unit: str
    provider: str
    entries: int
    readable: int
    barred: int


async def by_unit(
    connection: Any,
    bucket: int,
    patient_hash: int,
    patient: str,
    types: Sequence[int],
    scope: Fragment,
    barred: Fragment,
) -> list[ByUnit]:
    """Count a patient's current resources by unit; `types` are the type hashes of the covering index."""
    binder = Binder()
    place, name = binder.bind(bucket), binder.bind(patient)
    # When something lies matters to blocks only, which nearly nobody has.
    blocked = f"case when (select law_blocks({place}::smallint, {name}::text)) then x.sort end"
    same = {"bucket": f"{place}::smallint", "patient": f"{name}::text"}
    # What is alike in all that the law asks about is one group, decided once: a patient's thousands of
    # entries are some dozens of groups. What an entry holds is its own: what is asked of it is asked before.
    columns = ["x.accountable"]

    def grouped(asked: str) -> str:
        if asked not in columns:
            columns.append(asked)
        return f"r.c{columns.index(asked)}"

    def column(found: re.Match[str]) -> str:
        if found["type"]:
            held = grouped(f"case when x.type = {found['type']} then x.{found['held']} end")
            return f"({grouped('x.type')} = {found['type']}) and {found['not']}{held}"
        if found["column"] in same:
            return same[found["column"]]
        return grouped(blocked if found["column"] == "sort" else f"x.{found['column']}")

    readable, hidden = (_ASKED.sub(column, binder.add(each)) for each in (scope, barred))
    shown = ", ".join(f"{asked} as c{number}" for number, asked in enumerate(columns))
    # The keys as an array, in order: the index is walked once along them, not entered for each.
    keys = (
        f"array(select key from hot where bucket = {place}::smallint"
        f" and patient = {binder.bind(patient_hash)}::bigint"
        f" and value = any({binder.bind(list(types))}::bigint[]) order by key)"
    )
    places = ", ".join(str(number) for number in range(1, len(columns) + 1))
    statement = (
        "select a.unit, a.provider, sum(r.entries)::bigint,"
        f" coalesce(sum(r.entries) filter (where {readable}), 0)::bigint,"
        f" coalesce(sum(r.entries) filter (where {hidden}), 0)::bigint"
        f"  from (select {shown}, count(*) as entries from resource x"
        f"         where x.bucket = {place}::smallint and x.key = any({keys})"
        f"           and x.body is not null and x.patient = {name}::text"
        f"         group by {places}) r"
        "  join accountable a on a.id = r.c0"
        " group by a.unit, a.provider"
    )
    return [ByUnit(*record) for record in await connection.fetch(statement, *binder.values)]
