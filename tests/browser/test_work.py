"""A working day by keyboard and mouse: write beside the chart, find by the palette, do what waits."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.async_api import FloatRect, Locator, Page, expect

from tests.browser.conftest import (
    DISTRICT_DOCTOR,
    EMPTY,
    FULLEST,
    Open,
    accessibility_problems,
    discard,
    put_aside,
    sideways,
)
from tests.browser.steps import Steps

Count = Callable[[Page, str, int], Steps]
FULLESTS_NUMBER = "19420211-9808"
PHRASE = "Cor: {rytm}, inga biljud.\n\tPulm: {ua/rassel} & <b> 🫀 e\u0301"


async def _kept(page: Page) -> None:
    await expect(page.locator("[data-state]")).to_contain_text("Sparat")


async def _unsigned(page: Page, text: str, template: str) -> None:
    """Leave a note unsigned."""
    patient = EMPTY
    await page.goto(f"/patient/{patient}/journal/write?template={template}")
    await page.get_by_label("Kontaktorsak").fill(text)
    await page.get_by_label("Bedömning").fill("Egenvård")
    await page.get_by_role("button", name="Spara osignerad").click()
    await page.wait_for_url(f"**/patient/{patient}#notes")


async def test_a_known_patients_chart_is_two_actions_away(visit: Open, steps: Count) -> None:
    page = await visit()
    task = steps(page, "from signed in to a known patient's chart", 2)
    await task.fill(page.get_by_role("combobox"), FULLESTS_NUMBER)
    await task.press("Enter")
    await page.wait_for_url(f"**/patient/{FULLEST}")
    task.done()


async def test_another_providers_record_is_read_with_the_patients_consent(visit: Open, steps: Count) -> None:
    page = await visit("/patient/p-0011")
    elsewhere = page.locator(".access-more", has_text="Mer finns hos andra vårdgivare")
    task = steps(page, "read another provider's record, consent captured", 2)
    await task.click(elsewhere.locator("summary"))
    await task.click(elsewhere.get_by_role("button", name="Patienten samtycker: visa"))
    await expect(page.locator(".provenance")).to_contain_text("Hemsjukvården")
    task.done()


async def test_a_note_is_written_beside_the_chart_and_signed(visit: Open, steps: Count) -> None:
    page = await visit(f"/patient/{FULLEST}")
    task = steps(page, "write and sign a note from a template", 3)
    card = page.locator("#journal")
    await task.click(card.get_by_text("Fler mallar"))  # one that is not among the five
    await task.click(card.get_by_role("link", name="Daganteckning, medicinavdelning"))
    await expect(page.locator("[data-beside-pane] textarea").first).to_be_focused()
    await expect(page.locator("#medication")).to_be_visible()
    assessment = page.get_by_label("Bedömning")
    await assessment.fill("Fortsatt förbättrad.")
    await task.press("Control+Enter", assessment)
    await page.wait_for_url(f"**/patient/{FULLEST}#notes")
    await expect(page.locator("#notes .note-body").get_by_text("Fortsatt förbättrad.").first).to_be_visible()
    task.done()


async def test_what_is_missing_is_said_beside_the_chart_and_nothing_is_lost(visit: Open) -> None:
    page = await visit(f"/patient/{FULLEST}?beside=journal/write?template=lakarbesok-primarvard")
    reason = page.get_by_label("Kontaktorsak")
    await reason.fill("Hosta\n\t é")
    await reason.press("Control+Enter")
    await expect(page.locator("[data-beside-pane]").get_by_role("alert")).to_contain_text("behöver rättas")
    # Wherever in a long note one is, what is to be done is seen, and what it is about.
    await page.get_by_label("Planering").fill("Åter {när}")
    await page.get_by_label("Puls").fill("sjuttio")
    await page.get_by_label("Planering").press("Control+Enter")
    await expect(page.locator("[data-beside-pane]").get_by_role("alert")).to_contain_text("2 saker")
    await expect(page.locator("[data-beside-pane]").get_by_role("alert")).to_be_in_viewport(ratio=1)
    pulse = page.get_by_label("Puls")
    await expect(pulse).to_be_focused()
    at = "one => document.elementFromPoint(...(r => [r.x + 5, r.y + 5])(one.getBoundingClientRect())) === one"
    assert await pulse.evaluate(at)
    assert await reason.input_value() == "Hosta\n\t é"
    await discard(page)


async def test_drafts_are_tabs_that_carry_their_patient_and_go_on_elsewhere(visit: Open) -> None:
    page = await visit(f"/patient/{EMPTY}?beside=journal/write?template=hembesok")
    await page.get_by_label("Kontaktorsak").fill("Omläggning")
    await page.locator("#journal").get_by_role("link", name="Akutbesök").click()  # before anything is kept
    await expect(page.locator("[data-beside-pane] h3").first).to_have_text("Akutbesök")
    own = f'[href="/patient/{EMPTY}/journal/write?template=hembesok"]'
    await page.get_by_role("navigation", name="Det du skriver på").locator(own).click()
    await expect(page.get_by_label("Kontaktorsak")).to_have_value("Omläggning")
    elsewhere = await visit("/")
    await elsewhere.goto(page.url)
    await expect(elsewhere.get_by_label("Kontaktorsak")).to_have_value("Omläggning")
    await elsewhere.goto(f"/patient/{FULLEST}?beside=journal/write?template=nrs")
    foreign = elsewhere.locator(f".tab-foreign{own}")
    await expect(foreign).to_contain_text(re.compile(r"Annan patient: .+ \d{8}-\d{4}"))
    await foreign.click()
    await elsewhere.wait_for_url(f"**/patient/{EMPTY}?beside=*")
    await expect(elsewhere.locator(".beside-patient")).to_have_attribute("data-patient", EMPTY)
    await discard(elsewhere)
    narrow = await visit(f"/patient/{EMPTY}?beside=journal/write?template=nrs", width=390)
    await narrow.wait_for_url(f"**/patient/{EMPTY}/journal/write?template=nrs")


async def _box(one: Locator) -> FloatRect:
    found = await one.bounding_box()
    assert found
    return found


async def test_on_a_tablet_the_chart_stays_above_or_beside_what_is_written(visit: Open) -> None:
    """Every turn of the tablet keeps the text, both places, and who the patient is."""
    page = await visit()
    await page.set_viewport_size({"width": 820, "height": 1180})
    await page.goto(f"/patient/{FULLEST}?beside=journal/write?template=lakarbesok-primarvard")
    pane, chart = page.locator("[data-beside-pane]"), page.locator("#main")
    await page.get_by_label("Kontaktorsak").fill("Sårkontroll")
    await _kept(page)
    assert await accessibility_problems(page, "[data-beside-pane]") == []
    content, line = pane.locator("[data-beside-content]"), pane.get_by_role("separator")
    await page.evaluate("scrollTo({top: 700, behavior: 'instant'})")
    await content.evaluate("one => one.scrollTop = 250")
    before = await _box(pane)
    await line.click()  # folds it away
    await expect(line).to_have_attribute("aria-valuenow", "10")
    assert (await _box(pane))["height"] < before["height"] / 2
    await line.press("Enter")  # and up again, with a finger or by a key
    await line.press("ArrowUp")
    assert (await _box(pane))["height"] > before["height"]
    assert await content.evaluate("one => one.scrollTop") == 250
    assert await page.evaluate("scrollY") == 700
    await expect(page.locator(".banner-identity")).to_be_in_viewport()
    await page.set_viewport_size({"width": 1180, "height": 820})
    left, right = await _box(chart), await _box(pane)
    assert left["x"] + left["width"] <= right["x"] + 1
    await expect(page.locator(".banner-identity")).to_be_in_viewport()
    await page.set_viewport_size({"width": 700, "height": 820})
    await expect(chart).to_be_hidden()
    await expect(page.get_by_label("Kontaktorsak")).to_have_value("Sårkontroll")
    await discard(page)


async def test_an_answer_about_another_patient_is_never_put_beside_the_chart(visit: Open) -> None:
    page = await visit(f"/patient/{FULLEST}")
    card = page.locator("#journal")
    await card.get_by_text("Fler mallar").click()
    await card.get_by_label("Sök mall").fill("VIPS omvård")
    await expect(card.get_by_role("link", name="Omvårdnadsanteckning (VIPS)")).to_be_visible()
    await expect(card.get_by_role("link", name="Dietist")).to_be_hidden()
    other = await page.request.get(
        f"/patient/{EMPTY}/journal/write?template=nrs", headers={"hx-request": "true", "x-beside": "1"}
    )
    body = await other.text()
    await page.route("**/journal/write?*", lambda route: route.fulfill(body=body, content_type="text/html"))
    await page.locator("#journal").get_by_role("link", name="Hembesök").click()
    await expect(page.locator("[data-beside-pane]")).to_have_text(
        "Det gick inte att öppna bredvid. Försök igen."
    )
    assert await page.locator("[data-writing]").count() == 0


async def test_what_is_typed_in_a_form_beside_the_chart_is_lost_only_when_one_says_so(visit: Open) -> None:
    page = await visit(f"/patient/{EMPTY}?beside=nursing/add")
    pane = page.locator("[data-beside-pane]")
    goal = pane.get_by_label("Mål", exact=True)
    await page.route("**/kept", lambda route: route.abort("internetdisconnected"))
    await pane.get_by_label("Sökord (VIPS)").select_option(index=1)
    await pane.get_by_label("Behov, problem eller risk").fill("Yr")
    await goal.fill("\nGår själv 🫀\n ej fall")
    action = pane.get_by_label("Åtgärd", exact=True)
    await action.fill("Gå i korridor")
    await page.route("**/nursing/add", lambda route: route.abort("internetdisconnected"))
    await action.press("Control+Enter")
    await expect(pane.get_by_role("alert")).to_have_text(
        "Det här sparades inte. Det du skrev står kvar här, försök igen."
    )
    await expect(goal).to_have_value("\nGår själv 🫀\n ej fall")
    await page.unroute("**/nursing/add")
    question = page.get_by_role("dialog", name="Det du skrev är inte sparat")
    note = page.locator("#journal").get_by_role("link", name="Hembesök")
    for leaving in (note, pane.get_by_role("button", name="Stäng")):
        await leaving.click()
        await expect(question).to_be_visible()
        assert await accessibility_problems(page, "#unsent") == []
        await page.keyboard.press("Enter")
        await expect(goal).to_have_value("\nGår själv 🫀\n ej fall")
    # The session ends elsewhere: what was typed waits under the cover for its writer.
    await page.request.post(
        "/sessions/end-all", form={"csrf": await page.locator("#lock").get_attribute("data-csrf") or ""}
    )
    await goal.press("Control+Enter")
    cover = page.get_by_role("dialog", name="Du är utloggad")
    await expect(cover).to_contain_text("finns kvar bakom den här rutan")
    await expect(goal).not_to_be_visible()
    assert await accessibility_problems(page, "#lock") == []
    async with page.expect_popup() as opened:
        await cover.get_by_role("link", name="Logga in igen").click()
    popup = await opened.value
    await popup.get_by_role("button", name=re.compile(DISTRICT_DOCTOR)).first.click()
    await expect(cover).to_be_hidden()
    await expect(goal).to_have_value("\nGår själv 🫀\n ej fall")
    async with page.expect_event("load"):  # the chart is read anew
        await pane.locator("[data-beside-content]").press(
            "Control+Enter"
        )  # in the pane, in none of its fields
    await expect(page.locator("#plans")).to_contain_text("Yr")
    await page.goto(f"/patient/{EMPTY}?beside=nursing/add")
    await goal.fill("Onödigt")
    await note.click()
    await question.get_by_role("button", name="Släng det jag skrev").click()
    await expect(pane.locator("h3").first).to_have_text("Hembesök")
    # With the line there it is kept, and goes on wherever the form is opened again.
    await page.unroute("**/kept")
    await page.goto(f"/patient/{EMPTY}?beside=nursing/add")
    await pane.locator("[name=times]").last.fill("8 20")
    await goal.fill("\nUppe i stol 🫀\n ej sår")
    await note.click()
    await expect(pane.locator("h3").first).to_have_text("Hembesök")
    elsewhere = await visit("/inbox")
    begun = elsewhere.locator(f'a[href^="/patient/{EMPTY}?beside=nursing"]')
    await begun.last.click()
    there = elsewhere.locator("[data-beside-pane]")
    await expect(there.get_by_role("status").first).to_contain_text("Fortsätter där du slutade skriva")
    await expect(there.get_by_label("Mål", exact=True)).to_have_value("\nUppe i stol 🫀\n ej sår")
    await expect(there.locator("[name=times]").last).to_have_value("8 20")
    assert not await accessibility_problems(elsewhere, "[data-beside-pane]")
    await there.get_by_role("button", name="Börja om").click()
    await there.get_by_role("button", name="Ångra").click()
    await expect(there.get_by_label("Mål", exact=True)).to_have_value("\nUppe i stol 🫀\n ej sår")
    await put_aside(there)
    await expect(there.get_by_label("Mål", exact=True)).to_have_value("")


async def test_a_phrase_is_inserted_letter_for_letter_filled_in_and_taken_back(visit: Open) -> None:
    page = await visit("/phrases")
    new = page.locator("form.phrase").first
    await new.get_by_label("Namn").fill("cor")
    await new.get_by_label("Text").fill(PHRASE)
    await new.get_by_role("button", name="Spara").click()
    await expect(page.get_by_text(".cor", exact=True)).to_be_visible()
    async with page.expect_response("**/phrases/list") as listed:
        await page.goto(f"/patient/{EMPTY}?beside=journal/write?template=hembesok")
    await (await listed.value).finished()
    field = page.locator("[data-beside-pane] textarea").first
    await field.click()
    await page.keyboard.type("Idag .cor")
    await page.evaluate("new Promise((done) => setTimeout(done))")  # what came is read by the page's script
    await page.keyboard.press("Tab")
    assert await field.input_value() == f"Idag {PHRASE}"
    await page.keyboard.press("Control+z")
    assert await field.input_value() == "Idag .cor"
    await page.keyboard.press("Tab")
    await page.keyboard.type("regelbunden")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("option", name="ua", selected=True)).to_be_visible()
    assert not await accessibility_problems(page)
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    filled = PHRASE.replace("{rytm}", "regelbunden").replace("{ua/rassel}", "rassel")
    assert await field.input_value() == f"Idag {filled}"
    await _kept(page)
    await page.keyboard.press("Control+k")
    await page.keyboard.type("cor")
    await page.get_by_role("option", name="Fras .cor").click()
    assert (await field.input_value()).count("Pulm:") == 2
    await discard(page)  # at once: what is on its way to be saved does not bring the draft back
    await page.goto(f"/patient/{EMPTY}/journal/write?template=hembesok")
    await expect(page.locator("textarea").first).to_have_value("")


async def test_the_palette_opens_a_template_and_commands_by_keyboard(visit: Open) -> None:
    page = await visit(f"/patient/{FULLEST}")
    await page.keyboard.press("Control+k")
    await expect(page.get_by_role("option", name="Att göra: mina")).to_be_visible()
    await page.keyboard.type("telefonr")
    await expect(page.get_by_role("option", name="Sök i journalen efter ”telefonr”")).to_be_visible()
    await expect(page.get_by_role("option")).to_have_count(2)
    await page.keyboard.press("Enter")
    await expect(page.locator("[data-beside-pane] h3").first).to_have_text("Telefonrådgivning")
    await page.get_by_role("button", name="Stäng; utkastet finns kvar").click()
    await expect(page.locator("[data-beside-pane]")).to_be_hidden()
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog", name="Tangenter")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog", name="Tangenter")).to_be_hidden()
    await page.keyboard.press("g")
    await page.keyboard.press("i")
    await page.wait_for_url("**/inbox")


async def test_work_is_signed_and_handed_over_within_its_actions(visit: Open, steps: Count) -> None:
    page = await visit()
    await _unsigned(page, "Feber sedan i går", "telefonradgivning")
    await _unsigned(page, "Utslag", "hembesok")
    await page.goto(f"/patient/{FULLEST}")
    await expect(page.locator("[data-count=own]")).to_have_text(re.compile(r"\d"))
    to_do = page.get_by_role("link", name="Att göra")

    task = steps(page, "hand over a task to a colleague", 3)
    await task.click(to_do)
    await task.select(page.get_by_label("Till vem"), "Johan Sandström")
    row = page.locator(".inbox-row", has_text="Feber sedan i går")
    await task.click(row.get_by_role("button", name="Lämna över"))
    await expect(page.get_by_text("En sak är överlämnad.")).to_be_visible()
    await expect(row).to_have_count(0)
    task.done()

    await page.goto(f"/patient/{FULLEST}")
    task = steps(page, "read and sign a note that waits", 3)
    await task.click(to_do)
    await task.click(page.locator(".inbox-row", has_text="Utslag").get_by_role("link", name="Signera"))
    await expect(page.locator(".reading-body")).to_contain_text("Utslag")
    assert await accessibility_problems(page) == []
    await task.press("Enter")
    await expect(page.get_by_text("En anteckning är signerad.")).to_be_visible()
    task.done()

    await _unsigned(page, "Magont", "hembesok")
    await page.goto(f"/patient/{FULLEST}")
    task = steps(page, "read and sign all that waits", 4)
    await task.click(to_do)
    await task.click(page.get_by_label("Markera alla"))
    await task.click(page.get_by_role("button", name="Läs och signera markerade"))
    await expect(page.locator(".reading-body").get_by_text("Magont")).to_be_visible()
    await task.press("Enter")
    await expect(page.locator(".done")).to_contain_text("signerad")
    task.done()


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (390, "dark"), (1440, "dark"), (390, "light")])
async def test_the_pages_of_work_are_accessible_and_do_not_scroll_sideways(
    visit: Open, width: int, theme: str
) -> None:
    page = await visit("/inbox?of=unit", width=width, theme=theme)
    for address in ("/inbox?of=unit", "/phrases", f"/patient/{FULLEST}?beside=journal/write?template=nrs"):
        await page.goto(address)
        await page.wait_for_load_state("networkidle")
        assert await accessibility_problems(page) == []
        assert await sideways(page) == 0
    await page.keyboard.press("Control+k")
    await expect(page.get_by_role("option").first).to_be_visible()
    assert await accessibility_problems(page) == []
    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog", name="Tangenter")).to_be_visible()
    assert await accessibility_problems(page) == []
