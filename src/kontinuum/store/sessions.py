"""SQL for browser sessions, and for the steps on the way to one. Times are in microseconds."""

from __future__ import annotations

from typing import Any, NamedTuple

# A session lasts no longer than its assignment: `least` passes over the null of one without an end.
COLUMNS = """id, csrf, principal::text, actor, origin, issuer, subject, sid, id_token, acr, authenticated,
       created, used,
       least(expires, (select ends
                         from assignment_end
                        where assignment = principal -> 'assignment' ->> 'id')),
       locked, page, agent, ended, ending"""


class SessionRow(NamedTuple):
    """A browser session; `principal` is JSON. The fields stand in the order of `COLUMNS`."""

    id: str
    csrf: str
    principal: str
    actor: str
    origin: str
    issuer: str | None
    subject: str | None
    sid: str | None
    id_token: str | None
    acr: str | None
    authenticated: int
    created: int
    used: int
    expires: int
    locked: int | None
    page: str
    agent: str
    ended: int | None
    ending: str | None


INSERT = """
insert into session (secret, id, csrf, principal, actor, origin, issuer, subject, sid, id_token, acr,
                     authenticated, created, used, expires, locked, page, agent, ended, ending)
values ($1, $2, $3, $4::text::jsonb, $5, $6, $7, $8, $9, $10, $11, $12,
        $13, $14, $15, $16, $17, $18, $19, $20)
"""


async def insert(connection: Any, secret: bytes, row: SessionRow) -> None:
    """Keep a new session."""
    await connection.execute(INSERT, secret, *row)


FORGET = "delete from session where expires <= $1 and told"


async def forget(connection: Any, now: int) -> None:
    """Remove sessions whose time is over and whose end is in the log."""
    await connection.execute(FORGET, now)


BY_SECRET = f"select {COLUMNS} from session where secret = $1"


async def by_secret(connection: Any, secret: bytes) -> SessionRow | None:
    """The session with this hashed secret, also when it has ended."""
    record = await connection.fetchrow(BY_SECRET, secret)
    return None if record is None else SessionRow(*record)


OPEN_BY_ID = f"select {COLUMNS} from session where id = $1 and ended is null and expires > $2"


async def open_by_id(connection: Any, session: str, now: int) -> SessionRow | None:
    """The session of this name, unless it has ended."""
    record = await connection.fetchrow(OPEN_BY_ID, session, now)
    return None if record is None else SessionRow(*record)


OPEN_OF_ACTOR = f"""
select {COLUMNS}
  from session
 where actor = $1 and ended is null and expires > $2
 order by used desc, id
"""


async def open_of_actor(connection: Any, actor: str, now: int) -> list[SessionRow]:
    """A person's sessions that have not ended or expired, the one used last first."""
    return [SessionRow(*record) for record in await connection.fetch(OPEN_OF_ACTOR, actor, now)]


TOUCH = "update session set used = $2 where secret = $1 and used < $2 and ended is null"


async def touch(connection: Any, secret: bytes, used: int) -> None:
    """Note that a session was used."""
    await connection.execute(TOUCH, secret, used)


# Where one was is a convenience: it is not worth waiting for the disk.
PAGE = """
with hurried as (select set_config('synchronous_commit', 'off', true))
update session set page = $2 from hurried where secret = $1 and ended is null
"""


async def note_page(connection: Any, secret: bytes, page: str) -> None:
    """Note which page was opened last."""
    await connection.execute(PAGE, secret, page)


LOCK = "update session set locked = $2 where secret = $1 and locked is null and ended is null returning id"


async def lock(connection: Any, secret: bytes, now: int) -> bool:
    """Lock a session; false when it was locked or has ended."""
    return await connection.fetchval(LOCK, secret, now) is not None


UNLOCK = """
update session
   set secret = $2, locked = null, used = $3, authenticated = $3, acr = coalesce($4, acr),
       id_token = coalesce($5, id_token), sid = coalesce($6, sid)
 where id = $1 and ended is null and expires > $3
returning id
"""


async def unlock(
    connection: Any, session: str, secret: bytes, now: int, proof: tuple[str | None, str | None, str | None]
) -> bool:
    """Open a locked session under a new secret; `proof` is acr, id token and sid of the authentication."""
    return await connection.fetchval(UNLOCK, session, secret, now, *proof) is not None


REBIND = """
update session
   set secret = $2, csrf = $3, principal = $4::text::jsonb, used = $5
 where secret = $1 and ended is null and expires > $5
returning id
"""


async def rebind(connection: Any, secret: bytes, new: bytes, csrf: str, principal: str, now: int) -> bool:
    """Give a session another principal, under a new secret and a new form token."""
    return await connection.fetchval(REBIND, secret, new, csrf, principal, now) is not None


END = """
update session set ended = $3, ending = $4, told = $5
 where id = $1 and actor = $2 and ended is null returning id
"""


async def end(connection: Any, session: str, actor: str, now: int, ending: str, *, told: bool) -> bool:
    """End a session of a person; false when the person has no such session. `told`: the caller logs it."""
    return await connection.fetchval(END, session, actor, now, ending, told) is not None


OVERDUE = f"select {COLUMNS} from session where ended is null and (expires <= $1 or used <= $2) limit 1000"
# The expiry that `COLUMNS` gives may be earlier than the row's own, by the end of the assignment.
ENDED_WITH_ASSIGNMENT = f"""
select {COLUMNS}
  from session
 where ended is null
   and principal -> 'assignment' ->> 'id' in (select assignment from assignment_end where ends <= $1)
 limit 1000
"""


async def overdue(connection: Any, now: int, unused_since: int) -> list[SessionRow]:
    """Sessions that have not been ended and whose time may be over."""
    rows = await connection.fetch(OVERDUE, now, unused_since)
    return [SessionRow(*row) for row in (*rows, *await connection.fetch(ENDED_WITH_ASSIGNMENT, now))]


UNTOLD = f"""
select {COLUMNS} from session where ended is not null and not told
 order by ended limit 100 for update of session skip locked
"""
TELL = "update session set told = true where id = any($1::text[])"


async def untold(connection: Any) -> list[SessionRow]:
    """Ended sessions whose end is not in the log, locked until the transaction ends."""
    return [SessionRow(*row) for row in await connection.fetch(UNTOLD)]


async def note_told(connection: Any, sessions: list[str]) -> None:
    """Note that the ends of sessions are in the log."""
    await connection.execute(TELL, sessions)


END_AT_PROVIDER = f"""
update session
   set ended = $4, ending = 'provider', told = true
 where issuer = $1 and ($2::text is null or subject = $2) and ($3::text is null or sid = $3)
   and ended is null
returning {COLUMNS}
"""


async def end_at_provider(
    connection: Any, issuer: str, subject: str | None, sid: str | None, now: int
) -> list[SessionRow]:
    """End the sessions of a person, or of one session, at a provider; gives those that were ended."""
    rows = await connection.fetch(END_AT_PROVIDER, issuer, subject, sid, now)
    return [SessionRow(*record) for record in rows]


KEEP_STEP = "insert into sign_in_step (secret, kind, content, expires) values ($1, $2, $3::text::jsonb, $4)"

FORGET_STEPS = "delete from sign_in_step where expires <= $1"


async def keep_step(connection: Any, secret: bytes, kind: str, content: str, now: int, expires: int) -> None:
    """Remember a step; steps whose time is over are forgotten."""
    await connection.execute(FORGET_STEPS, now)
    await connection.execute(KEEP_STEP, secret, kind, content, expires)


NOTE = """
insert into sign_in_step (secret, kind, content, expires) values ($1, 'seen', '{}', $2)
on conflict (secret) do nothing returning true
"""


async def note_step(connection: Any, secret: bytes, now: int, expires: int) -> bool:
    """Note that something was seen; false when it was seen before."""
    await connection.execute(FORGET_STEPS, now)
    return await connection.fetchval(NOTE, secret, expires) is True


STEP = "select content::text from sign_in_step where secret = $1 and kind = $2 and expires > $3"


async def step(connection: Any, secret: bytes, kind: str, now: int) -> str | None:
    """The content of a step, which stays."""
    found: str | None = await connection.fetchval(STEP, secret, kind, now)
    return found


TAKE_STEP = """
delete from sign_in_step where secret = $1 and kind = $2 and expires > $3 returning content::text
"""


async def take_step(connection: Any, secret: bytes, kind: str, now: int) -> str | None:
    """The content of a step, which nobody can use again."""
    found: str | None = await connection.fetchval(TAKE_STEP, secret, kind, now)
    return found
