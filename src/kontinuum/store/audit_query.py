"""Finding entries of the log: by provider, staff, patient, unit and time, newest first, page by page."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any, NamedTuple

from kontinuum.kernel.sql import Binder

FETCH = 1000

COLUMNS = "e.recorded, e.writer, e.block, e.ord, e.content"

ONE = f"""
select {COLUMNS}, e.provider, e.patients from audit_entry e
 where e.writer = $1 and e.block = $2 and e.ord = $3
"""

# One step of the index a unit, however many entries each has; then whether the unit is this provider's.
UNITS = """
with recursive unit (name) as (
    (select e.unit from audit_entry e order by e.unit limit 1)
    union all
    select (select e.unit from audit_entry e where e.unit > u.name order by e.unit limit 1)
      from unit u where u.name is not null
)
select u.name
  from unit u
 cross join lateral (select e.provider from audit_entry e
                      where e.unit = u.name order by e.recorded desc limit 1) latest
 where u.name <> '' and latest.provider = $1
 order by u.name
"""


class Position(NamedTuple):
    """Where an entry stands among all, newest first."""

    recorded: int
    writer: int
    block: int
    ord: int


class Filter(NamedTuple):
    """Which entries; None and () do not restrict. Times in microseconds, `until` exclusive.

    `unknown` asks for those about callers that are not known, whom no care provider has.
    """

    provider: str | None = None
    actors: Sequence[str] = ()
    patients: Sequence[str] = ()
    unit: str | None = None
    since: int | None = None
    until: int | None = None
    actions_not: Sequence[str] = ()
    actions: Sequence[str] | None = None
    outcomes: Sequence[str] = ()
    assignments: Sequence[str] = ()
    unknown: bool = False


class Found(NamedTuple):
    """An entry with its place."""

    position: Position
    content: bytes


def _where(wanted: Filter, binder: Binder) -> str:
    conditions = ["true"]
    if wanted.provider is not None:
        conditions.append(f"e.provider = {binder.bind(wanted.provider)}")
    if wanted.actors:
        conditions.append(f"e.actor = any({binder.bind(list(wanted.actors))}::text[])")
    if wanted.patients:
        conditions.append(f"e.patients && {binder.bind(list(wanted.patients))}::text[]")
    if wanted.unit is not None:
        conditions.append(f"e.unit = {binder.bind(wanted.unit)}")
    if wanted.since is not None:
        conditions.append(f"e.recorded >= {binder.bind(wanted.since)}")
    if wanted.until is not None:
        conditions.append(f"e.recorded < {binder.bind(wanted.until)}")
    if wanted.actions is not None:
        conditions.append(f"e.action = any({binder.bind(list(wanted.actions))}::text[])")
    if wanted.assignments:
        conditions.append(f"e.assignment = any({binder.bind(list(wanted.assignments))}::text[])")
    if wanted.outcomes:
        # The content is canonical JSON, in whose texts a quotation mark never stands without a backslash.
        marks = [f'"outcome":"{outcome}"'.encode() for outcome in wanted.outcomes]
        found = " or ".join(f"position({binder.bind(mark)}::bytea in e.content) > 0" for mark in marks)
        conditions.append(f"({found})")
    if wanted.unknown:
        conditions.append("e.actor = ''")
    if wanted.actions_not:
        conditions.append(f"e.action <> all({binder.bind(list(wanted.actions_not))}::text[])")
    return " and ".join(conditions)


async def find(connection: Any, wanted: Filter, limit: int, after: Position | None = None) -> list[Found]:
    """The newest entries that fit, after (older than) a position."""
    binder = Binder()
    where = _where(wanted, binder)
    if after is not None:
        # The first column alone lets the index begin at the right place.
        first, *rest = (binder.bind(value) for value in after)
        where += f" and e.recorded <= {first}"
        where += f" and (e.recorded, e.writer, e.block, e.ord) < ({', '.join((first, *rest))})"
    order = "order by e.recorded desc, e.writer desc, e.block desc, e.ord desc"
    if wanted.patients:
        # A patient's entries are few and found by their own index: never walk through everybody's.
        statement = f"""
            with e as materialized (select e.* from audit_entry e where {where})
            select {COLUMNS} from e {order} limit {binder.bind(limit)}
        """
    else:
        statement = f"select {COLUMNS} from audit_entry e where {where} {order} limit {binder.bind(limit)}"
    records = await connection.fetch(statement, *binder.values)
    return [Found(Position(*record[:4]), record[4]) for record in records]


async def one(connection: Any, writer: int, block: int, number: int) -> tuple[bytes, str, list[str]] | None:
    """The content, provider and patients of the entry at a place."""
    record = await connection.fetchrow(ONE, writer, block, number)
    return None if record is None else (record["content"], record["provider"], record["patients"])


async def units(connection: Any, provider: str) -> list[str]:
    """The HSA-ids of a provider's units that occur in the log."""
    return [record["name"] for record in await connection.fetch(UNITS, provider)]


async def count(connection: Any, wanted: Filter) -> int:
    """How many entries fit."""
    binder = Binder()
    statement = f"select count(*) from audit_entry e where {_where(wanted, binder)}"
    return int(await connection.fetchval(statement, *binder.values, timeout=None))


async def stream(connection: Any, wanted: Filter) -> AsyncGenerator[list[Found]]:
    """All entries that fit, oldest first, some at a time, as they stand at one moment."""
    binder = Binder()
    statement = (
        f"select {COLUMNS} from audit_entry e where {_where(wanted, binder)}"
        " order by e.recorded, e.writer, e.block, e.ord"
    )
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        cursor = await connection.cursor(statement, *binder.values)
        while found := await cursor.fetch(FETCH, timeout=None):
            yield [Found(Position(*record[:4]), record[4]) for record in found]
