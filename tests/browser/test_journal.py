"""Writing a note in a browser: by keyboard, kept on the server, byte for byte, and accessible."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.conftest import EMPTY, FULLEST, Open, accessibility_problems, discard, sideways, sign_in
from tests.browser.steps import until

PANE = f"/patient/{FULLEST}/journal/write?template=lakarbesok-primarvard"
TEXT = "Ingen blödning.\n\tIndraget, två  mellanslag & <b> 🫀 e\u0301\n\nSlut"


async def _kept(page: Page) -> None:
    await expect(page.locator("[data-state]")).to_contain_text("Sparat")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("template", ["", "?template=lakarbesok-primarvard", "?template=phq-9"])
async def test_the_pane_is_accessible_and_does_not_scroll_sideways(
    visit: Open, template: str, width: int, theme: str
) -> None:
    page = await visit(f"/patient/{EMPTY}/journal/write{template}", width=width, theme=theme)
    assert await accessibility_problems(page) == []
    assert await sideways(page) == 0


async def test_every_letter_is_kept_and_shown_and_there_elsewhere(visit: Open) -> None:
    page = await visit(PANE)
    reason = page.get_by_label("Kontaktorsak")
    await reason.press("Control+a")
    await page.keyboard.insert_text(TEXT.replace("\n", "\r\n"))  # as what is pasted, with others' line ends
    line = page.locator("[data-lines] .line-text", has_text="Ingen blödning.")
    await expect(line).to_have_text(TEXT, use_inner_text=False)
    assert await line.inner_text() == TEXT
    await _kept(page)
    elsewhere = await visit(PANE)
    await expect(elsewhere.get_by_label("Kontaktorsak")).to_have_value(TEXT)
    await discard(elsewhere)
    await elsewhere.get_by_role("button", name="Ångra").click()
    await expect(elsewhere.get_by_label("Kontaktorsak")).to_have_value(TEXT)
    await discard(elsewhere)


async def test_what_is_typed_before_the_scripts_have_come_is_kept(visit: Open) -> None:
    page = await visit("/")
    come = asyncio.Event()

    async def late(route: Route) -> None:
        await come.wait()
        await route.continue_()

    await page.route(re.compile(r"/js/"), late)
    await page.goto(f"/patient/{EMPTY}/journal/write?template=hembesok", wait_until="commit")
    reason = page.get_by_label("Kontaktorsak")
    await reason.fill("Skrivet före skripten")
    await reason.press("Home")
    come.set()
    await _kept(page)
    await expect(reason).to_be_focused()
    await discard(page)


async def test_what_follows_from_an_answer_is_there_while_writing(visit: Open) -> None:
    page = await visit(f"/patient/{EMPTY}/journal/write?template=lakarbesok-primarvard")
    stopped = page.get_by_label("Rökstopp, år")
    await expect(stopped).to_be_hidden()
    await page.get_by_label("Har slutat röka").check()
    await expect(stopped).to_be_visible()
    await page.get_by_label("Längd").fill("178")
    await page.get_by_label("Vikt").fill("82,5")
    await expect(page.locator("output").first).to_have_text("26,0")
    await page.get_by_label("Puls").fill("sjuttio")
    await expect(page.get_by_text("Inte ett heltal")).to_be_visible()
    await page.get_by_label("Puls").fill("72")
    await expect(page.get_by_text("Inte ett heltal")).to_be_hidden()
    await _kept(page)
    await discard(page)


async def test_two_windows_show_what_the_other_wrote(visit: Open) -> None:
    address = f"/patient/{EMPTY}/journal/write?template=telefonradgivning"
    first = await visit(address)
    second = await first.context.new_page()
    await second.goto(address)
    await first.get_by_label("Kontaktorsak").fill("Feber")
    await expect(second.get_by_label("Kontaktorsak")).to_have_value("Feber")
    await expect(second.locator("[data-together]")).to_contain_text("Du skriver även i ett annat fönster")
    await second.get_by_label("Bedömning").fill("Egenvård")
    await expect(first.get_by_label("Bedömning")).to_have_value("Egenvård")
    elsewhere = await visit(address)  # at another workstation
    await elsewhere.get_by_label("Aktuellt", exact=True).fill("Sedan i går")
    await expect(elsewhere.get_by_label("Bedömning")).to_have_value("Egenvård")
    await _kept(elsewhere)
    await first.evaluate("dispatchEvent(new Event('focus'))")  # as who comes back to the window
    await expect(first.get_by_label("Aktuellt", exact=True)).to_have_value("Sedan i går")
    # What comes in while one types on in the same field is not written over by the next save.
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def wait(route: Route) -> None:
        begun.set()
        await go_on.wait()
        await route.continue_()

    await first.route("**/journal/draft", wait)
    await first.get_by_label("Aktuellt", exact=True).fill("Sedan i går. Mitt")
    await begun.wait()
    async with elsewhere.expect_response(lambda one: "andras" in (one.request.post_data or "")):
        await elsewhere.get_by_label("Aktuellt", exact=True).fill("Sedan i går. Den andras")
    await first.get_by_label("Aktuellt", exact=True).press_sequentially(" text")
    go_on.set()
    await expect(first.get_by_label("Aktuellt", exact=True)).to_have_value(
        "Sedan i går. Den andras\nSedan i går. Mitt text"
    )
    await discard(elsewhere)
    await first.evaluate("dispatchEvent(new Event('focus'))")
    await expect(first.locator("[data-together]")).to_contain_text("Utkastet finns inte kvar")


LEFT_HERE = """() => new Promise((resolve) => {
  const asked = indexedDB.open("kontinuum-unsent");
  asked.onsuccess = () => {
    const store = asked.result.transaction("drafts").objectStore("drafts");
    const [names, found] = [store.getAllKeys(), store.getAll()];
    store.transaction.oncomplete = () => {
      const texts = found.result.map(({ sealed }) => new TextDecoder("latin1").decode(sealed));
      resolve([...names.result, ...texts]);
    };
    asked.result.close();
  };
})"""
"""What of drafts stands in the browser: their names and what is sealed."""


async def test_writing_survives_a_server_that_does_not_take_it_and_a_closed_window(visit: Open) -> None:
    address = f"/patient/{EMPTY}/journal/write?template=nrs"
    page = await visit(address)
    where = page.get_by_label("Var", exact=True)
    state = page.locator("[data-state]")
    drafts = "**/journal/draft"
    await page.context.route(drafts, lambda route: route.fulfill(status=423))
    await where.fill("Vänster knä 🫀")
    await expect(state).to_have_text(
        "Inte sparat på servern ännu, bara krypterat på den här datorn. Försöker igen."
    )
    name, sealed = await page.evaluate(LEFT_HERE)
    assert EMPTY not in name
    assert "knä" not in sealed.encode("latin1", "replace").decode("utf-8", "replace")
    again = await page.context.new_page()
    await page.close()
    await again.context.unroute(drafts)
    await again.goto(address)
    where, state = again.get_by_label("Var", exact=True), again.locator("[data-state]")
    await expect(where).to_have_value("Vänster knä 🫀")
    await expect(state).to_have_text("Det som inte kunde sparas förut är tillbaka och sparat.")
    assert await again.evaluate(LEFT_HERE) == []
    await again.reload()
    await expect(where).to_have_value("Vänster knä 🫀")
    # A session that ends takes the key along: nobody reads what it left, and the next one removes it.
    await again.context.route(drafts, lambda route: route.abort("internetdisconnected"))
    await where.fill("Vänster knä 🫀, oläst")
    await expect(state).to_contain_text("bara krypterat")
    again.on("dialog", lambda dialog: dialog.accept())  # whether to leave what is not saved
    await again.goto("/")
    await again.request.post(
        "/sign-out", form={"csrf": await again.locator("#lock").get_attribute("data-csrf") or ""}
    )
    await sign_in(again)
    await again.context.unroute(drafts)
    await again.goto(address)
    await expect(where).to_have_value("Vänster knä 🫀")
    await until(again, f"async () => (await ({LEFT_HERE})()).length === 0")
    await discard(again)


async def test_enter_goes_on_to_the_next_field(visit: Open) -> None:
    page = await visit(f"/patient/{EMPTY}/journal/write?template=qsofa")
    await expect(page.get_by_label("Andningsfrekvens")).to_be_focused()
    await page.keyboard.type("24")
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Systoliskt blodtryck")).to_be_focused()


async def test_without_scripts_a_note_is_signed_too(visit: Open) -> None:
    page = await visit(f"/patient/{EMPTY}/journal/write?template=hembesok", javascript=False)
    await page.get_by_label("Kontaktorsak").fill(TEXT)
    await page.locator("[data-sign]").click()
    await expect(page.get_by_role("alert")).to_contain_text("En sak behöver rättas")
    await page.get_by_label("Bedömning").fill("Läker väl.")
    await page.locator("[data-sign]").click()
    await expect(page).to_have_url(re.compile(f"/patient/{EMPTY}#notes$"))
    await expect(page.get_by_text("Läker väl.").first).to_be_attached()
    # Every space and line end is seen: what is shown is compared, and not only what stands in the markup.
    signed = page.locator("details.note", has_text="Läker väl.").first
    if await signed.get_attribute("open") is None:
        await signed.locator("summary").click()
    assert TEXT in await signed.inner_text()
    await signed.get_by_role("link", name="Historik och rättning").click()
    await expect(page).not_to_have_url(re.compile("#notes$"))  # whose page shows the words too
    await expect(page.locator("main")).to_contain_text("Läker väl.")
    assert TEXT in await page.locator("main").inner_text()
