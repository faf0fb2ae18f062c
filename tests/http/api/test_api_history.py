"""History over HTTP: http://hl7.org/fhir/R4/http.html#history."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from api_samples import links, observation, patient, refused, stored


def versions(bundle: dict[str, Any]) -> list[str]:
    """The version tags of a history, in its order."""
    return [entry["response"]["etag"] for entry in bundle.get("entry", [])]


async def lived(client: httpx.AsyncClient) -> list[str]:
    """A patient p that was created, changed and deleted; when each version was written."""
    await client.put("/fhir/Patient/p", json=patient(id="p"))
    await client.put("/fhir/Patient/p", json=patient(id="p", gender="male"))
    await client.delete("/fhir/Patient/p")
    bundle = (await client.get("/fhir/Patient/p/_history")).json()
    return [entry["response"]["lastModified"] for entry in reversed(bundle["entry"])]


async def test_the_history_of_a_resource_tells_what_happened_newest_first(client: httpx.AsyncClient) -> None:
    await lived(client)
    response = await client.get("/fhir/Patient/p/_history")
    bundle = response.json()
    assert (response.status_code, bundle["type"]) == (200, "history")
    assert [entry["request"] for entry in bundle["entry"]] == [
        {"method": "DELETE", "url": "Patient/p"},
        {"method": "PUT", "url": "Patient/p"},
        {"method": "PUT", "url": "Patient/p"},
    ]
    assert [entry["response"]["status"] for entry in bundle["entry"]] == [
        "204 No Content",
        "200 OK",
        "201 Created",
    ]
    assert versions(bundle) == ['W/"3"', 'W/"2"', 'W/"1"']
    assert {entry["fullUrl"] for entry in bundle["entry"]} == {"http://test/fhir/Patient/p"}
    assert [entry.get("resource", {}).get("gender") for entry in bundle["entry"]] == [None, "male", None]
    assert "resource" not in bundle["entry"][0]
    assert bundle["entry"][1]["resource"]["meta"]["versionId"] == "2"


async def test_what_the_server_named_was_posted(client: httpx.AsyncClient) -> None:
    created = await stored(client, patient())
    bundle = (await client.get(f"/fhir/Patient/{created['id']}/_history")).json()
    assert bundle["entry"][0]["request"] == {"method": "POST", "url": "Patient"}
    assert bundle["entry"][0]["resource"] == created


async def test_types_and_the_whole_record_have_a_history(client: httpx.AsyncClient) -> None:
    subject = await stored(client, patient())
    await stored(client, observation(f"Patient/{subject['id']}"))
    of_type = (await client.get("/fhir/Patient/_history")).json()
    assert [entry["resource"]["resourceType"] for entry in of_type["entry"]] == ["Patient"]
    of_all = (await client.get("/fhir/_history")).json()
    assert [entry["resource"]["resourceType"] for entry in of_all["entry"]] == ["Observation", "Patient"]
    assert links(of_all)["self"] == "http://test/fhir/_history?_count=50"


async def test_history_comes_in_pages(client: httpx.AsyncClient) -> None:
    await lived(client)
    for place in ("/fhir/Patient/p/_history", "/fhir/Patient/_history", "/fhir/_history"):
        address: str | None = f"{place}?_count=2"
        pages = []
        while address is not None:
            bundle = (await client.get(address)).json()
            pages.append(versions(bundle))
            address = links(bundle).get("next")
        assert pages == [['W/"3"', 'W/"2"'], ['W/"1"']], place
    largest = (await client.get("/fhir/_history?_count=100000")).json()
    assert links(largest)["self"].endswith("_count=1000")


async def test_since_leaves_out_what_is_older(client: httpx.AsyncClient) -> None:
    times = await lived(client)
    for place in ("/fhir/Patient/p/_history", "/fhir/Patient/_history", "/fhir/_history"):
        later = (await client.get(place, params={"_since": times[1]})).json()
        assert versions(later) == ['W/"3"', 'W/"2"'], place
        none = (await client.get(f"{place}?_since=2999-01-01T00:00:00Z")).json()
        assert "entry" not in none
    with_zone = times[1].replace("Z", "+00:00")
    assert len((await client.get(f"/fhir/Patient/p/_history?_since={with_zone}")).json()["entry"]) == 2


async def test_at_shows_the_version_that_was_current(client: httpx.AsyncClient) -> None:
    times = await lived(client)
    for number, moment in enumerate(times, start=1):
        bundle = (await client.get("/fhir/Patient/p/_history", params={"_at": moment})).json()
        assert versions(bundle) == [f'W/"{number}"']
    day = (await client.get("/fhir/Patient/p/_history", params={"_at": times[0][:10]})).json()
    assert versions(day) == ['W/"3"', 'W/"2"', 'W/"1"']
    before = (await client.get("/fhir/Patient/p/_history?_at=1999")).json()
    assert "entry" not in before
    paged = (await client.get("/fhir/Patient/p/_history", params={"_at": times[1], "_count": "1"})).json()
    assert (versions(paged), set(links(paged))) == (['W/"2"'], {"self"})


async def test_a_history_may_be_shortened(client: httpx.AsyncClient) -> None:
    await lived(client)
    bundle = (await client.get("/fhir/Patient/p/_history?_elements=gender")).json()
    assert set(bundle["entry"][1]["resource"]) == {"resourceType", "id", "meta", "gender"}
    assert bundle["entry"][1]["resource"]["meta"]["tag"][0]["code"] == "SUBSETTED"


async def test_what_never_was_has_no_history(client: httpx.AsyncClient) -> None:
    refused(await client.get("/fhir/Patient/nobody/_history"), 404, "not-found")


@pytest.mark.parametrize(
    ("query", "code", "word"),
    [
        ("_since=yesterday", "value", "_since"),
        ("_since=2026-02-30", "value", "_since"),
        ("_at=x", "value", "_at"),
        ("_count=0", "value", "_count"),
        ("_count=x", "value", "_count"),
        ("_count=%C2%B2", "value", "_count"),
        ("_count=99999999999", "value", "_count"),
        ("_since=2026&_since=2025", "value", "_since"),
        ("_since=2026&_at=2026", "invalid", "exclude"),
        ("_list=1", "not-supported", "_list"),
        ("name=x", "not-supported", "name"),
        ("_summary=count", "value", "_summary"),
    ],
)
async def test_what_a_history_does_not_understand_is_refused(
    closed: httpx.AsyncClient, query: str, code: str, word: str
) -> None:
    refused(await closed.get(f"/fhir/Patient/p/_history?{query}"), 400, code, word)


async def test_at_shows_a_type_and_everything_as_they_were(client: httpx.AsyncClient) -> None:
    times = await lived(client)
    await client.put("/fhir/Patient/later", json=patient(id="later"))
    for place in ("/fhir/_history", "/fhir/Patient/_history"):
        for number, moment in enumerate(times, start=1):
            bundle = (await client.get(place, params={"_at": moment})).json()
            assert versions(bundle) == [f'W/"{number}"'], (place, number)
        day = (await client.get(place, params={"_at": times[0][:10], "_count": "3"})).json()
        assert versions(day) == ['W/"1"', 'W/"3"', 'W/"2"']
        assert versions((await client.get(links(day)["next"])).json()) == ['W/"1"']


@pytest.mark.parametrize(
    "token", ["x", "å", "AAAA", "WzEsMiwzXQ", "W10", "WzEsMiw5OTk5OTk5OTk5OTk5XQ", "W251bGwsMSwyXQ"]
)
async def test_a_page_token_that_is_not_ours_is_no_fault(client: httpx.AsyncClient, token: str) -> None:
    await lived(client)
    response = await client.get("/fhir/Patient/p/_history", params={"_cursor": token})
    assert response.status_code in (200, 400)
