"""Administration over HTTP: the demo's staff directory, an administrator, and a doctor."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import httpx
import pytest
from tests.http.pages.conftest import csrf_of, sign_in

from kontinuum.app.asgi import build
from kontinuum.app.commands import acting
from kontinuum.app.services import Services, open_services
from kontinuum.demo import personas
from kontinuum.demo.region import region
from kontinuum.kernel.config import Settings
from kontinuum.record import Incoming, Refusal

ADMINISTRATOR = "Rickard Hult"
DOCTOR = "Anna Berglund"

Open = Callable[[str], Awaitable[httpx.AsyncClient]]


@pytest.fixture
async def application(settings: Settings, dsn: str) -> AsyncIterator[Services]:
    """The services over the demo's organisations and staff, without patients."""
    async with open_services(settings, dsn, personas=personas(), connections=4) as opened:
        await write_directory(opened)
        yield opened


@pytest.fixture
async def open_as(application: Services) -> AsyncIterator[Open]:
    """Opens a browser in which somebody has signed in, in English."""
    async with AsyncExitStack() as stack:
        app = build(application)

        async def opened(name: str) -> httpx.AsyncClient:
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
            headers = {"accept-language": "en"}
            browser = httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers)
            stack.push_async_callback(browser.aclose)
            assert (await sign_in(browser, name)).status_code == 303
            return browser

        yield opened


@pytest.fixture
async def rickard(open_as: Open) -> httpx.AsyncClient:
    """A browser in which the administrator of Region Stockholm has signed in."""
    return await open_as(ADMINISTRATOR)


async def write_directory(services: Services) -> None:
    """Write the demo's organisations and staff, each for the care provider that is accountable."""
    by_provider: dict[str, list[Incoming]] = {}
    for provider, _, resource in region().resources():
        by_provider.setdefault(provider.hsa, []).append(Incoming(resource))
    for provider_id, incoming in by_provider.items():
        place = acting.Place(provider_id, provider_id, provider_id, provider_id)
        record = services.gate.record(acting.system("demo", place, client="test"))
        for result in await record.take_in(incoming):
            assert not isinstance(result, Refusal), result


async def post(browser: httpx.AsyncClient, path: str, page: str = "", **form: str) -> httpx.Response:
    """Send a form: the token and the version are those of its page."""
    shown = await browser.get(page or path)
    fields = {"csrf": csrf_of(shown)}
    for name in ("version", "seen"):
        found = re.search(rf'name="{name}" value="(\d+)"', shown.text)
        if found:
            fields[name] = found[1]
    return await browser.post(path, data={**fields, **form})
