"""A whole set of vital signs that was entered in error: on the wrong patient, or of another time."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import httpx
from tests.http.pages.test_journal import _found
from tests.http.pages.test_vitals import FULL, HERE, _observed, _save, somebody
from tests.http.pages.test_vitals_corrected import SICK

from kontinuum.app.services import Services
from kontinuum.fhir.validation import validate
from kontinuum.kernel.i18n import local
from kontinuum.record import Record

__all__ = ["somebody"]
WELL = {**FULL, "respiration": "16", "saturation": "97"}


async def _form(browser: httpx.AsyncClient, identity: str) -> dict[str, str]:
    page = (await browser.get(f"{HERE}/value?id={identity}")).text
    form = re.search(r'<form class="vitals-correct vitals-strike".*?</form>', page, re.DOTALL)
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form[0])) if form else {}


async def _struck(browser: httpx.AsyncClient, identity: str, reason: str = "Fel patient") -> httpx.Response:
    return await browser.post(f"{HERE}/strike", data={**await _form(browser, identity), "reason": reason})


async def _of(record: Record, when: str) -> dict[str, dict[str, Any]]:
    """What was measured at a time, by kind."""
    every = await _found(record, "Observation")
    return {one["id"].split("-", 5)[-1]: one for one in every if one["effectiveDateTime"].startswith(when)}


async def test_a_set_on_the_wrong_patient_is_struck_out_at_once_with_what_it_asked_for(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await _save(doctor, **SICK, weight="82")
    found = await _observed(doctors_record)
    (asked,) = await _found(doctors_record, "Task")
    assert asked["status"] == "requested"

    unsaid = await _struck(doctor, found["pulse"]["id"], reason=" ")
    assert "Skriv varför, med några ord." in unsaid.text
    assert {one["status"] for one in (await _observed(doctors_record)).values()} == {"final"}

    done = await _struck(doctor, found["pulse"]["id"])
    assert (done.status_code, done.headers["location"]) == (303, f"{HERE}/flowsheet"), done.text
    after = await _observed(doctors_record)
    assert {one["status"] for one in after.values()} == {"entered-in-error"}
    assert {*after} >= {"news2", "weight", "pressure", "consciousness"}
    (taken_back,) = await _found(doctors_record, "Task")
    assert (taken_back["status"], taken_back["statusReason"]["text"]) == (
        "cancelled",
        "Mätningen är felaktigt införd.",
    )
    assert asked["description"] not in (await doctor.get("/inbox?of=unit")).text
    why = await _found(doctors_record, "Provenance")
    assert {one["reason"][0]["text"] for one in why} == {"Fel patient"}
    assert [issue for one in (*after.values(), taken_back) for issue in validate(one) if issue.refuses] == []
    assert await _form(doctor, found["pulse"]["id"]) == {}, "struck out once"


async def test_what_a_wrong_set_had_closed_is_asked_for_again(
    doctor: httpx.AsyncClient, application: Services, doctors_record: Record
) -> None:
    now = local(application.clock.now())
    first, second = (f"{now - timedelta(hours=hours):%Y-%m-%dT%H:%M}" for hours in (2, 1))
    await _save(doctor, **SICK, when=first)
    await _save(doctor, **WELL, when=second)
    (closed,) = await _found(doctors_record, "Task")
    assert closed["status"] == "completed", "a well set closes what a sick one asked for"

    await _struck(doctor, (await _of(doctors_record, second))["news2"]["id"])
    (again,) = await _found(doctors_record, "Task")
    assert (again["status"], "output" in again) == ("requested", False)
    assert again["note"][-1]["text"] == "Mätningen som avslutade uppgiften är felaktigt införd."
    assert again["restriction"] == closed["restriction"], "due when it was due"
    assert closed["description"] in (await doctor.get("/inbox?of=unit")).text
    assert [issue for issue in validate(again) if issue.refuses] == []
    assert {one["status"] for one in (await _of(doctors_record, first)).values()} == {"final"}


async def test_a_wrong_set_with_a_part_missing_gives_back_what_it_replaced(
    doctor: httpx.AsyncClient, application: Services, doctors_record: Record
) -> None:
    now = local(application.clock.now())
    first, second = (f"{now - timedelta(hours=hours):%Y-%m-%dT%H:%M}" for hours in (2, 1))
    await _save(doctor, **{**WELL, "consciousness": "C"}, when=first)
    await _save(doctor, **{**SICK, "temperature": ""}, when=second)
    before = {one["id"]: one["status"] for one in await _found(doctors_record, "Task")}
    assert sorted(before.values()) == ["completed", "requested"]

    await _struck(doctor, (await _of(doctors_record, second))["pulse"]["id"])
    after = {one["id"]: one["status"] for one in await _found(doctors_record, "Task")}
    expected = {"completed": "requested", "requested": "cancelled"}
    assert after == {key: expected[status] for key, status in before.items()}


async def test_what_was_measured_since_counts_and_a_set_that_was_changed_is_not_struck_out_unseen(
    doctor: httpx.AsyncClient, application: Services, doctors_record: Record
) -> None:
    now = local(application.clock.now())
    times = [f"{now - timedelta(hours=hours):%Y-%m-%dT%H:%M}" for hours in (3, 2, 1)]
    for when, given in zip(times, (SICK, WELL, WELL), strict=True):
        await _save(doctor, **given, when=when)
    wrong = await _of(doctors_record, times[1])
    form = {**await _form(doctor, wrong["pulse"]["id"]), "reason": "Fel patient"}
    warmer = {**form, "id": wrong["temperature"]["id"], "version": "1", "temperature": "37,5"}
    assert (await doctor.post(f"{HERE}/correct", data=warmer)).status_code == 303
    late = await doctor.post(f"{HERE}/strike", data=form)
    assert "Någon annan har ändrat" in late.text
    assert (await _of(doctors_record, times[1]))["pulse"]["status"] == "final"

    assert (await _struck(doctor, wrong["pulse"]["id"])).status_code == 303
    (task,) = await _found(doctors_record, "Task")
    assert task["status"] == "completed", "a set that was right has been measured since"


async def test_one_value_alone_is_no_set(doctor: httpx.AsyncClient, doctors_record: Record) -> None:
    await _save(doctor, pulse="80")
    pulse = (await _observed(doctors_record))["pulse"]["id"]
    assert await _form(doctor, pulse) == {}, "it is marked by itself"
    page = (await doctor.get(f"{HERE}/value?id={pulse}")).text
    hidden = dict(re.findall(r'<input type="hidden" name="(csrf|patient)" value="([^"]*)"', page))
    nothing = await doctor.post(f"{HERE}/strike", data={**hidden, "id": "elsewhere", "reason": "Fel patient"})
    assert nothing.status_code == 404
