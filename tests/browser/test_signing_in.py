"""Signing in, locking and moving between workstations, in a real browser with a real provider."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.conftest import (
    DISTRICT_DOCTOR,
    FULLEST,
    Open,
    accessibility_problems,
    sideways,
    sign_in,
)

SEVERAL_ASSIGNMENTS = "Helena Lundqvist"


async def identify(page: Page, subject: str = "anna") -> None:
    """Prove at the provider who one is."""
    await page.get_by_role("textbox").fill(subject)
    await page.get_by_role("button", name="Authorize").click()


async def sign_in_by_provider(page: Page) -> None:
    """Sign the district doctor in, under the first assignment."""
    await page.goto("/sign-in")
    await page.get_by_role("link", name="SITHS eID").click()
    await identify(page)
    if "/sign-in/assignment" in page.url:
        await page.get_by_role("button").filter(has=page.locator(".assignment-unit")).first.click()
    await page.wait_for_url("**/")


async def test_sign_in_by_a_provider_and_out_again(visit: Open, provider: str) -> None:
    page = await visit(f"/patient/{FULLEST}", name=None)
    assert page.url.endswith(f"/sign-in?next=/patient/{FULLEST}")
    await page.get_by_role("link", name="SITHS eID").click()
    await page.wait_for_url(f"{provider}/**")
    await identify(page)
    if "/sign-in/assignment" in page.url:
        await page.locator(".assignment").first.click()
    await page.wait_for_url(f"**/patient/{FULLEST}")
    await expect(page.locator(".menu-name")).to_have_text(DISTRICT_DOCTOR)
    await page.locator(".topbar summary").click()
    await page.get_by_role("button", name="Logga ut").click()
    await page.wait_for_url(f"{provider}/**")
    await page.get_by_role("button").first.click()
    await page.wait_for_url("**/sign-in")
    await page.goto("/")
    assert "/sign-in" in page.url


async def test_one_whom_the_directory_does_not_know_is_told_what_to_do(visit: Open) -> None:
    page = await visit("/sign-in", name=None)
    await page.get_by_role("link", name="SITHS eID").click()
    await identify(page, "stranger")
    await expect(page.get_by_role("heading", name="Du är inte inloggad")).to_be_visible()
    await expect(page.locator("main")).to_contain_text("ingen med ditt HSA-id")
    assert await accessibility_problems(page) == []


async def test_the_locked_screen_hides_the_page_and_keeps_what_was_typed(visit: Open) -> None:
    page = await visit(f"/patient/{FULLEST}")
    await page.get_by_role("combobox").fill("kvarlämnat")
    await page.locator(".topbar summary").click()
    async with page.expect_response("**/lock"):
        await page.get_by_role("button", name="Lås skärmen").click()
    await expect(page.get_by_role("heading", name="Skärmen är låst")).to_be_visible()
    await expect(page.locator("main")).not_to_be_visible()
    await expect(page).to_have_title("Skärmen är låst")
    assert await accessibility_problems(page) == []
    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
    await expect(page.locator("main")).not_to_be_visible()
    # Whoever loads the page anew is asked for the person all the same.
    second = await page.context.new_page()
    await second.goto(f"/patient/{FULLEST}")
    await expect(second.get_by_role("heading", level=1)).to_have_text("Skärmen är låst")
    await second.close()
    await page.get_by_role("button", name="Lås upp").click()
    await expect(page.locator("main")).to_be_visible()
    await expect(page.get_by_role("combobox")).to_have_value("kvarlämnat")
    # The page works on: its forms still carry the right token.
    await page.get_by_role("combobox").fill("anna")
    await page.get_by_role("option").first.wait_for()


async def test_every_window_is_locked_and_unlocked_with_one(visit: Open) -> None:
    page = await visit("/")
    second = await page.context.new_page()
    await second.goto(f"/patient/{FULLEST}")
    await page.locator(".topbar summary").click()
    await page.get_by_role("button", name="Lås skärmen").click()
    await expect(second.locator("main")).not_to_be_visible()
    await page.get_by_role("button", name="Lås upp").click()
    await expect(second.locator("main")).to_be_visible()


async def test_a_late_answer_from_before_the_lock_does_not_uncover_the_page(visit: Open) -> None:
    page = await visit("/")
    asked, let_go = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        answer = await route.fetch()
        asked.set()
        await let_go.wait()
        await route.fulfill(response=answer)

    await page.route("**/session", hold)
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await asked.wait()
    await page.locator(".topbar summary").click()
    async with page.expect_response("**/lock"):
        await page.get_by_role("button", name="Lås skärmen").click()
    async with page.expect_response("**/session"):
        let_go.set()
    # What the page would ask for to unlock is answered too, before it is looked at.
    await page.evaluate("fetch('/session').then(() => fetch('/unlocked')).then((answer) => answer.text())")
    await expect(page.locator("main")).not_to_be_visible()


async def test_a_screen_that_nobody_uses_locks_by_itself(visit: Open) -> None:
    page = await visit("/sign-in", name=None)
    await page.clock.install()
    await sign_in(page)
    await page.goto(f"/patient/{FULLEST}")
    await page.clock.fast_forward("14:00")
    await expect(page.locator("main")).to_be_visible()
    await page.keyboard.press("Shift")
    await page.clock.fast_forward("14:00")
    await expect(page.locator("main")).to_be_visible()
    await page.clock.fast_forward("02:00")
    await expect(page.get_by_role("heading", name="Skärmen är låst")).to_be_visible()
    await page.get_by_role("button", name="Lås upp").click()
    await expect(page.locator("main")).to_be_visible()


async def test_unlocking_at_the_provider_leaves_the_page_as_it_is(visit: Open) -> None:
    page = await visit("/sign-in", name=None)
    await sign_in_by_provider(page)
    await page.goto(f"/patient/{FULLEST}")
    await page.get_by_role("combobox").fill("kvarlämnat")
    await page.locator(".topbar summary").click()
    await page.get_by_role("button", name="Lås skärmen").click()
    async with page.expect_popup() as opened:
        await page.get_by_role("link", name="Legitimera dig för att låsa upp").click()
    await identify(await opened.value)
    await expect(page.locator("main")).to_be_visible()
    await expect(page.get_by_role("combobox")).to_have_value("kvarlämnat")


async def test_without_scripts_the_locked_page_leads_back(visit: Open) -> None:
    page = await visit(f"/patient/{FULLEST}", javascript=False)
    await page.locator(".topbar summary").click()
    await page.get_by_role("button", name="Lås skärmen").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Skärmen är låst")
    await page.get_by_role("button", name="Lås upp").click()
    assert page.url.endswith(f"/patient/{FULLEST}")


async def test_one_goes_on_at_another_workstation_with_one_click(visit: Open) -> None:
    office = await visit(f"/patient/{FULLEST}", name="Rickard Hult")
    ward = await visit("/", name="Rickard Hult")
    await ward.get_by_role("button", name="Fortsätt där jag var").click()
    await ward.wait_for_url(f"**/patient/{FULLEST}")
    await office.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await office.wait_for_url("**/sign-in")
    await expect(office.get_by_role("status")).to_contain_text("Du fortsatte vid en annan arbetsplats")


async def test_assignment_is_changed_from_the_menu(visit: Open) -> None:
    page = await visit("/", name=SEVERAL_ASSIGNMENTS)
    await page.locator(".topbar summary").click()
    await page.get_by_role("link", name="Byt medarbetaruppdrag").click()
    await expect(page.locator(".assignment[aria-current]")).to_have_count(1)
    await page.get_by_role("button", name="kvalitetssäkring").click()
    await page.wait_for_url("**/")
    await page.locator(".topbar summary").click()
    await expect(page.locator(".menu-facts")).to_contain_text("Kvalitetssäkring")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
async def test_axe_finds_nothing_beside_another_session_or_when_locked(
    visit: Open, theme: str, width: int
) -> None:
    page = await visit("/", theme=theme, width=width)
    await visit("/", theme=theme, width=width)
    problems = {}
    await page.goto("/")
    problems["two sessions"] = await accessibility_problems(page)
    assert await sideways(page) == 0
    await page.locator(".topbar summary").click()
    await page.get_by_role("button", name="Lås skärmen").click()
    problems["lock"] = await accessibility_problems(page)
    await page.goto("/")
    problems["locked"] = await accessibility_problems(page)
    assert {path: found for path, found in problems.items() if found} == {}
