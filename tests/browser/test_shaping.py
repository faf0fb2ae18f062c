"""What units shape, in a browser: tried as it is chosen, by keyboard, readable everywhere."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.conftest import Open, accessibility_problems


async def test_a_layout_and_a_list_are_tried_as_they_are_chosen(visit: Open) -> None:
    page = await visit("/layout", name="Karin Öhman")
    rows = page.locator(".shaping-cards tbody th")
    preview = page.locator(".shaping-frame")
    before = await rows.all_inner_texts()
    await page.get_by_label("Flytta upp Läkemedel").focus()
    await page.keyboard.press("Enter")
    place = before.index("Läkemedel") - 1
    await expect(rows.nth(place)).to_have_text("Läkemedel")
    await expect(page.get_by_label("Flytta upp Läkemedel")).to_be_focused()
    await expect(preview.locator("#laboratory")).to_have_count(1)
    await page.get_by_label("Visa Laboratorium").uncheck()
    await expect(preview.locator("#laboratory")).to_have_count(0)
    await expect(preview.locator("#alerts")).to_have_count(1)
    await page.goto("/worklists/new/change")
    await page.get_by_label("Listans namn").fill("Osignerat")
    await page.get_by_label("osignerad").check()
    await expect(page.locator(".worklist tbody tr").first).to_contain_text("osignerad")
    await expect(page.get_by_label("Listans namn")).to_have_value("Osignerat")
    for address in ("/layout", "/worklists/new/change", "/worklists"):
        await page.goto(address)
        for width in (1440, 390):
            await page.set_viewport_size({"width": width, "height": 900})
            await page.emulate_media(color_scheme="light" if width > 400 else "dark")
            assert await accessibility_problems(page) == [], (address, width)
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
