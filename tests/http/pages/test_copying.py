"""Copying forward: what of an earlier note stands in a new one, what does not, and how the note tells it."""

from __future__ import annotations

import re
from html import unescape

import httpx
import pytest
from tests.http.pages.conftest import PATIENT, csrf_of, patient, write
from tests.http.pages.test_answers_behind_notes import WHY, held, place, written
from tests.http.pages.test_journal import _found, _hidden

from kontinuum.access.kept_back import Kind
from kontinuum.app.services import Services
from kontinuum.fhir.copied import COPIED_FROM
from kontinuum.record import Record
from kontinuum.record.correcting import Corrected

JOURNAL = f"/patient/{PATIENT}/journal"
NOTE = f"{JOURNAL}/write?template=lakarbesok-primarvard"
SECRET = "Blåmärken på båda överarmarna, säger att mannen tog tag."


@pytest.fixture(autouse=True)
async def somebody(doctors_record: Record) -> None:
    await write(doctors_record, patient())


def _form(page: httpx.Response) -> dict[str, str]:
    return {name: unescape(value) for name, value in _hidden(page).items()}


async def _copy(
    browser: httpx.AsyncClient, heading: str = "*", address: str = NOTE, **typed: str
) -> httpx.Response:
    form = _form(await browser.get(address))
    return await browser.post(f"{JOURNAL}/copy", data={**form, **typed, "copy": heading})


def _value(page: httpx.Response, name: str) -> str:
    area = rf'<textarea[^>]* name="{name}"[^>]*>\n(.*?)</textarea>'
    found = re.search(area, page.text, re.DOTALL) or re.search(
        rf'name="{name}"[^>]* value="([^"]*)"', page.text
    )
    assert found, name
    return unescape(found[1])


async def test_words_are_copied_marked_and_stood_for_and_the_note_says_where_they_come_from(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    assert "Det finns ingen tidigare signerad anteckning" in (await _copy(doctor)).text
    made = await written(doctor, doctors_record)
    pane = await _copy(doctor, kontaktorsak="Ny kontroll")
    assert (_value(pane, "kontaktorsak"), _value(pane, "status/lokalstatus")) == ("Ny kontroll", SECRET)
    measured = 'name="status/vitalparametrar/blodtryck/systoliskt" type="text" value=""'
    assert measured in pane.text, "a measured value is of its day"
    assert 'name="diagnos/diagnos-text" type="text" value=""' in pane.text
    assert re.findall(r'data-source="([^"]+)"', pane.text) == ["status/lokalstatus", "bedomning"]
    assert (
        f"Kopierat från {made['Composition']['date'][:10]}, Anna Berglund, Tallbackens vårdcentral"
        in pane.text
    )

    fields = {
        **_form(pane),
        "kontaktorsak": "Ny kontroll",
        "status/lokalstatus": SECRET,
        "bedomning": "Bättre.",
    }
    kept = (await doctor.post(f"{JOURNAL}/draft", data=fields)).json()
    assert kept["sources"] == ["status/lokalstatus"], "what is touched is the writer's own"
    asked = await doctor.post(
        f"{JOURNAL}/sign", data={**fields, "version": str(kept["version"]), "do": "sign"}
    )
    assert "Kopierat från tidigare anteckningar och orört: Lokalstatus (" in asked.text
    signed = await doctor.post(f"{JOURNAL}/sign", data={**fields, **_form(asked), "do": "sign"})
    assert signed.status_code == 303, signed.text
    notes = {one["id"]: one for one in await _found(doctors_record, "Composition")}
    del notes[made["Composition"]["id"]]
    (note,) = notes.values()
    marks = {one["title"]: one.get("extension") for one in note["section"]}
    assert [title for title, found in marks.items() if found] == ["Status"]
    (mark,) = marks["Status"]
    assert mark["url"] == COPIED_FROM
    source = mark["extension"][0]["valueReference"]
    assert source["reference"] == f"Composition/{made['Composition']['id']}/_history/1"
    chart = (await doctor.get(f"/patient/{PATIENT}")).text
    assert re.search(r"Kopierat från [\d-]+, Anna Berglund, Tallbackens vårdcentral: Lokalstatus", chart)


async def test_nothing_is_copied_that_is_kept_back_corrected_withdrawn_or_not_there(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    made = await written(doctor, doctors_record)
    text = doctors_record.text
    assert isinstance(await text.keep_back(place(made, 1, "Status"), Kind.VIOLENCE, WHY), Corrected)
    pane = await _copy(doctor)
    assert _value(pane, "status/lokalstatus") == "", "in the new note the patient would read it"
    assert _value(pane, "bedomning") == "Luftvägsinfektion."
    assert "undanhålls patienten eller har ändrats efter signeringen: Status" in pane.text
    await doctor.post(f"{JOURNAL}/discard", data=_form(pane))

    note = (await held(doctors_record))["Composition"]
    section = next(one for one in note["section"] if one["title"] == "Bedömning")
    section["text"]["div"] = section["text"]["div"].replace("Luftvägsinfektion.", "Lunginflammation.")
    assert isinstance(await text.correct(note, "Fel ord.", version=2), Corrected)
    pane = await _copy(doctor, "bedomning")
    assert _value(pane, "bedomning") == "", "the answers behind a corrected text are not what it says"
    assert isinstance(await text.withdraw("Composition", note["id"], "Fel patient.", version=3), Corrected)
    assert "Det finns ingen tidigare signerad anteckning" in (await _copy(doctor)).text


async def test_a_heading_is_copied_from_another_template_that_has_it(
    doctor: httpx.AsyncClient, doctors_record: Record, application: Services
) -> None:
    await written(doctor, doctors_record)
    other = f"{JOURNAL}/write?template=telefonradgivning"
    assert "Det finns ingen tidigare" in (await _copy(doctor, "*", other)).text, (
        "the whole is of the template"
    )
    pane = await _copy(doctor, "kontaktorsak", other)
    assert _value(pane, "kontaktorsak") == "Hosta"
    assert re.findall(r'data-source="([^"]+)"', pane.text) == ["kontaktorsak"]
    forged = {**_form(pane), "kontaktorsak": "Hosta", "bedomning": "Virus", "do": "save"}
    forged["~sources"] = forged["~sources"].replace("Anna Berglund", "Någon Annan")
    saved = await doctor.post(f"{JOURNAL}/sign", data=forged)
    assert saved.status_code == 303, saved.text
    notes = str(await _found(doctors_record, "Composition"))
    assert COPIED_FROM in notes, "an unsigned note tells it too"
    assert "Någon Annan" not in notes, "who wrote it is told by the record, not by the browser"
    assert csrf_of(await doctor.get("/inbox"))
