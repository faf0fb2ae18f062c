"""What the law says of one Patient holds for every Patient that is the same person: rows, and their repeats.

A repeat stands in the same table, under another Patient of the person, with the key of the row that it
repeats and that row's Patient as `origin`; of a representative it may also name another Patient of the one
who acts. Whoever writes a row of the law writes it by `insert`, and so its repeats; whoever changes links
calls `settle`. Links wait for rows that are being written, and rows for links that are being changed: the
tables' locks see to that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from kontinuum.kernel.ids import bucket_of
from kontinuum.store import persons
from kontinuum.store.law import COLUMNS, PROJECTED, add

# Conflicts with every write of a row, and waits for those that are under way; not with reading.
LOCK = f"lock table {', '.join(COLUMNS)} in share row exclusive mode"

REMOVE = """
delete from {table} x using unnest($1::smallint[], $2::bigint[]) as w(bucket, key)
 where x.bucket = w.bucket and x.key = w.key
returning x.patient
"""

FORGET = """
delete from {table}
 where bucket = any($1::smallint[]) and patient = any($2::text[]) and origin is not null
"""
FORGET_ACTING = "delete from representative where person = any($1::text[]) and origin is not null"

SAID = """
select {columns} from {table}
 where bucket = any($1::smallint[]) and patient = any($2::text[]) and origin is null
"""
SAID_ACTING = "select {columns} from representative where person = any($1::text[]) and origin is null"

Row = tuple[Any, ...]


async def insert(connection: Any, table: str, records: Sequence[Row]) -> None:
    """Add rows to a table of the law, in the order of `COLUMNS`, and their repeats; in a transaction."""
    await add(connection, table, records)
    await repeat(connection, table, records)


async def repeat(connection: Any, table: str, records: Sequence[Row]) -> None:
    """Repeat rows that were just added, within the transaction that added them."""
    if not records:
        return
    # A statement of its own: it sees the links of whoever held the table's lock before the rows were added.
    members = await persons.members(connection, sorted(_named(table, records)))
    if members:
        await add(connection, table, list(_repeats(table, records, members)), "origin")


async def remove(
    connection: Any, places: Sequence[tuple[int, int]], tables: Sequence[str] = PROJECTED
) -> None:
    """Remove what was projected from resources, given as (bucket, key), and its repeats."""
    patients: set[str] = set()
    for table in tables:
        patients |= await _remove(connection, table, places)
    if not patients:
        return
    members = await persons.members(connection, sorted(patients))
    elsewhere = {bucket_of(each) for _, others in members.values() for each in others}
    for table in tables if elsewhere else ():
        await _remove(connection, table, [(bucket, key) for bucket in elsewhere for _, key in places])


async def settle(connection: Any, patients: Iterable[str]) -> None:
    """Bring the repeats about some Patients in step with their links; in the transaction that changed these.

    `patients` are all whose links changed, with all that they were linked to and are now.
    """
    names = sorted(set(patients))
    buckets = sorted({bucket_of(each) for each in names})
    await connection.execute(LOCK)
    await connection.execute(FORGET_ACTING, names)
    members = await persons.members(connection, names)
    for table, columns in COLUMNS.items():
        listed = ", ".join(columns.split())
        await connection.execute(FORGET.format(table=table), buckets, names)
        said = await connection.fetch(SAID.format(table=table, columns=listed), buckets, names)
        if table == "representative":
            said += await connection.fetch(SAID_ACTING.format(columns=listed), names)
        records = list(dict.fromkeys(map(_frozen, said)))
        every = {**members, **await _others(connection, table, records, names)}
        await add(connection, table, list(_repeats(table, records, every)), "origin")


async def _others(
    connection: Any, table: str, records: Sequence[Row], known: Sequence[str]
) -> Mapping[str, tuple[str, tuple[str, ...]]]:
    """The links of those whom rows name beside the Patients that are settled: a child, or who acts for it."""
    further = sorted(_named(table, records).difference(known))
    return await persons.members(connection, further) if further else {}


async def _remove(connection: Any, table: str, places: Sequence[tuple[int, int]]) -> set[str]:
    buckets, keys = [bucket for bucket, _ in places], [key for _, key in places]
    found = await connection.fetch(REMOVE.format(table=table), buckets, keys)
    return {row["patient"] for row in found}


def _named(table: str, records: Sequence[Row]) -> set[str]:
    """The Patients that rows name: whom they are about, and who acts for them."""
    return {record[place] for record in records for place in _places(table)}


def _places(table: str) -> tuple[int, ...]:
    """Where a row names Patients: first whom it is about."""
    names = COLUMNS[table].split()
    about = names.index("patient")
    return (about, names.index("person")) if table == "representative" else (about,)


def _repeats(
    table: str, records: Sequence[Row], members: Mapping[str, tuple[str, tuple[str, ...]]]
) -> Iterator[Row]:
    """The repeats of rows, each with its origin at the end."""
    bucket = COLUMNS[table].split().index("bucket")
    about, *acting = _places(table)
    for record in records:
        for patient in _everybody(record[about], members):
            for person in _everybody(record[acting[0]], members) if acting else ("",):
                again = list(record)
                again[bucket], again[about] = bucket_of(patient), patient
                if acting:
                    again[acting[0]] = person
                if again != list(record):
                    yield (*again, record[about])


def _everybody(patient: str, members: Mapping[str, tuple[str, tuple[str, ...]]]) -> tuple[str, ...]:
    return members.get(patient, ("", (patient,)))[1]


def _frozen(record: Any) -> Row:
    """A row that can be told from others: arrays as tuples."""
    return tuple(tuple(value) if isinstance(value, list) else value for value in record)
