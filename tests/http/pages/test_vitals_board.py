"""What the board of a ward says of early warning: who was measured, who was not, when the next set is due."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
from tests.http.pages.conftest import PATIENT, write
from tests.http.pages.test_journal import _found
from tests.http.pages.test_vitals import FULL, HERE, _save, somebody
from tests.http.pages.test_vitals_corrected import SICK

from kontinuum.app.services import Services
from kontinuum.kernel.i18n import local
from kontinuum.kernel.provider_settings import BY_NAME, NotAllowed, parse
from kontinuum.record import Record

__all__ = ["somebody"]
WELL = {**FULL, "respiration": "16", "saturation": "97"}


async def _lies(record: Record, status: str = "in-progress") -> None:
    stay = {
        "resourceType": "Encounter",
        "id": "stay",
        "status": status,
        "class": {"code": "IMP"},
        "subject": {"reference": f"Patient/{PATIENT}"},
        "period": {"start": "2026-03-01T10:00:00+01:00"},
    }
    await write(record, stay)


async def _notes(browser: httpx.AsyncClient, page: str = "/unit/ward") -> list[tuple[str, str, str]]:
    """Tone, address below the chart, and words of what is told."""
    text = (await browser.get(page)).text
    found = re.findall(rf'<li class="note-(\w+)"><a href="/patient/{PATIENT}/(vitals/\w+)">(.*?)</a>', text)
    return [(tone, path, re.sub(r"<.*?>", "", words).strip()) for tone, path, words in found]


async def test_who_was_not_measured_is_not_passed_over_in_silence(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await _lies(doctors_record)
    assert await _notes(doctor) == [("notice", "vitals/entry", "Tidig varning ingen här på två dygn")]
    await _lies(doctors_record, "onleave")
    assert await _notes(doctor) == [], "who is not there cannot be measured"


async def test_the_next_set_is_due_as_the_score_says_and_late_after_that(
    doctor: httpx.AsyncClient, application: Services, doctors_record: Record
) -> None:
    await _lies(doctors_record)
    now = local(application.clock.now()).replace(second=0, microsecond=0)

    async def after(hours: int, **fields: str) -> list[tuple[str, str, str]]:
        await _save(doctor, **fields, when=f"{now - timedelta(hours=hours):%Y-%m-%dT%H:%M}")
        return [one for one in await _notes(doctor) if one[1] == "vitals/entry"]

    ((tone, _, words),) = await after(13, **WELL)
    assert (tone, words.startswith("Nytt set skulle ha tagits ")) == ("warning", True), "12 hours at 0 points"
    ((tone, _, words),) = await after(7, **FULL)
    assert (tone, words.startswith("Nytt set skulle ha tagits ")) == ("warning", True), "6 hours at 4 points"
    ((tone, _, words),) = await after(1, **WELL)
    due = now + timedelta(hours=11)
    assert (tone, words) == (
        "quiet",
        f"Nytt set senast {due:%H:%M}"
        if due.date() == now.date()
        else f"Nytt set senast {due:%Y-%m-%d %H:%M}",
    )
    (score,) = [one for one in await _notes(doctor) if one[1] == "vitals/flowsheet"]
    assert score[2].startswith("NEWS2 0")
    await _lies(doctors_record, "onleave")
    assert [one[1] for one in await _notes(doctor)] == ["vitals/flowsheet"]


async def test_a_high_score_is_measured_as_often_when_its_task_is_marked_as_done(
    doctor: httpx.AsyncClient, application: Services, doctors_record: Record
) -> None:
    await _lies(doctors_record)
    now = local(application.clock.now())
    await _save(doctor, **SICK, when=f"{now - timedelta(minutes=40):%Y-%m-%dT%H:%M}")
    late = "Nytt set skulle ha tagits"
    said = [(tone, words[:25]) for tone, path, words in await _notes(doctor) if path == "vitals/entry"]
    assert said == [("danger", late)]
    (task,) = await _found(doctors_record, "Task")
    await doctors_record.update("Task", task["id"], {**task, "status": "completed"})
    said = [(tone, words[:25]) for tone, path, words in await _notes(doctor) if path == "vitals/entry"]
    assert said == [("warning", late)], "half an hour, not six hours"


async def test_what_the_unit_decided_holds_before_the_published_table(
    doctor: httpx.AsyncClient, application: Services, doctors_record: Record
) -> None:
    await _lies(doctors_record)
    now, unit = local(application.clock.now()), doctors_record.principal.assignment.unit
    await _save(doctor, **WELL, when=f"{now - timedelta(hours=13):%Y-%m-%dT%H:%M}")
    for seen, (decided, late) in enumerate((("Enligt ordination", False), ("60 min; Ny kontroll", True))):
        value = parse(BY_NAME["warning_responses"], f"{unit}; 0; {decided}")
        assert not isinstance(value, NotAllowed)
        await application.provider_settings.decide(
            doctors_record.principal, "warning_responses", value, "Vårt PM", seen=seen
        )
        said = [words for _, path, words in await _notes(doctor) if path == "vitals/entry"]
        assert bool(said) == late, "a time that is not known is not made up"


async def test_the_form_is_two_presses_from_the_board(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await _lies(doctors_record)
    ((_, path, _),) = await _notes(doctor)
    assert f"/patient/{PATIENT}/{path}" == f"{HERE}/entry"
    assert (await doctor.get(f"/patient/{PATIENT}/{path}")).status_code == 200
