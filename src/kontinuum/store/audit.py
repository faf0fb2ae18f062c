"""The tables of the log. Rows are added and read; a trigger refuses everything else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

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

BLOCKS = """
select b.writer, b.block, b.sealed, b.entries, b.previous, b.hash,
       array(select row(e.content, e.recorded, e.actor, e.assignment, e.unit, e.provider, e.action,
                        array_to_string(e.patients, ' '))
               from audit_entry e
              where e.writer = b.writer and e.block = b.block order by e.ord) as entries_sealed
  from audit_block b
 where (b.writer, b.block) > ($1, $2)
 order by b.writer, b.block
 limit $3
"""

STRAY = """
select count(*) from audit_entry e
 where not exists (select 1 from audit_block b where b.writer = e.writer and b.block = e.block)
"""

OF_PATIENT = """
select e.content from audit_entry e where e.patients @> array[$1] order by e.recorded desc limit $2
"""


class Block(NamedTuple):
    """A sealed block with the exact bytes of its entries, and the columns that stand beside them."""

    writer: int
    block: int
    sealed: int
    entries: int
    previous: bytes
    hash: bytes
    contents: list[bytes]
    columns: list[tuple[Any, ...]]


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


async def blocks(connection: Any, page: int = 500) -> AsyncIterator[Block]:
    """Every block in the order of its chain."""
    writer, block = -(2**63), 0
    while True:
        found = await connection.fetch(BLOCKS, writer, block, page)
        for record in found:
            *head, sealed = record
            yield Block._make([*head, [each[0] for each in sealed], [tuple(each)[1:] for each in sealed]])
        if len(found) < page:
            return
        writer, block = found[-1]["writer"], found[-1]["block"]


async def stray_entries(connection: Any) -> int:
    """How many entries belong to no block."""
    return int(await connection.fetchval(STRAY))


async def of_patient(connection: Any, patient: str, limit: int) -> list[bytes]:
    """The newest entries about a patient, as their canonical JSON."""
    return [record["content"] for record in await connection.fetch(OF_PATIENT, patient, limit)]
