"""Transactions and batches over HTTP: http://hl7.org/fhir/R4/http.html#transaction."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from api_samples import SYSTEM, entries, issues, numbered, observation, patient, refused, stored

SUBJECT = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"


def bundle(kind: str, *listed: dict[str, Any]) -> dict[str, Any]:
    """A Bundle of that type."""
    return {"resourceType": "Bundle", "type": kind, "entry": list(listed)}


def entry(method: str, url: str, resource: dict[str, Any] | None = None, **request: Any) -> dict[str, Any]:
    """An entry; a fullUrl among the keywords stands beside the request."""
    made: dict[str, Any] = {"request": {"method": method, "url": url, **request}}
    if "fullUrl" in request:
        made["fullUrl"] = made["request"].pop("fullUrl")
    return made if resource is None else {**made, "resource": resource}


def statuses(response: httpx.Response) -> list[str]:
    """The statuses of the entries of a response Bundle."""
    assert response.status_code == 200, response.text
    return [one["response"]["status"] for one in response.json()["entry"]]


async def test_a_transaction_stores_what_refers_to_each_other(client: httpx.AsyncClient) -> None:
    sent = bundle(
        "transaction",
        entry("POST", "Observation", observation(SUBJECT)),
        entry("POST", "Patient", patient(), fullUrl=SUBJECT),
    )
    response = await client.post("/fhir", json=sent)
    assert response.json()["type"] == "transaction-response"
    assert statuses(response) == ["201 Created", "201 Created"]
    first, second = [one["response"] for one in response.json()["entry"]]
    assert first["etag"] == 'W/"1"'
    assert first["lastModified"].endswith("Z")
    assert first["location"].startswith("Observation/")
    assert "resource" not in response.json()["entry"][0]
    weight = (await client.get("/fhir/" + first["location"])).json()
    assert second["location"] == f"{weight['subject']['reference']}/_history/1"


async def test_the_base_takes_a_bundle_with_or_without_a_slash(client: httpx.AsyncClient) -> None:
    for base in ("/fhir", "/fhir/"):
        response = await client.post(base, json=bundle("transaction", entry("POST", "Patient", patient())))
        assert statuses(response) == ["201 Created"]
    empty = await client.post("/fhir", json={"resourceType": "Bundle", "type": "transaction"})
    assert empty.json() == {"resourceType": "Bundle", "type": "transaction-response"}


async def test_a_transaction_with_one_fault_stores_nothing_and_names_the_entry(
    client: httpx.AsyncClient,
) -> None:
    sent = bundle(
        "transaction",
        entry("POST", "Patient", patient()),
        entry("POST", "Observation", {"resourceType": "Observation", "status": "guessed"}),
    )
    response = await client.post("/fhir", json=sent)
    assert response.status_code == 422
    places = [place for issue in issues(response) for place in issue["expression"]]
    assert "Bundle.entry[1].resource.status" in places
    assert "entry" not in (await client.get("/fhir/Patient")).json()


async def test_a_batch_answers_each_entry_by_itself(client: httpx.AsyncClient) -> None:
    there = await stored(client, patient())
    sent = bundle(
        "batch",
        entry("POST", "Patient", patient()),
        entry("POST", "Patient", {"resourceType": "Patient", "gender": "unheard-of"}),
        entry("GET", f"Patient/{there['id']}"),
        entry("GET", "Patient/nobody"),
        entry("PUT", "Patient/p", patient(id="p")),
        entry("DELETE", f"Patient/{there['id']}"),
        entry("PATCH", "Patient/p", patient(id="p")),
        entry("GET", "Colour/red"),
    )
    response = await client.post("/fhir", json=sent)
    assert response.json()["type"] == "batch-response"
    codes = [int(status.split()[0]) for status in statuses(response)]
    assert codes == [201, 422, 200, 404, 201, 204, 400, 400]
    answers = response.json()["entry"]
    assert answers[2]["resource"] == there
    assert answers[2]["fullUrl"] == f"http://test/fhir/Patient/{there['id']}"
    wrong = answers[1]["response"]["outcome"]["issue"][0]
    assert wrong["expression"] == ["Bundle.entry[1].resource.gender"]
    assert answers[6]["response"]["outcome"]["issue"][0]["expression"] == ["Bundle.entry[6].resource"]
    assert (await client.get("/fhir/Patient/p")).status_code == 200


async def test_a_bundle_has_limits_and_says_them(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = bundle("batch", *[entry("GET", "Patient/p")] * 10_001)
    refused(await client.post("/fhir", json=many), 413, "too-costly", "10,001", "10,000")
    there = await stored(client, patient())
    monkeypatch.setattr("kontinuum.record.bundles.MAX_SHOWN", 3 * len(json.dumps(there)))
    reads = [entry("GET", f"Patient/{there['id']}"), entry("GET", "Patient")] * 3
    for kind in ("batch", "transaction"):
        sent = bundle(kind, *reads, entry("POST", "Patient", patient(name=[{"family": kind}])))
        response = await client.post("/fhir", json=sent)
        codes = [int(status.split()[0]) for status in statuses(response)]
        assert codes[0] == 200
        assert codes[-2:] == [413, 201]
        told = response.json()["entry"][5]["response"]["outcome"]["issue"][0]
        assert (told["code"], told["expression"]) == ("too-costly", ["Bundle.entry[5]"])


async def test_the_answers_follow_the_preference(client: httpx.AsyncClient) -> None:
    sent = bundle("transaction", entry("POST", "Patient", patient()))
    whole = await client.post("/fhir", json=sent, headers={"Prefer": "return=representation"})
    (made,) = whole.json()["entry"]
    assert made["resource"]["name"] == patient()["name"]
    assert made["fullUrl"] == f"http://test/fhir/Patient/{made['resource']['id']}"
    told = await client.post("/fhir", json=sent, headers={"Prefer": "return=OperationOutcome"})
    assert "was created" in told.json()["entry"][0]["response"]["outcome"]["issue"][0]["diagnostics"]


async def test_conditions_hold_inside_a_bundle(client: httpx.AsyncClient) -> None:
    condition = f"identifier={SYSTEM}|7"
    create = entry("POST", "Patient", numbered("7"), ifNoneExist=condition)
    first = await client.post("/fhir", json=bundle("transaction", create))
    again = await client.post("/fhir", json=bundle("transaction", create))
    assert (statuses(first), statuses(again)) == (["201 Created"], ["200 OK"])
    assert (
        again.json()["entry"][0]["response"]["location"] == first.json()["entry"][0]["response"]["location"]
    )
    update = entry("PUT", f"Patient?{condition}", numbered("7", gender="male"))
    assert statuses(await client.post("/fhir", json=bundle("transaction", update))) == ["200 OK"]
    await client.put("/fhir/Patient/p", json=patient(id="p"))
    stale = entry("PUT", "Patient/p", patient(id="p", gender="male"), ifMatch='W/"9"')
    assert (await client.post("/fhir", json=bundle("transaction", stale))).status_code == 412
    removal = entry("DELETE", f"Patient?{condition}")
    assert statuses(await client.post("/fhir", json=bundle("transaction", removal))) == ["204 No Content"]
    assert statuses(await client.post("/fhir", json=bundle("transaction", removal))) == ["204 No Content"]


async def test_a_read_in_a_bundle_tells_when_the_client_holds_the_version(client: httpx.AsyncClient) -> None:
    await client.put("/fhir/Patient/p", json=patient(id="p"))
    sent = bundle(
        "batch",
        entry("GET", "Patient/p", ifNoneMatch='W/"1"'),
        entry("GET", "Patient/p", ifNoneMatch='W/"2"'),
        entry("GET", "Patient/p", ifModifiedSince="2999-01-01T00:00:00Z"),
        entry("GET", "Patient/p", ifModifiedSince="1999-01-01T00:00:00Z"),
        entry("GET", "Patient/p", ifNoneMatch="x"),
        entry("GET", "Patient/p", ifModifiedSince="yesterday"),
        entry("GET", "Patient/p?_elements=gender"),
        entry("GET", "http://test/fhir/Patient/p"),
        entry("GET", "http://test/fhir/Patient?name=Örjan"),
    )
    response = await client.post("/fhir", json=sent)
    codes = [int(status.split()[0]) for status in statuses(response)]
    assert codes == [304, 200, 304, 200, 400, 400, 200, 200, 200]
    answers = response.json()["entry"]
    assert "resource" not in answers[0]
    assert answers[4]["response"]["outcome"]["issue"][0]["expression"] == [
        "Bundle.entry[4].request.ifNoneMatch"
    ]
    assert set(answers[6]["resource"]) == {"resourceType", "id", "meta"}
    assert answers[7]["resource"]["id"] == "p"
    assert len(entries(answers[8]["resource"])) == 1


async def test_a_search_in_a_bundle_answers_with_its_own_searchset(client: httpx.AsyncClient) -> None:
    created = await stored(client, numbered("7"))
    sent = bundle(
        "batch", entry("GET", f"Patient?identifier={SYSTEM}|7&_total=accurate"), entry("GET", "Patient?x=1")
    )
    response = await client.post("/fhir", json=sent)
    found = response.json()["entry"][0]["resource"]
    assert (found["type"], found["total"]) == ("searchset", 1)
    assert entries(found) == [created]
    assert found["link"][0]["url"].startswith("http://test/fhir/Patient?identifier=")
    assert statuses(response)[1] == "400 Bad Request"


async def test_a_bundle_asks_for_versions_histories_compartments_and_operations(
    client: httpx.AsyncClient,
) -> None:
    await client.put("/fhir/Patient/p", json=patient(id="p"))
    await client.put("/fhir/Patient/p", json=patient(id="p", active=True))
    await client.put("/fhir/Observation/o", json=observation("Patient/p", id="o"))
    asked = [
        "Patient/p/_history/1",
        "Patient/p/_history?_count=1",
        "Patient/_history",
        "_history",
        "Patient/p/Observation?_total=accurate",
        "Patient/p/$everything?_type=Observation",
        "?_type=Patient,Observation&_id=p",
        "http://test/fhir/Patient/p/_history/2",
    ]
    for kind in ("batch", "transaction"):
        made = entry("POST", "Observation", observation("Patient/p"))
        sent = bundle(kind, entry("GET", "Patient/p"), *(entry("GET", each) for each in asked), made)
        response = await client.post("/fhir", json=sent)
        assert set(statuses(response)[:-1]) == {"200 OK"}, statuses(response)
        assert statuses(response)[-1] == "201 Created"
        answers = response.json()["entry"][1:-1]
        for url, answer in zip(asked, answers, strict=True):
            alone = (await client.get(f"/fhir/{url.removeprefix('http://test/fhir/')}")).json()
            found = answer["resource"]
            assert (found["resourceType"], found.get("type")) == (alone["resourceType"], alone.get("type")), (
                url
            )
        version, past, *_, everything, _, second = (each["resource"] for each in answers)
        assert (version["meta"]["versionId"], second["meta"]["versionId"]) == ("1", "2")
        assert answers[0]["response"]["etag"] == 'W/"1"'
        assert [link["relation"] for link in past["link"]] == ["self", "next"]
        # What is asked is answered when everything has been written.
        assert len(everything["entry"]) == {"batch": 2, "transaction": 3}[kind]


async def test_what_is_asked_in_vain_is_answered_in_its_place(client: httpx.AsyncClient) -> None:
    asked = [
        "Patient/none/_history/1",
        "Patient/$nothing",
        "Patient/p/Observation?colour=red",
        "Patient/_history?x=1",
    ]
    broken = entry("POST", "Observation", {"resourceType": "Observation"})
    sent = bundle("batch", *(entry("GET", each) for each in asked), broken, entry("GET", "Nonsense"), broken)
    response = await client.post("/fhir", json=sent)
    assert [each[:3] for each in statuses(response)] == ["404", "404", "400", "400", "422", "400", "422"]
    places = [each["response"]["outcome"]["issue"][0].get("expression") for each in response.json()["entry"]]
    assert places[4][0].startswith("Bundle.entry[4].resource")
    assert places[6][0].startswith("Bundle.entry[6].resource"), "entries at fault keep their places"


async def test_another_servers_address_is_not_answered_with_what_is_kept_here(
    client: httpx.AsyncClient,
) -> None:
    await client.put("/fhir/Patient/p", json=patient(id="p"))
    for url in (
        "https://elsewhere.example/fhir/Patient/p",
        "http://test/other/Patient/p",
        "https://x/Patient?name=x",
    ):
        response = await client.post("/fhir", json=bundle("batch", entry("GET", url), entry("DELETE", url)))
        assert statuses(response) == ["400 Bad Request"] * 2
        assert "http://test/fhir" in response.text
    assert (await client.get("/fhir/Patient/p")).status_code == 200


@pytest.mark.parametrize("url", ["metadata", "$export", "Patient/$export", "Patient/_search", "nonsense"])
async def test_what_is_no_interaction_on_a_resource_is_refused_in_a_bundle(
    closed: httpx.AsyncClient, url: str
) -> None:
    response = await closed.post("/fhir", json=bundle("transaction", entry("GET", url)))
    assert response.status_code == 400
    assert issues(response)[0]["expression"] == ["Bundle.entry[0].request.url"]


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        (None, "request"),
        ("text", "request"),
        ({}, "request"),
        ({"request": {"method": "GET"}}, "request"),
        ({"request": {"method": 1, "url": 2}}, "request"),
        (entry("DELETE", "Patient/p", ifNoneExist="name=x"), "request.ifNoneExist"),
        (entry("PUT", "Patient/p", patient(id="p"), ifNoneMatch="*"), "request.ifNoneMatch"),
        (entry("POST", "Patient", patient(), ifNoneExist=7), "request.ifNoneExist"),
        (entry("POST", "Patient", patient(), ifMatch='W/"1"'), "request.ifMatch"),
        (entry("POST", "Patient", patient(), fullUrl=["x"]), "fullUrl"),
        (entry("POST", "Patient?name=x", patient()), "request.url"),
        (entry("PUT", "Patient/p?name=x", patient(id="p")), "request.url"),
        (entry("GET", "Patient/p?name=x"), "request.url"),
    ],
)
async def test_an_entry_that_cannot_be_understood_is_named(
    closed: httpx.AsyncClient, wrong: Any, place: str
) -> None:
    response = await closed.post(
        "/fhir", json={"resourceType": "Bundle", "type": "transaction", "entry": [wrong]}
    )
    assert response.status_code == 400
    assert issues(response)[0]["expression"] == [f"Bundle.entry[0].{place}"]


async def test_only_transactions_and_batches_are_carried_out(closed: httpx.AsyncClient) -> None:
    for kind in ("collection", "document", None, 7):
        response = await closed.post("/fhir", json={"resourceType": "Bundle", "type": kind})
        refused(response, 400, "value", "transaction or batch")
    refused(await closed.post("/fhir", json=patient()), 400, "invalid", "Bundle")
    not_a_list = {"resourceType": "Bundle", "type": "batch", "entry": {}}
    refused(await closed.post("/fhir", json=not_a_list), 400, "structure", "list")


async def test_a_bundle_can_be_kept_as_it_is(client: httpx.AsyncClient) -> None:
    kept = await client.post("/fhir/Bundle", json={"resourceType": "Bundle", "type": "collection"})
    assert kept.status_code == 201
