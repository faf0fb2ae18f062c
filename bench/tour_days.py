"""The days of the tour: what is done in them, and what of it is worth a picture."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from playwright.async_api import Locator, Page, expect

expect.set_options(timeout=20_000)

if TYPE_CHECKING:
    from bench.tour import Walk

CENTRE, WARD = "Tallbackens vårdcentral", "Avdelning 32"


def pane(page: Page) -> Locator:
    """What is written beside the chart."""
    return page.locator("[data-beside-pane]")


async def doctor(walk: Walk) -> None:
    """A district doctor's day."""
    page = await walk.window()
    await page.goto("/sign-in")
    await walk.see(
        page,
        "Sign in",
        "Who you are, and under which assignment you work: it decides what you may see. In operation "
        "this is the "
        "region's own sign-in service; the demo lets you be anybody.",
    )
    await walk.sign_in(page, "Anna Berglund", CENTRE)
    await page.goto("/unit/today")
    await walk.see(
        page,
        "Today",
        "Who has come, who is seen, who is booked. A patient is let in or begun with in one press, "
        "and what is to be "
        "known of each stands in the row.",
    )
    await page.goto("/inbox")
    await walk.see(
        page,
        "What waits",
        "One list: tasks, questions between colleagues, notes to sign. The numbers at the side come live.",
    )
    await page.locator(".inbox-row", has_text="Kreatinin").get_by_role("link").first.click()
    await expect(page.locator("#laboratory")).to_contain_text("6,4")
    await page.locator("#laboratory").evaluate("(one) => one.scrollIntoView({block: 'center'})")
    await walk.see(
        page,
        "The question, in its chart",
        "Hassan Haddad's answers came this morning: a potassium of 6.4 is marked as critical, with "
        "the curve before "
        "it. Warnings, problems, notes, values, medication and contacts are one page.",
    )
    await _finds(walk, page)
    await _writes(walk, page)
    await _closes(walk, page)
    await _signs(walk, page)


async def _finds(walk: Walk, page: Page) -> None:
    await page.goto("/")
    await page.get_by_role("combobox").fill("lindq")
    await page.get_by_role("option").first.wait_for()
    await walk.see(
        page,
        "Find a patient",
        "By number in any form, date of birth, or parts of a name. From signed in to the chart: two actions.",
    )
    await page.goto("/patient/p-0001")
    await walk.see(
        page,
        "The largest chart",
        "Märta Lindqvist, 84, has twenty years and twenty-five drugs in it. It is the same one page.",
    )
    await page.goto("/patient/p-0003")
    await page.get_by_role("button", name=re.compile("Avdelning 32")).first.click()
    await expect(page.locator("#notes")).to_contain_text("Avdelning 32")
    await walk.see(
        page,
        "An active choice",
        "More is at other units. One press reads the ward's notes; it is an active choice in the "
        "law's sense, and it "
        "is logged before anything is shown.",
    )


async def _writes(walk: Walk, page: Page) -> None:
    await page.goto("/unit/today")
    row = page.locator(".board-row", has_text="Simon Wallgren")
    await row.get_by_role("button", name="Påbörja").click()
    await expect(page.locator(".board-row", has_text="Simon Wallgren")).to_contain_text("Pågår")
    async with page.expect_response("**/phrases/list"):
        await page.goto("/patient/p-0030?beside=journal/write?template=lakarbesok-primarvard")
    await pane(page).get_by_label("Kontaktorsak").fill("Recept på epilepsimedicin. Halsont sedan tre dagar.")
    await pane(page).get_by_label("Allmäntillstånd").click()
    await page.keyboard.type(".at")
    await page.keyboard.press("Tab")
    await expect(pane(page).get_by_label("Allmäntillstånd")).not_to_have_value(".at")
    for name, value in (
        ("Systoliskt", "124"),
        ("Diastoliskt", "78"),
        ("Puls", "72"),
        ("Kroppstemperatur", "37,9"),
    ):
        await pane(page).get_by_label(name).fill(value)
    await (
        pane(page).get_by_label("Mun och svalg").fill("Rodnade tonsiller med beläggningar, ömma lymfkörtlar.")
    )
    await pane(page).get_by_label("Bedömning").fill("Halsfluss. Anfallsfri epilepsi sedan två år.")
    await expect(page.locator("[data-state]")).to_contain_text("Sparat")
    await pane(page).get_by_label("Mun och svalg").scroll_into_view_if_needed()
    await walk.see(
        page,
        "Write once, beside the chart",
        "The note has the unit's headings. `.at` and Tab became a phrase; pulse and pressure are "
        "numbers and will be "
        "values in the chart. Each keystroke is on the server within two seconds.",
    )
    await page.keyboard.press("Control+Enter")
    await page.wait_for_url("**/patient/p-0030#notes")
    await expect(page.locator("#vitals")).to_contain_text("124/78")
    await page.evaluate("scrollTo(0, 0)")
    await walk.see(
        page, "Signed", "The note reads as text, and what was measured stands among the vital signs."
    )


async def _closes(walk: Walk, page: Page) -> None:
    contact = page.locator("#contacts .contact", has_text="Recept på epilepsimedicin")
    await contact.get_by_role("link").first.click()
    await pane(page).get_by_role("button", name="Avsluta kontakten").click()
    await expect(pane(page)).to_contain_text("Innan kontakten avslutas")
    await walk.see(
        page,
        "Closing a contact",
        "Before it is closed, it says what is missing: a main diagnosis, notes to sign, answers. Each"
        " leads to where "
        "it is done; nothing stops you.",
    )
    await page.get_by_label("Lägg till problem eller diagnos").fill("halsfluss")
    await expect(page.locator("[data-read] .code-option[aria-selected=true]")).to_contain_text("J03.0")
    await walk.see(page, "A diagnosis", "Found by an everyday word; Enter twice adds it: three actions.")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Spara")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#problems")).to_contain_text("J03.0")
    await page.wait_for_url("**/patient/p-0030#problems")
    await page.goto("/patient/p-0030?beside=contacts/book")
    await pane(page).get_by_label("Dag och tid").fill("+3m 9:40")
    await pane(page).get_by_label("Kontaktorsak").fill("Uppföljning epilepsi")
    await walk.see(
        page, "A return visit", "“In three months, twenty to ten.” Four actions, and it says who is busy."
    )
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#contacts").get_by_text("Uppföljning epilepsi").first).to_be_visible()


async def _signs(walk: Walk, page: Page) -> None:
    await page.goto("/inbox")
    await (
        page.locator(".inbox-row", has_text="Kreatinin")
        .get_by_role("textbox")
        .fill("Sätt ut metformin, nytt kalium i dag. Jag ringer honom nu.")
    )
    await page.locator(".inbox-row", has_text="Kreatinin").get_by_role("button", name="Svara").click()
    await expect(page.locator(".done")).to_be_visible()
    await page.get_by_label("Markera alla").click()
    await page.get_by_role("button", name="Läs och signera markerade").click()
    await page.locator(".reading-body").first.wait_for()
    await walk.see(page, "Read and sign", "What is signed has been on the screen. One key signs all of it.")
    phone = await walk.works("Anna Berglund", CENTRE, width=390, theme="dark")
    await phone.goto("/unit/today")
    await walk.see(phone, "On a telephone, in the dark", "Every page works on 390 pixels and in both themes.")


async def nurse(walk: Walk) -> None:
    """A ward nurse's day."""
    page = await walk.works("Maria Papadopoulos", WARD)
    await page.goto("/unit/ward")
    await walk.see(
        page,
        "The ward's board",
        "Who lies where, since when, for what, and what is to be known. Ulf Eriksson came an hour "
        "ago, has no bed yet, "
        "and his early warning score is 5.",
    )
    await page.goto("/patient/p-0053")
    await walk.see(
        page, "His chart", "A potassium of 2.8 is marked; the note and the question of the morning are there."
    )
    await _measures(walk, page)
    await _places(walk, page)
    await _cares(walk, page)
    await _hands_over(walk, page)


async def _measures(walk: Walk, page: Page) -> None:
    await page.get_by_role("link", name="Mät", exact=True).click()
    values = {
        "Andningsfrekvens": "20",
        "Saturation": "95",
        "Systoliskt blodtryck": "112",
        "Diastoliskt blodtryck": "74",
        "Puls": "112",
        "Temperatur, °C": "37,4",
    }
    for name, value in values.items():
        await page.get_by_label(name).fill(value)
    await page.get_by_label("Luft", exact=True).click()
    await page.get_by_label("A · Alert").click()
    await expect(page.locator(".vitals-score")).to_contain_text("NEWS2")
    await page.evaluate("scrollTo(0, 0)")
    await walk.see(
        page,
        "At the bedside",
        "NEWS2 is counted while one types, with what to do. The same page fits a telephone.",
    )
    await page.keyboard.press("Control+Enter")
    await page.wait_for_url("**/vitals/flowsheet")
    await walk.see(
        page, "The flowsheet", "What was measured, in its order; a wrong value is corrected visibly."
    )


async def _places(walk: Walk, page: Page) -> None:
    await page.goto("/patient/p-0053?beside=contacts/one?id=p-0053-enc-ward")
    await pane(page).get_by_label("Vårdplats").select_option(label="1:1")
    await walk.see(
        page,
        "A bed",
        "Beds that are taken cannot be chosen. The same page moves, gives leave and discharges.",
    )
    await pane(page).get_by_role("button", name="Flytta", exact=True).first.click()
    await expect(pane(page).locator(".contact-stays")).to_contain_text("1:1")
    await page.goto("/patient/p-0053?beside=journal/write?template=norton")
    choices = pane(page).get_by_role("radiogroup")
    await choices.first.wait_for()
    for number in range(await choices.count()):
        await choices.nth(number).get_by_role("radio").first.check()
    await expect(page.locator("[data-state]")).to_contain_text("Sparat")
    await walk.see(
        page,
        "A scale",
        "Scales are questionnaires like every template. The sum is an observation when it is signed.",
    )
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#scores")).to_contain_text("Norton")
    await page.wait_for_load_state()


async def _cares(walk: Walk, page: Page) -> None:
    await page.goto("/patient/p-0003?beside=nursing/today")
    await pane(page).get_by_role("button", name="Utfört: 07:00").click()
    await expect(pane(page)).to_contain_text("1 av 8")
    await walk.see(
        page,
        "The care of the day",
        "What the nursing plans ask for, at its times. Done is one press; another time, or why it was"
        " not done, is written.",
    )
    await page.locator("#plans").get_by_role("link", name=re.compile("Trycksår|trycksår")).first.click()
    await expect(pane(page)).to_contain_text("Mål")
    await walk.see(
        page, "A nursing plan", "Need, goal and actions under a heading of VIPS, evaluated where it stands."
    )


async def _hands_over(walk: Walk, page: Page) -> None:
    await page.goto("/inbox/new?patient=p-0053&kind=question")
    await page.get_by_label("Vad").fill(
        "Kalium 2,8 och puls 112. Vilket kaliumdropp vill du ha, och ska telemetrin vara kvar?"
    )
    await page.get_by_label("Till vem").select_option(label="Per Lindgren")
    await walk.see(page, "Ask the doctor", "A question has an owner, and comes back to who asked.")
    await page.get_by_role("button", name="Skicka").click()
    await expect(page.locator("#tasks")).to_contain_text("kaliumdropp")
    await page.wait_for_load_state()
    await page.goto("/inbox")
    await page.get_by_label("Markera alla").click()
    await page.get_by_label("Till vem").select_option(index=1)
    await walk.see(page, "Hand over", "At the end of the shift what is left is handed over in three actions.")
    phone = await walk.works("Maria Papadopoulos", WARD, width=390, theme="dark")
    await phone.goto("/unit/ward")
    await walk.see(phone, "The board in a pocket", "The ward at night.")


async def studio(walk: Walk) -> None:
    """Those who work there shape their tools."""
    page = await walk.works("Karin Öhman", CENTRE)
    await page.goto("/templates")
    await walk.see(
        page,
        "The templates",
        "Notes and scales that come with the system, the unit's own, and those of others.",
    )
    await page.goto("/templates/sjukskoterskebesok-mottagning")
    await page.get_by_role("button", name="Gör en kopia att ändra").click()
    await page.locator(".studio-item").first.wait_for()
    await page.get_by_label("Nytt", exact=True).select_option("text")
    await page.get_by_role("button", name="Lägg till sist").click()
    await page.locator("details[open] [data-text]").fill("Hembesök önskas")
    await expect(page.locator("[data-state]")).to_contain_text("Sparat")
    await page.evaluate("scrollTo(0, 0)")
    await walk.see(
        page,
        "Building one",
        "Headings, conditions, values and sums, with the note on a made-up patient beside it. What is"
        " wrong is said "
        "at once.",
    )
    await page.get_by_role("button", name="Skicka för granskning").click()
    await expect(page.get_by_text("Väntar på en kollega")).to_be_visible()
    colleague = await walk.works("Helena Lundqvist", CENTRE)
    await colleague.goto(page.url)
    await walk.see(
        colleague,
        "A colleague reviews it",
        "What is new is marked; a template is never taken into use by who wrote it.",
    )
    await page.goto("/layout")
    await walk.see(page, "The overview", "Which parts the unit sees, in what order and how wide.")


DAYS: dict[str, tuple[str, str, Callable[[Walk], Awaitable[None]]]] = {
    "doctor": (
        "A district doctor's day",
        "Today's list, the chart, a note, a diagnosis, a closing, the inbox.",
        doctor,
    ),
    "nurse": (
        "A ward nurse's day",
        "The board, the bedside, a bed, a scale, the care of the day, the hand-over.",
        nurse,
    ),
    "studio": ("Shaping the tools", "A template built, reviewed and taken into use; the overview.", studio),
}
