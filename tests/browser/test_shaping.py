"""What units shape, in a browser: tried as it is chosen, by keyboard."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.conftest import Open


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
