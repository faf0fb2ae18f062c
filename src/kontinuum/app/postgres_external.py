"""Whether a PostgreSQL of the user's own, named by KONTINUUM_DATABASE_URL, is one Kontinuum can use."""

from __future__ import annotations

import asyncio

import asyncpg

from kontinuum.app.postgres_account import StartError
from kontinuum.kernel.config import mask_password
from kontinuum.store.faults import FAILED

OLDEST = 15
CONNECT_SECONDS = 10.0

FACTS = """
select current_setting('server_version_num')::int as version,
       current_setting('server_version')          as version_text,
       current_setting('server_encoding')         as encoding,
       current_database()                         as name
"""


def check_external(url: str) -> None:
    """Check that the server answers, is new enough and stores UTF8; raises `StartError` if not."""
    try:
        version, version_text, encoding, name = asyncio.run(_facts(url))
    except (*FAILED, ValueError) as error:
        raise StartError(
            f"KONTINUUM_DATABASE_URL={mask_password(url)}: no connection "
            f"({str(error) or type(error).__name__}). Check the address, the name and the password, and that "
            "the server runs."
        ) from error
    if version < OLDEST * 10000:
        raise StartError(
            f"KONTINUUM_DATABASE_URL={mask_password(url)} is PostgreSQL {version_text}; "
            f"Kontinuum needs {OLDEST} or newer."
        )
    if encoding != "UTF8":
        raise StartError(
            f"KONTINUUM_DATABASE_URL={mask_password(url)}: the database {name} stores {encoding}; Kontinuum "
            f"needs UTF8. Make one: create database {name} template template0 encoding 'UTF8'"
        )


async def _facts(url: str) -> tuple[int, str, str, str]:
    connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS)
    try:
        row = await connection.fetchrow(FACTS)
    finally:
        await connection.close(timeout=CONNECT_SECONDS)
    return row["version"], row["version_text"], row["encoding"], row["name"]
