"""Hypersensitivity and alerts over HTTP: ended, corrected, seen on every page; silence is no answer."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from tests.http.pages.conftest import PATIENT, csrf_of, patient, write

from kontinuum.app.services import Services
from kontinuum.fhir import json
from kontinuum.record import Record
from kontinuum.terminology.loading import loader

HERE = f"/patient/{PATIENT}/allergies"
TEXT = 'Ej HLR enligt samtal.\n  "citat" & <b> 🫀 e\u0301 \u202bעברית\u202c'


@pytest.fixture(autouse=True)
async def somebody(application: Services, doctors_record: Record) -> None:
    async with application.pool.acquire() as connection:
        await loader.write_starter(connection, 1)
    await write(doctors_record, patient())


async def fields(answer: httpx.Response) -> dict[str, str]:
    """The hidden and marked fields of the form on a page."""
    assert answer.status_code == 200, answer.text[:800]
    shown = re.search(r'<form class="noting".*?</form>', answer.text, re.DOTALL)
    assert shown, answer.text
    found = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', shown[0]))
    found |= dict(re.findall(r'<input type="radio" name="(\w+)" value="([\w-]*)" checked', shown[0]))
    return found | dict(re.findall(r'<input id="[\w-]+"[^>]* name="(\w+)"[^>]* value="([^"]*)"', shown[0]))


async def begin(browser: httpx.AsyncClient, **chosen: str) -> dict[str, str]:
    """What the card sends when something is chosen on it, and the form that comes."""
    csrf = csrf_of(await browser.get(f"/patient/{PATIENT}"))
    data = {"csrf": csrf, "patient": PATIENT, "do": "begin", **chosen}
    form = await fields(await browser.post(f"{HERE}/add", data=data))
    text = re.search(
        r'id="alert-text"[^>]* value="([^"]*)"', (await browser.post(f"{HERE}/add", data=data)).text
    )
    return {**form, "text": text[1] if text else ""}


async def save(browser: httpx.AsyncClient, form: dict[str, str], **more: str) -> httpx.Response:
    return await browser.post(f"{HERE}/add", data={"do": "save", **form, **more})


async def stored(record: Record, kind: str) -> list[dict[str, Any]]:
    (page,) = await record.find_many([f"{kind}?patient={PATIENT}&_count=50"])
    return [json.loads(one.body) for one in page.matches if one.body]


async def banner(browser: httpx.AsyncClient, path: str = "") -> str:
    """What the patient's banner says, without its markup."""
    page = (await browser.get(f"/patient/{PATIENT}{path}")).text
    shown = re.search(r'<section class="patient".*?</section>', page, re.DOTALL)
    assert shown
    return " ".join(re.sub(r"<[^>]+>", " ", shown[0]).split())


async def test_a_hypersensitivity_is_coded_graded_and_seen_on_every_page_of_the_patient(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    assert "Överkänslighet ingen uppgift" in await banner(doctor)
    form = await begin(doctor, code="J01CE")
    more = {"severity": "life-threatening", "reaction": "Anafylaxi", "source": "staff"}
    assert (await save(doctor, form, **more)).status_code == 303
    await save(doctor, form, **more)  # the button was pressed twice
    (allergy,) = await stored(doctors_record, "AllergyIntolerance")
    assert allergy["code"]["coding"][0]["code"] == "J01CE"
    assert (allergy["category"], allergy["criticality"]) == (["medication"], "high")
    assert allergy["reaction"] == [{"manifestation": [{"text": "Anafylaxi"}], "severity": "severe"}]
    label = allergy["code"]["text"]
    entry = f"/entry/AllergyIntolerance/{allergy['id']}"
    for path in ("", "/journal/write", "/problems/add", "/allergies/none", "/person", "/apps", entry):
        assert f"Allvarlig överkänslighet {label}" in await banner(doctor, path), path
    known = await save(doctor, await begin(doctor, code="J01CE"))
    assert "Det finns redan." in known.text
    assert len(await stored(doctors_record, "AllergyIntolerance")) == 1


async def test_that_none_is_known_is_a_statement_of_its_own_and_a_contradiction_is_asked_about(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    form = await fields(await doctor.get(f"{HERE}/none"))
    for _ in range(2):
        assert (await doctor.post(f"{HERE}/none", data={**form, "do": "save"})).status_code == 303
    (statement,) = await stored(doctors_record, "AllergyIntolerance")
    assert statement["code"]["coding"][0]["code"] == "716186003"
    assert statement["recorder"]["display"].startswith("Anna Berglund")
    assert re.search(r"Överkänslighet ingen känd \(\d{4}-\d\d-\d\d\)", await banner(doctor))
    form = await begin(doctor, text="Jordnöt", free="1")
    asked = await save(doctor, form, category="food")
    assert "Gäller det inte längre?" in asked.text
    assert len(await stored(doctors_record, "AllergyIntolerance")) == 1
    assert (await save(doctor, form, category="food", do="replace")).status_code == 303
    states = {
        one["code"]["text"]: one["clinicalStatus"]["coding"][0]["code"]
        for one in await stored(doctors_record, "AllergyIntolerance")
    }
    assert states == {"Ingen känd överkänslighet": "resolved", "Jordnöt": "active"}
    form = await fields(await doctor.get(f"{HERE}/none"))
    refused = await doctor.post(f"{HERE}/none", data={**form, "do": "save"})
    assert "uppgifter som säger emot" in refused.text
    drugs = await doctor.post(f"{HERE}/none", data={**form, "do": "save", "scope": "medication"})
    assert drugs.status_code == 303
    both = await begin(doctor, code="J01CE")
    assert (await save(doctor, both, do="both")).status_code == 303
    assert "Fråga patienten och avsluta" in (await doctor.get(f"/patient/{PATIENT}")).text


async def test_an_alert_of_each_kind_is_kept_letter_for_letter_and_ended_with_a_reason(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    kinds = re.findall(r"add\?kind=([\w-]+)", (await doctor.get(f"{HERE}/add")).text)
    assert len(kinds) == 10
    for kind in kinds[1:]:
        form = await fields(await doctor.get(f"{HERE}/add?kind={kind}"))
        assert (await save(doctor, form, text=f"{kind} {TEXT}", free="1")).status_code == 303
    flags = await stored(doctors_record, "Flag")
    assert {one["code"]["text"] for one in flags} == {f"{kind} {TEXT}" for kind in kinds[1:]}
    shown = await banner(doctor, "/problems/add")
    for words in ("Smitta communicable-disease", "Begränsning av vård eller behandling restriction-of-care"):
        assert words in shown
    one = next(flag for flag in flags if flag["code"]["text"].startswith("airway"))
    form = await fields(await doctor.get(f"{HERE}/one?id={one['id']}"))
    assert "Skriv varför" in (await doctor.post(f"{HERE}/end", data={**form, "reason": " "})).text
    for deed, status in (("end", "inactive"), ("reopen", "active"), ("strike", "entered-in-error")):
        done = await doctor.post(f"{HERE}/{deed}", data={**form, "reason": "Ny bedömning"})
        assert done.status_code == 303, done.text
        form = {**form, "version": str(int(form["version"]) + 1)}
        now = next(flag for flag in await stored(doctors_record, "Flag") if flag["id"] == one["id"])
        assert now["status"] == status
        assert ("Svår luftväg" in await banner(doctor)) is (status == "active")
    again = await doctor.post(f"{HERE}/reopen", data={**form, "reason": "Ångrat"})
    assert again.status_code == 404, "what is struck stays struck"
    history = await doctor.get(f"/patient/{PATIENT}/entry/Flag/{one['id']}")
    assert history.text.count("Ny bedömning") >= 3


async def test_a_correction_keeps_what_stood_there_and_a_refuted_one_is_no_warning_any_more(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await save(doctor, await begin(doctor, code="J01CE"), severity="life-threatening", reaction="Utslag")
    (allergy,) = await stored(doctors_record, "AllergyIntolerance")
    form = await fields(await doctor.get(f"{HERE}/add?of={allergy['id']}"))
    form |= {"text": allergy["code"]["text"]}
    assert "Skriv varför det rättas" in (await save(doctor, form, severity="troublesome")).text
    done = await save(doctor, form, severity="troublesome", reason="Missförstånd")
    assert done.status_code == 303
    (after,) = await stored(doctors_record, "AllergyIntolerance")
    assert after["reaction"] == [{"manifestation": [{"text": "Utslag"}], "severity": "mild"}]
    assert after["recordedDate"] == allergy["recordedDate"]
    assert "Allvarlig överkänslighet" not in await banner(doctor)
    form = await fields(await doctor.get(f"{HERE}/one?id={allergy['id']}"))
    await doctor.post(f"{HERE}/end", data={**form, "reason": "Negativ provokation", "refuted": "1"})
    chart = (await doctor.get(f"/patient/{PATIENT}")).text
    assert "utesluten" in chart
    assert "Överkänslighet ingen uppgift" in await banner(doctor)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"text": " "}, "Skriv vad som ska uppmärksammas"),
        ({"start": "i går"}, "Skriv datumet"),
        ({"start": "2026-03-02", "until": "2026-03-01"}, "kan inte sluta innan"),
        ({"code": "Q1"}, "Koden är inte känd"),
    ],
)
async def test_what_cannot_be_saved_is_said_and_nothing_is_written(
    doctor: httpx.AsyncClient, doctors_record: Record, wrong: dict[str, str], said: str
) -> None:
    form = await fields(await doctor.get(f"{HERE}/add?kind=implant"))
    answer = await save(doctor, form, **{"text": "Pacemaker", **wrong})
    assert said in answer.text
    assert await stored(doctors_record, "Flag") == []


async def test_without_a_code_system_the_words_are_kept(
    doctor: httpx.AsyncClient, application: Services, doctors_record: Record
) -> None:
    async with application.pool.acquire() as connection:
        await connection.execute("delete from terminology_artifact")
    csrf = csrf_of(await doctor.get("/"))
    listed = await doctor.post("/codes", data={"csrf": csrf, "set": "substance", "q": "penicillin"})
    assert "Inget kodverk är inläst" in listed.text
    form = await begin(doctor, text="Penicillin")
    assert (await save(doctor, form)).status_code == 303
    (allergy,) = await stored(doctors_record, "AllergyIntolerance")
    assert allergy["code"] == {"text": "Penicillin"}
