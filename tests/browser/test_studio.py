"""The template studio in a browser: built, taken into use and written with."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.browser.conftest import EMPTY, Open, accessibility_problems

WRITER, REVIEWER = "Karin Öhman", "Helena Lundqvist"


async def _kept(page: Page) -> None:
    await expect(page.locator("[data-state]")).to_contain_text("Sparat")


async def _add(page: Page, kind: str, text: str) -> None:
    """Add an item last and give it its text."""
    many = await page.locator(".studio-item").count()
    await page.get_by_label("Nytt", exact=True).select_option(kind)
    await page.get_by_role("button", name="Lägg till sist").click()
    await expect(page.locator(".studio-item")).to_have_count(many + 1)
    await expect(page.locator("details[open] [data-text]")).to_be_focused()
    await page.keyboard.type(text)
    await _kept(page)


async def test_a_template_is_built_tried_reviewed_and_written_with(visit: Open) -> None:
    page = await visit("/templates", name=WRITER)
    await page.get_by_label("Titel").fill("Sårvård")
    await page.get_by_role("button", name="Börja").click()
    await _add(page, "boolean", "Sår")
    await _add(page, "text", "Utseende")
    await page.get_by_role("combobox", name="Sökord").first.select_option(label="Sår")
    await page.get_by_role("combobox", name="Jämförs").first.select_option("=")
    await page.get_by_role("textbox", name="Svar").first.fill("ja")
    tried = page.locator("form[data-try]")
    await expect(tried.get_by_label("Utseende")).to_be_hidden()
    await tried.get_by_label("Ja").check()
    await expect(tried.get_by_label("Utseende")).to_be_visible()
    await tried.get_by_label("Utseende").fill("Ingen rodnad")
    await expect(tried.locator(".studio-text")).to_contain_text("Ingen rodnad")
    await _add(page, "text", "Åtgärd")
    await page.keyboard.press("Alt+ArrowUp")
    await expect(page.locator("[data-label]")).to_have_text(["Sår", "Åtgärd", "Utseende"])
    items = page.locator(".studio-item")
    await items.nth(1).locator("[data-grip]").drag_to(items.first, target_position={"x": 20, "y": 2})
    await expect(page.locator("[data-label]")).to_have_text(["Åtgärd", "Sår", "Utseende"])
    await expect(page.locator("[data-remarks]")).to_contain_text("Inget att rätta")
    for theme in ("light", "dark"):
        await page.emulate_media(color_scheme=theme)
        assert await accessibility_problems(page) == []
    await page.get_by_role("button", name="Skicka för granskning").click()
    await expect(page.get_by_text("Väntar på en kollega")).to_be_visible()
    colleague = await visit(page.url, name=REVIEWER)
    await colleague.get_by_role("button", name="Godkänn").click()
    await colleague.get_by_role("button", name="Ta i bruk").click()
    await expect(colleague.locator(".studio-facts")).to_contain_text("i bruk")
    assert await accessibility_problems(colleague) == []
    await colleague.set_viewport_size({"width": 390, "height": 844})
    assert await accessibility_problems(colleague) == []
    for address in ("/templates", "/templates/order"):
        await colleague.goto(address)
        assert await accessibility_problems(colleague) == []
    await page.goto(f"/patient/{EMPTY}")
    await page.locator("#journal").get_by_text("Fler mallar").click()
    narrowed = page.get_by_label("Sök mall")
    await narrowed.fill("sårv")
    await narrowed.press("Enter")
    pane = page.locator("[data-beside-pane]")
    await pane.get_by_label("Ja").check()
    looks = pane.get_by_label("Utseende")
    await looks.fill("Ingen rodnad, ingen sekretion.")
    await looks.press("Control+Enter")
    await page.wait_for_url(f"**/patient/{EMPTY}#notes")
    await expect(
        page.locator("#notes .note-body").get_by_text("Ingen rodnad, ingen sekretion.").first
    ).to_be_visible()
