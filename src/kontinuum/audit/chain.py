"""The hash chain by which a changed, missing or inserted entry of the log is noticed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

_LENGTH = 8


def genesis(writer: int, anchor: bytes = b"") -> bytes:
    """What the first block of a writer's chain builds on: the anchor that was the newest one then.

    Chains from before there were anchors build on none. May never change: stored blocks are verified with it.
    """
    return hashlib.sha256(b"kontinuum audit writer %d" % writer + anchor).digest()


def seal(previous: bytes, writer: int, block: int, sealed: int, contents: Sequence[bytes]) -> bytes:
    """The hash of a block: SHA-256 over the previous hash, the block's place and time, and its entries.

    Every part goes in with its length, so that bytes cannot move from one entry to the next unnoticed.
    May never change: stored blocks are verified with it.
    """
    running = Seal(previous, writer, block, sealed)
    for content in contents:
        running.add(content)
    return running.hash()


class Seal:
    """The hash of a block whose entries are given one after the other."""

    __slots__ = ("_digest",)

    def __init__(self, previous: bytes, writer: int, block: int, sealed: int) -> None:
        self._digest = hashlib.sha256()
        for part in (previous, b"%d" % writer, b"%d" % block, b"%d" % sealed):
            self.add(part)

    def add(self, content: bytes) -> None:
        """Cover the next entry."""
        self._digest.update(len(content).to_bytes(_LENGTH, "big"))
        self._digest.update(content)

    def hash(self) -> bytes:
        """The hash over what was given."""
        return self._digest.digest()


class Head(NamedTuple):
    """The newest block of a chain."""

    writer: int
    block: int
    hash: bytes


class AnchorSeal:
    """The hash of an anchor: over the previous anchor's hash, its number and time, and the heads it names.

    May never change: stored anchors are verified with it.
    """

    __slots__ = ("_digest",)

    def __init__(self, previous: bytes, number: int, sealed: int) -> None:
        self._digest = hashlib.sha256(b"kontinuum audit anchor")
        for part in (previous, b"%d" % number, b"%d" % sealed):
            self._add(part)

    def add(self, head: Head) -> None:
        """Cover the next head, in the order of writers."""
        for part in (b"%d" % head.writer, b"%d" % head.block, head.hash):
            self._add(part)

    def hash(self) -> bytes:
        """The hash over what was given."""
        return self._digest.digest()

    def _add(self, part: bytes) -> None:
        self._digest.update(len(part).to_bytes(_LENGTH, "big"))
        self._digest.update(part)


def decision_digest(
    number: int, decided: int, before: int, actor: str, reason: str, removed: Iterable[Head]
) -> bytes:
    """What stands for a decision to remove old blocks, in the log and beside it; may never change."""
    digest = hashlib.sha256(b"kontinuum audit removal")
    heads = [b"%d %d %s" % (head.writer, head.block, head.hash.hex().encode()) for head in removed]
    about = (b"%d" % number, b"%d" % decided, b"%d" % before, actor.encode(), reason.encode())
    for part in (*about, *heads):
        digest.update(len(part).to_bytes(_LENGTH, "big"))
        digest.update(part)
    return digest.digest()
