"""Searching while one types: what is asked, what stands there meanwhile, what Enter and a press take."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from urllib.parse import parse_qs

import pytest
from playwright.async_api import Locator, Page, Route, expect

from tests.browser.conftest import EMPTY, Open, put_aside

TITLE = "Sök patient"
NUMBER = "19420211-9808"
CODE_LIST = ".code-options:visible"


class Held:
    """Answers to one kind of question, each kept back until it is let go; `asked` are their texts."""

    def __init__(self, page: Page, address: str) -> None:
        self.asked: list[str] = []
        self.open = asyncio.Event()
        self.open.set()
        self._page = page
        self._address = address

    async def __aenter__(self) -> Held:
        await self._page.route(self._address, self._pass)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.open.set()
        await self._page.unroute(self._address)

    async def _pass(self, route: Route) -> None:
        self.asked += parse_qs(route.request.post_data or "", keep_blank_values=True)["q"]
        await self.open.wait()
        await route.continue_()

    async def until(self, number: int) -> None:
        """Wait until so many questions were asked."""
        async with asyncio.timeout(20):
            while len(self.asked) < number:
                await asyncio.sleep(0.01)


async def _type(page: Page, text: str) -> None:
    """Type where the page puts the keyboard when it opens."""
    await expect(page.get_by_role("combobox")).to_be_focused()
    await page.keyboard.type(text)


async def _stands(page: Page, text: str) -> None:
    """The list answers the text, and nothing more is on its way."""
    listed = page.locator("[role=listbox]:visible")
    await expect(listed).to_have_attribute("data-answers", text)
    await expect(listed).to_have_attribute("aria-busy", "false")


async def _at_start(page: Page) -> None:
    await expect(page.get_by_role("heading", level=1)).to_have_text(TITLE)


async def _stop_the_clock(page: Page) -> None:
    """Let no time pass on the page, so that what stands there has never stood long enough to be read."""
    now = datetime.now()
    await page.clock.install(time=now)
    await page.reload()
    await page.wait_for_load_state("networkidle")
    await page.clock.pause_at(now + timedelta(minutes=1))


async def _read(page: Page) -> None:
    await page.clock.run_for(1000)


async def test_one_question_is_under_way_at_a_time_and_then_the_newest_text_is_asked(visit: Open) -> None:
    page = await visit()
    async with Held(page, "**/patients") as held:
        held.open.clear()
        await _type(page, "anna karl")
        await held.until(1)
        await _type(page, "sson")
        assert held.asked == ["a"]  # at the first letter, at once
        held.open.set()
        await _stands(page, "anna karlsson")
        assert held.asked == ["a", "anna karlsson"]
    await expect(page.get_by_role("option")).to_have_count(2)


async def test_a_question_that_is_long_in_coming_gives_way_to_a_newer_text(visit: Open) -> None:
    page = await visit()
    late = asyncio.Event()

    async def first_is_late(route: Route) -> None:
        if parse_qs(route.request.post_data or "")["q"] == ["karlsson"]:
            await late.wait()
        await route.continue_()

    await page.route("**/patients", first_is_late)
    await page.get_by_role("combobox").fill("karlsson")
    await expect(page.locator("[role=listbox]:visible")).to_have_text("Söker …")
    await page.get_by_role("combobox").fill(NUMBER)
    await _stands(page, NUMBER)
    late.set()  # what was given up answers all the same
    await page.evaluate("() => fetch('/session')")
    await _stands(page, NUMBER)
    await expect(page.get_by_role("option")).to_have_count(1)
    await page.unroute("**/patients")


async def test_the_old_list_stays_marked_as_being_searched_until_the_new_one_stands(visit: Open) -> None:
    page = await visit()
    listed = page.locator("[role=listbox]")
    await _type(page, "karlsson")
    await _stands(page, "karlsson")
    people = await page.get_by_role("option").all_inner_texts()
    async with Held(page, "**/patients") as held:
        held.open.clear()
        await _type(page, " anna")
        await held.until(1)
        await expect(listed).to_be_visible()
        await expect(listed).to_have_attribute("aria-busy", "true")
        await expect(listed).to_have_attribute("data-answers", "karlsson")
        assert await page.get_by_role("option").all_inner_texts() == people
        await page.keyboard.press("Enter")  # means the text that stands there, which has no answer yet
        held.open.set()
        await _stands(page, "karlsson anna")
    await _at_start(page)
    await expect(page.get_by_role("option")).to_have_count(2)


async def test_how_many_were_found_is_told_once_the_list_stays(visit: Open) -> None:
    page = await visit()
    await _stop_the_clock(page)
    said = page.locator("[data-patient-search]").get_by_role("status")
    await _type(page, "anna karlsson")
    await _stands(page, "anna karlsson")
    await expect(said).to_have_text("")
    await _read(page)
    await expect(said).to_have_text("2 patienter hittades")


async def test_enter_opens_the_first_of_several_only_once_they_can_have_been_read(visit: Open) -> None:
    page = await visit()
    await _stop_the_clock(page)
    await _type(page, "anna karlsson")
    await _stands(page, "anna karlsson")
    await page.keyboard.press("Enter")
    await _at_start(page)
    await _read(page)
    first = await page.locator("[role=option][aria-selected=true] .person-number").inner_text()
    await page.keyboard.press("Enter")
    await expect(page.locator(".banner-number")).to_contain_text(first)


async def test_enter_before_the_answer_opens_nobody_whose_name_is_only_similar(visit: Open) -> None:
    page = await visit()
    async with Held(page, "**/patients") as held:
        held.open.clear()
        await page.get_by_role("combobox").fill("Lyndqvist Merta")
        await held.until(1)
        await page.keyboard.press("Enter")
        held.open.set()
        await _stands(page, "Lyndqvist Merta")
    await expect(page.locator("[role=listbox]")).to_contain_text("Liknande namn")
    await expect(page.get_by_role("option")).to_have_count(1)
    await _at_start(page)


async def test_arrows_before_the_answer_move_in_the_list_that_was_asked_for(visit: Open) -> None:
    page = await visit()
    await _stop_the_clock(page)
    await _type(page, "karlsson")
    await _stands(page, "karlsson")
    chosen = page.locator("[role=option][aria-selected=true]")
    before = await chosen.inner_text()
    async with Held(page, "**/patients") as held:
        held.open.clear()
        await _type(page, " anna")
        await held.until(1)
        await page.keyboard.press("ArrowDown")
        assert await chosen.inner_text() == before
        held.open.set()
        await _stands(page, "karlsson anna")
    await expect(page.get_by_role("option").nth(1)).to_have_attribute("aria-selected", "true")
    await page.keyboard.press("Enter")  # that line nobody has read
    await _at_start(page)
    await _read(page)
    meant = await chosen.locator(".person-number").inner_text()
    await page.keyboard.press("Enter")
    await expect(page.locator(".banner-number")).to_contain_text(meant)


async def test_whom_the_arrows_chose_is_opened_at_once(visit: Open) -> None:
    page = await visit()
    await _stop_the_clock(page)
    await _type(page, "anna karlsson")
    await _stands(page, "anna karlsson")
    await page.keyboard.press("ArrowDown")
    meant = await page.locator("[role=option][aria-selected=true] .person-number").inner_text()
    await page.keyboard.press("Enter")
    await expect(page.locator(".banner-number")).to_contain_text(meant)


async def test_a_press_on_a_line_that_has_just_come_where_another_was_opens_nobody(visit: Open) -> None:
    page = await visit()
    await _stop_the_clock(page)
    await _type(page, "anna karlsson")
    await _stands(page, "anna karlsson")
    place = await page.get_by_role("option").first.bounding_box()
    assert place
    x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    await page.mouse.move(x, y)
    await page.get_by_role("combobox").fill(NUMBER)
    await _stands(page, NUMBER)
    await page.mouse.click(x, y)
    await _at_start(page)
    await expect(page.get_by_role("option")).to_be_visible()
    await _read(page)
    await page.mouse.click(x, y)
    await expect(page.locator(".banner-number")).to_contain_text(NUMBER)


@pytest.mark.parametrize("leave", ["Escape", "empty"])
async def test_what_is_not_searched_for_any_more_opens_no_list(visit: Open, leave: str) -> None:
    page = await visit()
    field = page.get_by_role("combobox")
    async with Held(page, "**/patients") as held:
        held.open.clear()
        await field.fill("karlsson")
        await held.until(1)
        await expect(page.locator("[role=listbox]:visible")).to_have_text("Söker …")
        await (field.press("Escape") if leave == "Escape" else field.fill(""))
        await expect(page.locator("[role=listbox]")).to_be_hidden()
        held.open.set()
        await page.evaluate("() => fetch('/session')")
        await expect(page.locator("[role=listbox]")).to_be_hidden()
    await field.fill(NUMBER)
    await _stands(page, NUMBER)


async def test_a_search_that_could_not_be_made_says_so_and_is_made_again_by_enter(visit: Open) -> None:
    page = await visit()
    await _type(page, "karlsson")
    await _stands(page, "karlsson")
    await page.context.set_offline(True)
    await _type(page, " anna")
    failed = "Det gick inte att söka. Tryck Enter för att söka igen."
    await expect(page.locator("[role=listbox]:visible")).to_have_text(failed)
    await expect(page.locator("[data-patient-search]").get_by_role("status")).to_have_text(failed)
    await expect(page.get_by_role("option")).to_have_count(0)
    await page.context.set_offline(False)
    await page.keyboard.press("Enter")
    await _stands(page, "karlsson anna")
    await expect(page.get_by_role("option")).to_have_count(2)
    await _at_start(page)


async def _problem(page: Page) -> Locator:
    field = page.get_by_label("Problem eller diagnos")
    await expect(field).to_be_focused()
    await expect(page.locator(".code-options")).to_have_attribute("data-answers", "")
    await expect(page.locator(".code-options")).to_have_attribute("aria-busy", "false")
    return field


async def test_enter_takes_no_code_before_the_codes_can_have_been_read(visit: Open) -> None:
    page = await visit(f"/patient/{EMPTY}/problems/add")
    await _stop_the_clock(page)
    field = await _problem(page)
    async with Held(page, "**/codes") as held:
        held.open.clear()
        await page.keyboard.type("halsfl")
        await held.until(1)
        await page.keyboard.type("uss")
        await page.keyboard.press("Enter")
        held.open.set()
        await _stands(page, "halsfluss")
        assert len(held.asked) == 2
    await page.keyboard.press("Enter")
    await expect(page.locator(".code-chosen")).to_have_count(0)
    await expect(field).to_have_value("halsfluss")
    await _read(page)
    await page.keyboard.press("Enter")
    await expect(page.locator(".code-chosen")).to_contain_text("J03.0")
    await put_aside(page)


async def test_a_whole_code_is_taken_by_enter_also_before_its_answer(visit: Open) -> None:
    page = await visit(f"/patient/{EMPTY}/problems/add")
    await _problem(page)
    async with Held(page, "**/codes") as held:
        held.open.clear()
        await page.keyboard.type("j03.0")
        await held.until(1)
        await page.keyboard.press("Enter")
        held.open.set()
        await expect(page.locator(".code-chosen")).to_contain_text("J03.0")
    await put_aside(page)


async def test_without_a_line_to_the_codes_the_words_stay_and_are_told_of(visit: Open) -> None:
    page = await visit(f"/patient/{EMPTY}/problems/add")
    field = await _problem(page)
    await page.context.set_offline(True)
    await page.keyboard.type("hals")
    await expect(page.locator(CODE_LIST)).to_have_text(
        "Det gick inte att hämta koderna. Det du skriver står kvar."
    )
    await page.context.set_offline(False)
    await page.keyboard.type("fluss")
    await _stands(page, "halsfluss")
    await expect(field).to_have_value("halsfluss")
    await put_aside(page)
