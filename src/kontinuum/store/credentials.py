"""Bearer tokens and browser sessions: their secrets as SHA-256, their principals as JSON."""

from __future__ import annotations

from typing import Any, NamedTuple

INSERT_TOKEN = "insert into token (secret, principal, created, expires) values ($1, $2::text::jsonb, $3, $4)"

TOKEN = "select principal::text, expires from token where secret = $1"

INSERT_SESSION = """
insert into session (secret, csrf, principal, created, used, expires)
values ($1, $2, $3::text::jsonb, $4, $4, $5)
"""

SESSION = "select csrf, principal::text, created, used, expires from session where secret = $1"

TOUCH = "update session set used = $2 where secret = $1 and used < $2"

DELETE_SESSION = "delete from session where secret = $1"


class TokenRow(NamedTuple):
    """A bearer token; `principal` is JSON, `expires` in microseconds."""

    principal: str
    expires: int


class SessionRow(NamedTuple):
    """A browser session; times in microseconds."""

    csrf: str
    principal: str
    created: int
    used: int
    expires: int


async def insert_token(connection: Any, secret: bytes, principal: str, created: int, expires: int) -> None:
    """Keep a new token."""
    await connection.execute(INSERT_TOKEN, secret, principal, created, expires)


async def token(connection: Any, secret: bytes) -> TokenRow | None:
    """The token with this hashed secret."""
    record = await connection.fetchrow(TOKEN, secret)
    return None if record is None else TokenRow(*record)


async def insert_session(
    connection: Any, secret: bytes, csrf: str, principal: str, created: int, expires: int
) -> None:
    """Keep a new session."""
    await connection.execute(INSERT_SESSION, secret, csrf, principal, created, expires)


async def session(connection: Any, secret: bytes) -> SessionRow | None:
    """The session with this hashed secret."""
    record = await connection.fetchrow(SESSION, secret)
    return None if record is None else SessionRow(*record)


async def touch_session(connection: Any, secret: bytes, used: int) -> None:
    """Note that a session was used."""
    await connection.execute(TOUCH, secret, used)


async def delete_session(connection: Any, secret: bytes) -> None:
    """End a session."""
    await connection.execute(DELETE_SESSION, secret)
