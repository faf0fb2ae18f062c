"""In the browser no page, late answer or way back shows another patient than it says."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from playwright.async_api import Dialog, Error, Route, expect

from tests.browser.conftest import EMPTY, FULLEST, Open, discard, sign_in

COLLEAGUE = "Karin Öhman"
BROUGHT_BACK = "dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))"
"""As a browser tells a page that it kept when one left it, and shows again as it was."""
WRITTEN = "Ingen blödning, skrivet hos den ena"


async def test_what_comes_late_or_from_before_stays_with_its_patient(visit: Open) -> None:
    page = await visit(f"/patient/{FULLEST}/journal/write?template=hembesok")
    banner, reason = page.locator(".banner"), page.get_by_label("Kontaktorsak")
    saved, go_on, told = asyncio.Event(), asyncio.Event(), asyncio.Event()
    questions: list[Dialog] = []

    async def late(route: Route) -> None:
        answer = await route.fetch()
        saved.set()
        await go_on.wait()
        with suppress(Error):  # the page that asked may be gone
            await route.fulfill(response=answer)
        told.set()

    page.on("dialog", lambda dialog: questions.append(dialog))
    await page.route("**/journal/draft", late)
    await reason.press_sequentially(WRITTEN)
    await saved.wait()
    # The browser asks before it leaves; who stays has everything.
    async with page.expect_event("dialog"):
        await page.evaluate(
            "address => { setTimeout(() => location.assign(address)) }", f"/patient/{EMPTY}/timeline"
        )
    assert questions[0].type == "beforeunload"
    await questions[0].dismiss()
    await expect(reason).to_have_value(WRITTEN)
    async with page.expect_event("dialog"):
        await page.evaluate(
            "address => { setTimeout(() => location.assign(address)) }", f"/patient/{EMPTY}/timeline"
        )
    await questions[1].accept()
    await expect(banner).to_have_attribute("data-patient", EMPTY)
    go_on.set()
    await told.wait()
    await expect(banner).to_have_attribute("data-patient", EMPTY)
    assert WRITTEN not in await page.content()
    await page.go_back()
    await expect(banner).to_have_attribute("data-patient", FULLEST)
    await expect(reason).to_have_value(WRITTEN)
    await page.go_forward()
    await expect(banner).to_have_attribute("data-patient", EMPTY)
    assert WRITTEN not in await page.content()
    await page.go_back()
    await discard(page)


async def test_a_part_of_another_patients_page_is_not_put_in(visit: Open) -> None:
    page = await visit(f"/patient/{FULLEST}/timeline")
    more = page.get_by_role("link", name="Visa tidigare")
    other = {"x-patient": EMPTY}
    await page.route(
        "**/timeline?*",
        lambda route: route.fulfill(body=f"<p>{WRITTEN}</p>", content_type="text/html", headers=other),
    )
    await page.evaluate("document.addEventListener('htmx:afterOnLoad', () => (document.title = 'answered'))")
    await more.click()
    await expect(page).to_have_title("answered")
    assert WRITTEN not in await page.content()
    await expect(more).to_be_visible()

    # Kept by the browser and brought back: read anew, and not seen before it is known whose session this is.
    async with page.expect_event("load"):
        await page.evaluate(BROUGHT_BACK)
    await expect(more).to_be_visible()
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def late(route: Route) -> None:
        asked.set()
        await go_on.wait()
        await route.continue_()

    await page.route("**/session", late)
    await page.context.clear_cookies()
    other_window = await page.context.new_page()
    await sign_in(other_window, COLLEAGUE)
    await page.evaluate(BROUGHT_BACK)
    await asked.wait()
    await expect(page.locator("main")).not_to_be_visible()
    await expect(page.locator(".banner")).not_to_be_visible()
    go_on.set()
    await page.wait_for_url("**/")
    await expect(page.locator(".menu-name")).to_have_text(COLLEAGUE)
    await expect(page.locator(".banner")).to_have_count(0)
