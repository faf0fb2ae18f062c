"""A deviation is reported without leaving the page; what was typed is still there; by keyboard alone."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.conftest import FULLEST, Open, accessibility_problems, sideways

TEXT = "  Listan visade fel dag.\n\tÅÄÖ e\u0301 🫀"


async def test_a_deviation_is_reported_from_the_chart_and_seen_on_the_board(visit: Open) -> None:
    page = await visit(f"/patient/{FULLEST}")
    await page.keyboard.press("f")
    dialog = page.get_by_role("dialog", name="Rapportera avvikelse eller idé")
    typed = dialog.get_by_label("Vad hände, eller vad kan bli bättre?")
    await expect(typed).to_be_focused()
    await typed.fill(TEXT)
    await page.keyboard.press("Escape")
    # A browser takes its time to leave a field that is hidden, and until then a letter is typed into it.
    await expect(page.locator(".feedback-dialog textarea")).not_to_be_focused()
    await expect(dialog).to_be_hidden()
    await page.keyboard.press("f")
    await expect(typed).to_have_value(TEXT)
    await expect(dialog.get_by_label("Koppla till patienten:")).not_to_be_checked()
    await dialog.get_by_text("Det här skickas med").click()
    await expect(dialog).to_contain_text("/patient/{patient}")
    await expect(dialog).to_contain_text("1440 × ")
    assert await accessibility_problems(page, "dialog[open]") == []
    await page.route("**/feedback", lambda route: route.fulfill(body=""))  # what no server of ours says
    await dialog.get_by_role("button", name="Skicka").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Det du skrev är kvar här")
    await page.unroute("**/feedback")
    await dialog.get_by_role("button", name="Skicka").click()
    await page.get_by_role("dialog", name="Det finns på tavlan").get_by_role("link").click()
    await page.wait_for_url("**/unit/feedback/*")
    assert await page.locator(".feedback-text").text_content() == TEXT
    await page.set_viewport_size({"width": 390, "height": 844})
    for path in (page.url, "/unit/feedback", f"/feedback?from=/patient/{FULLEST}"):
        await page.goto(path)
        assert await accessibility_problems(page) == [], path
        assert await sideways(page) == 0, path
