"""How much there is about one patient at each unit, and how much of it a scope shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from kontinuum.kernel.sql import Binder, Fragment


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
    statement = (
        "select a.unit, a.provider, count(*),"
        f" count(*) filter (where {binder.add(scope)}),"
        f" count(*) filter (where {binder.add(barred)})"
        "  from (select key from hot"
        f"  where bucket = {binder.bind(bucket)}::smallint and patient = {binder.bind(patient_hash)}::bigint"
        f"    and value = any({binder.bind(list(types))}::bigint[])) h"
        f"  join resource r on r.bucket = {binder.bind(bucket)}::smallint and r.key = h.key"
        "  join accountable a on a.id = r.accountable"
        f" where r.body is not null and r.patient = {binder.bind(patient)}::text"
        " group by a.unit, a.provider"
    )
    return [ByUnit(*record) for record in await connection.fetch(statement, *binder.values)]
