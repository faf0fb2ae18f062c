"""Writing versions: one statement for a single create, COPY for many, all inside one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from kontinuum.fhir.definitions import RESOURCE_TYPES, TYPE_CODES
from kontinuum.fhir.search.hashing import type_hash, value_hash
from kontinuum.kernel.ids import id_hash
from kontinuum.store import feed
from kontinuum.store.packing import pack
from kontinuum.store.resources.rows import NewVersion, ResourceRow

RESOURCE_COLUMNS = [
    "key",
    "sort",
    "updated",
    "accountable",
    "version",
    "bucket",
    "type",
    "id",
    "patient",
    "hashes",
    "body",
]
IDENTITY_COLUMNS = ["key", "bucket", "type", "id"]
HOT_COLUMNS = ["patient", "value", "sort", "key", "bucket"]
DATE_COLUMNS = ["key", "low", "high", "param", "bucket", "ord", "tags"]
NUMBER_COLUMNS = ["key", "param", "bucket", "ord", "low", "high", "units", "tags"]
STRING_COLUMNS = ["key", "param", "bucket", "ord", "text", "tags"]

_NAMES_AN_ORDER = {
    TYPE_CODES[name]: value_hash(name, "based-on", "present") for name in ("DiagnosticReport", "Observation")
}
"""The types of answers to orders, and the hash of one that names what it answers."""

CREATE = """
with r as (
    insert into resource (key, sort, updated, accountable, version, bucket, type, id, patient, hashes, body)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
), i as (
    insert into identity (key, bucket, type, id) select $1, $6, $7, $8 where $12::boolean
), h as (
    insert into hot (patient, value, sort, key, bucket)
    select $13, v, $2, $1, $6 from unnest($14::bigint[]) v
), d as (
    insert into search_date (key, low, high, param, bucket, ord, tags)
    select $1, low, high, param, $6, ord, tags::bigint[]
      from unnest($15::bigint[], $16::bigint[], $17::integer[], $18::smallint[], $19::text[])
           as v(low, high, param, ord, tags)
), n as (
    insert into search_number (key, param, bucket, ord, low, high, units, tags)
    select $1, param, $6, ord, low, high, units::bigint[], tags::bigint[]
      from unnest($20::integer[], $21::smallint[], $22::numeric[], $23::numeric[], $24::text[], $25::text[])
           as v(param, ord, low, high, units, tags)
), t as (
    insert into known_text (hash, param, text)
    select hash, param, text from unnest($30::bigint[], $31::integer[], $32::text[]) as v(hash, param, text)
     where not exists (select from known_text k where k.hash = v.hash)
), w as (
    insert into search_words (key, bucket, words)
    select $1, $6, setweight(to_tsvector('swedish', $33), 'A') || setweight(to_tsvector('swedish', $34), 'B')
     where $33::text <> '' or $34::text <> ''
), f as (
    insert into outbox (moment, version, type, change, id)
    select $3, $5, f.type, 'c', $8 from unnest($35::smallint[]) as f(type)
     where exists (select from feed_watch w where w.type = f.type)
)
insert into search_string (key, param, bucket, ord, text, tags)
select $1, param, $6, ord, text, tags::bigint[]
  from unnest($26::integer[], $27::smallint[], $28::text[], $29::text[]) as v(param, ord, text, tags)
"""

KNOWN_TEXTS = """
insert into known_text (hash, param, text)
select v.hash, v.param, v.text
  from unnest($1::bigint[], $2::integer[], $3::text[]) as v(hash, param, text)
 where not exists (select from known_text t where t.hash = v.hash)
"""

WORDS = """
insert into search_words (key, bucket, words)
select v.key, v.bucket,
       setweight(to_tsvector('swedish', v.narrative), 'A') || setweight(to_tsvector('swedish', v.prose), 'B')
  from unnest($1::bigint[], $2::smallint[], $3::text[], $4::text[]) as v(key, bucket, narrative, prose)
"""

ARCHIVE = """
insert into history (key, updated, accountable, version, bucket, type, id, patient, body)
select r.key, r.updated, r.accountable, r.version, r.bucket, r.type, r.id, r.patient, r.body
  from unnest($1::smallint[], $2::bigint[]) as w(bucket, key)
  join resource r on r.bucket = w.bucket and r.key = w.key
"""

DELETE_HOT = """
delete from hot h
 using unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::bigint[]) as w(bucket, key, patient, type_hash)
  join resource r on r.bucket = w.bucket and r.key = w.key
 where h.bucket = r.bucket and h.patient = w.patient and h.value = any(r.hashes || w.type_hash)
   and h.sort = r.sort and h.key = r.key
"""

DELETE_VALUES = """
delete from {table} s
 using unnest($1::smallint[], $2::bigint[]) as w(bucket, key)
 where s.bucket = w.bucket and s.key = w.key
"""

REPLACE = """
update resource r
   set sort = v.sort, updated = v.updated, accountable = v.accountable, version = v.version,
       bucket = v.bucket, patient = v.patient, hashes = v.hashes::bigint[], body = v.body
  from unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::integer[], $6::integer[],
              $7::smallint[], $8::text[], $9::text[], $10::bytea[])
       as v(old_bucket, key, sort, updated, accountable, version, bucket, patient, hashes, body)
 where r.bucket = v.old_bucket and r.key = v.key
"""

MOVE_HISTORY = """
update history h set bucket = v.bucket
  from unnest($1::smallint[], $2::bigint[], $3::smallint[]) as v(old_bucket, key, bucket)
 where h.bucket = v.old_bucket and h.key = v.key
"""

MOVE_IDENTITY = """
insert into identity (key, bucket, type, id)
select * from unnest($1::bigint[], $2::smallint[], $3::smallint[], $4::text[])
on conflict (type, id) do update set key = excluded.key, bucket = excluded.bucket
"""

BURY = """
update resource r set version = r.version + 1, updated = $3, accountable = $4, hashes = '{}', body = null
 where r.bucket = $1 and r.key = $2
"""

ACCOUNTABLE = """
with new as (
    insert into accountable (unit, provider) values ($1, $2) on conflict do nothing returning id
)
select id from new union all select id from accountable where unit = $1 and provider = $2
"""


async def accountable(connection: Any, unit: str, provider: str) -> int:
    """The number of a (care unit, care provider) pair of HSA-ids, made on first use."""
    number = await connection.fetchval(ACCOUNTABLE, unit, provider)
    if number is None:  # another writer made it between the two halves of the statement
        number = await connection.fetchval(ACCOUNTABLE, unit, provider)
    return int(number)


async def create(connection: Any, new: NewVersion) -> None:
    """Write one new resource with its whole index in a single statement."""
    index = new.index
    dates, numbers, strings = index.dates, index.numbers, index.strings
    await connection.execute(
        CREATE,
        new.key,
        new.sort,
        new.updated,
        new.accountable,
        new.version,
        new.bucket,
        new.type,
        new.id,
        new.patient,
        index.hashes,
        pack(new.body, new.type),
        new.named_by_client,
        id_hash(new.patient) if new.patient else None,
        index.hot if new.patient else [],
        [row[1] for row in dates],
        [row[2] for row in dates],
        [row[0] for row in dates],
        [row[4] for row in dates],
        [array(row[3]) for row in dates],
        [row[0] for row in numbers],
        [row[5] for row in numbers],
        [_finite(row[1]) for row in numbers],
        [_finite(row[2]) for row in numbers],
        [array(row[3]) for row in numbers],
        [array(row[4]) for row in numbers],
        [row[0] for row in strings],
        [row[3] for row in strings],
        [row[1] for row in strings],
        [array(row[2]) for row in strings],
        [known[0] for known in index.texts],
        [known[1] for known in index.texts],
        [known[2] for known in index.texts],
        _storable(index.narrative),
        _storable(index.prose),
        [each.type for each in _changes(new, feed.CREATED)],
    )


async def create_many(connection: Any, new: Sequence[NewVersion]) -> None:
    """Write new resources by COPY; to be called inside a transaction."""
    await _copy(
        connection,
        "resource",
        RESOURCE_COLUMNS,
        [
            (v.key, v.sort, v.updated, v.accountable, v.version, v.bucket, v.type, v.id, v.patient,
             v.index.hashes, pack(v.body, v.type))
            for v in new
        ],
    )  # fmt: skip
    # In one order for everybody: two writers of the same new ids wait for each other only one way.
    named = sorted(
        ((v.key, v.bucket, v.type, v.id) for v in new if v.named_by_client), key=lambda row: row[2:]
    )
    await _copy(connection, "identity", IDENTITY_COLUMNS, named)
    await put_in(connection, new)
    await feed.note(connection, [each for version in new for each in _changes(version, feed.CREATED)])


async def replace_many(connection: Any, changes: Sequence[tuple[ResourceRow, NewVersion]]) -> None:
    """Supersede current versions; to be called inside a transaction that has locked their rows.

    A resource that now belongs to another patient moves, with its history, to that patient's bucket.
    """
    await archive(connection, [old for old, _ in changes])
    new = [version for _, version in changes]
    await connection.execute(
        REPLACE,
        [old.bucket for old, _ in changes],
        [v.key for v in new],
        [v.sort for v in new],
        [v.updated for v in new],
        [v.accountable for v in new],
        [v.version for v in new],
        [v.bucket for v in new],
        [v.patient for v in new],
        [array(v.index.hashes) for v in new],
        [pack(v.body, v.type) for v in new],
    )
    await put_in(connection, new)
    again = [feed.CREATED if old.body is None else feed.UPDATED for old, _ in changes]
    await feed.note(connection, [each for both in zip(new, again, strict=True) for each in _changes(*both)])
    moved = [(old, version) for old, version in changes if old.bucket != version.bucket]
    if moved:
        await connection.execute(
            MOVE_HISTORY,
            [old.bucket for old, _ in moved],
            [v.key for _, v in moved],
            [v.bucket for _, v in moved],
        )
        await connection.execute(
            MOVE_IDENTITY,
            [v.key for _, v in moved],
            [v.bucket for _, v in moved],
            [v.type for _, v in moved],
            [v.id for _, v in moved],
        )


async def bury(connection: Any, old: ResourceRow, updated: int, accountable_number: int) -> None:
    """Record a deletion as the next version: the content moves to history, nothing is lost."""
    await archive(connection, [old])
    await connection.execute(BURY, old.bucket, old.key, updated, accountable_number)
    gone = feed.Change(updated, old.version + 1, old.type, feed.DELETED, old.id)
    answer = [gone._replace(type=feed.answering(old.type))] if old.type in _NAMES_AN_ORDER else []
    await feed.note(connection, [gone, *answer])


def _changes(version: NewVersion, change: str) -> list[feed.Change]:
    """A change, and once more where it may answer an order or change what has answered one."""
    made = feed.Change(version.updated, version.version, version.type, change, version.id)
    order = _NAMES_AN_ORDER.get(version.type)
    if order is None or (version.version == 1 and order not in version.index.hashes):
        return [made]
    return [made, made._replace(type=feed.answering(version.type))]


async def archive(connection: Any, old: Sequence[ResourceRow]) -> None:
    """Copy current versions to history and take their values out of the search index."""
    buckets, keys = [row.bucket for row in old], [row.key for row in old]
    await connection.execute(ARCHIVE, buckets, keys)
    await take_out(connection, old)


async def take_out(connection: Any, old: Sequence[ResourceRow]) -> None:
    """Take the values of current versions out of the search tables."""
    buckets, keys = [row.bucket for row in old], [row.key for row in old]
    patients = [id_hash(row.patient) if row.patient else None for row in old]
    types = [type_hash(RESOURCE_TYPES[row.type - 1]) for row in old]
    await connection.execute(DELETE_HOT, buckets, keys, patients, types)
    for table in ("search_date", "search_number", "search_string", "search_words"):
        await connection.execute(DELETE_VALUES.format(table=table), buckets, keys)


async def put_in(connection: Any, new: Sequence[NewVersion]) -> None:
    """Write the values of versions to the search tables; the hashes are a column of the row."""
    hot = [
        (patient, value, v.sort, v.key, v.bucket)
        for v in new
        if v.patient
        for patient in (id_hash(v.patient),)
        for value in v.index.hot
    ]
    dates = [
        (v.key, low, high, param, v.bucket, ord_, tags)
        for v in new
        for param, low, high, tags, ord_ in v.index.dates
    ]
    numbers = [
        (v.key, param, v.bucket, ord_, _finite(low), _finite(high), units, tags)
        for v in new
        for param, low, high, units, tags, ord_ in v.index.numbers
    ]
    strings = [
        (v.key, param, v.bucket, ord_, text, tags) for v in new for param, text, tags, ord_ in v.index.strings
    ]
    await _copy(connection, "hot", HOT_COLUMNS, hot)
    await _copy(connection, "search_date", DATE_COLUMNS, dates)
    await _copy(connection, "search_number", NUMBER_COLUMNS, numbers)
    await _copy(connection, "search_string", STRING_COLUMNS, strings)
    await _put_in_texts(connection, new)


async def _put_in_texts(connection: Any, new: Sequence[NewVersion]) -> None:
    texts = sorted({text for version in new for text in version.index.texts})
    if texts:
        columns = [list(column) for column in zip(*texts, strict=True)]
        await connection.execute(KNOWN_TEXTS, *columns)
    written = [version for version in new if version.index.narrative or version.index.prose]
    if written:
        await connection.execute(
            WORDS,
            [version.key for version in written],
            [version.bucket for version in written],
            [_storable(version.index.narrative) for version in written],
            [_storable(version.index.prose) for version in written],
        )


async def _copy(connection: Any, table: str, columns: list[str], records: list[tuple[Any, ...]]) -> None:
    if records:
        await connection.copy_records_to_table(table, records=records, columns=columns)


def _storable(text: str) -> str:
    """A text without the one character that PostgreSQL's texts cannot hold."""
    return text.replace("\0", " ")


def _finite(bound: Decimal) -> Decimal | None:
    """A bound of a range; an open end, infinite in the index values, is null in the tables."""
    return bound if bound.is_finite() else None


def array(values: Sequence[int] | None) -> str | None:
    """A bigint array as text, for arrays of arrays of unequal lengths, which PostgreSQL has not."""
    return None if values is None else "{" + ",".join(map(str, values)) + "}"
