"""Administration in the browser: few steps, and by keyboard."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.browser.conftest import Open

ADMINISTRATOR = "Rickard Hult"


async def test_an_assignment_is_added_in_two_steps_and_ended_and_opened_in_one_each(visit: Open) -> None:
    page = await visit("/admin/person/s-karin-ohman", name=ADMINISTRATOR)
    rows = page.locator("#assignments tbody tr")
    before = await rows.count()
    await page.locator("#new-unit").select_option(label=await option(page, "Avdelning 32"))
    await page.get_by_role("button", name="Lägg till uppdraget").click()
    await expect(rows).to_have_count(before + 1)
    await page.get_by_role("link", name="Avdelning 32").first.click()
    await page.go_back()
    await page.locator("tr", has_text="Avdelning 32").get_by_role("link", name="Ändra").click()
    await page.get_by_role("button", name="Avsluta nu").click()
    await page.get_by_role("button", name="Öppna igen").click()
    await expect(page.get_by_role("button", name="Avsluta nu")).to_be_visible()
    history = await page.locator(".admin-history").inner_text()
    assert history.count(ADMINISTRATOR) == 3


async def test_a_setting_is_changed_by_keyboard_alone(visit: Open) -> None:
    page = await visit("/admin/settings", name=ADMINISTRATOR)
    await page.locator("#consent_days-value").focus()
    await page.keyboard.press("Control+A")
    await page.keyboard.type("30")
    await page.keyboard.press("Tab")
    await page.keyboard.type("Beslut 7")
    await page.keyboard.press("Enter")
    await page.get_by_text("1 ändring").first.wait_for()
    await expect(page.locator("#consent_days-value")).to_have_value("30")


async def option(page: Page, name: str) -> str:
    """The choice of a unit, as the list writes it."""
    texts = await page.locator("#new-unit option").all_inner_texts()
    return next(text for text in texts if name in text)
