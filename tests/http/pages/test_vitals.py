"""Vital signs over HTTP: measured, scored, corrected, and read as a flowsheet and as charts."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from tests.http.pages.conftest import PATIENT, patient, write
from tests.http.pages.test_journal import _found

from kontinuum.app.services import Services
from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.validation import validate
from kontinuum.kernel.clock import to_micros
from kontinuum.kernel.i18n import local
from kontinuum.kernel.provider_settings import BY_NAME, NotAllowed, parse
from kontinuum.record import Record

HERE = f"/patient/{PATIENT}/vitals"
FULL = {
    "respiration": "22",
    "saturation": "93",
    "inspired": "air",
    "systolic": "128",
    "diastolic": "76",
    "pulse": "88",
    "consciousness": "A",
    "temperature": "37,0",
}


@pytest.fixture(autouse=True)
async def somebody(doctors_record: Record) -> None:
    await write(doctors_record, patient())


async def _hidden(browser: httpx.AsyncClient, address: str = f"{HERE}/entry") -> dict[str, str]:
    page = await browser.get(address)
    assert page.status_code == 200, page.text[:800]
    form = re.search(r'<form class="(?:writing vitals|vitals-correct)".*?</form>', page.text, re.DOTALL)
    assert form, page.text
    found = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form[0]))
    chosen = re.search(r'<option value="([^"]+)" selected>', form[0].split('name="contact"')[-1])
    return found | ({"contact": chosen[1]} if chosen and 'name="contact"' in form[0] else {})


async def _save(browser: httpx.AsyncClient, **fields: str) -> httpx.Response:
    return await browser.post(f"{HERE}/save", data={**await _hidden(browser), **fields})


def _measured(identity: str, code: str, value: str, unit: str, day: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": identity,
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": f"Patient/{PATIENT}"},
        "effectiveDateTime": f"{day}T10:00:00+01:00",
        "performer": [{"display": "Karin Öhman"}],
        "valueQuantity": {"value": Decimal(value), "unit": unit},
        **more,
    }


async def test_growth_is_told_by_age_in_one_unit_and_by_its_distance_from_the_median(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await write(
        doctors_record,
        patient(birthDate="2022-03-01"),
        _measured("w-birth", "29463-7", "3232", "g", "2022-03-01"),
        _measured("w-year", "29463-7", "8.95", "kg", "2023-03-01"),
        _measured("w-four", "29463-7", "16.1", "kg", "2026-03-01"),
        _measured("h-four", "8302-2", "1.027", "m", "2026-03-01"),
        _measured("w-wrong", "29463-7", "99", "kg", "2025-03-01", status="entered-in-error"),
        _measured("w-odd", "29463-7", "35", "skålpund", "2025-04-01"),
    )
    page = await doctor.get(f"{HERE}/growth")
    assert page.status_code == 200
    rows = re.findall(r'<tr data-at="(\d+)" data-value="([\d.]+)".*?</tr>', page.text, re.DOTALL)
    assert rows == [("1461", "16.1"), ("365", "8.95"), ("0", "3.232"), ("1461", "102.7"), ("1461", "15.3")]
    assert "Karin Öhman" in page.text
    assert "4 år 0 mån" in page.text
    assert ">0,0<" in page.text
    assert "Ett värde som är en gräns eller i en annan enhet är inte ritat." in page.text
    assert page.text.count("data-curves") == 3
    assert "inte den svenska referensen" in page.text
    assert "vitals/growth" in (await doctor.get(f"/patient/{PATIENT}")).text

    await write(doctors_record, patient(birthDate="1980-11-28"))
    assert "vitals/growth" not in (await doctor.get(f"/patient/{PATIENT}")).text
    await write(doctors_record, patient(birthDate="2022"))
    assert "Födelsedagen är inte känd" in (await doctor.get(f"{HERE}/growth")).text


async def _observed(record: Record) -> dict[str, dict[str, Any]]:
    return {one["id"].split("-", 5)[-1]: one for one in await _found(record, "Observation")}


async def test_a_full_set_is_saved_at_once_with_its_score(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    encounter = {
        "resourceType": "Encounter",
        "id": "enc-1",
        "status": "in-progress",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
        "type": [{"text": "Slutenvård"}],
        "subject": {"reference": f"Patient/{PATIENT}"},
        "period": {"start": "2026-03-01T10:00:00+01:00"},
    }
    await write(doctors_record, encounter)
    done = await _save(doctor, **FULL, pain="3", device="Monitor 4", position="33586001", site="ear")
    assert (done.status_code, done.headers.get("location")) == (303, f"{HERE}/flowsheet"), done.text
    found = await _observed(doctors_record)
    assert [issue for one in found.values() for issue in validate(one) if issue.refuses] == []
    assert fhir_json.dumps(found["temperature"]["valueQuantity"]).startswith(b'{"value":37.0,')
    assert found["temperature"]["method"]["text"] == "Öra"
    pressure = found["pressure"]
    assert [part["valueQuantity"]["value"] for part in pressure["component"]] == [Decimal(128), Decimal(76)]
    assert pressure["extension"][0]["valueCodeableConcept"]["text"] == "Sittande"
    score = found["news2"]
    assert score["valueQuantity"]["value"] == 4
    assert [(part["code"]["text"], part["valueInteger"]) for part in score["component"]][:2] == [
        ("Andningsfrekvens", 2),
        ("Saturation", 2),
    ]
    derived = {one["reference"].split("-", 5)[-1] for one in score["derivedFrom"]}
    assert derived == {
        "respiration",
        "saturation",
        "inspired",
        "pressure",
        "pulse",
        "consciousness",
        "temperature",
    }
    for one in found.values():
        assert one["encounter"] == {"reference": "Encounter/enc-1"}
        assert one["performer"][0]["display"].startswith("Anna Berglund")
        assert one["effectiveDateTime"] == one["issued"]
    drafts = await doctors_record.drafts(PATIENT)
    assert drafts == []
    sheet = await doctor.get(f"{HERE}/flowsheet")
    assert "NEWS2 4" in sheet.text
    assert "Låg risk" in sheet.text
    assert "128/76" in sheet.text
    assert 'class="vitals-cell vitals-low"' in sheet.text, "the saturation is marked"
    chart = await doctor.get(f"/patient/{PATIENT}")
    assert "NEWS2 4" in chart.text


async def test_what_is_typed_is_kept_and_scored_as_one_types(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    opened = await _hidden(doctor)
    partly = {key: value for key, value in FULL.items() if key != "consciousness"}
    told = (await doctor.post(f"{HERE}/draft", data={**opened, **partly})).json()
    assert told["calculated"] | {"score": "NEWS2 –", "points-respiration": "2 poäng"} == told["calculated"]
    texts = [one["text"] for one in told["lines"]]
    assert "NEWS2 går inte att räkna ut: medvetande, ACVPU saknas." in texts
    opened |= {"version": str(told["version"]), "draft": told["draft"]}
    told = (await doctor.post(f"{HERE}/draft", data={**opened, **FULL, "consciousness": "C"})).json()
    assert (told["calculated"]["score"], told["marks"]["score"]) == ("NEWS2 7", "danger")
    again = await doctor.get(f"{HERE}/entry")
    assert 'value="37,0"' in again.text
    assert "NEWS2 7" in again.text
    assert await _found(doctors_record, "Observation") == []
    wrong = (
        await doctor.post(f"{HERE}/draft", data={**opened, "version": str(told["version"]), "pulse": "7200"})
    ).json()
    assert wrong["problems"]["pulse"] == "7200 /min är inte möjligt: skriv mellan 10 och 350"


async def test_a_part_that_is_missing_gives_no_score_in_the_record(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    assert (await _save(doctor, pulse="72", temperature="38.25")).status_code == 200, "two decimals"
    assert (await _save(doctor, pulse="72", temperature="38.2")).status_code == 303
    found = await _observed(doctors_record)
    assert set(found) == {"pulse", "temperature"}
    assert found["temperature"]["interpretation"][0]["coding"][0]["code"] == "H"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"pulse": "7"}, "7 /min är inte möjligt"),
        ({"pulse": "72x"}, "Inte ett tal"),
        ({"saturation": "101"}, "101 % är inte möjligt"),
        ({"saturation": "96,5"}, "Inte ett heltal"),
        ({"systolic": "80", "diastolic": "80"}, "Diastoliskt tryck kan inte vara 80"),
        ({"inspired": "air", "flow": "2"}, "Luft är valt"),
        ({"pulse": "72", "when": "2999-01-01T10:00"}, "Tiden har inte varit ännu"),
        ({"pulse": "72", "when": "2001-01-01T10:00"}, "Mer än ett år sedan"),
        ({"consciousness": "X"}, "Inget av alternativen"),
        ({"pulse": "72", "contact": "enc-of-somebody-else"}, "Kontakten hör inte till"),
        ({}, "Inget är ifyllt"),
    ],
)
async def test_what_cannot_be_is_refused_with_a_clear_text(
    doctor: httpx.AsyncClient, doctors_record: Record, fields: dict[str, str], said: str
) -> None:
    answer = await _save(doctor, **fields)
    assert answer.status_code == 200
    assert said in answer.text
    assert await _found(doctors_record, "Observation") == []


async def test_what_is_unusual_is_asked_about_once(doctor: httpx.AsyncClient, doctors_record: Record) -> None:
    asked = await _save(doctor, pulse="190")
    assert "Ovanligt: 190 /min. Stämmer det?" in asked.text
    assert await _found(doctors_record, "Observation") == []
    assert "190 /min" in (await _save(doctor, pulse="195", do="pulse=190")).text.replace("195", "190")
    assert (await _save(doctor, pulse="195", do="pulse=195")).status_code == 303
    assert [one["valueQuantity"]["value"] for one in await _found(doctors_record, "Observation")] == [195]


async def test_a_late_entry_is_seen_as_one(
    doctor: httpx.AsyncClient, doctors_record: Record, application: Services
) -> None:
    before = local(application.clock.now()) - timedelta(hours=3)
    assert (await _save(doctor, pulse="72", when=f"{before:%Y-%m-%dT%H:%M}")).status_code == 303
    (one,) = await _found(doctors_record, "Observation")
    assert local(one["effectiveDateTime"]) < local(one["issued"])
    sheet = await doctor.get(f"{HERE}/flowsheet")
    assert re.search(r"72.*<sup[^>]*>sent</sup>", sheet.text)
    assert f"{before:%H:%M}" in sheet.text


async def test_what_was_typed_long_ago_is_not_taken_to_be_measured_now(
    doctor: httpx.AsyncClient, doctors_record: Record, application: Services
) -> None:
    now = local(application.clock.now())
    opened = str(to_micros(now - timedelta(minutes=31)))
    asked = await _save(doctor, pulse="72", opened=opened)
    assert "öppet i mer än en halvtimme" in asked.text
    assert await _found(doctors_record, "Observation") == []
    assert (await _save(doctor, pulse="72", opened=opened, when=f"{now:%Y-%m-%dT%H:%M}")).status_code == 303


async def test_saving_twice_by_mistake_saves_once(doctor: httpx.AsyncClient, doctors_record: Record) -> None:
    opened = await _hidden(doctor)
    told = (await doctor.post(f"{HERE}/draft", data={**opened, "pulse": "72"})).json()
    form = {**opened, "version": str(told["version"]), "draft": told["draft"], "pulse": "72"}
    for _ in range(2):
        assert (await doctor.post(f"{HERE}/save", data=form)).headers["location"] == f"{HERE}/flowsheet"
    assert len(await _found(doctors_record, "Observation")) == 1
    assert await doctors_record.drafts(PATIENT) == []


async def test_two_windows_keep_what_both_typed(doctor: httpx.AsyncClient) -> None:
    first, second = await _hidden(doctor), await _hidden(doctor)
    await doctor.post(f"{HERE}/draft", data={**first, "pulse": "72", "before": "{}"})
    told = (await doctor.post(f"{HERE}/draft", data={**second, "pain": "3", "before": "{}"})).json()
    assert told["fields"] == {"pulse": ["72"], "pain": ["3"]}


async def test_a_correction_stands_beside_what_was_and_the_score_follows(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await _save(doctor, **FULL)
    pulse = (await _observed(doctors_record))["pulse"]["id"]
    page = f"{HERE}/value?id={pulse}"
    form = await _hidden(doctor, page)
    without = await doctor.post(f"{HERE}/correct", data={**form, "pulse": "131", "reason": " "})
    assert "Skriv varför" in without.text
    impossible = await doctor.post(f"{HERE}/correct", data={**form, "pulse": "1310", "reason": "Fel"})
    assert "inte möjligt" in impossible.text
    assert 'value="Fel"' in impossible.text
    done = await doctor.post(f"{HERE}/correct", data={**form, "pulse": "131", "reason": "Fel patient avläst"})
    assert done.headers.get("location") == f"{HERE}/flowsheet", done.text
    found = await _observed(doctors_record)
    assert (found["pulse"]["status"], found["pulse"]["valueQuantity"]["value"]) == ("corrected", 131)
    assert found["pulse"]["interpretation"][0]["coding"][0]["code"] == "H"
    assert (found["news2"]["status"], found["news2"]["valueQuantity"]["value"]) == ("corrected", 7)
    told = await _found(doctors_record, "Provenance")
    assert {one["reason"][0]["text"] for one in told} == {"Fel patient avläst"}
    assert {one["target"][0]["reference"] for one in told} == {
        f"Observation/{pulse}/_history/2",
        f"Observation/{found['news2']['id']}/_history/2",
    }
    stale = await doctor.post(f"{HERE}/correct", data={**form, "pulse": "80", "reason": "Igen"})
    assert "Någon annan har ändrat" in stale.text
    history = await doctor.get(f"/patient/{PATIENT}/entry/Observation/{pulse}")
    assert "Fel patient avläst" in history.text


async def test_what_was_entered_in_error_is_struck_out_and_its_score_with_it(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await _save(doctor, **FULL)
    before = await _observed(doctors_record)
    form = await _hidden(doctor, f"{HERE}/value?id={before['saturation']['id']}")
    await doctor.post(f"{HERE}/correct", data={**form, "do": "withdraw", "reason": "Givaren satt löst"})
    found = await _observed(doctors_record)
    assert {key for key, one in found.items() if one["status"] == "entered-in-error"} == {
        "saturation",
        "news2",
    }
    sheet = (await doctor.get(f"{HERE}/flowsheet")).text
    assert "<s>93</s>" in sheet
    assert "<s>4</s>" in sheet
    assert 'class="vitals-latest"' not in sheet
    assert "NEWS2 4" not in (await doctor.get(f"/patient/{PATIENT}")).text


async def test_a_part_that_is_changed_elsewhere_makes_the_score_say_so(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await _save(doctor, **FULL)
    pulse = (await _observed(doctors_record))["pulse"]
    pulse["valueQuantity"]["value"] = Decimal(140)
    await write(doctors_record, pulse)
    assert "ändrades efter att poängen räknades" in (await doctor.get(f"{HERE}/flowsheet")).text


async def test_the_second_scale_takes_a_decision_with_its_reason(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    opened = {key: value for key, value in (await _hidden(doctor)).items() if key in ("csrf", "patient")}
    refused = await doctor.post(f"{HERE}/scale", data={**opened, "scale": "2", "reason": ""})
    assert "Skriv varför" in refused.text
    decide = {**opened, "scale": "2", "reason": "KOL, ordination dr Berglund"}
    assert (await doctor.post(f"{HERE}/scale", data=decide)).status_code == 303
    (goal,) = await _found(doctors_record, "Goal")
    assert [issue for issue in validate(goal) if issue.refuses] == []
    await _save(doctor, **{**FULL, "saturation": "90", "respiration": "16"})
    score = (await _observed(doctors_record))["news2"]
    assert score["valueQuantity"]["value"] == 0
    assert score["component"][-1]["valueInteger"] == 2
    assert (await doctor.post(f"{HERE}/scale", data={**decide, "scale": "1"})).status_code == 303
    (goal,) = await _found(doctors_record, "Goal")
    assert goal["lifecycleStatus"] == "cancelled"


async def test_a_child_gets_bedside_pews_and_its_own_ranges(
    doctor: httpx.AsyncClient, doctors_record: Record, application: Services
) -> None:
    born = local(application.clock.now()) - timedelta(days=3 * 366)
    await write(doctors_record, patient(birthDate=f"{born:%Y-%m-%d}"))
    page = await doctor.get(f"{HERE}/entry")
    assert 'name="effort"' in page.text
    assert 'name="head"' in page.text
    assert "SpO" not in page.text
    assert "Saturation enligt skala" not in page.text
    asked = await _save(
        doctor, **{**FULL, "respiration": "30", "pulse": "115", "systolic": "100", "diastolic": "60"}
    )
    assert asked.status_code == 303
    found = await _observed(doctors_record)
    assert "news2" not in found
    assert "bedside-pews" not in found
    assert found["pulse"]["referenceRange"][0]["high"]["value"] == 119
    child = {"refill": "2", "effort": "mild", "respiration": "30", "pulse": "121", "systolic": "100"}
    assert (await _save(doctor, **child, saturation="96", inspired="air")).status_code == 303
    found = await _observed(doctors_record)
    assert found["bedside-pews"]["valueQuantity"]["value"] == 2
    charts = await doctor.get(f"{HERE}/charts")
    assert "Bedside PEWS" in charts.text


async def test_the_unit_decides_what_is_done_at_a_score(
    doctor: httpx.AsyncClient, application: Services, doctors_record: Record
) -> None:
    unit = doctors_record.principal.assignment.unit
    value = parse(BY_NAME["warning_responses"], f"*; low; Alla enheter\n{unit}; low; Ring sköterskan; genast")
    assert isinstance(value, tuple)
    await application.provider_settings.decide(
        doctors_record.principal, "warning_responses", value, "Vårt PM", seen=0
    )
    await _save(doctor, **FULL)
    assert "Ring sköterskan; genast" in (await doctor.get(f"{HERE}/flowsheet")).text


async def test_a_score_that_asks_for_more_makes_one_task_which_the_next_set_closes(
    doctor: httpx.AsyncClient, application: Services, doctors_record: Record
) -> None:
    now, unit = local(application.clock.now()), doctors_record.principal.assignment.unit
    sick = {**FULL, "respiration": "26", "saturation": "90", "pulse": "132"}

    async def measured(minutes: int, **fields: str) -> list[dict[str, Any]]:
        when = f"{now - timedelta(minutes=minutes):%Y-%m-%dT%H:%M}"
        done = await _save(doctor, **fields, when=when)
        assert done.status_code == 303, done.text
        return sorted(
            await _found(doctors_record, "Task"), key=lambda one: one["restriction"]["period"]["end"]
        )

    assert await measured(300, **FULL) == [], "low risk asks for another check only"
    (task,) = await measured(200, **sick)
    assert [issue for issue in validate(task) if issue.refuses] == []
    asked = local(task["restriction"]["period"]["end"]) - local(task["restriction"]["period"]["start"])
    assert (task["status"], task["priority"], asked) == ("requested", "stat", timedelta(minutes=30))
    assert task["description"].startswith("NEWS2 9, hög risk. Erfaren läkare")
    inbox = (await doctor.get("/inbox?of=unit")).text
    assert task["description"] in inbox
    assert "försenad, senast" in inbox
    stay = {"resourceType": "Encounter", "id": "stay", "status": "in-progress", "class": {"code": "IMP"}}
    begins = {
        "subject": {"reference": f"Patient/{PATIENT}"},
        "period": {"start": "2026-03-01T10:00:00+01:00"},
    }
    await write(doctors_record, {**stay, **begins})
    assert "Nytt set skulle ha tagits" in (await doctor.get("/unit/ward")).text
    few = {"respiration": "26", "saturation": "90", "inspired": "oxygen"}
    assert [one["status"] for one in await measured(190, **few)] == ["requested"], "one is open, and no sum"
    assert [one["status"] for one in await measured(250, **FULL)] == ["requested"], "it was measured before"
    value = parse(BY_NAME["warning_responses"], f"{unit}; high; 15 min; Ring MIG")
    assert not isinstance(value, NotAllowed)
    await application.provider_settings.decide(
        doctors_record.principal, "warning_responses", value, "Vårt PM", seen=0
    )
    closed, again = await measured(100, **sick)
    assert (closed["status"], closed["id"]) == ("completed", task["id"])
    score = closed["output"][0]["valueReference"]["reference"].partition("/")[2]
    assert {one["id"] for one in await _found(doctors_record, "Observation")} >= {score}
    asked = local(again["restriction"]["period"]["end"]) - local(again["restriction"]["period"]["start"])
    assert (again["status"], asked) == ("requested", timedelta(minutes=15))
    assert ". Ring MIG. Nytt set senast " in again["description"]
    assert {one["status"] for one in await measured(5, **FULL)} == {"completed"}
    assert (await doctor.get("/inbox/count")).json()["unit"] == 0, "and nothing came back to who asked"


async def test_the_flowsheet_shows_what_came_from_elsewhere_and_refuses_an_unknown_period(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    base = {
        "resourceType": "Observation",
        "status": "final",
        "subject": {"reference": f"Patient/{PATIENT}"},
        "effectiveDateTime": "2026-02-01T08:00:00+01:00",
        "category": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                        "code": "vital-signs",
                    }
                ]
            }
        ],
    }
    unknown = {"coding": [{"system": "http://loinc.org", "code": "39156-5", "display": "BMI"}], "text": "BMI"}
    upper = {"coding": [{"system": "http://loinc.org", "code": "8480-6"}], "text": "Systoliskt blodtryck"}
    await write(
        doctors_record,
        {
            **base,
            "id": "o-bmi",
            "code": unknown,
            "valueQuantity": {"value": Decimal("24.10"), "unit": "kg/m²"},
        },
        {**base, "id": "o-upper", "code": upper, "valueQuantity": {"value": Decimal(151), "unit": "mmHg"}},
    )
    sheet = (await doctor.get(f"{HERE}/flowsheet")).text
    assert "24,10" in sheet
    assert "BMI" in sheet
    assert "151" in sheet
    inches = _measured("o-inches", "8302-2", "70", "[in_i]", "2026-02-01", category=base["category"])
    odd = _measured("o-odd", "8302-2", "3", "aln", "2026-02-02", category=base["category"])
    await write(doctors_record, inches, odd)
    sheet = (await doctor.get(f"{HERE}/flowsheet")).text
    assert "177,8 (70 [in_i])" in sheet
    assert "3 aln" in sheet
    charts = (await doctor.get(f"{HERE}/charts?period=all")).text
    assert 'data-value="177.8"' in charts
    assert "Ett värde som är en gräns eller i en annan enhet är inte ritat." in charts
    assert "24,10" not in (await doctor.get(f"{HERE}/flowsheet?period=24h")).text
    assert (await doctor.get(f"{HERE}/flowsheet?period=year")).status_code == 404
    assert (await doctor.get(f"{HERE}/charts?period=year")).status_code == 404
    assert (await doctor.get(f"{HERE}/value?id=nobody")).status_code == 404
    assert "24,10" in (await doctor.get(f"{HERE}/value?id=o-bmi")).text
    refused = {**await _hidden(doctor), "id": "o-bmi", "version": "1", "reason": "x"}
    assert (await doctor.post(f"{HERE}/correct", data=refused)).status_code == 404
