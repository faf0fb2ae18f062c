"""The database role under which the application works: it can add to the log, and change nothing in it.

The role that owns the tables migrates them and removes what a decision names. The application's connections
take on `kontinuum_app` when they connect, which owns nothing: it cannot update, delete, truncate or alter
the log, nor switch its triggers off. docs/log.md says what this guarantees on a server of somebody else's.
"""

from __future__ import annotations

from typing import Any

import asyncpg

APPLICATION = "kontinuum_app"

APPEND_ONLY = (
    "audit_anchor",
    "audit_anchor_head",
    "audit_block",
    "audit_chain",
    "audit_decision",
    "audit_entry",
    "audit_removal",
    "log_check",
    "log_finding",
    "log_round",
)
"""Tables in which the application adds rows and never changes or removes one."""

NOT_FOR_THE_APPLICATION = ("audit_decision", "audit_removal", "migration")
"""Tables that the application only reads."""

EXISTS = "select exists (select from pg_roles where rolname = $1)"

MAY_BECOME = "select pg_has_role(session_user, $1, $2)"

GRANTS = f"""
grant usage on schema public to {APPLICATION};
grant select, insert, update, delete on all tables in schema public to {APPLICATION};
grant usage, select on all sequences in schema public to {APPLICATION};
revoke update, delete, truncate on {", ".join(APPEND_ONLY)} from {APPLICATION};
revoke insert, update, delete, truncate on {", ".join(NOT_FOR_THE_APPLICATION)} from {APPLICATION};
"""

READY = """
select has_table_privilege($1, 'audit_entry', 'insert')
       and not has_table_privilege($1, 'audit_entry', 'update, delete, truncate')
"""


async def provide(connection: Any) -> bool:
    """Make the application's role and give it its rights; False when this server does not let us.

    Done after every migration, so that new tables are covered and a database that was restored on another
    server gets its rights back.
    """
    try:
        if not await connection.fetchval(EXISTS, APPLICATION):
            await connection.execute(f"create role {APPLICATION} nologin")
    except (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
        pass  # another database of this server was migrated at the same moment
    except asyncpg.InsufficientPrivilegeError:
        return False
    if not await _may_become(connection):
        try:
            await connection.execute(f"grant {APPLICATION} to session_user")
        except asyncpg.PostgresError:
            return False
    await connection.execute(GRANTS)
    return True


async def for_application(connection: Any) -> str | None:
    """The role that the application's connections take on; None where there is none to take."""
    if not await connection.fetchval(EXISTS, APPLICATION) or not await _may_become(connection):
        return None
    return APPLICATION if await connection.fetchval(READY, APPLICATION) else None


async def _may_become(connection: Any) -> bool:
    # Since PostgreSQL 16 a member may lack the right to SET ROLE.
    how = "set" if connection.get_server_version().major >= 16 else "member"
    return bool(await connection.fetchval(MAY_BECOME, APPLICATION, how))


def server_settings(role: str | None) -> dict[str, str]:
    """What a connection of the application tells the server when it connects."""
    return {} if role is None else {"role": role}
