"""Removing what the log has kept long enough: a decision with its removals first, then the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

# Of each chain the last block before the first one that is too young. What was removed before is not there.
REMOVABLE = """
select distinct on (b.writer) b.writer, b.block, b.hash
  from audit_block b
 where b.sealed < $1
   and not exists (select from audit_block y
                    where y.writer = b.writer and y.block < b.block and y.sealed >= $1)
 order by b.writer, b.block desc
"""

SIZE = """
select count(*) as blocks, coalesce(sum(b.entries), 0)::bigint as entries
  from audit_block b
  join unnest($1::bigint[], $2::bigint[]) as v(writer, block) on b.writer = v.writer and b.block <= v.block
"""

NEXT = "select coalesce(max(number), 0) + 1 from audit_decision"

DECIDE = """
with d as (
    insert into audit_decision (number, decided, before, actor, reason, blocks, entries, digest)
    values ($1, $2, $3, $4, $5, $6, $7, $8)
)
insert into audit_removal (writer, block, decision, hash)
select v.writer, v.block, $1, v.hash
  from unnest($9::bigint[], $10::bigint[], $11::bytea[]) as v(writer, block, hash)
"""

LAST_REMOVED = """
select r.writer, max(r.block) as block from audit_removal r
 where exists (select from audit_block b where b.writer = r.writer and b.block <= r.block)
 group by r.writer order by r.writer
"""

FIRST_BLOCKS = "select block from audit_block where writer = $1 and block <= $2 order by block limit $3"

REMOVE_ENTRIES = "delete from audit_entry where writer = $1 and block <= $2"

REMOVE_BLOCKS = "delete from audit_block where writer = $1 and block <= $2"


class Decision(NamedTuple):
    """A decision to remove; times in microseconds."""

    number: int
    decided: int
    before: int
    actor: str
    reason: str
    blocks: int
    entries: int
    digest: bytes


async def removable(connection: Any, before: int) -> list[tuple[int, int, bytes]]:
    """The last block (writer, block, hash) of each chain up to which all was sealed before a time."""
    return [tuple(record) for record in await connection.fetch(REMOVABLE, before, timeout=None)]


async def size(connection: Any, heads: list[tuple[int, int, bytes]]) -> tuple[int, int]:
    """How many blocks and entries lie at and before these blocks."""
    record = await connection.fetchrow(
        SIZE, [head[0] for head in heads], [head[1] for head in heads], timeout=None
    )
    return record["blocks"], record["entries"]


async def next_number(connection: Any) -> int:
    """The number of the next decision."""
    return int(await connection.fetchval(NEXT))


async def decide(connection: Any, decision: Decision, heads: Sequence[tuple[int, int, bytes]]) -> None:
    """Keep a decision and what it removes. It allows the removal; nothing is removed yet."""
    columns = [list(column) for column in zip(*heads, strict=True)]
    await connection.execute(DECIDE, *decision, *columns)


async def undone(connection: Any) -> list[tuple[int, int]]:
    """The chains (writer, last block to remove) from which decided removals have not been carried out."""
    return [tuple(record) for record in await connection.fetch(LAST_REMOVED, timeout=None)]


async def remove(connection: Any, writer: int, until: int, at_once: int = 5000) -> int:
    """Remove the next blocks of a chain, entries and blocks together; how many, 0 when none is left."""
    async with connection.transaction():
        found = await connection.fetch(FIRST_BLOCKS, writer, until, at_once)
        if not found:
            return 0
        last = found[-1]["block"]
        await connection.execute(REMOVE_ENTRIES, writer, last, timeout=None)
        await connection.execute(REMOVE_BLOCKS, writer, last, timeout=None)
        return len(found)
