"""Prescriptions over HTTP: written, checked, renewed byte for byte, changed, stopped; by who may."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import httpx
import pytest
from tests.http.pages.conftest import PATIENT, csrf_of, patient, persona, sign_in, write
from tests.support.decision import card, peer

from kontinuum.app.services import Services
from kontinuum.fhir import json
from kontinuum.identity.hooks import Terms
from kontinuum.kernel.clock import to_micros
from kontinuum.kernel.principal import Actor, ActorKind, Assignment, Principal, Purpose
from kontinuum.record import Done, Incoming, Record, Written
from kontinuum.sweden import systems
from kontinuum.terminology.loading import loader

ADD, RENEW, LIST = (f"/patient/{PATIENT}/medication/{each}" for each in ("add", "renew", "list"))
ACTIVE = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
WORDS = 'Ej till natten – "citat" & <b> 🫀 e\u0301 \u202bעברית\u202c\n  indrag'


def prescription(identity: str, name: str, atc: str, text: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "id": identity,
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": {"coding": [{"system": systems.ATC, "code": atc}], "text": name},
        "subject": {"reference": f"Patient/{PATIENT}"},
        "authoredOn": "2026-01-10T09:00:00+01:00",
        "requester": {"display": "Per Lindgren, Överläkare"},
        "dosageInstruction": [{"text": text}],
        **more,
    }


def allergy(atc: str, name: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "AllergyIntolerance",
        "id": f"a-{atc.lower()}",
        "patient": {"reference": f"Patient/{PATIENT}"},
        "category": ["medication"],
        "clinicalStatus": {"coding": [{"system": ACTIVE, "code": "active"}]},
        "code": {"coding": [{"system": systems.ATC, "code": atc}], "text": name},
        **more,
    }


DIABETES: dict[str, Any] = {
    "resourceType": "Condition",
    "id": "diabetes",
    "subject": {"reference": f"Patient/{PATIENT}"},
    "code": {"coding": [{"system": systems.ICD_10_SE, "code": "E11.9"}], "text": "Diabetes typ 2"},
}


@pytest.fixture(autouse=True)
async def somebody(application: Services, doctors_record: Record) -> None:
    """A patient with diabetes, and the starter sets of codes."""
    async with application.pool.acquire() as connection:
        await loader.write_starter(connection, 1)
    await write(doctors_record, patient(), DIABETES)


def form_in(page: httpx.Response) -> dict[str, Any]:
    """The form of a page as a browser would send it."""
    assert page.status_code == 200, page.text[:800]
    found = re.search(r'<form class="noting".*?</form>', page.text, re.DOTALL)
    assert found, page.text
    shown = found[0]
    fields: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", shown):
        said = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if said.get("type") in ("radio", "checkbox") and " checked" not in tag:
            continue
        if said.get("type") == "checkbox":
            fields.setdefault(said["name"], []).append(unescape(said["value"]))
        elif "name" in said:
            fields[said["name"]] = unescape(said.get("value", ""))
    for name, options in re.findall(r'<select[^>]* name="(\w+)">(.*?)</select>', shown, re.DOTALL):
        fields[name] = next(iter(re.findall(r'value="([^"]*)" selected', options)), "")
    for name, text in re.findall(r'<textarea[^>]* name="(\w+)"[^>]*>\n(.*?)</textarea>', shown, re.DOTALL):
        fields[name] = unescape(text)
    return fields


async def begin(browser: httpx.AsyncClient, **chosen: str) -> dict[str, Any]:
    """What the card sends when a drug is chosen on it, and the form that comes."""
    csrf = csrf_of(await browser.get(f"/patient/{PATIENT}"))
    data = {"csrf": csrf, "patient": PATIENT, "do": "begin", **chosen}
    return form_in(await browser.post(ADD, data=data))


async def sign(
    browser: httpx.AsyncClient, form: dict[str, Any], to: str = ADD, **more: Any
) -> httpx.Response:
    return await browser.post(to, data={**form, "do": "sign", **more})


async def stored(record: Record, kind: str = "MedicationRequest") -> list[dict[str, Any]]:
    (page,) = await record.find_many([f"{kind}?patient={PATIENT}&_count=50&_sort=_id"])
    return [json.loads(one.body) for one in page.matches if one.body]


async def test_a_usual_drug_is_prescribed_with_its_usual_dosage_for_the_problem_that_it_is_for(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    form = await begin(doctor, code="A10BA02")
    assert form["text"] == "Metformin filmdragerad tablett 500 mg"
    assert (form["dose"], form["times"], form["problem"]) == ("1", "2", "diabetes")
    done = await sign(doctor, form)
    assert (done.status_code, done.headers.get("location")) == (303, f"/patient/{PATIENT}#medication"), (
        done.text
    )
    await sign(doctor, form)  # the button was pressed twice
    (made,) = await stored(doctors_record)
    assert (made["status"], made["intent"]) == ("active", "order")
    assert made["requester"]["display"] == "Anna Berglund, Distriktsläkare"
    assert made["reasonReference"] == [{"reference": "Condition/diabetes", "display": "Diabetes typ 2"}]
    (dosage,) = made["dosageInstruction"]
    assert dosage["text"] == "1 tablett 2 gånger dagligen, i samband med måltid."
    assert dosage["timing"]["repeat"]["frequency"] == 2
    assert made["dispenseRequest"]["numberOfRepeatsAllowed"] == 3
    page = (await doctor.get(f"/patient/{PATIENT}")).text
    assert "1 tablett 2 gånger dagligen" in page
    one = await doctor.get(f"/patient/{PATIENT}/medication/one?id={made['id']}")
    assert "skickas INTE till apoteket" in one.text


async def test_what_is_dangerous_takes_a_reason_that_is_kept_and_what_is_not_checked_is_said(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await write(
        doctors_record,
        allergy("J01CE02", "Penicillin V", criticality="high"),
        prescription("old", "Flukloxacillin 500 mg", "J01CF05", "1 tablett"),
    )
    csrf = csrf_of(await doctor.get(f"/patient/{PATIENT}"))
    data = {"csrf": csrf, "patient": PATIENT, "do": "begin", "code": "J01CE02"}
    shown = await doctor.post(ADD, data=data)
    assert "Allvarlig överkänslighet: Penicillin V" in shown.text
    assert "Jämfört med det som visas för dig här: 1 överkänsligheter, 1 andra läkemedel." in shown.text
    assert "Inte kontrollerat:</strong> interaktioner (ingen källa ansluten); njurfunktion" in shown.text
    form = form_in(shown)
    for reason in ("", "  \n"):
        refused = await sign(doctor, form, why=reason, comment=WORDS)
        assert "skriv varför" in refused.text
        assert form_in(refused)["comment"] == WORDS, "nothing that was typed is lost"
    assert len(await stored(doctors_record)) == 1
    assert (await sign(doctor, form, why=WORDS)).status_code == 303
    made = next(one for one in await stored(doctors_record) if one["id"] != "old")
    assert made["note"] == [{"text": f"Förskrivet trots svår överkänslighet: Penicillin V. Skäl: {WORDS}"}]
    assert made["dispenseRequest"]["numberOfRepeatsAllowed"] == 0


REFUSED: tuple[tuple[dict[str, str], str], ...] = (
    ({"dose": "en"}, "Skriv dosen"),
    ({"unit": "", "words": " "}, "Skriv hur läkemedlet ska tas"),
    ({"code": "A99XX99"}, "Koden är inte känd"),
    ({"code": "", "text": "metformin"}, "Välj en substans"),
    ({"code": "", "text": " "}, "Skriv vilket läkemedel"),
    ({"until": "2190-01-01"}, "högst ett år"),
    ({"until": "2020-01-01"}, "högst ett år"),
    ({"draws": "0"}, "Antalet uttag"),
    ({"pack": "många"}, "Skriv mängden"),
    ({"problem": "elsewhere"}, "Problemet finns inte"),
    ({"end": "2020-01-01", "start": "2019-01-01"}, "har redan varit"),
    ({"comment": "x" * 2001}, "för lång"),
)


async def test_what_cannot_be_signed_is_said_and_nothing_is_written(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    form = await begin(doctor, code="A10BA02")
    for wrong, said in REFUSED:
        answer = await sign(doctor, form, **{"reason": "Behåll mig", **wrong})
        assert answer.status_code == 200
        assert said in answer.text, wrong
        assert "Behåll mig" in answer.text
    assert await stored(doctors_record) == []


async def test_a_drug_in_words_alone_stays_letter_for_letter(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    form = await begin(doctor, text=WORDS.replace("\n", " "), free="1")
    more = {"unit": "", "words": WORDS, "dose": "", "place": "inpatient"}
    assert (await sign(doctor, form, **more)).status_code == 303
    (made,) = await stored(doctors_record)
    assert made["medicationCodeableConcept"] == {"text": WORDS.replace("\n", " ")}
    assert made["dosageInstruction"][0]["text"] == WORDS
    assert made["category"][0]["coding"][0]["code"] == "inpatient"
    assert "dispenseRequest" not in made, "nothing is fetched at a pharmacy"


async def test_several_prescriptions_are_renewed_at_once_each_byte_for_byte(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    odd = {"text": WORDS, "doseAndRate": [{"doseQuantity": {"value": json.loads("1.50"), "unit": "tablett"}}]}
    validity = {"validityPeriod": {"start": "2026-01-10", "end": "2026-02-01"}, "numberOfRepeatsAllowed": 3}
    await write(
        doctors_record,
        prescription(
            "m-1", "Metformin 500 mg", "A10BA02", "", dosageInstruction=[odd], dispenseRequest=validity
        ),
        prescription("m-2", "Enalapril 10 mg", "C09AA02", "1 tablett dagligen."),
        prescription("m-3", "Losartan 50 mg", "C09CA01", "1 tablett dagligen."),
    )
    chart = (await doctor.get(f"/patient/{PATIENT}")).text
    assert f'href="{RENEW}?id=m-1"' in chart
    assert "gick ut" in chart
    shown = await doctor.get(f"{RENEW}?id=m-1")
    assert "Per Lindgren" in shown.text
    form = form_in(shown)
    assert form["of"] == ["m-1"]
    assert "Markera det som" in (await sign(doctor, {**form, "of": []}, RENEW)).text
    marked = {**form, "of": ["m-1", "m-2"]}
    assert (await sign(doctor, marked, RENEW)).status_code == 303
    assert (await sign(doctor, marked, RENEW)).status_code == 303, "the button was pressed twice"
    after = {one["id"]: one for one in await stored(doctors_record)}
    assert len(after) == 5
    assert {one["id"] for one in after.values() if one["status"] == "completed"} == {"m-1", "m-2"}
    renewed = next(
        one for one in after.values() if one.get("priorPrescription", {}).get("reference", "")[-3:] == "m-1"
    )
    assert json.dumps(renewed["dosageInstruction"]) == json.dumps([odd])
    assert renewed["dispenseRequest"]["numberOfRepeatsAllowed"] == 3
    assert renewed["dispenseRequest"]["validityPeriod"]["end"] > "2026-02-01"
    assert renewed["requester"]["display"] == "Anna Berglund, Distriktsläkare"
    stale = await sign(doctor, {**marked, "token": "another"}, RENEW)
    assert "går inte längre att förnya" in stale.text
    assert len(await stored(doctors_record)) == 5


async def test_what_another_care_provider_prescribed_is_renewed_beside_it_and_changed_by_them_alone(
    application: Services, doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    elsewhere = ("SE5560000001-1001-C", "Enhet C", "SE5560000001-1001", "Vårdgivare")
    system = Actor(ActorKind.SYSTEM, "loader", "loader")
    loader_there = Principal(system, Assignment("a", "x", *elsewhere, Purpose.SYSTEM), "test")
    theirs = prescription("m-9", "Metformin 500 mg", "A10BA02", "1 tablett dagligen.")
    (taken,) = await application.gate.record(loader_there).take_in([Incoming(theirs)])
    assert isinstance(taken, Written), taken
    tomorrow = to_micros(application.clock.now() + timedelta(days=2))
    assert isinstance(await doctors_record.law.consent(PATIENT, tomorrow), Done)
    assert isinstance(await doctors_record.law.choose(PATIENT, [elsewhere[0]]), Done)
    shown = await doctor.get(f"{RENEW}?id=m-9")
    assert "en annan vårdgivares recept" in shown.text
    assert (await sign(doctor, form_in(shown), RENEW)).status_code == 303
    after = {one["id"]: one for one in await stored(doctors_record)}
    assert [one["status"] for one in after.values()] == ["active", "active"], "theirs goes on beside it"
    assert "annan vårdgivare" in (await sign(doctor, form_in(await doctor.get(f"{ADD}?of=m-9")))).text
    form = {"csrf": csrf_of(shown), "patient": PATIENT, "id": "m-9", "version": "1", "reason": "x"}
    for deed in ("stop", "strike"):
        refused = await doctor.post(f"/patient/{PATIENT}/medication/{deed}", data=form)
        assert "annan vårdgivare" in refused.text
    assert after == {one["id"]: one for one in await stored(doctors_record)}


async def test_a_dosage_is_changed_stopped_taken_up_again_and_struck_with_reasons(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await write(doctors_record, prescription("m-1", "Metformin 500 mg", "A10BA02", "1 tablett dagligen."))
    form = form_in(await doctor.get(f"{ADD}?of=m-1"))
    assert (form["text"], form["unit"], form["words"]) == ("Metformin 500 mg", "", "1 tablett dagligen.")
    assert (await sign(doctor, form, unit="tablett", dose="2", times="2", words="")).status_code == 303
    before, after = sorted(await stored(doctors_record), key=lambda one: one["id"] != "m-1")
    assert (before["status"], before["statusReason"]["text"]) == ("stopped", "Ändrad ordination")
    assert after["dosageInstruction"][0]["text"] == "2 tabletter 2 gånger dagligen."
    assert after["priorPrescription"] == {"reference": "MedicationRequest/m-1"}
    one = f"/patient/{PATIENT}/medication/one?id={after['id']}"
    page = await doctor.get(one)
    assert "Tidigare ordinationer" in page.text
    deed = f"/patient/{PATIENT}/medication"
    form = form_in(page)
    assert "Skriv varför" in (await doctor.post(f"{deed}/stop", data={**form, "reason": " "})).text
    assert (await doctor.post(f"{deed}/stop", data={**form, "reason": "Illamående"})).status_code == 303
    stale = await doctor.post(f"{deed}/reopen", data={**form, "reason": "Fel läkemedel"})
    assert "ändrade det samtidigt" in stale.text
    listed = (await doctor.get(LIST)).text
    assert "Illamående" in listed
    form = form_in(await doctor.get(one))
    again = {**form, "reason": "Fel läkemedel"}
    assert "pågår inte" in (await doctor.post(f"{deed}/stop", data=again)).text
    assert (await doctor.post(f"{deed}/reopen", data=again)).status_code == 303
    form = form_in(await doctor.get(one))
    assert (await doctor.post(f"{deed}/strike", data={**form, "reason": "Fel patient"})).status_code == 303
    last = next(each for each in await stored(doctors_record) if each["id"] == after["id"])
    assert last["status"] == "entered-in-error"
    assert (await doctor.get(one)).status_code == 404
    history = await doctor.get(f"/patient/{PATIENT}/entry/MedicationRequest/{after['id']}")
    assert "Fel patient" in history.text


async def test_the_list_is_gone_through_and_tells_what_has_changed_since(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await write(
        doctors_record,
        prescription("m-1", "Metformin 500 mg", "A10BA02", "1 tablett dagligen."),
        prescription("m-2", "Enalapril 10 mg", "C09AA02", "1 tablett dagligen."),
    )
    page = await doctor.get(LIST)
    assert "Ingen har signerat" in page.text
    assert "skickas INTE till apoteket" in page.text
    shown = re.search(r'<form class="drug-go-through".*?</form>', page.text, re.DOTALL)
    assert shown
    form = dict(re.findall(r'name="(\w+)" value="([^"]*)"', shown[0]))
    to = f"/patient/{PATIENT}/medication/go-through"
    other = await doctor.post(to, data={**form, "seen": "another list"})
    assert "Listan har ändrats" in other.text
    assert (await doctor.post(to, data=form)).status_code == 303
    assert (await doctor.post(to, data=form)).status_code == 303, "the button was pressed twice"
    (kept,) = await stored(doctors_record, "List")
    assert sorted(one["item"]["reference"] for one in kept["entry"]) == [
        "MedicationRequest/m-1",
        "MedicationRequest/m-2",
    ]
    assert kept["source"]["display"] == "Anna Berglund, Distriktsläkare"
    assert "Inget har ändrats" in (await doctor.get(LIST)).text
    await sign(doctor, {**form_in(await doctor.get(f"{RENEW}?id=m-1"))}, RENEW)
    assert "Inget har ändrats" in (await doctor.get(LIST)).text, "the patient takes what was gone through"
    await write(doctors_record, prescription("m-4", "Losartan 50 mg", "C09CA01", "1 tablett dagligen."))
    stop = form_in(await doctor.get(f"/patient/{PATIENT}/medication/one?id=m-2"))
    await doctor.post(f"/patient/{PATIENT}/medication/stop", data={**stop, "reason": "Hosta"})
    changed = (await doctor.get(f"{LIST}?by=reason")).text
    assert "<ins>Losartan 50 mg</ins>" in changed
    assert "<del>Enalapril 10 mg</del>" in changed
    assert "Metformin" not in changed.partition("Genomgången")[2].partition("</section>")[0]


async def test_a_nurse_reads_the_list_and_prescribes_nothing(
    visitor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await write(doctors_record, prescription("m-1", "Metformin 500 mg", "A10BA02", "1 tablett dagligen."))
    await sign_in(visitor, "Karin Öhman")
    csrf = csrf_of(await visitor.get("/"))
    await visitor.post(
        f"/patient/{PATIENT}/access/relate", data={"csrf": csrf, "patient": PATIENT, "reason": "Besök"}
    )
    chart = (await visitor.get(f"/patient/{PATIENT}")).text
    assert "1 tablett dagligen." in chart
    assert "Förnya" not in chart
    assert "Ordinera" not in chart
    assert "Metformin" in (await visitor.get(LIST)).text
    assert "Sätt ut" not in (await visitor.get(f"/patient/{PATIENT}/medication/one?id=m-1")).text
    typed = {"csrf": csrf, "q": "recept", "at": PATIENT}
    found = await visitor.post("/patients", data=typed, headers={"hx-request": "true"})
    assert "medication/add" not in found.text
    for path in ("add", "renew"):
        refused = await visitor.get(f"/patient/{PATIENT}/medication/{path}?id=m-1")
        assert refused.status_code == 403
        assert "ger inte behörighet" in refused.text
    form = {"csrf": csrf, "patient": PATIENT, "id": "m-1", "of": "m-1", "version": "1", "reason": "x"}
    for path in ("add", "renew", "stop", "reopen", "strike", "go-through"):
        refused = await visitor.post(f"/patient/{PATIENT}/medication/{path}", data={**form, "do": "sign"})
        assert refused.status_code == 403, path
    (untouched,) = await stored(doctors_record)
    assert untouched["status"] == "active"


async def test_a_form_of_another_patient_writes_nothing(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await write(doctors_record, patient("p-other"), prescription("m-1", "Metformin", "A10BA02", "1 tablett"))
    form = await begin(doctor, code="A10BA02")
    for path in ("add", "renew", "stop", "go-through"):
        there = f"/patient/p-other/medication/{path}"
        assert (await sign(doctor, form, there)).status_code == 409
    assert (await doctor.get("/patient/p-other/medication/one?id=m-1")).status_code == 404
    assert len(await stored(doctors_record)) == 1


async def test_services_of_others_are_asked_heard_before_signing_and_named_when_silent(
    application: Services, doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    application.advice.limit = timedelta(seconds=30)
    doctor_at = persona("Anna Berglund").assignments[0]
    async with peer() as service:
        service.offers("signing", [card("Kontrollera <kalium>", "critical")], hook="order-sign")
        service.offers("selecting", {"cards": "nonsense"}, hook="order-select")
        terms = Terms(doctor_at.provider, active=True)
        assert (await application.advice.services.add(service.address, terms, "test"))[0]
        form = await begin(doctor, code="A10BA02")
        (asked,) = [one for one in service.asked if one.service == "selecting"]
        (draft,) = asked.body["context"]["draftOrders"]["entry"]
        assert draft["resource"]["status"] == "draft"
        assert asked.body["context"]["selections"] == [f"MedicationRequest/{draft['resource']['id']}"]
        told = await sign(doctor, form)
        assert "Kontrollera &lt;kalium&gt;" in told.text
        assert "Beslutsstödet varnar eller svarade inte" in told.text
        assert await stored(doctors_record) == []
        unheard = await doctor.post(ADD, data={**form, "do": "look"})
        assert "selecting: svaret gick inte att läsa" in unheard.text
        assert (await sign(doctor, form_in(told))).status_code == 303
        (made,) = await stored(doctors_record)
        service.answers["signing"] = {"cards": "nonsense"}
        form = form_in(await doctor.get(f"{RENEW}?id={made['id']}"))
        unheard = await sign(doctor, form, RENEW)
        assert "signing: svaret gick inte att läsa" in unheard.text
        assert len(await stored(doctors_record)) == 1
        assert (await sign(doctor, form_in(unheard), RENEW)).status_code == 303
    assert len(await stored(doctors_record)) == 2
