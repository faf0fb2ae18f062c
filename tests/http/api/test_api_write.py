"""Create, update, delete and their conditions: http://hl7.org/fhir/R4/http.html#create and following."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from api_samples import SYSTEM, issues, numbered, patient, refused, stored


async def test_a_create_says_where_the_new_resource_is(client: httpx.AsyncClient) -> None:
    response = await client.post("/fhir/Patient", json=patient())
    assert response.status_code == 201
    created = response.json()
    assert response.headers["location"] == f"http://test/fhir/Patient/{created['id']}/_history/1"
    assert response.headers["etag"] == 'W/"1"'
    assert created["meta"]["versionId"] == "1"
    assert "last-modified" in response.headers


async def test_the_server_names_what_is_created_whatever_id_was_sent(client: httpx.AsyncClient) -> None:
    created = await stored(
        client, patient(id="mine", meta={"versionId": "7", "source": "http://example.org"})
    )
    assert created["id"] != "mine"
    assert (created["meta"]["versionId"], created["meta"]["source"]) == ("1", "http://example.org")
    refused(await client.get("/fhir/Patient/mine"), 404, "not-found")


async def test_the_body_of_the_answer_follows_the_preference(client: httpx.AsyncClient) -> None:
    minimal = await client.post("/fhir/Patient", json=patient(), headers={"Prefer": "return=minimal"})
    assert (minimal.status_code, minimal.content) == (201, b"")
    assert minimal.headers["preference-applied"] == "return=minimal"
    assert "content-type" not in minimal.headers
    whole = await client.post("/fhir/Patient", json=patient(), headers={"Prefer": "return=representation"})
    assert whole.json()["name"] == patient()["name"]
    told = await client.post("/fhir/Patient", json=patient(), headers={"Prefer": "return=OperationOutcome"})
    assert told.status_code == 201
    assert issues(told)[0]["severity"] == "information"
    assert "was created" in issues(told)[0]["diagnostics"]
    other = await client.post("/fhir/Patient", json=patient(), headers={"Prefer": "respond-async, x=y"})
    assert other.status_code == 201
    assert "preference-applied" not in other.headers


async def test_an_invalid_resource_is_refused_with_every_problem_and_its_place(
    client: httpx.AsyncClient,
) -> None:
    wrong = {"resourceType": "Observation", "status": "guessed", "colour": "red"}
    response = await client.post("/fhir/Observation", json=wrong)
    assert response.status_code == 422
    places = {place for issue in issues(response) for place in issue.get("expression", [])}
    assert {"Observation.status", "Observation.colour"} <= places
    assert any("code" in issue["diagnostics"] and issue["code"] == "required" for issue in issues(response))


async def test_an_update_makes_the_next_version(client: httpx.AsyncClient) -> None:
    created = await stored(client, patient())
    address = f"/fhir/Patient/{created['id']}"
    response = await client.put(address, json={**created, "gender": "other"})
    assert response.status_code == 200
    assert response.headers["etag"] == 'W/"2"'
    assert response.headers["location"] == f"http://test{address}/_history/2"
    assert (await client.get(address)).json()["gender"] == "other"


async def test_an_update_of_what_is_not_there_creates_it_under_the_client_s_id(
    client: httpx.AsyncClient,
) -> None:
    response = await client.put("/fhir/Patient/p-1", json=patient(id="p-1"))
    assert response.status_code == 201
    assert response.headers["location"] == "http://test/fhir/Patient/p-1/_history/1"
    assert (await client.get("/fhir/Patient/p-1")).status_code == 200


async def test_an_update_of_a_deleted_resource_brings_it_back(client: httpx.AsyncClient) -> None:
    await client.put("/fhir/Patient/p-1", json=patient(id="p-1"))
    await client.delete("/fhir/Patient/p-1")
    back = await client.put("/fhir/Patient/p-1", json=patient(id="p-1"))
    assert (back.status_code, back.headers["etag"]) == (201, 'W/"3"')
    assert (await client.get("/fhir/Patient/p-1")).status_code == 200


async def test_the_id_in_the_body_must_be_that_of_the_address(closed: httpx.AsyncClient) -> None:
    refused(await closed.put("/fhir/Patient/a", json=patient(id="b")), 400, "invalid", "'a'")
    refused(await closed.put("/fhir/Patient/a", json=patient(id=1)), 400, "invalid", "'a'")
    missing = refused(await closed.put("/fhir/Patient/a", json=patient()), 400, "required", "id")
    assert missing["expression"] == ["id"]
    refused(await closed.put("/fhir/Patient/bad_id!", json=patient()), 400, "value", "bad_id!")


async def test_an_update_that_knows_the_version_is_safe(client: httpx.AsyncClient) -> None:
    await client.put("/fhir/Patient/p", json=patient(id="p"))
    changed = patient(id="p", gender="male")
    assert (
        await client.put("/fhir/Patient/p", json=changed, headers={"If-Match": 'W/"1"'})
    ).status_code == 200
    stale = await client.put("/fhir/Patient/p", json=patient(id="p"), headers={"If-Match": '"1"'})
    refused(stale, 412, "conflict", "version 1", "2")
    assert (await client.get("/fhir/Patient/p")).json()["gender"] == "male"
    absent = await client.put("/fhir/Patient/q", json=patient(id="q"), headers={"If-Match": 'W/"1"'})
    refused(absent, 412, "conflict")


@pytest.mark.parametrize("tag", ["1", "W/1", "*", 'W/"x"', 'W/"1", W/"2"', 'W/"0"', "", 'W/"99999999999"'])
async def test_a_demand_that_names_no_version_is_refused(closed: httpx.AsyncClient, tag: str) -> None:
    for response in (
        await closed.put("/fhir/Patient/p", json=patient(id="p"), headers={"If-Match": tag}),
        await closed.delete("/fhir/Patient/p", headers={"If-Match": tag}),
    ):
        refused(response, 400, "value", 'W/"3"')


async def test_of_several_updates_of_one_version_one_wins(client: httpx.AsyncClient) -> None:
    await client.put("/fhir/Patient/p", json=patient(id="p"))
    responses = await asyncio.gather(
        *(
            client.put(
                "/fhir/Patient/p",
                json=patient(id="p", birthDate=f"19{n}0-01-01"),
                headers={"If-Match": 'W/"1"'},
            )
            for n in range(5, 10)
        )
    )
    assert sorted(response.status_code for response in responses) == [200, 412, 412, 412, 412]


async def test_if_none_match_star_creates_but_never_replaces(client: httpx.AsyncClient) -> None:
    only_new = {"If-None-Match": "*"}
    assert (await client.put("/fhir/Patient/p", json=patient(id="p"), headers=only_new)).status_code == 201
    again = await client.put("/fhir/Patient/p", json=patient(id="p", gender="male"), headers=only_new)
    refused(again, 412, "conflict", "exists")
    assert "gender" not in (await client.get("/fhir/Patient/p")).json()


async def test_a_condition_that_has_no_meaning_is_refused(closed: httpx.AsyncClient) -> None:
    with_tag = {"If-None-Match": 'W/"1"'}
    refused(await closed.put("/fhir/Patient/p", json=patient(id="p"), headers=with_tag), 400, "value", "*")
    for headers in ({"If-Match": 'W/"1"'}, {"If-None-Match": "*"}):
        name = next(iter(headers))
        refused(
            await closed.post("/fhir/Patient", json=patient(), headers=headers), 400, "not-supported", name
        )
    exists = {"If-None-Exist": "name=x"}
    put = await closed.put("/fhir/Patient/p", json=patient(id="p"), headers=exists)
    refused(put, 400, "not-supported", "If-None-Exist")
    empty = await closed.post("/fhir/Patient", json=patient(), headers={"If-None-Exist": "?"})
    refused(empty, 400, "required", "If-None-Exist")


async def test_a_conditional_create_makes_one_resource(client: httpx.AsyncClient) -> None:
    condition = {"If-None-Exist": f"identifier={SYSTEM}|7"}
    first = await client.post("/fhir/Patient", json=numbered("7"), headers=condition)
    second = await client.post("/fhir/Patient", json=numbered("7"), headers=condition)
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.headers["location"] == first.headers["location"]
    await stored(client, numbered("7"))
    third = await client.post("/fhir/Patient", json=numbered("7"), headers=condition)
    refused(third, 412, "multiple-matches")
    unknown = await client.post("/fhir/Patient", json=numbered("7"), headers={"If-None-Exist": "colour=red"})
    refused(unknown, 400, "not-found", "colour")


async def test_a_conditional_update_creates_then_updates_then_must_be_unique(
    client: httpx.AsyncClient,
) -> None:
    address = f"/fhir/Patient?identifier={SYSTEM}|7"
    first = await client.put(address, json=numbered("7"))
    second = await client.put(address, json=numbered("7", gender="female"))
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json()["id"] == first.json()["id"]
    assert second.headers["etag"] == 'W/"2"'
    other_id = await client.put(address, json=numbered("7", id="someone-else"))
    assert other_id.status_code == 400
    await stored(client, numbered("7"))
    refused(await client.put(address, json=numbered("7")), 412, "multiple-matches")


async def test_a_delete_hides_the_resource_and_can_be_repeated(client: httpx.AsyncClient) -> None:
    created = await stored(client, patient())
    address = f"/fhir/Patient/{created['id']}"
    first = await client.delete(address)
    assert (first.status_code, first.content, first.headers["etag"]) == (204, b"", 'W/"2"')
    assert (await client.get(address)).status_code == 410
    assert "entry" not in (await client.get("/fhir/Patient")).json()
    assert (await client.delete(address)).status_code == 204
    assert (await client.delete("/fhir/Patient/never-was")).status_code == 204
    told = await client.delete(address, headers={"Prefer": "return=OperationOutcome"})
    assert told.status_code == 200
    assert "left unchanged" in issues(told)[0]["diagnostics"]


async def test_a_delete_that_knows_the_version_is_safe(client: httpx.AsyncClient) -> None:
    await client.put("/fhir/Patient/p", json=patient(id="p"))
    refused(await client.delete("/fhir/Patient/p", headers={"If-Match": 'W/"2"'}), 412, "conflict")
    assert (await client.delete("/fhir/Patient/p", headers={"If-Match": 'W/"1"'})).status_code == 204


async def test_a_conditional_delete_takes_the_one_that_matches(client: httpx.AsyncClient) -> None:
    one = await stored(client, numbered("1"))
    two = await stored(client, numbered("2"))
    address = f"/fhir/Patient?identifier={SYSTEM}|1"
    assert (await client.delete(address)).status_code == 204
    assert (await client.get(f"/fhir/Patient/{one['id']}")).status_code == 410
    assert (await client.get(f"/fhir/Patient/{two['id']}")).status_code == 200
    assert (await client.delete(address)).status_code == 204
    refused(await client.delete("/fhir/Patient?name=x&colour=red"), 400, "not-found", "colour")
    await stored(client, numbered("2"))
    refused(await client.delete(f"/fhir/Patient?identifier={SYSTEM}|2"), 412, "multiple-matches")


async def test_a_conditional_write_without_criteria_is_refused(closed: httpx.AsyncClient) -> None:
    refused(await closed.put("/fhir/Patient", json=patient()), 400, "required", "criteria")
    refused(await closed.delete("/fhir/Patient"), 400, "required", "criteria")
    refused(await closed.delete("/fhir/Patient?_format=json"), 400, "required", "criteria")


async def test_criteria_that_only_shape_the_result_select_nothing(client: httpx.AsyncClient) -> None:
    created = await stored(client, patient())
    assert 400 <= (await client.delete("/fhir/Patient?_count=1")).status_code < 500
    assert (await client.get(f"/fhir/Patient/{created['id']}")).status_code == 200
