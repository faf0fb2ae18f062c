"""The patient index in a real browser: few steps, no trap for the wrong patient, nothing for axe to find."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.browser.conftest import MARKED, PROTECTED, RESERVE, Open, accessibility_problems, sideways

KNOWN = "p-0061"
CHILD = "p-0005"
TWIN = "p-0020"
PAGES = [
    f"/patient/{CHILD}/person",
    f"/patient/{MARKED}/person",
    f"/patient/{PROTECTED}/person",
    f"/patient/{TWIN}/person/link?with=p-0019",
    "/duplicates",
    "/patients/new",
]


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (390, "dark")])
async def test_axe_finds_nothing_and_nothing_scrolls_sideways(visit: Open, width: int, theme: str) -> None:
    page = await visit("/", width=width, theme=theme)
    for path in PAGES:
        await page.goto(path)
        await page.evaluate("document.querySelectorAll('main details').forEach(each => each.open = true)")
        assert await accessibility_problems(page) == [], path
        assert await sideways(page) == 0, path


async def test_a_reserve_number_is_linked_and_parted_by_keyboard(visit: Open) -> None:
    page = await visit(f"/patient/{RESERVE}/person")
    notes = "Oidentifierad"
    number = await page.locator("[data-copy-source]").inner_text()
    await page.get_by_text("Koppla till en annan journal").press("Enter")
    other = page.get_by_label("Den andra journalens nummer")
    await other.fill("19840217-9819")
    await other.press("Enter")
    await expect(page.get_by_role("heading", name="Är det samma person?")).to_be_visible()
    await expect(page.get_by_role("columnheader", name="Behålls: Peter Malmgren")).to_be_visible()
    reason = page.get_by_label("Skäl")
    await reason.fill("Legitimerad med körkort")
    await reason.press("Enter")
    await page.wait_for_url(f"**/patient/{KNOWN}/person#links")
    await page.goto(f"/patient/{RESERVE}")
    await page.wait_for_url(f"**/patient/{KNOWN}")
    await expect(page.locator(".band-note")).to_contain_text(number)
    assert notes in await page.content() or await page.locator("#contacts").count() == 1
    await page.get_by_role("link", name="Visa kopplingen").click()
    await page.get_by_text("Ta bort kopplingen").first.press("Enter")
    wrong = page.locator("#links").get_by_label("Skäl")
    await wrong.fill("Fel person")
    await wrong.press("Enter")
    await expect(page.locator("#links")).to_contain_text("borttagen koppling")
    await page.goto(f"/patient/{RESERVE}")
    await expect(page.locator("h1")).to_have_text("Okänd Man")


async def test_an_unknown_patient_is_registered_in_three_actions(visit: Open) -> None:
    page = await visit("/")
    await page.get_by_role("link", name="Registrera patient").first.click()
    await page.get_by_role("button", name="Registrera okänd person").click()
    await page.wait_for_url(re.compile(r"/patient/[a-z0-9]+$"))
    await expect(page.locator(".band-warning")).to_contain_text("Reservnummer")


async def test_protected_identity_is_marked_on_every_page_and_hit(visit: Open) -> None:
    for patient, words in ((MARKED, "Sekretessmarkering"), (PROTECTED, "Skyddad folkbokföring")):
        page = await visit(f"/patient/{patient}/person")
        await expect(page.locator(".band-danger")).to_contain_text(words)
        name = await page.locator(".banner h1").inner_text()
        await page.get_by_role("combobox").fill(name)
        await expect(page.get_by_role("option").first).to_contain_text("Skyddade personuppgifter")
