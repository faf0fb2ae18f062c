"""Nothing that waits is in no list, and nothing twice on one: whatever is left, by whom, however late."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import httpx
from hypothesis import Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from tests.http.pages.conftest import PATIENT, csrf_of, note
from tests.http.pages.test_escalation import ANNA, BO, HSA, _decide, staff
from tests.http.pages.test_work import KAJSA, PRINCIPAL, ROLE, SOON, UNIT, _directory, _kajsa, _tasks

from kontinuum.app.services import Services
from kontinuum.kernel.i18n import local
from kontinuum.kernel.principal import Principal
from kontinuum.record import Record, Refusal, Written
from kontinuum.record.tasks import COUNTERSIGN, OPEN, QUESTION, SIGN, WORK_CODES
from kontinuum.record.waiting import Waiting
from kontinuum.sweden import systems

__all__ = ["staff"]

PEOPLE = [one.reference for one in (ANNA, BO, KAJSA)]
OTHERS = ["Practitioner/gone", "Organization/unit-test", "PractitionerRole/role-dr-bo", ""]
CODES = ["task", "question", "own-words", "transcribe", "something-else"]
WAITING = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["task", "sign", "countersign", "note"]),
        "code": st.sampled_from(CODES),
        "status": st.sampled_from(OPEN),
        "owner": st.sampled_from(PEOPLE + OTHERS),
        "asker": st.sampled_from(PEOPLE + OTHERS),
        "days": st.integers(-40, 9).map(lambda days: days or 2),
        "dated": st.booleans(),
    }
)


def _made(number: int, one: dict[str, Any], now: Any) -> list[dict[str, Any]]:
    """The resources of something that waits: a Task, a note, or a note with a Task about it."""
    day = (now + timedelta(days=one["days"])).date().isoformat()
    parties = {
        element: {"reference": one[name]} if one[name] else {"display": "Någon"}
        for element, name in (("owner", "owner"), ("requester", "asker"))
    }
    task: dict[str, Any] = {
        "resourceType": "Task",
        "id": f"t-{number}",
        "status": one["status"],
        "intent": "order",
        "for": {"reference": f"Patient/{PATIENT}"},
        "authoredOn": f"{day}T09:00:00+01:00",
        **parties,
    }
    if one["dated"]:
        task["restriction"] = {"period": {"end": day}}
    code = one["code"] if one["kind"] in ("task", "note") else one["kind"]
    task["code"] = {"coding": [{"system": WORK_CODES, "code": code}]}
    if one["kind"] == "task":
        task["code"]["coding"][0]["code"] = "task" if code == "transcribe" else code
        return [task]
    author = [{"reference": one["asker"]} if one["asker"].startswith("Pract") else {"display": "Någon"}]
    status = "final" if one["kind"] == "countersign" else "preliminary"
    about = note(f"n-{number}", "Text", status=status, author=author, date=f"{day}T09:00:00+01:00")
    return (
        [about]
        if one["kind"] == "note"
        else [about, {**task, "focus": {"reference": f"Composition/n-{number}"}}]
    )


def _listed(found: Waiting | Refusal) -> Counter[str]:
    assert isinstance(found, Waiting)
    names = [f"{one.code}/{one.note.id}" for one in found.notes] + [one.id for one in found.tasks]
    return Counter(names)


async def test_whatever_waits_is_on_the_unit_s_list_and_on_that_of_whom_it_waits_for_each_once(
    doctor: httpx.AsyncClient, doctors_record: Record, application: Services
) -> None:
    await _decide(application, "*; 0 d; asker", f"{UNIT}; 0 d; asker", f"{UNIT}; 2 d; {HSA}")
    records = {ANNA.reference: doctors_record, KAJSA.reference: await _kajsa(application)}
    actor = type(PRINCIPAL.actor)(PRINCIPAL.actor.kind, "dr-bo", "Bo Alm", BO.reference)
    records[BO.reference] = application.gate.record(Principal(actor, PRINCIPAL.assignment, "test"))
    now = local(application.clock.now())
    made: list[dict[str, Any]] = []

    @given(WAITING)
    @examples(max_examples=40, phases=(Phase.explicit, Phase.generate), deadline=None, database=None)
    def generate(one: dict[str, Any]) -> None:
        made.append(one)

    generate()
    for number, one in enumerate(made):
        for resource in _made(number, one, now):
            done = await doctors_record.update(resource["resourceType"], resource["id"], resource)
            assert isinstance(done, Written), done
    unit = _listed(await doctors_record.work.of_unit())
    own = {name: _listed(await record.work.own()) for name, record in records.items()}
    assert {name for each in (unit, *own.values()) for name, times in each.items() if times > 1} == set()
    for number, one in enumerate(made):
        wanted = (
            f"t-{number}"
            if one["kind"] == "task"
            else f"{COUNTERSIGN if one['kind'] == 'countersign' else SIGN}/n-{number}"
        )
        assert wanted in unit, one
        owner = one["asker"] if one["kind"] == "note" else one["owner"]
        owner = {"PractitionerRole/role-dr-bo": BO.reference}.get(owner, owner)
        if owner in own:
            assert wanted in own[owner], one
        # What is late for three days and more stands with who the rule names, whoever has it.
        if one["kind"] != "note" and one["dated"] and one["days"] <= -4:
            assert wanted in own[KAJSA.reference], one
        elif one["kind"] == "task" and one["dated"] and one["days"] < -1 and one["asker"] in own:
            assert wanted in own[one["asker"]], one
    for name, record in records.items():
        assert (await record.work.counts()).own == sum(own[name].values()), name


async def test_nothing_is_given_to_who_has_no_list_to_find_it_on(
    doctor: httpx.AsyncClient, doctors_record: Record, application: Services
) -> None:
    """Who works at the unit for administration alone never sees what waits about patients."""
    given = await doctors_record.work.tasks.assign(QUESTION, PATIENT, "Före bytet", KAJSA, SOON)
    assert not isinstance(given, Refusal), given
    assert [one.needed for one in await _tasks(doctors_record, of_unit=True)] == [False]
    before = await doctor.get("/inbox/new", params={"patient": PATIENT})
    assert f'value="{KAJSA.reference}"' in before.text
    purpose = {"url": systems.ASSIGNMENT_PURPOSE, "valueCode": "administration"}
    await _directory(application, {**ROLE, "extension": [purpose]})
    assert [one.needed for one in await _tasks(doctors_record, of_unit=True)] == [True]
    page = await doctor.get("/inbox/new", params={"patient": PATIENT})
    assert KAJSA.reference not in page.text
    form = {"csrf": csrf_of(page), "patient": PATIENT, "kind": "task", "text": "Ring", "due": ""}
    assert (await doctor.post("/inbox/new", data={**form, "to": KAJSA.reference})).status_code == 422
    days = {"begins": "2099-01-01", "ends": "2099-01-02", "cover": KAJSA.reference}
    assert (await doctor.post("/inbox/away", data={**form, **days})).status_code == 422
