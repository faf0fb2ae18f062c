"""What a worker keeps of bodies makes no difference to what is shown, but that it is shown sooner."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import httpx
import msgspec
from tests.http.pages.conftest import PATIENT, note, patient, sign_in, write
from tests.http.pages.test_access import NEXT_DOOR, step, stranger, system
from tests.http.pages.test_destruction_page import EXECUTOR, browser, carry_out, register
from tests.http.pages.test_privacy import own

from kontinuum.access.circumstances import Level
from kontinuum.access.kept_back import Kind
from kontinuum.app.services import Services
from kontinuum.care.notes.model import Composition
from kontinuum.fhir.datatypes import views_kept
from kontinuum.record import Done, Record, Refusal
from kontinuum.record.keeping_back import Place

__all__ = ["browser", "own", "stranger"]

CHART = f"/patient/{PATIENT}"


async def test_a_new_version_shows_at_once_and_the_old_one_no_more(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    draft = note("n", "<p>Först så</p>", status="preliminary")
    await write(doctors_record, patient(), draft)
    for _ in range(2):
        assert "Först så" in (await doctor.get(CHART)).text
    await write(doctors_record, note("n", "<p>Sedan så</p>", status="preliminary"))
    page = (await doctor.get(CHART)).text
    assert "Sedan så" in page
    assert "Först så" not in page


async def test_rule_09_refuses_on_the_next_opening_what_was_blocked_since_the_last(
    stranger: Services, doctor: httpx.AsyncClient
) -> None:
    await step(doctor, "relate", reason="Vård")
    assert "Skrivet bredvid" in await step(doctor, "choose", unit=NEXT_DOOR[0])
    blocked = await stranger.gate.record(system(NEXT_DOOR)).law.block(PATIENT, Level.INNER, *NEXT_DOOR)
    assert isinstance(blocked, Done)
    page = (await doctor.get(CHART)).text
    assert "Skrivet bredvid" not in page
    assert "Skrivet här" in page


async def test_rule_07_refuses_another_reader_what_the_one_before_was_shown(
    stranger: Services, doctor: httpx.AsyncClient
) -> None:
    assert "Skrivet här" in await step(doctor, "relate", reason="Vård")
    doctor.cookies.clear()
    await sign_in(doctor, "Per Lindgren")
    assert "Skrivet" not in (await doctor.get(CHART)).text


async def test_rule_28_refuses_the_patient_on_the_next_opening_what_was_kept_back_since_the_last(
    own: tuple[httpx.AsyncClient, str], doctors_record: Record
) -> None:
    patients, _ = own
    address = "/my-record/Composition/n-1"
    for _ in range(2):
        assert "Feber" in (await patients.get(address)).text
    kept = await doctors_record.text.keep_back(
        Place("Composition", "n-1", 1, (0,)), Kind.VIOLENCE, "Fara hemma"
    )
    assert not isinstance(kept, Refusal)
    assert "Feber" not in (await patients.get(address)).text


async def test_rule_25_what_was_destroyed_is_neither_shown_nor_left_in_memory(
    browser: httpx.AsyncClient, application: Services
) -> None:
    await sign_in(browser, "Anna Berglund")
    assert "Bort." in (await browser.get(CHART)).text
    assert remembered("Bort.")
    await register(browser)
    assert (await carry_out(browser, EXECUTOR, PATIENT)).status_code == 303
    for _ in range(100):  # the database tells every process, a moment after it is committed
        if not remembered("Bort."):
            break
        await asyncio.sleep(0.05)
    assert not remembered("Bort.")
    browser.cookies.clear()
    await sign_in(browser, "Anna Berglund")
    assert "Bort." not in (await browser.get(CHART)).text


def remembered(words: str) -> bool:
    """Whether a note that is kept in this process says it."""
    return any(words.encode() in body for body, view in views_kept() if isinstance(view, Composition))


async def test_no_page_changes_what_is_kept_for_the_next(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    value: dict[str, Any] = {
        "resourceType": "Observation",
        "id": "o",
        "status": "final",
        "category": [{"coding": [{"code": "laboratory"}]}],
        "code": {"text": "P-Kalium"},
        "subject": {"reference": f"Patient/{PATIENT}"},
        "effectiveDateTime": "2026-03-01T10:00:00+01:00",
        "valueQuantity": {"value": Decimal("4.10"), "unit": "mmol/L"},
    }
    await write(doctors_record, patient(), note("n", "<p>Mår bra.</p>"), value)
    for path in (
        "",
        "/timeline",
        "/timeline/search?q=bra",
        "/notes/older",
        "/medication/list",
        "/entry/Composition/n",
    ):
        await doctor.get(CHART + path)
    found = views_kept()
    assert any(isinstance(view, Composition) for _, view in found)
    for body, view in found:
        assert msgspec.json.decode(body, type=type(view)) == view
