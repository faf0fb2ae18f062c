"""`kontinuum audit`: prove that the log is whole, keep an anchor elsewhere, export, remove what is old."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import asyncpg

from kontinuum.app.commands.progress import Bar
from kontinuum.audit import AuditLog
from kontinuum.audit.anchors import anchor as make_anchor
from kontinuum.audit.keeping import carry_out, decide, removable
from kontinuum.audit.verify import Break, Verification, verify
from kontinuum.kernel.clock import Clock, SystemClock, from_micros, instant, to_micros
from kontinuum.kernel.config import Settings
from kontinuum.store import audit_verify
from kontinuum.store.provider_settings import longest_log_years

T = TypeVar("T")

BROKEN = 3
"""The exit code when the log is not whole."""

_ANCHOR = re.compile(r"([1-9]\d{0,17}):([0-9a-f]{64})")


def run(dsn: str, settings: Settings, *, task: str = "verify", **options: Any) -> int:
    """Carry out one of the tasks."""
    return TASKS[task](dsn, settings, **options)


def run_verify(dsn: str, _settings: Settings, *, kept: str | None = None) -> int:
    """Verify every chain of the log; 0 when all hold, 3 when one does not."""
    anchor = None
    if kept is not None:
        parsed = _ANCHOR.fullmatch(kept.strip())
        if parsed is None:
            print(f"--anchor {kept}: not an anchor as `kontinuum audit anchor` prints it.", file=sys.stderr)
            return 2
        anchor = (int(parsed[1]), bytes.fromhex(parsed[2]))

    async def work(connection: Any) -> Verification:
        _, entries = await audit_verify.totals(connection)
        with Bar("Verifying the log", entries, unit="entries") as bar:
            return await verify(connection, lambda read: bar.advance(read, read), anchor)

    found = _with_connection(dsn, work)
    for line in report(found):
        print(line, file=sys.stderr if found.breaks else sys.stdout)
    return BROKEN if found.breaks else 0


def report(found: Verification) -> list[str]:
    """What a verification found, in lines a person reads."""
    if not found.breaks:
        return [
            f"The log is whole: {found.entries:,} entries in {found.blocks:,} blocks of {found.writers:,} "
            f"writers, every hash as it was sealed, under {found.anchors:,} anchors"
            + (f" and {found.decisions:,} decisions to remove." if found.decisions else "."),
            f"The newest anchor is {found.anchor}." if found.anchor else "There is no anchor yet.",
        ]
    return [
        f"The log is NOT whole: {len(found.breaks)} places do not hold.",
        *map(_line, found.breaks),
        "Keep the database as it is, compare with the last backup, and tell whoever answers for the log.",
    ]


def run_anchor(dsn: str, _settings: Settings) -> int:
    """Make an anchor over all chains as they are, and print it."""

    async def work(connection: Any) -> str:
        return str(await make_anchor(connection, to_micros(SystemClock().now())))

    made = _with_connection(dsn, work)
    if made == "0:":
        print("The log is empty: there is nothing to anchor.", file=sys.stderr)
        return 0
    print("Keep this where nobody who can change the database can change it:", file=sys.stderr)
    print(made)
    return 0


def run_retain(
    dsn: str, settings: Settings, *, by: str, reason: str, dry_run: bool = False, clock: Clock | None = None
) -> int:
    """Remove what has been kept longer than the setting says, under a recorded decision."""
    clock = clock or SystemClock()
    by, reason = by.strip(), reason.strip()
    if not by or not reason:
        print("--by and --reason must say who decided and why: they stay in the log.", file=sys.stderr)
        return 2

    async def work(connection: Any) -> int:
        unfinished = await carry_out(connection, lambda _blocks: None)
        if unfinished:
            print(f"Completed an interrupted removal: {unfinished:,} blocks.")
        years = await longest_log_years(connection, settings.provider_overrides)
        found = await removable(connection, clock.now(), years)
        until = f"{from_micros(found.before):%Y-%m-%d %H:%M} UTC"
        if not found.blocks:
            print(f"Nothing is older than {years} years (sealed before {until}).")
            return 0
        told = f"{found.entries:,} entries in {found.blocks:,} blocks, all sealed before {until}"
        if dry_run:
            print(f"Would remove {told}. Nothing was changed.")
            return 0
        log = AuditLog(dsn, clock)
        await log.start()
        try:
            number = await decide(connection, log.durable, found, now=clock.now(), actor=by, reason=reason)
        finally:
            await log.stop()
        with Bar("Removing", found.blocks, unit="blocks") as bar:
            await carry_out(connection, lambda blocks: bar.advance(blocks, blocks))
        print(f"Removed {told}, under decision {number}.")
        return 0

    return _with_connection(dsn, work)


def _with_connection(dsn: str, use: Callable[[Any], Awaitable[T]]) -> T:
    async def connected() -> T:
        connection: Any = await asyncpg.connect(dsn)
        try:
            return await use(connection)
        finally:
            await connection.close()

    return asyncio.run(connected())


def _line(fault: Break) -> str:
    place = []
    if fault.writer:
        place.append(f"writer {fault.writer}")
    if fault.block:
        place.append(f"block {fault.block}")
    if fault.sealed:
        place.append(f"sealed {instant(fault.sealed)}")
    return f"  {', '.join(place)}: {fault.reason}" if place else f"  {fault.reason}"


TASKS: dict[str, Callable[..., int]] = {"verify": run_verify, "anchor": run_anchor, "retain": run_retain}
