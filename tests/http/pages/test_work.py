"""Work that waits: nothing unsigned is in no list; it is signed, countersigned and handed over from there."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from tests.http.pages.conftest import PATIENT, csrf_of, note, patient, persona, sign_in, write

from kontinuum.access.circumstances import Level
from kontinuum.app.asgi import build
from kontinuum.app.services import Services
from kontinuum.fhir import json as fhir_json
from kontinuum.kernel.i18n import local
from kontinuum.kernel.principal import Principal, Purpose
from kontinuum.record import Done, Record, Refusal
from kontinuum.record.tasks import COUNTERSIGN, DECLINED, DONE, OPEN, QUESTION, SIGN, TASK, Party

DOCTOR = persona("Anna Berglund")
PRINCIPAL = Principal(DOCTOR.actor, DOCTOR.assignments[0], "test")
ME = {"reference": PRINCIPAL.actor.reference, "display": "Anna Berglund, Distriktsläkare"}
UNIT = PRINCIPAL.assignment.unit
COLLEAGUE = {"resourceType": "Practitioner", "id": "dr-test", "name": [{"text": "Kajsa Ek"}]}
ORGANIZATION = {
    "resourceType": "Organization",
    "id": "unit-test",
    "name": "Liljeholmens vårdcentral",
    "identifier": [{"system": "urn:oid:1.2.752.129.2.1.4.1", "value": UNIT}],
}
ROLE = {
    "resourceType": "PractitionerRole",
    "id": "role-test",
    "active": True,
    "practitioner": {"reference": "Practitioner/dr-test"},
    "organization": {"reference": "Organization/unit-test"},
}
KAJSA = Party("Practitioner/dr-test", "Kajsa Ek")


def unsigned(identity: str, text: str = "Ingen blödning.", **changes: Any) -> dict[str, Any]:
    return note(identity, text, status="preliminary", author=[ME], **changes)


@pytest.fixture(autouse=True)
async def somebody(doctors_record: Record, application: Services) -> None:
    await write(doctors_record, patient())
    await _directory(application, ORGANIZATION, COLLEAGUE, ROLE)


async def _directory(application: Services, *resources: dict[str, Any]) -> None:
    """Write units, staff and assignments, as somebody who may."""
    assignment = replace(PRINCIPAL.assignment, purpose=Purpose.ADMINISTRATION)
    await write(application.gate.record(Principal(PRINCIPAL.actor, assignment, "test")), *resources)


async def _composition(record: Record, identity: str) -> dict[str, Any]:
    stored = await record.read("Composition", identity)
    assert not isinstance(stored, Refusal)
    body: dict[str, Any] = fhir_json.loads(stored.body or b"{}")
    return body


def _item(page: httpx.Response, identity: str) -> str:
    found = re.search(rf'value="([a-z]+/[^"/]+/{identity}/[^"]*)"', page.text)
    assert found, page.text[:3000]
    return found[1]


async def _kajsa(application: Services) -> Record:
    actor = type(PRINCIPAL.actor)(PRINCIPAL.actor.kind, "dr-test", "Kajsa Ek", "Practitioner/dr-test")
    record = application.gate.record(Principal(actor, PRINCIPAL.assignment, "test"))
    assert isinstance(await record.law.relate(PATIENT, "Rond"), Done)
    return record


async def test_nothing_unsigned_is_in_no_list(doctors_record: Record, application: Services) -> None:
    authors: list[list[dict[str, Any]]] = [
        [ME],
        [{"display": "Någon"}],
        [{"reference": "Practitioner/dr-test"}],
        [{"reference": "PractitionerRole/role-of-mine"}],
    ]
    notes = [
        note(f"n-{number}-{status}", "Text", status=status, author=author)
        for number, author in enumerate(authors)
        for status in ("preliminary", "final", "entered-in-error")
    ]
    await write(doctors_record, *notes)
    begun = await doctors_record.save_draft(PATIENT, "nrs", b"{}", 0)
    assert not isinstance(begun, Refusal)
    mine = {**ROLE, "id": "role-of-mine", "practitioner": {"reference": ME["reference"]}}
    await _directory(application, {**COLLEAGUE, "id": ME["reference"].partition("/")[2]}, mine)
    # A relation that has run out hides the text and never that the note waits.
    await application.pool.execute("delete from care_relation")
    unit, own = await doctors_record.work.of_unit(), await doctors_record.work.own()
    assert not isinstance(unit, Refusal)
    assert not isinstance(own, Refusal)
    assert {one.note.id for one in unit.notes} == {f"n-{number}-preliminary" for number in range(4)}
    assert {one.note.id for one in own.notes} == {"n-0-preliminary", "n-3-preliminary"}
    assert all(one.note.body is None for one in unit.notes)
    assert [one.id for one in unit.drafts] == [one.id for one in own.drafts] == [begun.id]
    assert (await doctors_record.work.counts()).own == 3


async def test_what_is_given_away_is_on_the_other_list_and_twice_is_once(
    doctors_record: Record, application: Services
) -> None:
    await write(doctors_record, unsigned("n-1"), note("n-2", "Klar", author=[ME]))
    kajsas = await _kajsa(application)
    for _ in range(2):
        for code, identity in ((SIGN, "n-1"), (COUNTERSIGN, "n-2")):
            done = await doctors_record.work.give(code, identity, KAJSA, patient=PATIENT)
            assert not isinstance(done, Refusal), done
    theirs, mine = await kajsas.work.own(), await doctors_record.work.own()
    unit = await doctors_record.work.of_unit()
    assert not isinstance(theirs, Refusal)
    assert not isinstance(mine, Refusal)
    assert not isinstance(unit, Refusal)
    assert [(one.code, one.note.id) for one in theirs.notes] == [(SIGN, "n-1"), (COUNTERSIGN, "n-2")]
    assert mine.notes == ()
    assert {one.note.id for one in unit.notes} == {"n-1", "n-2"}
    assert isinstance(await doctors_record.work.give(COUNTERSIGN, "n-1", KAJSA, patient=PATIENT), Refusal)
    assert isinstance(await doctors_record.work.give(SIGN, "n-2", KAJSA, patient=PATIENT), Refusal)


async def test_a_countersignature_is_beside_the_first_and_only_by_who_was_asked(
    doctors_record: Record, application: Services
) -> None:
    signature = {"mode": "legal", "time": "2026-03-01T10:00:00+01:00", "party": ME}
    await write(doctors_record, note("n-2", "Klar", author=[ME], attester=[signature]))
    await doctors_record.work.give(COUNTERSIGN, "n-2", KAJSA, patient=PATIENT)
    assert isinstance(await doctors_record.work.countersign("n-2", 1), Refusal)
    kajsas = await _kajsa(application)
    assert isinstance(await kajsas.work.countersign("n-2", 7), Refusal)
    done = await kajsas.work.countersign("n-2", 1)
    assert not isinstance(done, Refusal), done
    after = await _composition(doctors_record, "n-2")
    assert after["status"] == "final"
    assert after["attester"][0] == signature
    assert after["attester"][1]["party"]["reference"] == "Practitioner/dr-test"
    left = await kajsas.work.own()
    assert not isinstance(left, Refusal)
    assert left.notes == ()


async def test_many_are_read_and_signed_and_one_that_was_changed_stays(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await write(doctors_record, *(unsigned(f"n-{number}", f"Text {number} é") for number in range(3)))
    inbox = await doctor.get("/inbox")
    csrf = csrf_of(inbox)
    items = [_item(inbox, f"n-{number}") for number in range(3)]
    reading = await doctor.post("/inbox/read", data={"csrf": csrf, "item": items})
    assert all(f"Text {number} é" in reading.text for number in range(3))
    await write(doctors_record, unsigned("n-1", "Ändrad"))
    signed = await doctor.post("/inbox/sign", data={"csrf": csrf, "item": items})
    assert signed.status_code == 409
    assert "Ändrad" in signed.text
    assert "har ändrats" in signed.text
    statuses = [(await _composition(doctors_record, f"n-{number}"))["status"] for number in range(3)]
    assert statuses == ["final", "preliminary", "final"]
    wrong = items[1].replace(PATIENT, "p-somebody-else")
    assert (await doctor.post("/inbox/sign", data={"csrf": csrf, "item": wrong})).status_code == 409
    assert (await doctor.get("/inbox/count")).json() == {"own": 1, "unit": 1}
    assert (await doctor.get("/inbox/count?session=of-another")).status_code == 204


async def test_a_note_saved_unsigned_becomes_observations_when_it_is_signed_from_the_list(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    contact = {
        "resourceType": "Encounter",
        "id": "e-now",
        "status": "in-progress",
        "class": {"code": "AMB", "display": "Mottagningsbesök"},
        "subject": {"reference": f"Patient/{PATIENT}"},
        "period": {"start": "2026-03-01T09:00:00+01:00"},
    }
    await write(doctors_record, contact)
    page = await doctor.get(f"/patient/{PATIENT}/journal/write?template=lakarbesok-primarvard")
    assert '<option value="e-now" selected>' in page.text
    form = {"csrf": csrf_of(page), "patient": PATIENT, "template": "lakarbesok-primarvard", "version": "0"}
    pulse = "status/vitalparametrar/puls"
    fields = {"kontaktorsak": "Hosta", "bedomning": "Virus", pulse: "72", "~contact": "e-now"}
    other = await doctor.post(
        f"/patient/{PATIENT}/journal/sign", data={**form, "do": "sign", "~contact": "e-x"}
    )
    assert "Kontakten hör inte till" in other.text
    saved = await doctor.post(f"/patient/{PATIENT}/journal/sign", data={**form, **fields, "do": "save"})
    assert saved.status_code == 303, saved.text[:4000]
    inbox = await doctor.get("/inbox")
    item = re.search(r'name="item" value="(sign/[^"]+)"', inbox.text)
    assert item
    assert inbox.text.count('name="item"') == 1
    signed = await doctor.post("/inbox/sign", data={"csrf": csrf_of(inbox), "item": item[1]})
    assert signed.status_code == 303, signed.text[:4000]
    identity = item[1].split("/")[2]
    document = await _composition(doctors_record, identity)
    assert document["status"] == "final"
    assert document["encounter"] == {"reference": "Encounter/e-now"}
    measured = await doctors_record.find(f"Observation?patient={PATIENT}&encounter=Encounter/e-now")
    assert not isinstance(measured, Refusal)
    assert measured.matches
    assert await doctors_record.drafts(PATIENT) == []


async def test_work_is_handed_over_to_a_colleague_and_to_nobody_else(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await write(doctors_record, unsigned("n-1"), unsigned("n-2"))
    inbox = await doctor.get("/inbox")
    form = {"csrf": csrf_of(inbox), "item": [_item(inbox, "n-1"), _item(inbox, "n-2")]}
    for wrong in ("", "Practitioner/unknown"):
        assert (await doctor.post("/inbox/hand-over", data={**form, "to": wrong})).status_code == 422
    done = await doctor.post("/inbox/hand-over", data={**form, "to": KAJSA.reference})
    assert done.status_code == 303
    assert "Inget väntar på dig" in (await doctor.get("/inbox")).text
    assert (await doctor.get("/inbox?of=unit")).text.count("väntar på Kajsa Ek") == 2


TEXT = "Cor: {rytm}, inga biljud.\n\tInga ödem, två  mellanslag & <b> 🫀 e\u0301\n"


async def test_phrases_are_kept_byte_for_byte_and_are_ones_own(
    doctor: httpx.AsyncClient, application: Services
) -> None:
    csrf = csrf_of(await doctor.get("/phrases"))
    form = {"csrf": csrf, "name": ".Status", "text": TEXT, "of": "me", "version": "0"}
    assert (await doctor.post("/phrases", data=form)).status_code == 303
    assert (await doctor.get("/phrases/list")).json() == {"status": TEXT}
    assert (await doctor.post("/phrases", data=form)).status_code == 409
    assert (await doctor.post("/phrases", data={**form, "name": "två ord"})).status_code == 422
    units = {**form, "of": "unit", "text": "Enhetens"}
    refused = await doctor.post("/phrases", data=units)
    assert refused.status_code == 403
    assert "ändra anteckningsmallar" in refused.text
    transport = httpx.ASGITransport(app=build(application))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as author:
        await sign_in(author, "Karin Öhman")
        csrf_there = csrf_of(await author.get("/phrases"))
        drafted = await author.post("/phrases", data={**units, "csrf": csrf_there})
        assert drafted.headers["location"].startswith("/templates/")
        assert (await author.get("/phrases/list")).json() == {}
    looked = await doctor.post("/phrases", data={**form, "text": "{=puls} {ja/nej}", "do": "look"})
    assert "68 /min" in looked.text
    assert "ja eller nej" in looked.text
    assert (await doctor.get("/phrases/list")).json() == {"status": TEXT}
    found = await doctor.post("/patients", data={"q": "status", "csrf": csrf}, headers={"hx-request": "true"})
    assert found.text.count("data-phrase=") == 1
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as other:
        stranger = next(
            one.actor.name
            for one in _staff()
            if one.assignments[0].unit != UNIT and one.assignments[0].purpose == "care"
        )
        await sign_in(other, stranger)
        assert (await other.get("/phrases/list")).json() == {}
    changed = {**form, "text": "Annan", "version": "1"}
    assert (await doctor.post("/phrases", data=changed)).status_code == 303
    earlier = await doctor.get("/phrases?name=status")
    assert "<ins>Annan</ins>" in earlier.text
    assert TEXT in html.unescape(earlier.text)
    assert (await doctor.post("/phrases", data={**form, "version": "2"})).status_code == 303
    assert (await doctor.get("/phrases/list")).json() == {"status": TEXT}
    gone = {**form, "name": "status", "version": "3", "do": "remove"}
    assert (await doctor.post("/phrases", data=gone)).status_code == 303
    assert (await doctor.get("/phrases/list")).json() == {}


def _staff() -> Any:
    from kontinuum.demo import personas

    return [one for one in personas() if one.actor.kind == "staff"]


async def test_the_palette_offers_templates_only_about_the_patient_on_the_page(
    doctor: httpx.AsyncClient,
) -> None:
    csrf = csrf_of(await doctor.get("/phrases"))
    headers = {"hx-request": "true"}
    without = await doctor.post("/patients", data={"q": "läkar", "csrf": csrf}, headers=headers)
    within = await doctor.post("/patients", data={"q": "läkar", "csrf": csrf, "at": PATIENT}, headers=headers)
    address = f"/patient/{PATIENT}/journal/write?template=lakarbesok-primarvard"
    assert "journal/write" not in without.text
    assert address in within.text
    assert (
        "suggestion"
        not in (await doctor.post("/patients", data={"q": "19", "csrf": csrf}, headers=headers)).text
    )


async def test_where_one_was_beside_the_chart_is_where_another_workstation_goes_on(
    doctor: httpx.AsyncClient, application: Services
) -> None:
    address = f"/patient/{PATIENT}/journal/write?template=nrs"
    pane = await doctor.get(address, headers={"hx-request": "true", "x-beside": "1"})
    assert 'aria-current="page"' in pane.text
    assert "Anna Maria Karlsson" in pane.text
    noted = await application.pool.fetchval("select page from session where ended is null")
    assert noted == f"/patient/{PATIENT}?beside=journal%2Fwrite%3Ftemplate%3Dnrs"
    assert 'data-first="journal/write?template=nrs"' in (await doctor.get(noted)).text
    assert 'data-first=""' in (await doctor.get(f"/patient/{PATIENT}?beside=https://evil")).text


SOON = date(2099, 12, 31)


async def _tasks(record: Record, *, of_unit: bool = False) -> list[Any]:
    found = await (record.work.of_unit() if of_unit else record.work.own())
    assert not isinstance(found, Refusal)
    return list(found.tasks)


async def test_a_task_is_given_once_and_comes_back_to_who_asked_with_a_word(
    doctors_record: Record, application: Services
) -> None:
    kajsas = await _kajsa(application)
    mine = {**ROLE, "id": "role-of-mine", "practitioner": {"reference": ME["reference"]}}
    await _directory(application, {**COLLEAGUE, "id": ME["reference"].partition("/")[2]}, mine)
    for text in ("Ring om provsvaret ", "ring  om\nprovsvaret"):
        given = await doctors_record.work.tasks.assign(TASK, PATIENT, text, KAJSA, SOON)
        assert not isinstance(given, Refusal), given
    (task,) = await _tasks(kajsas)
    assert (task.text, task.due, task.asked_by) == ("Ring om provsvaret ", "2099-12-31", "Anna Berglund")
    assert await _tasks(doctors_record) == []
    assert (await kajsas.work.counts()).own == 1
    tasks = kajsas.work.tasks
    assert isinstance(await tasks.finish(task.id, task.version, DECLINED, " ", patient=PATIENT), Refusal)
    assert isinstance(await tasks.finish(task.id, task.version + 1, DONE, "", patient=PATIENT), Refusal)
    done = await tasks.finish(task.id, task.version, DONE, "Svarade inte, har lämnat bud.", patient=PATIENT)
    assert not isinstance(done, Refusal), done
    assert isinstance(await tasks.finish(task.id, task.version + 1, DONE, "", patient=PATIENT), Refusal)
    assert await _tasks(kajsas) == []
    (answer,) = await _tasks(doctors_record)
    assert (answer.is_open, answer.answer) == (False, "Svarade inte, har lämnat bud.")
    # Given anew after it was done, it is another one.
    await doctors_record.work.tasks.assign(TASK, PATIENT, "Ring om provsvaret", KAJSA)
    assert len(await _tasks(kajsas)) == 1
    (again,) = await _tasks(kajsas)
    kajsa, mine = kajsas.work.acknowledge, doctors_record.work.acknowledge
    assert isinstance(await mine(again.id, again.version, patient=PATIENT), Refusal), "still open"
    assert isinstance(await kajsa(answer.id, answer.version, patient=PATIENT), Refusal), "not hers to read"
    read = await mine(answer.id, answer.version, patient=PATIENT)
    assert not isinstance(read, Refusal), read
    assert await _tasks(doctors_record) == []
    assert isinstance(await mine(answer.id, answer.version + 1, patient=PATIENT), Refusal)


async def test_no_task_is_in_no_list(doctors_record: Record, application: Services) -> None:
    """Overdue, the unit's, and of one who works here no more: each is marked at the unit."""
    unit = Party("Organization/unit-test", "Vårdcentralen")
    gone = Party("Practitioner/gone", "Slutat")
    past = date(2026, 1, 31)
    await _directory(application, {**COLLEAGUE, "id": "gone"})
    for text, to, due in (("a", KAJSA, SOON), ("b", KAJSA, past), ("c", unit, None), ("d", gone, None)):
        given = await doctors_record.work.tasks.assign(QUESTION, PATIENT, text, to, due)
        assert not isinstance(given, Refusal), given
    marked = {one.text: (one.needed, one.overdue) for one in await _tasks(doctors_record, of_unit=True)}
    assert marked == {"a": (False, False), "b": (True, True), "c": (True, False), "d": (True, False)}
    assert (await doctors_record.work.counts()).unit == 3
    kajsas = await _kajsa(application)
    assert {one.text for one in await _tasks(kajsas)} == {"a", "b"}
    theirs = [
        {
            "resourceType": "Task",
            "id": f"t-{status}",
            "status": status,
            "intent": "order",
            "code": {"coding": [{"system": "urn:x", "code": "1"}], "text": "Tolka EKG"},
            "for": {"reference": f"Patient/{PATIENT}"},
            "owner": {"reference": "Practitioner/dr-test"},
        }
        for status in (*OPEN, "completed", "cancelled", "draft")
    ]
    await write(doctors_record, *theirs)
    listed = {one.id: (one.code, one.text) for one in await _tasks(doctors_record, of_unit=True)}
    assert {one for one in listed if one.startswith("t-")} == {f"t-{status}" for status in OPEN}
    assert listed["t-on-hold"] == ("other", "Tolka EKG")
    assert len(await _tasks(kajsas)) == 2 + len(OPEN)
    for status in OPEN:
        done = await kajsas.work.tasks.finish(f"t-{status}", 1, DONE, "", patient=PATIENT)
        assert not isinstance(done, Refusal), done
    assert len(await _tasks(kajsas)) == 2
    ended = {**ROLE, "period": {"end": "2026-01-31"}}
    await _directory(application, ended)
    assert (await doctors_record.work.counts()).unit == 4


async def test_who_covers_sees_the_list_of_who_is_away_and_only_then(
    doctor: httpx.AsyncClient, doctors_record: Record, application: Services
) -> None:
    """Under the own assignment at the unit, for the days that were said, until it is taken back."""
    kajsas = await _kajsa(application)
    await doctors_record.work.tasks.assign(TASK, PATIENT, "Förnya recept", KAJSA)
    mine = {**ROLE, "id": "role-of-mine", "practitioner": {"reference": ME["reference"]}}
    await _directory(application, {**COLLEAGUE, "id": ME["reference"].partition("/")[2]}, mine)
    me, absences = Party(ME["reference"], "Anna Berglund"), kajsas.work.absences
    today = local(application.clock.now()).date()
    for wrong in (KAJSA, Party("Practitioner/nobody", "Ingen")):
        assert isinstance(await absences.state(wrong, today, SOON), Refusal)
    assert isinstance(await absences.state(me, today, today - timedelta(days=2)), Refusal)
    later = today + timedelta(days=2)
    assert not isinstance(await absences.state(me, later, later), Refusal)
    assert await _tasks(doctors_record) == []
    away = await absences.state(me, today - timedelta(days=2), later)
    assert not isinstance(away, Refusal), away
    (seen,) = await _tasks(doctors_record)
    assert (seen.text, seen.instead) == ("Förnya recept", "Kajsa Ek")
    elsewhere = replace(PRINCIPAL.assignment, unit="SE2321000016-DEMO1011")
    other = application.gate.record(Principal(PRINCIPAL.actor, elsewhere, "test"))
    assert await _tasks(other) == []
    marked = (await doctor.get("/inbox/new", params={"patient": PATIENT})).text
    assert re.search(r'value="Practitioner/dr-test">Kajsa Ek, borta t.o.m. ', marked)
    await absences.end(away.number)
    bo = {**COLLEAGUE, "id": "dr-bo", "name": [{"text": "Bo Alm"}]}
    his = {**ROLE, "id": "role-bo", "practitioner": {"reference": "Practitioner/dr-bo"}}
    await _directory(application, bo, his)
    away = await absences.state(Party("Practitioner/dr-bo", "Bo Alm"), today, later)
    assert not isinstance(away, Refusal), away
    assert await _tasks(doctors_record) == []
    for address in ("/inbox", f"/inbox/new?patient={PATIENT}"):
        first, second = re.findall(
            r'value="(Practitioner/[^"]*)"[^>]*>Kajsa Ek', (await doctor.get(address)).text
        )
        assert (first, second) == ("Practitioner/dr-bo", "Practitioner/dr-test"), "who covers is first"
    assert not await doctors_record.work.absences.end(away.number)
    assert await absences.end(away.number)
    assert await _tasks(doctors_record) == []


async def test_what_a_block_keeps_from_somebody_is_not_counted_for_that_one(
    doctors_record: Record, application: Services
) -> None:
    await write(doctors_record, unsigned("n-1"))
    await doctors_record.work.tasks.assign(TASK, PATIENT, "Ring", Party(ME["reference"], "Anna Berglund"))
    elsewhere = replace(PRINCIPAL.assignment, unit="SE2321000016-DEMO1011")
    other = application.gate.record(Principal(PRINCIPAL.actor, elsewhere, "test"))
    assert (await other.work.counts()).own == (await doctors_record.work.counts()).own == 2
    provider = PRINCIPAL.assignment.provider
    blocked = await doctors_record.law.block(PATIENT, Level.INNER, UNIT, provider)
    assert isinstance(blocked, Done), blocked
    assert (await other.work.counts()).own == 0
    assert await other.work.newer(0, of_unit=False) == 0
    assert await _tasks(other) == []
    assert (await doctors_record.work.counts()).own == 2


async def test_tasks_are_given_and_done_on_pages(doctor: httpx.AsyncClient, doctors_record: Record) -> None:
    page = await doctor.get("/inbox/new", params={"patient": PATIENT, "kind": "question"})
    form = {
        "csrf": csrf_of(page),
        "patient": PATIENT,
        "kind": "question",
        "text": "Hur\r\nmår hon? é",
        "due": "",
    }
    assert (await doctor.post("/inbox/new", data={**form, "to": "Practitioner/x"})).status_code == 422
    unclear = await doctor.post("/inbox/new", data={**form, "to": KAJSA.reference, "due": "i morgon"})
    assert unclear.status_code == 422
    assert "mår hon? é" in unclear.text
    assert (await doctor.get("/inbox/new", params={"patient": "nobody"})).status_code == 404
    sent = await doctor.post("/inbox/new", data={**form, "to": "Organization/unit-test"})
    assert sent.headers["location"] == f"/patient/{PATIENT}#tasks"
    assert "mår hon? é" in (await doctor.get(f"/patient/{PATIENT}")).text
    inbox = await doctor.get("/inbox?of=unit")
    assert "Behöver någon" in inbox.text
    (task,) = await _tasks(doctors_record, of_unit=True)
    item = f"question/{PATIENT}//{task.version}/{task.id}"
    assert item in inbox.text
    act = {"csrf": csrf_of(inbox), "only": item, "of": "unit"}
    assert (await doctor.post("/inbox/done", data=act)).status_code == 422
    note = {**act, "to": KAJSA.reference}
    typed = {f"word:{task.id}": "\r\nBra <nu> é"}
    kept = html.escape("\n\nBra <nu> é</textarea>", quote=False).replace("&lt;/textarea&gt;", "</textarea>")
    unsent = await doctor.post("/inbox/hand-over", data={**note, **typed})
    assert unsent.status_code == 422
    nobody = await doctor.post("/inbox/hand-over", data={**act, **typed, "to": ""})
    unmarked = await doctor.post("/inbox/read", data={**act, **typed, "of": ""})
    assert (await doctor.post("/inbox/hand-over", data=note)).status_code == 303
    stale = await doctor.post("/inbox/done", data={**act, **typed})
    assert stale.status_code == 409
    shown = await doctor.post("/inbox", data={**act, **typed})
    assert all(kept in one.text for one in (unsent, nobody, stale, shown))
    shown = await doctor.post("/inbox", data=act)
    assert shown.headers["location"] == "/inbox?of=unit"
    assert kept not in unmarked.text, "it stands on the unit's list"
    await doctors_record.work.tasks.assign(TASK, PATIENT, "Ring", Party(ME["reference"], "Anna Berglund"))
    (other,) = await _tasks(doctors_record)
    mine = {**act, "only": f"task/{PATIENT}//{other.version}/{other.id}"}
    after = await doctor.post("/inbox/done", data={**mine, **typed})
    assert (after.status_code, kept in after.text) == (200, True), "another's button sends it along"
    (task,) = await _tasks(doctors_record, of_unit=True)
    act["only"] = f"question/{PATIENT}//{task.version}/{task.id}"
    assert (await doctor.post("/inbox/done", data={**act, f"word:{task.id}": "Bra"})).status_code == 303
    assert await _tasks(doctors_record, of_unit=True) == []
