"""The hash chain by which a changed, missing or inserted entry of the log is noticed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

_LENGTH = 8


def genesis(writer: int) -> bytes:
    """What the first block of a writer's chain builds on."""
    return hashlib.sha256(b"kontinuum audit writer %d" % writer).digest()


def seal(previous: bytes, writer: int, block: int, sealed: int, contents: Sequence[bytes]) -> bytes:
    """The hash of a block: SHA-256 over the previous hash, the block's place and time, and its entries.

    Every part goes in with its length, so that bytes cannot move from one entry to the next unnoticed.
    May never change: stored blocks are verified with it.
    """
    digest = hashlib.sha256()
    for part in (previous, b"%d" % writer, b"%d" % block, b"%d" % sealed, *contents):
        digest.update(len(part).to_bytes(_LENGTH, "big"))
        digest.update(part)
    return digest.digest()
