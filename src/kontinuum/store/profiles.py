"""Packages of profiles in the database: which there are, what they define, adding and removing one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from kontinuum.fhir import json
from kontinuum.store.provider_settings import CHANNEL

TELL = "select pg_notify($1, 'profiles')"


class PackageRow(NamedTuple):
    """One version of a package; `dependencies` is name to version, `unused` type to number."""

    key: int
    name: str
    version: str
    title: str
    dependencies: dict[str, str]
    unused: dict[str, int]
    fingerprint: bytes
    loaded: int


class DefinitionRow(NamedTuple):
    """One resource of a package; `origin` names it in the record."""

    package: int
    kind: str
    origin: str
    body: bytes


PACKAGES = """
select key, name, version, title, dependencies, unused, fingerprint, loaded
  from profile_package
 order by name, version, key
"""


async def packages(connection: Any) -> list[PackageRow]:
    """Every version of every package, by name."""
    return [
        PackageRow(
            row["key"],
            row["name"],
            row["version"],
            row["title"],
            json.loads(row["dependencies"]),
            json.loads(row["unused"]),
            row["fingerprint"],
            row["loaded"],
        )
        for row in await connection.fetch(PACKAGES)
    ]


DEFINITIONS = "select package, kind, origin, body from profile_definition order by package, ord"


async def definitions(connection: Any) -> list[DefinitionRow]:
    """Everything that the packages define."""
    return [DefinitionRow(*row) for row in await connection.fetch(DEFINITIONS)]


INSERT = """
insert into profile_package (name, version, title, dependencies, unused, fingerprint, loaded)
values ($1, $2, $3, $4::jsonb, $5::jsonb, $6, $7)
returning key
"""

ADD = "insert into profile_definition (package, ord, kind, origin, body) values ($1, $2, $3, $4, $5)"


async def add(connection: Any, package: PackageRow, defined: Sequence[tuple[str, str, bytes]]) -> None:
    """Add a package (its key is drawn here) with its (kind, origin, body), inside a transaction.

    Every process is told, and works by it as soon as the transaction is committed.
    """
    dependencies, unused = (json.dumps(each).decode() for each in (package.dependencies, package.unused))
    told = (*package[1:4], dependencies, unused, *package[6:])
    key = await connection.fetchval(INSERT, *told)
    await connection.executemany(
        ADD, [(key, number, *each) for number, each in enumerate(defined)], timeout=60
    )
    await connection.execute(TELL, CHANNEL)


REMOVE = "delete from profile_package where key = $1"

ONLY_THERE = """
select origin
  from profile_definition
 where package = $1
   and not exists (select 1 from profile_definition other where other.origin = profile_definition.origin
                                                            and other.package <> $1)
 order by ord
"""


async def only_in(connection: Any, key: int) -> list[str]:
    """The resources in the record that no other package has brought."""
    return [row["origin"] for row in await connection.fetch(ONLY_THERE, key)]


async def remove(connection: Any, key: int) -> None:
    """Remove a package, inside a transaction; every process is told."""
    await connection.execute(REMOVE, key, timeout=60)
    await connection.execute(TELL, CHANNEL)
