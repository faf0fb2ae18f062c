"""What a corrected vital sign does to the task that its score asked for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
from tests.http.pages.test_journal import _found
from tests.http.pages.test_vitals import FULL, HERE, _hidden, _observed, _save, somebody

from kontinuum.app.services import Services
from kontinuum.fhir.validation import validate
from kontinuum.kernel.i18n import local
from kontinuum.record import Record

__all__ = ["somebody"]
SICK = {**FULL, "respiration": "26", "saturation": "90", "pulse": "132"}


async def corrected(
    browser: httpx.AsyncClient, record: Record, key: str, **fields: str
) -> dict[str, Any] | None:
    """The one Task there is after a value is corrected."""
    value = (await _observed(record))[key]["id"]
    form = await _hidden(browser, f"{HERE}/value?id={value}")
    done = await browser.post(f"{HERE}/correct", data={**form, "reason": "Fel avläst", **fields})
    assert done.status_code == 303, done.text
    tasks = await _found(record, "Task")
    assert len(tasks) < 2
    assert [issue for one in tasks for issue in validate(one) if issue.refuses] == []
    return next(iter(tasks), None)


async def test_a_correction_makes_the_task_that_the_score_asks_for_and_no_part_missing_takes_it_back(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    both = doctor, doctors_record
    await _save(doctor, **FULL)
    assert await corrected(*both, "pressure", systolic="120", diastolic="70") is None, "low risk still"
    made = await corrected(*both, "pulse", pulse="132")
    assert made is not None
    assert (made["status"], made["description"].partition(".")[0]) == ("requested", "NEWS2 7, hög risk")
    assert made["description"] in (await doctor.get("/inbox?of=unit")).text
    higher = await corrected(*both, "temperature", temperature="38,5")
    assert higher is not None
    assert (higher["status"], higher["note"][0]["text"]) == ("requested", "Rättat värde: NEWS2 är nu 8.")
    assert higher["description"].startswith("NEWS2 8, hög risk")
    missing = await corrected(*both, "consciousness", do="withdraw")
    assert missing is not None
    assert missing["description"].startswith("NEWS2 minst 8, hög risk"), "not measured is not well"
    fewer = await corrected(*both, "temperature", do="withdraw")
    assert fewer is not None
    assert fewer["description"].startswith("NEWS2 minst 7, hög risk")
    gone = await corrected(*both, "pulse", do="withdraw")
    assert gone is not None
    assert (gone["status"], gone["description"]) == ("requested", fewer["description"])


async def test_a_correction_takes_back_what_the_score_does_not_ask_for_and_asks_again(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    both = doctor, doctors_record
    await _save(doctor, **SICK)
    keys = ("respiration", "saturation", "pulse")
    well = [await corrected(*both, key, **{key: FULL[key]}) for key in keys]
    taken_back = well[-1]
    assert taken_back is not None
    assert taken_back["status"] == "cancelled"
    assert taken_back["statusReason"]["text"] == "Rättat värde: NEWS2 är nu 4."
    assert taken_back["description"] not in (await doctor.get("/inbox?of=unit")).text
    score = (await _observed(doctors_record))["news2"]["id"]
    assert "Rättat värde: NEWS2 är nu 4." in (await doctor.get(f"{HERE}/value?id={score}")).text
    again = await corrected(*both, "saturation", saturation="80")
    assert again is not None
    assert (again["status"], "statusReason" in again) == ("requested", False)
    # Somebody has seen to it: a correction that asks for no more than that leaves it done.
    await doctors_record.update("Task", again["id"], {**again, "status": "completed"})
    less = await corrected(*both, "respiration", respiration="21")
    assert less is not None
    assert less["status"] == "completed"
    more = await corrected(*both, "pulse", pulse="135")
    assert more is not None
    assert (more["status"], more["description"].partition(".")[0]) == ("requested", "NEWS2 8, hög risk")


async def test_what_was_measured_since_is_what_counts(
    doctor: httpx.AsyncClient, application: Services, doctors_record: Record
) -> None:
    now = local(application.clock.now())
    await _save(doctor, **FULL, when=f"{now - timedelta(hours=2):%Y-%m-%dT%H:%M}")
    pulse = (await _observed(doctors_record))["pulse"]["id"]
    await _save(doctor, **FULL, when=f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M}")
    form = await _hidden(doctor, f"{HERE}/value?id={pulse}")
    done = await doctor.post(f"{HERE}/correct", data={**form, "pulse": "180", "reason": "Fel avläst"})
    assert done.status_code == 303
    assert await _found(doctors_record, "Task") == []
