"""Every page, in both themes and both widths, has nothing for axe to find."""

from __future__ import annotations

import pytest

from tests.browser.conftest import (
    DECEASED,
    EMPTY,
    FULLEST,
    MARKED,
    RESERVE,
    Open,
    accessibility_problems,
)

PAGES = [
    "/",
    f"/patient/{FULLEST}",
    f"/patient/{EMPTY}",
    f"/patient/{MARKED}",
    f"/patient/{RESERVE}",
    f"/patient/{DECEASED}",
    f"/patient/{FULLEST}/timeline",
    f"/patient/{FULLEST}/search?q=svikt",
    f"/patient/{FULLEST}/compare",
    f"/patient/{FULLEST}/notes/older",
    f"/patient/{FULLEST}/contacts/earlier",
    f"/patient/{FULLEST}/observations/trend?code=urn:oid:1.2.752.108.1|NPU28309",
]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
async def test_axe_finds_nothing_on_any_page(visit: Open, theme: str, width: int) -> None:
    page = await visit("/", theme=theme, width=width)
    problems = {}
    for path in PAGES:
        await page.goto(path)
        found = await accessibility_problems(page)
        if found:
            problems[path] = found
    assert problems == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_axe_finds_nothing_on_the_sign_in_page(visit: Open, theme: str) -> None:
    page = await visit("/sign-in", theme=theme, name=None)
    assert await accessibility_problems(page) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_axe_finds_nothing_in_what_opens_on_a_page(visit: Open, theme: str) -> None:
    page = await visit(f"/patient/{FULLEST}", theme=theme)
    await page.get_by_role("link", name="B-Hemoglobin").click()
    await page.locator("trend-chart canvas").wait_for()
    assert await accessibility_problems(page, "trend-chart") == []
    await page.get_by_role("combobox").fill("anna")
    await page.get_by_role("option").first.wait_for()
    assert await accessibility_problems(page, ".topbar") == []
    await page.keyboard.press("Escape")
    await page.locator(".topbar summary").click()
    assert await accessibility_problems(page, ".topbar") == []


@pytest.mark.parametrize("width", [1440, 768, 390, 320])
async def test_no_page_scrolls_sideways(visit: Open, width: int) -> None:
    page = await visit("/", width=width)
    for path in ("/", f"/patient/{FULLEST}", f"/patient/{EMPTY}", "/patient/p-0023"):
        await page.goto(path)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, path
