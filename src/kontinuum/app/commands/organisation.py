"""`kontinuum organisation import`: compare files of the staff directory with the record, show, then write."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kontinuum.app.commands import acting
from kontinuum.app.commands.progress import Bar
from kontinuum.app.services import Services, open_services
from kontinuum.kernel.clock import to_micros
from kontinuum.kernel.config import Settings
from kontinuum.kernel.i18n import local
from kontinuum.organisation import applying, files, plan
from kontinuum.organisation.files import Fault, Line
from kontinuum.organisation.model import Kind
from kontinuum.organisation.plan import Change, Plan, What
from kontinuum.record import Refusal
from kontinuum.sweden.organisations import HsaId

CLIENT = "kontinuum organisation"
_NOWHERE = acting.Place("", "", "", "")
_READER = acting.system("organisation", _NOWHERE, client=CLIENT)
"""Reads the directory of all care providers; it can write for none."""

SHOWN = 60
FAULTS_SHOWN = 30


def run(
    dsn: str,
    settings: Settings,
    *,
    paths: Sequence[Path],
    write: bool = False,
    complete: Sequence[str] = (),
    everything: bool = False,
) -> int:
    """Show what files would change; with `write` change it. 0: good, 2: the files are refused, 1: stopped."""
    return asyncio.run(_run(dsn, settings, paths, write, complete, everything))


async def _run(
    dsn: str,
    settings: Settings,
    paths: Sequence[Path],
    write: bool,
    complete: Sequence[str],
    everything: bool,
) -> int:
    for text in complete:
        if not isinstance(HsaId.parse(text), HsaId):
            print(f"--complete {text}: not an HSA-id.", file=sys.stderr)
            return 2
    async with open_services(settings, dsn, connections=2) as services:
        today = local(services.clock.now()).date()
        read = [each for path in paths for each in files.read(str(path), path.read_bytes(), today=today)]
        faults = [each for each in read if isinstance(each, Fault)]
        lines = [each for each in read if isinstance(each, Line)]
        if not faults:
            reader = services.gate.record(_READER)
            directory = await (applying.whole(reader) if complete else applying.look_up(reader, lines))
            made = plan.make(lines, directory, today=today, complete=complete)
            faults = list(made.faults)
        if faults:
            _tell_faults(faults)
            return 2
        _show(made, everything)
        if not write:
            print("Nothing is written. Give --write to write it.")
            return 0
        return await _write(services, made, ", ".join(path.name for path in paths))


async def _write(services: Services, made: Plan, source: str) -> int:
    changes = sorted(made.to_write, key=lambda change: change.provider)
    with Bar("Organisation", len(changes)) as bar:
        for provider, group in groupby(changes, key=lambda change: change.provider):
            place = acting.Place(provider, provider, provider, provider)
            record = services.gate.record(acting.system("organisation", place, client=CLIENT))
            refused = await applying.apply(
                record,
                _in_order(made, list(group)),
                now=to_micros(services.clock.now()),
                reason=f"Import: {source}",
                told=lambda number: bar.advance(number, number),
            )
            if isinstance(refused, Refusal):
                reasons = "; ".join(issue.message for issue in refused.issues[:5])
                print(f"Stopped: {reasons}\nThe same command continues.", file=sys.stderr)
                return 1
    print(f"{len(changes):,} written in {bar.seconds:.1f} s.")
    return 0


def _in_order(made: Plan, group: list[Change]) -> list[Change]:
    """A care provider's changes in the order of the plan: what is referred to first."""
    wanted = {change.reference for change in group}
    return [change for change in made.to_write if change.reference in wanted]


def _show(made: Plan, everything: bool) -> None:
    console = Console(highlight=False)
    counts: Counter[tuple[Kind, What]] = made.count()
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("")
    for what in What:
        table.add_column(what.value, justify="right")
    for kind in Kind:
        row = [counts[kind, what] for what in What]
        if any(row):
            table.add_row(kind.value, *(f"{number:,}" if number else "" for number in row))
    console.print(table)
    marks = {What.NEW: "[green]new    [/]", What.CHANGED: "[yellow]changed[/]", What.ENDED: "[red]ended  [/]"}
    shown = made.to_write if everything else made.to_write[:SHOWN]
    for change in shown:
        console.print(f"{marks[change.what]} {change.kind.value} {escape(change.name)}")
        for one in change.fields if change.what is not What.NEW else ():
            console.print(f"          {one.field}: {escape(one.before or '-')} → {escape(one.after or '-')}")
    if len(shown) < len(made.to_write):
        console.print(f"… and {len(made.to_write) - len(shown):,} more; --all shows them.")


def _tell_faults(faults: Sequence[Fault]) -> None:
    for fault in faults[:FAULTS_SHOWN]:
        print(fault, file=sys.stderr)
    more = f" The first {FAULTS_SHOWN} are shown." if len(faults) > FAULTS_SHOWN else ""
    print(f"{len(faults):,} lines are refused, nothing is written.{more}", file=sys.stderr)
