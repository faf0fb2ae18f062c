"""Connections to PostgreSQL: one pool for each worker process."""

from __future__ import annotations

from typing import Any

import asyncpg

from kontinuum.store.roles import server_settings

STATEMENTS = 256
"""How many statements a connection keeps prepared, those used last: a day's work has some hundred forms."""


async def create_pool(dsn: str, *, size: int = 8, role: str | None = None) -> Any:
    """A pool whose connections are not reset between uses; `role` is taken on by each of them.

    The reset that asyncpg makes by default costs a round trip at each release. It is not needed, as
    no session state is ever set outside a transaction; a test holds that.
    """
    return await asyncpg.create_pool(
        dsn,
        min_size=min(2, size),
        max_size=size,
        max_inactive_connection_lifetime=0,
        statement_cache_size=STATEMENTS,
        max_cached_statement_lifetime=0,
        command_timeout=60,
        reset=_no_reset,
        server_settings={"application_name": "kontinuum", "jit": "off", **server_settings(role)},
    )


async def _no_reset(connection: Any) -> None:
    """Do nothing when a connection returns to the pool."""
