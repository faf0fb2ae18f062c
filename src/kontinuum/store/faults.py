"""How the database shows that it is gone, or that it failed; for all who must go on without it."""

from __future__ import annotations

import asyncpg

LOST = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""The way to the database is lost: what was asked may be asked again on another connection.

`InternalClientError` is how asyncpg answers on a connection whose server has said farewell while it was
idle, in the moment before its end has arrived too."""

FAILED = (*LOST, asyncpg.PostgresError)
"""The database is lost, or refused what was asked."""
