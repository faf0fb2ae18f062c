"""Sign-in over HTTP: an installation behind TLS with a provider, a staff directory and several browsers."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from tests.support.oidc import HSA_CLAIM, NUMBER_CLAIM, SITHS, StrictProvider
from tests.support.staff import ANNA, write_region

from kontinuum.app.asgi import build
from kontinuum.app.services import Services, open_services
from kontinuum.demo import personas
from kontinuum.kernel.clock import FixedClock
from kontinuum.kernel.config import Settings

PUBLIC = "https://journal.test"

OpenBrowser = Callable[[], httpx.AsyncClient]


@pytest.fixture
def clock() -> FixedClock:
    """A clock that the test moves."""
    return FixedClock(datetime.now(UTC))


@pytest.fixture
def provider(clock: FixedClock) -> StrictProvider:
    """A provider that knows some people."""
    people: dict[str, dict[str, Any]] = {
        "anna": {HSA_CLAIM: ANNA},
        "stranger": {HSA_CLAIM: "SE2321000016-P999"},
        "nobody": {},
        "numbered": {NUMBER_CLAIM: "19801128-9801"},
    }
    return StrictProvider(clock, people=people)


@pytest.fixture
async def installation(
    settings: Settings, dsn: str, clock: FixedClock, provider: StrictProvider
) -> AsyncIterator[Services]:
    """The services of an installation with a provider and a staff directory, and no demo."""
    behind_tls = replace(settings, public_url=PUBLIC, environment="production")
    async with open_services(behind_tls, dsn, clock=clock, connections=4) as opened:
        services = replace(opened, sign_in={SITHS.key: provider.party()})
        await write_region(services)
        yield services


@pytest.fixture
async def demo(settings: Settings, dsn: str, clock: FixedClock) -> AsyncIterator[Services]:
    """The services of an installation with the demo's personas."""
    async with open_services(settings, dsn, clock=clock, personas=personas(), connections=4) as opened:
        yield opened


@pytest.fixture
async def open_browser(installation: Services) -> AsyncIterator[OpenBrowser]:
    """Opens browsers, each with cookies of its own."""
    async with AsyncExitStack() as stack:
        application = build(installation)

        def opened() -> httpx.AsyncClient:
            transport = httpx.ASGITransport(app=application, raise_app_exceptions=False)
            browser = httpx.AsyncClient(
                transport=transport,
                base_url=PUBLIC,
                headers={"accept-language": "en", "user-agent": "Mozilla/5.0 (X11; Linux) Chrome/140.0"},
            )
            stack.push_async_callback(browser.aclose)
            return browser

        yield opened


@pytest.fixture
def browser(open_browser: OpenBrowser) -> httpx.AsyncClient:
    """A browser in which nobody has signed in."""
    return open_browser()


@pytest.fixture
async def anna(browser: httpx.AsyncClient, provider: StrictProvider) -> httpx.AsyncClient:
    """A browser in which Anna has signed in, at the ward."""
    await sign_in(browser, provider)
    return browser


async def ask(browser: httpx.AsyncClient, next_: str = "/", **more: str) -> str:
    """Begin to sign in; gives the address at the provider."""
    sent = await browser.get("/sign-in/siths", params={"next": next_, **more})
    assert sent.status_code == 303, sent.text
    return sent.headers["location"]


async def answer(browser: httpx.AsyncClient, parameters: dict[str, str]) -> httpx.Response:
    """Come back from the provider."""
    return await browser.get("/sign-in/siths/answer", params=parameters)


async def identify(
    browser: httpx.AsyncClient, provider: StrictProvider, subject: str = "anna", next_: str = "/"
) -> httpx.Response:
    """To the provider and back."""
    return await answer(browser, provider.authenticate(await ask(browser, next_), subject))


async def sign_in(
    browser: httpx.AsyncClient, provider: StrictProvider, assignment: str = "anna-1", next_: str = "/"
) -> httpx.Response:
    """Sign Anna in under an assignment."""
    back = await identify(browser, provider, next_=next_)
    assert back.headers.get("location") == "/sign-in/assignment", back.text
    page = await browser.get("/sign-in/assignment")
    form = {"csrf": csrf_of(page), "assignment": assignment}
    return await browser.post("/sign-in/assignment", data=form)


def csrf_of(page: httpx.Response) -> str:
    """The token that a page's forms carry."""
    found = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert found, page.text[:500]
    return found[1]


async def post(browser: httpx.AsyncClient, path: str, **form: str) -> httpx.Response:
    """Send one of the forms of a signed-in person."""
    token = csrf_of(await browser.get("/sessions"))
    return await browser.post(path, data={"csrf": token, **form})


async def logged(services: Services, *actions: str) -> list[dict[str, Any]]:
    """The log's entries of some actions, in order."""
    rows = await services.pool.fetch(
        "select content from audit_entry where action = any($1) order by writer, block, ord", list(actions)
    )
    return [json.loads(row["content"]) for row in rows]


def cookies_set(response: httpx.Response) -> dict[str, str]:
    """The cookies that an answer sets, with all they carry."""
    return {line.partition("=")[0]: line for line in response.headers.get_list("set-cookie")}
