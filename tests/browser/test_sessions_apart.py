"""Twenty people at work at once: nobody sees a byte of another's patient or of another's rights.

Each page is first fetched with nobody else there. Then all twenty work at once, and every page must be the
page that the person had alone. `make soak` lets them work for five minutes; the suite for some seconds.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import httpx
import pytest
from playwright.async_api import Browser, Page

from kontinuum.demo.region import Staff, region
from kontinuum.kernel.principal import Purpose
from tests.browser.conftest import serving
from tests.support.independent import register
from tests.support.oidc import HSA_CLAIM, LOA3

SECONDS = float(os.environ.get("KONTINUUM_TEST_SOAK", "10"))
SESSIONS = 20
IN_BROWSERS = 3
PATIENTS_EACH = 3

PERSONNUMMER = re.compile(r"(?<![\d-])(?:19|20)\d{6}-\d{4}(?!\d)")
CHANGING = (
    re.compile(r'(?:name="(?:csrf|token)" value|data-csrf|nonce|content|data-session)="[^"]{20,}"'),
    re.compile(r"@bottom-left \{.*?; \}"),
    re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(?::\d{2})?"),
)
"""What is new in each rendering of a page: tokens, and the time at which it was made."""


@dataclass
class Worker:
    """One of the staff, signed in, and the patients that this person opens."""

    staff: Staff
    browser: httpx.AsyncClient
    patients: list[str]
    alone: dict[str, tuple[int, str]] = field(default_factory=dict)
    pages: int = 0

    async def see(self, path: str) -> tuple[int, str]:
        """The status and what is steady of a page."""
        answer = await self.browser.get(path)
        return answer.status_code, steady(answer.text)


def steady(text: str) -> str:
    """A page without what every rendering makes anew."""
    for changing in CHANGING:
        text = changing.sub("", text)
    return text


def at_work() -> list[Staff]:
    """Twenty of the demo's staff who care for patients, at as many units as there are."""
    caring = [one for one in region().staff if one.assignments[0][1] is Purpose.CARE and not one.protected]
    units: dict[str, list[Staff]] = {}
    for one in caring:
        units.setdefault(one.assignments[0][0].key, []).append(one)
    spread = [one for rank in range(max(map(len, units.values()))) for one in _rank(units, rank)]
    return spread[:SESSIONS]


def _rank(units: dict[str, list[Staff]], rank: int) -> Iterator[Staff]:
    return (staff[rank] for staff in units.values() if len(staff) > rank)


@pytest.fixture
async def workers(
    database_server: str, provider: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[list[Worker]]:
    """Twenty of the staff, each signed in at the provider, and the server that they share."""
    directory = tmp_path_factory.mktemp("apart")
    with serving(database_server, provider, directory, workers=2) as address:
        async with AsyncExitStack() as stack:
            signed_in = []
            for number, staff in enumerate(at_work()):
                register(provider, staff.key, acr=LOA3, **{HSA_CLAIM: staff.hsa})
                opened = httpx.AsyncClient(base_url=address, headers={"accept-language": "sv"}, timeout=60)
                browser = await stack.enter_async_context(opened)
                await sign_in(browser, staff)
                patients = [f"p-{1 + (number * 5 + k * 7) % 60:04d}" for k in range(PATIENTS_EACH)]
                signed_in.append(Worker(staff, browser, patients))
            yield signed_in


async def sign_in(browser: httpx.AsyncClient, staff: Staff) -> None:
    """Prove at the provider who one is, and take one's first assignment."""
    sent = await browser.get("/sign-in/siths")
    async with httpx.AsyncClient() as elsewhere:
        back = await elsewhere.post(sent.headers["location"], data={"sub": staff.key})
    answer = await browser.get(back.headers["location"])
    if answer.headers["location"].startswith("/sign-in/assignment"):
        page = await browser.get("/sign-in/assignment")
        token = re.search(r'name="csrf" value="([^"]+)"', page.text)
        first = re.search(r'name="assignment" value="([^"]+)"', page.text)
        assert token is not None
        assert first is not None
        chosen = {"csrf": token[1], "assignment": first[1]}
        answer = await browser.post("/sign-in/assignment", data=chosen)
    assert answer.status_code == 303, answer.text


async def work(worker: Worker, numbers: dict[str, str], until: float, dice: random.Random) -> None:
    """Open one's patients again and again, some at the same time, and compare each page."""
    while time.monotonic() < until:
        opened = dice.sample(worker.patients, k=dice.choice((1, 1, 2, 3)))
        paths = [f"/patient/{one}" for one in opened]
        for path, seen in zip(paths, await asyncio.gather(*map(worker.see, paths)), strict=True):
            check(worker, path, seen, numbers)
            worker.pages += 1


def check(worker: Worker, path: str, seen: tuple[int, str], numbers: dict[str, str]) -> None:
    """Hold a page against the one of the quiet hour, and against the numbers of everybody else."""
    patient = path.rsplit("/", 1)[1]
    strangers = set(PERSONNUMMER.findall(seen[1])) & set(numbers) - {
        number for number, whose in numbers.items() if whose == patient
    }
    assert not strangers, f"{worker.staff.name} at {path} saw {[numbers[one] for one in strangers]}"
    assert worker.staff.name in seen[1], f"{path} is not {worker.staff.name}'s page"
    alone = worker.alone[path]
    assert seen == alone, f"{worker.staff.name} at {path}: {difference(alone[1], seen[1])}"


def difference(before: str, after: str) -> str:
    """The first place where two pages part."""
    at = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), -1)
    return f"…{before[max(0, at - 80) : at + 120]!r} became …{after[max(0, at - 80) : at + 120]!r}"


async def browse(
    page: Page, worker: Worker, names: dict[str, str], until: float, dice: random.Random
) -> None:
    """Go from patient to patient in a real browser, back and forth, and read whose page it is."""
    while time.monotonic() < until:
        patient = dice.choice(worker.patients)
        await page.goto(f"/patient/{patient}", wait_until="domcontentloaded")
        if dice.random() < 0.3:
            await page.go_back(wait_until="domcontentloaded")
            await page.go_forward(wait_until="domcontentloaded")
        assert page.url.endswith(f"/patient/{patient}")
        assert worker.staff.name in await page.locator(".topbar").inner_text()
        heading = await page.get_by_role("heading", level=1).inner_text()
        assert heading == names.setdefault(f"{worker.staff.key}/{patient}", heading)
        worker.pages += 1


async def test_twenty_people_at_work_see_their_own_patients_and_rights_only(
    workers: list[Worker], browser: Browser
) -> None:
    numbers: dict[str, str] = {}
    for worker in workers:
        for patient in worker.patients:
            worker.alone[f"/patient/{patient}"] = await worker.see(f"/patient/{patient}")
    for worker in workers:
        for path, (status, text) in worker.alone.items():
            if status == 200:
                found = PERSONNUMMER.search(text)
                if found:
                    numbers[found[0]] = path.rsplit("/", 1)[1]
    assert len(set(numbers.values())) >= 20
    assert len({steady(text) for worker in workers for _, text in worker.alone.values()}) > 50

    until = time.monotonic() + SECONDS
    dice = random.Random(20)
    names: dict[str, str] = {}
    async with AsyncExitStack() as stack:
        jobs = []
        for number, worker in enumerate(workers):
            own = random.Random(dice.random())
            if number >= IN_BROWSERS:
                jobs.append(work(worker, numbers, until, own))
                continue
            context = await stack.enter_async_context(
                await browser.new_context(base_url=str(worker.browser.base_url), locale="sv-SE")
            )
            jar = worker.browser.cookies.jar
            address = str(worker.browser.base_url)
            await context.add_cookies([{"name": c.name, "value": c.value or "", "url": address} for c in jar])
            jobs.append(browse(await context.new_page(), worker, names, until, own))
        await asyncio.gather(*jobs)
    assert all(worker.pages for worker in workers)
    print(f"\n{sum(worker.pages for worker in workers)} pages in {SECONDS:.0f} s, none of them another's")
