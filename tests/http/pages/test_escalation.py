"""What waits for too long stands with somebody by name, step after step, until one sees to it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from tests.http.pages.conftest import PATIENT, csrf_of, note, patient, write
from tests.http.pages.test_work import (
    COLLEAGUE,
    KAJSA,
    ME,
    ORGANIZATION,
    PRINCIPAL,
    ROLE,
    UNIT,
    _composition,
    _directory,
    _kajsa,
    _tasks,
)

from kontinuum.app.services import Services
from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.validation import validate
from kontinuum.kernel.i18n import local
from kontinuum.record import Record, Refusal
from kontinuum.record.tasks import TASK, Party

HSA = "SE2321000016-KAJSA"
ANNA = Party(str(ME["reference"]), "Anna Berglund")
BO = Party("Practitioner/dr-bo", "Bo Alm")


@pytest.fixture(autouse=True)
async def staff(doctor: httpx.AsyncClient, doctors_record: Record, application: Services) -> None:
    """Anna Berglund, who has signed in, Kajsa Ek, who has an HSA-id, and Bo Alm at the unit."""
    await write(doctors_record, patient())
    kajsa = {**COLLEAGUE, "identifier": [{"system": "urn:oid:1.2.752.129.2.1.4.1", "value": HSA}]}
    people = (("dr-bo", "Bo Alm"), (ANNA.reference.partition("/")[2], ANNA.name))
    others: list[dict[str, Any]] = []
    for identity, name in people:
        others.append({**COLLEAGUE, "id": identity, "name": [{"text": name}]})
        works = {"practitioner": {"reference": f"Practitioner/{identity}"}}
        others.append({**ROLE, "id": f"role-{identity}", **works})
    await _directory(application, ORGANIZATION, kajsa, *others, ROLE)


async def _decide(application: Services, *lines: str) -> None:
    await application.provider_settings.decide(PRINCIPAL, "escalation", lines, "Rutin", seen=0)


async def test_who_asked_is_told_first_then_who_the_unit_names_until_one_sees_to_it(
    doctor: httpx.AsyncClient, doctors_record: Record, application: Services
) -> None:
    today = local(application.clock.now()).date()
    kajsas = await _kajsa(application)
    for text, days in (("i tid", 2), ("sen", -3)):
        given = await doctors_record.work.tasks.assign(TASK, PATIENT, text, BO, today + timedelta(days=days))
        assert not isinstance(given, Refusal), given
    (late,) = await _tasks(doctors_record)
    assert (late.text, late.brought) == ("sen", True), "by the usual rule"
    assert await _tasks(kajsas) == []
    await _decide(application, "*; 0 min; asker", f"{UNIT}; 4 d; {HSA}", f"{UNIT}; 9 d; asker")
    assert await _tasks(kajsas) == await _tasks(doctors_record) == [], "in two days, and in seven"
    assert {one.text for one in await _tasks(doctors_record, of_unit=True)} == {"i tid", "sen"}
    read = await doctors_record.find_many([f"Task?_id={late.id}"])
    body = fhir_json.loads(read[0].matches[0].body or b"{}")
    earlier = (today - timedelta(days=6)).isoformat()
    await write(doctors_record, {**body, "restriction": {"period": {"end": earlier}}})
    (told,) = await _tasks(kajsas)
    assert [one.name for one in told.escalated.told] == ["Kajsa Ek"]
    assert (await kajsas.work.counts()).own == 1
    refused = await doctors_record.work.take_on(told.id, told.version, patient=PATIENT)
    assert isinstance(refused, Refusal), "nobody has told her yet"
    taken = await kajsas.work.take_on(told.id, told.version, patient=PATIENT)
    assert not isinstance(taken, Refusal), taken
    assert isinstance(await kajsas.work.take_on(told.id, told.version + 1, patient=PATIENT), Refusal), "once"
    after = fhir_json.loads(
        (await doctors_record.find_many([f"Task?_id={late.id}"]))[0].matches[0].body or b""
    )
    assert [issue for issue in validate(after) if issue.refuses] == []
    (kept,) = after["input"]
    assert kept["valueAnnotation"]["authorReference"]["reference"] == KAJSA.reference
    assert "Eskalerad från Bo Alm, försenad sedan" in kept["valueAnnotation"]["text"]
    assert after["owner"]["reference"] == BO.reference, "who was asked keeps it"
    await _decide(application, f"{UNIT}; 0 d; asker")
    assert await _tasks(doctors_record) == [], "nobody further is told"
    assert [one.escalated.taken for one in await _tasks(kajsas)] == ["Kajsa Ek"]
    seen = (await doctor.get("/inbox?of=unit")).text
    assert "Kajsa Ek tar hand om det" in seen
    assert not isinstance(
        await kajsas.work.tasks.finish(told.id, told.version + 1, "completed", "", patient=PATIENT), Refusal
    )
    assert await _tasks(kajsas) == []


async def test_what_is_escalated_is_seen_to_on_the_list_and_by_who_covers(
    doctor: httpx.AsyncClient, doctors_record: Record, application: Services
) -> None:
    kajsas = await _kajsa(application)
    await kajsas.work.tasks.assign(TASK, PATIENT, "Ring om svaret", BO, date(2026, 1, 31))
    assert "Eskalerat till dig" not in (await doctor.get("/inbox")).text
    today = local(application.clock.now()).date()
    away = await kajsas.work.absences.state(ANNA, today - timedelta(days=2), today + timedelta(days=2))
    assert not isinstance(away, Refusal), away
    inbox = await doctor.get("/inbox")
    assert "Eskalerat till dig" in inbox.text
    assert "eskalerad till Kajsa Ek" in inbox.text
    (told,) = await _tasks(doctors_record)
    only = f"task/{PATIENT}//{told.version}/{told.id}"
    form = {"csrf": csrf_of(inbox), "only": only}
    assert (await doctor.post("/inbox/take-on", data=form)).headers["location"] == "/inbox?did=taken&done=1"
    assert (await doctor.post("/inbox/take-on", data=form)).status_code == 409
    assert "Anna Berglund tar hand om det" in (await doctor.get("/inbox")).text


async def test_a_note_that_stays_unsigned_is_told_of_to_who_the_unit_names(
    doctors_record: Record, application: Services
) -> None:
    bo = [{"reference": BO.reference, "display": BO.name}]
    await write(doctors_record, note("n-old", "Text", status="preliminary", author=bo))
    fresh = local(application.clock.now()).isoformat()
    await write(doctors_record, note("n-new", "Text", status="preliminary", author=bo, date=fresh))
    kajsas = await _kajsa(application)
    assert (await kajsas.work.counts()).own == 0
    await _decide(application, f"{UNIT}; 1 d; {HSA}")
    own = await kajsas.work.own()
    assert not isinstance(own, Refusal)
    assert [(one.note.id, one.brought) for one in own.notes] == [("n-old", True)]
    assert not isinstance(await kajsas.work.give("sign", "n-old", ANNA, patient=PATIENT), Refusal)
    assert (await kajsas.work.counts()).own == 0, "whoever was given it has the time anew"
    assert (await _composition(doctors_record, "n-old"))["author"] == bo
