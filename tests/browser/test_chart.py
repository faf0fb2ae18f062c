"""The chart in the browser: right patient, right words, both languages, both themes, quickly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date
from html import unescape

from playwright.async_api import Page, expect

from kontinuum.demo import generate
from tests.browser.conftest import (
    DECEASED,
    DISTRICT_DOCTOR,
    EMPTY,
    FULLEST,
    MARKED,
    PROTECTED,
    RESERVE,
    Open,
)
from tests.browser.steps import Steps


async def test_the_fullest_chart_shows_every_part_with_its_source(visit: Open) -> None:
    page = await visit(f"/patient/{FULLEST}")
    for heading in (
        "Överkänslighet och uppmärksamhet",
        "Diagnoser och problem",
        "Läkemedel",
        "Anteckningar",
        "Vitalparametrar",
        "Laboratorium",
        "Vårdkontakter",
    ):
        await expect(page.get_by_role("heading", name=heading, level=2)).to_be_visible()
    for entry in await page.locator(".card-problems .entry .source, .card-medication .entry .source").all():
        assert "·" in await entry.evaluate("e => [...e.children].map(c => c.textContent).join('·')")
    assert await page.locator(".signed, .unsigned").count() >= await page.locator(".note").count()


async def test_the_empty_chart_says_that_nothing_is_recorded_and_what_was_not_fetched(visit: Open) -> None:
    page = await visit(f"/patient/{EMPTY}")
    await expect(page.locator("main")).to_contain_text("Uppgift om överkänslighet saknas.")
    await expect(page.locator("main")).to_contain_text("Ingen anteckning är skriven i journalen.")
    await expect(page.locator("main")).to_contain_text("Andra vårdgivares anteckningar hämtas inte här.")
    await expect(page.locator(".provenance")).to_contain_text("ingen enhet har dokumenterat något")


async def test_warnings_stay_on_the_screen_when_the_chart_is_scrolled(visit: Open) -> None:
    for width in (1440, 390):
        page = await visit(f"/patient/{FULLEST}", width=width)
        await page.evaluate("scrollTo(0, 2000)")
        await expect(page.get_by_role("heading", level=1)).to_be_in_viewport()
        await expect(page.locator(".note-danger").first).to_be_in_viewport()


async def test_protected_deceased_and_unidentified_patients_are_marked_plainly(visit: Open) -> None:
    page = await visit(f"/patient/{MARKED}")
    await expect(page.locator(".band-danger")).to_contain_text("Sekretessmarkering")
    await expect(page.locator("body")).not_to_contain_text("070-")
    await page.goto(f"/patient/{PROTECTED}")
    await expect(page.locator(".band-danger")).to_contain_text("Skyddad folkbokföring")
    assert "Ylva" not in await page.title()
    await page.goto(f"/patient/{DECEASED}")
    await expect(page.locator(".band-ink")).to_contain_text("Avliden")
    await page.goto(f"/patient/{RESERVE}")
    await expect(page.locator(".band-warning")).to_contain_text("Reservnummer")


async def test_a_trend_opens_below_its_value_and_has_a_table(visit: Open) -> None:
    page = await visit(f"/patient/{FULLEST}")
    link = page.get_by_role("link", name="P-Kreatinin")
    await link.focus()
    await page.keyboard.press("Enter")
    await page.locator("trend-chart canvas").wait_for()
    assert await page.locator(".trend tbody tr").count() > 10
    await expect(link).to_have_attribute("aria-expanded", "true")
    await page.keyboard.press("Enter")
    await expect(page.locator("trend-chart")).to_have_count(0)
    await expect(link).to_have_attribute("aria-expanded", "false")


async def test_older_notes_and_contacts_are_added_below_without_repeating_any(visit: Open) -> None:
    page = await visit(f"/patient/{FULLEST}")
    before = await page.locator(".note").count()
    await page.get_by_role("link", name="Visa äldre anteckningar").click()
    await expect(page.locator(".note")).to_have_count(before + 20)
    identities = await page.locator(".note").evaluate_all("all => all.map(one => one.id)")
    assert len(identities) == len(set(identities)) == before + 20
    contacts = await page.locator(".contact").count()
    await page.get_by_role("link", name="Visa tidigare vårdkontakter").click()
    await expect(page.locator(".contact").nth(contacts)).to_be_attached()


async def test_swedish_first_and_english_on_demand(visit: Open) -> None:
    page = await visit(f"/patient/{EMPTY}", language="en")
    await expect(page.get_by_role("heading", name="Medication")).to_be_visible()
    assert await page.locator("html").get_attribute("lang") == "en"
    await page.locator(".topbar summary").click()
    await page.get_by_role("button", name="På svenska").click()
    await expect(page.get_by_role("heading", name="Läkemedel")).to_be_visible()
    assert page.url.endswith(f"/patient/{EMPTY}")


async def test_the_theme_follows_the_system_until_one_is_chosen_and_then_stays(visit: Open) -> None:
    page = await visit(f"/patient/{EMPTY}", theme="light")
    paper = "getComputedStyle(document.documentElement).backgroundColor"
    light = await page.evaluate(paper)
    await page.locator(".topbar summary").click()
    await page.get_by_role("button", name="Mörkt tema").click()
    dark = await page.evaluate(paper)
    assert dark != light
    await page.goto("/")
    assert await page.evaluate(paper) == dark


async def take_the_steps_of_the_law(page: Page) -> None:
    """State a relation where there is none, and choose every other unit of the own care provider."""
    if await page.locator(".access-refusal").count():
        await page.get_by_label("Varför behöver du journalen?").fill("Intyg efter dödsfall")
        await page.locator(".access-refusal form[action$='/relate'] button").click()
        await expect(page.locator(".access-refusal")).to_have_count(0)
    choices = page.locator(".access-line form[action$='/choose'] button")
    if await choices.count():
        await choices.first.click()  # all of them, where there are several
        await expect(choices).to_have_count(0)


async def test_two_tabs_with_different_patients_never_cross(visit: Open) -> None:
    first = await visit(f"/patient/{FULLEST}")
    second = await first.context.new_page()
    await second.goto(f"/patient/{DECEASED}")
    await take_the_steps_of_the_law(second)

    async def look(page_number: int) -> None:
        page, patient, name = ((first, FULLEST, "Märta"), (second, DECEASED, "Rune"))[page_number]
        for _ in range(4):
            await page.goto(f"/patient/{patient}")
            await expect(page.get_by_role("heading", level=1)).to_contain_text(name)
            await page.locator("[data-trend]").first.click()
            await page.locator(".trend").first.wait_for()
            addresses = await page.locator("a[href*='/patient/']").evaluate_all("all => all.map(a => a.href)")
            assert all(f"/patient/{patient}" in address for address in addresses)

    await asyncio.gather(look(0), look(1))


async def test_the_words_of_a_note_are_shown_and_printed_letter_for_letter(visit: Open) -> None:
    written = {
        resource["id"]: [section["text"]["div"] for section in resource["section"]]
        for batch in generate(1, 1, today=date.today())
        for resource in batch.resources
        if resource["resourceType"] == "Composition"
    }
    page = await visit(f"/patient/{FULLEST}")
    compared = 0
    for media in ("screen", "print"):
        await page.emulate_media(media="print" if media == "print" else "screen")
        for note in await page.locator(".note[open]").all():
            shown = await note.locator(".note-body").inner_text()
            identity = (await note.get_attribute("id") or "").removeprefix("note-")
            for div in written[identity]:
                for paragraph in div.split("<p>")[1:]:
                    text = unescape(paragraph.split("</p>")[0])
                    assert text in shown, media
                    compared += 1
    assert compared > 10


async def test_nothing_on_the_chart_moves_after_it_is_painted(visit: Open) -> None:
    page = await visit("/")
    await page.add_init_script(
        "window.moved = 0; new PerformanceObserver(list => list.getEntries().forEach("
        "entry => { if (!entry.hadRecentInput) window.moved += entry.value; }))"
        ".observe({type: 'layout-shift', buffered: true});"
    )
    await page.goto(f"/patient/{FULLEST}")
    await page.wait_for_load_state("networkidle")
    await page.wait_for_timeout(500)
    assert await page.evaluate("window.moved") < 0.02


async def test_times_on_the_largest_patient_are_reported(
    visit: Open, steps: Callable[[Page, str, int], Steps]
) -> None:
    page = await visit("/")
    for heat in ("cold", "warm"):
        opened = steps(page, f"largest patient: the chart from number to readable, {heat}", 2)
        await opened.fill(page.get_by_role("combobox"), "19420211-9808")
        await opened.click(page.get_by_role("option"))
        await page.wait_for_url(f"**/patient/{FULLEST}")
        await expect(page.get_by_role("heading", name="Vårdkontakter", level=2)).to_be_visible()
        opened.done(await opened.painted())
    updated = steps(page, "largest patient: a part of the chart, older notes", 1)
    before = await page.locator(".note").count()
    await updated.watch("click")
    await updated.click(page.get_by_role("link", name="Visa äldre anteckningar"))
    await expect(page.locator(".note")).to_have_count(before + 20)
    updated.done(await updated.updated())
    found = steps(page, "search as you type: a patient by name", 1)
    await page.get_by_role("combobox").fill(
        "m"
    )  # whoever types has come to the field, and to the top of the page
    await expect(page.locator("[role=listbox]:visible")).to_have_attribute("data-answers", "m")
    await found.watch("input", "kontinuum:listed")
    await found.fill(page.get_by_role("combobox"), "märta lind")
    await expect(page.get_by_role("option").first).to_contain_text("Lindqvist")
    found.done(await found.updated())
    inside = steps(page, "largest patient: search inside the chart", 2)
    await inside.fill(page.locator("[data-chart-search]"), "svikt")
    await inside.press("Enter")
    await expect(page.locator("main mark").first).to_be_visible()
    inside.done(await inside.painted())


async def test_a_sheet_says_of_whom_it_is_and_who_printed_it_and_holds_no_writing(visit: Open) -> None:
    page = await visit(f"/patient/{FULLEST}?beside=journal/write?template=lakarbesok-primarvard")
    await expect(page.locator("[data-beside-pane]")).to_be_visible()
    await expect(page.locator("[data-beside-pane] textarea").last).to_be_visible()
    await page.emulate_media(media="print")
    await expect(page.locator("[data-beside-pane]")).to_be_hidden()
    await expect(page.locator("[data-rail]")).to_be_hidden()
    closed = page.locator(".note:not([open]) > summary").first
    said = await closed.evaluate("one => getComputedStyle(one, '::after').content")
    assert said == '" (hopfälld, inte utskriven)"'
    margins = await page.evaluate(MARGINS)
    assert margins["top-left"] == "Märta Ingegerd Lindqvist  ·  19420211-9808"
    assert margins["bottom-left"].startswith(f"Utskrivet av {DISTRICT_DOCTOR}. Läst ur journalen 20")
    await page.goto(f"/patient/{MARKED}")
    assert (await page.evaluate(MARGINS))["top-left"].endswith("  ·  Skyddade personuppgifter")


MARGINS = r"""() => {
  const written = document.querySelector("head style").textContent;
  const text = (one) => one.replace(/\\([0-9a-f]+) /g, (_, code) => String.fromCodePoint(parseInt(code, 16)));
  const margins = written.matchAll(/@([a-z-]+) \{ content: "([^"]*)"/g);
  return Object.fromEntries([...margins].map(([, at, one]) => [at, text(one)]));
}"""
"""What stands in the margins of each sheet, which a browser tells nobody but its printer."""
