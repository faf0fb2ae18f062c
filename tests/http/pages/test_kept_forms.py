"""What is typed in a form beside the chart is kept on the server, and goes on at another workstation."""

from __future__ import annotations

import re
from html import unescape
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.http.pages.conftest import PATIENT, csrf_of, patient, sign_in, write
from tests.http.pages.test_work import ORGANIZATION, _directory

from kontinuum.app.asgi import build
from kontinuum.app.modules import MODULES
from kontinuum.app.services import Services
from kontinuum.fhir import json
from kontinuum.record import Record

HERE = f"/patient/{PATIENT}"
OTHER = "p-bo"
TEXT = "\n Ej blödning,\r\n ingen 🫀 e\u0301 \u202eשלום\u202c \x00\u2028<b>&amp;\t" + "ä" * 100_000
UNKEPT = {
    "contacts/one.html": {"contact-form": "a line that each of the page's deeds saves"},
    "nursing/today.html": {"'do'": "one of many rows of a day that goes on: a time and a few words"},
}
"""Forms beside the chart that are not kept, by what tells them from the others of their page, and why."""


@pytest.fixture(autouse=True)
async def somebody(doctors_record: Record) -> None:
    bo = patient(OTHER, name=[{"given": ["Bo"], "family": "Lindqvist"}])
    del bo["identifier"]
    await write(doctors_record, patient(), bo)


def kept_on(page: httpx.Response) -> list[dict[str, Any]]:
    """What a page tells its script of what is kept of its forms."""
    found = re.search(r'data-kept-forms="([^"]*)"', page.text)
    assert found, page.text[:200]
    read: list[dict[str, Any]] = json.loads(unescape(found[1]))
    return read


async def keep(browser: httpx.AsyncClient, token: str, **said: Any) -> httpx.Response:
    """Keep a form as its script does."""
    fields = said.pop("fields", [["question", "Hosta"]])
    form = {
        "form": "orders/refer",
        "version": 0,
        "window": "one",
        "turn": 1,
        "fields": json.dumps(fields).decode(),
    }
    return await browser.post(f"{HERE}/kept", data={"csrf": token, "patient": PATIENT, **form, **said})


async def requests(record: Record) -> list[dict[str, Any]]:
    (page,) = await record.find_many([f"ServiceRequest?patient={PATIENT}"])
    return [json.loads(one.body) for one in page.matches if one.body]


async def test_what_is_typed_is_kept_letter_for_letter_until_it_is_sent(
    doctor: httpx.AsyncClient, doctors_record: Record, application: Services
) -> None:
    page = await doctor.get(f"{HERE}/orders/refer")
    token = csrf_of(page)
    assert kept_on(page) == []
    (once,) = re.findall(r'name="token" value="([^"]+)"', page.text)
    fields = [["token", once], ["to", "Lab"], ["question", TEXT], ["background", ""], ["question", "två"]]
    answer = await keep(doctor, token, fields=[["csrf", token], ["patient", PATIENT], *fields])
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-patient"] == answer.json()["patient"] == PATIENT
    kept = answer.json()
    transport = httpx.ASGITransport(app=build(application))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", headers={"accept-language": "sv"}
    ) as ward:
        await sign_in(ward, "Anna Berglund")
        inbox = await ward.get("/inbox")
        assert f"{HERE}?beside=orders/refer" in unescape(inbox.text).replace("%2F", "/")
        assert "Remiss" in inbox.text.split('id="group-draft"')[1]
        assert "blödning" not in inbox.text
        (there,) = kept_on(
            await ward.get(f"{HERE}/orders/refer", headers={"hx-request": "true", "x-beside": "1"})
        )
        assert there["fields"] == fields
        for elsewhere in (f"{HERE}/orders/lab", f"/patient/{OTHER}/orders/refer"):
            assert kept_on(await ward.get(elsewhere)) == []
        again = {"version": kept["version"], "window": "ward", "fields": [*fields, ["unit", "x"]]}
        kept = (await keep(ward, csrf_of(inbox), **again)).json()
        ward.cookies.clear()
        await sign_in(ward, "Per Lindgren")
        assert "Remiss" not in (await ward.get("/inbox")).text
    sent = {"csrf": token, "patient": PATIENT, "token": once, "to": "Röntgen", "outside": "1", "do": "send"}
    sent |= {"priority": "routine", "question": "Skelett?", "background": ""}
    stale = await doctor.post(f"{HERE}/orders/refer", data={**sent, "kept": f"{kept['draft']}/1"})
    assert stale.status_code == 409
    assert "skrivit vidare" in stale.text
    assert await requests(doctors_record) == []
    sent["kept"] = f"{kept['draft']}/{kept['version']}"
    refused = await doctor.post(f"{HERE}/orders/refer", data={**sent, "question": " "})
    (back,) = kept_on(refused)
    assert (back["version"], back["fields"], back["form"]) == (kept["version"], None, "orders/refer")
    for _ in range(2):
        assert (await doctor.post(f"{HERE}/orders/refer", data=sent)).status_code == 303
    assert len(await requests(doctors_record)) == 1, "sent twice, it is one"
    assert kept_on(await doctor.get(f"{HERE}/orders/refer")) == []
    assert await doctors_record.work.begun() == ()
    late = await keep(doctor, token, version=kept["version"])
    assert late.json() == {"patient": PATIENT, "there": ""}, "it is not there again after it was sent"


async def test_windows_keep_nothing_over_each_other_and_what_is_put_aside_comes_back(
    doctor: httpx.AsyncClient,
) -> None:
    token = csrf_of(await doctor.get(f"{HERE}/orders/refer"))
    first = (await keep(doctor, token)).json()
    lost = await keep(doctor, token, turn=2, fields=[["question", "Hosta och feber"]])
    assert lost.json()["version"] == 2, "its answer was lost, so it sends on from the version that it knows"
    late = await keep(doctor, token)
    assert late.json()["version"] == 2, "what comes late is not put over what came after it"
    other = await keep(doctor, token, window="two", turn=9, version=1)
    assert other.json()["there"]
    assert "version" not in other.json()
    deed = {"csrf": token, "patient": PATIENT, "draft": first["draft"]}
    assert (await doctor.post(f"{HERE}/kept/drop", data=deed)).status_code == 200
    assert kept_on(await doctor.get(f"{HERE}/orders/refer")) == []
    back = await doctor.post(f"{HERE}/kept/restore", data=deed)
    assert back.json()["fields"] == [["question", "Hosta och feber"]]
    bo = {**deed, "patient": OTHER}
    for below in ("drop", "restore"):
        assert (await doctor.post(f"/patient/{OTHER}/kept/{below}", data=bo)).status_code == 404
    for form in ("orders/none", "orders", "orders/refer?a b", "vitals/flowsheet", "x" * 400):
        assert (await keep(doctor, token, form=form)).status_code == 422, form
    for fields in ("{}", "[1]", '[["a",1]]', "["):
        wrong = {"csrf": token, "patient": PATIENT, "form": "orders/lab", "fields": fields}
        assert (await doctor.post(f"{HERE}/kept", data=wrong)).status_code == 422, fields
    long = await keep(doctor, token, form="orders/lab", fields=[["question", "x" * 500_001]])
    assert long.status_code == 413
    about = await keep(doctor, token, form="problems/one?id=one#strike")
    assert about.status_code == 200
    assert kept_on(await doctor.get(f"{HERE}/problems/add")) == []


async def test_a_task_that_was_begun_goes_on_beside_the_chart_until_it_is_given(
    doctor: httpx.AsyncClient, doctors_record: Record, application: Services
) -> None:
    await _directory(application, ORGANIZATION)
    token = csrf_of(await doctor.get(f"{HERE}/tasks/new"))
    kept = (await keep(doctor, token, form="tasks/new", fields=[["kind", "question"], ["text", TEXT]])).json()
    assert 'data-first="tasks/new"' in (await doctor.get(f"{HERE}?beside=tasks/new")).text
    for address in (f"{HERE}/tasks/new", f"/inbox/new?patient={PATIENT}"):
        assert [one["fields"][1][1] for one in kept_on(await doctor.get(address))] == [TEXT]
    assert kept_on(await doctor.get(f"/inbox/new?patient={OTHER}")) == []
    form = {"csrf": token, "patient": PATIENT, "text": "Ring?", "to": "", "kept": f"{kept['draft']}/1"}
    (back,) = kept_on(await doctor.post("/inbox/new", data=form))
    assert back["draft"] == kept["draft"]
    other = await doctor.post(
        "/inbox/new", data={**form, "to": "Organization/unit-test", "kept": f"{kept['draft']}/0"}
    )
    assert other.status_code == 409
    sent = await doctor.post("/inbox/new", data={**form, "to": "Organization/unit-test"})
    assert sent.status_code == 303, re.findall(r"data-reason>[^<]*", sent.text)
    assert await doctors_record.work.begun() == ()


async def test_a_form_with_a_code_is_shown_anew_and_nothing_of_it_is_done(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    token = csrf_of(await doctor.get(f"{HERE}/orders/refer"))
    fields = {"csrf": token, "patient": PATIENT, "text": "Hosta", "free": "1", "token": "t", "dose": "7"}
    for form in ("orders/lab", "medication/add", "problems/add", "allergies/add"):
        shown = await doctor.post(f"{HERE}/{form}", data=fields)
        assert shown.status_code == 200, form
        assert "Hosta" in shown.text, form
        if form == "medication/add":
            assert 'name="dose" type="text" inputmode="decimal" value="7"' in shown.text
    for kind in ("ServiceRequest", "MedicationRequest", "Condition", "AllergyIntolerance"):
        (page,) = await doctors_record.find_many([f"{kind}?patient={PATIENT}"])
        assert not page.matches, kind


def test_every_form_beside_the_chart_is_kept_or_says_why_not() -> None:
    beside = {f"{one.name}/{route.path}" for one in MODULES for route in one.routes if route.beside}
    unknown, seen = [], 0
    for module in MODULES:
        for file in sorted(Path(str(files(module.package))).glob("pages/*.html")):
            for tag in re.findall(r'<form class="noting[^>]*>', file.read_text()):
                seen += 1
                name = f"{module.name}/{file.name}"
                kept = re.search(r'data-kept="([a-z-]+/[a-z-]+)', tag)
                if kept is None and not any(mark in tag for mark in UNKEPT.get(name, ())):
                    unknown.append(name)
                assert kept is None or kept[1] in beside, f"{name}: no page beside the chart is called so"
    assert unknown == [], "give the form data-kept, or name here why it is not kept"
    assert seen > 15
