"""Databases for tests: emptied and used again, because making one takes longer than most tests."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from kontinuum.app.postgres import scratch_database

# Any change of the schema shows here; what emptying itself changes in the catalogue does not.
SCHEMA = """
select (select md5(string_agg(c.relname || c.relnatts || c.relhastriggers || coalesce(c.relacl::text, '')
                              || coalesce(c.reloptions::text, ''), ',' order by c.relname))
          from pg_class c where c.relnamespace = 'public'::regnamespace) as tables,
       (select count(*) || '/' || max(a.xmin::text::bigint)
          from pg_attribute a join pg_class c on c.oid = a.attrelid
         where c.relnamespace = 'public'::regnamespace) as columns,
       (select count(*) || '/' || max(t.xmin::text::bigint) from pg_trigger t) as triggers,
       (select count(*) || '/' || max(p.xmin::text::bigint) from pg_proc p) as functions,
       (select count(*) || '/' || max(k.xmin::text::bigint) from pg_constraint k) as constraints,
       (select count(*) from pg_db_role_setting s
         where s.setdatabase = (select oid from pg_database where datname = current_database())) as settings
"""
TABLES = "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
OTHERS = """
select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity
 where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
"""
SEQUENCES = """
select setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
  from pg_sequences where schemaname = 'public' and last_value is not null
"""


@dataclass
class Databases:
    """Copies of a template: each is given to one test at a time, as empty as the template.

    A database whose schema a test has changed, or that cannot be emptied, is dropped.
    """

    server: str
    template: str
    _free: list[str] = field(default_factory=list)
    _made: dict[str, ExitStack] = field(default_factory=dict)
    _schema: Any = None
    _rows: dict[str, str] = field(default_factory=dict)

    async def take(self) -> str:
        """The URI of an empty database."""
        if self._free:
            return self._free.pop()
        stack = ExitStack()
        dsn = stack.enter_context(scratch_database(self.server, template=self.template))
        self._made[dsn] = stack
        if self._schema is None:
            await self._learn(dsn)
        return dsn

    async def give_back(self, dsn: str) -> None:
        """Empty a database for the next test."""
        if await self._emptied(dsn):
            self._free.append(dsn)
        else:
            self._made.pop(dsn).close()

    def close(self) -> None:
        """Drop them all."""
        for stack in self._made.values():
            stack.close()

    async def _learn(self, dsn: str) -> None:
        connection: Any = await asyncpg.connect(dsn)
        try:
            self._schema = await connection.fetchrow(SCHEMA)
            for (name,) in await connection.fetch(TABLES):
                self._rows[name] = await _rows(connection, name)
        finally:
            await connection.close()

    async def _emptied(self, dsn: str) -> bool:
        try:
            connection: Any = await asyncpg.connect(dsn)
        except asyncpg.PostgresError:
            return False
        try:
            await connection.execute(OTHERS)
            if await connection.fetchrow(SCHEMA) != self._schema:
                return False
            async with connection.transaction():
                await self._empty(connection)
        except asyncpg.PostgresError:  # such as a role that may not leave triggers out
            return False
        finally:
            await connection.close()
        return True

    async def _empty(self, connection: Any) -> None:
        await connection.execute(
            "set local session_replication_role = replica; set local lock_timeout = '9s'"
        )
        filled = " union all ".join(
            f"select '{name}' where exists (select from {name})"
            for name, rows in self._rows.items()
            if rows == "[]"
        )
        changed = [name for (name,) in await connection.fetch(filled)]
        restored = [
            name
            for name, rows in self._rows.items()
            if rows != "[]" and await _rows(connection, name) != rows
        ]
        if changed or restored:
            await connection.execute(f"truncate {', '.join([*changed, *restored])}")
        for name in restored:
            await connection.execute(
                f"insert into {name} select * from json_populate_recordset(null::{name}, $1::json)",
                self._rows[name],
            )
        await connection.execute(SEQUENCES)


async def _rows(connection: Any, table: str) -> str:
    found = await connection.fetchval(f"select coalesce(json_agg(t order by t::text), '[]') from {table} t")
    return json.dumps(json.loads(found))
