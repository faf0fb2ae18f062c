"""`kontinuum audit export`: the log as FHIR AuditEvent, one JSON object a line."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import IO

import asyncpg
import msgspec

from kontinuum.app.commands.progress import Bar
from kontinuum.audit import AuditEntry, AuditLog
from kontinuum.audit.entry import by_the_system
from kontinuum.audit.event import event_id, to_event
from kontinuum.fhir import json
from kontinuum.kernel.clock import SystemClock, to_micros
from kontinuum.kernel.config import Settings
from kontinuum.kernel.i18n import SWEDEN
from kontinuum.store import audit_query
from kontinuum.sweden.organisations import HsaId

_decode = msgspec.json.Decoder(AuditEntry).decode


def run(
    dsn: str,
    _settings: Settings,
    *,
    file: Path,
    provider: str | None = None,
    since: str | None = None,
    until: str | None = None,
) -> int:
    """Write what fits to a new file that only its owner may read; `-` is standard output."""
    wanted = _wanted(provider, since, until)
    if isinstance(wanted, str):
        print(wanted, file=sys.stderr)
        return 2
    if str(file) == "-":
        return asyncio.run(_export(dsn, wanted, sys.stdout.buffer))
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        print(f"{file}: {error.strerror}. Name a new file in a folder that exists.", file=sys.stderr)
        return 2
    with os.fdopen(descriptor, "wb") as output:
        return asyncio.run(_export(dsn, wanted, output))


def _wanted(provider: str | None, since: str | None, until: str | None) -> audit_query.Filter | str:
    if provider is not None:
        parsed = HsaId.parse(provider)
        if not isinstance(parsed, HsaId):
            return f"--provider {provider}: not an HSA-id. {parsed.reason}"
        provider = parsed.value
    days: dict[str, date | None] = {}
    for option, text in (("--since", since), ("--until", until)):
        try:
            days[option] = None if text is None else date.fromisoformat(text)
        except ValueError:
            return f"{option} {text}: not a date, such as 2026-03-31."
    return audit_query.Filter(
        provider=provider,
        since=_start_of(days["--since"]),
        until=_start_of(days["--until"], timedelta(days=1)),
    )


def _start_of(day: date | None, later: timedelta = timedelta()) -> int | None:
    """When a day begins in Sweden, in microseconds."""
    if day is None:
        return None
    return to_micros(datetime.combine(day + later, datetime.min.time(), tzinfo=SWEDEN))


async def _export(dsn: str, wanted: audit_query.Filter, output: IO[bytes]) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        count = await audit_query.count(connection, wanted)
        await _tell(dsn, wanted, count)
        with Bar("Exporting the log", count, unit="entries") as bar:
            async for page in audit_query.stream(connection, wanted):
                for position, content in page:
                    place = event_id(position.writer, position.block, position.ord)
                    output.write(json.dumps(to_event(_decode(content), place)) + b"\n")
                bar.advance(len(page), len(page))
        print(f"{bar.resources:,} entries were written.", file=sys.stderr)
    finally:
        await connection.close()
    return 0


async def _tell(dsn: str, wanted: audit_query.Filter, count: int) -> None:
    """Log that the log is about to be given out."""
    clock = SystemClock()
    log = AuditLog(dsn, clock)
    await log.start()
    try:
        asked = "&".join(
            f"{name}={value}"
            for name, value in (
                ("provider", wanted.provider),
                ("since", wanted.since),
                ("until", wanted.until),
            )
            if value is not None
        )
        now = to_micros(clock.now())
        about = by_the_system(
            now, "export-log", what=(f"AuditEvent?{asked}",), count=count, client="kontinuum audit export"
        )
        await log.durable(about)
    finally:
        await log.stop()
