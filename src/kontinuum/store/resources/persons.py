"""Finding Patients to compare: those written since last time, and those that share something with one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.fhir.search.hashing import param_code
from kontinuum.store.resources.rows import COLUMNS, ResourceRow, rows

_PATIENT = TYPE_CODES["Patient"]
_BIRTHDATE = param_code("Patient", "birthdate")
_FAMILY = param_code("Patient", "family")

WRITTEN_AFTER = f"""
select {COLUMNS}
  from resource r
  join accountable a on a.id = r.accountable
 where r.type = {_PATIENT} and (r.updated, r.key) > ($1, $2)
 order by r.updated, r.key
 limit $3
"""

LEFT = f"""
select count(*) from (
    select 1 from resource r where r.type = {_PATIENT} and (r.updated, r.key) > ($1, $2) limit $3
) left_over
"""

SHARING = f"""
with found as (
    select s.bucket, s.key from search_date s
     where s.param = {_BIRTHDATE} and s.low = any($1::bigint[])
    union
    select s.bucket, s.key
      from search_date s
      join search_string t on t.bucket = s.bucket and t.key = s.key and t.param = {_FAMILY}
     where s.param = {_BIRTHDATE} and s.low = any($2::bigint[]) and left(t.text, 200) = any($3::text[])
    union
    select s.bucket, s.key from search_string s
     where $4::boolean and s.param = {_FAMILY} and left(s.text, 200) = any($3::text[])
    union
    select r.bucket, r.key from resource r where r.type = {_PATIENT} and r.hashes && $5::bigint[]
)
select {COLUMNS}
  from found f
  join resource r on r.bucket = f.bucket and r.key = f.key and r.type = {_PATIENT} and r.body is not null
  join accountable a on a.id = r.accountable
 limit $6
"""

WITH_ANY = f"""
select {COLUMNS}
  from resource r
  join accountable a on a.id = r.accountable
 where r.type = {_PATIENT} and r.hashes && $1::bigint[] and r.body is not null
"""


async def written_after(connection: Any, position: tuple[int, int], limit: int) -> list[ResourceRow]:
    """Patients in the order of their writing, after a position (updated, key)."""
    return rows(await connection.fetch(WRITTEN_AFTER, *position, limit))


async def left_after(connection: Any, position: tuple[int, int], limit: int) -> int:
    """How many Patients were written after a position; counted up to a limit."""
    return int(await connection.fetchval(LEFT, *position, limit))


async def sharing(
    connection: Any,
    *,
    births: Sequence[int],
    near: Sequence[int],
    families: Sequence[str],
    by_family: bool,
    hashes: Sequence[int],
    limit: int,
) -> list[ResourceRow]:
    """Patients that share something.

    One of some dates of birth (`births`, microseconds), a family name (folded) together with a date `near`
    it, with `by_family` the family name alone, or one of some index hashes.
    """
    return rows(await connection.fetch(SHARING, births, near, families, by_family, hashes, limit))


async def with_any(connection: Any, hashes: Sequence[int]) -> list[ResourceRow]:
    """The Patients that have any of some indexed values."""
    return rows(await connection.fetch(WITH_ANY, hashes))
