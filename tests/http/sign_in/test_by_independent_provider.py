"""Sign-in against a provider that somebody else wrote, over the network of this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import httpx
import pytest
from tests.http.sign_in.conftest import csrf_of, post
from tests.support.independent import independent_provider, register
from tests.support.oidc import HSA_CLAIM, LOA2, LOA3, SITHS
from tests.support.staff import ANNA, write_region

from kontinuum.app.asgi import build
from kontinuum.app.services import open_services
from kontinuum.kernel.config import Settings

PUBLIC = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """The provider's address, with the people that it knows."""
    with independent_provider() as address:
        register(address, "anna", acr=LOA3, **{HSA_CLAIM: ANNA})
        register(address, "weak", acr=LOA2, **{HSA_CLAIM: ANNA})
        register(address, "plain", **{HSA_CLAIM: ANNA})
        yield address


@pytest.fixture
async def browser(settings: Settings, dsn: str, issuer: str) -> AsyncIterator[httpx.AsyncClient]:
    """A browser of an installation that has this provider."""
    provider = replace(SITHS, issuer=issuer)
    with_provider = replace(settings, oidc=(provider,), public_url=PUBLIC)
    async with open_services(with_provider, dsn, connections=4) as services:
        await write_region(services)
        transport = httpx.ASGITransport(app=build(services))
        headers = {"accept-language": "sv"}
        async with httpx.AsyncClient(transport=transport, base_url=PUBLIC, headers=headers) as opened:
            yield opened


async def by_way_of_the_provider(browser: httpx.AsyncClient, subject: str, **more: str) -> httpx.Response:
    """To the provider, through its form, and back."""
    sent = await browser.get("/sign-in/siths", params=more)
    async with httpx.AsyncClient() as elsewhere:
        back = await elsewhere.post(sent.headers["location"], data={"sub": subject})
    assert back.headers["location"].startswith(f"{PUBLIC}/sign-in/siths/answer?"), back.text
    return await browser.get(back.headers["location"])


async def test_it_works(browser: httpx.AsyncClient) -> None:
    chosen = await by_way_of_the_provider(browser, "anna")
    assert chosen.headers["location"] == "/sign-in/assignment"
    page = await browser.get("/sign-in/assignment")
    form = {"csrf": csrf_of(page), "assignment": "anna-1"}
    assert (await browser.post("/sign-in/assignment", data=form)).headers["location"] == "/"
    assert "Anna Berg" in (await browser.get("/")).text

    await post(browser, "/lock")
    back = await by_way_of_the_provider(browser, "anna", unlock="1", next="/sessions")
    assert back.headers["location"] == "/sessions"

    out = await post(browser, "/sign-out")
    page = await browser.get(out.headers["location"])
    assert "/oauth2/end_session?client_id=kontinuum" in page.text
    assert (await browser.get("/")).headers["location"] == "/sign-in"


@pytest.mark.parametrize("subject", ["weak", "plain"])
async def test_a_means_that_is_not_strong_enough_is_refused_with_what_to_use(
    browser: httpx.AsyncClient, subject: str
) -> None:
    told = await by_way_of_the_provider(browser, subject)
    assert told.status_code == 403
    assert "räcker inte för patientuppgifter" in told.text
    assert (await browser.get("/")).headers["location"] == "/sign-in"


async def test_one_who_denies_at_the_provider_is_not_signed_in(browser: httpx.AsyncClient) -> None:
    sent = await browser.get("/sign-in/siths")
    async with httpx.AsyncClient() as elsewhere:
        back = await elsewhere.post(sent.headers["location"], data={"action": "deny"})
    # This provider leaves out `state` when it refuses, so the answer cannot be tied to a question.
    told = await browser.get(back.headers["location"])
    assert told.status_code in (400, 403)
    assert "Du är inte inloggad" in told.text
