"""The answers behind a note and what was extracted from them: what is decided about the note is for them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import httpx
import pytest
from tests.http.pages.conftest import PATIENT, csrf_of, patient, write
from tests.support.entries import patients_principal

from kontinuum.access.kept_back import Kind
from kontinuum.app.services import Services
from kontinuum.fhir import json as fhir_json
from kontinuum.record import Record, Refusal, SearchPage, Stored
from kontinuum.record.correcting import Corrected
from kontinuum.record.keeping_back import Place

SECRET = "Blåmärken på båda överarmarna, säger att mannen tog tag."
FIELDS = {
    "kontaktorsak": "Hosta",
    "bedomning": "Luftvägsinfektion.",
    "status/lokalstatus": SECRET,
    "status/vitalparametrar/blodtryck/systoliskt": "142",
    "status/vitalparametrar/blodtryck/diastoliskt": "85",
    "diagnos/diagnos-text": "Akut bronkit",
    "diagnos/diagnos-kod": "J20.9",
}
TYPES = ("Composition", "QuestionnaireResponse", "Observation", "Condition")
WHY = "Kan utsätta patienten för fara."


@pytest.fixture(autouse=True)
async def somebody(doctors_record: Record) -> None:
    await write(doctors_record, patient())


@pytest.fixture
def mine(application: Services) -> Record:
    """The record as the patient sees it."""
    return application.gate.record(patients_principal(PATIENT))


async def written(doctor: httpx.AsyncClient, record: Record, do: str = "sign") -> dict[str, dict[str, Any]]:
    """A note of the pane, and what else it left in the record, by type."""
    pane = await doctor.get(f"/patient/{PATIENT}/journal/write?template=lakarbesok-primarvard")
    form = re.search(r'<form class="writing".*?</form>', pane.text, re.DOTALL)
    assert form, pane.text
    carried = dict(re.findall(r'<input type="hidden" name="([~\w]+)" value="([^"]*)"', form[0]))
    done = await doctor.post(f"/patient/{PATIENT}/journal/sign", data={**carried, **FIELDS, "do": do})
    assert done.status_code == 303, done.text
    return await held(record)


async def held(record: Record) -> dict[str, dict[str, Any]]:
    """What somebody finds of the note, by type."""
    found: dict[str, dict[str, Any]] = {}
    for page in await record.find_many([f"{name}?patient={PATIENT}" for name in TYPES]):
        found |= {one.type: fhir_json.loads(one.body) for one in page.matches if one.body}
    return found


async def everything(mine: Record, names: list[str]) -> str:
    """All that the patient gets hold of: to take away, by every version, and by what speaks of it."""
    taken = await mine.own_export()
    assert not isinstance(taken, Refusal)
    found = [one.body for one in taken]
    for name in names:
        kind, _, identity = name.partition("/")
        for number in range(1, 5):
            past = await mine.vread(kind, identity, number)
            found += [past.body or b""] if isinstance(past, Stored) else []
        told = await mine.find(f"Provenance?target={name}")
        assert isinstance(told, SearchPage)
        found += [one.body or b"" for one in told.matches]
    return b"\n".join(found).decode()


def place(made: dict[str, dict[str, Any]], version: int, title: str = "") -> Place:
    """The whole note, or the heading with a title."""
    titles = [one.get("title") for one in made["Composition"]["section"]]
    return Place("Composition", made["Composition"]["id"], version, (titles.index(title),) if title else ())


async def test_rule_28_what_is_kept_back_of_a_note_stands_nowhere_behind_it(
    doctor: httpx.AsyncClient, doctors_record: Record, mine: Record, application: Services
) -> None:
    made = await written(doctor, doctors_record)
    names = [f"{kind}/{one['id']}" for kind, one in made.items()]
    text = doctors_record.text
    assert set(await held(mine)) == set(TYPES)
    assert SECRET in await everything(mine, names)

    soon = application.clock.now() + timedelta(days=3)
    done = await text.keep_back(place(made, 1, "Status"), Kind.VIOLENCE, WHY, until=soon)
    assert isinstance(done, Corrected), done
    assert set(await held(mine)) == {"Composition", "Condition"}
    seen = await everything(mine, names)
    for hidden in (SECRET, "142", WHY, made["Observation"]["id"], "QuestionnaireResponse"):
        assert hidden not in seen, hidden
    assert "Akut bronkit" in seen
    assert set(await held(doctors_record)) == set(TYPES)

    for version, heading in ((2, "Diagnos"), (3, "")):
        assert isinstance(await text.keep_back(place(made, version, heading), Kind.CHILD, WHY), Corrected)
    assert await held(mine) == {}
    response = (await held(doctors_record))["QuestionnaireResponse"]
    assert len(response["meta"]["security"]) == 3  # it is shown when the last of the decisions has ended
    for version, heading in ((4, ""), (5, "Status")):
        assert isinstance(await text.lift(place(made, version, heading), "Utrett."), Corrected)
    assert set(await held(mine)) == {"Composition", "Observation"}
    assert isinstance(await text.lift(place(made, 6, "Diagnos"), "Utrett."), Corrected)
    restored = await held(mine)
    assert {kind: {**one, "meta": None} for kind, one in restored.items()} == {
        kind: {**one, "meta": None} for kind, one in made.items()
    }


async def test_rule_28_a_note_kept_back_before_it_is_signed_stays_so_with_what_follows_from_it(
    doctor: httpx.AsyncClient, doctors_record: Record, mine: Record
) -> None:
    made = await written(doctor, doctors_record, "save")
    assert set(made) == {"Composition", "QuestionnaireResponse"}
    kept = await doctors_record.text.keep_back(place(made, 1, "Status"), Kind.VIOLENCE, WHY)
    assert isinstance(kept, Corrected), kept
    inbox = await doctor.get("/inbox")
    item = re.search(r'name="item" value="(sign/[^"]+)"', inbox.text)
    assert item
    signed = await doctor.post("/inbox/sign", data={"csrf": csrf_of(inbox), "item": item[1]})
    assert signed.status_code == 303, signed.text
    assert set(await held(doctors_record)) == set(TYPES)
    assert set(await held(mine)) == {"Composition", "Condition"}


@pytest.mark.parametrize("reopened", [False, True])
async def test_rule_28_a_heading_kept_back_stays_so_while_its_note_is_written_on(
    doctor: httpx.AsyncClient, doctors_record: Record, mine: Record, *, reopened: bool
) -> None:
    made = await written(doctor, doctors_record, "save")
    identity = made["Composition"]["id"]
    kept = await doctors_record.text.keep_back(place(made, 1, "Status"), Kind.VIOLENCE, WHY)
    assert isinstance(kept, Corrected), kept
    if reopened:
        drafts = await doctor.get(f"/patient/{PATIENT}/journal/write?template=lakarbesok-primarvard")
        form = {"csrf": csrf_of(drafts), "patient": PATIENT, "draft": identity}
        assert (await doctor.post(f"/patient/{PATIENT}/journal/discard", data=form)).status_code == 303
    for do, plan in (("save", "Kontroll om en vecka."), ("sign", "Kontroll om två veckor.")):
        pane = await doctor.get(f"/patient/{PATIENT}/journal/write?note={identity}")
        head = re.search(r'<form class="writing".*?</header>', pane.text, re.DOTALL)
        assert head, pane.text
        carried = dict(re.findall(r'<input type="hidden" name="([~\w]+)" value="([^"]*)"', head[0]))
        fields = {**carried, **FIELDS, "planering": plan, "do": do}
        done = await doctor.post(f"/patient/{PATIENT}/journal/sign", data=fields)
        assert done.status_code == 303, done.text
        after = await held(doctors_record)
        assert plan in str(after["Composition"]["section"])
        assert SECRET not in await everything(mine, [f"{kind}/{one['id']}" for kind, one in after.items()])
    assert set(await held(doctors_record)) == set(TYPES)
    assert set(await held(mine)) == {"Composition", "Condition"}


async def test_rule_24_a_note_entered_in_error_takes_what_was_extracted_from_it_along(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    made = await written(doctor, doctors_record)
    identity = made["Composition"]["id"]
    address = f"/patient/{PATIENT}/entry/Composition/{identity}"
    shown = await doctor.get(address)
    page = shown.text
    for kind, what in (("Observation", "142/85 mmHg"), ("Condition", "Akut bronkit")):
        assert f'href="/patient/{PATIENT}/entry/{kind}/{made[kind]["id"]}"' in page
        assert what in page
    assert "En rättelse av texten ändrar inte det här" in page

    form = {"csrf": csrf_of(shown), "patient": PATIENT, "version": "1", "reason": "Fel patient."}
    assert (await doctor.post(f"{address}/withdraw", data=form)).status_code == 303
    after = await held(doctors_record)
    assert [after[kind]["status"] for kind in TYPES[:3]] == ["entered-in-error"] * 3
    assert after["Condition"]["verificationStatus"]["coding"][0]["code"] == "entered-in-error"
    for kind in ("Observation", "Condition"):
        page = (await doctor.get(f"/patient/{PATIENT}/entry/{kind}/{made[kind]['id']}")).text
        assert "Fel patient." in page, "why it was withdrawn stands where it stands"
    chart = (await doctor.get(f"/patient/{PATIENT}")).text
    assert re.search(r">Akut bronkit</a> <span[^>]*>Felaktigt införd<", chart)
    assert "142/85" not in chart
    assert "En rättelse av texten" not in (await doctor.get(address)).text


async def test_rule_24_a_goal_entered_in_error_says_so_in_its_own_element(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    goal = {
        "resourceType": "Goal",
        "id": "g-1",
        "lifecycleStatus": "active",
        "description": {"text": "Gå med rollator"},
        "subject": {"reference": f"Patient/{PATIENT}"},
    }
    await write(doctors_record, goal)
    done = await doctors_record.text.withdraw("Goal", "g-1", "Fel patient.", version=1)
    assert isinstance(done, Corrected), done
    (page,) = await doctors_record.find_many([f"Goal?patient={PATIENT}"])
    assert [fhir_json.loads(one.body)["lifecycleStatus"] for one in page.matches if one.body] == [
        "entered-in-error"
    ]
    assert "Felaktigt införd" in (await doctor.get(f"/patient/{PATIENT}/entry/Goal/g-1")).text
