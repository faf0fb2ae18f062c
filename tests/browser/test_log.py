"""The log in a real browser: a review from beginning to end by keyboard, and the extract as PDF."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.async_api import expect

from tests.browser.conftest import Open

REVIEWER = "Åsa Malmgren"
OWN_PAGES = re.compile("Egna sidor")


async def test_a_review_is_made_and_documented_by_keyboard(visit: Open) -> None:
    page = await visit("/", name=REVIEWER)
    await page.get_by_role("link", name="Loggen").press("Enter")
    await page.get_by_role("link", name="Granskningar").press("Enter")
    await page.get_by_role("button", name="Börja en granskning").press("Enter")
    await page.get_by_role("heading", name=re.compile("Ovanliga åtkomster")).wait_for()
    await page.locator(".findings a", has_text="samma efternamn").first.press("Enter")
    await page.get_by_role("heading", name="Varför den visas").wait_for()
    await expect(page.get_by_text("De kan vara släkt")).to_be_visible()
    await page.get_by_label("I sin ordning").press("Space")
    await page.get_by_label("Anteckning").press_sequentially("Inte släkt, frågat 12/3.")
    await page.get_by_role("button", name="Dokumentera granskningen").press("Enter")
    await page.wait_for_url(re.compile(r"/log/reviews/\d+#finding-\d+$"))
    place = page.url.rpartition("#")[2]
    assert "I sin ordning" in await page.locator(f"#{place}").inner_text()


async def test_the_log_is_searched_and_the_extract_is_saved(visit: Open, tmp_path: Path) -> None:
    page = await visit("/log", name=REVIEWER)
    await page.get_by_label("Patient").fill("Josefin Palmgren")
    await page.get_by_label("Personal").fill("Anna Berglund")
    await page.keyboard.press("Enter")
    row = page.locator(".log-table tbody tr")
    await row.first.wait_for()
    await expect(row.filter(has_text="Läste").first).to_be_visible()
    await page.get_by_role("link", name="Utdrag till patient").click()
    await page.get_by_label("Personnummer eller namn").fill("Josefin Palmgren")
    await page.keyboard.press("Enter")
    await page.get_by_role("heading", name="Vem har haft åtkomst till journalen").wait_for()
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Spara som PDF").click()
    saved = tmp_path / "extract.pdf"
    await (await download.value).save_as(saved)
    assert saved.read_bytes().startswith(b"%PDF-")


async def test_rule_21_a_patient_finds_who_has_read_the_own_record_by_clicking(visit: Open) -> None:
    page = await visit("/sign-in", name=None)
    await page.get_by_role("button", name=OWN_PAGES).first.click()
    await page.wait_for_url("**/my-log")
    await page.get_by_role("heading", name="Vem har haft åtkomst till journalen").wait_for()
    await expect(page.locator(".log-table tbody tr").first).to_be_visible()
    assert await page.get_by_label("Sök patient").count() == 0
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Spara som PDF").click()
    assert (await download.value).suggested_filename.startswith("loggutdrag-")
    await page.get_by_role("link", name="Kontinuum").click()
    await page.wait_for_url("**/my-log")
