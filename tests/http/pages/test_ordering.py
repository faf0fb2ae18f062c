"""Orders and referrals over HTTP: sent once, awaited, answered, acknowledged; nothing is in no list."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import httpx
import pytest
from tests.http.pages.conftest import PATIENT, csrf_of, patient, persona, sign_in, write

from kontinuum.app.asgi import build
from kontinuum.app.services import Services
from kontinuum.care.orders.kinds import panels
from kontinuum.demo.region import region
from kontinuum.fhir import json
from kontinuum.fhir.authoring import hl7
from kontinuum.fhir.validation import validate
from kontinuum.kernel.i18n import local
from kontinuum.kernel.principal import Actor, ActorKind, Principal, Purpose
from kontinuum.record import Done, Incoming, Record, Refusal, Written
from kontinuum.terminology.loading import loader

HERE = f"/patient/{PATIENT}/orders"
DOCTOR, RECEIVER = persona("Anna Berglund"), persona("Per Lindgren")
AT, THERE = DOCTOR.assignments[0], RECEIVER.assignments[0]
QUESTION = 'Ej bröstsmärta? \t"citat" & <b> 🫀\nAndra raden'
LAB = Principal(
    Actor(ActorKind.SYSTEM, "lab", "Laboratoriesystemet"), replace(AT, purpose=Purpose.SYSTEM), "test"
)
CHEMISTRY = next(one for one in region().units.values() if one.kind == "laboratory")
CHEMISTRY_REFERENCE = {"reference": CHEMISTRY.reference, "display": CHEMISTRY.name}
NOW = datetime.now(UTC)
HAEMOGLOBIN = {"coding": [{"system": "urn:oid:1.2.752.108.1", "code": "NPU28309"}], "text": "B-Hemoglobin"}


@pytest.fixture(autouse=True)
async def somebody(doctors_record: Record, application: Services) -> None:
    await write(doctors_record, patient())
    units = [one for one in region().units.values() if one.hsa in (AT.unit, THERE.unit, CHEMISTRY.hsa)]
    every = [one for _, of, one in region().resources() if of in units]
    await kept_up(application, *(one for one in every if one["resourceType"] == "Organization"))


async def kept_up(application: Services, *directory: dict[str, Any]) -> None:
    """Write units and assignments, as somebody who may."""
    loads = Principal(DOCTOR.actor, replace(AT, purpose=Purpose.ADMINISTRATION), "test")
    for done in await application.gate.record(loads).take_in([Incoming(one) for one in directory]):
        assert isinstance(done, Written), done


async def stored(record: Record, kind: str, more: str = "") -> list[dict[str, Any]]:
    (page,) = await record.find_many([f"{kind}?patient={PATIENT}&_count=50{more}"])
    return [json.loads(one.body) for one in page.matches if one.body]


async def sent(browser: httpx.AsyncClient, page: str, **fields: Any) -> httpx.Response:
    """Fill in a form and send it, as it stands but for some fields."""
    shown = await browser.get(f"{HERE}/{page}")
    token = re.search(r'name="token" value="(\w+)"', shown.text)
    assert token is not None, shown.text
    data = {"csrf": csrf_of(shown), "patient": PATIENT, "token": token[1], "priority": "routine"}
    return await browser.post(f"{HERE}/{page}", data={**data, "do": "send", **fields})


def observation(identity: str, value: str, days: int = 0, **changes: Any) -> dict[str, Any]:
    moment = (local(NOW) - timedelta(days=days)).isoformat(timespec="seconds")
    return {
        "resourceType": "Observation",
        "id": identity,
        "status": "final",
        "code": HAEMOGLOBIN,
        "subject": {"reference": f"Patient/{PATIENT}"},
        "effectiveDateTime": moment,
        "valueQuantity": {"value": int(value), "unit": "g/L"},
        **changes,
    }


def report(identity: str, order: str, *results: str, **changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "DiagnosticReport",
        "id": identity,
        "status": "final",
        "basedOn": [{"reference": f"ServiceRequest/{order}"}],
        "code": {"text": "Blodstatus"},
        "subject": {"reference": f"Patient/{PATIENT}"},
        "issued": local(NOW).isoformat(timespec="seconds"),
        **({"result": [{"reference": f"Observation/{one}"} for one in results]} if results else {}),
        **changes,
    }


LOW = {"interpretation": [hl7("v3-ObservationInterpretation", "LL")]}


def fields_of(page: httpx.Response, task: str) -> dict[str, str]:
    """What the button of a row of the list sends."""
    row = re.search(rf'<li class="inbox-row[^"]*" id="task-{task}">.*?</li>', page.text, re.DOTALL)
    assert row is not None, page.text
    seen = re.search(rf'name="seen:{task}" value="([^"]*)"', row[0])
    item = re.search(r'name="only" value="([^"]+)"', row[0])
    assert item is not None, row[0]
    return {"csrf": csrf_of(page), "only": item[1], f"seen:{task}": seen[1] if seen else ""}


async def test_tests_are_ordered_once_and_the_answer_is_acknowledged_as_it_was_read(
    doctor: httpx.AsyncClient, doctors_record: Record, application: Services
) -> None:
    form = await doctor.get(f"{HERE}/lab")
    assert "Blodstatus" in form.text
    assert CHEMISTRY.name in form.text
    for wrong, said in (
        ({}, "Välj ett paket"),
        ({"panel": "crp", "day": "2020-01-01"}, "från och med i dag"),
    ):
        refused = await sent(doctor, "lab", **{"question": QUESTION, **wrong})
        assert refused.status_code == 200
        assert said in refused.text
        assert QUESTION in unescape(refused.text)
    assert await stored(doctors_record, "ServiceRequest") == []
    for _ in range(2):
        done = await sent(doctor, "lab", token="a" * 32, panel=["blood-count", "crp"], question=QUESTION)
        assert (done.status_code, done.headers["location"]) == (303, f"/patient/{PATIENT}#orders")
    orders = {one["code"]["text"]: one for one in await stored(doctors_record, "ServiceRequest")}
    (task,) = await stored(doctors_record, "Task")
    assert orders.keys() == {"Blodstatus", "CRP"}
    assert [validate(one) for one in (*orders.values(), task)] == [[], [], []]
    assert orders["CRP"]["performer"] == [CHEMISTRY_REFERENCE]
    assert orders["CRP"]["reasonCode"] == [{"text": QUESTION}]
    assert [one["coding"][0]["code"] for one in orders["Blodstatus"]["orderDetail"]] == [
        code for code, _ in panels()["blood-count"].analyses
    ]
    today = local(NOW).date()
    assert task["restriction"]["period"]["end"] == (today + timedelta(days=7)).isoformat()
    assert "Blodstatus" in (await doctor.get(f"/patient/{PATIENT}")).text
    assert (await doctors_record.work.counts()).own == 0, "it waits for the laboratory"
    lab = application.gate.record(LAB)
    await taken(lab, observation("o-0", "131", days=90), observation("o-1", "64", **LOW))
    await taken(lab, report("r-1", orders["Blodstatus"]["id"], "o-1"))
    assert (await doctors_record.work.counts()).own == 1
    inbox = await doctor.get("/inbox")
    row = inbox.text[inbox.text.index("Svar att vidimera") :]
    for said in ("B-Hemoglobin", "64 g/L", "kritiskt lågt", "131 g/L"):
        assert said in row, said
    # What came after the page was shown is not acknowledged unread.
    pressed = fields_of(inbox, task["id"])
    await taken(
        lab, report("r-1", orders["Blodstatus"]["id"], "o-1", conclusion="Rättat", status="corrected")
    )
    refused = await doctor.post("/inbox/acknowledge", data=pressed)
    assert refused.status_code == 409
    assert "Svaret har ändrats" in refused.text
    assert "Rättat" in refused.text
    done = await doctor.post("/inbox/acknowledge", data=fields_of(refused, task["id"]))
    assert done.headers["location"] == "/inbox?did=acknowledged&done=1"
    (task,) = await stored(doctors_record, "Task")
    read = [one["valueReference"]["reference"] for one in task["output"]]
    assert (task["status"], read) == (
        "requested",
        ["DiagnosticReport/r-1/_history/2", "Observation/o-1/_history/1"],
    )
    statuses = {one["code"]["text"]: one["status"] for one in await stored(doctors_record, "ServiceRequest")}
    assert statuses == {"Blodstatus": "completed", "CRP": "active"}
    assert (await doctors_record.work.counts()).own == 0, "the CRP is still awaited"
    await taken(lab, report("r-2", orders["CRP"]["id"], code={"text": "CRP"}, conclusion="CRP 4"))
    done = await doctor.post("/inbox/acknowledge", data=fields_of(await doctor.get("/inbox"), task["id"]))
    assert done.status_code == 303
    (task,) = await stored(doctors_record, "Task")
    assert (task["status"], task["owner"]["reference"]) == ("completed", DOCTOR.actor.reference)
    assert (await doctors_record.work.counts()).own == 0
    again = {"code": {"text": "CRP"}, "conclusion": "CRP 140", "status": "corrected"}
    await taken(lab, report("r-2", orders["CRP"]["id"], **again))
    assert (await doctors_record.work.counts()).own == 1, "what was acknowledged has been corrected"
    inbox = await doctor.get("/inbox")
    assert "CRP 140" in inbox.text
    assert (await doctor.post("/inbox/acknowledge", data=fields_of(inbox, task["id"]))).status_code == 303
    assert (await doctors_record.work.counts()).own == 0


async def taken(record: Record, *resources: dict[str, Any]) -> None:
    for one in resources:
        done = await record.update(one["resourceType"], one["id"], one)
        assert isinstance(done, Written), done


def minutes_of(task: dict[str, Any]) -> float:
    """Within how many minutes an answer is awaited, also on the night when the clocks are changed."""
    end = local(task["restriction"]["period"]["end"])
    return (end.timestamp() - local(task["authoredOn"]).timestamp()) / 60


async def test_an_emergency_is_awaited_by_the_hour_as_the_laboratory_has_said(
    doctor: httpx.AsyncClient, doctors_record: Record, application: Services
) -> None:
    lines = (f"{CHEMISTRY.hsa}; laboratory; stat; 45 min",)
    await application.provider_settings.decide(
        doctors_record.principal, "answer_times", lines, "Labbets svarstider", seen=0
    )
    assert (await sent(doctor, "lab", panel="crp", priority="stat")).status_code == 303
    (task,) = await stored(doctors_record, "Task")
    assert validate(task) == []
    end = local(task["restriction"]["period"]["end"])
    assert minutes_of(task) == 45
    assert f"{end:%Y-%m-%d %H:%M}" in (await doctor.get(f"/patient/{PATIENT}")).text
    assert (await doctors_record.work.counts()).own == 0
    assert "Provtagning: CRP" not in (await doctor.get("/inbox")).text
    for of in ("", "&of=unit"):
        sent_list = (await doctor.get(f"/inbox?sent=1{of}")).text
        assert "Väntar på svar, i god tid" in sent_list or of
        assert "Provtagning: CRP" in sent_list
    now = local(application.clock.now())
    for minutes, late in ((90, False), (-90, True)):
        ends = (now + timedelta(minutes=minutes)).isoformat(timespec="seconds")
        await taken(doctors_record, {**task, "restriction": {"period": {"end": ends}}})
        assert (await doctors_record.work.counts()).own == int(late)
        for page in ("/inbox", f"{HERE}/one?id={task['id']}", f"/patient/{PATIENT}"):
            shown = (await doctor.get(page)).text
            assert ("Försenad" in shown or "försenad" in shown) is late, page
    for page in ("/inbox", "/inbox?sent=1"):
        assert f"senast {local(ends):%Y-%m-%d %H:%M}" in (await doctor.get(page)).text
    # A referral: until it is accepted, and from then on.
    there = next(one for one in region().units.values() if one.hsa == THERE.unit)
    words = {"to": there.name, "question": "Bedömning?", "priority": "stat"}
    assert (await sent(doctor, "refer", **words)).status_code == 303
    theirs = application.gate.record(Principal(RECEIVER.actor, THERE, "test"))
    (handed,) = await stored(theirs, "Task")
    (mine,) = [one for one in await stored(doctors_record, "Task") if one["id"] != task["id"]]
    assert handed["restriction"] == mine["restriction"]
    assert minutes_of(mine) == 4 * 60
    assert isinstance(await theirs.work.orders.reply(handed["id"], 1, "accepted", ""), Written)
    (mine,) = [one for one in await stored(doctors_record, "Task") if one["id"] != task["id"]]
    assert 24 * 60 <= minutes_of(mine) < 25 * 60


async def test_a_result_that_is_another_after_it_was_read_comes_back_with_what_it_was(
    doctor: httpx.AsyncClient, doctors_record: Record, application: Services
) -> None:
    assert (await sent(doctor, "lab", panel=["crp"])).status_code == 303
    (task,), (order,) = await stored(doctors_record, "Task"), await stored(doctors_record, "ServiceRequest")
    lab, news = application.gate.record(LAB), application.gate.news
    assert await news.read() is None, "it may be anywhere"

    async def wakes() -> bool:
        return any(place.concerns(doctors_record.principal) for place in await news.read() or ())

    await taken(lab, observation("o-1", "64"), observation("o-2", "80"))
    assert not await wakes(), "nobody waits for them"
    other = {"reference": "Patient/p-other"}
    await write(doctors_record, patient("p-other", identifier=[{"value": "annan"}]))
    await taken(lab, observation("o-3", "999", subject=other))
    # A report that names somebody else's result by mistake shows nothing of it.
    await taken(lab, report("r-1", order["id"], "o-1", "o-2", "o-3"))
    assert await wakes()
    inbox = await doctor.get("/inbox")
    assert "64 g/L" in inbox.text
    assert "999" not in inbox.text
    pressed = fields_of(inbox, task["id"])
    await taken(lab, observation("o-1", "65", status="corrected"))
    assert await wakes()
    refused = await doctor.post("/inbox/acknowledge", data=pressed)
    assert refused.status_code == 409, "a result was changed after it was shown"
    done = await doctor.post("/inbox/acknowledge", data=fields_of(refused, task["id"]))
    assert done.headers["location"] == "/inbox?did=acknowledged&done=1"
    assert (await doctors_record.work.counts()).own == 0
    await wakes()

    await taken(lab, observation("o-1", "46", status="corrected"))
    assert await wakes(), "the report has no new version, and the order is completed"
    assert (await doctors_record.work.counts()).own == 1
    row = unescape((await doctor.get("/inbox")).text).partition("Svar att vidimera")[2]
    assert re.search(r"<del>.*65 g/L</del>.*46 g/L", row), row
    assert "80 g/L" not in row, "what is as it was read is not shown again"
    unit = (await doctor.get("/inbox?of=unit")).text
    assert "Svar att vidimera" in unit
    urgent = {
        "resourceType": "Task",
        "id": "urgent",
        "status": "requested",
        "intent": "order",
        "code": {"coding": [{"system": "urn:kontinuum:codes:work", "code": "task"}]},
        "description": "NEWS2 9, hög risk",
        "for": {"reference": f"Patient/{PATIENT}"},
        "owner": {"identifier": {"value": doctors_record.principal.assignment.unit}},
    }
    await write(doctors_record, urgent)
    unit = (await doctor.get("/inbox?of=unit")).text
    assert unit.index("NEWS2 9, hög risk") < unit.index("Svar att vidimera"), "first what needs somebody"
    await taken(lab, observation("o-2", "80", status="entered-in-error"))
    inbox = await doctor.get("/inbox")
    assert re.search(r"<del>.*80 g/L</del>.*felaktigt införd", unescape(inbox.text)), inbox.text
    done = await doctor.post("/inbox/acknowledge", data=fields_of(inbox, task["id"]))
    assert done.status_code == 303
    assert (await doctors_record.work.counts()).own == 0
    await wakes()
    # An answer that is taken away altogether, or cancelled, is told of as well.
    await taken(lab, report("r-1", order["id"], "o-1", "o-2", status="cancelled"))
    assert await wakes()
    assert "återkallat" in (await doctor.get("/inbox")).text
    assert isinstance(await lab.delete("DiagnosticReport", "r-1"), Written)
    assert await wakes()
    assert (await doctors_record.work.counts()).own == 0
    bedside = {"coding": [hl7("observation-category", "vital-signs")["coding"][0]]}
    await taken(lab, observation("o-9", "1", category=[bedside]), observation("o-9", "2", category=[bedside]))
    assert not await wakes()


async def test_what_is_late_or_nobodys_or_elsewhere_stands_in_the_list(
    doctor: httpx.AsyncClient, doctors_record: Record, application: Services
) -> None:
    assert (await sent(doctor, "lab", panel="crp")).status_code == 303
    (task,), (order,) = await stored(doctors_record, "Task"), await stored(doctors_record, "ServiceRequest")
    inbox = await doctor.get("/inbox?of=unit")
    assert "Provtagning: CRP" in inbox.text, "the directory knows nobody: it is nobody's"
    at = {"reference": f"Organization/{next(u.key for u in region().units.values() if u.hsa == AT.unit)}"}
    role = {"resourceType": "PractitionerRole", "id": "mine", "active": True, "organization": at}
    await kept_up(application, {**role, "practitioner": {"reference": DOCTOR.actor.reference}})
    inbox = await doctor.get("/inbox?of=unit")
    assert "Provtagning: CRP" not in inbox.text
    # The laboratory keeps its answer: that there is one is told, and reading it takes the unit's choice.
    chemistry = replace(LAB.assignment, unit=CHEMISTRY.hsa, unit_name=CHEMISTRY.name)
    lab = application.gate.record(Principal(LAB.actor, chemistry, "test"))
    await taken(lab, report("r-1", order["id"], conclusion="Hemligt svar"))
    inbox = await doctor.get("/inbox")
    assert f"Ett svar har kommit till {CHEMISTRY.name}" in unescape(inbox.text)
    assert "Hemligt svar" not in inbox.text
    assert "/inbox/acknowledge" not in inbox.text
    token = fields_of(inbox, task["id"])
    blind = {**token, f"seen:{task['id']}": "DiagnosticReport/r-1/_history/1"}
    assert (await doctor.post("/inbox/acknowledge", data=blind)).status_code == 403
    chosen = await doctors_record.law.choose(PATIENT, [CHEMISTRY.hsa])
    assert isinstance(chosen, Done), chosen
    assert "Hemligt svar" in (await doctor.get("/inbox")).text
    # An answer about somebody else is none.
    other = {"reference": "Patient/p-other"}
    await write(doctors_record, patient("p-other", identifier=[{"value": "annan"}]))
    await taken(lab, report("r-1", order["id"], subject=other, conclusion="Någon annans"))
    assert "Någon annans" not in (await doctor.get("/inbox")).text
    # What other systems write is not trusted to be well formed.
    odd = [{"reference": "#x"}, {"reference": "CarePlan/1"}, {"reference": "http://x/ServiceRequest/1,2"}]
    await taken(
        doctors_record,
        {
            **task,
            "id": "odd",
            "basedOn": odd,
            "contained": [{"resourceType": "Basic", "id": "x", "code": {"text": "x"}}],
        },
    )
    assert (await doctor.get("/inbox")).status_code == 200
    assert (await doctor.get(f"{HERE}/one?id=odd")).status_code == 200
    for name in ("never-was", "%7C%24%5C,x", ",", ""):
        assert (await doctor.get(f"{HERE}/one?id={name}")).status_code == 404
    late = {**task, "restriction": {"period": {"end": (local(NOW).date() - timedelta(days=2)).isoformat()}}}
    await taken(doctors_record, late)
    inbox = await doctor.get("/inbox")
    assert "Inte besvarat i tid" in inbox.text
    assert "Provtagning: CRP" in (await doctor.get("/inbox?of=unit")).text
    gone = {"reference": "Practitioner/gone", "display": "Har slutat"}
    await taken(doctors_record, {**task, "owner": gone})
    assert "Provtagning: CRP" in (await doctor.get("/inbox?of=unit")).text
    page = await doctor.get(f"{HERE}/one?id={task['id']}")
    version = re.search(r'name="version" value="(\d+)"', page.text)
    assert version is not None
    revoked = {"csrf": csrf_of(page), "patient": PATIENT, "id": task["id"], "version": version[1]}
    assert "Skriv varför" in (await doctor.post(f"{HERE}/revoke", data={**revoked, "text": " "})).text
    assert (await doctor.post(f"{HERE}/revoke", data={**revoked, "text": "Fel"})).status_code == 303
    assert [one["status"] for one in await stored(doctors_record, "ServiceRequest")] == ["revoked"]
    assert "Provtagning: CRP" not in (await doctor.get("/inbox?of=unit")).text


async def replied(browser: httpx.AsyncClient, task: str, deed: str, text: str = "") -> httpx.Response:
    page = await browser.get(f"{HERE}/one?id={task}")
    version = re.search(r'name="version" value="(\d+)"', page.text)
    assert version is not None, page.text
    data = {"csrf": csrf_of(page), "patient": PATIENT, "id": task, "version": version[1], "deed": deed}
    return await browser.post(f"{HERE}/reply", data={**data, "text": text})


async def test_a_referral_shows_its_words_and_nothing_else_and_its_answer_comes_back(
    doctor: httpx.AsyncClient, doctors_record: Record, application: Services
) -> None:
    condition = {
        "resourceType": "Condition",
        "id": "c-1",
        "subject": {"reference": f"Patient/{PATIENT}"},
        "clinicalStatus": {
            "coding": [
                {"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}
            ]
        },
        "code": {"text": "Förmaksflimmer"},
        "onsetDateTime": "2019",
    }
    await write(doctors_record, condition)
    form = await doctor.get(f"{HERE}/refer")
    assert "– Förmaksflimmer, sedan 2019" in form.text
    there = next(one for one in region().units.values() if one.hsa == THERE.unit)
    for wrong, said in (
        ({"to": "", "question": QUESTION}, "Välj vem remissen går till"),
        ({"to": "Finns inte", "question": QUESTION}, "Enheten finns inte i katalogen"),
        ({"to": ",", "question": QUESTION}, "Välj en av enheterna"),
        ({"to": "\\|$,", "question": QUESTION}, "Enheten finns inte i katalogen"),
        ({"to": there.name[:4], "question": QUESTION}, "Välj en av enheterna"),
        ({"to": there.name, "question": " "}, "Skriv frågeställningen"),
    ):
        assert said in (await sent(doctor, "refer", background="", **wrong)).text
    words = {"to": there.name, "question": QUESTION, "background": "Waran.\n– ej blödning"}
    for _ in range(2):
        assert (await sent(doctor, "refer", token="b" * 32, **words)).status_code == 303
    (mine,) = await stored(doctors_record, "Task")
    (order,) = await stored(doctors_record, "ServiceRequest")
    assert [validate(one) for one in (mine, order)] == [[], []]
    assert order["performer"] == [{"reference": there.reference, "display": there.name}]

    transport = httpx.ASGITransport(app=build(application), raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", headers={"accept-language": "sv"}
    ) as receiver:
        assert (await sign_in(receiver, "Per Lindgren")).status_code == 303
        theirs = application.gate.record(Principal(RECEIVER.actor, THERE, "test"))
        assert await stored(theirs, "Condition") == await stored(theirs, "ServiceRequest") == []
        (handed,) = await stored(theirs, "Task")
        assert validate(handed) == []
        inbox = await receiver.get("/inbox?of=unit")
        assert "Remisser till enheten" in inbox.text
        page = await receiver.get(f"{HERE}/one?id={handed['id']}")
        for text in (QUESTION, words["background"], "Anna Berglund"):
            assert text in unescape(page.text), text
        assert "Skriv ett meddelande" in (await replied(receiver, handed["id"], "declined", " ")).text
        assert (await replied(receiver, handed["id"], "accepted")).status_code == 303
        assert "Mottagaren har tagit emot" in (await doctor.get(f"/patient/{PATIENT}")).text
        assert (await doctors_record.work.counts()).own == 0
        assert (await replied(receiver, handed["id"], "asked", "Vikt?")).status_code == 303
        inbox = await doctor.get("/inbox")
        assert "Mottagaren frågar efter mer" in inbox.text
        assert (await replied(doctor, mine["id"], "completed", "82 kg")).status_code == 303
        assert (await doctors_record.work.counts()).own == 0
        assert "82 kg" in (await receiver.get(f"{HERE}/one?id={handed['id']}")).text
        assert (
            await replied(receiver, handed["id"], "answered", "Ingen ischemi.\n– sätt ej ut")
        ).status_code == 303
        assert (await receiver.get("/inbox?of=unit")).text.count(handed["id"]) == 0
    inbox = await doctor.get("/inbox")
    assert "Ingen ischemi.\n– sätt ej ut" in unescape(inbox.text)
    done = await doctor.post("/inbox/acknowledge", data=fields_of(inbox, mine["id"]))
    assert done.headers["location"] == "/inbox?did=acknowledged&done=1"
    (mine,), (order,) = await stored(doctors_record, "Task"), await stored(doctors_record, "ServiceRequest")
    assert (mine["status"], order["status"]) == ("completed", "completed")
    both = [await doctors_record.vread("Task", mine["id"], 1), await theirs.vread("Task", mine["id"], 1)]
    assert isinstance(both[1], Refusal), "each side reads its own"
    assert not isinstance(both[0], Refusal)
    assert both[0].unit == AT.unit


async def test_a_referral_is_taken_back_or_goes_outside(
    doctor: httpx.AsyncClient, doctors_record: Record, application: Services
) -> None:
    there = next(one for one in region().units.values() if one.hsa == THERE.unit)
    assert (await sent(doctor, "refer", to=there.name, question="Bedömning?")).status_code == 303
    (mine,) = await stored(doctors_record, "Task")
    theirs = application.gate.record(Principal(RECEIVER.actor, THERE, "test"))
    (handed,) = await stored(theirs, "Task")
    # A Task of the receiver's own making does not become anybody else's answer.
    forged = {**handed, "id": "forged", "basedOn": [{"reference": "ServiceRequest/none"}]}
    await taken(theirs, forged)
    done = await theirs.work.orders.reply("forged", 1, "answered", "Påhittat")
    assert isinstance(done, Written)
    (mine,) = await stored(doctors_record, "Task")
    assert "output" not in mine
    assert isinstance(await theirs.work.orders.reply(mine["id"], 1, "answered", "x"), Refusal)
    assert isinstance(await theirs.work.orders.revoke(mine["id"], 1, "x"), Refusal)
    version = int(mine["meta"]["versionId"])
    assert isinstance(await doctors_record.work.orders.revoke(mine["id"], version, "Ångrat"), Written)
    assert isinstance(await doctors_record.work.orders.revoke(mine["id"], version, "Ångrat"), Refusal)
    found = await theirs.read("Task", handed["id"])
    assert isinstance(found, Refusal), "with the referral goes the care relation"
    outside = {"to": "Privata kliniken", "outside": "1", "question": "Bedömning?"}
    assert (await sent(doctor, "refer", **outside)).status_code == 303
    orders = [one for one in await stored(doctors_record, "ServiceRequest") if one["status"] == "active"]
    assert [one["performer"] for one in orders] == [[{"display": "Privata kliniken"}]]


async def test_an_analysis_is_found_by_what_it_is_called(
    doctor: httpx.AsyncClient, application: Services
) -> None:
    async with application.pool.acquire() as connection:
        await loader.write_starter(connection, 1)
    found = await sent(doctor, "lab", do="choose", text="sänka", code="", free="")
    assert "NPU03404" in found.text
    chosen = await sent(doctor, "lab", do="choose", text="B-SR", code="NPU03404", free="", single="=Eget ord")
    assert re.findall(r'name="single" value="([^"]+)"', chosen.text) == ["=Eget ord", "NPU03404"]
    both = await sent(doctor, "lab", text="", single=["=Eget ord", "NPU03404"], remove="")
    assert both.status_code == 303
