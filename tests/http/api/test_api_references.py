"""References as clients write them: by address, by version, by condition. http://hl7.org/fhir/R4/references.html."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import pytest
from api_samples import SYSTEM, entries, numbered, observation, patient, refused, stored

BASE = "http://test/fhir"
OURS = {"reference": f"{BASE}/Patient/p"}
KEPT = {"reference": "Patient/p"}


@pytest.fixture
async def anna(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """A client of a record that holds the Patient `p`."""
    await client.put("/fhir/Patient/p", json=numbered("1", id="p"))
    return client


async def subjects(client: httpx.AsyncClient, criteria: str) -> list[str]:
    """The subjects of the Observations that a search finds."""
    found = await client.get(f"/fhir/Observation?{criteria}")
    assert found.status_code == 200, found.text
    return [each["subject"]["reference"] for each in entries(found.json())]


def bundle(kind: str, *requests: dict[str, Any]) -> dict[str, Any]:
    """A Bundle of entries."""
    return {"resourceType": "Bundle", "type": kind, "entry": list(requests)}


def entry(method: str, url: str, resource: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """One entry of a Bundle."""
    held = {} if resource is None else {"resource": resource}
    return {**held, "request": {"method": method, "url": url}, **more}


async def test_a_reference_by_the_servers_own_address_is_found_as_the_relative_one(
    anna: httpx.AsyncClient,
) -> None:
    made = await stored(anna, observation(OURS["reference"]))
    assert made["subject"] == KEPT
    versioned = await stored(anna, observation(f"{BASE}/Patient/p/_history/1"))
    assert versioned["subject"]["reference"] == "Patient/p/_history/1"
    both = ["Patient/p", "Patient/p/_history/1"]
    for criteria in (
        "subject=Patient/p",
        "patient=p",
        f"subject={BASE}/Patient/p",
        f"patient.identifier={SYSTEM}|1",
    ):
        assert sorted(await subjects(anna, criteria)) == both, criteria
    assert len(entries((await anna.get("/fhir/Patient/p/Observation")).json())) == 2
    assert len(entries((await anna.get("/fhir/Patient/p/$everything")).json())) == 3
    assert (
        len(
            entries((await anna.get("/fhir/Patient?_id=p&_revinclude=Observation:subject")).json(), "include")
        )
        == 2
    )


async def test_every_way_of_writing_keeps_it_relative(anna: httpx.AsyncClient) -> None:
    elsewhere = observation("Patient/q")
    await anna.put("/fhir/Observation/put", json=observation(OURS["reference"], id="put"))
    await anna.put(f"/fhir/Observation?identifier={SYSTEM}|c", json=observation(OURS["reference"], id="cond"))
    for name in ("json", "path", "binary"):
        await anna.put(f"/fhir/Observation/{name}", json={**elsewhere, "id": name})
    operation = [{"op": "replace", "path": "/subject/reference", "value": OURS["reference"]}]
    headers = {"content-type": "application/json-patch+json"}
    assert (
        await anna.patch("/fhir/Observation/json", content=json.dumps(operation), headers=headers)
    ).status_code == 200
    parts = [
        {"name": "type", "valueCode": "replace"},
        {"name": "path", "valueString": "Observation.subject"},
        {"name": "value", "valueReference": OURS},
    ]
    change = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]}
    headers = {"content-type": "application/fhir+json"}
    assert (
        await anna.patch("/fhir/Observation/path", content=json.dumps(change), headers=headers)
    ).status_code == 200
    packed = {
        "resourceType": "Binary",
        "contentType": "application/json-patch+json",
        "data": base64.b64encode(json.dumps(operation).encode()).decode(),
    }
    for kind in ("transaction", "batch"):
        new = observation(OURS["reference"], id=kind)
        done = await anna.post("/fhir", json=bundle(kind, entry("PUT", f"Observation/{kind}", new)))
        assert done.json()["entry"][0]["response"]["status"] == "201 Created"
    await anna.post("/fhir", json=bundle("transaction", entry("PATCH", "Observation/binary", packed)))
    for name in ("put", "cond", "json", "path", "binary", "transaction", "batch"):
        kept = (await anna.get(f"/fhir/Observation/{name}")).json()
        assert kept["subject"] == KEPT, name
    assert len(await subjects(anna, "subject=Patient/p")) == 7


async def test_the_reason_of_a_change_leads_to_what_is_kept_here(anna: httpx.AsyncClient) -> None:
    who = {"reference": f"{BASE}/Practitioner/x"}
    told = {"resourceType": "Provenance", "recorded": "2026-03-01T00:00:00Z", "agent": [{"who": who}]}
    headers = {"X-Provenance": json.dumps(told)}
    made = await anna.post("/fhir/Observation", json=observation(OURS["reference"]), headers=headers)
    assert made.json()["subject"] == KEPT
    found = entries((await anna.get("/fhir/Provenance?agent=Practitioner/x&patient=p")).json())
    assert len(found) == 1


async def test_what_is_kept_elsewhere_is_left_as_it_was_written(anna: httpx.AsyncClient) -> None:
    for other in (
        "https://elsewhere.example/fhir/Patient/p",
        "http://test/fhirer/Patient/p",
        f"{BASE}/Patient/p/x",
    ):
        made = await stored(anna, observation(other))
        assert made["subject"]["reference"] == other
        assert await subjects(anna, f"subject={other}") == [other]
    assert await subjects(anna, "subject=Patient/p") == []
    named = patient(
        identifier=[{"system": f"{BASE}/Patient/p", "value": OURS["reference"]}], implicitRules=BASE
    )
    kept = await stored(anna, {**named, "implicitRules": f"{BASE}/Patient/p"})
    assert kept["identifier"] == named["identifier"]
    assert kept["implicitRules"] == f"{BASE}/Patient/p"


async def test_an_entry_that_is_made_goes_before_what_has_the_same_address(anna: httpx.AsyncClient) -> None:
    made = entry("POST", "Patient", patient(), fullUrl=f"{BASE}/Patient/p")
    answer = await anna.post(
        "/fhir",
        json=bundle("transaction", made, entry("POST", "Observation", observation(f"{BASE}/Patient/p"))),
    )
    new = answer.json()["entry"][0]["response"]["location"].removesuffix("/_history/1")
    assert new != "Patient/p"
    assert await subjects(anna, f"subject={new}") == [new]


async def test_criteria_by_the_servers_own_address_find_what_is_there(anna: httpx.AsyncClient) -> None:
    one = await stored(anna, observation("Patient/p"))
    asked = f"subject={BASE}/Patient/p"
    again = await anna.post(
        "/fhir/Observation", json=observation("Patient/p"), headers={"If-None-Exist": asked}
    )
    assert (again.status_code, again.json()["id"]) == (200, one["id"])
    found = await anna.post("/fhir", json=bundle("batch", entry("GET", f"Observation?{asked}")))
    assert [each["id"] for each in entries(found.json()["entry"][0]["resource"])] == [one["id"]]
    made = entry("POST", "Observation", observation("Patient/p"))
    made["request"]["ifNoneExist"] = asked
    done = await anna.post("/fhir", json=bundle("transaction", made))
    assert done.json()["entry"][0]["response"]["status"] == "200 OK"
    assert (await anna.delete(f"/fhir/Observation?{asked}")).status_code == 204
    assert (await anna.get(f"/fhir/Observation/{one['id']}")).status_code == 410


@pytest.mark.parametrize("form", ["{}", "?{}", "Patient?{}", "http://test/fhir/Patient?{}"])
async def test_criteria_may_be_written_as_the_address_of_a_search(anna: httpx.AsyncClient, form: str) -> None:
    asked = form.format(f"identifier={SYSTEM}%7C1")
    found = await anna.post("/fhir/Patient", json=numbered("1"), headers={"If-None-Exist": asked})
    assert (found.status_code, found.json()["id"]) == (200, "p")
    for kind in ("batch", "transaction"):
        made = entry("POST", "Patient", numbered("1"))
        made["request"]["ifNoneExist"] = asked
        done = await anna.post("/fhir", json=bundle(kind, made))
        assert done.json()["entry"][0]["response"]["location"] == "Patient/p/_history/1"


@pytest.mark.parametrize(
    "criteria", ["Observation?status=final", f"{BASE}/Observation?status=final", "http://x/Patient?_id=p"]
)
async def test_criteria_of_something_else_are_refused(anna: httpx.AsyncClient, criteria: str) -> None:
    other = await anna.post("/fhir/Patient", json=numbered("2"), headers={"If-None-Exist": criteria})
    assert other.status_code == 400, other.text


async def test_a_subscription_is_not_narrowed_by_an_address_that_nothing_carries(
    anna: httpx.AsyncClient,
) -> None:
    guide = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-"
    content = {"url": f"{guide}payload-content", "valueCode": "id-only"}
    narrowed = {"url": f"{guide}filter-criteria", "valueString": f"Observation?patient={BASE}/Patient/p"}
    wanted = {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "x",
        "criteria": "urn:kontinuum:topic:observation",
        "_criteria": {"extension": [narrowed]},
        "channel": {
            "type": "websocket",
            "payload": "application/fhir+json",
            "_payload": {"extension": [content]},
        },
    }
    refused(await anna.post("/fhir/Subscription", json=wanted), 422, "value", "Type/id")
    narrowed["valueString"] = "Observation?patient=Patient/p"
    assert (await anna.post("/fhir/Subscription", json=wanted)).status_code == 201


async def test_a_reference_between_entries_leads_to_an_entry_or_is_refused(anna: httpx.AsyncClient) -> None:
    name = "urn:uuid:0daa4a84-a347-4f87-a9cd-b35fc7868170"
    made = entry("POST", "Patient", patient(), fullUrl=name)
    alone = await anna.post(
        "/fhir", json=bundle("batch", made, entry("POST", "Observation", observation(name)))
    )
    first, second = (each["response"] for each in alone.json()["entry"])
    assert first["status"] == "201 Created"
    assert second["status"] == "400 Bad Request"
    assert second["outcome"]["issue"][0]["expression"] == ["Bundle.entry[1].resource.subject.reference"]
    shouted = bundle("transaction", made, entry("POST", "Observation", observation(name.upper())))
    refused(await anna.post("/fhir", json=shouted), 400, "not-found", name.upper())
    assert await subjects(anna, "") == []


async def test_a_reference_by_condition_is_refused_where_nobody_resolves_it(anna: httpx.AsyncClient) -> None:
    conditional = observation(f"Patient?identifier={SYSTEM}|1")
    refused(await anna.post("/fhir/Observation", json=conditional), 422, "value", "transaction")
    refused(
        await anna.put("/fhir/Observation/o", json={**conditional, "id": "o"}), 422, "value", "transaction"
    )
    alone = await anna.post("/fhir", json=bundle("batch", entry("POST", "Observation", conditional)))
    assert alone.json()["entry"][0]["response"]["status"].startswith("422")
    done = await anna.post("/fhir", json=bundle("transaction", entry("POST", "Observation", conditional)))
    assert done.status_code == 200, done.text
    assert await subjects(anna, "subject=Patient/p") == ["Patient/p"]
