"""Vital signs in a browser: a full set within its actions, scored as one types; accessible on every width."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.async_api import Page, expect

from tests.browser.conftest import FULLEST, Open, accessibility_problems, discard, sideways
from tests.browser.steps import Steps

SET = {
    "Andningsfrekvens": "22",
    "Saturation": "95",
    "Systoliskt blodtryck": "128",
    "Diastoliskt blodtryck": "76",
    "Puls": "95",
    "Temperatur, °C": "38,3",
}


async def test_a_full_set_with_its_score_within_its_actions(
    visit: Open, steps: Callable[[Page, str, int], Steps]
) -> None:
    page = await visit(f"/patient/{FULLEST}")
    task = steps(page, "record a full set of vitals, early-warning score shown", len(SET) + 2 + 2)
    await task.click(page.get_by_role("link", name="Mät", exact=True))
    await expect(page.get_by_label("Andningsfrekvens")).to_be_focused()
    for name, value in SET.items():
        await task.fill(page.get_by_label(name), value)
    await task.click(page.get_by_label("Luft", exact=True))
    alert = page.get_by_label("A · Alert")
    await task.click(alert)
    score = page.locator(".vitals-score")
    await expect(score).to_have_text("NEWS2 5")
    await expect(score).to_have_attribute("data-level", "watch")
    await task.press("Control+Enter", alert)
    await expect(page).to_have_url(re.compile("/vitals/flowsheet$"))
    await expect(page.locator(".vitals-latest")).to_contain_text("NEWS2 5")
    await expect(page.get_by_role("link", name="högt 38,3")).to_be_visible()
    task.done()

    await page.get_by_role("link", name="högt 38,3").focus()
    await page.keyboard.press("ArrowUp")
    await expect(page.get_by_role("link", name="A", exact=True)).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await page.get_by_label("Temperatur").fill("37,3")
    await page.get_by_label("Varför").fill("Läste fel")
    await page.get_by_role("button", name="Spara rättningen").click()
    await expect(page.locator(".vitals-latest")).to_contain_text("NEWS2 4")
    await expect(page.locator(".vitals-sheet tbody sup")).to_have_count(2)


async def _is_sound(page: Page) -> None:
    assert await accessibility_problems(page) == []
    assert await sideways(page) == 0


async def test_the_pages_are_accessible_and_do_not_scroll_sideways_on_a_screen(visit: Open) -> None:
    page = await visit(f"/patient/{FULLEST}/vitals/flowsheet?period=all")
    await _is_sound(page)
    await page.goto(f"/patient/{FULLEST}/vitals/charts")
    await _is_sound(page)


async def test_the_pages_are_accessible_and_do_not_scroll_sideways_on_a_telephone(visit: Open) -> None:
    page = await visit(f"/patient/{FULLEST}/vitals/flowsheet?period=all", width=390, theme="dark")
    assert await sideways(page) == 0
    await page.locator(".vitals-line-pulse a").last.click()
    await page.get_by_role("button", name="Spara rättningen").wait_for()
    await _is_sound(page)
    await page.goto(f"/patient/{FULLEST}/vitals/entry")
    await page.get_by_label("Puls").fill("2000")
    await expect(page.locator("#p-pulse")).to_have_text("2000 /min är inte möjligt: skriv mellan 10 och 350")
    await _is_sound(page)
    await discard(page)


async def test_on_paper_the_newest_values_stand_first_each_under_what_it_is(visit: Open) -> None:
    page = await visit(f"/patient/{FULLEST}/vitals/flowsheet?period=all")
    times = await page.locator(".vitals-sheet thead th").count() - 1
    newest = await page.locator(".vitals-sheet thead th").last.locator(".vitals-clock").inner_text()
    names = await page.locator(".vitals-sheet tbody th").all_inner_texts()
    paper = page.locator(".vitals-paper")
    await expect(paper).to_be_hidden()
    await page.emulate_media(media="print")
    await expect(page.locator(".vitals-sheet")).to_be_hidden()
    await expect(paper.locator("tbody tr")).to_have_count(times)
    await expect(paper.locator("tbody th").first).to_contain_text(newest)
    assert (await paper.locator("thead th").all_inner_texts())[1:-1] == names
    # Nothing to press is printed, and the rows keep their width without it.
    await page.goto("/inbox?of=unit")
    assert await page.get_by_role("main").get_by_role("button").count() == 0
    assert await page.get_by_role("main").get_by_role("checkbox").count() == 0
    words = await page.locator(".inbox-row .inbox-what").first.bounding_box()
    assert words
    assert words["width"] > 400
    await page.goto(f"/patient/{FULLEST}/observations/trend?code=urn:oid:1.2.752.108.1|NPU28309")
    table = page.locator(".trend-table")
    assert await table.evaluate("one => one.scrollHeight <= one.clientHeight")


async def test_on_a_telephone_the_score_and_the_button_stay_on_the_screen(visit: Open) -> None:
    page = await visit(f"/patient/{FULLEST}/vitals/entry", width=390)
    pulse = page.get_by_label("Puls")
    await pulse.fill("1400")
    await page.get_by_role("button", name="Spara").click()
    await expect(pulse).to_have_attribute("aria-invalid", "true")
    await pulse.press("Tab")
    await pulse.focus()
    await page.keyboard.type("140")
    await expect(pulse).to_have_value("140")
    await expect(pulse).not_to_have_attribute("aria-invalid", "true")

    await page.get_by_label("Vikt").scroll_into_view_if_needed()
    await page.mouse.wheel(0, 400)
    save = page.get_by_role("button", name="Spara")
    await expect(save).to_be_in_viewport()
    await save.click(trial=True)
    await discard(page)
