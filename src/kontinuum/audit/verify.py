"""Proof that the log is whole: every hash is computed again, every chain compared with what anchors name.

One pass over the log in the order of its chains, so that memory does not grow with it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import msgspec

from kontinuum.audit.chain import AnchorSeal, Head, Seal, decision_digest, genesis
from kontinuum.audit.entry import columns_of, read_entry
from kontinuum.store import audit_verify as store

MOST_TOLD = 100
"""How many breaks are told one by one; a log that is broken in more places is broken."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Break:
    """A place where the log does not hold: the first one of each chain, with its time in µs.

    `writer` 0 is no chain: then the anchors or the decisions disagree. `block` and `sealed` are 0 where
    there is none.
    """

    writer: int
    block: int
    sealed: int
    reason: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What a verification found; the log is whole when there are no breaks. `anchor` is the newest one."""

    writers: int
    blocks: int
    entries: int
    anchors: int
    decisions: int
    anchor: str
    breaks: tuple[Break, ...]


@dataclass(slots=True)
class _Found:
    writers: int = 0
    blocks: int = 0
    entries: int = 0
    anchors: int = 0
    breaks: list[Break] = field(default_factory=list)
    broken: int | None = None
    newest: store.AnchorRow | None = None
    announced: set[str] = field(default_factory=set)

    def tell(self, writer: int, block: int, sealed: int, reason: str) -> None:
        """Note a break, once for each chain: what follows the first one follows from it."""
        if writer and self.broken == writer:
            return
        self.broken = writer
        if len(self.breaks) < MOST_TOLD:
            self.breaks.append(Break(writer, block, sealed, reason))


class _Ahead(Generic[T]):
    """A stream whose next item can be looked at."""

    def __init__(self, stream: AsyncIterator[T]) -> None:
        self._stream = stream
        self.next: T | None = None

    async def begin(self) -> _Ahead[T]:
        await self.take()
        return self

    async def take(self) -> None:
        self.next = await anext(self._stream, None)


async def verify(
    connection: Any, progress: Callable[[int], None] | None = None, kept: tuple[int, bytes] | None = None
) -> Verification:
    """Verify every chain, the anchors over them, and the decisions to remove.

    `progress` is told how many entries were read since the last time. `kept` is the number and hash of an
    anchor that was kept outside of the database.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        found = _Found()
        if kept is not None and await store.anchor_hash(connection, kept[0]) != kept[1]:
            found.tell(0, 0, 0, f"the anchor {kept[0]} that was kept elsewhere is not the one in the log")
        await _verify_anchors(connection, found)
        await _verify_chains(connection, found, progress or (lambda _entries: None))
        decisions = await _verify_decisions(connection, found)
    newest = f"{found.newest.number}:{found.newest.hash.hex()}" if found.newest else ""
    return Verification(
        found.writers, found.blocks, found.entries, found.anchors, decisions, newest, tuple(found.breaks)
    )


async def _verify_anchors(connection: Any, found: _Found) -> None:
    heads = await _Ahead(store.heads_by_anchor(connection)).begin()
    number, previous, told = 0, b"", False
    async for anchor in store.anchors(connection):
        found.anchors += 1
        seal, named = AnchorSeal(previous, anchor.number, anchor.sealed), 0
        while heads.next is not None and heads.next.anchor <= anchor.number:
            if heads.next.anchor == anchor.number:
                seal.add(Head(heads.next.writer, heads.next.block, heads.next.hash))
                named += 1
            await heads.take()
        reason = None
        if anchor.number != number + 1:
            reason = f"the anchor {number + 1} is missing before anchor {anchor.number}"
        elif anchor.previous != previous or named != anchor.heads or seal.hash() != anchor.hash:
            reason = f"the anchor {anchor.number} is not as it was sealed"
        if reason and not told:
            found.tell(0, 0, anchor.sealed, reason)
            told = True
        number, previous, found.newest = anchor.number, anchor.hash, anchor


@dataclass(slots=True)
class _Streams:
    entries: _Ahead[store.EntryRow]
    heads: _Ahead[store.ChainHead]
    removals: _Ahead[store.RemovalRow]
    chains: _Ahead[store.ChainRow]


async def _verify_chains(connection: Any, found: _Found, progress: Callable[[int], None]) -> None:
    streams = _Streams(
        await _Ahead(store.entries(connection)).begin(),
        await _Ahead(store.heads_by_writer(connection)).begin(),
        await _Ahead(store.removals(connection)).begin(),
        await _Ahead(store.chains(connection)).begin(),
    )
    writer, number, previous = 0, 0, b""
    async for block in store.blocks(connection):
        if block.writer != writer:
            await _verify_missing(streams, found, block.writer)
            found.writers += 1
            found.broken = None
            writer = block.writer
            number, previous = await _beginning(connection, streams, found, writer)
            if block.block <= number:  # a removal that was decided and has not been carried out to its end
                number, previous = block.block - 1, block.previous
        found.blocks += 1
        before = found.entries
        reason = await _fault(block, number + 1, previous, streams, found)
        progress(found.entries - before)
        if reason:
            found.tell(block.writer, block.block, block.sealed, reason)
        number, previous = block.block, block.hash
    await _verify_missing(streams, found, None)


async def _beginning(connection: Any, streams: _Streams, found: _Found, writer: int) -> tuple[int, bytes]:
    """The number and hash on which a chain's first block must build."""
    start = b""
    while streams.chains.next is not None and streams.chains.next.writer <= writer:
        chain = streams.chains.next
        if chain.writer == writer:
            start = chain.anchor_hash
            if chain.anchor and await store.anchor_hash(connection, chain.anchor) != start:
                found.tell(
                    writer, 0, chain.started, f"the anchor {chain.anchor} on which it began is missing"
                )
        await streams.chains.take()
    number, previous = 0, genesis(writer, start)
    while streams.removals.next is not None and streams.removals.next.writer <= writer:
        if streams.removals.next.writer == writer:
            number, previous = streams.removals.next.block, streams.removals.next.hash
        await streams.removals.take()
    # What anchors say about removed blocks can be compared for the last of them alone.
    while (head := streams.heads.next) is not None and head.writer == writer and head.block <= number:
        if head.block == number and head.hash != previous:
            found.tell(
                writer, number, head.sealed or 0, f"the anchor {head.anchor} names another last removed block"
            )
        await streams.heads.take()
    return number, previous


async def _fault(
    block: store.Block, expected: int, previous: bytes, streams: _Streams, found: _Found
) -> str | None:
    """What is wrong with a block, its entries and anchors; takes all of them from the streams."""
    entries = streams.entries
    await _strays(streams, found, (block.writer, block.block))
    seal, there, other = Seal(previous, block.writer, block.block, block.sealed), 0, None
    while (row := entries.next) is not None and (row.writer, row.block) == (block.writer, block.block):
        seal.add(row.content)
        misplaced = None if row.ord == there else f"entry {row.ord} is not in its place"
        there += 1
        other = other or misplaced or _altered(row, found)
        await entries.take()
    found.entries += there
    reason = None
    if block.block != expected:
        reason = f"block {expected} is missing before block {block.block}"
    elif block.previous != previous:
        reason = "the block does not build on the one before it"
    elif there != block.entries:
        reason = f"{block.entries} entries were sealed, {there} are there"
    elif seal.hash() != block.hash:
        reason = "the entries are not those that were sealed"
    else:
        reason = other
    while (head := streams.heads.next) is not None and (head.writer, head.block) <= (
        block.writer,
        block.block,
    ):
        if (head.writer, head.block) == (block.writer, block.block) and head.hash != block.hash:
            reason = reason or f"the anchor {head.anchor} names this block with another hash"
        await streams.heads.take()
    return reason


def _altered(row: store.EntryRow, found: _Found) -> str | None:
    """Whether the columns by which an entry is found say something else than the entry itself."""
    try:
        entry = read_entry(row.content)
    except msgspec.DecodeError:
        return f"entry {row.ord} cannot be read"
    if entry.action == "remove-log":
        found.announced.update(entry.what)
    columns = (
        row.recorded,
        row.actor,
        row.assignment,
        row.unit,
        row.provider,
        row.action,
        " ".join(row.patients),
    )
    if columns != columns_of(entry):
        return "the columns by which an entry is searched are not those that were sealed"
    return None


async def _strays(streams: _Streams, found: _Found, before: tuple[int, int] | None) -> None:
    """Tell of entries whose block is not there, up to a block."""
    while (row := streams.entries.next) is not None and (before is None or (row.writer, row.block) < before):
        found.entries += 1
        found.tell(row.writer, row.block, row.recorded, "entries are here whose block was removed")
        await streams.entries.take()


async def _verify_missing(streams: _Streams, found: _Found, until: int | None) -> None:
    """Tell of chains before `until` that lack their end, or are missing although an anchor names them."""
    await _strays(streams, found, None if until is None else (until, 0))
    removed: dict[int, int] = {}
    while (removal := streams.removals.next) is not None and (until is None or removal.writer < until):
        removed[removal.writer] = removal.block  # chains that were removed to their end
        await streams.removals.take()
    while (head := streams.heads.next) is not None and (until is None or head.writer < until):
        if removed.get(head.writer, 0) < head.block:
            found.tell(
                head.writer,
                head.block,
                head.sealed or 0,
                f"block {head.block} was there when anchor {head.anchor} was made; "
                "the end of the chain, or all of it, was removed",
            )
        await streams.heads.take()


async def _verify_decisions(connection: Any, found: _Found) -> int:
    removed: dict[int, list[Head]] = {}
    async for row in store.removals(connection):
        removed.setdefault(row.decision, []).append(Head(row.writer, row.block, row.hash))
    decisions = await store.decisions(connection)
    for decision in decisions:
        digest = decision_digest(
            decision.number,
            decision.decided,
            decision.before,
            decision.actor,
            decision.reason,
            removed.pop(decision.number, []),
        )
        if digest != decision.digest:
            found.tell(
                0, 0, decision.decided, f"the decision {decision.number} to remove is not as it was taken"
            )
        elif f"{decision.number}:{digest.hex()}" not in found.announced and not any(
            later.before > decision.decided for later in decisions
        ):
            found.tell(0, 0, decision.decided, f"the decision {decision.number} to remove is not in the log")
    for number in sorted(removed):
        found.tell(0, 0, 0, f"blocks were removed under a decision {number} that is not there")
    return len(decisions)
