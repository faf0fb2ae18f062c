"""SQL for what lets someone in by a token. Secrets are SHA-256 hashes, principals are JSON."""

from __future__ import annotations

from typing import Any, NamedTuple

from kontinuum.store.apps import ENDED_WITH_SESSION

INSERT_TOKEN = """
insert into token (secret, principal, created, expires, app_grant) values ($1, $2::text::jsonb, $3, $4, $5)
"""

# A token lasts no longer than its assignment: `least` passes over the null of one without an end. That of an
# app ends with what was permitted to the app, with the app, and with a session that it is bound to.
TOKEN = f"""
select principal::text,
       least(expires, (select ends from assignment_end where assignment = principal -> 'assignment' ->> 'id'),
             (select least(coalesce(g.revoked, a.ended), {ENDED_WITH_SESSION})
                from app_grant g
                join app a on a.id = g.app
               where g.id = token.app_grant)),
       created
  from token
 where secret = $1
"""


class TokenRow(NamedTuple):
    """A bearer token; `principal` is JSON, times are in microseconds."""

    principal: str
    expires: int
    created: int


async def insert_token(
    connection: Any, secret: bytes, principal: str, created: int, expires: int, app_grant: str | None
) -> None:
    """Keep a new token, of a permission where it is an app's."""
    await connection.execute(INSERT_TOKEN, secret, principal, created, expires, app_grant)


async def token(connection: Any, secret: bytes) -> TokenRow | None:
    """The token with this hashed secret."""
    record = await connection.fetchrow(TOKEN, secret)
    return None if record is None else TokenRow(*record)


HELD = """
select max(least(expires, (select ends from assignment_end
                            where assignment = principal -> 'assignment' ->> 'id')))
  from token
 where principal = $1::text::jsonb and app_grant is null
"""


async def held_until(connection: Any, principal: str) -> int | None:
    """Until when a principal holds some valid token that is no app's; None when it has none."""
    found: int | None = await connection.fetchval(HELD, principal)
    return found


ASSIGNMENT_END = "select ends from assignment_end where assignment = $1"


async def assignment_end(connection: Any, assignment: str) -> int | None:
    """When an assignment ends or has ended, None while that is not known."""
    found: int | None = await connection.fetchval(ASSIGNMENT_END, assignment)
    return found
