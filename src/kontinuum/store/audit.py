"""Adding to the log: blocks of entries, chains, and the anchors over them. A trigger refuses all else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

APPEND = """
with b as (
    insert into audit_block (writer, block, sealed, entries, previous, hash)
    values ($1, $2, $3, $4, $5, $6)
)
insert into audit_entry
       (writer, block, ord, recorded, actor, assignment, unit, provider, action, patients, content)
select $1, $2, v.ord - 1, v.recorded, v.actor, v.assignment, v.unit, v.provider, v.action,
       string_to_array(v.patients, ' '), v.content
  from unnest($7::bigint[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[],
              $14::bytea[])
       with ordinality as v(recorded, actor, assignment, unit, provider, action, patients, content, ord)
"""

BEGIN_CHAIN = """
insert into audit_chain (writer, started, anchor, anchor_hash)
values (nextval('audit_writer'), $1, $2, $3)
returning writer
"""

# One anchor after the other, whichever process makes it.
LOCK_ANCHORS = "select pg_advisory_xact_lock(1263424577)"

LAST_ANCHOR = "select number, hash from audit_anchor order by number desc limit 1"

# The newest block of each chain, by one step of the index a chain, unless an anchor names it already.
GROWN = """
with recursive chain (writer) as (
    (select writer from audit_block order by writer limit 1)
    union all
    select (select b.writer from audit_block b where b.writer > c.writer order by b.writer limit 1)
      from chain c where c.writer is not null
)
select h.writer, h.block, h.hash
  from chain c
 cross join lateral (select b.writer, b.block, b.hash from audit_block b
                      where b.writer = c.writer order by b.block desc limit 1) h
 where not exists (select from audit_anchor_head k where k.writer = h.writer and k.block = h.block)
 order by h.writer
"""

ADD_ANCHOR = """
with a as (
    insert into audit_anchor (number, sealed, heads, previous, hash) values ($1, $2, $3, $4, $5)
)
insert into audit_anchor_head (writer, block, anchor, hash)
select v.writer, v.block, $1, v.hash
  from unnest($6::bigint[], $7::bigint[], $8::bytea[]) as v(writer, block, hash)
"""


async def begin_chain(connection: Any, started: int, anchor: int, anchor_hash: bytes) -> int:
    """The number of a new writer, whose chain builds on an anchor."""
    return int(await connection.fetchval(BEGIN_CHAIN, started, anchor, anchor_hash))


async def lock_anchors(connection: Any) -> None:
    """Wait until no other process makes an anchor; held until the transaction ends."""
    await connection.execute(LOCK_ANCHORS)


async def last_anchor(connection: Any) -> tuple[int, bytes] | None:
    """The number and hash of the newest anchor."""
    record = await connection.fetchrow(LAST_ANCHOR)
    return None if record is None else (record["number"], record["hash"])


async def grown(connection: Any) -> list[tuple[int, int, bytes]]:
    """The newest block (writer, block, hash) of each chain that has grown since the last anchor."""
    return [tuple(record) for record in await connection.fetch(GROWN)]


async def add_anchor(
    connection: Any,
    number: int,
    sealed: int,
    previous: bytes,
    sealed_hash: bytes,
    heads: Sequence[tuple[int, int, bytes]],
) -> None:
    """Keep an anchor with the heads that it names."""
    columns = [list(column) for column in zip(*heads, strict=True)] or [[], [], []]
    await connection.execute(ADD_ANCHOR, number, sealed, len(heads), previous, sealed_hash, *columns)


async def append(
    connection: Any,
    writer: int,
    block: int,
    sealed: int,
    previous: bytes,
    sealed_hash: bytes,
    entries: Sequence[tuple[int, str, str, str, str, str, str, bytes]],
) -> None:
    """Commit one block.

    An entry is (recorded, actor, assignment, unit, provider, action, patients joined by spaces, content).
    """
    columns = [list(column) for column in zip(*entries, strict=True)]
    await connection.execute(APPEND, writer, block, sealed, len(entries), previous, sealed_hash, *columns)
