"""What one process of the application works with, opened in order and closed in the reverse order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncpg

from kontinuum.audit import AuditLog
from kontinuum.identity import Identity, Limits
from kontinuum.kernel.clock import Clock, SystemClock
from kontinuum.kernel.config import Settings
from kontinuum.kernel.ids import KeySource
from kontinuum.kernel.principal import Persona
from kontinuum.record import Gate
from kontinuum.store.pool import create_pool
from kontinuum.store.writer import claim_writer

if TYPE_CHECKING:
    from kontinuum.identity.oidc.party import RelyingParty


@dataclass(frozen=True, slots=True)
class Services:
    """A process's services. `pool` is for the parts below the gate; features are given the gate alone."""

    settings: Settings
    clock: Clock
    pool: Any
    audit: AuditLog
    gate: Gate
    identity: Identity
    sign_in: Mapping[str, RelyingParty]


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
    parties = _relying_parties(settings, clock)
    async with AsyncExitStack() as stack:
        for party in parties.values():
            stack.push_async_callback(party.close)
        anchor: Any = await asyncpg.connect(dsn, server_settings={"application_name": "kontinuum writer"})
        stack.push_async_callback(anchor.close)
        keys = KeySource(clock, await claim_writer(anchor))
        pool = await create_pool(dsn, size=connections)
        stack.push_async_callback(pool.close)
        audit = AuditLog(dsn, clock)
        await audit.start()
        stack.push_async_callback(audit.stop)
        shown = () if settings.environment == "production" else personas
        limits = Limits(settings.session_lifetime, settings.session_idle, settings.lock_after)
        identity = Identity(pool, clock, shown, limits)
        gate = Gate(pool, audit, clock, keys, hinted=settings.kept_back_told)
        await gate.learn_of_law()
        yield Services(settings, clock, pool, audit, gate, identity, parties)


def _relying_parties(settings: Settings, clock: Clock) -> Mapping[str, RelyingParty]:
    if not settings.oidc:
        return {}
    from kontinuum.identity.oidc.party import relying_parties

    return relying_parties(settings.oidc, clock)
