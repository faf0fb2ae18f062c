"""Profiles over HTTP: what is claimed is held, and $validate says how a resource stands to a profile."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
from tests.conftest import SYSTEM
from tests.support.profiles import HOME, profile, value_set

from kontinuum.app.asgi import build
from kontinuum.app.services import Services, open_services
from kontinuum.fhir import json
from kontinuum.kernel.config import Settings
from kontinuum.store import profiles as stored

SE = "http://hl7.se/fhir/ig/base/StructureDefinition/SEBasePatient"
NUMBER = {"system": "http://electronichealth.se/identifier/personnummer", "value": "190001019801"}
CODES = HOME + "codes"


def swede(**more: Any) -> dict[str, Any]:
    """A Patient that claims HL7 Sweden's profile."""
    return {"resourceType": "Patient", "meta": {"profile": [SE]}, "identifier": [NUMBER], **more}


async def load(dsn: str, *resources: dict[str, Any]) -> None:
    """Let a package with these resources be known to every process."""
    connection: Any = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            row = stored.PackageRow(0, "example", "1.0.0", "Example", {}, {}, b"", 0)
            defined = [(each["resourceType"], f"x/{n}", json.dumps(each)) for n, each in enumerate(resources)]
            await stored.add(connection, row, defined)
    finally:
        await connection.close()


def bound(element: str, name: str) -> dict[str, Any]:
    """An element of an Observation whose codes come from a value set."""
    return {
        "id": f"Observation.{element}",
        "binding": {"strength": "required", "valueSet": HOME + name},
    }


def told(response: httpx.Response, *severities: str) -> list[tuple[str, str, str]]:
    """Severity, code and place of the issues of an answer, those of these severities."""
    issues = response.json()["issue"]
    return [
        (each["severity"], each["code"], (each.get("expression") or [""])[0])
        for each in issues
        if not severities or each["severity"] in severities
    ]


async def test_what_a_resource_claims_it_is_held_to_on_every_way_of_writing(
    client: httpx.AsyncClient,
) -> None:
    made = await client.post("/fhir/Patient", json=swede())
    assert made.status_code == 201
    address = f"/fhir/Patient/{made.json()['id']}"
    two = [{"text": "A"}, {"text": "B"}]
    expected = [("error", "structure", "Patient.name")]

    assert told(await client.post("/fhir/Patient", json=swede(name=two))) == expected
    changed = {**made.json(), "name": two}
    for refused in (
        await client.put(address, json=changed),
        await client.patch(
            address,
            content=json.dumps([{"op": "add", "path": "/name", "value": two}]),
            headers={"content-type": "application/json-patch+json"},
        ),
        await client.post("/fhir/Patient", json=swede(name=two), headers={"if-none-exist": "identifier=no"}),
    ):
        assert (refused.status_code, told(refused)) == (422, expected)
    for kind, status in (("transaction", 422), ("batch", 200)):
        entry = {"resource": swede(name=two), "request": {"method": "POST", "url": "Patient"}}
        answer = await client.post("/fhir", json={"resourceType": "Bundle", "type": kind, "entry": [entry]})
        assert answer.status_code == status
        outcome = answer.json() if kind == "transaction" else answer.json()["entry"][0]["response"]["outcome"]
        assert outcome["issue"][0]["expression"] == ["Bundle.entry[0].resource.name"]
    assert (await client.get(address)).headers["etag"] == 'W/"1"'
    unclaimed = {"resourceType": "Patient", "name": two, "meta": {"profile": ["http://example.org/unheard"]}}
    assert (await client.post("/fhir/Patient", json=unclaimed)).status_code == 201


async def test_validate_judges_by_the_profile_that_is_asked_for(client: httpx.AsyncClient) -> None:
    async def judged(resource: dict[str, Any], profile: str | None = None) -> httpx.Response:
        parts: list[dict[str, Any]] = [{"name": "resource", "resource": resource}]
        parts += [{"name": "profile", "valueUri": profile}] if profile else []
        body = {"resourceType": "Parameters", "parameter": parts}
        return await client.post(f"/fhir/{resource['resourceType']}/$validate", json=body)

    plain = {"resourceType": "Patient", "name": [{"text": "A"}, {"text": "B"}]}
    assert told(await judged(plain), "error") == []
    assert told(await judged(plain, SE), "error") == [("error", "structure", "Patient.name")]
    assert told(await judged(plain, SE + "|1.1.0"), "error") == [("error", "structure", "Patient.name")]
    assert (await judged(plain, SE + "|0.1")).status_code == 422
    other = await judged(plain, SE.replace("Patient", "Organization"))
    assert told(other, "error") == [("error", "structure", "Patient")]
    unheard = {**plain, "meta": {"profile": ["http://example.org/unheard"]}, "extension": [
        {"url": "http://example.org/x", "valueString": "y"}]}  # fmt: skip
    found = told(await judged(unheard), "warning", "information")
    assert ("warning", "not-found", "Patient.meta.profile") in found
    assert ("information", "not-found", "Patient.extension[0]") in found
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": swede(name=plain["name"])}],
    }
    assert told(await judged(bundle), "error") == [("error", "structure", "Bundle.entry[0].resource.name")]


async def test_codes_are_judged_by_the_terminology(
    client: httpx.AsyncClient, dsn: str, services: Services
) -> None:
    system = {
        "resourceType": "CodeSystem",
        "id": "codes",
        "url": CODES,
        "status": "active",
        "content": "complete",
        "concept": [
            {"code": "up", "display": "Up", "concept": [{"code": "a", "display": "A"}]},
            {"code": "z", "display": "Z"},
        ],
    }
    assert (await client.put("/fhir/CodeSystem/codes", json=system)).status_code == 201
    older = {
        "resourceType": "Observation",
        "id": "older",
        "status": "final",
        "code": {"coding": [{"system": CODES, "code": "z"}]},
        "meta": {"profile": [HOME + "Coded"]},
    }
    assert (await client.put("/fhir/Observation/older", json=older)).status_code == 201
    below = {"filter": [{"property": "concept", "op": "is-a", "value": "up"}]}
    await load(
        dsn,
        value_set("below", **below),
        value_set("elsewhere", system="urn:nobody"),
        profile("Coded", "Observation", bound("code", "below"), bound("method", "elsewhere")),
    )

    async def written(code: str, **more: Any) -> httpx.Response:
        concept = {"coding": [{"system": CODES, "code": code}]}
        observation = {"resourceType": "Observation", "status": "final", "code": concept, **more}
        return await client.post(
            "/fhir/Observation",
            json={**observation, "meta": {"profile": [HOME + "Coded"]}},
            headers={"prefer": "return=OperationOutcome"},
        )

    # Other processes are told; this one hears of it as soon as the message has come.
    while HOME + "Coded" not in (await services.gate.profiles()).get("Observation", []):
        await asyncio.sleep(0.01)
    assert (await written("a")).status_code == 201
    assert told(await written("z")) == [("error", "code-invalid", "Observation.code")]
    # The profile came after this one was written: it can be withdrawn, and not made worse.
    withdrawn = {**older, "status": "entered-in-error"}
    assert (await client.put("/fhir/Observation/older", json=withdrawn)).status_code == 200
    worse = {**older, "code": {"coding": [{"system": CODES, "code": "q"}]}}
    assert (await client.put("/fhir/Observation/older", json=worse)).status_code == 422
    unknown = await written("a", method={"coding": [{"system": "urn:nobody", "code": "1"}]})
    assert unknown.status_code == 201
    assert ("information", "not-found", "Observation.method") in told(unknown)
    statement = (await client.get("/fhir/metadata")).json()["rest"][0]["resource"]
    supported = {each["type"]: each.get("supportedProfile") for each in statement}
    assert supported["Observation"] == [HOME + "Coded"]
    assert supported["Patient"] == [SE + "|1.1.0"]
    assert supported["Condition"] is None


async def test_an_installation_may_warn_in_place_of_refusing(dsn: str, settings: Settings) -> None:
    async with open_services(replace(settings, claimed_profiles="warn"), dsn, connections=4) as lenient:
        token = await lenient.identity.mint_token(SYSTEM, timedelta(hours=1))
        transport = httpx.ASGITransport(app=build(lenient), raise_app_exceptions=False)
        headers = {"authorization": f"Bearer {token}", "prefer": "return=OperationOutcome"}
        async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
            two = swede(name=[{"text": "A"}, {"text": "B"}])
            taken = await client.post("/fhir/Patient", json=two)
            entry = {"resource": two, "request": {"method": "POST", "url": "Patient"}}
            bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
            both = (await client.post("/fhir", json=bundle)).json()["entry"][0]["response"]
    assert taken.status_code == 201
    assert told(taken, "warning") == [("warning", "structure", "Patient.name")]
    assert both["status"].startswith("201")
    assert [each["severity"] for each in both["outcome"]["issue"]] == ["information", "warning"]
