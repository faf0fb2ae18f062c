"""Proof that the log is whole: every chain is computed again and compared.

What a chain by itself cannot show: that blocks were cut off at its end, or that a whole chain is gone. That
takes an anchor outside the database, to which the newest hash of each chain is copied.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from kontinuum.audit.chain import genesis, seal
from kontinuum.audit.entry import columns_of, read_entry
from kontinuum.store import audit as store


@dataclass(frozen=True, slots=True)
class Break:
    """The first place where a writer's chain does not hold; `sealed` is the block's time in µs."""

    writer: int
    block: int
    sealed: int
    reason: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What a verification found; the log is whole when there are no breaks."""

    writers: int
    blocks: int
    entries: int
    breaks: tuple[Break, ...]


async def verify(connection: Any) -> Verification:
    """Verify the chain of every writer, block by block."""
    breaks: list[Break] = []
    writers = blocks = entries = 0
    writer, expected_block, previous, broken = None, 1, b"", False
    async for block in store.blocks(connection):
        if block.writer != writer:
            writer, expected_block, previous, broken = block.writer, 1, genesis(block.writer), False
            writers += 1
        blocks += 1
        entries += len(block.contents)
        reason = _fault(block, expected_block, previous)
        if reason and not broken:
            breaks.append(Break(block.writer, block.block, block.sealed, reason))
            broken = True
        expected_block, previous = block.block + 1, block.hash
    stray = await store.stray_entries(connection)
    if stray:
        breaks.append(Break(0, 0, 0, f"{stray} entries belong to no block: their block was removed"))
    return Verification(writers, blocks, entries, tuple(breaks))


def _fault(block: store.Block, expected_block: int, previous: bytes) -> str | None:
    if block.block != expected_block:
        return f"block {expected_block} is missing before block {block.block}"
    if block.previous != previous:
        return "the block does not build on the one before it"
    if len(block.contents) != block.entries:
        return f"{block.entries} entries were sealed, {len(block.contents)} are there"
    if seal(previous, block.writer, block.block, block.sealed, block.contents) != block.hash:
        return "the entries are not those that were sealed"
    if any(
        _differs(content, columns) for content, columns in zip(block.contents, block.columns, strict=True)
    ):
        return "the columns by which an entry is searched are not those that were sealed"
    return None


def _differs(content: bytes, columns: tuple[object, ...]) -> bool:
    """Whether an entry would be found as another than the one that its sealed bytes tell of."""
    try:
        return columns_of(read_entry(content)) != columns
    except msgspec.DecodeError:
        return True
