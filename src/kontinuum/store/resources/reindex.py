"""Making the search index of stored resources anew, some at a time, while others read and write."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kontinuum.fhir import json
from kontinuum.fhir.search.extract import extract
from kontinuum.store.packing import pack
from kontinuum.store.resources import write
from kontinuum.store.resources.rows import COLUMNS, NewVersion, row_of

FETCH = 1000

SOME = f"""
select {COLUMNS}, r.accountable
  from resource r
  join accountable a on a.id = r.accountable
 where r.bucket = $1 and r.key > $2 and r.body is not null
 order by r.key
 limit {FETCH}
   for update of r
"""

RENEW = """
update resource r set sort = v.sort, hashes = v.hashes::bigint[], body = v.body
  from unnest($2::bigint[], $3::bigint[], $4::text[], $5::bytea[]) as v(key, sort, hashes, body)
 where r.bucket = $1 and r.key = v.key
"""


async def some(connection: Any, bucket: int, after: int) -> tuple[int, int] | None:
    """Index the next resources of a bucket anew, and pack their bodies; inside a transaction.

    Gives how many there were and the key of the last, None when the bucket has no more.
    """
    records = await connection.fetch(SOME, bucket, after)
    if not records:
        return None
    old = [row_of(tuple(record)[:-1]) for record in records]
    new = []
    for row, record in zip(old, records, strict=True):
        assert row.body is not None
        index = replace(extract(json.loads(row.body)), patient=row.patient)
        new.append(
            NewVersion(
                key=row.key,
                bucket=row.bucket,
                type=row.type,
                id=row.id,
                version=row.version,
                updated=row.updated,
                accountable=record["accountable"],
                patient=row.patient,
                body=row.body,
                index=index,
                named_by_client=False,
            )
        )
    await write.take_out(connection, old)
    await connection.execute(
        RENEW,
        bucket,
        [each.key for each in new],
        [each.sort for each in new],
        [write.array(each.index.hashes) for each in new],
        [pack(each.body, each.type) for each in new],
    )
    await write.put_in(connection, new)
    return len(new), new[-1].key
