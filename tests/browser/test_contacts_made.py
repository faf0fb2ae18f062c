"""A return visit is booked beside the chart."""

from __future__ import annotations

from collections.abc import Callable

from playwright.async_api import Page, expect

from tests.browser.conftest import FULLEST, Open, accessibility_problems
from tests.browser.steps import Steps


async def test_a_return_visit_is_booked_within_its_budget_and_carried_through_beside_the_chart(
    visit: Open, steps: Callable[[Page, str, int], Steps]
) -> None:
    page = await visit(f"/patient/{FULLEST}")
    task = steps(page, "book a return visit", 4)
    await task.click(page.locator("#contacts").get_by_role("link", name="Boka besök"))
    pane = page.locator("[data-beside-pane]")
    await expect(pane.get_by_label("Dag och tid")).to_be_focused()
    await task.fill(pane.get_by_label("Dag och tid"), "+3v 9:40")
    reason = pane.get_by_label("Kontaktorsak")
    await task.fill(reason, "Hälsosamtal vid 85")
    await task.press("Control+Enter", reason)
    coming = page.locator("#contacts").get_by_text("Hälsosamtal vid 85").first
    await expect(coming).to_be_visible()
    task.done()
    await page.locator("#contacts .contact", has_text="Hälsosamtal vid 85").get_by_role("link").first.click()
    await pane.get_by_role("button", name="Har kommit").click()
    await expect(pane.get_by_text("Anlänt", exact=True)).to_be_visible()
    assert await accessibility_problems(page, "[data-beside-pane]") == []
    await pane.get_by_role("button", name="Ångra: tillbaka till planerad").click()
    await pane.get_by_role("button", name="Avbokat av patienten").click()
    await expect(pane.get_by_text("Avbokad", exact=True)).to_be_visible()
