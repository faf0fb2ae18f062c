"""Compartments and searches across types over HTTP."""

from __future__ import annotations

from typing import Any

import httpx
from api_samples import entries, links, refused

FORM = {"content-type": "application/x-www-form-urlencoded"}


def person(name: str) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": name, "name": [{"family": name}], "gender": "female"}


def measured(name: str, subject: str, **more: Any) -> dict[str, Any]:
    code = {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]}
    about = {"reference": f"Patient/{subject}"}
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": code,
        "subject": about,
        **more,
    }


async def region(client: httpx.AsyncClient) -> None:
    """Two patients with data, and a resource that belongs to both."""
    appointment = {
        "resourceType": "Appointment",
        "id": "a",
        "status": "booked",
        "start": "2024-03-01T08:00:00Z",
        "end": "2024-03-01T09:00:00Z",
        "participant": [
            {"actor": {"reference": f"Patient/{name}"}, "status": "accepted"} for name in ("p", "q")
        ],
    }
    about = measured("by-p", "q", performer=[{"reference": "Patient/p"}])
    made = [person("p"), person("q"), measured("o1", "p"), measured("o2", "q"), about, appointment]
    made.append({"resourceType": "Organization", "id": "org", "name": "Öst"})
    for each in made:
        response = await client.put(f"/fhir/{each['resourceType']}/{each['id']}", json=each)
        assert response.status_code == 201, response.text


def names(bundle: dict[str, Any]) -> list[str]:
    return sorted(f"{each['resourceType']}/{each['id']}" for each in entries(bundle))


async def test_a_compartment_holds_what_refers_to_its_owner_by_any_of_its_parameters(
    client: httpx.AsyncClient,
) -> None:
    await region(client)
    expected = {
        "/fhir/Patient/p/Observation": ["Observation/by-p", "Observation/o1"],
        "/fhir/Patient/p/Observation?subject=q": ["Observation/by-p"],
        "/fhir/Patient/q/Observation": ["Observation/by-p", "Observation/o2"],
        "/fhir/Patient/p/Appointment": ["Appointment/a"],
        "/fhir/Patient/p/*": ["Appointment/a", "Observation/by-p", "Observation/o1", "Patient/p"],
        "/fhir/Patient/p/*?_type=Patient,Appointment": ["Appointment/a", "Patient/p"],
        "/fhir/Patient/nobody/Observation": [],
        "/fhir/Patient/p/Patient": ["Patient/p"],
    }
    for address, found in expected.items():
        response = await client.get(address)
        assert response.status_code == 200, response.text
        assert names(response.json()) == found, address
        assert links(response.json())["self"].startswith(f"http://test{address}".partition("?")[0])
    posted = await client.post("/fhir/Patient/p/Observation/_search", content="subject=q", headers=FORM)
    assert names(posted.json()) == ["Observation/by-p"]
    included = await client.get("/fhir/Patient/p/Observation?_include=Observation:subject")
    shown = [entry["fullUrl"].removeprefix("http://test/fhir/") for entry in included.json()["entry"]]
    assert sorted(shown) == ["Observation/by-p", "Observation/o1", "Patient/p", "Patient/q"]


async def test_what_is_no_compartment_is_refused_by_name(client: httpx.AsyncClient) -> None:
    refused(await client.get("/fhir/Organization/org/Patient"), 404, "not-supported", "Organization has no")
    refused(
        await client.get("/fhir/Patient/p/Organization"), 404, "not-supported", "never in the compartment"
    )
    refused(await client.get("/fhir/Patient/p/*?_type=Organization"), 400, "value", "Organization")
    refused(await client.get("/fhir/Patient/p/*?code=x"), 400, "not-found", "code")
    refused(await client.delete("/fhir/Patient/p/Observation"), 405, "not-supported", "DELETE")


async def test_a_search_across_types_shows_everything_once_newest_first(client: httpx.AsyncClient) -> None:
    await region(client)
    for query in ("_count=2", "_count=2&_sort=_lastUpdated", "_type=Patient,Observation&_count=1"):
        address: str | None = f"/fhir?{query}"
        seen: list[str] = []
        updated: list[str] = []
        while address is not None:
            bundle = (await client.get(address)).json()
            seen += [f"{each['resourceType']}/{each['id']}" for each in entries(bundle)]
            updated += [each["meta"]["lastUpdated"] for each in entries(bundle)]
            assert links(bundle)["self"].startswith("http://test/fhir?")
            address = links(bundle).get("next")
        assert len(seen) == len(set(seen)) == (5 if "_type" in query else 7), query
        assert updated == sorted(updated, reverse="_sort" not in query), query
    counted = (await client.get("/fhir?_summary=count&_type=Patient,Organization")).json()
    assert counted["total"] == 3
    assert names((await client.post("/fhir/_search", content="_id=p", headers=FORM)).json()) == ["Patient/p"]


async def test_a_search_across_types_takes_what_all_types_have(client: httpx.AsyncClient) -> None:
    await region(client)
    both = await client.get("/fhir?_type=Patient,Organization&name=%C3%B6st")
    assert names(both.json()) == ["Organization/org"]
    refused(await client.get("/fhir?_type=Patient,Observation&gender=female"), 400, "not-found", "gender")
    refused(await client.get("/fhir?_type=Patients"), 400, "value", "Patients")
    refused(await client.get("/fhir?_type=Patient&_sort=name"), 400, "not-supported", "_lastUpdated")
    refused(
        await client.get("/fhir?_type=Patient&_include=Patient:organization"),
        400,
        "not-supported",
        "_include",
    )
    refused(await client.get("/fhir/Patient?_type=Patient"), 400, "not-supported", "across types")


async def test_chains_are_searched_over_http_and_refused_with_their_place(client: httpx.AsyncClient) -> None:
    await region(client)
    found = (await client.get("/fhir/Observation?subject:Patient.name=q&_total=accurate")).json()
    assert (names(found), found["total"]) == (["Observation/by-p", "Observation/o2"], 2)
    found = (await client.get("/fhir/Patient?_has:Observation:subject:performer:Patient.name=p")).json()
    assert names(found) == ["Patient/q"]
    refused(await client.get("/fhir/Observation?subject:Patient.colour=red"), 400, "not-found", "colour")
    refused(await client.get("/fhir/Observation?subject:Patient.birthdate=soon"), 400, "value", "birthdate")
    refused(await client.get("/fhir/Patient?_has:Observation:code=1"), 400, "value", "_has:Type:reference")
