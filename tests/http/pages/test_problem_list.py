"""Problems over HTTP: coded or not, ended, reopened, corrected, struck; never twice unasked."""

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

ADD = f"/patient/{PATIENT}/problems/add"
TEXT = 'Trött i benen – ej cirkulation.\n  "citat" & <b> 🫀 e\u0301 \u202bעברית\u202c'


def contact(identity: str, status: str = "in-progress", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Encounter",
        "id": identity,
        "status": status,
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "type": [{"text": "Läkarbesök"}],
        "subject": {"reference": f"Patient/{PATIENT}"},
        "period": {"start": "2026-03-01T09:00:00+01:00"},
        **more,
    }


@pytest.fixture(autouse=True)
async def somebody(application: Services, doctors_record: Record) -> None:
    """A patient with a contact that goes on, and the starter sets of codes."""
    async with application.pool.acquire() as connection:
        await loader.write_starter(connection, 1)
    await write(doctors_record, patient(), contact("now"))


async def form_of(browser: httpx.AsyncClient, address: str = ADD, **chosen: str) -> dict[str, str]:
    """The form as a browser would send it: hidden fields, what is filled in, what is marked."""
    page = await (browser.post(address, data=chosen) if chosen else browser.get(address))
    assert page.status_code == 200, page.text[:800]
    shown = re.search(r'<form class="noting".*?</form>', page.text, re.DOTALL)
    assert shown, page.text
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', shown[0]))
    fields |= dict(re.findall(r'<input type="radio" name="(\w+)" value="(\w+)" checked', shown[0]))
    for name, options in re.findall(r'<select[^>]* name="(\w+)">(.*?)</select>', shown[0], re.DOTALL):
        fields[name] = next(iter(re.findall(r'value="([^"]*)" selected', options)), "")
    typed = re.search(r'<input id="problem-text"[^>]* value="([^"]*)"', shown[0])
    return {**fields, **({"text": typed[1]} if typed else {})}


async def begin(browser: httpx.AsyncClient, **chosen: str) -> dict[str, str]:
    """What the card sends when something is chosen on it, and the form that comes."""
    csrf = csrf_of(await browser.get(f"/patient/{PATIENT}"))
    return await form_of(browser, csrf=csrf, patient=PATIENT, do="begin", **chosen)


async def save(browser: httpx.AsyncClient, form: dict[str, str], **more: str) -> httpx.Response:
    return await browser.post(ADD, data={"do": "save", **form, **more})


async def stored(record: Record, kind: str) -> list[dict[str, Any]]:
    (page,) = await record.find_many([f"{kind}?patient={PATIENT}&_count=50&_sort=_id"])
    return [json.loads(one.body) for one in page.matches if one.body]


async def test_a_code_is_found_by_what_people_call_it_and_only_a_part_is_said_to_be_loaded(
    doctor: httpx.AsyncClient,
) -> None:
    csrf = csrf_of(await doctor.get("/"))
    found = await doctor.post("/codes", data={"csrf": csrf, "set": "diagnosis", "q": "högt blodtr"})
    assert 'data-code="I10.9"' in found.text
    assert "ICD-10-SE (starter-" in found.text
    assert "kan finnas ändå" in found.text
    assert 'data-code=""' in found.text, "the words can be kept as they are"
    assert (await doctor.post("/codes", data={"csrf": csrf, "set": "x", "q": ""})).status_code == 404


async def test_problems_and_alerts_are_begun_from_the_palette(doctor: httpx.AsyncClient) -> None:
    csrf = csrf_of(await doctor.get("/"))
    for typed, address in (("probl", "problems/add"), ("över", "allergies/add"), ("ingen", "allergies/none")):
        data = {"csrf": csrf, "q": typed, "at": PATIENT}
        found = await doctor.post("/patients", data=data, headers={"hx-request": "true"})
        assert f'href="/patient/{PATIENT}/{address}"' in found.text


async def test_a_chosen_code_becomes_a_problem_and_the_main_diagnosis_of_the_contact(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    form = await begin(doctor, code="I10.9")
    assert form["text"] == "Essentiell hypertoni (högt blodtryck utan känd orsak)"
    assert (form["contact"], form["role"]) == ("now", "main")
    done = await save(doctor, form)
    assert (done.status_code, done.headers["location"]) == (303, f"/patient/{PATIENT}#problems")
    await save(doctor, form)  # the button was pressed twice
    (problem,) = await stored(doctors_record, "Condition")
    assert problem["code"]["coding"][0]["code"] == "I10.9"
    assert problem["encounter"] == {"reference": "Encounter/now"}
    (at,) = await stored(doctors_record, "Encounter")
    (diagnosis,) = at["diagnosis"]
    assert diagnosis["rank"] == 1
    assert diagnosis["condition"] == {"reference": f"Condition/{problem['id']}"}
    # a second main diagnosis makes the first another diagnosis
    form = await begin(doctor, code="E11.9")
    assert form["role"] == "secondary"
    await save(doctor, form, role="main")
    (at,) = await stored(doctors_record, "Encounter")
    names = {one["id"]: one["code"]["coding"][0]["code"] for one in await stored(doctors_record, "Condition")}
    order = [
        (one["rank"], one["use"]["coding"][0]["code"], names[one["condition"]["reference"].split("/")[1]])
        for one in at["diagnosis"]
    ]
    assert order == [(1, "DD", "E11.9"), (2, "CM", "I10.9")]
    csrf = csrf_of(await doctor.get("/"))
    usual = await doctor.post("/codes", data={"csrf": csrf, "set": "diagnosis", "q": ""})
    assert 'data-code="I10.9"' in usual.text, "what was chosen is offered before anything is typed"


async def test_words_without_a_code_are_kept_letter_for_letter_once_it_is_said_that_they_shall_be(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    form = await begin(doctor, text="högt blodtryck")
    asked = await save(doctor, form)
    assert "Välj en kod" in asked.text
    assert 'name="choice" value="I10.9"' in asked.text, "without scripts the codes stand as a list"
    form = await begin(doctor, text=TEXT, free="1")
    assert (await save(doctor, form, text=TEXT, comment=TEXT, contact="")).status_code == 303
    (problem,) = await stored(doctors_record, "Condition")
    assert problem["code"] == {"text": TEXT}
    assert problem["note"] == [{"text": TEXT}]
    assert "encounter" not in problem


async def test_a_current_problem_is_not_added_again_unasked(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await save(doctor, await begin(doctor, code="I10.9"), contact="")
    form = await begin(doctor, code="I10.9")
    asked = await save(doctor, form)
    assert asked.status_code == 200
    assert "är redan ett aktuellt problem" in asked.text
    assert len(await stored(doctors_record, "Condition")) == 1
    used = await save(doctor, form, do="existing")
    assert used.status_code == 303
    (problem,) = await stored(doctors_record, "Condition")
    (at,) = await stored(doctors_record, "Encounter")
    assert at["diagnosis"][0]["condition"]["reference"] == f"Condition/{problem['id']}"
    assert (await save(doctor, form, do="again")).status_code == 303
    assert len(await stored(doctors_record, "Condition")) == 2
    assert "2 registreringar" in (await doctor.get(f"/patient/{PATIENT}")).text


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"onset": "2019-13"}, "Skriv datumet"),
        ({"onset": "2190"}, "Skriv datumet"),
        ({"code": "I99.99"}, "Koden är inte känd"),
        ({"code": "", "text": " "}, "Skriv vad problemet är"),
        ({"contact": "elsewhere"}, "inte en av enhetens"),
    ],
)
async def test_what_cannot_be_saved_is_said_and_nothing_typed_is_lost(
    doctor: httpx.AsyncClient, doctors_record: Record, wrong: dict[str, str], said: str
) -> None:
    form = await begin(doctor, code="I10.9")
    answer = await save(doctor, form, comment="Behåll mig", **wrong)
    assert answer.status_code == 200
    assert said in answer.text
    assert "Behåll mig" in answer.text
    assert await stored(doctors_record, "Condition") == []


async def test_a_problem_ends_with_all_its_registrations_goes_on_again_and_comes_back(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await save(doctor, await begin(doctor, code="J45.9"), onset="2019-05")
    await save(doctor, await begin(doctor, code="J45.9"), do="again")
    first, _ = await stored(doctors_record, "Condition")
    one = f"/patient/{PATIENT}/problems/one?id={first['id']}"
    form = await form_of(doctor, one)
    address = f"/patient/{PATIENT}/problems"
    for day, said in (("i går", "Skriv datumet"), ("2001", "kan inte sluta innan")):
        assert said in (await doctor.post(f"{address}/end", data={**form, "day": day})).text
    done = await doctor.post(f"{address}/end", data={**form, "day": "2026-02"})
    assert done.status_code == 303, done.text
    after = await stored(doctors_record, "Condition")
    assert [each["abatementDateTime"] for each in after] == ["2026-02", "2026-02"]
    stale = await doctor.post(f"{address}/reopen", data=form)
    assert "ändrade det samtidigt" in stale.text
    for again, status in (("", "active"), ("1", "recurrence")):
        form = {**form, "version": str(int(form["version"]) + 1)}
        assert (await doctor.post(f"{address}/reopen", data={**form, "again": again})).status_code == 303
        now = next(each for each in await stored(doctors_record, "Condition") if each["id"] == first["id"])
        assert now["clinicalStatus"]["coding"][0]["code"] == status
        assert "abatementDateTime" not in now


async def test_a_correction_keeps_the_original_and_what_is_struck_stays_to_be_read(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await save(doctor, await begin(doctor, code="J45.9"), comment="Enligt remiss")
    (problem,) = await stored(doctors_record, "Condition")
    form = await form_of(doctor, f"{ADD}?of={problem['id']}")
    unsaid = await save(doctor, form, certainty="suspected", comment="Enligt remiss")
    assert "Skriv varför det rättas" in unsaid.text
    done = await save(
        doctor, form, certainty="suspected", comment="Enligt remiss", reason="Spirometri saknas"
    )
    assert done.status_code == 303
    history = await doctor.get(f"/patient/{PATIENT}/entry/Condition/{problem['id']}")
    assert "Spirometri saknas" in history.text
    assert "misstänkt" in (await doctor.get(f"/patient/{PATIENT}")).text
    one = f"/patient/{PATIENT}/problems/one?id={problem['id']}"
    form = await form_of(doctor, one)
    await doctor.post(f"/patient/{PATIENT}/problems/end", data={**form, "day": "2026-02"})
    form = await form_of(doctor, one)
    strike = f"/patient/{PATIENT}/problems/strike"
    assert "Skriv varför" in (await doctor.post(strike, data={**form, "reason": " "})).text
    done = await doctor.post(strike, data={**form, "reason": "Fel patient"})
    assert done.status_code == 303, done.text
    chart = (await doctor.get(f"/patient/{PATIENT}")).text
    assert re.search(r'entry-main struck"><a [^>]*>Astma', chart)
    assert "Inget aktuellt problem" not in chart
