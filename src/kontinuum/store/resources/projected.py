"""Going through the resources that say something to the law, some at a time, each locked while it is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kontinuum.store.resources.rows import COLUMNS, ResourceRow, rows

LOCK = """
select r.bucket, r.key
  from resource r
 where (r.bucket, r.key) > ($1::smallint, $2::bigint) and r.type = any($3::smallint[])
 order by r.bucket, r.key
 limit $4
   for update of r
"""

LOCKED = f"""
select {COLUMNS}
  from unnest($1::smallint[], $2::bigint[]) as w(bucket, key)
  join resource r on r.bucket = w.bucket and r.key = w.key
  join accountable a on a.id = r.accountable
"""

LAST_WITH_BODY = """
select h.key, h.bucket, h.type, h.id, h.version, h.updated, h.patient, h.body, a.unit, a.provider, c.sort
  from unnest($1::smallint[], $2::bigint[]) as w(bucket, key)
  join resource c on c.bucket = w.bucket and c.key = w.key
 cross join lateral (select v.* from history v
                      where v.bucket = w.bucket and v.key = w.key and v.body is not null
                      order by v.version desc limit 1) h
  join accountable a on a.id = h.accountable
"""


async def lock_next(
    connection: Any, after: tuple[int, int], types: Sequence[int], limit: int
) -> list[tuple[int, int]]:
    """The (bucket, key) of the next resources of some types, in that order, locked by the transaction."""
    found = await connection.fetch(LOCK, *after, list(types), limit, timeout=None)
    return [(record["bucket"], record["key"]) for record in found]


async def read_locked(connection: Any, places: Sequence[tuple[int, int]]) -> list[ResourceRow]:
    """The current versions, deletions too, of resources that `lock_next` gave."""
    return rows(await connection.fetch(LOCKED, *_columns(places)))


async def before_deletion(connection: Any, places: Sequence[tuple[int, int]]) -> list[ResourceRow]:
    """The last versions with a body of resources that are deleted."""
    return rows(await connection.fetch(LAST_WITH_BODY, *_columns(places)))


def _columns(places: Sequence[tuple[int, int]]) -> tuple[list[int], list[int]]:
    return [bucket for bucket, _ in places], [key for _, key in places]
