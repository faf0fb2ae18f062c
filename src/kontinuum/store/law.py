"""The tables of the law: what is asked about a patient and the one who asks, and what is written there.

Every statement names the patient's bucket, so that on a distributed database it stays on one shard.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

_SEVERAL = "with w as (select * from unnest($1::smallint[], $2::text[]) as w(bucket, patient))"
_ONE = "with w as (select $1::smallint as bucket, $2::text as patient)"
"""Most questions are about one. PostgreSQL keeps the plan of what it knows to be one row; of a list it plans
anew each time, which takes longer than to answer."""

_OF_STAFF = """
select 'relation' as what, x.patient, x.basis as a, x.source as b, x.low as low, x.high as high,
       null::bigint as key, null::smallint[] as types, null::text as c, false as flag
  from w join care_relation x using (bucket, patient)
 where x.unit = $3 and x.person in ('', $4) and x.low <= $6 and x.high > $6
union all
select 'choice', x.patient, x.target, null, x.low, x.high, null, null, null, false
  from w join active_choice x using (bucket, patient)
 where x.person = $4 and x.unit = $3 and x.low <= $6 and x.high > $6
union all
select 'consent', x.patient, x.source, null, x.low, x.high, null, null, null, x.unable
  from w join consent x using (bucket, patient)
 where x.provider = $5 and x.unit in ('', $3) and x.person in ('', $4) and x.low <= $6 and x.high > $6
union all
select 'opening', x.patient, x.reason, null, x.low, x.high, x.key, null, null, false
  from w join opening x using (bucket, patient)
 where x.person = $4 and x.unit = $3 and x.low <= $6 and x.high > $6
union all
select 'block', x.patient, x.level, x.provider, x.low, x.high, x.key, x.kept, x.unit,
       exists (select 1 from lift l
                where l.bucket = x.bucket and l.patient = x.patient and l.block = x.key and l.unit = $3
                  and l.person in ('', $4) and l.low <= $6 and l.high > $6)
  from w join block x using (bucket, patient)
union all
select 'informed', x.patient, x.source, null, x.low, null, x.key, null, null, false
  from w join informed x using (bucket, patient)
 where x.provider = $5 and x.low <= $6
union all
select 'unoffered', w.patient, o.provider, null, o.since, null, null, null, null, false
  from w cross join offering o
 where o.provider <> $5 and o.since > $6
   and not exists (select 1 from informed i
                    where i.bucket = w.bucket and i.patient = w.patient and i.provider = o.provider
                      and i.low <= $6)
union all
select 'person', x.patient, x.origin, null, x.born, x.protection, null, null, null, x.deceased
  from w join person_fact x using (bucket, patient)
"""

_OF_PATIENT = """
select 'person' as what, x.patient, x.origin as a, null as b, x.born::bigint as low,
       x.protection::bigint as high, null::bigint as key, null::smallint[] as types, null::text as c,
       x.deceased as flag
  from w join person_fact x using (bucket, patient)
union all
select 'acts', x.patient, x.kind, null, x.low, x.high, x.key, x.kept, null, false
  from w join representative x using (bucket, patient)
 where x.person = $3 and x.low <= $4 and x.high > $4
"""

BLOCKS = """
select x.key, x.level, x.provider, x.unit, x.low, x.high, x.kept, x.source
  from block x where x.bucket = $1 and x.patient = $2 order by x.key, x.ord
"""

PROTECTED = """
select x.patient from unnest($1::smallint[], $2::text[]) as w(bucket, patient)
  join person_fact x using (bucket, patient) where x.protection > 0
"""

RESOLVE = """
update care_relation x set unit = w.unit, provider = w.provider
  from unnest($1::text[], $2::text[], $3::text[]) as w(organization, unit, provider)
 where x.unit = w.organization and x.unit like 'Organization/%'
"""

CLOSE = """
update opening x set high = $5
  from unnest($1::smallint[], $2::text[]) as w(bucket, patient)
 where x.bucket = w.bucket and x.patient = w.patient and x.person = $3 and x.unit = $4 and x.high > $5
"""

RELATE = """
insert into care_relation
       (key, low, high, bucket, ord, patient, unit, provider, person, basis, source, reason)
select w.key, $8, $9, w.bucket, 0, w.patient, $5, $6, $7, $10, w.source, null
  from unnest($1::bigint[], $2::smallint[], $3::text[], $4::text[]) as w(key, bucket, patient, source)
 where not exists (select 1 from care_relation x
                    where x.bucket = w.bucket and x.patient = w.patient and x.unit = $5
                      and x.person in ('', $7) and x.low <= $8 and x.high > $8)
returning key, low, high, bucket, ord, patient, unit, provider, person, basis, source, reason
"""

REPRESENTED = """
select distinct patient from representative
 where person = $1 and patient <> $1 and low <= $2 and high > $2 and coalesce(origin, patient) = patient
 order by patient
"""

OFFER = """
insert into offering (provider, since) values ($1, $2)
on conflict (provider) do update set since = excluded.since
"""

OFFER_AS_USUAL = "delete from offering where provider = $1"

KNOWN_BY_NUMBER = """
select {columns} from representative
 where origin is null and number = any($1::text[])
"""

IS_COMPLETE = "select complete from law_projection"

PROGRESS = "select complete, bucket, key from law_projection for update"

PROCEED = "update law_projection set complete = $1, bucket = $2, key = $3"

COLUMNS = {
    "person_fact": "key bucket born deceased protection patient",
    "consent": "key low high bucket ord patient provider unit person source unable",
    "block": "key low high bucket ord level patient provider unit kept source",
    "informed": "key low bucket patient provider source",
    "representative": "key low high bucket ord patient person kind kept source number",
    "active_choice": "key low high bucket patient person unit target",
    "opening": "key low high bucket patient person unit provider reason",
    "lift": "key low high block bucket patient unit person ground reason requester",
    "care_relation": "key low high bucket ord patient unit provider person basis source reason",
}
"""The tables and what is written in them, in the order in which every transaction comes to them."""

PROJECTED = ("person_fact", "consent", "block", "informed", "representative", "care_relation")
"""The tables whose rows come from resources, in the same order."""


class Stated(NamedTuple):
    """A relation that a write states; `source` is the reference of what was written."""

    key: int
    bucket: int
    patient: str
    source: str


class Progress(NamedTuple):
    """How far the tables of the law have been rebuilt: up to a resource's (bucket, key).

    `complete` says that all of the record has been gone through at least once.
    """

    complete: bool
    bucket: int
    key: int


class Known(NamedTuple):
    """Something that is known of a patient: `what` says which kind, the others depend on it (`_OF_STAFF`)."""

    what: str
    patient: str
    a: str | None
    b: str | None
    low: int
    high: int
    key: int | None
    types: list[int] | None
    c: str | None
    flag: bool


class BlockKnown(NamedTuple):
    """A block in force; `kept` are type codes."""

    key: int
    level: str
    provider: str
    unit: str
    low: int
    high: int
    kept: list[int]
    source: str


async def of_staff(
    connection: Any,
    patients: Sequence[tuple[int, str]],
    *,
    unit: str,
    person: str,
    provider: str,
    now: int,
) -> list[Known]:
    """What is known between some (bucket, patient) and one who acts at a unit."""
    found = await _fetch(connection, _OF_STAFF, patients, unit, person, provider, now)
    return [Known(*record) for record in found]


async def of_patient(
    connection: Any, patients: Sequence[tuple[int, str]], *, person: str, now: int
) -> list[Known]:
    """What is known between some (bucket, patient) and a patient who asks."""
    return [Known(*record) for record in await _fetch(connection, _OF_PATIENT, patients, person, now)]


async def _fetch(connection: Any, rest: str, patients: Sequence[tuple[int, str]], *values: Any) -> list[Any]:
    """Rows of a statement over `w`, the (bucket, patient) that are asked about."""
    if len(patients) == 1:
        found: list[Any] = await connection.fetch(_ONE + rest, *patients[0], *values)
    else:
        buckets, names = [bucket for bucket, _ in patients], [name for _, name in patients]
        found = await connection.fetch(_SEVERAL + rest, buckets, names, *values)
    return found


async def blocks(connection: Any, bucket: int, patient: str) -> list[BlockKnown]:
    """The patient's blocks in force."""
    return [BlockKnown(*record) for record in await connection.fetch(BLOCKS, bucket, patient)]


async def protected(connection: Any, patients: Sequence[tuple[int, str]]) -> set[str]:
    """Which of some patients have a protected identity."""
    buckets, names = [bucket for bucket, _ in patients], [name for _, name in patients]
    return {record["patient"] for record in await connection.fetch(PROTECTED, buckets, names)}


async def add(connection: Any, table: str, records: Sequence[tuple[Any, ...]], *further: str) -> None:
    """Add rows to a table of the law as they are, in the order of `COLUMNS` and `further` columns."""
    if not records:
        return
    names = [*COLUMNS[table].split(), *further]
    if len(records) > 1:
        await connection.copy_records_to_table(table, records=records, columns=names)
        return
    places = ", ".join(f"${number}" for number in range(1, len(names) + 1))
    await connection.execute(f"insert into {table} ({', '.join(names)}) values ({places})", *records[0])


async def resolve(connection: Any, organizations: Sequence[tuple[str, str, str]]) -> None:
    """Give relations their unit: (`Organization/id`, HSA-id of the unit, of its provider)."""
    await connection.execute(RESOLVE, *(list(column) for column in zip(*organizations, strict=True)))


async def relate_unless_related(
    connection: Any,
    stated: Sequence[Stated],
    *,
    unit: str,
    provider: str,
    person: str,
    basis: str,
    now: int,
    until: int,
) -> list[tuple[Any, ...]]:
    """Give a person at a unit a relation with patients with whom neither has one; gives the new rows."""
    columns = [list(column) for column in zip(*stated, strict=True)]
    return [
        tuple(row)
        for row in await connection.fetch(RELATE, *columns, unit, provider, person, now, until, basis)
    ]


async def is_complete(connection: Any) -> bool:
    """Whether the tables of the law hold what the record says."""
    return bool(await connection.fetchval(IS_COMPLETE))


async def progress(connection: Any) -> Progress:
    """How far the rebuild has come; nobody else takes it further until the transaction ends."""
    return Progress(*await connection.fetchrow(PROGRESS))


async def proceed(connection: Any, to: Progress) -> None:
    """Note how far the rebuild has come."""
    await connection.execute(PROCEED, to.complete, to.bucket, to.key)


async def close(
    connection: Any, patients: Sequence[tuple[int, str]], *, person: str, unit: str, now: int
) -> None:
    """End a person's openings of the record of a patient, given as every (bucket, patient) that it is."""
    buckets, names = [bucket for bucket, _ in patients], [name for _, name in patients]
    await connection.execute(CLOSE, buckets, names, person, unit, now)


async def offer(connection: Any, provider: str, since: int | None) -> None:
    """Note from when a care provider's general information holds (microseconds); None: from the usual day."""
    if since is None:
        await connection.execute(OFFER_AS_USUAL, provider)
    else:
        await connection.execute(OFFER, provider, since)


async def represented(connection: Any, person: str, now: int) -> list[str]:
    """The Patients whom somebody represents now; of linked ones that whom it was said of."""
    return [record["patient"] for record in await connection.fetch(REPRESENTED, person, now)]


async def known_by_number(connection: Any, numbers: Sequence[str]) -> list[tuple[Any, ...]]:
    """The guardians who are named by some numbers."""
    columns = ", ".join(COLUMNS["representative"].split())
    found = await connection.fetch(KNOWN_BY_NUMBER.format(columns=columns), numbers)
    return [tuple(row) for row in found]
