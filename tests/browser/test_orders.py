"""Tests are ordered and referrals are sent beside the chart; what comes back is acknowledged in the list."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.async_api import Page, expect

from tests.browser.conftest import Open, accessibility_problems, put_aside
from tests.browser.steps import Steps

Count = Callable[[Page, str, int], Steps]
HASSAN = "p-0002"
"""A patient of the district doctor's, of whom an answer waits for her."""


async def test_a_usual_panel_is_ordered_within_its_budget(visit: Open, steps: Count) -> None:
    page = await visit(f"/patient/{HASSAN}")
    task = steps(page, "order a usual lab panel", 3)
    await task.click(page.locator("#orders").get_by_role("link", name="Beställ prover"))
    pane = page.locator("[data-beside-pane]")
    panel = pane.get_by_label("Elektrolyter + krea")
    await task.click(panel)
    await task.press("Control+Enter", panel)
    await expect(page.locator("#orders").get_by_role("link", name="Elektrolyter + krea")).to_be_visible()
    task.done()


async def test_a_referral_is_sent_within_its_budget_and_taken_back(visit: Open, steps: Count) -> None:
    page = await visit(f"/patient/{HASSAN}")
    task = steps(page, "send a referral", 5)
    await task.click(page.locator("#orders").get_by_role("link", name="Remiss", exact=True))
    pane = page.locator("[data-beside-pane]")
    await task.fill(pane.get_by_label("Till", exact=True), "Ögonmottagningen")
    question = pane.get_by_label("Frågeställning")
    await task.fill(question, "Gråstarr? Ej diabetes.")
    await task.press("Control+Enter", question)
    sent = page.locator("#orders").get_by_role("link", name="Gråstarr? Ej diabetes.")
    await expect(sent).to_be_visible()
    task.done()
    await sent.click()
    await expect(pane.get_by_text("till Ögonmottagningen")).to_be_visible()
    await pane.locator("summary", has_text="Återkalla").click()
    assert await accessibility_problems(page, "[data-beside-pane]") == []
    await pane.get_by_label("Skäl").fill("Redan bedömd")
    await pane.get_by_role("button", name="Återkalla").click()
    await expect(sent).to_have_count(0)


async def test_an_analysis_is_found_as_one_types_and_stands_in_the_order(visit: Open) -> None:
    page = await visit(f"/patient/{HASSAN}?beside=orders/lab")
    pane = page.locator("[data-beside-pane]")
    await pane.get_by_label("CRP").check()
    await pane.get_by_label("Enstaka analyser").fill("sänka")
    await pane.get_by_role("option", name="B-SR").click()
    await expect(pane.get_by_role("button", name="Ta bort: B-SR")).to_be_visible()
    await expect(pane.get_by_label("CRP")).to_be_checked()
    assert await accessibility_problems(page, "[data-beside-pane]") == []
    await pane.get_by_role("button", name="Ta bort: B-SR").click()
    await expect(pane.get_by_role("button", name="Ta bort: B-SR")).to_have_count(0)
    await put_aside(pane)


async def test_an_answer_is_acknowledged_from_the_list_in_one_action(visit: Open, steps: Count) -> None:
    page = await visit("/inbox")
    results = page.locator(".inbox-results")
    row = results.locator("li", has=page.locator(f'a[href="/patient/{HASSAN}"]'))
    await expect(row.locator("tr", has_text="P-Kalium")).to_contain_text("kritiskt högt")
    task = steps(page, "acknowledge a result from the inbox", 1)
    await task.click(row.get_by_role("button", name=re.compile(r"^Vidimera\s*:")))
    await expect(page.get_by_text("Svaret är vidimerat.")).to_be_visible()
    await expect(row).to_have_count(0)
    task.done()
