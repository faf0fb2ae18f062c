"""Reading the whole log once, in the order of its chains, whatever its size."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

FETCH = 2000

TOTALS = """
select (select count(*) from audit_block)                       as blocks,
       (select coalesce(sum(entries), 0)::bigint from audit_block) as entries
"""

BLOCKS = "select writer, block, sealed, entries, previous, hash from audit_block order by writer, block"

ENTRIES = """
select writer, block, ord, recorded, actor, assignment, unit, provider, action, patients, content
  from audit_entry order by writer, block, ord
"""

CHAINS = "select writer, started, anchor, anchor_hash from audit_chain order by writer"

ANCHORS = "select number, sealed, heads, previous, hash from audit_anchor order by number"

HEADS_BY_ANCHOR = "select anchor, writer, block, hash from audit_anchor_head order by anchor, writer"

HEADS_BY_WRITER = """
select h.writer, h.block, h.anchor, h.hash, a.sealed
  from audit_anchor_head h left join audit_anchor a on a.number = h.anchor
 order by h.writer, h.block
"""

REMOVALS = "select writer, block, decision, hash from audit_removal order by writer, block"

DECISIONS = (
    "select number, decided, before, actor, reason, blocks, entries, digest from audit_decision order by 1"
)

ANCHOR = "select hash from audit_anchor where number = $1"


class Block(NamedTuple):
    """A sealed block, without its entries."""

    writer: int
    block: int
    sealed: int
    entries: int
    previous: bytes
    hash: bytes


class EntryRow(NamedTuple):
    """An entry: its place, the columns by which it is found, and the bytes that were sealed."""

    writer: int
    block: int
    ord: int
    recorded: int
    actor: str
    assignment: str
    unit: str
    provider: str
    action: str
    patients: list[str]
    content: bytes


class ChainRow(NamedTuple):
    """Where a chain began."""

    writer: int
    started: int
    anchor: int
    anchor_hash: bytes


class AnchorRow(NamedTuple):
    """An anchor; `heads` is how many it names."""

    number: int
    sealed: int
    heads: int
    previous: bytes
    hash: bytes


class AnchorHead(NamedTuple):
    """A head in the order of anchors."""

    anchor: int
    writer: int
    block: int
    hash: bytes


class ChainHead(NamedTuple):
    """A head in the order of chains, with the time of its anchor (None: the anchor is missing)."""

    writer: int
    block: int
    anchor: int
    hash: bytes
    sealed: int | None


class RemovalRow(NamedTuple):
    """The last block of a chain that a decision removed."""

    writer: int
    block: int
    decision: int
    hash: bytes


class DecisionRow(NamedTuple):
    """A decision to remove what was kept long enough."""

    number: int
    decided: int
    before: int
    actor: str
    reason: str
    blocks: int
    entries: int
    digest: bytes


async def totals(connection: Any) -> tuple[int, int]:
    """How many blocks there are, and how many entries they say they hold."""
    record = await connection.fetchrow(TOTALS, timeout=None)
    return record["blocks"], record["entries"]


async def _stream(connection: Any, statement: str, shape: Any) -> AsyncIterator[Any]:
    cursor = await connection.cursor(statement)
    while found := await cursor.fetch(FETCH, timeout=None):
        for record in found:
            yield shape(*record)


def blocks(connection: Any) -> AsyncIterator[Block]:
    """Every block in the order of the chains; within a transaction, as all that follow."""
    return _stream(connection, BLOCKS, Block)


def entries(connection: Any) -> AsyncIterator[EntryRow]:
    """Every entry in the order of the chains."""
    return _stream(connection, ENTRIES, EntryRow)


def chains(connection: Any) -> AsyncIterator[ChainRow]:
    """Where each chain began, in the order of the chains."""
    return _stream(connection, CHAINS, ChainRow)


def anchors(connection: Any) -> AsyncIterator[AnchorRow]:
    """Every anchor, oldest first."""
    return _stream(connection, ANCHORS, AnchorRow)


def heads_by_anchor(connection: Any) -> AsyncIterator[AnchorHead]:
    """What the anchors name, in the order of anchors."""
    return _stream(connection, HEADS_BY_ANCHOR, AnchorHead)


def heads_by_writer(connection: Any) -> AsyncIterator[ChainHead]:
    """What the anchors name, in the order of chains."""
    return _stream(connection, HEADS_BY_WRITER, ChainHead)


def removals(connection: Any) -> AsyncIterator[RemovalRow]:
    """The last removed blocks, in the order of the chains."""
    return _stream(connection, REMOVALS, RemovalRow)


async def decisions(connection: Any) -> list[DecisionRow]:
    """Every decision to remove, oldest first: a few a year."""
    return [DecisionRow(*record) for record in await connection.fetch(DECISIONS)]


async def anchor_hash(connection: Any, number: int) -> bytes | None:
    """The hash of one anchor."""
    found: bytes | None = await connection.fetchval(ANCHOR, number)
    return found
