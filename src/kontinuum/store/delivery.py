"""How far a delivery has come: kept in the database it goes into, so that the two never disagree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

NOTE = """
insert into delivery_progress (delivery, piece, done)
select $1, v.piece, v.done::jsonb
  from unnest($2::text[], $3::text[]) as v(piece, done)
    on conflict (delivery, piece) do update set done = excluded.done
"""

FINISHED = "select piece, done::text from delivery_progress where delivery = $1"

FORGET = "delete from delivery_progress where delivery = $1"

IS_EMPTY = "select not exists (select from resource)"

SEARCHED = ("resource", "hot", "identity", "search_date", "search_number", "search_string")


async def note(connection: Any, delivery: str, pieces: Sequence[tuple[str, str]]) -> None:
    """Keep that pieces (name, what they came to as JSON) of a delivery are done."""
    await connection.execute(NOTE, delivery, [name for name, _ in pieces], [done for _, done in pieces])


async def finished(connection: Any, delivery: str) -> dict[str, str]:
    """The pieces of a delivery that are done, with what they came to as JSON."""
    return {record["piece"]: record["done"] for record in await connection.fetch(FINISHED, delivery)}


async def forget(connection: Any, delivery: str) -> None:
    """Remove what is kept of a delivery: it has ended, or begins anew."""
    await connection.execute(FORGET, delivery)


async def is_empty(connection: Any) -> bool:
    """Whether the record has never held a resource."""
    return bool(await connection.fetchval(IS_EMPTY))


async def refresh_statistics(connection: Any) -> None:
    """Let the planner know what a large delivery has changed, instead of when autovacuum comes by."""
    for table in SEARCHED:
        await connection.execute(f"analyze {table}", timeout=600)
