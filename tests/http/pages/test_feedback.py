"""Deviations and ideas: what is reported and attached, the board, who reads what is about a patient."""

from __future__ import annotations

import re
from typing import Any
from unittest.mock import AsyncMock

import httpx
import pytest
from tests.http.pages.conftest import PATIENT, csrf_of, patient, persona, write

from kontinuum.app.services import Services
from kontinuum.fhir import json as fhir_json
from kontinuum.kernel.principal import Principal
from kontinuum.record import Record, Refusal
from kontinuum.record.feedback import FEEDBACK_CODES, Wanted
from kontinuum.web.live import Looker

DOCTOR = persona("Anna Berglund")
TEXT = "  Etiketten skrevs inte ut.\n\tÅÄÖ e\u0301 🫀 <b>&amp;\u202bא"


@pytest.fixture
async def colleague(application: Services) -> Record:
    """The record as somebody else at the same unit sees it."""
    actor = type(DOCTOR.actor)(DOCTOR.actor.kind, "dr-test", "Kajsa Ek", "Practitioner/dr-test")
    return application.gate.record(Principal(actor, DOCTOR.assignments[0], "test"))


async def _report(browser: httpx.AsyncClient, **fields: str) -> httpx.Response:
    token = csrf_of(await browser.get("/feedback"))
    here = f"/patient/{fields['patient']}" if "patient" in fields else "/inbox"
    form = {"csrf": token, "kind": "deviation", "text": TEXT, "from": here, **fields}
    return await browser.post("/feedback", data=form)


async def _number(record: Record) -> int:
    found = await record.feedback.board(Wanted())
    assert not isinstance(found, Refusal)
    return found[0].number


async def _stored(application: Services) -> str:
    """Everything that the board's own tables hold."""
    rows: list[Any] = []
    for name in ("feedback", "feedback_event"):
        rows += await application.pool.fetch(f"select t::text from {name} t")
    return repr(rows)


async def _is_woken(looker: Looker) -> None:
    while not looker.stale:
        await looker.wait(30)
    looker.stale = False


async def test_a_report_carries_where_one_was_and_no_patient(
    doctor: httpx.AsyncClient, doctors_record: Record, application: Services
) -> None:
    await write(doctors_record, patient())
    page = f"/patient/{PATIENT}/journal/write"
    form = await doctor.get(f"/feedback?from=/patient/{PATIENT}&beside={page}")
    assert re.search(r"Bredvid översikten</dt><dd>/patient/\{patient\}/journal/write<", form.text)
    form = await doctor.get(f"/feedback?from={page}")
    assert "Koppla till patienten:" in form.text
    assert "/patient/{patient}/journal/write" in form.text
    state = {"from": page, "refused": f"409 /patient/{PATIENT}/journal/sign", "viewport": "390 × 844"}
    answer = await _report(doctor, **state)
    assert answer.headers["location"] == f"/unit/feedback/{await _number(doctors_record)}"
    shown = await doctor.get(answer.headers["location"])
    for told in (
        "/patient/{patient}/journal/write",
        "409 /patient/{patient}/journal/sign",
        "390 × 844",
        "0.1.0",
        ">sv<",
        DOCTOR.assignments[0].title,
        "Anna Berglund",
    ):
        assert told in shown.text, told
    assert PATIENT not in shown.text.replace(state["from"], "")
    assert PATIENT not in await _stored(application)
    item = await doctors_record.feedback.item(await _number(doctors_record))
    assert not isinstance(item, Refusal)
    assert item.events[0].text == TEXT
    odd = await _report(doctor, viewport="<b>", refused="200 /x", **{"from": "https://elsewhere.example/p-1"})
    assert "elsewhere" not in (await doctor.get(odd.headers["location"])).text


async def test_what_cannot_be_reported_is_said_and_what_was_typed_is_kept(
    doctor: httpx.AsyncClient, application: Services
) -> None:
    refused: tuple[tuple[dict[str, str], str], ...] = (
        ({"text": " \r\n"}, "Skriv vad som hände"),
        ({"text": "x" * 10_001}, "högst 10000 tecken"),
        ({"text": "a\x00b"}, "ett tecken som inte kan visas"),
        ({"kind": "praise"}, "avvikelse eller en idé"),
    )
    for fields, said in refused:
        answer = await _report(doctor, **fields)
        assert answer.status_code == 422, said
        assert said in answer.text
        assert "text" in fields or "Etiketten skrevs inte ut.\n\tÅÄÖ" in answer.text
    assert await _stored(application) == "[]"


async def test_the_unit_sees_it_through_and_who_reported_is_told(
    doctor: httpx.AsyncClient, doctors_record: Record, colleague: Record, application: Services
) -> None:
    await _report(doctor, nameless="on")
    number = await _number(doctors_record)
    board = colleague.feedback
    for _ in range(2):
        assert await board.agree(number) is None
    assert await doctors_record.feedback.agree(number) is None
    with application.live.looking("s", doctors_record.principal) as looker:
        looker.stale = False
        await _is_woken(looker)  # as everybody who begins to look
        assert await board.change(number, "new", "looked-at") is None
        await _is_woken(looker)
    assert await board.comment(number, "Samma hos oss") is None
    conflict, unsaid, unknown = (
        await board.change(number, "new", "decided"),
        await board.change(number, "looked-at", "not-done", word=" "),
        await board.change(number, "looked-at", "forgotten"),
    )
    assert [one.kind.value for one in (conflict, unsaid, unknown) if one] == [409, 422, 422]
    assert (await doctors_record.work.counts()).own == 1
    assert (await colleague.work.counts()).own == 0
    inbox = await doctor.get("/inbox")
    assert "Nytt om det du har rapporterat" in inbox.text
    page = await doctor.get(f"/unit/feedback/{number}")
    assert (await doctors_record.work.counts()).own == 0
    said = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page.text.partition("<h1")[2]))
    assert "utan namn" in said
    assert DOCTOR.assignments[0].title not in await _stored(application)
    assert "1 till har varit med om det" in said
    history = await doctors_record.feedback.item(number)
    assert not isinstance(history, Refusal)
    assert [(one.kind, one.name, one.state, one.text) for one in history.events[2:]] == [
        ("change", "Kajsa Ek", "looked-at", None),
        ("comment", "Kajsa Ek", None, "Samma hos oss"),
    ]
    me = {"was": "looked-at", "state": "decided", "owner": str(DOCTOR.actor.reference), "csrf": csrf_of(page)}
    assert (
        await doctor.post(f"/unit/feedback/{number}/change", data={**me, "owner": "Practitioner/x"})
    ).status_code == 422
    assert (await doctor.post(f"/unit/feedback/{number}/change", data=me)).status_code == 303
    assert f'href="/unit/feedback/{number}"' in (await doctor.get("/unit/feedback?mine=owned")).text
    others = await colleague.feedback.board(Wanted(mine="owned"))
    assert others == []
    form = {"csrf": csrf_of(page), "was": "decided", "state": "not-done", "text": "För dyrt\r\njust nu"}
    refused = await doctor.post(f"/unit/feedback/{number}/change", data={**form, "was": "new"})
    assert refused.status_code == 409
    assert "För dyrt\njust nu</textarea>" in refused.text
    assert (await doctor.post(f"/unit/feedback/{number}/change", data=form)).status_code == 303
    assert f'href="/unit/feedback/{number}"' not in (await doctor.get("/unit/feedback")).text
    closed = await doctor.get("/unit/feedback?state=not-done&kind=deviation&mine=reported")
    assert f'href="/unit/feedback/{number}"' in closed.text
    theirs = await application.gate.record(colleague.principal).feedback.board(Wanted(("not-done",)))
    assert not isinstance(theirs, Refusal)
    assert [(one.name, one.agreed, one.comments) for one in theirs] == [("", 1, 1)]


async def test_a_text_about_a_patient_is_in_the_record_and_nowhere_else(
    doctor: httpx.AsyncClient,
    doctors_record: Record,
    colleague: Record,
    application: Services,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await write(doctors_record, patient())
    await application.pool.execute("delete from care_relation")
    refused = await _report(doctor, patient=PATIENT)
    assert refused.status_code == 403
    assert "Etiketten skrevs inte ut." in refused.text
    await doctors_record.law.relate(PATIENT, "Besök")
    assert (
        await _report(doctor, patient=PATIENT, nameless="on", **{"from": f"/patient/{PATIENT}"})
    ).is_redirect
    number = await _number(doctors_record)
    assert await doctors_record.feedback.comment(number, "Etiketten igen") is None
    held = await _stored(application)
    assert "Etiketten" not in held
    assert PATIENT not in held
    for address in ("/unit/feedback", "/unit/feedback/csv"):
        listed = (await doctor.get(address)).text
        assert "I en patients journal" in listed
        assert "Etiketten" not in listed
    assert "Etiketten skrevs" in (await doctor.get(f"/unit/feedback/{number}")).text
    theirs = await colleague.feedback.item(number)
    assert not isinstance(theirs, Refusal)
    assert [(one.name, one.text) for one in theirs.events] == [("", None), ("Anna Berglund", None)]
    assert isinstance(await colleague.feedback.comment(number, "Vem?"), Refusal)
    await colleague.law.relate(PATIENT, "Rond")
    theirs = await colleague.feedback.item(number)
    assert not isinstance(theirs, Refusal)
    assert [one.text for one in theirs.events] == [TEXT, "Etiketten igen"]
    found = await colleague.find(f"Communication?patient={PATIENT}&category={FEEDBACK_CODES}|deviation")
    assert not isinstance(found, Refusal)
    sent = [fhir_json.loads(one.body or b"{}") for one in found.matches]
    assert sorted("sender" in one for one in sent) == [False, True]
    entries = await application.pool.fetch("select convert_from(content, 'UTF8') from audit_entry")
    assert any(
        all(
            word in one[0]
            for word in ('"read"', "dr-test", PATIENT, *(f"/{each.id}/" for each in found.matches))
        )
        for one in entries
    )
    with monkeypatch.context() as busy:
        busy.setattr("kontinuum.store.feedback.say", AsyncMock(return_value=False))  # somebody is faster
        first = await doctors_record.feedback.change(number, "new", "not-done", word="Skriven en gång")
    assert isinstance(first, Refusal)
    again = await doctors_record.feedback.change(number, "new", "not-done", word="Skriven en gång")
    assert again is None
    late = await doctors_record.feedback.change(number, "new", "done", word="Skriven en gång")
    assert isinstance(late, Refusal)
    told = await doctors_record.find(f"Communication?patient={PATIENT}")
    assert not isinstance(told, Refusal)
    assert [b"Skriven" in (one.body or b"") for one in told.matches].count(True) == 1
    mine = await doctors_record.feedback.item(number)
    assert not isinstance(mine, Refusal)
    assert await doctors_record.feedback.withdraw(number, mine.events[0].number, "Fel patient") is None
    after = await colleague.feedback.item(number)
    assert not isinstance(after, Refusal)
    assert (after.events[0].text, after.events[0].reason) == (None, "Fel patient")
    assert sorted(
        fhir_json.loads(one.body or b"{}")["status"]
        for one in (await colleague.read_many([f"Communication/{one.id}" for one in found.matches])).values()
    ) == ["completed", "entered-in-error"]


async def test_a_text_is_withdrawn_by_its_writer_with_a_trace_and_saved_as_a_table_without_it(
    doctor: httpx.AsyncClient, doctors_record: Record, colleague: Record, application: Services
) -> None:
    await _report(doctor, text="=Anna Karlsson fick fel blankett", kind="idea")
    number = await _number(doctors_record)
    assert "'=Anna Karlsson fick fel blankett" in (await doctor.get("/unit/feedback/csv?kind=idea")).text
    assert "Karlsson" not in (await doctor.get("/unit/feedback/csv?kind=deviation")).text
    mine = await doctors_record.feedback.item(number)
    assert not isinstance(mine, Refusal)
    event = mine.events[0].number
    assert isinstance(await colleague.feedback.withdraw(number, event, "Namn"), Refusal)
    page = await doctor.get(f"/unit/feedback/{number}")
    form = {"csrf": csrf_of(page), "event": str(event), "reason": ""}
    address = f"/unit/feedback/{number}/withdraw"
    assert (await doctor.post(address, data=form)).status_code == 422
    assert (await doctor.post(address, data={**form, "reason": "Ett namn stod där"})).status_code == 303
    page = await doctor.get(f"/unit/feedback/{number}")
    assert re.search(
        r"Tillbakatagen av den som skrev \d{4}-\d\d-\d\d \d\d:\d\d: Ett namn stod där", page.text
    )
    assert "Karlsson" not in await _stored(application)
    table = await doctor.get("/unit/feedback/csv")
    assert "Tillbakatagen av den som skrev" in table.text
    assert "Karlsson" not in table.text
