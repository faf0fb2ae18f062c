"""Credentials end when they should, and never let anybody in afterwards."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from kontinuum.app.services import Services
from kontinuum.identity import Ending, Identity, Limits, Proof, Session
from kontinuum.kernel.clock import FixedClock
from kontinuum.kernel.principal import Persona
from tests.conftest import SYSTEM

WHO = Persona(SYSTEM.actor, "Läkare", (SYSTEM.assignment,))
LIMITS = Limits(lifetime=timedelta(hours=12), idle=timedelta(hours=2), lock=timedelta(hours=24))


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands still."""
    return FixedClock(datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture
def identity(services: Services, clock: FixedClock) -> Identity:
    """Credentials under that clock."""
    return Identity(services.pool, clock, [WHO], LIMITS)


async def test_a_token_ends_with_its_lifetime_even_if_it_was_just_used(
    identity: Identity, clock: FixedClock
) -> None:
    token = await identity.mint_token(SYSTEM, timedelta(seconds=1))
    assert await identity.principal_of_token(token) == SYSTEM
    clock.advance(timedelta(seconds=1))
    assert await identity.principal_of_token(token) is None


async def test_a_session_ends_when_it_lies_idle_and_at_its_limit(
    identity: Identity, clock: FixedClock
) -> None:
    cookie, _ = await signed_in(identity)
    for _ in range(5):
        clock.advance(LIMITS.idle - timedelta(minutes=2))
        assert await identity.sessions.find(cookie) is not None
    clock.advance(LIMITS.idle)
    assert await identity.sessions.find(cookie) is None
    cookie, _ = await signed_in(identity)
    for _ in range(LIMITS.lifetime // timedelta(hours=1) - 1):
        clock.advance(timedelta(hours=1))
        assert await identity.sessions.find(cookie) is not None
    clock.advance(timedelta(hours=1))
    assert await identity.sessions.find(cookie) is None


async def test_who_signs_out_is_out_at_once(identity: Identity) -> None:
    cookie, session = await signed_in(identity)
    assert await identity.sessions.find(cookie) is not None
    await identity.sessions.end(session, Ending.SIGNED_OUT)
    assert await identity.sessions.find(cookie) is None


async def test_a_cookie_is_no_token_and_a_token_no_cookie(identity: Identity) -> None:
    cookie, _ = await signed_in(identity)
    token = await identity.mint_token(SYSTEM, timedelta(hours=1))
    assert await identity.principal_of_token(cookie) is None
    assert await identity.sessions.find(token) is None
    assert identity.persona("nobody") is None
    assert identity.persona(SYSTEM.actor.id) == WHO


async def signed_in(identity: Identity) -> tuple[str, Session]:
    """A new session."""
    return await identity.sessions.start(SYSTEM, Proof("demo"))


async def test_what_is_locked_while_others_read_it_is_locked_for_all_who_ask_later(
    identity: Identity,
) -> None:
    for _ in range(12):
        cookie, _ = await signed_in(identity)
        reading = [identity.sessions.find(cookie) for _ in range(6)]
        await asyncio.gather(*reading[:3], identity.sessions.lock(cookie), *reading[3:])
        found = await identity.sessions.find(cookie)
        assert found is not None
        assert found.locked


async def test_going_from_page_to_page_does_not_put_off_what_another_process_has_locked(
    services: Services, identity: Identity, clock: FixedClock
) -> None:
    elsewhere = Identity(services.pool, clock, [WHO], LIMITS)
    cookie, _ = await signed_in(identity)
    session = await identity.sessions.find(cookie)
    assert session is not None
    await elsewhere.sessions.lock(cookie)
    for number in range(3):
        clock.advance(timedelta(seconds=2))
        await identity.sessions.note_page(cookie, session, f"/patient/p-{number}")
    found = await identity.sessions.find(cookie)
    assert found is not None
    assert found.locked
