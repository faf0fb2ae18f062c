"""`kontinuum terminology`: load code systems, and list what is known."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from kontinuum.app.commands import acting
from kontinuum.app.commands.first_start import connected
from kontinuum.app.commands.progress import Bar
from kontinuum.app.services import Services, open_services
from kontinuum.kernel.clock import SystemClock, to_micros
from kontinuum.kernel.config import Settings
from kontinuum.record import Incoming, Refusal
from kontinuum.store.terminology import artifacts
from kontinuum.terminology.content import CodeSystem, ContentError
from kontinuum.terminology.loading import loader
from kontinuum.terminology.loading.loader import Delivery, Format, Loaded

KINDS = ("CodeSystem", "ValueSet", "ConceptMap")


def load(
    dsn: str,
    settings: Settings,
    *,
    form: Format,
    path: Path | None = None,
    version: str | None = None,
    replace: bool = False,
    unit: str | None = None,
    provider: str | None = None,
) -> int:
    """Load a release; 0 when it is there afterwards, 1 when it cannot be taken, 2 for a wrong option."""
    place = acting.place(settings, unit, provider)
    if isinstance(place, acting.Refused):
        print(place.message, file=sys.stderr)
        return 2
    try:
        with Bar("Reading", loader.size(form, path)) as bar:
            delivery = loader.read(form, path, version, lambda size: bar.advance(size, 0))
        return asyncio.run(_write(dsn, settings, delivery, replace, place))
    except (ContentError, OSError) as error:
        print(f"{error}\nNothing was loaded.", file=sys.stderr)
        return 1


async def _write(dsn: str, settings: Settings, delivery: Delivery, replace: bool, place: acting.Place) -> int:
    total = sum(len(each.concepts) for each in delivery.contents if isinstance(each, CodeSystem))
    now = to_micros(SystemClock().now())
    with Bar("Writing", total) as bar:
        written = await connected(
            dsn,
            lambda connection: loader.write(
                connection, delivery, now, replace=replace, advance=lambda n: bar.advance(n, n)
            ),
        )
    for each in written:
        print(_told(each))
    async with open_services(settings, dsn, connections=2) as services:
        return await _tell_record(services, delivery.resources, place)


def _told(loaded: Loaded) -> str:
    number = f", {loaded.concepts:,} concepts" if loaded.concepts else ""
    return f"{loaded.name}{number}: {'loaded' if loaded.new else 'was there already, nothing changed'}."


async def _tell_record(services: Services, resources: Sequence[dict[str, Any]], place: acting.Place) -> int:
    """Write the resources that tell of what is loaded, as any client would."""
    record = services.gate.record(acting.system("terminology", place, client="kontinuum terminology"))
    results = await record.take_in([Incoming(each) for each in resources])
    failed = 0
    for resource, result in zip(resources, results, strict=True):
        name = f"{resource['resourceType']} {resource.get('url', resource.get('id', ''))}"
        if isinstance(result, Refusal):
            failed = 1
            print(f"{name}: refused: {result.issues[0].message}", file=sys.stderr)
        else:
            print(f"{name}: {result.change.value}.")
    return failed


def list_(dsn: str, _settings: Settings) -> int:
    """Print every version of what is known."""
    rows = asyncio.run(connected(dsn, lambda connection: artifacts.all_of(connection, KINDS)))
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("Kind", "URL", "Version", "Content"):
        table.add_column(heading, overflow="fold")
    table.add_column("Concepts", justify="right")
    for row in rows:
        number = f"{row.concepts:,}" if row.concepts else ""
        table.add_row(row.kind, row.url, row.version, row.content, number)
    Console(highlight=False).print(table)
    return 0
