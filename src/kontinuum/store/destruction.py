"""The decisions that records are destroyed: registered by one person, carried out by another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

COLUMNS = """
    number, authority, case_number, decided, patient, entries, provider, requested_by,
    registered, registrar, registrar_name, executed, executor, executor_name, removed
"""

REGISTER = f"""
insert into destruction (authority, case_number, decided, patient, entries, provider, requested_by,
                         registered, registrar, registrar_name)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
on conflict (provider, case_number, patient) do nothing
returning {COLUMNS}
"""

READ = f"select {COLUMNS} from destruction where number = $1 and provider = $2"

LOCK = f"{READ} for update"

LISTED = f"""
select {COLUMNS} from destruction where provider = $1 order by executed is not null, registered desc limit 200
"""

EXECUTED = """
update destruction set executed = $2, executor = $3, executor_name = $4, removed = $5 where number = $1
"""


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision as it is registered; times in microseconds. `entries` empty: the whole record."""

    number: int
    authority: str
    case_number: str
    decided: date
    patient: str
    entries: tuple[str, ...]
    provider: str
    requested_by: str
    registered: int
    registrar: str
    registrar_name: str
    executed: int | None = None
    executor: str | None = None
    executor_name: str | None = None
    removed: int | None = None


def _decision(record: Any) -> Decision:
    values = {**dict(record), "entries": tuple(record["entries"])}
    return Decision(**values)


async def register(connection: Any, new: Decision) -> Decision | None:
    """Register a decision and give it its number; None when this case is registered for the patient."""
    record = await connection.fetchrow(
        REGISTER,
        new.authority,
        new.case_number,
        new.decided,
        new.patient,
        list(new.entries),
        new.provider,
        new.requested_by,
        new.registered,
        new.registrar,
        new.registrar_name,
    )
    return None if record is None else _decision(record)


async def read(connection: Any, number: int, provider: str, *, lock: bool = False) -> Decision | None:
    """A provider's decision by its number."""
    record = await connection.fetchrow(LOCK if lock else READ, number, provider)
    return None if record is None else _decision(record)


async def listed(connection: Any, provider: str) -> list[Decision]:
    """A provider's decisions, those still to be carried out first."""
    return [_decision(record) for record in await connection.fetch(LISTED, provider)]


async def executed(connection: Any, number: int, now: int, executor: str, name: str, removed: int) -> None:
    """Note that a decision was carried out, by whom and how much it removed."""
    await connection.execute(EXECUTED, number, now, executor, name, removed)
