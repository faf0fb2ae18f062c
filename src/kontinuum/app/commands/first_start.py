"""What a first start makes and every later one finds, asked with little read in: a server waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any, TypeVar

import asyncpg
import msgspec

from kontinuum.kernel.clock import SystemClock, to_micros
from kontinuum.store import delivery, index
from kontinuum.terminology.loading import loader

T = TypeVar("T")

DELIVERY = "demo"
PLAN = "plan"
COMPLETE = "complete"


class Plan(msgspec.Struct, frozen=True):
    """What region is made. It stays in the database: `today` is part of every story, and so is `seed`."""

    seed: int
    patients: int
    today: date


class Progress(msgspec.Struct, frozen=True):
    """The plan that a database holds, and whether all of it is there."""

    plan: Plan
    complete: bool


def is_law_made(dsn: str) -> bool:
    """Whether the tables of the law have been made from all of the record."""
    return asyncio.run(connected(dsn, index.is_law_made))


def demo_progress(dsn: str) -> Progress | None:
    """How much of a demo region there is; None when none was begun."""
    return asyncio.run(connected(dsn, _progress))


def write_starter(dsn: str) -> None:
    """Write the starter sets of codes if they are not there yet: a first start has codes to work with."""
    now = to_micros(SystemClock().now())
    asyncio.run(connected(dsn, lambda connection: loader.write_starter(connection, now)))


async def connected(dsn: str, use: Callable[[Any], Awaitable[T]]) -> T:
    """Use a connection of its own."""
    connection: Any = await asyncpg.connect(dsn)
    try:
        return await use(connection)
    finally:
        await connection.close()


async def _progress(connection: Any) -> Progress | None:
    kept = await delivery.finished(connection, DELIVERY)
    if PLAN not in kept:
        return None
    return Progress(msgspec.json.decode(kept[PLAN], type=Plan), COMPLETE in kept)
