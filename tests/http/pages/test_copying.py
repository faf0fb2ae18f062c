"""Copying forward: what of an earlier note stands in a new one, what does not, and how the note tells it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from html import unescape
from typing import Any

import httpx
import pytest
from tests.http.pages.conftest import PATIENT, patient, write
from tests.http.pages.test_answers_behind_notes import WHY, held, place, written
from tests.http.pages.test_journal import _found, _hidden

from kontinuum.access.kept_back import Kind
from kontinuum.app.services import Services
from kontinuum.fhir.copied import COPIED_FROM
from kontinuum.kernel.principal import Actor, ActorKind, Principal, Purpose
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
    empty = (await doctor.get(NOTE)).text
    assert "Ingen tidigare anteckning." in empty
    assert 'name="copy"' not in empty, "what is not there is not offered"
    assert "Det finns ingen tidigare signerad anteckning" in (await _copy(doctor)).text
    made = await written(doctor, doctors_record)
    assert 'name="copy" value="*"' in (await doctor.get(NOTE)).text
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
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await written(doctor, doctors_record)
    other = f"{JOURNAL}/write?template=telefonradgivning"
    offered = re.findall(r'name="copy" value="([^"]+)"', (await doctor.get(other)).text)
    assert "kontaktorsak" in offered
    assert "*" not in offered
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


async def test_a_note_begins_with_what_the_chart_says_and_tells_what_could_not_be_asked(
    doctor: httpx.AsyncClient, doctors_record: Record, application: Services
) -> None:
    subject = {"reference": f"Patient/{PATIENT}"}
    active = {"coding": [{"system": f"{_TERMS}/condition-clinical", "code": "active"}]}
    gone = {"coding": [{"system": f"{_TERMS}/condition-clinical", "code": "resolved"}]}
    await write(
        doctors_record,
        {"resourceType": "Condition", "id": "c-1", "subject": subject, "clinicalStatus": active}
        | {
            "code": {
                "text": "Hypertoni",
                "coding": [{"system": "urn:oid:1.2.752.116.1.1.1.1.3", "code": "I10.9"}],
            }
        },
        {"resourceType": "Condition", "id": "c-2", "subject": subject, "clinicalStatus": gone}
        | {"code": {"text": "Pneumoni"}},
        {
            "resourceType": "AllergyIntolerance",
            "id": "a-1",
            "patient": subject,
            "code": {"text": "Penicillin <V>"},
        }
        | {
            "clinicalStatus": {
                "coding": [{"system": f"{_TERMS}/allergyintolerance-clinical", "code": "active"}]
            }
        },
        *(
            {"resourceType": "MedicationRequest", "id": f"m-{text[:2]}", "status": status, "intent": "order"}
            | {"subject": subject, "medicationCodeableConcept": {"text": text}}
            | {"dosageInstruction": [{"text": "1 tablett dagligen"}], "authoredOn": "2026-01-10"}
            for text, status in (("Enalapril 10 mg", "active"), ("Alvedon 500 mg", "stopped"))
        ),
    )
    pane = await doctor.get(NOTE)
    assert _value(pane, "anamnes/tidigare-sjukdomar") == "Hypertoni (I10.9)"
    assert _value(pane, "anamnes/lakemedel") == "Enalapril 10 mg, 1 tablett dagligen"
    assert _value(pane, "anamnes/overkanslighet") == "Penicillin <V>"
    assert pane.text.count(">Hämtat ur journalen 20") == 3

    day = (date.today() - timedelta(days=2)).isoformat()
    pulse = {"resourceType": "Observation", "id": "o-1", "status": "final", "subject": subject}
    category = {"system": f"{_TERMS}/observation-category", "code": "vital-signs"}
    measured = {"code": {"text": "Puls"}, "valueQuantity": {"value": 72, "unit": "/min"}}
    await write(
        doctors_record,
        {**pulse, **measured, "category": [{"coding": [category]}], "effectiveDateTime": f"{day}T10:00:00Z"},
    )
    ward = await doctor.get(f"{JOURNAL}/write?template=daganteckning-medicin")
    assert _value(ward, "status/matvarden") == f"Puls 72 /min ({day})"
    assert _value(ward, "lab") == ""

    asking: dict[str, str] = {
        "ovriga": "Condition?_count=5",
        "okand": "Condition?patient={{%patient.id}}&hittepa=1",
        "utan": "Condition?patient={{%patient.nothing}}",
    }
    author = Actor(ActorKind.SYSTEM, "import", "Import")
    system = replace(doctors_record.principal.assignment, purpose=Purpose.SYSTEM)
    await write(application.gate.record(Principal(author, system, "test")), _asking(asking))
    pane = await doctor.get(f"{JOURNAL}/write?template=q-asking")
    assert "Det här kunde inte hämtas ur journalen" in pane.text
    assert [name for name in asking if f"{name}: " in pane.text] == list(asking)
    assert "Hypertoni" not in pane.text


_TERMS = "http://terminology.hl7.org/CodeSystem"
_SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire"


def _asking(queries: dict[str, str]) -> dict[str, Any]:
    """A form made elsewhere with queries of its own."""
    asked = [
        {
            "url": "http://hl7.org/fhir/StructureDefinition/variable",
            "valueExpression": {"name": name, "language": "application/x-fhir-query", "expression": query},
        }
        for name, query in queries.items()
    ]
    initial = [
        {
            "url": f"{_SDC}-initialExpression",
            "valueExpression": {"language": "text/fhirpath", "expression": f"%{name}.code.text.first()"},
        }
        for name in queries
    ]
    return {
        "resourceType": "Questionnaire",
        "id": "q-asking",
        "url": "https://example.se/fhir/Questionnaire/asking",
        "version": "1",
        "title": "Frågar",
        "status": "active",
        "extension": asked,
        "item": [
            {"linkId": f"i-{place}", "text": f"Text {place}", "type": "text", "extension": [one]}
            for place, one in enumerate(initial)
        ],
    }
