"""SQL for exports and imports in bulk. Times are in microseconds, principals and results are JSON."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

_ORDERING: Final = 0x4B4F
_WORKING: Final = 0x4B42
"""Classes of advisory locks: one client orders at a time, one process works on a job."""

_COLUMNS = """number, id, kind, state, owner, principal::text, request, wanted::text, ordered, ended, expires,
       attempts, progress::text, result::text"""


class JobRow(NamedTuple):
    """A job, its fields in the order of the table."""

    number: int
    id: str
    kind: str
    state: str
    owner: str
    principal: str
    request: str
    wanted: str
    ordered: int
    ended: int | None
    expires: int | None
    attempts: int
    progress: str
    result: str | None


def _row(record: Any) -> JobRow | None:
    return None if record is None else JobRow(*record)


LOCK_OWNER = f"select pg_advisory_xact_lock({_ORDERING}, hashtext($1))"
UNFINISHED = "select count(*) from bulk_job where owner = $1 and state in ('waiting', 'running')"
INSERT = """
insert into bulk_job (id, kind, state, owner, principal, request, wanted, ordered)
values ($1, $2, 'waiting', $3, $4::text::jsonb, $5, $6::text::jsonb, $7)
"""


async def insert(connection: Any, row: tuple[str, str, str, str, str, str, int], most: int) -> bool:
    """Keep (id, kind, owner, principal, request, wanted, ordered), within a transaction.

    False when the owner has `most` already.
    """
    await connection.execute(LOCK_OWNER, row[2])
    if await unfinished(connection, row[2]) >= most:
        return False
    await connection.execute(INSERT, *row)
    return True


async def unfinished(connection: Any, owner: str) -> int:
    """How many jobs of an owner have not ended."""
    return int(await connection.fetchval(UNFINISHED, owner))


FIND = f"select {_COLUMNS} from bulk_job where id = $1 and owner = $2 and state <> 'cancelled'"


async def find(connection: Any, identity: str, owner: str) -> JobRow | None:
    """A job of its owner; what is cancelled is not there any more."""
    return _row(await connection.fetchrow(FIND, identity, owner))


ALL = f"select {_COLUMNS} from bulk_job order by number"


async def every(connection: Any) -> list[JobRow]:
    """All jobs, the oldest first."""
    return [JobRow(*record) for record in await connection.fetch(ALL)]


CANCEL = """
update bulk_job set state = 'cancelled' where id = $1 and owner = $2 and state <> 'cancelled' returning true
"""


async def cancel(connection: Any, identity: str, owner: str) -> bool:
    """Cancel a job, or give up what came of it; false when the owner has no such job."""
    return bool(await connection.fetchval(CANCEL, identity, owner))


WITHDRAW = "update bulk_job set state = 'cancelled' where kind = 'export' or state in ('done', 'failed')"


async def withdraw(connection: Any) -> None:
    """Give up every export, and what came of imports: something that is in them must not be any more."""
    await connection.execute(WITHDRAW)


TO_DO = "select number from bulk_job where state in ('waiting', 'running') order by number"
OVER = "select number, id from bulk_job where state = 'cancelled' or expires <= $1 order by number"
TRY_LOCK = f"select pg_try_advisory_lock({_WORKING}, $1)"
UNLOCK = f"select pg_advisory_unlock({_WORKING}, $1)"
TAKE = f"""
update bulk_job set state = 'running', attempts = attempts + 1
 where number = $1 and state in ('waiting', 'running')
returning {_COLUMNS}
"""


async def to_do(connection: Any) -> list[int]:
    """The numbers of jobs that have not ended; some of them are being worked on."""
    return [record["number"] for record in await connection.fetch(TO_DO)]


async def over(connection: Any, now: int) -> list[tuple[int, str]]:
    """The (number, id) of jobs that are to be removed."""
    return [tuple(record) for record in await connection.fetch(OVER, now)]


async def hold(connection: Any, number: int) -> bool:
    """Hold a job until it is let go or the connection closes; false when another process holds it."""
    return bool(await connection.fetchval(TRY_LOCK, number))


async def let_go(connection: Any, number: int) -> None:
    """Hold a job no more."""
    await connection.execute(UNLOCK, number)


async def take(connection: Any, number: int) -> JobRow | None:
    """Begin, or begin again, a job that is held; None when it has ended meanwhile."""
    return _row(await connection.fetchrow(TAKE, number))


PROGRESS = """
update bulk_job set progress = $2::text::jsonb where number = $1 and state = 'running' returning true
"""


async def progress(connection: Any, number: int, told: str) -> bool:
    """Keep how far a job has come; false when it was cancelled."""
    return bool(await connection.fetchval(PROGRESS, number, told))


END = """
update bulk_job set state = $2, result = $3::text::jsonb, ended = $4, expires = $5
 where number = $1 and state = 'running'
"""


async def end(connection: Any, number: int, state: str, result: str, ended: int, expires: int) -> None:
    """Keep what came of a job, unless it was cancelled."""
    await connection.execute(END, number, state, result, ended, expires)


REMOVE = "delete from bulk_job where number = $1"


async def remove(connection: Any, number: int) -> None:
    """Forget a job."""
    await connection.execute(REMOVE, number)


STANDS = """
select not exists (select from assignment_end where assignment = $1 and ends <= $4)
       and ($2::text is null or exists (select from app where id = $2 and ended is null))
       and ($3::text is null or exists (
               select from app_grant where id = $3 and revoked is null and expires > $4))
"""


async def stands(connection: Any, assignment: str, app: str | None, grant: str | None, now: int) -> bool:
    """Whether an assignment has not ended, an app is registered, and what was permitted to it holds."""
    return bool(await connection.fetchval(STANDS, assignment, app, grant, now))
