"""Removing entries with all their versions and every value by which they could be found.

patientdatalagen (2008:355) 8:4. To be called inside the transaction that also leaves the tombstones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from kontinuum.kernel.ids import bucket_of
from kontinuum.store.provider_settings import CHANNEL
from kontinuum.store.resources.rows import COLUMNS, ResourceRow, rows
from kontinuum.store.resources.write import take_out

OF_PATIENT = f"""
select {COLUMNS}
  from resource r
  join accountable a on a.id = r.accountable
 where r.bucket = $1 and r.patient = $2
 order by r.key
   for update of r
"""

DELETE_CURRENT = """
delete from resource r
 using unnest($1::smallint[], $2::bigint[]) as w(bucket, key)
 where r.bucket = w.bucket and r.key = w.key
"""

DELETE_PAST = """
delete from history h
 using unnest($1::smallint[], $2::bigint[]) as w(bucket, key)
 where h.bucket = w.bucket and h.key = w.key
"""

DELETE_IDENTITY = """
delete from identity i
 using unnest($1::smallint[], $2::text[]) as w(type, id)
 where i.type = w.type and i.id = w.id
"""

BURY = """
insert into tombstone (destruction, destroyed, type, id, patient, unit, provider)
select $1, $2, * from unnest($3::smallint[], $4::text[], $5::text[], $6::text[], $7::text[])
"""

TOMBSTONES = """
select t.type, t.id, t.patient, t.unit, t.provider, t.destroyed, d.authority, d.case_number, d.decided::text
  from unnest($1::smallint[], $2::text[]) as w(type, id)
  join tombstone t on t.type = w.type and t.id = w.id
  join destruction d on d.number = t.destruction
"""

LAST_ENTRIES = """
select r.patient, count(*), max(greatest(r.updated, r.sort)) as last
  from resource r
  join accountable a on a.id = r.accountable
 where r.patient is not null and a.provider = $1
 group by r.patient
having max(greatest(r.updated, r.sort)) < $2
 order by last, r.patient
 limit $3
"""


TELL = "select pg_notify($1, 'destroyed')"
"""To every process, when it is committed: what they keep of bodies in memory is let go of."""


class Tombstone(NamedTuple):
    """What is left of a destroyed entry; `destroyed` in microseconds, `decided` as a date."""

    type: int
    id: str
    patient: str | None
    unit: str
    provider: str
    destroyed: int
    authority: str
    case_number: str
    decided: str


class LastEntry(NamedTuple):
    """A patient's record at one provider: how many entries, and when the last was made (microseconds)."""

    patient: str
    entries: int
    last: int


async def of_patient(connection: Any, patient: str) -> list[ResourceRow]:
    """Every current row filed under a patient, deletions among them, locked."""
    return rows(await connection.fetch(OF_PATIENT, bucket_of(patient), patient))


async def destroy(connection: Any, doomed: Sequence[ResourceRow], decision: int, now: int) -> None:
    """Remove locked rows, their versions and their index values, and leave a tombstone of each."""
    places = [row.bucket for row in doomed], [row.key for row in doomed]
    await take_out(connection, doomed)
    await connection.execute(DELETE_PAST, *places)
    await connection.execute(DELETE_CURRENT, *places)
    names = [row.type for row in doomed], [row.id for row in doomed]
    await connection.execute(DELETE_IDENTITY, *names)
    await connection.execute(
        BURY,
        decision,
        now,
        *names,
        [row.patient for row in doomed],
        [row.unit for row in doomed],
        [row.provider for row in doomed],
    )
    await connection.execute(TELL, CHANNEL)


async def tombstones(connection: Any, names: Sequence[tuple[int, str]]) -> list[Tombstone]:
    """The tombstones of some (type, id); most names have none."""
    found = await connection.fetch(TOMBSTONES, [code for code, _ in names], [each for _, each in names])
    return [Tombstone(*record) for record in found]


async def last_entries(connection: Any, provider: str, before: int, limit: int) -> list[LastEntry]:
    """The patients whose last entry at a provider was made before a moment, the oldest first."""
    return [LastEntry(*record) for record in await connection.fetch(LAST_ENTRIES, provider, before, limit)]
