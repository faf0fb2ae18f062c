"""Reading concepts: by code, by selection, by page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from kontinuum.fhir import json
from kontinuum.fhir.terminology.selection import Selection
from kontinuum.kernel.sql import Binder
from kontinuum.store.terminology.conditions import condition


class ConceptRow(NamedTuple):
    """One concept. `names` are (language, use, text); `properties` hold a list of values under each name."""

    key: int
    artifact: int
    active: bool
    selectable: bool
    code: str
    display: str
    names: list[list[str]]
    properties: dict[str, list[Any]]
    parents: list[int]


COLUMNS = """
c.key, c.artifact, c.active, c.selectable, c.code, c.display, c.names::text, c.properties::text, c.parents
"""

BY_CODE = f"select {COLUMNS} from terminology_concept c where c.artifact = $1 and c.code = any($2::text[])"

BY_KEY = f"select {COLUMNS} from terminology_concept c where c.key = any($1::int[]) order by c.ord"

CHILDREN = f"""
select {COLUMNS}
  from terminology_concept c
 where c.artifact = $1 and c.ancestors @> array[$2::int] and c.parents @> array[$2::int]
 order by c.ord
 limit $3
"""

KEYS = "select code, key from terminology_concept where artifact = $1 and code = any($2::text[])"

ANCESTORS = (
    "select key, code, ancestors from terminology_concept where artifact = $1 and code = any($2::text[])"
)


async def by_code(connection: Any, artifact: int, codes: Sequence[str]) -> list[ConceptRow]:
    """The concepts with these codes; what is not there is absent."""
    return [row(each) for each in await connection.fetch(BY_CODE, artifact, list(codes))]


async def by_key(connection: Any, keys: Sequence[int]) -> list[ConceptRow]:
    """The concepts with these keys, in the order of their systems."""
    return [row(each) for each in await connection.fetch(BY_KEY, list(keys))]


async def children(connection: Any, artifact: int, key: int, limit: int) -> list[ConceptRow]:
    """The concepts directly below one."""
    return [row(each) for each in await connection.fetch(CHILDREN, artifact, key, limit)]


async def keys_of(connection: Any, artifact: int, codes: Sequence[str]) -> dict[str, int]:
    """The keys of codes; what is not there is absent."""
    found = await connection.fetch(KEYS, artifact, list(codes))
    return {each["code"]: each["key"] for each in found}


async def ancestors(connection: Any, artifact: int, codes: Sequence[str]) -> dict[str, tuple[int, list[int]]]:
    """For each code its key, and the keys of itself and all above it."""
    found = await connection.fetch(ANCESTORS, artifact, list(codes))
    return {each["code"]: (each["key"], each["ancestors"]) for each in found}


async def page(
    connection: Any,
    artifact: int,
    selection: Selection,
    keys: dict[str, int],
    *,
    active_only: bool,
    offset: int,
    limit: int,
) -> list[ConceptRow]:
    """Concepts of a selection in the order of their system; `keys` are those of the codes it names."""
    binder = Binder()
    where = _where(binder, artifact, selection, keys, active_only)
    statement = (
        f"select {COLUMNS} from terminology_concept c where {where} "
        f"order by c.ord offset {binder.bind(offset)} limit {binder.bind(limit)}"
    )
    return [row(each) for each in await connection.fetch(statement, *binder.values)]


async def count(
    connection: Any, artifact: int, selection: Selection, keys: dict[str, int], *, active_only: bool
) -> int:
    """How many concepts a selection holds."""
    binder = Binder()
    where = _where(binder, artifact, selection, keys, active_only)
    statement = f"select count(*) from terminology_concept c where {where}"
    return int(await connection.fetchval(statement, *binder.values))


async def contained(
    connection: Any, artifact: int, selection: Selection, keys: dict[str, int], codes: Sequence[str]
) -> set[str]:
    """Which of the codes a selection holds."""
    binder = Binder()
    where = _where(binder, artifact, selection, keys, active_only=False)
    statement = (
        f"select c.code from terminology_concept c where {where} "
        f"and c.code = any({binder.bind(list(codes))}::text[])"
    )
    return {each["code"] for each in await connection.fetch(statement, *binder.values)}


def _where(
    binder: Binder, artifact: int, selection: Selection, keys: dict[str, int], active_only: bool
) -> str:
    chosen = binder.add(condition(selection, keys))
    active = " and c.active" if active_only else ""
    return f"c.artifact = {binder.bind(artifact)}{active} and ({chosen})"


def row(record: Any) -> ConceptRow:
    """A record with `COLUMNS` in front as a concept."""
    values = list(tuple(record)[: len(ConceptRow._fields)])
    values[6] = json.loads(values[6])
    values[7] = json.loads(values[7])
    return ConceptRow._make(values)
