"""Correcting a note in the browser: from the chart, by keyboard, on paper."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.browser.conftest import FULLEST, Open, accessibility_problems, sideways


async def entry_page(visit: Open, **options: object) -> Page:
    """The page of the patient's third latest note, come to from the chart."""
    page = await visit(f"/patient/{FULLEST}", **options)
    await page.locator(".note").nth(2).locator(".note-more a").click()
    await page.wait_for_url("**/entry/Composition/*")
    return page


async def test_a_note_is_corrected_by_keyboard_and_shows_what_stood_there(visit: Open) -> None:
    page = await entry_page(visit)
    await page.get_by_text("Rätta", exact=True).press("Enter")
    text = page.locator("textarea[name='text-0']")
    before = await text.input_value()
    await text.focus()
    await page.keyboard.press("Control+End")
    await page.keyboard.type(" Ingen  blödning.")
    await page.locator("#correct").focus()
    await page.keyboard.type("Föll bort vid dikteringen.")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.get_by_text("Föll bort vid dikteringen.").wait_for()
    parts = page.locator(".entry-text-now .exact")
    assert await parts.first.text_content() == f"{before} Ingen  blödning."
    assert "Ingen  blödning" in (await page.locator("ins").all_text_contents())[-1]
    assert await accessibility_problems(page) == []


async def test_dissent_and_what_is_kept_back_are_marked_on_screen_and_on_paper(visit: Open) -> None:
    page = await entry_page(visit, width=390, theme="dark")
    await page.get_by_text("Anteckna patientens avvikande mening").click()
    await page.locator("#dissent").fill("Det var min bror.")
    await page.get_by_role("button", name="Anteckna").click()
    await page.get_by_text("Patienten anser att detta är fel").wait_for()
    await page.locator(".act-small summary").first.click()
    await page.locator(".act-small[open] select").select_option("violence")
    await page.locator(".act-small[open] textarea").fill("Fara.")
    await page.locator(".act-small[open] button").click()
    await page.get_by_text("Visas inte för patienten").wait_for()
    for opened in await page.locator("main details").all():
        await opened.evaluate("one => { one.open = true; }")
    assert await accessibility_problems(page) == []
    assert await sideways(page) == 0
    await page.emulate_media(media="print")
    await expect(page.get_by_text("Det var min bror.").first).to_be_visible()
    await expect(page.get_by_text("Visas inte för patienten").first).to_be_visible()
    await expect(page.get_by_role("button", name="Spara rättningen")).to_be_hidden()


async def test_the_page_works_without_javascript(visit: Open) -> None:
    page = await entry_page(visit, javascript=False, width=1440)
    await page.get_by_text("Rätta", exact=True).click()
    await page.get_by_role("button", name="Spara rättningen").wait_for()
