"""What one process of the application works with, opened in order and closed in the reverse order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import structlog

from kontinuum.audit import AuditLog
from kontinuum.identity import Identity
from kontinuum.kernel.clock import Clock, SystemClock
from kontinuum.kernel.config import Settings
from kontinuum.kernel.ids import KeySource
from kontinuum.kernel.principal import Persona
from kontinuum.record import Gate
from kontinuum.store import roles
from kontinuum.store.pool import create_pool
from kontinuum.store.writer import claim_writer

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Services:
    """A process's services. `pool` is for the parts below the gate; features are given the gate alone."""

    settings: Settings
    clock: Clock
    pool: Any
    audit: AuditLog
    gate: Gate
    identity: Identity


@asynccontextmanager
async def open_services(
    settings: Settings,
    dsn: str,
    *,
    clock: Clock | None = None,
    personas: Sequence[Persona] = (),
    connections: int = 8,
) -> AsyncIterator[Services]:
    """Connect to a migrated database and give the services over it.

    `personas` are whom a visitor may sign in as; production is given none.
    """
    clock = clock or SystemClock()
    anchor: Any = await asyncpg.connect(dsn, server_settings={"application_name": "kontinuum writer"})
    try:
        keys = KeySource(clock, await claim_writer(anchor))
        role = await roles.for_application(anchor)
        if role is None:
            _log.warning("log_not_protected_by_a_role", remedy="kontinuum doctor")
        pool = await create_pool(dsn, size=connections, role=role)
        audit = AuditLog(dsn, clock, role=role)
        await audit.start()
        try:
            shown = () if settings.environment == "production" else personas
            yield Services(
                settings, clock, pool, audit, Gate(pool, audit, clock, keys), Identity(pool, clock, shown)
            )
        finally:
            await audit.stop()
            await pool.close()
    finally:
        await anchor.close()
