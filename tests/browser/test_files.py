"""Pictures, files and dictation in a browser: chosen, pasted, dragged, recorded; typing without a line."""

from __future__ import annotations

import base64
import re

from playwright.async_api import Page, expect

from tests.browser.conftest import EMPTY, FULLEST, Open, accessibility_problems, discard
from tests.support.pictures import png

ADDRESS = f"/patient/{EMPTY}/journal/write?template=hembesok"
NAME = "Hud – å e\u0301 ”fläck” 🙂.png"

GIVEN = """([name, data, kind]) => {
  const bytes = Uint8Array.from(atob(data), (each) => each.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type: "image/png" }));
  const place = document.querySelector("[name=kontaktorsak]");
  place.dispatchEvent(kind === "paste"
    ? new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true })
    : new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }));
}"""


async def give(page: Page, kind: str, name: str, content: bytes) -> None:
    """Paste or drop a file."""
    await page.evaluate(GIVEN, [name, base64.b64encode(content).decode(), kind])


async def test_pictures_and_sound_are_kept_and_pictures_stand_in_the_note(
    visit: Open,
) -> None:
    page = await visit(ADDRESS)
    await page.get_by_label("Kontaktorsak").fill("Hudfläck")
    chooser = page.get_by_label("Välj fil")
    await chooser.set_input_files({"name": NAME, "mimeType": "image/png", "buffer": png(60, 40)})
    rows = page.locator("[data-list] > li")
    await expect(rows.first.locator("img")).to_be_visible()
    await expect(rows.first.locator("[data-name]")).to_have_text(NAME)
    await give(page, "paste", "klistrad.png", png(40, 40))
    await give(page, "drop", "dragen.png", png(30, 30))
    await expect(rows).to_have_count(3)
    await expect(rows.nth(2).locator("img")).to_be_visible()
    await rows.nth(2).locator("[data-remove]").click()
    await expect(rows).to_have_count(2)
    problem = page.locator("[data-problem-of-files]")
    await give(page, "drop", "script.png", b"<script>alert(1)</script>")
    await expect(problem).to_contain_text("script.png är inget av de slag")
    await give(page, "drop", "stor.png", b"\0" * (10 * 1024 * 1024 + 1))
    await expect(problem).to_contain_text("stor.png är större än 10 MB")
    async with page.expect_response("**/draft/*/files/*"):
        shows = rows.first.get_by_label("Vad den visar")
        await shows.fill("Fläck på underarmen")
        await shows.press("Tab")
    async with page.expect_response("**/draft/*/files/*"):
        await rows.first.get_by_label("Sökord").select_option("Kontaktorsak")
    assert await accessibility_problems(page) == []
    await page.reload()
    await expect(rows.first.get_by_label("Vad den visar")).to_have_value("Fläck på underarmen")
    await page.get_by_label("Bedömning").first.fill("Godartad.")
    hand_over, record = page.get_by_role("button", name="Lämna för utskrift"), page.locator("[data-record]")
    await expect(hand_over).to_be_hidden()
    await record.click()
    await expect(record).to_contain_text("Stoppa och spara 0.01")
    await page.locator("[data-sign]").click()
    await expect(problem).to_have_text("Stoppa inspelningen innan du går vidare.")
    await record.click()
    await expect(rows.locator("audio")).to_have_js_property("error", None)
    await expect(hand_over).to_be_visible()
    await give(page, "paste", "sist.png", png(20, 20))
    await page.locator("[data-sign]").click()  # at once: the note waits for the picture
    await expect(page).to_have_url(re.compile(f"/patient/{EMPTY}#notes$"))
    picture = page.get_by_role("img", name="Fläck på underarmen")
    await picture.scroll_into_view_if_needed()
    await expect(picture).to_have_js_property("naturalWidth", 60)
    await expect(page.get_by_role("img", name="sist.png")).to_be_attached()
    assert await accessibility_problems(page, "#notes") == []
    await picture.click()
    large = page.get_by_role("dialog", name="Bild")
    await expect(large.get_by_role("img", name="Fläck på underarmen")).to_be_visible()
    await expect(large).to_contain_text("Oksana Kovalenko")
    assert await accessibility_problems(page, "#picture") == []
    for key in ("ArrowRight", "ArrowRight"):
        await page.keyboard.press(key)
    await expect(large.get_by_role("img", name="sist.png")).to_be_visible()
    await expect(large).to_contain_text("3 av 3")
    await page.keyboard.press("Escape")
    await expect(large).to_be_hidden()
    await expect(page.locator("#notes a:has(img)").first).to_be_focused()


async def test_dictated_and_composed_text_is_kept_letter_for_letter(visit: Open) -> None:
    """As dictation of the system types: by composition that is revised, and by replacing what stood there."""
    page = await visit(f"/patient/{FULLEST}/journal/write?template=hembesok")
    field = page.get_by_label("Kontaktorsak")
    await field.click()
    devices = await page.context.new_cdp_session(page)
    for heard in ("ingen blöt", "Ingen blödning"):
        async with page.expect_response("**/journal/draft"):  # kept, and shown anew, in the midst of it
            at = {"selectionStart": len(heard), "selectionEnd": len(heard)}
            await devices.send("Input.imeSetComposition", {"text": heard, **at})
        assert await field.input_value() == heard
    await devices.send("Input.insertText", {"text": "Ingen blödning."})
    await field.evaluate(
        """(field) => {
          const said = [["insertReplacementText", "Inga"], ["insertFromDictation", " Åter e\u0301 🫀"]];
          for (const [kind, text] of said) {
            const [from, to] = text === "Inga" ? [0, 5] : [field.value.length, field.value.length];
            field.setRangeText(text, from, to, "end");
            const event = { inputType: kind, data: text, bubbles: true };
            field.dispatchEvent(new InputEvent("input", event));
          }
        }"""
    )
    wanted = "Inga blödning. Åter e\u0301 🫀"
    await expect(page.locator("[data-lines] .line-text")).to_have_text(wanted, use_inner_text=False)
    await page.reload()
    await expect(page.get_by_label("Kontaktorsak")).to_have_value(wanted)
    await discard(page)


async def test_what_is_typed_without_a_line_is_merged_when_it_is_back(visit: Open) -> None:
    address = f"/patient/{FULLEST}/journal/write?template=telefonradgivning"
    away, there = await visit(address), await visit(address)
    await away.get_by_label("Kontaktorsak").fill("Feber")
    await expect(away.locator("[data-state]")).to_contain_text("Sparat")
    await away.context.set_offline(True)
    away_text, there_text = "Ingen nackstelhet.\nSkrivet på tåget.", "Ingen andnöd."
    await away.get_by_label("Bedömning").fill(away_text)
    await expect(away.locator("[data-state]")).to_contain_text("bara krypterat på den här datorn")
    await away.get_by_label("Aktuellt", exact=True).fill("Sedan i går")
    await there.get_by_label("Bedömning").fill(there_text)
    await expect(there.locator("[data-state]")).to_contain_text("Sparat")
    await away.context.set_offline(False)
    both = f"{there_text}\n{away_text}"
    await expect(away.get_by_label("Bedömning")).to_have_value(both)
    await expect(away.get_by_label("Kontaktorsak")).to_have_value("Feber")
    await there.reload()
    await expect(there.get_by_label("Bedömning")).to_have_value(both)
    await expect(there.get_by_label("Aktuellt", exact=True)).to_have_value("Sedan i går")
    await discard(there)
