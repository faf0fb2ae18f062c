"""How much there is about one patient at each unit, and how much of it a scope shows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from kontinuum.kernel.sql import Binder, Fragment

_COLUMN = re.compile(r"\br\.(\w+)")


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
    asked = sorted(set(_COLUMN.findall(f"{scope.text} {barred.text}")) | {"accountable"})
    # When something lies matters to blocks only, which nearly nobody has: without it a patient's thousands of
    # entries are some dozens of groups, and each is decided once.
    shown = ", ".join(
        f"case when (select law_blocks({place}::smallint, {name}::text)) then x.sort end as sort"
        if column == "sort"
        else f"x.{column}"
        for column in asked
    )
    # The keys as an array, in order: the index is walked once along them, not entered for each.
    keys = (
        f"array(select key from hot where bucket = {place}::smallint"
        f" and patient = {binder.bind(patient_hash)}::bigint"
        f" and value = any({binder.bind(list(types))}::bigint[]) order by key)"
    )
    places = ", ".join(str(number) for number in range(1, len(asked) + 1))
    statement = (
        "select a.unit, a.provider, sum(r.entries)::bigint,"
        f" coalesce(sum(r.entries) filter (where {binder.add(scope)}), 0)::bigint,"
        f" coalesce(sum(r.entries) filter (where {binder.add(barred)}), 0)::bigint"
        f"  from (select {shown}, count(*) as entries from resource x"
        f"         where x.bucket = {place}::smallint and x.key = any({keys})"
        f"           and x.body is not null and x.patient = {name}::text"
        f"         group by {places}) r"
        "  join accountable a on a.id = r.accountable"
        " group by a.unit, a.provider"
    )
    return [ByUnit(*record) for record in await connection.fetch(statement, *binder.values)]
