"""Contacts over HTTP: made, carried through, closed; the day at the unit, the ward's board."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import pytest
from tests.http.pages.conftest import PATIENT, note, patient, persona, sign_in, write
from tests.http.pages.test_journal import _found

from kontinuum.app.asgi import build
from kontinuum.app.commands.demo_contacts import WARD
from kontinuum.app.services import Services
from kontinuum.demo.region import region
from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.validation import validate
from kontinuum.kernel.i18n import local
from kontinuum.kernel.principal import Actor, ActorKind, Principal, Purpose
from kontinuum.kernel.provider_settings import BY_NAME, NotAllowed, parse
from kontinuum.record import Incoming, Record, Written
from kontinuum.record.tasks import QUESTION, Party
from kontinuum.terminology.loading import loader

HERE = f"/patient/{PATIENT}/contacts"


@pytest.fixture(autouse=True)
async def somebody(doctors_record: Record) -> None:
    await write(doctors_record, patient())


def _form(page: httpx.Response, address: str) -> dict[str, str]:
    """What the form that is sent to an address, by itself or by a button, sends as it stands."""
    button = re.search(rf'<button[^>]* form="([\w-]+)" formaction="{address}"', page.text)
    named = f'id="{button[1]}"' if button else f'action="{address}"'
    found = re.search(rf"<form[^>]* {named}.*?</form>", page.text, re.DOTALL)
    assert found, page.text
    sent = found[0]
    chosen: dict[str, str] = {}
    if button:
        sent += "".join(re.findall(rf'<input[^>]* form="{button[1]}"[^>]*>', page.text))
        selects = re.findall(
            rf'<select[^>]* name="(\w+)" form="{button[1]}">(.*?)</select>', page.text, re.DOTALL
        )
        for name, options in selects:
            picked = re.search(r'value="([^"]*)" selected', options)
            chosen[name] = picked[1] if picked else ""
    fields = re.findall(r'<input(?: id="[\w-]+")?(?: type="hidden")? name="(\w+)"[^>]* value="([^"]*)"', sent)
    return {name: unescape(value) for name, value in fields} | chosen


async def _led(browser: httpx.AsyncClient, answer: httpx.Response) -> httpx.Response:
    """The page beside the chart to which a deed leads."""
    assert answer.status_code == 303, answer.text
    below = parse_qs(urlsplit(answer.headers["location"]).query)["beside"][0]
    return await browser.get(f"/patient/{PATIENT}/{unquote(below)}")


async def _do(browser: httpx.AsyncClient, page: httpx.Response, deed: str, **fields: str) -> httpx.Response:
    return await browser.post(f"{HERE}/{deed}", data={**_form(page, f"{HERE}/{deed}"), **fields})


async def _begun(browser: httpx.AsyncClient, kind: str = "telephone") -> httpx.Response:
    chart = await browser.get(f"/patient/{PATIENT}")
    return await _led(browser, await _do(browser, chart, "begin", kind=kind))


async def _only(record: Record, kind: str) -> dict[str, Any]:
    (found,) = await _found(record, kind)
    assert [issue for issue in validate(found) if issue.refuses] == []
    return found


async def test_a_call_is_begun_in_one_step_given_a_reason_and_closed_when_asked_twice(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    page = await _begun(doctor)
    made = await _only(doctors_record, "Encounter")
    assert (made["status"], made["class"]["code"], made["type"][0]["text"]) == (
        "in-progress",
        "VR",
        "Telefonkontakt",
    )
    assert made["participant"][0]["individual"]["display"].startswith("Anna Berglund")
    page = await _led(doctor, await _do(doctor, page, "detail", reason="Hosta"))
    unsigned = note("n-1", "x", status="preliminary", encounter={"reference": f"Encounter/{made['id']}"})
    await write(doctors_record, unsigned)
    draft = {"~contact": [made["id"]]}
    await doctors_record.save_draft(PATIENT, "nrs", fhir_json.dumps(draft), 0)
    # One that is written on as a note in the record is told as that note.
    written_on = fhir_json.dumps({**draft, "~base": ["1"]})
    await doctors_record.save_draft(PATIENT, "gcs", written_on, 0)
    me = Party(doctors_record.principal.actor.reference or "", "Anna Berglund")
    await doctors_record.work.tasks.assign(QUESTION, PATIENT, "Röntgen <i dag>", me)
    page = await doctor.get(f"{HERE}/one?id={made['id']}")
    asked = await _do(doctor, page, "close", reason="Hosta <sedan> 3 v")
    assert asked.status_code == 200
    assert 'value="Hosta &lt;sedan&gt; 3 v"' in asked.text
    closing = asked.text.split('class="contact-closing"')[1].split("</section>")[0]
    assert "Daganteckning är inte signerad." in closing
    assert "Röntgen &lt;i dag&gt; är inte besvarad." in closing
    assert closing.count("En anteckning är påbörjad men inte klar.") == 1
    assert f'href="/patient/{PATIENT}/entry/Composition/n-1"' in closing
    assert f'href="/patient/{PATIENT}/problems/add?contact={made["id"]}"' in closing
    assert (await _only(doctors_record, "Encounter"))["status"] == "in-progress"
    page = await _led(doctor, await _do(doctor, asked, "close", do="anyway"))
    closed = await _only(doctors_record, "Encounter")
    assert (closed["status"], closed["reasonCode"]) == ("finished", [{"text": "Hosta <sedan> 3 v"}])
    assert closed["period"]["end"] >= closed["period"]["start"]
    page = await _led(doctor, await _do(doctor, page, "step", step="reopen"))
    again = await _only(doctors_record, "Encounter")
    assert (again["status"], "end" in again["period"]) == ("in-progress", False)
    assert [one["status"] for one in again["statusHistory"]] == ["in-progress", "finished"]
    stale = await _do(doctor, asked, "close", do="anyway")
    assert "Någon ändrade det samtidigt" in stale.text


async def test_a_booking_asks_before_anybody_is_booked_twice_and_is_carried_through_undone_and_cancelled(
    doctor: httpx.AsyncClient, doctors_record: Record, application: Services
) -> None:
    day = (local(application.clock.now()) + timedelta(days=14)).date().isoformat()
    form = await doctor.get(f"{HERE}/book")
    done = await _do(doctor, form, "book", when=f"{day} 9.30", reason="Kontroll", minutes="30", **_staff())
    assert done.headers["location"] == f"/patient/{PATIENT}#contacts", done.text
    booking = await _only(doctors_record, "Appointment")
    assert (booking["status"], booking["start"][:16]) == ("booked", f"{day}T09:30")
    again = await _do(doctor, form, "book", when=f"{day} 9.30", reason="Kontroll", minutes="30", **_staff())
    assert again.status_code == 303
    assert len(await _found(doctors_record, "Appointment")) == 1, "the same form writes once"
    other = patient("p-bo", identifier=[{"system": "urn:x", "value": "1"}])
    await write(doctors_record, other)
    elsewhere = "/patient/p-bo/contacts/book"
    page = await doctor.get(elsewhere)
    hidden = _form(page, elsewhere)
    sent = {**hidden, "when": f"{day} 09:45", "kind": "visit", "minutes": "30", **_staff()}
    told = await doctor.post(elsewhere, data=sent)
    assert "är redan bokad: 09:30–10:00" in told.text
    assert PATIENT not in told.text, "it is not told for whom"
    free = re.search(r'name="free" value="([^"]+)"', told.text)
    assert free
    assert free[1] == f"{day} 10:00"
    taken = await doctor.post(elsewhere, data={**sent, "free": free[1]})
    assert taken.status_code == 303
    page = await doctor.get(f"{HERE}/one?booking={booking['id']}")
    page = await _led(doctor, await _do(doctor, page, "step", step="noshow"))
    assert "Uteblev" in page.text
    page = await _led(doctor, await _do(doctor, page, "step", step="undo"))
    page = await _led(doctor, await _do(doctor, page, "step", step="arrive"))
    met = await _only(doctors_record, "Encounter")
    assert (met["status"], met["appointment"]) == ("arrived", [{"reference": f"Appointment/{booking['id']}"}])
    page = await _led(doctor, await _do(doctor, page, "step", step="undo"))
    assert "Boka om" in page.text
    moved = await doctor.get(f"{HERE}/book?of={booking['id']}")
    await _do(doctor, moved, "book", when="+3v 10", minutes="45", reason="Kontroll", **_staff())
    page = await doctor.get(f"{HERE}/one?booking={booking['id']}")
    page = await _led(doctor, await _do(doctor, page, "step", step="start"))
    page = await _led(doctor, await _do(doctor, page, "close", do="anyway"))
    states = [
        (one["resourceType"], one["status"])
        for kind in ("Encounter", "Appointment")
        for one in await _found(doctors_record, kind)
    ]
    assert states == [("Encounter", "finished"), ("Appointment", "fulfilled")]


def _staff() -> dict[str, str]:
    return {"staff": persona("Anna Berglund").actor.reference or "", "kind": "visit"}


async def _lies_in(browser: httpx.AsyncClient) -> str | None:
    """The bed of the patient by the first page, which leads to the chart; None where nobody lies there."""
    link = rf'data-patient="{PATIENT}"><a class="mine-visit" href="/patient/{PATIENT}">'
    row = rf'{link}\s*<span class="mine-at">(.*?)<'
    found = re.search(row, (await browser.get("/")).text)
    return found[1] if found else None


async def test_a_patient_is_admitted_to_a_bed_moved_on_leave_and_discharged_and_the_board_tells(
    visitor: httpx.AsyncClient, application: Services
) -> None:
    unit = region().units[WARD]
    who = persona("Per Lindgren")
    at = next(one for one in who.assignments if one.unit == unit.hsa)
    ward = application.gate.record(Principal(who.actor, at, "test"))
    loads = Principal(
        Actor(ActorKind.SYSTEM, "loader", "loader"), replace(at, purpose=Purpose.SYSTEM), "test"
    )
    ours = [
        one for _, of, one in region().resources() if of is unit and one["resourceType"] != "PractitionerRole"
    ]
    for done in await application.gate.record(loads).take_in([Incoming(one) for one in ours]):
        assert isinstance(done, Written), done
    await ward.law.relate(PATIENT, "Inläggning")
    assert (await sign_in(visitor, "Per Lindgren", assignment=at.id)).status_code == 303
    form = await visitor.get(f"{HERE}/admit")
    assert "Skriv varför patienten läggs in." in (await _do(visitor, form, "admit")).text
    bed, other = f"Location/{WARD}-bed-1-1", f"Location/{WARD}-bed-2-1"
    page = await _led(visitor, await _do(visitor, form, "admit", reason="Pneumoni", bed=bed))
    stay = await _only(ward, "Encounter")
    assert (stay["status"], stay["class"]["code"]) == ("in-progress", "IMP")
    assert "redan inskriven" in (await visitor.get(f"{HERE}/admit")).text
    assert await _lies_in(visitor) == "1:1"
    clinic = next(one for one in who.assignments if one.unit != unit.hsa)
    there = application.gate.record(Principal(who.actor, clinic, "test"))
    await there.law.relate(PATIENT, "Konsult")
    transport = httpx.ASGITransport(app=build(application))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as consultant:
        await sign_in(consultant, "Per Lindgren", assignment=clinic.id)
        unread = await consultant.get(f"{HERE}/admit")
        await there.law.choose(PATIENT, [unit.hsa])
        warned = await consultant.get(f"{HERE}/admit")
    assert "inte utskriven därifrån" not in unread.text, "it is not told before it may be read"
    assert "inte utskriven därifrån: " in warned.text
    assert "redan inskriven" not in warned.text
    board = await visitor.get("/unit/ward")
    assert "Pneumoni" in board.text
    assert "7 lediga vårdplatser" in board.text
    page = await _led(visitor, await _do(visitor, page, "move", bed=other))
    places = (await _only(ward, "Encounter"))["location"]
    now = [one["location"]["reference"] for one in places if one["status"] == "active"]
    assert sorted(now) == [f"Location/{WARD}", other]
    page = await _led(visitor, await _do(visitor, page, "step", step="leave"))
    assert "Permission" in (await visitor.get("/unit/ward")).text
    page = await _led(visitor, await _do(visitor, page, "step", step="return"))
    undirected = await _do(visitor, page, "close", reason="Pneumoni, hö")
    assert "Välj vart patienten skrivs ut." in undirected.text
    assert "Innan kontakten avslutas" in undirected.text
    asked = await _do(visitor, undirected, "close", destination="home")
    assert (await _only(ward, "Encounter"))["status"] == "in-progress"
    await _do(visitor, asked, "close", do="anyway")
    left = await _only(ward, "Encounter")
    assert left["reasonCode"] == [{"text": "Pneumoni, hö"}]
    assert left["status"] == "finished"
    assert left["hospitalization"]["dischargeDisposition"]["coding"][0]["code"] == "home"
    assert "8 lediga vårdplatser" in (await visitor.get("/unit/ward")).text
    assert await _lies_in(visitor) is None


async def test_a_contact_that_is_begun_makes_the_care_relation_of_the_unit_and_of_no_other(
    doctor: httpx.AsyncClient, application: Services
) -> None:
    """Rule 7: the day's page shows it to the unit, and who gives no care has no such page."""
    mate = persona("Karin Öhman")
    others = persona("Per Lindgren")
    records = {
        one.actor.name: application.gate.record(Principal(one.actor, one.assignments[0], "test"))
        for one in (mate, others)
    }
    before = {name: (await one.standing(PATIENT)).related for name, one in records.items()}
    await _begun(doctor, "unplanned")
    after = {name: (await one.standing(PATIENT)).related for name, one in records.items()}
    assert before == {"Karin Öhman": False, "Per Lindgren": False}
    assert after == {"Karin Öhman": True, "Per Lindgren": False}
    today = await doctor.get("/unit/today")
    assert f'data-patient="{PATIENT}"' in today.text
    doctor.cookies.clear()
    await sign_in(doctor, "Per Lindgren")
    assert PATIENT not in (await doctor.get("/unit/today")).text
    doctor.cookies.clear()
    await sign_in(doctor, "Rickard Hult")
    assert (await doctor.get("/unit/today")).status_code == 403


async def test_the_first_page_shows_the_own_visits_of_the_day_and_nobody_elses(
    doctor: httpx.AsyncClient, doctors_record: Record, application: Services
) -> None:
    """Each leads to the chart; what is over is counted; who has none, or gives no care, sees no list."""
    noon = local(application.clock.now()).replace(hour=12, minute=0, second=0, microsecond=0)
    mine = persona("Anna Berglund").actor.reference
    others = persona("Karin Öhman").actor.reference
    plans = (
        ("p-visit-1", mine, noon, "booked"),
        ("p-visit-2", others, noon, "booked"),
        ("p-visit-3", mine, noon + timedelta(days=2), "booked"),
        ("p-visit-4", mine, noon, "cancelled"),
    )
    for name, staff, start, status in plans:
        booking = {
            "resourceType": "Appointment",
            "id": f"of-{name}",
            "status": status,
            "start": start.isoformat(),
            "end": (start + timedelta(minutes=20)).isoformat(),
            "participant": [
                {"actor": {"reference": f"Patient/{name}"}, "status": "accepted"},
                {"actor": {"reference": staff}, "status": "accepted"},
            ],
        }
        await write(doctors_record, patient(id=name), booking)
    start_page = (await doctor.get("/")).text
    listed = re.findall(r'data-patient="([\w-]+)"><a class="mine-visit" href="/patient/([\w-]+)"', start_page)
    assert listed == [("p-visit-1", "p-visit-1")]
    assert "Mina besök i dag" in start_page
    assert "1 besök är avslutat." in start_page
    doctor.cookies.clear()
    await sign_in(doctor, "Per Lindgren")
    assert "Mina besök i dag" not in (await doctor.get("/")).text
    doctor.cookies.clear()
    await sign_in(doctor, "Rickard Hult")
    assert "Mina besök i dag" not in (await doctor.get("/")).text


async def test_a_measure_is_asked_for_where_the_unit_says_so_and_set_and_struck(
    doctor: httpx.AsyncClient, doctors_record: Record, application: Services
) -> None:
    async with application.pool.acquire() as connection:
        await loader.write_starter(connection, 1)
    value = parse(BY_NAME["measure_units"], "*")
    assert value == ("*",)
    assert isinstance(parse(BY_NAME["measure_units"], "no unit"), NotAllowed)
    await application.provider_settings.decide(
        doctors_record.principal, "measure_units", value, "Uppföljning", seen=0
    )
    page = await _begun(doctor)
    made = await _only(doctors_record, "Encounter")
    looked = await _do(doctor, page, "measure", text="xyz", reason="Hosta <sedan> 3 v")
    assert 'value="Hosta &lt;sedan&gt; 3 v"' in looked.text, "what is typed beside a measure stays typed"
    page = await _led(doctor, await _do(doctor, looked, "measure", code="NFB49"))
    assert (await _only(doctors_record, "Encounter"))["reasonCode"] == [{"text": "Hosta <sedan> 3 v"}]
    measure = await _only(doctors_record, "Procedure")
    assert measure["code"]["coding"][0]["code"] == "NFB49"
    assert measure["encounter"] == {"reference": f"Encounter/{made['id']}"}
    assert "enheten begär en" not in (await _do(doctor, page, "close")).text
    page = await _led(doctor, await _do(doctor, page, "measure", strike=measure["id"]))
    assert (await _only(doctors_record, "Procedure"))["status"] == "entered-in-error"
    assert "enheten begär en" in (await _do(doctor, page, "close")).text
