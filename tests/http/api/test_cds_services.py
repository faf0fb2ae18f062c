"""Our decision support services over HTTP, as systems of others call them by CDS Hooks."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from tests.conftest import REGION
from tests.support.smart import registered

from kontinuum.app.services import Services
from kontinuum.identity.smart import Authentication
from kontinuum.record import Record

KEY = ECKey.generate_key("P-384", {"kid": "k1"})
SIGN = "/cds-services/order-sign-check"
EMPTY = {"resourceType": "Bundle", "type": "searchset"}
PENICILLIN = {"coding": [{"system": "http://www.whocc.no/atc", "code": "J01CE02"}], "text": "Penicillin V"}
ALLERGY = {
    "resourceType": "AllergyIntolerance",
    "id": "a-1",
    "clinicalStatus": {
        "coding": [
            {
                "system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical",
                "code": "active",
            }
        ]
    },
    "code": PENICILLIN,
    "patient": {"reference": "Patient/p-1"},
}
DRAFT = {
    "resourceType": "MedicationRequest",
    "id": "d-1",
    "status": "draft",
    "intent": "order",
    "medicationCodeableConcept": PENICILLIN,
    "subject": {"reference": "Patient/p-1"},
}
ALL = {"allergies": {**EMPTY, "entry": [{"resource": ALLERGY}]}, "prescriptions": EMPTY, "statements": EMPTY}


@pytest.fixture
async def ehr(services: Services, client: httpx.AsyncClient) -> httpx.AsyncClient:
    """A client of the application, where the system `ehr` is registered with a key."""
    keys = (dict(KEY.as_dict(private=False)),)
    await registered(services, REGION, id="ehr", authentication=Authentication.KEY, keys=keys)
    return client


def proof(path: str = SIGN, **changes: Any) -> dict[str, str]:
    """The header by which the system proves itself."""
    claims = {
        "iss": "ehr",
        "aud": f"http://test{path}",
        "exp": int(time.time()) + 200,
        "jti": uuid.uuid4().hex,
    }
    header = {"alg": "ES384", "kid": "k1", **changes.pop("header", {})}
    key = changes.pop("key", KEY)
    return {"Authorization": f"Bearer {jwt.encode(header, {**claims, **changes}, key, algorithms=['ES384'])}"}


def question(hook: str = "order-sign", **changes: Any) -> dict[str, Any]:
    """A question about a draft order."""
    context = {
        "userId": "Practitioner/1",
        "patientId": "p-1",
        "draftOrders": {"resourceType": "Bundle", "entry": [{"resource": DRAFT}]},
        **changes.pop("context", {}),
    }
    body = {"hook": hook, "hookInstance": str(uuid.uuid4()), "context": context, "prefetch": ALL, **changes}
    return {name: value for name, value in body.items() if value is not None}


async def test_the_services_are_found_and_answer_with_cards(ehr: httpx.AsyncClient) -> None:
    found = (await ehr.get("/cds-services", headers={"Authorization": ""})).json()["services"]
    assert {each["hook"] for each in found} == {"patient-view", "order-select", "order-sign"}
    assert all("{{context.patientId}}" in one for each in found for one in each["prefetch"].values())
    answer = await ehr.post(SIGN, json=question(), headers=proof() | {"accept-language": "en"})
    assert answer.status_code == 200, answer.text
    (card,) = answer.json()["cards"]
    assert card["indicator"] == "critical"
    assert card["summary"] == "Penicillin V: the patient is hypersensitive to Penicillin V"
    assert card["source"] == {"label": "Kontinuum"}
    swedish = await ehr.post(SIGN, json=question(), headers=proof() | {"accept-language": "sv"})
    assert "överkänslig mot" in swedish.json()["cards"][0]["summary"]
    select = "/cds-services/order-select-check"
    chosen = question("order-select", context={"selections": ["MedicationRequest/other"]})
    answer = await ehr.post(select, json=chosen, headers=proof(select) | {"accept-language": "en"})
    assert [card["summary"] for card in answer.json()["cards"]] == ["Not everything could be checked"]
    told = {"feedback": [{"card": card["uuid"], "outcome": "overridden", "overrideReason": {}}]}
    path = f"{SIGN}/feedback"
    assert (await ehr.post(path, json=told, headers=proof(path))).status_code == 200
    for wrong in ({}, {"feedback": []}, {"feedback": [{"card": "x", "outcome": "accepted"}]}):
        assert (await ehr.post(path, json=wrong, headers=proof(path))).status_code == 400


async def test_only_a_registered_system_that_proves_itself_is_answered(ehr: httpx.AsyncClient) -> None:
    used = proof()
    assert (await ehr.post(SIGN, json=question(), headers=used)).status_code == 200
    wrong = [
        {"Authorization": ""},
        used,
        proof(aud="http://test/cds-services/patient-warnings"),
        proof(iss="nobody"),
        proof(exp=int(time.time()) - 60),
        proof(exp=int(time.time()) + 3600),
        proof(jti=None),
        proof(key=ECKey.generate_key("P-384", {"kid": "k1"})),
        proof(iss="https://thief.example", header={"jku": "https://thief.example/keys"}),
        proof(iss="http://[", header={"jku": "https://ehr.example/keys"}),
    ]
    for headers in wrong:
        refused = await ehr.post(SIGN, json=question(), headers=headers)
        assert refused.status_code == 401, headers
        assert refused.json()["message"]
    nowhere = "/cds-services/nothing"
    assert (await ehr.post(nowhere, json=question(), headers=proof(nowhere))).status_code == 404


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"hook": "order-select"}, 400, "answers the hook order-sign"),
        ({"hookInstance": "1"}, 400, "UUID"),
        ({"context": {"patientId": "a b"}}, 400, "patientId"),
        ({"context": {"userId": ""}}, 400, "userId"),
        ({"context": {"draftOrders": []}}, 400, "draftOrders"),
        ({"context": {"draftOrders": {"entry": [{}]}}}, 400, "draftOrders"),
        ({"context": {"patientId": "p-2"}}, 400, "prefetch.allergies is about another patient"),
        ({"fhirAuthorization": {"access_token": "x"}}, 400, "fhirAuthorization"),
        ({"prefetch": None}, 412, "Nothing that is needed came along"),
        ({"prefetch": {"allergies": None}}, 412, "Nothing that is needed came along"),
        ({"prefetch": {}, "fhirServer": "http://169.254.169.254/latest"}, 412, "is not an address of ehr"),
        ({"prefetch": {}, "fhirServer": "http://test/fhir"}, 412, "is not valid here"),
    ],
)
async def test_a_question_that_cannot_be_answered_is_refused_with_the_reason(
    ehr: httpx.AsyncClient, changes: dict[str, Any], status: int, said: str
) -> None:
    refused = await ehr.post(SIGN, json=question(**changes), headers=proof())
    assert (refused.status_code, said in refused.json()["message"]) == (status, True), refused.text


async def test_a_body_that_is_no_question_is_refused(ehr: httpx.AsyncClient) -> None:
    for content, kind, status in (
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"[" * 90_000, "application/json", 400),
        (b"", "x/y", 415),
    ):
        refused = await ehr.post(SIGN, content=content, headers=proof() | {"content-type": kind})
        assert refused.status_code == status, content


async def test_what_does_not_come_along_is_read_here_as_whom_the_token_is_for(
    ehr: httpx.AsyncClient, record: Record
) -> None:
    patient = {"resourceType": "Patient", "id": "p-1", "identifier": [{"system": "urn:x", "value": "1"}]}
    for resource in (patient, ALLERGY):
        await record.update(resource["resourceType"], str(resource["id"]), resource)
    token = ehr.headers["Authorization"].removeprefix("Bearer ")
    body = question(prefetch={"statements": EMPTY}, fhirServer="http://test/fhir/")
    body["fhirAuthorization"] = {"access_token": token, "token_type": "Bearer"}
    answer = await ehr.post(SIGN, json=body, headers=proof() | {"accept-language": "en"})
    summaries = [card["summary"] for card in answer.json()["cards"]]
    assert "Penicillin V: the patient is hypersensitive to Penicillin V" in summaries
    body["context"]["patientId"] = "p-2"
    body["hookInstance"] = str(uuid.uuid4())
    refused = await ehr.post(SIGN, json=body, headers=proof())
    assert (refused.status_code, refused.json()["message"]) == (412, "The token may not see this patient.")


async def test_each_call_stands_in_the_log(ehr: httpx.AsyncClient, services: Services) -> None:
    await ehr.post(SIGN, json=question(), headers=proof())
    row = await services.pool.fetchrow("select content from audit_entry where action = 'answer-call'")
    logged = json.loads(row["content"])
    assert (logged["client"], logged["what"][0]) == ("app:ehr", "service/order-sign-check")
