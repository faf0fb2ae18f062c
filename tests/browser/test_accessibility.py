"""What test_every_page.py does not walk to has nothing for axe to find either."""

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
    sideways,
)

UNUSUAL = [EMPTY, MARKED, RESERVE, DECEASED]


async def test_axe_finds_nothing_in_the_charts_of_unusual_patients(visit: Open) -> None:
    page = await visit("/", theme="dark", width=390)
    problems = {}
    for patient in UNUSUAL:
        await page.goto(f"/patient/{patient}")
        problems[patient] = await accessibility_problems(page)
    assert not any(problems.values()), problems


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
        assert await sideways(page) == 0, path
