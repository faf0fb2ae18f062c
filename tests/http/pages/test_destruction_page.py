"""Destruction of records on its page and by its command: two persons, the patient named twice."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from tests.conftest import SYSTEM
from tests.http.pages.conftest import PATIENT, csrf_of, note, patient, sign_in, write

from kontinuum.app.commands import destroy
from kontinuum.app.services import Services
from kontinuum.kernel.config import Settings
from kontinuum.record import Record, Refusal, Stored

REGISTRAR, EXECUTOR = "Birgitta Nyström", "Rickard Hult"
EXECUTORS_ID = "s-rickard-hult"
ROLE: dict[str, Any] = {
    "resourceType": "PractitionerRole",
    "id": f"{EXECUTORS_ID}-1",
    "extension": [
        {"url": "urn:kontinuum:structure:assignment-purpose", "valueCode": "administration"},
        {"url": "urn:kontinuum:structure:assignment-right", "valueCode": "destruction"},
    ],
    "practitioner": {"reference": f"Practitioner/{EXECUTORS_ID}", "display": EXECUTOR},
}


@pytest.fixture
async def browser(
    visitor: httpx.AsyncClient, application: Services, doctors_record: Record
) -> httpx.AsyncClient:
    await write(doctors_record, patient(), note("n", "<p>Bort.</p>"))
    await write(application.gate.record(SYSTEM), ROLE)
    return visitor


async def register(browser: httpx.AsyncClient, **changes: str) -> httpx.Response:
    """Register a decision as the registrar."""
    browser.cookies.clear()
    await sign_in(browser, REGISTRAR)
    page = await browser.get("/destruction")
    form = {
        "csrf": csrf_of(page),
        "authority": "IVO",
        "case_number": "3.7-1/2026",
        "decided": "2026-03-01",
        "requested_by": "Anna Karlsson",
        "patient": PATIENT,
        "entries": "Composition/n",
        **changes,
    }
    return await browser.post("/destruction", data=form)


async def carry_out(browser: httpx.AsyncClient, name: str, repeated: str) -> httpx.Response:
    """Carry the only decision out as somebody."""
    browser.cookies.clear()
    await sign_in(browser, name)
    page = await browser.get("/destruction")
    return await browser.post("/destruction/1", data={"csrf": csrf_of(page), "patient": repeated})


async def test_one_registers_and_another_carries_out(
    browser: httpx.AsyncClient, doctors_record: Record
) -> None:
    assert (await register(browser)).status_code == 303
    assert "Väntar på att en annan person" in (await browser.get("/destruction")).text
    assert (await carry_out(browser, EXECUTOR, PATIENT)).status_code == 303
    assert "Verkställt av Rickard Hult" in (await browser.get("/destruction")).text
    assert isinstance(await doctors_record.read("Composition", "n"), Refusal)
    browser.cookies.clear()
    await sign_in(browser, "Anna Berglund")
    gone = await browser.get(f"/patient/{PATIENT}/entry/Composition/n")
    assert gone.status_code == 410
    assert "3.7-1/2026" in gone.text


@pytest.mark.parametrize(("name", "repeated"), [(REGISTRAR, PATIENT), (EXECUTOR, "p-other")])
async def test_the_same_person_and_the_wrong_patient_are_refused(
    browser: httpx.AsyncClient, doctors_record: Record, name: str, repeated: str
) -> None:
    await register(browser)
    assert (await carry_out(browser, name, repeated)).status_code in (403, 422)
    assert isinstance(await doctors_record.read("Composition", "n"), Stored)


async def test_what_was_typed_stays_when_a_decision_is_refused(browser: httpx.AsyncClient) -> None:
    refused = await register(browser, decided="i våras", case_number="3.7-<99>")
    assert refused.status_code == 422
    assert "3.7-&lt;99&gt;" in refused.text


async def test_the_page_belongs_to_administration(doctor: httpx.AsyncClient) -> None:
    refused = await doctor.get("/destruction")
    assert refused.status_code == 403
    assert "behörighet att förstöra journaler" in refused.text
    assert 'href="/destruction"' not in refused.text


async def test_the_menu_leads_those_with_the_right_to_the_page(browser: httpx.AsyncClient) -> None:
    await sign_in(browser, REGISTRAR)
    assert 'href="/destruction"' in (await browser.get("/")).text


async def test_the_right_is_needed_beside_the_purpose(
    application: Services, settings: Settings, dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    without = {**ROLE, "extension": ROLE["extension"][:1]}
    await write(application.gate.record(SYSTEM), without)
    assert await asyncio.to_thread(destroy.run, dsn, settings, by=EXECUTORS_ID) == 2
    assert "the right to destroy" in capsys.readouterr().err


async def test_the_command_carries_out_what_another_has_registered(
    browser: httpx.AsyncClient,
    application: Services,
    dsn: str,
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await register(browser)

    async def command(**options: object) -> int:
        return await asyncio.to_thread(destroy.run, dsn, settings, **options)  # type: ignore[arg-type]

    assert await command(by="nobody") == 2
    assert await command(by=EXECUTORS_ID, decision=1) == 2
    assert await command(by=EXECUTORS_ID) == 0
    assert "1: IVO 3.7-1/2026 of 2026-03-01" in capsys.readouterr().out
    assert await command(by=EXECUTORS_ID, decision=1, patient="p-other") == destroy.REFUSED
    assert await command(by=EXECUTORS_ID, decision=1, patient=PATIENT) == 0
    assert "1 entries" in capsys.readouterr().out
    assert await command(by=EXECUTORS_ID, decision=1, patient=PATIENT) == destroy.REFUSED
