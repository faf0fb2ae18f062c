"""Reading single resources, several at once, and history."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from kontinuum.fhir.definitions import RESOURCE_TYPES
from kontinuum.kernel.ids import decode_id
from kontinuum.kernel.sql import Binder, Fragment
from kontinuum.store.resources.rows import COLUMNS, ResourceRow, row_of, rows

BY_KEY = f"""
select {COLUMNS}
  from resource r
  join accountable a on a.id = r.accountable
 where r.bucket = $1 and r.key = $2 and r.type = $3 and r.id = $4
"""

BY_IDENTITY = f"""
select {COLUMNS}
  from identity i
  join resource r on r.bucket = i.bucket and r.key = i.key
  join accountable a on a.id = r.accountable
 where i.type = $1 and i.id = $2
"""

_WANTED = """
with wanted as (
    select i.bucket, i.key
      from unnest($1::smallint[], $2::text[]) as w(type, id)
      join identity i on i.type = w.type and i.id = w.id
    union
    select r.bucket, r.key
      from unnest($3::smallint[], $4::text[], $5::smallint[], $6::bigint[]) as w(type, id, bucket, key)
      join resource r on r.bucket = w.bucket and r.key = w.key and r.type = w.type and r.id = w.id
)
"""

MANY = f"""
{_WANTED}
select {COLUMNS}
  from wanted w
  join resource r on r.bucket = w.bucket and r.key = w.key
  join accountable a on a.id = r.accountable
"""

LOCK = f"""
{_WANTED}
select r.bucket, r.key
  from wanted w
  join resource r on r.bucket = w.bucket and r.key = w.key
 order by r.bucket, r.key
   for update of r
"""

SUPERSEDED = """
select h.key, h.bucket, h.type, h.id, h.version, h.updated, h.patient, h.body, a.unit, a.provider, c.sort
  from history h
  join resource c on c.bucket = h.bucket and c.key = h.key
  join accountable a on a.id = h.accountable
 where h.bucket = $1 and h.key = $2 and h.version = $3
"""

SUPERSEDED_MANY = """
select h.key, h.bucket, h.type, h.id, h.version, h.updated, h.patient, h.body, a.unit, a.provider, c.sort
  from unnest($1::smallint[], $2::bigint[]) as w(bucket, key)
  join history h on h.bucket = w.bucket and h.key = w.key
  join resource c on c.bucket = h.bucket and c.key = h.key
  join accountable a on a.id = h.accountable
"""


async def read(connection: Any, type_code: int, logical_id: str) -> ResourceRow | None:
    """The current version (perhaps a deletion) of one resource, None when there never was one."""
    decoded = decode_id(logical_id)
    if decoded is not None:
        record = await connection.fetchrow(BY_KEY, decoded[1], decoded[0], type_code, logical_id)
        if record is not None:
            return row_of(record)
    record = await connection.fetchrow(BY_IDENTITY, type_code, logical_id)
    return None if record is None else row_of(record)


async def read_version(connection: Any, current: ResourceRow, version: int) -> ResourceRow | None:
    """One version of a resource whose current version is at hand."""
    if version >= current.version or version < 1:
        return current if version == current.version else None
    record = await connection.fetchrow(SUPERSEDED, current.bucket, current.key, version)
    return None if record is None else row_of(record)


async def superseded(connection: Any, current: Sequence[ResourceRow]) -> list[ResourceRow]:
    """All earlier versions of resources whose current versions are at hand."""
    if not current:
        return []
    return rows(
        await connection.fetch(SUPERSEDED_MANY, [row.bucket for row in current], [row.key for row in current])
    )


async def read_many(connection: Any, wanted: Iterable[tuple[int, str]]) -> list[ResourceRow]:
    """The current versions of several resources, in no order; what does not exist is absent."""
    return rows(await connection.fetch(MANY, *_places(wanted)))


async def lock_many(connection: Any, wanted: Iterable[tuple[int, str]]) -> list[ResourceRow]:
    """The current versions of several resources, their rows locked until the transaction ends.

    Locks are taken in the order of buckets and keys, so that two writers do not wait for each other.
    While one waits for a lock, its holder may give the row another version, another accountable unit or
    another bucket; PostgreSQL then joins the new row to what it found before and drops it. Therefore
    nothing that the locking statement read counts: only what is read once the lock is held.
    """
    places = _places(wanted)
    held: set[tuple[int, int]] = set()
    while True:
        held.update((row["bucket"], row["key"]) for row in await connection.fetch(LOCK, *places))
        found = rows(await connection.fetch(MANY, *places))
        if all((row.bucket, row.key) in held for row in found):
            return found


def _places(wanted: Iterable[tuple[int, str]]) -> tuple[list[Any], ...]:
    """The (type, id) pairs as the parameters of MANY and LOCK: all, and those whose id tells the place."""
    pairs = list(wanted)
    decoded = [(code, logical_id, found) for code, logical_id in pairs if (found := decode_id(logical_id))]
    return (
        [code for code, _ in pairs],
        [logical_id for _, logical_id in pairs],
        [code for code, _, _ in decoded],
        [logical_id for _, logical_id, _ in decoded],
        [found[1] for _, _, found in decoded],
        [found[0] for _, _, found in decoded],
    )


async def history(
    connection: Any,
    *,
    scope: Fragment,
    types: Sequence[int] | None,
    row: ResourceRow | None,
    since: int | None,
    until: int | None,
    at: int | None,
    before: tuple[int, int, int] | None,
    limit: int,
) -> list[ResourceRow]:
    """Versions newest first: of one resource (`row`), of some types, or of all types (None).

    A superseded version is within the scope when both it and the current version are. `since` is inclusive,
    `until` exclusive (microseconds); with `at` what had been superseded by that moment is left out.
    `before` is the (updated, key, version) of the last version of the page before.
    """
    binder = Binder()
    permitted = binder.add(scope)
    if row is None:
        codes = list(types) if types is not None else list(range(1, len(RESOURCE_TYPES) + 1))
        source = f"unnest({binder.bind(codes)}::smallint[]) as t(type) cross join lateral"
        match = "r.type = t.type"
    else:
        source = ""
        match = f"r.bucket = {binder.bind(row.bucket)} and r.key = {binder.bind(row.key)}"
    conditions = [match, f"({permitted})"]
    if since is not None:
        conditions.append(f"r.updated >= {binder.bind(since)}")
    if until is not None:
        conditions.append(f"r.updated < {binder.bind(until)}")
    if at is not None:
        moment = binder.bind(at)
        conditions += [
            f"not exists (select 1 from {table} x where x.bucket = r.bucket and x.key = r.key"
            f" and x.version > r.version and x.updated <= {moment})"
            for table in ("resource", "history")
        ]
    if before is not None:
        values = ", ".join(binder.bind(value) for value in before)
        conditions.append(f"(r.updated, r.key, r.version) < ({values})")
    where = " and ".join(conditions)
    order = f"order by r.updated desc, r.key desc, r.version desc limit {binder.bind(limit)}"
    current = f"select {COLUMNS} from resource r join accountable a on a.id = r.accountable"
    # What may not be read as it stands now may not be read as it stood before either.
    earlier = (
        f"select {COLUMNS} from history v join resource c on c.bucket = v.bucket and c.key = v.key"
        " cross join lateral (select v.*, c.sort, c.hashes) r join accountable a on a.id = r.accountable"
    )
    still = (
        f"exists (select 1 from (select c.*) r join accountable a on a.id = r.accountable where {permitted})"
    )
    versions = f"({current} where {where} {order}) union all ({earlier} where {where} and {still} {order})"
    statement = f"select r.* from {source} ({versions}) r {order}"
    return rows(await connection.fetch(statement, *binder.values))
