"""Whatever keeps a form from being taken, what was typed in it is given back."""

from __future__ import annotations

import re
from html import unescape

import httpx
from tests.http.pages.conftest import PATIENT, csrf_of, patient, write

from kontinuum.app.services import Services
from kontinuum.record import Record

ADD = f"/patient/{PATIENT}/nursing/add"
GOAL = "\n\n  Går själv – ej fall <b>&amp; 🫀 e\u0301\n\t"
OWN = {"origin": "http://test"}


async def test_a_refused_form_gives_back_everything_that_was_typed(
    doctor: httpx.AsyncClient, doctors_record: Record, application: Services
) -> None:
    await write(doctors_record, patient())
    typed = {"problem": "Yr", "goal": GOAL, "due": "2031-05-02", "action": "Gå i korridor", "x": "1"}
    token = csrf_of(await doctor.get(ADD))
    form = {"csrf": token, "patient": PATIENT, "token": "t-1", "do": "save", **typed}

    async def given_back(status: int, said: str, **changed: str) -> str:
        crlf = {name: value.replace("\n", "\r\n") for name, value in {**form, **changed}.items()}
        answer = await doctor.post(ADD, data=crlf, headers=OWN)
        assert answer.status_code == status, answer.text[:500]
        assert said in answer.text
        texts = re.findall(r"data-copy-source>(.*?)</p>\n<button[^>]* data-copy ", answer.text, re.DOTALL)
        assert [unescape(text) for text in texts] == list(typed.values())
        assert re.findall(r"<div><dt>(.*?)</dt><dd><p", answer.text) == [
            "Behov, problem eller risk",
            "Mål",
            "Senast",
            "Åtgärd",
            "Ett annat fält",
        ]
        assert token not in answer.text.partition("<main")[2].partition("</main>")[0]
        return answer.text

    await given_back(403, "för gammalt", csrf="old")
    await given_back(409, "en annan patient", patient="p-bo")
    await application.pool.execute("delete from care_relation")
    await given_back(403, "ingen vårdrelation")
    assert (await doctor.post("/lock", data={"csrf": token})).is_redirect
    assert 'href="/locked"' in await given_back(423, "Skärmen är låst, så inget sparades.")
    elsewhere = await doctor.post(ADD, data=form, headers={"origin": "https://elsewhere.example"})
    assert elsewhere.headers["location"].startswith("/locked")  # its words are not shown as the person's
    await application.pool.execute("update session set ended = 1, ending = 'signed-out'")
    application.identity.sessions._known.clear()
    assert 'href="/sign-in"' in await given_back(401, "Du är utloggad, så inget sparades.")
    empty = await doctor.post(ADD, data={"csrf": token, "patient": PATIENT}, headers=OWN)
    assert empty.headers["location"] == "/sign-in"
    found = await application.pool.fetchval("select count(*) from session where page like '%korridor%'")
    assert found == 0
