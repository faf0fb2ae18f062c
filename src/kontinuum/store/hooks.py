"""SQL for the register of decision support services. Times are in microseconds."""

from __future__ import annotations

from typing import Any, NamedTuple

_COLUMNS = """id, provider, base, service, hook, title, description, prefetch::text, units, scopes, token,
       active, registered, registrar, ended"""


class ServiceRow(NamedTuple):
    """A registered service, its fields in the order of the table; `prefetch` is JSON."""

    id: str
    provider: str
    base: str
    service: str
    hook: str
    title: str
    description: str
    prefetch: str
    units: list[str]
    scopes: list[str]
    token: bool
    active: bool
    registered: int
    registrar: str
    ended: int | None


INSERT = """
insert into cds_service (id, provider, base, service, hook, title, description, prefetch, units, scopes,
                         token, active, registered, registrar, ended)
values ($1, $2, $3, $4, $5, $6, $7, $8::text::jsonb, $9, $10, $11, $12, $13, $14, $15)
on conflict do nothing
returning true
"""


async def insert(connection: Any, row: ServiceRow) -> bool:
    """Keep a new service; false when the care provider has it already."""
    return bool(await connection.fetchval(INSERT, *row))


SERVICES = f"""
select {_COLUMNS}
  from cds_service
 where ended is null and ($1::text is null or provider = $1)
 order by title, id
"""


async def services(connection: Any, provider: str | None) -> list[ServiceRow]:
    """The services of a care provider (None: of all) that have not ended."""
    return [ServiceRow(*record) for record in await connection.fetch(SERVICES, provider)]


SWITCH = """
update cds_service set active = $2
 where id = $1 and ended is null and ($3::text is null or provider = $3)
returning true
"""


async def switch(connection: Any, identity: str, active: bool, provider: str | None) -> bool:
    """Let a service be asked, or not; false when the care provider (None: any) has none with the id."""
    return bool(await connection.fetchval(SWITCH, identity, active, provider))


END = """
update cds_service set ended = $2, active = false
 where id = $1 and ended is null and ($3::text is null or provider = $3)
returning true
"""


async def end(connection: Any, identity: str, now: int, provider: str | None) -> bool:
    """End a service; false when the care provider (None: any) has none with the id."""
    return bool(await connection.fetchval(END, identity, now, provider))
