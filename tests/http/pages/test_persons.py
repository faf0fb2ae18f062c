"""The pages of the patient index: identities, links, duplicates, protection, registering."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import httpx
from tests.http.pages.conftest import NUMBER, PATIENT, csrf_of, note, patient, persona, write

from kontinuum.app.services import Services
from kontinuum.fhir import json
from kontinuum.kernel.principal import PROTECTED_IDENTITY, Principal
from kontinuum.record import Record
from kontinuum.record.outcome import Refusal, Stored
from kontinuum.sweden import systems

HERE = f"/patient/{PATIENT}/person"
RESERVE = "990000000909"
FOLLOWED = "http://hl7.se/fhir/ig/base/StructureDefinition/SEBasePatient"


def unknown(identity: str = "p-unknown", **changes: Any) -> dict[str, Any]:
    """A patient under a reserve number."""
    return {
        "resourceType": "Patient",
        "id": identity,
        "identifier": [{"use": "temp", "system": systems.STOCKHOLM_RESERVE_NUMBER, "value": RESERVE}],
        "name": [{"use": "temp", "family": "Okänd"}],
        "gender": "unknown",
        **changes,
    }


async def post(browser: httpx.AsyncClient, path: str, page: str = "", **fields: str) -> httpx.Response:
    """Send a form as the page that carries it would: with its token, patient and the version seen."""
    seen = await browser.get(page or HERE)
    carried = dict(re.findall(r'name="(patient|version)" value="([^"]+)"', seen.text))
    form = {"csrf": csrf_of(seen), **carried, **fields}
    return await browser.post(path, data=form)


async def content(record: Record, identity: str = PATIENT) -> dict[str, Any]:
    """A Patient as it stands."""
    stored = await record.read("Patient", identity)
    assert isinstance(stored, Stored), stored
    body: dict[str, Any] = json.loads(stored.body or b"")
    return body


async def test_a_reserve_number_is_linked_to_the_real_identity_and_parted_again(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    words = "Ingen blödning under natten."
    of_unknown = note("n-1", f"<p>{words}</p>", subject={"reference": "Patient/p-unknown"})
    await write(doctors_record, patient(), unknown(), of_unknown)
    found = await post(doctor, f"{HERE}/link/find", number="99000000-0909")
    assert found.headers["location"] == f"{HERE}/link?with=p-unknown"
    compared = (await doctor.get(found.headers["location"])).text
    assert "Är det samma person?" in compared
    assert "Behålls: Anna Maria Karlsson" in compared
    assert 'name="replaced" value="p-unknown"' in compared
    fields = {"replaced": "p-unknown", "survivor": PATIENT}
    refused = await post(doctor, f"{HERE}/link", **fields, reason=" ")
    assert refused.status_code == 422
    made = await post(doctor, f"{HERE}/link", **fields, reason="Legitimerad med körkort")
    assert made.headers["location"] == f"{HERE}#links"
    chart = (await doctor.get(f"/patient/{PATIENT}")).text
    assert words in chart
    assert "99000000-0909" in chart
    assert "Kopplade journaler" in chart
    moved = await doctor.get("/patient/p-unknown")
    assert moved.status_code == 303
    assert moved.headers["location"] == f"/patient/{PATIENT}"
    page = (await doctor.get(HERE)).text
    assert "Legitimerad med körkort" in page
    assert "Anna Berglund" in page
    undone = await post(doctor, f"{HERE}/unlink", replaced="p-unknown", reason="Fel person")
    assert undone.status_code == 303
    chart = (await doctor.get(f"/patient/{PATIENT}")).text
    assert words not in chart
    assert "99000000-0909" not in chart
    assert words in (await doctor.get("/patient/p-unknown")).text
    assert "Fel person" in (await doctor.get(HERE)).text


async def test_a_search_for_either_number_leads_to_the_one_person(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await write(doctors_record, patient(), unknown())
    await doctors_record.persons.link("p-unknown", PATIENT, reason="Körkort")
    csrf = csrf_of(await doctor.get("/"))
    for written in ("99000000-0909", "801128-9801"):
        found = await doctor.post("/patients", data={"csrf": csrf, "q": written})
        assert re.findall(r'class="person-option" href="/patient/([^"]+)"', found.text) == [PATIENT], written


async def test_what_speaks_against_a_link_is_shown_and_must_be_confirmed(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    number = {"system": systems.PERSONNUMMER, "value": "198011289819"}
    other = patient("p-bo", identifier=[number], gender="male", birthDate="1980-11-29")
    await write(doctors_record, patient(), other)
    page = (await doctor.get(f"{HERE}/link?with=p-bo")).text
    assert "Båda har personnummer, och numren är olika." in page
    assert "Könen är olika." in page
    fields = {"replaced": "p-bo", "survivor": PATIENT, "reason": "Samma person"}
    some = await post(doctor, f"{HERE}/link", **fields, **{"confirm-sex": "yes"})
    assert some.status_code == 409
    assert "link" not in await content(doctors_record)
    every = {f"confirm-{one}": "yes" for one in ("sex", "two-numbers", "birth-dates")}
    assert (await post(doctor, f"{HERE}/link", **fields, **every)).status_code == 303
    again = await doctor.get(f"{HERE}/link?with=p-bo")
    assert "redan kopplade" in again.text
    assert 'name="survivor"' not in again.text


async def test_protected_identity_is_set_with_a_reason_and_lifted_only_by_right(
    doctor: httpx.AsyncClient, doctors_record: Record, application: Services
) -> None:
    await write(doctors_record, patient())
    no_reason = await post(doctor, f"{HERE}/protection", level=systems.CONFIDENTIALITY_MARK, reason="")
    assert no_reason.status_code == 422
    assert (await post(doctor, f"{HERE}/protection", level="secret", reason="x")).status_code == 422
    done = await post(doctor, f"{HERE}/protection", level=systems.CONFIDENTIALITY_MARK, reason="Beslut i dag")
    assert done.status_code == 303
    marked = await content(doctors_record)
    label = {"system": systems.SECURITY_LABEL, "code": systems.CONFIDENTIALITY_MARK}
    assert label in marked["meta"]["security"]
    assert "telecom" not in marked
    page = await doctor.get(HERE)
    assert "Sekretessmarkering" in page.text
    assert "070-174 06 31" not in page.text
    assert "Hornsgatan" not in page.text
    csrf = csrf_of(await doctor.get("/"))
    hit = await doctor.post("/patients", data={"csrf": csrf, "q": NUMBER})
    assert "Skyddade personuppgifter" in hit.text
    lifted = await post(doctor, f"{HERE}/protection", level="", reason="Upphört")
    assert lifted.status_code == 403
    assert "behörighet till skyddade personuppgifter" in lifted.text
    assert label in (await content(doctors_record))["meta"]["security"]
    blind = await post(doctor, f"{HERE}/contacts", mobile="070-174 06 98")  # would lose what it cannot see
    assert blind.status_code in (403, 422)
    raised = await post(doctor, f"{HERE}/protection", level=systems.PROTECTED_REGISTRATION, reason="Höjt")
    assert raised.status_code == 303
    assert "Skyddad folkbokföring" in (await doctor.get(HERE)).text
    right = replace(doctors_record.principal.assignment, rights=(PROTECTED_IDENTITY,))
    trusted = application.gate.record(replace(doctors_record.principal, assignment=right))
    assert (await content(trusted))["telecom"] == patient()["telecom"]


async def test_every_change_stands_in_the_history_with_who_and_why(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await write(doctors_record, patient())
    fields = {"mobile": "070-174 06 99", "line": "Nygatan 1", "code": "118 21", "city": "Stockholm"}
    assert (await post(doctor, f"{HERE}/contacts", **fields)).status_code == 303
    body = await content(doctors_record)
    assert [one["value"] for one in body["telecom"]] == ["070-174 06 99"]
    assert body["address"][0] == {"line": ["Nygatan 1"], "postalCode": "118 21", "city": "Stockholm"}
    assert (
        await post(doctor, f"{HERE}/deceased", on="2026-11-01", source="death-certificate")
    ).status_code == 303
    body = await content(doctors_record)
    assert body["deceasedDateTime"] == "2026-11-01"
    page = (await doctor.get(HERE)).text
    changes = page[page.index('id="changes"') :].partition("</section>")[0]
    assert "telefon eller e-post, adress" in changes
    assert "avliden" in changes
    assert changes.count("Anna Berglund") == 2
    assert "Dödsbevis" in page
    assert (await post(doctor, f"{HERE}/deceased", on="2999-01-01", source="stated")).status_code == 422
    assert (await post(doctor, f"{HERE}/deceased", state="alive")).status_code == 422
    assert (await post(doctor, f"{HERE}/deceased", state="alive", reason="Förväxling")).status_code == 303
    assert "deceasedDateTime" not in await content(doctors_record)


async def test_a_change_over_one_that_was_made_meanwhile_is_refused(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await write(doctors_record, patient())
    seen = await doctor.get(HERE)
    await write(doctors_record, patient(maritalStatus={"text": "gift"}))
    form = {"csrf": csrf_of(seen), "patient": PATIENT, "version": "1", "mobile": "070-174 06 98"}
    answer = await doctor.post(f"{HERE}/contacts", data=form)
    assert answer.status_code == 409
    assert "under tiden" in answer.text
    assert (await content(doctors_record))["telecom"] == patient()["telecom"]


async def test_guardians_and_proxies_are_recorded_with_a_period_and_ended(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await write(doctors_record, patient())
    assert (await post(doctor, f"{HERE}/relation", name="Eva Ek", role="king")).status_code == 422
    wrong_end = {"name": "Eva Ek", "role": "ombud", "start": "2026-02-01", "end": "2026-01-01"}
    assert (await post(doctor, f"{HERE}/relation", **wrong_end)).status_code == 422
    fields = {"name": "Eva Ek", "role": "guardian", "number": "19121212-1212", "start": "2020-01-01"}
    assert (await post(doctor, f"{HERE}/relation", **fields)).status_code == 303
    page = (await doctor.get(HERE)).text
    assert "Vårdnadshavare" in page
    relation = re.search(r'name="relation" value="([^"]+)"', page)
    assert relation is not None
    ended = await post(doctor, f"{HERE}/relation/end", relation=relation[1], version="1")
    assert ended.status_code == 303
    assert 'class="relation link-over"' in (await doctor.get(HERE)).text
    again = await post(doctor, f"{HERE}/relation/end", relation=relation[1], version="1")
    assert again.status_code == 409


async def test_a_real_number_makes_the_reserve_number_an_earlier_one(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await write(doctors_record, unknown(PATIENT), patient("p-other"))
    taken = await post(doctor, f"{HERE}/number", number=NUMBER)
    assert taken.headers["location"] == f"{HERE}/link?with=p-other"
    assert (await post(doctor, f"{HERE}/number", number="12345")).status_code == 422
    assert (await post(doctor, f"{HERE}/number", number="900101-9802")).status_code == 303
    body = await content(doctors_record)
    assert [(one["use"], one["value"]) for one in body["identifier"]] == [
        ("old", RESERVE),
        ("official", "199001019802"),
    ]
    assert body["birthDate"] == "1990-01-01"


async def test_a_patient_is_registered_once_and_compared_first(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    fields = {"number": "801128-9801", "given": "Anna", "family": "Karlsson"}
    made = await post(doctor, "/patients/new", "/patients/new", **fields)
    assert made.status_code == 303, made.text
    identity = made.headers["location"].removeprefix("/patient/")
    body = await content(doctors_record, identity)
    assert (body["birthDate"], body["gender"]) == ("1980-11-28", "female")
    assert body["meta"]["profile"] == [FOLLOWED]
    assert body["identifier"] == [{"use": "official", "system": systems.PERSONNUMMER, "value": NUMBER}]
    again = await post(doctor, "/patients/new", "/patients/new", **fields)
    assert again.headers["location"] == f"/patient/{identity}/person"
    alike = {"given": "Ana", "family": "Carlsson", "born": "1980-11-28", "sex": "female"}
    asked = await post(doctor, "/patients/new", "/patients/new", **alike)
    assert asked.status_code == 200
    assert "Personen kanske redan finns" in asked.text
    assert f"/patient/{identity}" in asked.text
    anyway = await post(doctor, "/patients/new", "/patients/new", **alike, anyway="yes")
    assert anyway.status_code == 303
    for problem in ({"number": "801128-9802"}, {"given": "Bo"}, {"family": "Ek"}):
        assert (await post(doctor, "/patients/new", "/patients/new", **problem)).status_code == 422


async def test_who_gets_a_second_number_of_a_kind_no_longer_claims_the_profile_of_one(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    fields = {"number": "801128-9801", "given": "Anna", "family": "Karlsson"}
    made = await post(doctor, "/patients/new", "/patients/new", **fields)
    person = f"{made.headers['location']}/person"
    assert (await post(doctor, f"{person}/number", person, number="900101-9802")).status_code == 303
    body = await content(doctors_record, made.headers["location"].removeprefix("/patient/"))
    assert [one["value"] for one in body["identifier"]] == [NUMBER, "199001019802"]
    assert "profile" not in body["meta"]


async def test_an_unknown_patient_takes_one_click_and_never_anothers_number(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    numbers = set()
    for _ in range(2):
        made = await post(doctor, "/patients/new", "/patients/new", unknown="yes")
        assert made.status_code == 303
        body = await content(doctors_record, made.headers["location"].removeprefix("/patient/"))
        assert body["meta"]["profile"] == [FOLLOWED]
        numbers.add(body["identifier"][0]["value"])
    assert len(numbers) == 2
    assert "Reservnummer" in (await doctor.get(made.headers["location"])).text


async def test_pairs_are_shown_with_reasons_and_dismissed_with_one(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    twin = patient("p-twin", identifier=[{"system": systems.PERSONNUMMER, "value": "198011289819"}])
    await write(doctors_record, patient(), twin)
    page = (await doctor.get("/duplicates")).text
    assert "Samma namn och födelsedatum" in page
    assert "Samma adress eller telefon" in page
    fields = {"one": PATIENT, "other": "p-twin"}
    assert (await post(doctor, "/duplicates/dismiss", "/duplicates", **fields)).status_code == 422
    gone = await post(doctor, "/duplicates/dismiss", "/duplicates", **fields, reason="Tvillingar")
    assert gone.status_code == 303
    assert "Samma namn" not in (await doctor.get("/duplicates")).text
    dismissed = (await doctor.get("/duplicates?show=dismissed")).text
    assert "Tvillingar" in dismissed
    assert "Anna Berglund" in dismissed
    assert (await post(doctor, "/duplicates/reopen", "/duplicates", **fields)).status_code == 303
    assert "Samma namn" in (await doctor.get("/duplicates")).text


async def test_what_another_provider_keeps_is_shown_and_not_changed(
    doctor: httpx.AsyncClient, application: Services
) -> None:
    chosen = persona("Anna Berglund")
    elsewhere = replace(chosen.assignments[0], provider="SE5560000001-1001", unit="SE5560000001-1001-A")
    record = application.gate.record(Principal(chosen.actor, elsewhere, "test"))
    await write(record, patient())
    page = await doctor.get(HERE)
    assert "Andra vårdgivare kan läsa men inte ändra dem." in page.text
    answer = await post(doctor, f"{HERE}/contacts", mobile="070-174 06 98", version="1")
    assert answer.status_code == 403
    assert (await content(record))["telecom"] == patient()["telecom"]


async def test_a_form_without_the_sessions_token_changes_nothing(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await write(doctors_record, patient(), unknown())
    answer = await doctor.post(
        f"{HERE}/link", data={"replaced": "p-unknown", "survivor": PATIENT, "reason": "x"}
    )
    assert answer.status_code == 403
    refused = await doctors_record.persons.unlink("p-unknown", reason="x")
    assert isinstance(refused, Refusal)
