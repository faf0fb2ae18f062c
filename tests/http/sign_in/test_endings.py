"""The end of a session is in the log, whatever ends it (rules 6 and 18)."""

from __future__ import annotations

from datetime import timedelta

import httpx
from tests.http.sign_in.conftest import OpenBrowser, identify, logged, post, sign_in
from tests.support.oidc import StrictProvider
from tests.support.staff import role, write

from kontinuum.app.endings import Endings
from kontinuum.app.services import Services
from kontinuum.kernel.clock import FixedClock


async def test_every_end_of_a_session_is_in_the_log_once(
    anna: httpx.AsyncClient,
    provider: StrictProvider,
    installation: Services,
    open_browser: OpenBrowser,
    clock: FixedClock,
) -> None:
    """By a new sign-in in its place, with its assignment, by its time, by hand: though nobody asks."""
    endings = Endings(installation.identity.sessions, installation.audit, clock)

    async def ended() -> list[tuple[str, str]]:
        await endings.look()
        await endings.look()
        told = await logged(installation, "sign-out")
        assert all(each["actor"] == "anna" and each["what"][0].startswith("session/") for each in told)
        assert len({tuple(each["what"]) for each in told}) == len(told)
        return [(each["assignment"], each["basis"]) for each in told]

    assert await ended() == []
    await sign_in(anna, provider, "anna-1")
    expected = [("anna-1", "replaced")]
    assert await ended() == expected
    ward = open_browser()
    await sign_in(ward, provider, "anna-2")
    await write(installation, role("anna-2", "anna", "clinic", "supervision", active=False))
    expected.append(("anna-2", "assignment"))
    assert await ended() == expected
    clock.advance(timedelta(minutes=119))
    assert await ended() == expected
    clock.advance(timedelta(minutes=2))
    expected.append(("anna-1", "expired"))
    assert await ended() == expected
    await identify(anna, provider)
    await post(anna, "/sign-out")
    assert await ended() == [*expected, ("anna-1", "by-hand")]
