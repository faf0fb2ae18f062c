"""SQL for what lets someone in by a token. Secrets are SHA-256 hashes, principals are JSON."""

from __future__ import annotations

from typing import Any, NamedTuple

INSERT_TOKEN = "insert into token (secret, principal, created, expires) values ($1, $2::text::jsonb, $3, $4)"

# A token lasts no longer than its assignment: `least` passes over the null of one without an end.
TOKEN = """
select principal::text,
       least(expires, (select ends from assignment_end where assignment = principal -> 'assignment' ->> 'id'))
  from token
 where secret = $1
"""


class TokenRow(NamedTuple):
    """A bearer token; `principal` is JSON, `expires` in microseconds."""

    principal: str
    expires: int


async def insert_token(connection: Any, secret: bytes, principal: str, created: int, expires: int) -> None:
    """Keep a new token."""
    await connection.execute(INSERT_TOKEN, secret, principal, created, expires)


async def token(connection: Any, secret: bytes) -> TokenRow | None:
    """The token with this hashed secret."""
    record = await connection.fetchrow(TOKEN, secret)
    return None if record is None else TokenRow(*record)
