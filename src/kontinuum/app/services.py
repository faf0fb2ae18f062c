"""What one process of the application works with, opened in order and closed in the reverse order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import asyncpg
import structlog

from kontinuum.app.endings import SECONDS, Endings
from kontinuum.audit import AuditLog
from kontinuum.bulk import Desk
from kontinuum.identity import Identity, Limits
from kontinuum.identity.hooks import CdsServices
from kontinuum.identity.lasting import lasting
from kontinuum.identity.smart import Smart
from kontinuum.kernel import kept
from kontinuum.kernel.clock import Clock, SystemClock
from kontinuum.kernel.config import Settings
from kontinuum.kernel.ids import KeySource
from kontinuum.kernel.principal import Persona
from kontinuum.kernel.provider_settings import Value
from kontinuum.kernel.recurring import Recurring
from kontinuum.profiles import Profiles
from kontinuum.record import Gate
from kontinuum.record.advice import Advice
from kontinuum.record.subscriptions.endpoints import Endpoints
from kontinuum.store import roles
from kontinuum.store.pool import create_pool
from kontinuum.store.provider_settings import CHANNEL, SettingsReader
from kontinuum.store.writer import claim_writer
from kontinuum.terminology import Terminology
from kontinuum.web.live import Live
from kontinuum.web.smart import addresses
from kontinuum.web.subscriptions import Courier

if TYPE_CHECKING:
    from kontinuum.identity.oidc.party import RelyingParty

_HOUR = 3600
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
    sign_in: Mapping[str, RelyingParty]
    provider_settings: SettingsReader
    terminology: Terminology
    smart: Smart
    bulk: Desk
    advice: Advice
    courier: Courier
    live: Live


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
        role = await _role(anchor)
        pool = await create_pool(dsn, size=connections, role=role)
        stack.push_async_callback(pool.close)
        audit = AuditLog(dsn, clock, role=role)
        await audit.start()
        stack.push_async_callback(audit.stop)
        decided = SettingsReader(pool, clock, _overrides(settings))
        await decided.learn()
        identity = _identity(settings, pool, clock, personas, decided)
        profiles, live = Profiles(), Live()
        await anchor.add_listener(CHANNEL, _hear(identity, decided, profiles, live))
        ends = Endings(identity.sessions, audit, clock)
        _repeat(stack, Recurring("ends of sessions", ends.look, every=SECONDS))
        gate = _gate(settings, pool, audit, clock, keys, decided, profiles)
        await gate.learn_of_law()
        stack.push_async_callback(gate.close)
        _forget(stack, gate)
        smart = Smart(pool, clock, identity)
        cds = CdsServices(pool, clock)
        advice = Advice(pool, gate, audit, clock, identity, smart.keys, cds, limit=settings.advice_limit)
        stack.push_async_callback(advice.close)
        courier = _courier(settings, clock, pool, gate, identity, dsn, live)
        stack.push_async_callback(courier.stop)
        stack.push_async_callback(live.stop)
        yield Services(
            settings=settings,
            clock=clock,
            pool=pool,
            audit=audit,
            gate=gate,
            identity=identity,
            sign_in=parties,
            provider_settings=decided,
            terminology=Terminology(pool),
            smart=smart,
            bulk=_desk(settings, pool, gate, clock),
            advice=advice,
            courier=courier,
            live=live,
        )


def _forget(stack: AsyncExitStack, gate: Gate) -> None:
    _repeat(stack, Recurring("drafts that are kept no longer", gate.forget_drafts, every=_HOUR))
    _repeat(stack, Recurring("what was read of bodies", kept.grow_older, every=kept.SECONDS))


def _repeat(stack: AsyncExitStack, work: Recurring) -> None:
    work.start()
    stack.push_async_callback(work.stop)


def _identity(
    settings: Settings, pool: Any, clock: Clock, personas: Sequence[Persona], decided: SettingsReader
) -> Identity:
    limits = Limits(settings.session_lifetime, settings.session_idle, settings.lock_after)
    shown = () if settings.environment == "production" else personas
    return Identity(pool, clock, shown, limits, decided)


async def _role(connection: Any) -> str | None:
    role = await roles.for_application(connection)
    if role is None:
        _log.warning("log_not_protected_by_a_role", remedy="kontinuum doctor")
    return role


def _gate(
    settings: Settings,
    pool: Any,
    audit: AuditLog,
    clock: Clock,
    keys: KeySource,
    decided: SettingsReader,
    profiles: Profiles,
) -> Gate:
    return Gate(
        pool,
        audit,
        clock,
        keys,
        decided,
        hinted=settings.kept_back_told,
        profiles=profiles,
        claims_bind=settings.claimed_profiles == "refuse",
        endpoints=Endpoints(settings.notify_hosts, plain=settings.environment != "production"),
    )


def _desk(settings: Settings, pool: Any, gate: Gate, clock: Clock) -> Desk:
    folder = settings.data_dir / "bulk"
    return Desk(pool, gate, clock, folder, most=settings.bulk_jobs, kept=settings.bulk_kept)


def _courier(
    settings: Settings, clock: Clock, pool: Any, gate: Gate, identity: Identity, dsn: str, live: Live
) -> Courier:
    origin = settings.public_url or f"http://{settings.host}:{settings.port}"
    kept = timedelta(days=settings.event_days)
    lasts = partial(lasting, pool, clock, identity)
    courier = Courier(gate.deliveries, lasts, dsn, clock, origin + addresses.FHIR, kept)
    live.follow(gate.news, courier.listen)
    return courier


def _overrides(settings: Settings) -> dict[str, Value]:
    """What the installation decides for its care providers: the environment, or limits it was opened with."""
    found = dict(settings.provider_overrides)
    usual, hour = Limits(), timedelta(hours=1)
    if settings.session_lifetime != usual.lifetime:
        found["session_hours"] = settings.session_lifetime // hour
    if settings.session_idle != usual.idle:
        found["idle_minutes"] = settings.session_idle // (hour / 60)
    return found


_SESSION: Final = "session "
_PERSON: Final = "person "


def _hear(identity: Identity, decided: SettingsReader, profiles: Profiles, live: Live) -> Callable[..., None]:
    """What is done when the database tells of a change that was committed in any process."""

    def heard(_connection: Any, _process: int, _channel: str, what: str) -> None:
        if what == "assignment":
            identity.forget()
        elif what == "settings":
            decided.hear()
        elif what == "profiles":
            profiles.forget()
        elif what == "destroyed":
            kept.forget()
        elif what.startswith(_SESSION):
            identity.sessions.hear(what.removeprefix(_SESSION))
            live.look_at(what.removeprefix(_SESSION))
        elif what.startswith(_PERSON):
            live.count_anew(what.removeprefix(_PERSON))

    return heard


def _relying_parties(settings: Settings, clock: Clock) -> Mapping[str, RelyingParty]:
    if not settings.oidc:
        return {}
    from kontinuum.identity.oidc.party import relying_parties

    return relying_parties(settings.oidc, clock)
