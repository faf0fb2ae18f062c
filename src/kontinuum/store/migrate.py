"""Brings a database to the newest schema: plain SQL files, forward only, one transaction each.

Every file carries its own lock and statement timeouts and works with the previous release's code,
so that a running region is never stopped by a migration. Slow data work is a job, not a migration.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources
from typing import Any

import asyncpg

from kontinuum.store import roles

_LOCK = 0x4B4F4E54  # "KONT": two starts at once migrate one after the other

LEDGER = """
create table if not exists migration (
    number   integer primary key,
    name     text not null,
    sha256   text not null,
    applied  timestamptz not null default now()
)
"""

APPLIED = "select number, name, sha256 from migration order by number"

RECORD = "insert into migration (number, name, sha256) values ($1, $2, $3)"


class MigrationError(Exception):
    """The schema cannot be brought up to date; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step; `sql` is the file's whole text."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """Fingerprint by which a changed, already applied file is noticed."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> list[Migration]:
    """All migrations in the order they are applied."""
    folder = resources.files("kontinuum.store") / "migrations"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    return [
        Migration(int(f.name.split("_", 1)[0]), f.name.removesuffix(".sql"), f.read_text(encoding="utf-8"))
        for f in files
    ]


async def migrate(dsn: str) -> list[str]:
    """Apply what is missing and give the names of what was applied.

    Raises MigrationError when the database has steps that this version does not know (it was used by
    a newer version), or when an applied step's text has changed since.
    """
    connection: Any = await asyncpg.connect(dsn)
    try:
        await connection.execute("select pg_advisory_lock($1)", _LOCK)
        await connection.execute(LEDGER)
        applied = {row["number"]: row for row in await connection.fetch(APPLIED)}
        known = migrations()
        _check(applied, known)
        done = []
        for step in known:
            if step.number in applied:
                continue
            async with connection.transaction():
                await connection.execute(step.sql)
                await connection.execute(RECORD, step.number, step.name, step.sha256)
            done.append(step.name)
        await roles.provide(connection)
        return done
    finally:
        await connection.close()


def _check(applied: dict[int, Any], known: list[Migration]) -> None:
    by_number = {step.number: step for step in known}
    for number, row in applied.items():
        step = by_number.get(number)
        if step is None:
            raise MigrationError(
                f"The database has migration {row['name']}, which this version of Kontinuum does not know: "
                "it was used by a newer version. Start that version, or point KONTINUUM_DATABASE_URL at "
                "another database."
            )
        if step.sha256 != row["sha256"]:
            raise MigrationError(
                f"Migration {step.name} was applied with another text than this version carries. "
                "Applied migrations may never change: restore the file, or add a new migration instead."
            )
