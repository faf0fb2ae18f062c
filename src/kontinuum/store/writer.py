"""Writer numbers: which of the 1,024 a process holds, so that no two processes make the same key."""

from __future__ import annotations

from typing import Any

from kontinuum.kernel.ids import MAX_WRITERS

_CLASS = 0x4B57  # advisory locks of this class are writer numbers

NEXT = "select nextval('writer_number')::integer"

CLAIM = "select pg_try_advisory_lock($1, $2)"


async def claim_writer(connection: Any) -> int:
    """A writer number that no other process holds; it is held until the connection closes.

    Raises RuntimeError when all are taken.
    """
    for _ in range(MAX_WRITERS):
        number = int(await connection.fetchval(NEXT))
        if await connection.fetchval(CLAIM, _CLASS, number):
            return number
    raise RuntimeError(f"All {MAX_WRITERS} writer numbers are held: too many processes use this database.")
