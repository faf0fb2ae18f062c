"""`kontinuum audit verify`: proves that the log is whole, or names the first place where it is not."""

from __future__ import annotations

import asyncio
import sys

import asyncpg

from kontinuum.audit.verify import Break, Verification, verify
from kontinuum.kernel.clock import instant
from kontinuum.kernel.config import Settings

BROKEN = 3
"""The exit code when the log is not whole."""


def run(dsn: str, _settings: Settings) -> int:
    """Verify every chain of the log; 0 when all hold, 3 when one does not."""
    found = asyncio.run(_verify(dsn))
    for line in report(found):
        print(line, file=sys.stderr if found.breaks else sys.stdout)
    return BROKEN if found.breaks else 0


def report(found: Verification) -> list[str]:
    """What a verification found, in lines a person reads."""
    if not found.breaks:
        return [
            f"The log is whole: {found.entries:,} entries in {found.blocks:,} blocks of {found.writers:,} "
            f"writers, every hash as it was sealed.",
        ]
    return [
        f"The log is NOT whole: {len(found.breaks)} of {found.writers:,} chains are broken.",
        *map(_line, found.breaks),
        "Keep the database as it is, compare with the last backup, and tell whoever answers for the log.",
    ]


async def _verify(dsn: str) -> Verification:
    connection = await asyncpg.connect(dsn)
    try:
        return await verify(connection)
    finally:
        await connection.close()


def _line(fault: Break) -> str:
    if not fault.block:
        return f"  {fault.reason}"
    return f"  writer {fault.writer}, block {fault.block}, sealed {instant(fault.sealed)}: {fault.reason}"
