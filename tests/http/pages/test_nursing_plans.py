"""A nursing plan over HTTP: written once, carried out, taken back, evaluated, ended."""

from __future__ import annotations

import re
from datetime import timedelta
from html import escape
from typing import Any

import httpx
import pytest
from tests.http.pages.conftest import PATIENT, csrf_of, patient, write

from kontinuum.fhir import json
from kontinuum.kernel.i18n import local
from kontinuum.record import Record

HERE = f"/patient/{PATIENT}/nursing"
NEED = 'Risk för trycksår – ej sår.\n "citat" & <b> 🫀'


@pytest.fixture(autouse=True)
async def somebody(doctors_record: Record) -> None:
    await write(doctors_record, patient())


async def stored(record: Record, kind: str) -> list[dict[str, Any]]:
    (page,) = await record.find_many([f"{kind}?patient={PATIENT}&_count=50"])
    return [json.loads(one.body) for one in page.matches if one.body]


async def planned(browser: httpx.AsyncClient, **changed: Any) -> httpx.Response:
    """Post the form of a plan with an action at midnight, one for some time of the day, one when needed."""
    page = await browser.get(f"{HERE}/add")
    token = re.search(r'name="token" value="(\w+)"', page.text)
    assert token is not None
    data = {
        "csrf": csrf_of(page),
        "patient": PATIENT,
        "token": token[1],
        "heading": "skin",
        "problem": NEED,
        "goal": "Hel hud",
        "due": "",
        "action": ["Vändning", "Munvård", "Bladderscan", ""],
        "interval": ["1", "1", "needed", "1"],
        "times": ["0", "", "", ""],
    }
    return await browser.post(f"{HERE}/add", data={**data, **changed})


async def press(browser: httpx.AsyncClient, text: str, **fields: str) -> httpx.Response:
    """Press the button of an action on the list of the day."""
    page = await browser.get(f"{HERE}/today")
    row = next(
        one for one in re.findall(r"<li class=\"round-row.*?</li>", page.text, re.DOTALL) if text in one
    )
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', row))
    return await browser.post(f"{HERE}/{'undo' if 'id' in hidden else 'do'}", data={**hidden, **fields})


async def test_a_plan_is_written_once_with_its_goal_and_stands_on_the_overview(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    for wrong, said in (
        ({"heading": "annat"}, "Välj sökordet"),
        ({"problem": " "}, "vilket behov"),
        ({"goal": ""}, "vad som ska uppnås"),
        ({"due": "2020-01-01"}, "från och med i dag"),
        ({"action": ["", "", "", ""]}, "minst en åtgärd"),
        ({"times": ["25", "", "", ""]}, "Skriv klockslagen"),
    ):
        refused = await planned(doctor, **wrong)
        assert refused.status_code == 200
        assert said in refused.text
        assert "Vändning" in refused.text or "action" in wrong
    assert await stored(doctors_record, "CarePlan") == []
    done = await planned(doctor, token="a" * 32)
    assert (done.status_code, done.headers["location"]) == (303, f"/patient/{PATIENT}#plans")
    assert (await planned(doctor, token="a" * 32)).status_code == 303
    (plan,), (goal,) = await stored(doctors_record, "CarePlan"), await stored(doctors_record, "Goal")
    assert (plan["title"], goal["description"]["text"]) == (NEED, "Hel hud")
    assert plan["goal"] == [{"reference": f"Goal/{goal['id']}"}]
    chart = await doctor.get(f"/patient/{PATIENT}")
    card = re.search(r'id="plans".*?</section>', chart.text, re.DOTALL)
    assert card is not None
    for words in ("Hud/vävnad", "Risk för trycksår – ej sår.", "Hel hud", "I dag: 0 av 2"):
        assert words in card[0]


async def test_an_action_is_done_once_by_whoever_was_first_and_can_be_taken_back(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await planned(doctor)
    page = await doctor.get(f"{HERE}/today")
    row = re.search(r"<li class=\"round-row.*?</li>", page.text, re.DOTALL)
    assert row is not None
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', row[0]))
    for _ in range(2):
        done = await doctor.post(f"{HERE}/do", data={**hidden, "outcome": "done"})
        assert done.status_code == 303, done.text[:800]
    (task,) = await stored(doctors_record, "Task")
    assert (task["status"], task["description"]) == ("completed", "Vändning")
    assert task["owner"]["display"].startswith("Anna Berglund")
    assert "Utfört" in (await doctor.get(f"{HERE}/today")).text
    assert (await press(doctor, "Vändning")).status_code == 303
    assert [one["status"] for one in await stored(doctors_record, "Task")] == ["entered-in-error"]
    assert (await press(doctor, "Vändning", outcome="done")).status_code == 303
    assert sorted(one["status"] for one in await stored(doctors_record, "Task")) == [
        "completed",
        "entered-in-error",
    ]


async def test_what_is_not_done_says_why_and_what_is_done_when_needed_is_done_each_time(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await planned(doctor)
    refused = await press(doctor, "Vändning", outcome="not", reason=" ", comment="Sover gott")
    assert "Skriv varför den inte utfördes." in refused.text
    assert "Sover gott" in refused.text
    for outcome, said in (("done", "Du har skrivit varför"), ("", "om åtgärden utfördes eller inte")):
        typed = {"reason": "Sover & <vill> inte", "comment": "Sover gott", "at": "0.10"}
        refused = await press(doctor, "Vändning", outcome=outcome, **typed)
        assert said in refused.text
        assert all(f'value="{escape(each)}"' in refused.text for each in typed.values())
        opened = refused.text.split('<details class="act" open>')[1]
        first = re.search(r"<button[^>]*>", opened)
        assert first is not None
        assert "disabled" in first[0], "Enter in a field chooses no outcome"
    assert "Skriv klockslaget" in (await press(doctor, "Vändning", outcome="done", at="snart")).text
    assert await stored(doctors_record, "Task") == []
    said = await press(doctor, "Vändning", outcome="not", reason="Patienten avböjer", comment="Nytt försök")
    assert said.status_code == 303
    (task,) = await stored(doctors_record, "Task")
    assert (task["status"], task["statusReason"]["text"]) == ("cancelled", "Patienten avböjer")
    page = await doctor.get(f"{HERE}/today")
    row = next(one for one in page.text.split('<li class="round-row')[1:] if "Bladderscan" in one)
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', row))
    for token in ("b" * 32, "b" * 32, "c" * 32):
        form = {**hidden, "token": token, "outcome": "done"}
        assert (await doctor.post(f"{HERE}/do", data=form)).status_code == 303
    assert len(await stored(doctors_record, "Task")) == 3
    assert "1 av 2" in (await doctor.get(f"{HERE}/today")).text


async def test_nothing_is_done_ahead_or_at_a_time_that_is_not_planned(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await planned(doctor)
    page = await doctor.get(f"{HERE}/today")
    key = re.search(r'name="slot" value="([^"]+)"', page.text)
    assert key is not None
    (plan,) = await stored(doctors_record, "CarePlan")
    tomorrow = (local(plan["created"]).date() + timedelta(days=1)).isoformat()
    parts = key[1].split("/")
    form = {"csrf": csrf_of(page), "patient": PATIENT, "outcome": "done"}
    ahead = "/".join((parts[0], parts[1], tomorrow, parts[3]))
    assert "i förväg" in (await doctor.post(f"{HERE}/do", data={**form, "slot": ahead})).text
    for other in ("", key[1] + "0", "/".join((parts[0], "x", parts[2], parts[3]))):
        assert (await doctor.post(f"{HERE}/do", data={**form, "slot": other})).status_code == 404
    assert await stored(doctors_record, "Task") == []


async def test_a_plan_is_changed_evaluated_and_ended_and_not_over_another_version(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await planned(doctor)
    (plan,) = await stored(doctors_record, "CarePlan")
    address = f"{HERE}/plan?id={plan['id']}"
    page = await doctor.get(address)
    form = {"csrf": csrf_of(page), "patient": PATIENT, "id": plan["id"], "version": "1"}
    more = {"action": "Högläge", "interval": "1", "times": "10"}
    assert (await doctor.post(f"{HERE}/change", data={**form, **more})).status_code == 303
    late = await doctor.post(f"{HERE}/change", data={**form, "stop": plan["activity"][0]["id"]})
    assert "samtidigt" in late.text
    form["version"] = "2"
    assert (
        await doctor.post(f"{HERE}/change", data={**form, "stop": plan["activity"][0]["id"]})
    ).status_code == 303
    listed = (await doctor.get(f"{HERE}/today")).text
    assert "Högläge" in listed
    assert "Vändning" not in listed
    form["version"] = "3"
    empty = await doctor.post(f"{HERE}/evaluate", data={**form, "text": "", "reached": "achieved"})
    assert "skriv en utvärdering" in empty.text
    done = await doctor.post(
        f"{HERE}/evaluate", data={**form, "text": NEED, "reached": "achieved", "end": "1"}
    )
    assert done.status_code == 303
    (plan,), (goal,) = await stored(doctors_record, "CarePlan"), await stored(doctors_record, "Goal")
    assert (plan["status"], plan["note"][0]["text"], goal["lifecycleStatus"]) == (
        "completed",
        NEED,
        "completed",
    )
    shown = await doctor.get(address)
    assert "Uppnått" in shown.text
    assert 'name="stop"' not in shown.text
    assert (await doctor.post(f"{HERE}/evaluate", data={**form, "text": "x"})).status_code == 404


async def test_a_plan_that_is_not_ended_is_asked_about_before_the_stay_is_closed(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    def contact(identity: str, kind: str, start: str) -> dict[str, Any]:
        return {
            "resourceType": "Encounter",
            "id": identity,
            "status": "in-progress",
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": kind},
            "subject": {"reference": f"Patient/{PATIENT}"},
            "period": {"start": start},
        }

    await write(
        doctors_record,
        contact("stay", "IMP", "2026-03-01T10:00:00+01:00"),
        contact("visit", "AMB", "2026-03-01T10:00:00+01:00"),
        contact("next", "IMP", "2199-03-01T10:00:00+01:00"),
    )

    async def asked(identity: str) -> bool:
        page = await doctor.get(f"/patient/{PATIENT}/contacts/one?id={identity}")
        return "omvårdnadsplanen är inte avslutad." in page.text

    assert not await asked("stay")
    await planned(doctor)
    assert await asked("stay")
    assert not await asked("visit"), "a plan of a visit goes on after it"
    assert not await asked("next"), "it was begun before"
    (plan,) = await stored(doctors_record, "CarePlan")
    await doctors_record.update("CarePlan", plan["id"], {**plan, "status": "completed"})
    assert not await asked("stay")
