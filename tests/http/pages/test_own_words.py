"""The patient's own words on the pages: written before and after a visit, read beside the staff's note."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import httpx
import pytest
from tests.http.pages.conftest import csrf_of, note, patient, persona, sign_in, write

from kontinuum.app.services import Services
from kontinuum.demo import personas
from kontinuum.kernel.i18n import local
from kontinuum.record import Record

SOMEONE = next(one for one in personas() if one.actor.kind == "patient").actor
HERE = f"/patient/{SOMEONE.id}"
DOCTOR = persona("Anna Berglund").actor
ME = {"reference": DOCTOR.reference, "display": f"{DOCTOR.name}, Distriktsläkare"}
BEFORE = "Jag vill ta upp min <sömn>.\nOch huden."
AFTER = "Jag förstod att jag ska vänta två veckor."


def booking(services: Services, state: str = "booked") -> dict[str, Any]:
    """A visit in two weeks."""
    start = (local(services.clock.now()) + timedelta(days=14)).replace(microsecond=0)
    people = ({"reference": f"Patient/{SOMEONE.id}"}, ME)
    return {
        "resourceType": "Appointment",
        "id": "b-1",
        "status": state,
        "serviceType": [{"text": "Mottagningsbesök"}],
        "reasonCode": [{"text": "Kontroll av blodtryck"}],
        "start": start.isoformat(),
        "end": (start + timedelta(minutes=30)).isoformat(),
        "participant": [{"actor": actor, "status": "accepted"} for actor in people],
    }


@pytest.fixture
async def own(visitor: httpx.AsyncClient, doctors_record: Record, application: Services) -> httpx.AsyncClient:
    """A browser in which a patient with a booking has signed in."""
    await write(doctors_record, patient(SOMEONE.id), booking(application))
    assert (await sign_in(visitor, SOMEONE.name)).status_code == 303
    return visitor


async def say(browser: httpx.AsyncClient, entry: str, words: str, below: str = "", **form: str) -> Any:
    """Write own words on the patient's page of an entry."""
    fields = {"csrf": csrf_of(await browser.get(entry)), "words": words, **form}
    return await browser.post(f"{entry}/words{below}", data=fields)


async def become(browser: httpx.AsyncClient, name: str) -> None:
    """Another person signs in."""
    browser.cookies.clear()
    assert (await sign_in(browser, name)).status_code == 303


async def test_words_before_a_visit_are_read_at_the_booking_and_then_beside_the_note(
    own: httpx.AsyncClient, doctors_record: Record, application: Services
) -> None:
    entry = "/my-record/Appointment/b-1"
    listed = (await own.get("/my-record")).text
    assert f'href="{entry}"' in listed
    assert "Skriv vad du vill ta upp" in listed
    page = (await own.get(entry)).text
    assert "Vad vill du ta upp på besöket?" in page
    assert "1177" in page
    empty = await say(own, entry, " ")
    assert empty.status_code == 422
    assert "Skriv något först." in empty.text
    assert (await say(own, entry, BEFORE)).status_code == 303
    assert "inte läst i vården ännu" in (await own.get(entry)).text
    assert "Du har skrivit egna ord" in (await own.get("/my-record")).text

    await become(own, DOCTOR.name)
    inbox = (await own.get("/inbox")).text
    assert "Patientens egna ord inför ett besök" in inbox
    beside = (await own.get(f"{HERE}/contacts/one?booking=b-1")).text
    for shown in (beside, (await own.get(HERE)).text):
        assert BEFORE in unescape(shown)
        assert "läst" in shown.lower()
    token, item = csrf_of(await own.get(HERE)), re.search(r'name="only" value="(own-words/[^"]+)"', inbox)
    item = item or re.search(r'value="(own-words/[^"]+)"', inbox)
    assert item
    # The patient comes: what was written before belongs to the contact that comes of the booking.
    contact = re.search(r'name="version" value="(\d+)"', beside)
    assert contact
    form = {"csrf": token, "patient": SOMEONE.id, "booking": "b-1", "version": contact[1], "step": "start"}
    begun = await own.post(f"{HERE}/contacts/step", data=form)
    assert begun.status_code == 303, begun.text
    met = (await doctors_record.find(f"Encounter?patient={SOMEONE.id}")).matches[0].reference  # type: ignore[union-attr]
    about = {"encounter": {"reference": met}, "subject": {"reference": f"Patient/{SOMEONE.id}"}}
    await write(doctors_record, note("n-1", "Sover dåligt.", **about))
    closing = await own.get(f"{HERE}/contacts/one?id={met.partition('/')[2]}")
    assert BEFORE in unescape(closing.text)
    chart = (await own.get(HERE)).text
    assert chart.count('class="own-words"') == 1, "beside the note, and not above it as well"
    assert BEFORE in unescape((await own.get(f"{HERE}/entry/Composition/n-1")).text)
    assert "Olästa ord från patienten" in chart

    read = {"csrf": token, "only": item[1], "back": f"{HERE}#note-n-1"}
    done = await own.post("/inbox/done", data=read)
    assert done.headers["location"] == f"{HERE}#note-n-1"
    away = await own.post("/inbox/done", data=read | {"back": "//elsewhere.example"})
    assert "elsewhere" not in away.headers.get("location", "")
    assert "Olästa ord" not in (await own.get(HERE)).text
    assert "egna ord inför" not in (await own.get("/inbox")).text
    await become(own, SOMEONE.name)
    assert "läst av Anna Berglund" in (await own.get(entry)).text


async def test_words_about_a_note_are_changed_with_what_stood_there_kept_and_taken_back(
    own: httpx.AsyncClient, doctors_record: Record
) -> None:
    about = {"subject": {"reference": f"Patient/{SOMEONE.id}"}, "author": [ME]}
    await write(doctors_record, note("n-1", "Vila två veckor.", **about))
    entry = "/my-record/Composition/n-1"
    assert (await say(own, entry, BEFORE)).status_code == 303
    (words,) = re.findall(r'id="words-text-([^"]+)"', (await own.get(entry)).text)
    late = await say(own, entry, AFTER, f"/{words}", version="7")
    assert late.status_code == 409
    assert AFTER in late.text, "what was typed is still there"
    assert (await say(own, entry, AFTER, f"/{words}", version="1")).status_code == 303
    page = (await own.get(entry)).text
    assert "ändrat" in page
    assert BEFORE not in unescape(page)

    await become(own, DOCTOR.name)
    assert "Patientens egna ord om en anteckning" in (await own.get("/inbox")).text
    for path in (HERE, f"{HERE}/notes/older", f"{HERE}/entry/Composition/n-1"):
        assert AFTER in (await own.get(path)).text
    history = await own.get(f"{HERE}/entry/Communication/{words}")
    assert BEFORE in unescape(history.text)
    assert "Patientens egna ord" in history.text
    assert "/keep-back" not in history.text, "nothing is done to them but reading"

    await become(own, SOMEONE.name)
    assert (await say(own, entry, "", f"/{words}", do="take-back")).status_code == 303
    assert AFTER not in (await own.get(entry)).text
    await become(own, DOCTOR.name)
    chart = (await own.get(HERE)).text
    assert "Patienten har tagit tillbaka egna ord" in chart
    assert AFTER not in chart
    assert "egna ord om en anteckning" not in (await own.get("/inbox")).text
