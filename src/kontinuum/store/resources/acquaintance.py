"""What a review of the log asks of the record: who staff and units are, and whom a unit has met."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.fhir.search.hashing import type_hash
from kontinuum.kernel.ids import bucket_of, id_hash
from kontinuum.store.packing import unpack

FETCH = 2000

RELATING = ("Appointment", "CareTeam", "Encounter", "EpisodeOfCare")
"""The types by which a unit has to do with a patient."""

BODIES = "select id, body from resource where type = $1 and body is not null"

# A unit met a patient when it is accountable for a contact or booking whose date is not too long before.
MET = """
select v.number
  from unnest($1::integer[], $2::smallint[], $3::bigint[], $4::text[], $5::text[], $6::bigint[])
    as v(number, bucket, hash, patient, unit, since)
 where exists (
    select from hot h
      join resource r on r.bucket = h.bucket and r.key = h.key
      join accountable a on a.id = r.accountable
     where h.bucket = v.bucket and h.patient = v.hash and h.value = any($7::bigint[]) and h.sort >= v.since
       and r.patient = v.patient and r.body is not null and a.unit = v.unit)
"""


async def bodies(connection: Any, type_name: str) -> AsyncIterator[list[tuple[str, bytes]]]:
    """The id and body of every resource of a type, some at a time; within a transaction."""
    cursor = await connection.cursor(BODIES, TYPE_CODES[type_name])
    while found := await cursor.fetch(FETCH, timeout=None):
        yield [(record["id"], unpack(record["body"])) for record in found]


async def met(connection: Any, asked: Sequence[tuple[str, str, int]]) -> set[int]:
    """Which of the (unit, patient, since when in µs) asked for have met, by their place in the sequence."""
    values = [type_hash(name) for name in RELATING]
    records = await connection.fetch(
        MET,
        list(range(len(asked))),
        [bucket_of(patient) for _, patient, _ in asked],
        [id_hash(patient) for _, patient, _ in asked],
        [patient for _, patient, _ in asked],
        [unit for unit, _, _ in asked],
        [since for _, _, since in asked],
        values,
    )
    return {record["number"] for record in records}
