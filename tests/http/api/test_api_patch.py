"""PATCH over HTTP: http://hl7.org/fhir/R4/http.html#patch."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
from api_samples import SYSTEM, issues, numbered, observation, patient, refused, stored
from tests.conftest import principal

from kontinuum.app.asgi import build
from kontinuum.app.services import Services

JSON_PATCH = {"content-type": "application/json-patch+json"}
MALE = [{"op": "add", "path": "/gender", "value": "male"}]


def parameters(*operations: list[tuple[str, Any]]) -> dict[str, Any]:
    """A FHIRPath Patch; each operation is a list of (name, value), values with their type as {valueX: …}."""
    listed = []
    for each in operations:
        parts = [
            {"name": name, **({"valueString": value} if isinstance(value, str) else value)}
            for name, value in each
        ]
        listed.append({"name": "operation", "part": parts})
    return {"resourceType": "Parameters", "parameter": listed}


BORN = parameters(
    [
        ("type", {"valueCode": "add"}),
        ("path", "Patient"),
        ("name", "birthDate"),
        ("value", {"valueDate": "1950"}),
    ]
)


async def by_json(
    client: httpx.AsyncClient, address: str, *operations: Any, **headers: str
) -> httpx.Response:
    sent = {**JSON_PATCH, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return await client.patch(f"/fhir/{address}", content=json.dumps(operations), headers=sent)


async def test_both_kinds_of_patch_make_the_next_version(client: httpx.AsyncClient) -> None:
    await client.put("/fhir/Patient/p", json=patient(id="p"))
    first = await by_json(client, "Patient/p", *MALE)
    assert (first.status_code, first.headers["etag"], first.json()["gender"]) == (200, 'W/"2"', "male")
    assert first.headers["location"] == "http://test/fhir/Patient/p/_history/2"
    second = await client.patch("/fhir/Patient/p", json=BORN)
    assert (second.status_code, second.headers["etag"]) == (200, 'W/"3"')
    shown = (await client.get("/fhir/Patient/p")).json()
    assert (shown["gender"], shown["birthDate"], shown["name"]) == ("male", "1950", patient()["name"])
    again = await by_json(client, "Patient/p", *MALE, prefer="return=OperationOutcome")
    assert again.headers["etag"] == 'W/"3"'
    assert "left unchanged" in issues(again)[0]["diagnostics"]
    minimal = await by_json(client, "Patient/p", {"op": "remove", "path": "/gender"}, prefer="return=minimal")
    assert (minimal.status_code, minimal.content, minimal.headers["etag"]) == (200, b"", 'W/"4"')


async def test_a_patch_that_does_not_fit_changes_nothing(client: httpx.AsyncClient) -> None:
    await client.put("/fhir/Patient/p", json=patient(id="p"))
    test = {"op": "test", "path": "/name/0/family", "value": "Andersson"}
    refused(await by_json(client, "Patient/p", *MALE, test), 422, "conflict", "Operation 1", "another one")
    refused(await by_json(client, "Patient/p", {"op": "remove", "path": "/x"}), 422, "not-found", "'/x'")
    wrong = await by_json(client, "Patient/p", {"op": "add", "path": "/gender", "value": "manly"})
    assert wrong.status_code == 422
    assert issues(wrong)[0]["expression"] == ["Patient.gender"]
    refused(
        await by_json(client, "Patient/p", {"op": "replace", "path": "/id", "value": "q"}),
        422,
        "business-rule",
    )
    assert (await client.get("/fhir/Patient/p")).headers["etag"] == 'W/"1"'
    refused(await by_json(client, "Patient/q", *MALE), 404, "not-found")
    named = await stored(client, patient(name=[{"text": "x" * 1000}] * 20))
    many = {**BORN, "parameter": BORN["parameter"] * 1000}
    refused(
        await client.patch(f"/fhir/Patient/{named['id']}", json=many), 413, "too-costly", "1,000 operations"
    )
    await client.delete("/fhir/Patient/p")
    refused(await by_json(client, "Patient/p", *MALE), 410, "deleted")


async def test_a_patch_in_no_form_that_is_known_is_refused_before_the_record_is_asked(
    closed: httpx.AsyncClient,
) -> None:
    xml = await closed.patch(
        "/fhir/Patient/p", content="<x/>", headers={"content-type": "application/xml-patch+xml"}
    )
    refused(xml, 415, "not-supported", "json-patch+json")
    assert xml.headers["accept-patch"] == "application/json-patch+json, application/fhir+json"
    refused(await closed.patch("/fhir/Patient/p", json=patient()), 400, "invalid", "Parameters")
    refused(await closed.patch("/fhir/Patient/p", content="[", headers=JSON_PATCH), 400, "structure")
    refused(await by_json(closed, "Patient/p", {"op": "delete", "path": "/x"}), 400, "structure", "'delete'")
    bad = parameters([("type", {"valueCode": "remove"}), ("path", "Patient.name")])
    assert refused(await closed.patch("/fhir/Patient/p", json=bad), 400, "structure")["expression"] == [
        "Parameters.parameter[0]"
    ]
    refused(await by_json(closed, "Patient/p", *MALE, if_match="1"), 400, "value", 'W/"3"')
    refused(await by_json(closed, "Patient/p", *MALE, if_none_exist="x=y"), 400, "not-supported")
    refused(await by_json(closed, "Patient", *MALE), 400, "required", "criteria")
    refused(await by_json(closed, "Patient/p/_history/1", *MALE), 405, "not-supported", "PATCH")


async def test_a_patch_that_knows_the_version_is_safe_and_one_that_does_not_loses_nothing(
    client: httpx.AsyncClient,
) -> None:
    await client.put("/fhir/Patient/p", json=patient(id="p"))
    refused(await by_json(client, "Patient/p", *MALE, if_match='W/"2"'), 412, "conflict", "version 2")
    assert (await by_json(client, "Patient/p", *MALE, if_match='W/"1"')).status_code == 200
    each_family = [{"op": "replace", "path": "/name/0/family", "value": str(n)} for n in range(50)]
    assert (await by_json(client, "Patient/p", *each_family)).json()["name"][0]["family"] == "49"
    given = [{"op": "add", "path": "/name/0/given/-", "value": f"N{n}"} for n in range(3)]
    answers = await asyncio.gather(*(by_json(client, "Patient/p", each) for each in given))
    assert {answer.status_code for answer in answers} == {200}
    names = (await client.get("/fhir/Patient/p")).json()["name"][0]["given"]
    assert sorted(names) == ["N0", "N1", "N2", "Örjan"]


async def test_a_conditional_patch_takes_the_one_that_matches(client: httpx.AsyncClient) -> None:
    one = await stored(client, numbered("7"))
    address = f"Patient?identifier={SYSTEM}|7"
    done = await by_json(client, address, *MALE)
    assert (done.status_code, done.json()["id"], done.json()["gender"]) == (200, one["id"], "male")
    refused(await by_json(client, address, *MALE, if_match='W/"1"'), 412, "conflict")
    refused(
        await by_json(client, f"Patient?identifier={SYSTEM}|8", *MALE), 404, "not-found", "nothing to patch"
    )
    refused(await by_json(client, "Patient?colour=red", *MALE), 400, "not-found", "colour")
    await stored(client, numbered("7"))
    refused(await by_json(client, address, *MALE), 412, "multiple-matches")


def binary(*operations: Any, content_type: str = "application/json-patch+json") -> dict[str, Any]:
    data = base64.b64encode(json.dumps(operations).encode()).decode()
    return {"resourceType": "Binary", "contentType": content_type, "data": data}


def entry(url: str, resource: Any, **request: Any) -> dict[str, Any]:
    return {"resource": resource, "request": {"method": "PATCH", "url": url, **request}}


async def submitted(client: httpx.AsyncClient, kind: str, *listed: Any) -> httpx.Response:
    return await client.post("/fhir", json={"resourceType": "Bundle", "type": kind, "entry": listed})


async def test_a_transaction_patches_with_the_rest_or_not_at_all(client: httpx.AsyncClient) -> None:
    await client.put("/fhir/Patient/p", json=numbered("1", id="p"))
    seen = await stored(client, observation("Patient/p"))
    unit = {
        "fullUrl": "urn:uuid:6f0a3bb0-6f5b-4a0e-9a37-3b6bb61b2a11",
        "resource": {"resourceType": "Organization", "name": "Öst"},
        "request": {"method": "POST", "url": "Organization"},
    }
    led = {"op": "add", "path": "/managingOrganization", "value": {"reference": unit["fullUrl"]}}
    noted = parameters(
        [
            ("type", {"valueCode": "add"}),
            ("path", "Observation"),
            ("name", "performer"),
            ("value", {"valueReference": {"reference": unit["fullUrl"]}}),
        ]
    )
    patches = [
        entry(f"Patient?identifier={SYSTEM}|1", binary(led, *MALE)),
        entry(f"Observation/{seen['id']}", noted, ifMatch='W/"1"'),
    ]
    failing = entry("Patient/nobody", binary(*MALE))
    whole = await submitted(client, "transaction", unit, *patches, failing)
    assert whole.status_code == 404, whole.text
    assert issues(whole)[0]["expression"] == ["Bundle.entry[3]"]
    assert (await client.get("/fhir/Patient/p")).headers["etag"] == 'W/"1"'
    done = await submitted(client, "transaction", unit, *patches)
    assert done.status_code == 200, done.text
    made, *changed = (each["response"] for each in done.json()["entry"])
    assert [each["status"] for each in changed] == ["200 OK", "200 OK"]
    reference = made["location"].partition("/_history")[0]
    shown = (await client.get("/fhir/Patient/p")).json()
    assert (shown["gender"], shown["managingOrganization"]) == ("male", {"reference": reference})
    assert (await client.get(f"/fhir/Observation/{seen['id']}")).json()["performer"] == [
        {"reference": reference}
    ]
    stale = await submitted(client, "transaction", entry("Patient/p", binary(*MALE), ifMatch='W/"1"'))
    assert stale.status_code == 412
    twice = await submitted(client, "transaction", *[entry("Patient/p", binary(*MALE))] * 2)
    refused(twice, 400, "invalid", "may occur once")


async def test_a_batch_patches_each_entry_by_itself(client: httpx.AsyncClient) -> None:
    await client.put("/fhir/Patient/p", json=numbered("1", id="p"))
    answer = await submitted(
        client,
        "batch",
        entry("Patient/p", binary(*MALE)),
        entry(f"Patient?identifier={SYSTEM}|1", BORN),
        entry("Patient/p", binary({"op": "test", "path": "/gender", "value": "female"})),
        entry("Patient/p", binary(*MALE, content_type="application/json")),
        entry("Patient/p", patient(id="p")),
        entry(
            "Patient/p",
            {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": "AA=="},
        ),
        entry("Patient/p", parameters([("type", {"valueCode": "x"})])),
        entry("Patient", binary(*MALE)),
    )
    listed = [each["response"] for each in answer.json()["entry"]]
    assert [each["status"][:3] for each in listed] == ["200", "200", "422", "400", "400", "400", "400", "400"]
    place = listed[6]["outcome"]["issue"][0]["expression"]
    assert place == ["Bundle.entry[6].resource.parameter[0]"]
    shown = (await client.get("/fhir/Patient/p")).json()
    assert (shown["gender"], shown["birthDate"], shown["meta"]["versionId"]) == ("male", "1950", "3")


@pytest.fixture
async def doctor(services: Services) -> Any:
    """A doctor who takes part in nobody's care."""
    token = await services.identity.mint_token(principal(), timedelta(hours=1))
    transport = httpx.ASGITransport(app=build(services), raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as opened:
        yield opened


async def test_who_may_not_see_a_resource_learns_nothing_by_patching_it(
    client: httpx.AsyncClient, doctor: httpx.AsyncClient, services: Services
) -> None:
    await client.put("/fhir/Patient/p", json=patient(id="p"))
    seen = await stored(client, observation("Patient/p"))
    address = f"Observation/{seen['id']}"
    right, wrong = ({"op": "test", "path": "/status", "value": value} for value in ("final", "registered"))
    bodies = set()
    for test in (right, wrong):
        answer = await by_json(doctor, address, test)
        assert answer.status_code in (403, 404), answer.text
        bodies.add(answer.text)
        bodies.add((await doctor.get(f"/fhir/{address}")).text)
    assert len(bodies) == 1
    inside = await submitted(doctor, "transaction", entry(address, binary(right)))
    assert inside.status_code in (403, 404)
    assert (await client.get(f"/fhir/{address}")).headers["etag"] == 'W/"1"'


async def test_a_protected_person_is_not_patched_by_somebody_who_sees_a_part(
    client: httpx.AsyncClient,
) -> None:
    label = {"system": "http://hl7.se/fhir/ig/base/CodeSystem/SecurityLabel", "code": "sekretessmarkering"}
    secret = patient(id="p", meta={"security": [label]}, telecom=[{"system": "phone", "value": "070"}])
    await client.put("/fhir/Patient/p", json=secret)
    assert "telecom" not in (await client.get("/fhir/Patient/p")).json()
    test = {"op": "test", "path": "/telecom/0/value", "value": "070"}
    for operations in (MALE, [test], [{**test, "value": "071"}]):
        refused(await by_json(client, "Patient/p", *operations), 403, "forbidden", "not shown to you")
    inside = await submitted(client, "transaction", entry("Patient/p", binary(test)))
    refused(inside, 403, "forbidden", "not shown to you")
    assert (await client.get("/fhir/Patient/p")).headers["etag"] == 'W/"1"'


async def test_a_signed_document_is_patched_with_a_reason_only(
    client: httpx.AsyncClient, doctor: httpx.AsyncClient
) -> None:
    report = {
        "resourceType": "DiagnosticReport",
        "id": "r",
        "status": "final",
        "code": {"text": "X"},
        "subject": {"reference": "Patient/p"},
    }
    relation = {
        "resourceType": "Encounter",
        "id": "e",
        "status": "in-progress",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": {"reference": "Patient/p"},
    }
    await client.put("/fhir/Patient/p", json=patient(id="p"))
    for each in (relation, report):
        address = f"/fhir/{each['resourceType']}/{each['id']}"
        assert (await doctor.put(address, json=each)).status_code == 201
    change = {"op": "add", "path": "/conclusion", "value": "Y"}
    refused(await by_json(doctor, "DiagnosticReport/r", change), 422, "business-rule", "X-Provenance")
    agent = [{"who": {"display": "dr-lind"}}]
    why = {
        "resourceType": "Provenance",
        "recorded": "2026-01-01T00:00:00Z",
        "agent": agent,
        "reason": [{"text": "Fel"}],
    }
    done = await by_json(doctor, "DiagnosticReport/r", change, x_provenance=json.dumps(why))
    assert (done.status_code, done.json()["conclusion"]) == (200, "Y"), done.text
    kept = (await client.get("/fhir/Provenance?target=DiagnosticReport/r")).json()["entry"][0]["resource"]
    assert kept["target"][0] == {"reference": "DiagnosticReport/r/_history/2"}
