"""`kontinuum jobs`: exports and imports in bulk, who ordered them, how far they have come."""

from __future__ import annotations

import asyncio
from collections import Counter

import asyncpg
from rich import box
from rich.console import Console
from rich.table import Table

from kontinuum.bulk import Job
from kontinuum.bulk.desk import job_of
from kontinuum.kernel.clock import from_micros
from kontinuum.kernel.config import Settings
from kontinuum.kernel.i18n import local
from kontinuum.store import jobs as store


def run(dsn: str, _settings: Settings) -> int:
    """Show every job that is kept, the oldest first."""
    table = Table(box=box.SIMPLE_HEAD)
    for title in ("Ordered", "Job", "State", "By", "Files until", ""):
        table.add_column(title, overflow="fold")
    for job in asyncio.run(_jobs(dsn)):
        table.add_row(
            _time(job.ordered),
            f"{job.kind} {job.id}",
            job.state,
            job.principal.actor.name,
            "" if job.expires is None else _time(job.expires),
            _about(job),
        )
    Console(highlight=False).print(table if table.row_count else "There are no jobs.")
    return 0


async def _jobs(dsn: str) -> list[Job]:
    connection = await asyncpg.connect(dsn)
    try:
        return [job_of(row) for row in await store.every(connection)]
    finally:
        await connection.close()


def _about(job: Job) -> str:
    if job.result.failure is not None:
        return job.result.failure
    if job.state == "running":
        again = f", begun {job.attempts} times" if job.attempts > 1 else ""
        return f"{job.progress.share:.0%}, {job.progress.count:,} resources{again}"
    if job.state != "done":
        return ""
    if job.kind == "export":
        return f"{sum(file.count for file in job.result.files if file.role == 'output'):,} resources"
    counts: Counter[str] = Counter()
    for _, change, number in job.result.changes:
        counts[change] += number
    return ", ".join(f"{number:,} {change}" for change, number in sorted(counts.items()))


def _time(moment: int) -> str:
    return f"{local(from_micros(moment)):%Y-%m-%d %H:%M}"
