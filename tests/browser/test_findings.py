"""Problems and alerts in the browser: by keyboard, beside the chart, within their actions."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import EMPTY, FULLEST, Open, accessibility_problems, discard, put_aside, sideways
from tests.browser.steps import Steps

Count = Callable[[Page, str, int], Steps]

CHOSEN = ".code-options[data-read] .code-option[aria-selected=true]"
"""The option that Enter takes, when the list answers what was typed and has stood long enough to be read."""


async def test_a_diagnosis_and_a_hypersensitivity_are_added_within_their_actions(
    visit: Open, steps: Count
) -> None:
    page = await visit(f"/patient/{FULLEST}")
    task = steps(page, "add a diagnosis", 3)
    await task.fill(page.get_by_label("Lägg till problem eller diagnos"), "halsfluss")
    await expect(page.locator(CHOSEN)).to_contain_text("J03.0")
    await task.press("Enter")
    await expect(page.get_by_role("button", name="Spara")).to_be_focused()
    await expect(page.locator("#medication")).to_be_visible()
    await task.press("Enter")
    await page.wait_for_url(f"**/patient/{FULLEST}#problems")
    await expect(page.locator("#problems .entry").first).to_contain_text("J03.0")
    task.done()

    task = steps(page, "end a problem", 3)
    await task.click(page.locator("#problems .entry-link").first)
    await task.click(page.locator("[data-beside-pane] summary", has_text="Avsluta"))
    await task.click(page.get_by_role("button", name="Avsluta problemet"))
    await page.wait_for_url(f"**/patient/{FULLEST}#problems")
    await expect(page.locator("#problems .fold").first).to_contain_text("J03.0")
    task.done()

    task = steps(page, "record a hypersensitivity with its severity", 4)
    await task.fill(page.get_by_label("Lägg till överkänslighet"), "trimetoprim")
    await expect(page.locator(CHOSEN)).to_contain_text("J01EA01")
    await task.press("Enter")
    severe = page.get_by_label("Livshotande")
    await task.click(severe)
    await task.press("Control+Enter", severe)
    await page.wait_for_url(f"**/patient/{FULLEST}#alerts")
    await expect(page.locator(".note-danger")).to_contain_text("Trimetoprim")
    task.done()


async def test_the_list_of_codes_is_used_by_keyboard_and_the_words_can_stay_as_they_are(visit: Open) -> None:
    page = await visit(f"/patient/{EMPTY}/problems/add", width=390)
    field = page.get_by_label("Problem eller diagnos")
    await expect(field).to_be_focused()
    await page.keyboard.type("högt blodtryck")
    await expect(page.locator(CHOSEN)).to_contain_text("I10.9")
    assert await accessibility_problems(page) == []
    await page.keyboard.press("ArrowUp")
    await expect(page.get_by_role("option", name="Fri text högt blodtryck")).to_have_attribute(
        "aria-selected", "true"
    )
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("listbox")).to_be_hidden()
    await page.keyboard.type(" ")
    await page.get_by_role("option", name="Fri text").click()
    await expect(page.locator(".code-chosen")).to_contain_text("Fri text")
    await expect(page.get_by_role("button", name="Spara")).to_be_focused()
    await put_aside(page)


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (390, "dark")])
async def test_the_pages_of_problems_and_alerts_are_accessible_and_do_not_scroll_sideways(
    visit: Open, width: int, theme: str
) -> None:
    page = await visit(f"/patient/{FULLEST}", width=width, theme=theme)
    cards = [page.locator(f"#{card} .entry-link").first for card in ("problems", "alerts")]
    ones = [str(await one.get_attribute("href")) for one in cards]
    kinds = [f"/patient/{FULLEST}/allergies/add?kind={kind}" for kind in ("hypersensitivity", "implant")]
    below = ("problems/add", "allergies/add", "allergies/none")
    for address in (*ones, *kinds, *(f"/patient/{FULLEST}/{path}" for path in below)):
        await page.goto(address)
        for act in await page.locator("details.act summary").all():
            await act.click()
        assert await accessibility_problems(page) == [], address
        assert await sideways(page) == 0, address


async def test_a_diagnosis_in_a_note_gets_its_code_while_it_is_written(visit: Open) -> None:
    page = await visit(f"/patient/{EMPTY}?beside=journal/write?template=lakarbesok-primarvard")
    words = page.locator("[data-beside-pane] input[data-codes-into]").first
    await words.fill("halsfluss")
    await expect(page.locator(CHOSEN)).to_contain_text("J03.0")
    pane = page.locator("[data-beside-pane]")
    assert await pane.evaluate("one => one.scrollWidth <= one.clientWidth && one.scrollLeft === 0")
    await words.press("Enter")
    code = page.get_by_label("Kod (ICD-10-SE)").first
    await expect(code).to_have_value("J03.0")
    await expect(words).to_have_value("Streptokocktonsillit")
    await expect(words).to_be_focused()
    await words.press("End")
    await words.press_sequentially(", recidiv")
    await expect(code).to_have_value("J03.0")
    # Other words in their place do not keep the code of the ones before.
    await words.press("Control+a")
    await words.press_sequentially("Akut bronkit")
    await expect(code).to_have_value("")
    await code.fill("J03.0")
    await expect(pane).to_contain_text("J03.0 betyder ”Streptokocktonsillit”")
    await discard(page)
