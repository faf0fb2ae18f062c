"""The search inside the chart by keyboard, an entry beside the hits, and Back."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.conftest import FULLEST, Open


async def test_words_are_searched_by_a_key_and_an_entry_is_read_beside_the_hits(visit: Open) -> None:
    page = await visit(f"/patient/{FULLEST}")
    await page.keyboard.press("s")
    await page.keyboard.type("svikt")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/search?q=svikt")
    hit = page.locator(".hit a[data-reading]").first
    await hit.focus()
    await page.keyboard.press("Enter")
    pane = page.locator("[data-reading-pane]")
    await expect(pane.locator(f"[data-patient='{FULLEST}']")).to_be_visible()
    await expect(hit).to_have_attribute("aria-current", "true")
    await page.reload()
    await expect(pane.locator(f"[data-patient='{FULLEST}']")).to_be_visible()

    # An answer about somebody else is not put beside this patient's hits.
    await page.route(
        "**/timeline/entry/**", lambda route: route.fulfill(body="<p data-patient='p-x'>Nej</p>")
    )
    await page.locator(".hit a[data-reading]").nth(1).click()
    await expect(pane).to_contain_text("Posten kunde inte öppnas")
    await expect(pane).not_to_contain_text("Nej")
    await page.go_back()
    await expect(page.locator("#problems")).to_be_visible()
