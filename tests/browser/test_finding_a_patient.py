"""From sign-in to the right patient's chart, with the mouse, the keyboard, and without JavaScript."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.conftest import FULLEST, MARKED, Open, sign_in

NUMBER = "19420211-9808"
NAME = "Märta Ingegerd Lindqvist"


async def answered(page: Page, text: str) -> None:
    """Wait for the list that answers the text: one of an earlier text may stand there until then."""
    await expect(page.locator("[role=listbox]:visible")).to_have_attribute("data-answers", text)


async def search(page: Page, text: str) -> list[str]:
    """Type into the search and give the lines that come."""
    await page.get_by_role("combobox").fill(text)
    await answered(page, text)
    return [" ".join(line.split()) for line in await page.get_by_role("option").all_inner_texts()]


@pytest.mark.parametrize(
    "form", ["19420211-9808", "194202119808", "420211-9808", "4202119808", "19420211 9808", "1942 0211-9808"]
)
async def test_a_personnummer_in_any_form_finds_its_patient_alone(visit: Open, form: str) -> None:
    page = await visit()
    (line,) = await search(page, form)
    assert NUMBER in line


@pytest.mark.parametrize(
    "text", ["Lindqvist", "märta lind", "marta", "LINDQVIST MÄRTA", "Lindqvist 1942", "19420211"]
)
async def test_a_name_or_a_part_of_it_or_a_date_of_birth_finds_the_patient(visit: Open, text: str) -> None:
    page = await visit()
    assert any(NUMBER in line for line in await search(page, text))


@pytest.mark.parametrize("misspelt", ["Lindkvist", "Lyndqvist Merta", "Lindqwist", "Lindvqist"])
async def test_a_misspelt_name_finds_similar_ones_and_says_so(visit: Open, misspelt: str) -> None:
    page = await visit()
    assert any(NUMBER in line for line in await search(page, misspelt))
    await expect(page.locator("[role=listbox]")).to_contain_text("Liknande namn")


async def test_a_slip_in_the_number_is_explained(visit: Open) -> None:
    page = await visit()
    assert await search(page, "19420211-9807") == []
    await expect(page.locator("[role=listbox]")).to_contain_text("Kontrollsiffran stämmer inte")


async def test_two_people_of_one_name_are_told_apart_by_number_and_age(visit: Open) -> None:
    page = await visit()
    lines = await search(page, "Anna Karlsson")
    assert len(lines) == 2
    assert len(set(lines)) == 2


async def test_a_protected_identity_is_marked_in_the_list(visit: Open) -> None:
    page = await visit()
    (line,) = await search(page, "19920225-9801")
    assert "Skyddade personuppgifter" in line


async def test_signed_in_to_a_known_patients_chart_takes_two_actions(visit: Open) -> None:
    page = await visit()
    await expect(page.locator("[data-patient-search] input[type=search]")).to_be_focused()
    await page.keyboard.type(NUMBER)  # one field filled in
    await page.keyboard.press("Enter")  # and one key
    await expect(page.get_by_role("heading", level=1)).to_have_text(NAME)
    assert page.url.endswith(f"/patient/{FULLEST}")


async def test_enter_never_opens_who_was_found_for_what_stood_in_the_field_before(visit: Open) -> None:
    page = await visit()
    asked, answer = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        asked.set()
        await answer.wait()
        await route.continue_()

    await page.route("**/patients", hold)
    field = page.get_by_role("combobox")
    await field.fill(NUMBER)
    await asked.wait()
    await field.evaluate(
        "field => { field.value = 'Anna Karlsson'; }"
    )  # typed on while the answer is on its way
    answer.set()
    await page.locator("[role=listbox]:visible").wait_for()
    await field.press("Enter")
    await expect(page.get_by_role("option")).to_have_count(2)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sök patient")


async def test_enter_opens_whom_the_arrows_chose_and_nobody_in_that_ones_place(visit: Open) -> None:
    page = await visit()
    field = page.get_by_role("combobox")
    await field.fill("karlsson")
    await answered(page, "karlsson")
    await field.press("ArrowDown")
    second = page.locator("[role=option][aria-selected=true] .person-number")
    chosen = await second.inner_text()
    async with page.expect_response("**/patients"):
        await field.evaluate("field => field.dispatchEvent(new Event('search-now'))")
    await expect(page.locator("[role=listbox]")).to_have_attribute("aria-busy", "false")
    await expect(second).to_have_text(chosen)  # a later answer brings the same one again
    await field.evaluate(
        "(field, other) => { field.value = other; field.dispatchEvent(new Event('search-now')); }", NUMBER
    )
    await expect(page.get_by_role("option")).to_have_count(1)
    await field.press("Enter")
    await expect(page.get_by_role("option", selected=True)).to_have_count(0)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sök patient")
    await field.fill("Karlsson")
    await answered(page, "Karlsson")
    await field.press("ArrowDown")
    await field.evaluate("field => { field.value = 'karlsso'; }")  # its answer is not here yet
    await field.press("Enter")
    await expect(page.locator(".banner-number")).to_contain_text(chosen)


async def test_everything_from_sign_in_to_chart_can_be_done_with_the_keyboard(visit: Open) -> None:
    page = await visit("/sign-in", name=None)
    for _ in range(12):
        await page.keyboard.press("Tab")
        if "Anna Berglund" in await page.evaluate("document.activeElement.textContent"):
            break
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/")
    await expect(page.get_by_role("combobox")).to_be_focused()
    await page.keyboard.type("karlsson")
    await answered(page, "karlsson")
    await page.keyboard.press("ArrowDown")
    chosen = await page.locator("[role=option][aria-selected=true] .person-number").inner_text()
    await page.keyboard.press("Enter")
    await expect(page.locator(".banner-number")).to_contain_text(chosen)
    for keys in ("/", "Control+k"):
        await page.evaluate("document.activeElement.blur(); scrollTo(0, 900)")
        await page.keyboard.press(keys)
        await expect(page.get_by_role("combobox")).to_be_focused()
        await expect(page.get_by_role("combobox")).to_have_value("")
    await page.keyboard.press("Escape")
    await page.evaluate("scrollTo(0, 0)")
    await page.locator("body").press("Tab")
    await expect(page.locator(":focus")).to_be_visible()


async def test_patients_opened_are_listed_on_the_start_page_for_that_person_only(visit: Open) -> None:
    page = await visit(f"/patient/{FULLEST}")
    await page.goto(f"/patient/{MARKED}")
    await page.goto("/")
    names = await page.locator(".recent .person-name").all_inner_texts()
    assert [name.split()[0] for name in names] == ["Josefin", "Märta"]
    await page.locator(".topbar summary").click()
    await page.get_by_role("button", name="Logga ut").click()
    await page.wait_for_url("**/sign-in")
    await sign_in(page, "Karin Öhman")
    await expect(page.locator(".recent")).to_contain_text("Listan syns bara för dig")


async def test_search_and_chart_work_without_javascript(visit: Open) -> None:
    page = await visit("/", javascript=False)
    await page.get_by_role("combobox").fill("Lindqvist")
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name=NUMBER).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(NAME)
    await page.get_by_role("link", name="B-Hemoglobin").click()
    await expect(page.get_by_role("table")).to_contain_text("g/L")
    await expect(page.get_by_role("heading", level=1)).to_have_text(NAME)
