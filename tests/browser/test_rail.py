"""The rail: what waits, told live to who may know it, for as long as that one may; and calm lists."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
from playwright.async_api import Page, expect

from tests.browser.conftest import DISTRICT_DOCTOR, EMPTY, Open, accessibility_problems
from tests.browser.steps import Steps

COLLEAGUE = "Karin Öhman"
BOOKED = "p-0035"
"""A patient of whom no other test keeps a draft."""


async def _signed_in(address: str, name: str) -> tuple[httpx.AsyncClient, str]:
    """A browser of its own without pages, and the token of its forms."""
    browser = httpx.AsyncClient(base_url=address, headers={"accept-language": "sv"}, timeout=60)
    page = (await browser.get("/sign-in")).text
    form = next(one for one in page.split("<form")[1:] if name in one.partition("</form")[0])
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
    chosen = re.search(r'name="assignment" value="([^"]+)"', form)
    assert chosen
    assert (await browser.post("/sign-in", data=fields)).status_code == 303
    found = re.search(r'name="csrf" value="([^"]+)"', (await browser.get("/")).text)
    assert found
    return browser, found[1]


async def _events(stream: httpx.Response) -> AsyncIterator[tuple[str, str, dict[str, Any]]]:
    """Name, id and values of each event."""
    event: dict[str, str] = {}
    async for line in stream.aiter_lines():
        if not line and "event" in event:
            yield event["event"], event["id"], json.loads(event["data"])
            event = {}
        elif line:
            name, _, value = line.partition(": ")
            event[name] = value


async def _next(events: AsyncIterator[tuple[str, str, dict[str, Any]]], *names: str) -> Any:
    async with asyncio.timeout(60):
        async for found in events:
            if found[0] in names:
                return found
    raise AssertionError(f"the stream ended before {names}")


async def _unsigned(browser: httpx.AsyncClient, csrf: str, text: str) -> None:
    """Leave a note unsigned."""
    form = {"csrf": csrf, "patient": BOOKED, "template": "hembesok", "version": "0", "do": "save"}
    fields = {"kontaktorsak": text, "bedomning": "Egenvård"}
    saved = await browser.post(f"/patient/{BOOKED}/journal/sign", data={**form, **fields})
    assert saved.status_code == 303, saved.text[:2000]


async def test_what_another_writes_is_told_and_a_locked_screen_is_told_nothing(live_server: str) -> None:
    writer, csrf = await _signed_in(live_server, DISTRICT_DOCTOR)
    looker, own_csrf = await _signed_in(live_server, COLLEAGUE)
    accept = {"accept": "text/event-stream"}
    async with looker.stream("GET", "/inbox/count", headers=accept) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        events = _events(stream)
        _, before, numbers = await _next(events, "work")
        assert numbers.keys() == {"own", "unit"}
        await _unsigned(writer, csrf, "Hosta sedan i måndags")
        _, after, _ = await _next(events, "work")
        assert after != before
        # Who comes again with the last id is told that it still holds.
        again = {**accept, "last-event-id": after}
        async with looker.stream("GET", "/inbox/count", headers=again) as second:
            assert (await _next(_events(second), "work", "same"))[0] == "same"
        locked = await looker.post("/lock", data={"csrf": own_csrf}, headers={"x-lock": "by-hand"})
        assert locked.status_code == 204
        assert (await _next(events, "end", "work"))[0] == "end"
        assert (await looker.get("/inbox/count", headers=accept)).status_code == 204
    await writer.aclose()
    await looker.aclose()


async def test_a_task_is_acknowledged_by_one_action_and_the_list_stands_still(
    visit: Open, steps: Callable[[Page, str, int], Steps]
) -> None:
    giver = await visit(f"/inbox/new?patient={EMPTY}", name=COLLEAGUE)
    page = await visit("/inbox")
    await expect(page.locator("[data-count=own]")).to_have_text(re.compile(r"\d"))
    await giver.get_by_label("Vad").fill("Boka årskontroll")
    await giver.get_by_label("Till vem").select_option(label=DISTRICT_DOCTOR)
    assert await accessibility_problems(giver) == []
    await giver.get_by_role("button", name="Skicka").click()
    await expect(giver.locator("#tasks")).to_contain_text("Boka årskontroll")
    new = page.locator("[data-inbox-new] button")
    await expect(new).to_be_visible()
    await expect(page.get_by_text("Boka årskontroll")).to_have_count(0)
    await new.click()
    row = page.locator(".inbox-row", has_text="Boka årskontroll")
    assert await accessibility_problems(page) == []
    task = steps(page, "acknowledge what waits, from the list", 1)
    await task.click(row.locator(".inbox-do").get_by_role("button", name="Klart"))
    await expect(row).to_have_count(0)
    task.done()


async def test_keys_of_one_letter_are_turned_off_and_stay_so_until_they_are_turned_on(visit: Open) -> None:
    page = await visit("/")
    listed = page.get_by_role("dialog", name="Tangenter")
    menu = page.locator(".topbar summary")
    await menu.click()
    await page.get_by_role("button", name="Stäng av enkla kortkommandon").click()
    await page.reload()
    for key in ("?", "/"):
        await page.locator("main").focus()
        await page.keyboard.press(key)
    await expect(page.locator("main")).to_be_focused()
    await expect(listed).to_be_hidden()
    await menu.click()
    await page.locator("button[data-keys]").click()
    await expect(listed).to_contain_text("Du har stängt av kortkommandon med en enda bokstav")
    await page.keyboard.press("Escape")
    await menu.click()
    await page.get_by_role("button", name="Slå på enkla kortkommandon").click()
    await page.locator("main").focus()
    await page.keyboard.press("?")
    await expect(listed).to_be_visible()
    await expect(listed).not_to_contain_text("Du har stängt av", use_inner_text=True)
