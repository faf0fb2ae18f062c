"""What apps were permitted ends with its time, and the keys that sign for them are renewed."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from kontinuum.app.services import Services
from kontinuum.identity import Identity, Limits, Proof
from kontinuum.identity.smart import Asked, Issued, Smart, Wrong
from kontinuum.identity.smart.apps import App
from kontinuum.identity.smart.grants import ACCESS, CODE, OFFLINE
from kontinuum.identity.smart.keys import KNOWN, SIGNS
from kontinuum.kernel.clock import FixedClock
from tests.conftest import principal
from tests.support.smart import REDIRECT, registered

WHO = principal("dr-lind")
VERIFIER = "v" * 43


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands still."""
    return FixedClock(datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture
def identity(services: Services, clock: FixedClock) -> Identity:
    """Credentials under that clock."""
    return Identity(services.pool, clock)


@pytest.fixture
async def smart(services: Services, clock: FixedClock, identity: Identity) -> Smart:
    """Apps under that clock, with one registered."""
    await registered(services, WHO.assignment.provider)
    return Smart(services.pool, clock, identity)


async def code_of(smart: Smart, renewal: str = "offline_access", session: str = "s") -> tuple[App, str]:
    """The app, and a code for it."""
    app = await smart.apps.find("growth")
    assert app is not None
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
    asked = Asked(session, "growth", (renewal, "user/*.rs"), REDIRECT, "state", challenge)
    return app, (await smart.grants.permit(WHO, asked))[0]


async def test_a_code_an_access_token_and_a_permission_end_with_their_time(
    services: Services, smart: Smart, identity: Identity, clock: FixedClock
) -> None:
    app, code = await code_of(smart)
    clock.advance(CODE)
    assert isinstance(await smart.grants.exchange(app, code, REDIRECT, VERIFIER), Wrong)
    app, code = await code_of(smart)
    issued = await smart.grants.exchange(app, code, REDIRECT, VERIFIER)
    assert isinstance(issued, Issued)
    assert issued.refresh is not None
    clock.advance(ACCESS)
    assert await identity.principal_of_token(issued.access) is None
    refreshed = await smart.grants.refresh(app, issued.refresh, None)
    assert isinstance(refreshed, Issued)
    assert refreshed.refresh is not None
    clock.advance(OFFLINE)
    assert isinstance(await smart.grants.refresh(app, refreshed.refresh, None), Wrong)
    assert await smart.grants.of_actor(WHO.actor.id) == []
    await code_of(smart)
    assert await services.pool.fetchval("select count(*) from app_grant") == 1
    assert await services.pool.fetchval("select count(*) from app_refresh") == 0


async def test_an_app_that_ends_ends_what_was_permitted_to_it(smart: Smart, identity: Identity) -> None:
    app, code = await code_of(smart)
    issued = await smart.grants.exchange(app, code, REDIRECT, VERIFIER)
    assert isinstance(issued, Issued)
    assert issued.refresh is not None
    assert not await smart.apps.end("growth", "SE5560000001-1001")
    assert await smart.apps.end("growth", WHO.assignment.provider)
    assert await identity.principal_of_token(issued.access) is None
    assert isinstance(await smart.grants.refresh(app, issued.refresh, None), Wrong)
    assert await smart.apps.find("growth") is None


async def test_signing_keys_are_renewed_and_the_old_ones_stay_known_for_a_time(
    smart: Smart, clock: FixedClock
) -> None:
    (first,) = await smart.keys.published()
    assert "d" not in first
    clock.advance(SIGNS + timedelta(days=1))
    second, old = await smart.keys.published()
    assert old == first
    assert second["kid"] != first["kid"]
    clock.advance(KNOWN - SIGNS)
    assert [each["kid"] for each in await smart.keys.published()] == [second["kid"]]


async def test_with_online_access_an_app_is_renewed_as_long_as_the_session_is_used(
    services: Services,
) -> None:
    # Today's clock: the application ends by itself what lies idle since long ago.
    clock = FixedClock(datetime.now(UTC))
    identity = Identity(services.pool, clock)
    await registered(services, WHO.assignment.provider)
    smart = Smart(services.pool, clock, identity)
    _, session = await identity.sessions.start(WHO, Proof("demo"))
    app, code = await code_of(smart, "online_access", session.id)
    issued = await smart.grants.exchange(app, code, REDIRECT, VERIFIER)
    assert isinstance(issued, Issued)
    clock.advance(ACCESS)
    renewed = await smart.grants.refresh(app, issued.refresh or "", None)
    assert isinstance(renewed, Issued)
    # Nobody has used the session for so long that it is over, though it was not ended.
    clock.advance(Limits().idle)
    assert isinstance(await smart.grants.refresh(app, renewed.refresh or "", None), Wrong)
