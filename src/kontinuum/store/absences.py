"""SQL for absences: who is away, and who sees that one's list meanwhile."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

_COLUMNS = "number, person, name, cover, cover_name, begins, ends"


class Absence(NamedTuple):
    """Somebody (reference of a Practitioner, name) is away and covered by somebody, both days included."""

    number: int
    person: str
    name: str
    cover: str
    cover_name: str
    begins: date
    ends: date


COVERED = f"""
select {_COLUMNS} from absence
 where provider = $1 and unit = $2 and cover = $3 and ended is null and $4 between begins and ends
 order by number
"""

AT_UNIT = f"""
select {_COLUMNS} from absence
 where provider = $1 and unit = $2 and ended is null and $3 between begins and ends
 order by number
"""

OF_PERSON = f"""
select {_COLUMNS} from absence
 where provider = $1 and unit = $2 and person = $3 and ended is null and ends >= $4
 order by begins, number
"""

PUT = """
insert into absence (provider, unit, person, name, cover, cover_name, begins, ends, made)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
returning number
"""

END = """
update absence set ended = $5
 where provider = $1 and unit = $2 and person = $3 and number = $4 and ended is null
returning number
"""

Place = tuple[str, str]
"""The care provider and the unit, as HSA-ids."""


async def covered(connection: Any, place: Place, cover: str, day: date) -> list[Absence]:
    """Whose lists somebody sees at a unit on a day."""
    return [Absence(*row) for row in await connection.fetch(COVERED, *place, cover, day)]


async def at_unit(connection: Any, place: Place, day: date) -> list[Absence]:
    """Who of a unit is away on a day."""
    return [Absence(*row) for row in await connection.fetch(AT_UNIT, *place, day)]


async def of_person(connection: Any, place: Place, person: str, day: date) -> list[Absence]:
    """The absences of somebody at a unit that have not passed on a day."""
    return [Absence(*row) for row in await connection.fetch(OF_PERSON, *place, person, day)]


async def put(connection: Any, place: Place, absence: Absence, now: int) -> int:
    """Keep a new absence; gives its number, whatever it carries."""
    number: int = await connection.fetchval(PUT, *place, *absence[1:], now)
    return number


async def end(connection: Any, place: Place, person: str, number: int, now: int) -> bool:
    """Take an absence back; false when the person has no such absence."""
    return await connection.fetchval(END, *place, person, number, now) is not None
