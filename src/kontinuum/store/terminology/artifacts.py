"""Versions of code systems, value sets and concept maps: which there are, and adding or removing one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from kontinuum.fhir import json


class ArtifactRow(NamedTuple):
    """One version of a code system, value set or concept map; `about` is decoded JSON."""

    key: int
    kind: str
    url: str
    version: str
    origin: str
    content: str
    concepts: int
    fingerprint: bytes
    loaded: int
    about: dict[str, Any]


COLUMNS = "key, kind, url, version, origin, content, concepts, fingerprint, loaded, about"

NAMED = f"select {COLUMNS} from terminology_artifact where kind = $1 and url = any($2::text[]) order by key"

ORIGINATED = f"select {COLUMNS} from terminology_artifact where origin = $1"

ALL = f"""
select {COLUMNS} from terminology_artifact where kind = any($1::text[]) order by kind, url, version, key
"""

INSERT = """
insert into terminology_artifact (kind, url, version, origin, content, concepts, fingerprint, loaded, about)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb)
returning key
"""

REMOVE_WORDS = (
    "delete from terminology_word where artifact = any($1::int[])",
    "delete from terminology_vocabulary where artifact = any($1::int[])",
    "delete from terminology_opening where artifact = any($1::int[])",
)

REMOVE = "delete from terminology_artifact where key = any($1::int[])"

LOADING_LOCK = "select pg_advisory_xact_lock(hashtext('terminology'), hashtext($1))"


async def named(connection: Any, kind: str, urls: Sequence[str]) -> list[ArtifactRow]:
    """Every version that is there under these canonical URLs."""
    return [_row(each) for each in await connection.fetch(NAMED, kind, list(urls))]


async def originated(connection: Any, origin: str) -> list[ArtifactRow]:
    """What a resource was projected to."""
    return [_row(each) for each in await connection.fetch(ORIGINATED, origin)]


async def all_of(connection: Any, kinds: Sequence[str]) -> list[ArtifactRow]:
    """Everything of these kinds, by URL and version."""
    return [_row(each) for each in await connection.fetch(ALL, list(kinds))]


async def insert(connection: Any, row: ArtifactRow) -> int:
    """Add a version (its key is drawn here) and give its key."""
    return int(await connection.fetchval(INSERT, *row[1:-1], json.dumps(row.about).decode()))


async def remove(connection: Any, keys: Sequence[int]) -> None:
    """Remove versions with all that belongs to them."""
    for statement in REMOVE_WORDS:
        await connection.execute(statement, list(keys), timeout=600)
    await connection.execute(REMOVE, list(keys), timeout=600)


async def lock(connection: Any, url: str) -> None:
    """Wait until nobody else loads the same URL; held until the transaction ends."""
    await connection.execute(LOADING_LOCK, url)


def _row(record: Any) -> ArtifactRow:
    return ArtifactRow._make((*tuple(record)[:-1], json.loads(record["about"])))
