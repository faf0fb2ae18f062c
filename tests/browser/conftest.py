"""A real browser on the real server with the demo region, one of each for a test run."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    async_playwright,
    expect,
)

from kontinuum.app.postgres import scratch_database
from kontinuum.demo.region import region
from tests.browser.steps import Steps
from tests.support.independent import independent_provider, register
from tests.support.oidc import HSA_CLAIM, LOA3

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"

DISTRICT_DOCTOR = "Anna Berglund"
DISTRICT_DOCTORS_ID = next(one.hsa for one in region().staff if one.name == DISTRICT_DOCTOR)
FULLEST = "p-0001"
EMPTY = "p-0015"
MARKED = "p-0012"
PROTECTED = "p-0013"
RESERVE = "p-0014"
DECEASED = "p-0018"

Open = Callable[..., Awaitable[Page]]

expect.set_options(timeout=20_000)  # a busy machine: what is looked for is awaited, not timed


@pytest.fixture
def steps(record_property: Callable[[str, object], None]) -> Callable[[Page, str, int], Steps]:
    """Count the actions of a task."""
    return lambda page, task, budget: Steps(page, task, budget, record_property)


@pytest.fixture(scope="session")
def provider() -> Iterator[str]:
    """The address of an independent sign-in service, which knows the district doctor and a stranger."""
    with independent_provider() as issuer:
        register(issuer, "anna", acr=LOA3, **{HSA_CLAIM: DISTRICT_DOCTORS_ID})
        register(issuer, "stranger", acr=LOA3, **{HSA_CLAIM: "SE2321000016-NOBODY"})
        yield issuer


OIDC_FILE = """
[[provider]]
key = "siths"
title = "SITHS eID"
issuer = "{issuer}"
client_id = "kontinuum"
client_secret_file = "secret"
acr = ["{acr}"]
hsa_id_claim = "{claim}"
"""


@pytest.fixture(scope="session")
def live_server(
    database_server: str, provider: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of `kontinuum serve` with the demo region and a sign-in service."""
    with serving(database_server, provider, tmp_path_factory.mktemp("live")) as address:
        yield address


@contextlib.contextmanager
def serving(database_server: str, provider: str, directory: Path, *, workers: int = 1) -> Iterator[str]:
    """Run `kontinuum serve` on a database of its own; gives its address when it answers."""
    with scratch_database(database_server) as dsn, socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        free.close()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("KONTINUUM_")}
        environ = {
            **kept,
            "KONTINUUM_ENV": "development",
            "KONTINUUM_DATA_DIR": str(directory / "var"),
            "KONTINUUM_DATABASE_URL": dsn,
            "KONTINUUM_PORT": str(port),
            "KONTINUUM_WORKERS": str(workers),
            "KONTINUUM_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "KONTINUUM_OIDC_FILE": str(directory / "oidc.toml"),
        }
        text = OIDC_FILE.format(issuer=provider, acr=LOA3, claim=HSA_CLAIM)
        (directory / "secret").write_text("hemligt", encoding="utf-8")
        (directory / "oidc.toml").write_text(text, encoding="utf-8")
        with open(directory / "output.txt", "wb") as output:
            command = [sys.executable, "-m", "kontinuum.app", "serve"]
            server = subprocess.Popen(command, env=environ, stdout=output, stderr=output)
        address = f"http://127.0.0.1:{port}"
        try:
            _wait_for(address, server, directory / "output.txt")
            yield address
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=30)


def _wait_for(address: str, server: subprocess.Popen[bytes], output: Path) -> None:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        assert server.poll() is None, output.read_text()
        try:
            if httpx.get(f"{address}/sign-in", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(output.read_text())


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium: the one named in KONTINUUM_TEST_CHROMIUM, else the one on the path, else Playwright's."""
    found = (
        os.environ.get("KONTINUUM_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    )
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield opened
        await opened.close()


async def put_aside(place: Page | Locator) -> None:
    """Leave nothing begun in a form: whoever opens it next would go on with it."""
    await place.get_by_role("button", name="Börja om").click()
    await expect(place.get_by_text("Det du hade påbörjat är undanlagt.")).to_be_visible()


@pytest.fixture
async def visit(browser: Browser, live_server: str, provider: str) -> AsyncIterator[Open]:
    """Open a page in a browser of its own, signed in; what its console complains of fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    async def open_page(
        path: str = "/",
        *,
        width: int = 1440,
        theme: str = "light",
        language: str = "sv",
        name: str | None = DISTRICT_DOCTOR,
        javascript: bool = True,
    ) -> Page:
        context = await browser.new_context(
            base_url=live_server,
            viewport={"width": width, "height": 900},
            color_scheme="dark" if theme == "dark" else "light",
            locale="sv-SE" if language == "sv" else "en-GB",
            java_script_enabled=javascript,
        )
        contexts.append(context)
        page = await context.new_page()
        page.on(
            "console",
            lambda said: complaints.append(said.text) if is_complaint(said, provider) else None,
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        if name is not None:
            await sign_in(page, name)
        await page.goto(path)
        return page

    yield open_page
    for context in contexts:
        await context.close()
    assert complaints == []


def is_complaint(said: ConsoleMessage, provider: str) -> bool:
    """Whether the console speaks of a page of ours that is not as it should be."""
    elsewhere = said.page is None or said.page.url.startswith(provider)
    refused = "/sign-in/siths/answer" in said.location["url"]  # a refusal is meant, and is not a page of 200
    # A question on its way while the screen is locked is answered 423, which covers the page.
    # One that left with the cookie of before unlocking, which renews it, is answered 401.
    locked = any(
        f"{words} {status}" in said.text for words in ("status of", "Error Code") for status in (401, 423)
    )
    # On a busy machine the browser finds that a font it was told of early is used late.
    late = "was preloaded using link preload but not used" in said.text
    # A question that a newer one replaces: every other failure is told by a line of its own besides.
    replaced = said.text.startswith(("htmx:sendAbort", "htmx:afterRequest"))
    # A file that is refused is answered 422, and a test that takes the line away means it.
    meant = (
        "/draft/" in said.location["url"] and "422" in said.text
    ) or "ERR_INTERNET_DISCONNECTED" in said.text
    tolerated = elsewhere or refused or locked or late or replaced or meant
    return said.type in ("error", "warning") and not tolerated


async def sign_in(page: Page, name: str = DISTRICT_DOCTOR) -> None:
    """Choose a persona and its first assignment: one click."""
    await page.goto("/sign-in")
    await page.get_by_role("button", name=re.compile(re.escape(name))).first.click()
    await page.wait_for_url("**/")


async def discard(page: Page) -> None:
    """Discard the draft that is open, and wait for the server to have done it: others share that server."""
    await page.get_by_role("button", name="Kasta utkastet").click()
    await expect(page.get_by_text("Utkastet är kastat.")).to_be_visible()


async def sideways(page: Page) -> int:
    """How many pixels of a page lie beside the screen.

    The window is wider than the room in it by the bar that scrolls, for which the page keeps a place.
    """
    return int(await page.evaluate("(one => one.scrollWidth - one.offsetWidth)(document.documentElement)"))


async def accessibility_problems(page: Page, within: str = "html") -> list[str]:
    """What axe finds against WCAG 2.2 AA and its own best practices, one line each.

    What opens above a page covers some of it by halves, which axe takes for too small: ask `within` it.
    So do bars that stay while a page is scrolled: a whole page is looked at in a window of its height.
    """
    size = page.viewport_size
    assert size, "the window has a size"
    if within == "html":
        height = await page.evaluate("document.documentElement.scrollHeight")
        await page.set_viewport_size({"width": size["width"], "height": max(height, size["height"])})
    await page.evaluate(AXE.read_text(encoding="utf-8"))  # as the debugger does: page policy stays
    result = await page.evaluate(
        "within => axe.run(within,"
        " {runOnly: ['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa','best-practice'],"
        " resultTypes: ['violations']})",
        within,
    )
    await page.set_viewport_size(size)
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:160]}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]
