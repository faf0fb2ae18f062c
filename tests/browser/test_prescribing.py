"""Prescriptions in the browser: a usual one, and a renewal, within their actions and beside the chart."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import FULLEST, Open, accessibility_problems, put_aside, sideways
from tests.browser.steps import Steps

Count = Callable[[Page, str, int], Steps]
CHOSEN = ".code-options[data-read] .code-option[aria-selected=true]"


async def test_a_usual_drug_is_prescribed_and_a_prescription_renewed_within_their_actions(
    visit: Open, steps: Count
) -> None:
    page = await visit(f"/patient/{FULLEST}")
    task = steps(page, "new prescription of a usual drug with usual dosing", 6)
    await task.fill(page.get_by_label("Ordinera läkemedel"), "cetir")
    await expect(page.locator(CHOSEN)).to_contain_text("R06AE07")
    await task.press("Enter")
    sign = page.locator("[data-beside-pane] [data-save]")
    await expect(sign).to_be_focused()
    await expect(page.locator(".drug-reads")).to_contain_text("1 tablett 1 gång dagligen vid behov.")
    await expect(page.locator(".drug-unchecked")).to_contain_text("interaktioner (ingen källa ansluten)")
    await expect(page.locator("#medication")).to_be_visible()
    await task.press("Enter")
    await page.wait_for_url(f"**/patient/{FULLEST}#medication")
    made = page.locator("#medication .entry", has_text="Cetirizin filmdragerad tablett 10 mg")
    await expect(made).to_contain_text("1 tablett 1 gång dagligen vid behov.")
    task.done()

    task = steps(page, "renew a prescription", 3)
    link = page.locator("#medication .drug-renew").first
    address = await link.get_attribute("href")
    await task.click(link)
    await expect(sign).to_be_focused()
    marked = page.locator("[data-beside-pane] input[name=of]:checked")
    await expect(marked).to_have_count(1)
    await task.press("Enter")
    await expect(page.locator(f'#medication .drug-renew[href="{address}"]')).to_have_count(0)
    await page.wait_for_url(f"**/patient/{FULLEST}#medication")
    task.done()


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (390, "dark")])
async def test_the_form_with_a_drug_in_it_is_accessible_and_does_not_scroll_sideways(
    visit: Open, width: int, theme: str
) -> None:
    page = await visit(f"/patient/{FULLEST}/medication/add", width=width, theme=theme)
    await page.get_by_label("Läkemedel, form och styrka").fill("metformin")
    await page.locator(".code-option", has_text="A10BA02").click()
    await expect(page.locator(".drug-usual")).to_be_visible()
    assert await accessibility_problems(page) == []
    assert await sideways(page) == 0
    await put_aside(page)
