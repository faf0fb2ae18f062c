"""Anchors: what makes a chain without its end, or a chain that is missing altogether, be noticed.

A hash chain proves what comes before each block, and nothing about what comes after the last one. An
anchor names the newest block of every chain that has grown, and builds on the anchor before it. Each new
chain builds on the newest anchor, and whoever makes an anchor while working writes its hash into the own
chain. So a piece can be removed unseen only together with all that came after it in every chain; and not
even that when an anchor's hash was kept elsewhere (`kontinuum audit anchor`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kontinuum.audit.chain import AnchorSeal, Head
from kontinuum.store import audit as store

NO_ANCHOR = (0, b"")


@dataclass(frozen=True, slots=True)
class Anchor:
    """An anchor's number and hash; `made` tells whether it is new, rather than still the newest."""

    number: int
    hash: bytes
    made: bool

    def __str__(self) -> str:
        return f"{self.number}:{self.hash.hex()}"


async def anchor(connection: Any, sealed: int) -> Anchor:
    """Make an anchor over all chains at a time in microseconds; the newest one when no chain has grown."""
    async with connection.transaction():
        await store.lock_anchors(connection)
        number, previous = await store.last_anchor(connection) or NO_ANCHOR
        heads = [Head(*row) for row in await store.grown(connection)]
        if not heads:
            return Anchor(number, previous, made=False)
        seal = AnchorSeal(previous, number + 1, sealed)
        for head in heads:
            seal.add(head)
        await store.add_anchor(connection, number + 1, sealed, previous, seal.hash(), heads)
        return Anchor(number + 1, seal.hash(), made=True)
