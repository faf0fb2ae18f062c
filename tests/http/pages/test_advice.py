"""Decision support of others (CDS Hooks): registered, asked, shown, and told of when they are silent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from starlette.responses import JSONResponse, Response
from tests.http.pages.conftest import PATIENT, csrf_of, patient, persona, sign_in, write
from tests.support.decision import Peer, Received, card, peer

from kontinuum.app.services import Services
from kontinuum.audit.entry import AuditEntry, read_entry
from kontinuum.identity.hooks import Terms
from kontinuum.kernel.principal import PROTECTED_IDENTITY, Principal
from kontinuum.record import Record, Refusal
from kontinuum.record.advice import FAILURES, Advised, Fault, Question
from kontinuum.sweden import systems

DOCTOR = persona("Anna Berglund")
AT = DOCTOR.assignments[0]
WHO = Principal(DOCTOR.actor, AT, "browser")
CLINICAL = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
PREFETCH = {
    "patient": "Patient/{{context.patientId}}",
    "allergies": "AllergyIntolerance?patient={{context.patientId}}",
    "me": "Practitioner/{{userPractitionerId}}",
    "beyond": "Condition?patient={{context.unknown}}",
}


@pytest.fixture
async def service() -> AsyncIterator[Peer]:
    """A service of others."""
    async with peer() as running:
        yield running


def allergy(identity: str = "nuts") -> dict[str, Any]:
    """A hypersensitivity."""
    return {
        "resourceType": "AllergyIntolerance",
        "id": identity,
        "patient": {"reference": f"Patient/{PATIENT}"},
        "clinicalStatus": {"coding": [{"system": CLINICAL, "code": "active"}]},
        "code": {"text": "Jordnöt"},
    }


async def registered(application: Services, service: Peer, **terms: Any) -> None:
    """Register what the service offers, and let it be asked."""
    application.advice.limit = timedelta(seconds=30)
    wanted = Terms(AT.provider, active=True, **terms)
    added, wrong = await application.advice.services.add(service.address, wanted, "test")
    assert (bool(added), wrong) == (True, [])


async def ask(application: Services, who: Principal = WHO, **more: Any) -> list[Advised]:
    """What the services say."""
    question = Question("patient-view", PATIENT, "http://test")
    found = await application.advice.ask(who, replace(question, **more))
    assert not isinstance(found, Refusal)
    return found


async def entries(application: Services) -> list[AuditEntry]:
    """What stands in the log."""
    rows = await application.pool.fetch("select content from audit_entry order by recorded")
    return [read_entry(row["content"]) for row in rows]


async def test_an_administrator_registers_services_and_the_chart_shows_their_cards(
    application: Services, doctors_record: Record, doctor: httpx.AsyncClient, service: Peer
) -> None:
    await write(doctors_record, patient(), allergy())
    detail = (
        "**Tänk** på <script>alert(1)</script> ![](https://spy.example/x.png) [mer](javascript:alert(1)) "
        "[källa](https://ok.example/a)"
    )
    links = [
        {"label": "Läs mer", "url": "https://ok.example/b", "type": "absolute"},
        {"label": "Farlig", "url": "javascript:alert(2)", "type": "absolute"},
        {"label": "Appen", "url": "https://app.example/launch", "type": "smart"},
    ]
    suggested = [{"label": "Ta ett prov", "actions": [{"type": "create", "description": "P-Kalium"}]}]
    cards = [card("Lugnt", "info"), card("Fara <b>", "critical", detail=detail, links=links)]
    service.offers("kidney", [*cards, card("Prov", "warning", suggestions=suggested)], **PREFETCH)
    service.offers("quiet", [])
    service.offers("other", [], hook="appointment-book")
    application.advice.limit = timedelta(seconds=30)
    doctor.cookies.clear()
    await sign_in(doctor, "Rickard Hult")
    page = await doctor.get("/admin/services")
    form = {"csrf": csrf_of(page), "base": f"{service.address}/cds-services/"}
    for wrong in (
        {"base": "http://elsewhere.example"},
        {"scopes": "user/*.rs"},
        {"scopes": "nonsense"},
        {"units": "\0"},
    ):
        assert (await doctor.post("/admin/services", data=form | wrong)).status_code == 422, wrong
    done = await doctor.post("/admin/services", data=form)
    assert "2 tjänster är registrerade" in done.text
    assert (
        "patient/AllergyIntolerance.rs patient/Condition.rs patient/Patient.r patient/Practitioner.r"
        in done.text
    )
    assert (await doctor.post("/admin/services", data=form)).status_code == 422
    for each in await application.advice.services.all(AT.provider):
        act = {"csrf": csrf_of(page), "act": "on"}
        assert (await doctor.post(f"/admin/services/{each.id}", data=act)).status_code == 303
    for nothing in ("nothing", "%00"):
        assert (await doctor.post(f"/admin/services/{nothing}", data=act)).status_code == 404

    doctor.cookies.clear()
    await sign_in(doctor, "Anna Berglund")
    chart = await doctor.get(f"/patient/{PATIENT}")
    assert f'hx-get="/patient/{PATIENT}/advice"' in chart.text
    assert service.asked == []  # the page has not waited for anybody
    shown = (await doctor.get(f"/patient/{PATIENT}/advice", headers={"hx-request": "true"})).text
    assert shown.index("Fara &lt;b&gt;") < shown.index("Prov") < shown.index("Lugnt")
    assert "<strong>Tänk</strong>" in shown
    assert "<script>" not in shown
    assert "<img" not in shown
    assert 'href="javascript' not in shown
    assert 'href="https://ok.example/b"' in shown
    assert "P-Kalium" in shown
    assert "Appen: inte registrerad här" in shown
    assert service.address.removeprefix("http://") in shown
    assert "quiet svarade och har inget råd. Det betyder inte att allt är bra." in shown
    by_purpose = {each.service: each for each in service.asked}
    assert by_purpose.keys() == {"kidney", "quiet"}
    await is_in_order(application, doctor, by_purpose["kidney"], service)


async def is_in_order(
    application: Services, browser: httpx.AsyncClient, received: Received, service: Peer
) -> None:
    """What a service has received: from us, about this patient, what it needs, and logged before."""
    keys = KeySet.import_key_set((await browser.get("/oauth/keys")).json())
    token = jwt.decode(received.authorization.removeprefix("Bearer "), keys, algorithms=["RS384"])
    assert token.claims["iss"] == "http://test"
    assert token.claims["aud"] == f"{service.address}/cds-services/kidney"
    assert token.header["jku"] == "http://test/oauth/keys"
    body = received.body
    assert body["context"] == {"userId": WHO.actor.reference, "patientId": PATIENT}
    assert body["prefetch"].keys() == {"patient", "allergies", "me"} & body["prefetch"].keys()
    assert body["prefetch"]["patient"]["id"] == PATIENT
    assert [each["resource"]["id"] for each in body["prefetch"]["allergies"]["entry"]] == ["nuts"]
    assert "fhirAuthorization" not in body
    asked = [each for each in await entries(application) if each.action == "ask-service"]
    assert {each.patients for each in asked} == {(PATIENT,)}
    assert {each.actor for each in asked} == {DOCTOR.actor.id}
    assert any("AllergyIntolerance/nuts" in each.what for each in asked)


async def test_a_service_reads_what_the_person_may_within_its_scopes_and_only_while_it_is_asked(
    application: Services, doctors_record: Record, visitor: httpx.AsyncClient, service: Peer
) -> None:
    label = {"system": systems.SECURITY_LABEL, "code": systems.CONFIDENTIALITY_MARK}
    number = [{"system": "urn:x", "value": "other"}]
    await write(
        doctors_record, patient(meta={"security": [label]}), patient("p-bo", identifier=number), allergy()
    )
    statuses: dict[str, int] = {}
    tokens: list[str] = []

    async def look(received: Received) -> None:
        given = received.body["fhirAuthorization"]
        assert received.body["fhirServer"] == "http://test/fhir"
        tokens.append(given["access_token"])
        for path in (f"Patient/{PATIENT}", "AllergyIntolerance/nuts", "Patient/p-bo"):
            headers = {"authorization": f"Bearer {given['access_token']}"}
            answer = await visitor.get(f"/fhir/{path}", headers=headers)
            statuses[path] = answer.status_code
            assert "Hornsgatan" not in answer.text

    service.look = look
    service.offers("reads", [], **PREFETCH)
    await registered(application, service, token=True, scopes=("patient/Patient.r",))
    trusted = replace(WHO, assignment=replace(AT, rights=(PROTECTED_IDENTITY,)))
    (advised,) = await ask(application, trusted)
    assert advised.fault is None
    assert statuses == {f"Patient/{PATIENT}": 200, "AllergyIntolerance/nuts": 403, "Patient/p-bo": 403}
    # Who has the right sees the address; what leaves the house never holds it.
    sent = service.asked[0]
    assert b"Hornsgatan" not in sent.raw
    assert sent.body["prefetch"].keys() == {"patient"}
    headers = {"authorization": f"Bearer {tokens[0]}"}
    assert (await visitor.get(f"/fhir/Patient/{PATIENT}", headers=headers)).status_code == 401


async def test_whatever_a_service_does_is_told(
    application: Services, doctors_record: Record, doctor: httpx.AsyncClient, service: Peer
) -> None:
    await write(doctors_record, patient())
    answers = {
        "broken": (Response("x", 500), Fault.WRONG),
        "lacks": (JSONResponse({}, 412), Fault.LACKING),
        "html": (Response("<html>"), Fault.WRONG),
        "list": (JSONResponse([]), Fault.WRONG),
        "no-cards": (JSONResponse({"message": "hej"}), Fault.WRONG),
        "no-summary": ([{"indicator": "info", "source": {"label": "x"}}], Fault.WRONG),
        "away": (Response("", 302, {"location": "http://127.0.0.1:1/"}), Fault.WRONG),
        "partly": ([card("Bra"), card("Fel", "red")], None),
        "good": ([card("Bra")], None),
    }
    for name, (answer, _) in answers.items():
        service.offers(name, answer)
    await registered(application, service)
    found = {each.service.service: each for each in await ask(application)}
    assert {name: each.fault for name, each in found.items()} == {
        n: fault for n, (_, fault) in answers.items()
    }
    assert found["partly"].partly
    assert not found["good"].partly
    page = (await doctor.get(f"/patient/{PATIENT}/advice")).text
    assert page.count("Inte kontrollerat av") == 7
    assert "En del av råden från partly gick inte att läsa" in page
    # What keeps failing is left alone, and that is told too.
    for _ in range(FAILURES):
        found = {each.service.service: each for each in await ask(application)}
    assert found["broken"].fault is Fault.RESTING
    assert found["lacks"].fault is Fault.LACKING
    assert found["good"].fault is None
    assert len([each for each in service.asked if each.service == "broken"]) == FAILURES


async def test_a_service_that_is_silent_or_gone_is_told_of_and_stops_nobody(
    application: Services, doctors_record: Record, service: Peer
) -> None:
    await write(doctors_record, patient())
    service.offers("silent", None)
    await registered(application, service)
    application.advice.limit = timedelta(milliseconds=300)
    assert [each.fault for each in await ask(application)] == [Fault.SILENT]
    async with peer() as gone:
        gone.offers("gone", [])
        await registered(application, gone)
    application.advice.limit = timedelta(milliseconds=300)
    assert {each.fault for each in await ask(application)} == {Fault.SILENT}


async def test_draft_orders_are_sent_as_they_are_to_the_services_of_their_hook(
    application: Services, doctors_record: Record, service: Peer
) -> None:
    await write(doctors_record, patient())
    service.offers("select", [card("Välj annat", "warning")], hook="order-select")
    service.offers("sign", [card("Vänta", "critical")], hook="order-sign")
    service.offers("view", [])
    await registered(application, service, units=(AT.unit,))
    draft = {
        "resourceType": "MedicationRequest",
        "id": "draft-1",
        "dosageInstruction": [{"doseAndRate": [{"doseQuantity": {"value": Decimal("1.50")}}]}],
    }
    orders = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": draft}]}
    selected = ["MedicationRequest/draft-1"]
    (advised,) = await ask(
        application, hook="order-select", orders=orders, selections=selected, encounter="e-1"
    )
    assert advised.cards[0].summary == "Välj annat"
    (received,) = service.asked
    context = received.body["context"]
    assert (context["selections"], context["encounterId"]) == (selected, "e-1")
    assert b'"value":1.50' in received.raw
    (advised,) = await ask(application, hook="order-sign", orders=orders)
    assert advised.cards[0].indicator == "critical"
    assert "selections" not in service.asked[1].body["context"]
    # At another unit, and about somebody whom one may not know of, nobody is asked.
    elsewhere = replace(WHO, assignment=replace(AT, unit="SE2321000016-ELSE"))
    assert await ask(application, elsewhere, hook="order-sign", orders=orders) == []
    nobody = Question("order-sign", "never-was", "http://test", orders=orders)
    assert isinstance(await application.advice.ask(WHO, nobody), Refusal)
    assert len(service.asked) == 2
