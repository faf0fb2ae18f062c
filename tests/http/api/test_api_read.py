"""Reading a resource and its versions: http://hl7.org/fhir/R4/http.html#read and #vread."""

from __future__ import annotations

import httpx
import pytest
from api_samples import observation, patient, refused, stored

WEIGHT = (
    b'{"resourceType":"Observation","status":"final","code":{"text":"weight"},"valueQuantity":{"value":1.00}}'
)


async def test_a_read_returns_the_resource_with_its_version_and_time(client: httpx.AsyncClient) -> None:
    created = await stored(client, patient())
    response = await client.get(f"/fhir/Patient/{created['id']}")
    assert response.status_code == 200
    assert response.json() == created
    assert response.json()["name"] == patient()["name"]
    assert response.headers["etag"] == 'W/"1"'
    assert response.headers["last-modified"].endswith(" GMT")
    assert response.headers["content-type"] == "application/fhir+json; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"


async def test_a_decimal_comes_back_with_the_digits_it_was_sent_with(client: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/fhir+json"}
    created = await client.post("/fhir/Observation", content=WEIGHT, headers=headers)
    body = (await client.get(created.headers["location"])).content
    assert b'"value":1.00}' in body
    found = await client.get("/fhir/Observation", params={"_id": created.json()["id"]})
    assert b'"value":1.00}' in found.content
    pretty = await client.get(created.headers["location"], params={"_pretty": "true"})
    assert b'"value": 1.00\n' in pretty.content
    part = await client.get(created.headers["location"], params={"_elements": "value"})
    assert b'"value":1.00}' in part.content


async def test_head_answers_as_get_without_the_body(client: httpx.AsyncClient) -> None:
    created = await stored(client, patient())
    for address in (
        f"/fhir/Patient/{created['id']}",
        "/fhir/Patient",
        "/fhir/_history",
        "/fhir/Patient/none",
    ):
        got, head = await client.get(address), await client.head(address)
        assert head.status_code == got.status_code
        assert head.content == b""
        assert head.headers == got.headers


async def test_what_never_was_is_not_found_and_what_was_deleted_is_gone(client: httpx.AsyncClient) -> None:
    refused(await client.get("/fhir/Patient/nobody"), 404, "not-found", "nobody")
    created = await stored(client, patient())
    await client.delete(f"/fhir/Patient/{created['id']}")
    gone = await client.get(f"/fhir/Patient/{created['id']}")
    refused(gone, 410, "deleted", created["id"])
    assert gone.headers["etag"] == 'W/"2"'


async def test_every_version_can_be_read(client: httpx.AsyncClient) -> None:
    created = await stored(client, patient())
    address = f"/fhir/Patient/{created['id']}"
    await client.put(address, json={**created, "gender": "female"})
    first, second = [await client.get(f"{address}/_history/{number}") for number in (1, 2)]
    assert (first.json(), first.headers["etag"]) == (created, 'W/"1"')
    assert (second.json()["gender"], second.headers["etag"]) == ("female", 'W/"2"')
    await client.delete(address)
    assert (await client.get(f"{address}/_history/1")).json() == created
    refused(await client.get(f"{address}/_history/3"), 410, "deleted")
    refused(await client.get(f"{address}/_history/4"), 404, "not-found", "no version 4")


@pytest.mark.parametrize("version", ["0", "-1", "abc", "99999999999", "1.0", "٣", "%00"])
async def test_a_version_that_cannot_be_is_not_found(closed: httpx.AsyncClient, version: str) -> None:
    refused(await closed.get(f"/fhir/Patient/p/_history/{version}"), 404, "not-found", "whole numbers")


async def test_a_client_that_holds_the_version_gets_304(client: httpx.AsyncClient) -> None:
    created = await stored(client, patient())
    address = f"/fhir/Patient/{created['id']}"
    for tags in ('W/"1"', '"1"', 'W/"9", W/"1"', "*", "1"):
        held = await client.get(address, headers={"If-None-Match": tags})
        assert (held.status_code, held.content, held.headers["etag"]) == (304, b"", 'W/"1"'), tags
        assert "content-type" not in held.headers
    newer = await client.get(address, headers={"If-None-Match": 'W/"2", "abc"'})
    assert newer.status_code == 200
    refused(await client.get(address, headers={"If-None-Match": "1, 2"}), 400, "value", 'W/"3"')


async def test_a_client_whose_copy_is_as_new_gets_304(client: httpx.AsyncClient) -> None:
    created = await stored(client, patient())
    address = f"/fhir/Patient/{created['id']}"
    moment = (await client.get(address)).headers["last-modified"]
    assert (await client.get(address, headers={"If-Modified-Since": moment})).status_code == 304
    earlier = "Mon, 01 Jan 2024 00:00:00 GMT"
    assert (await client.get(address, headers={"If-Modified-Since": earlier})).status_code == 200
    # RFC 9110: a date that is none is ignored, and the version tag goes first.
    assert (await client.get(address, headers={"If-Modified-Since": "yesterday"})).status_code == 200
    both = {"If-Modified-Since": moment, "If-None-Match": 'W/"7"'}
    assert (await client.get(address, headers=both)).status_code == 200


async def test_elements_keep_what_was_asked_and_what_is_mandatory(client: httpx.AsyncClient) -> None:
    subject = await stored(client, patient())
    sent = observation(
        f"Patient/{subject['id']}", valueQuantity={"value": 70, "unit": "kg"}, note=[{"text": "n"}]
    )
    created = await stored(client, sent)
    part = (await client.get(f"/fhir/Observation/{created['id']}?_elements=value")).json()
    assert set(part) == {"resourceType", "id", "meta", "status", "code", "valueQuantity"}
    assert part["meta"]["tag"] == [
        {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
    ]
    assert part["meta"]["versionId"] == "1"
    unknown = await client.get(f"/fhir/Observation/{created['id']}?_elements=value,colour")
    refused(unknown, 400, "value", "colour", "Observation")


async def test_a_primitive_s_extension_stays_with_it(client: httpx.AsyncClient) -> None:
    extension = {"extension": [{"url": "http://example.org/t", "valueTime": "08:00:00"}]}
    created = await stored(client, patient(birthDate="1970-01-01", _birthDate=extension))
    part = (await client.get(f"/fhir/Patient/{created['id']}?_elements=birthDate")).json()
    assert set(part) == {"resourceType", "id", "meta", "birthDate", "_birthDate"}


async def test_summaries_hold_what_the_specification_marks(client: httpx.AsyncClient) -> None:
    div = '<div xmlns="http://www.w3.org/1999/xhtml">Örjan</div>'
    sent = patient(
        text={"status": "generated", "div": div},
        birthDate="1970-01-01",
        maritalStatus={"text": "gift"},
        communication=[{"language": {"text": "svenska"}}],
    )
    created = await stored(client, sent)
    address = f"/fhir/Patient/{created['id']}"
    always = {"resourceType", "id", "meta"}
    shown = {
        mode: (await client.get(address, params={"_summary": mode})).json()
        for mode in ("true", "text", "data")
    }
    assert set(shown["true"]) == always | {"name", "birthDate"}
    assert set(shown["text"]) == always | {"text"}
    assert set(shown["data"]) == always | {"name", "birthDate", "maritalStatus", "communication"}
    assert all(part["meta"]["tag"][0]["code"] == "SUBSETTED" for part in shown.values())
    assert (await client.get(address, params={"_summary": "false"})).json() == created
    refused(await client.get(address, params={"_summary": "count"}), 400, "value", "count")
    refused(await client.get(address + "?_summary=text&_elements=name"), 400, "invalid", "exclude")


async def test_summary_reaches_into_backbone_elements(client: httpx.AsyncClient) -> None:
    subject = await stored(client, patient())
    component = {
        "code": {"text": "systolic"},
        "valueQuantity": {"value": 120},
        "interpretation": [{"text": "ok"}],
    }
    created = await stored(client, observation(f"Patient/{subject['id']}", component=[component]))
    part = (await client.get(f"/fhir/Observation/{created['id']}?_summary=true")).json()
    assert part["component"] == [{"code": {"text": "systolic"}, "valueQuantity": {"value": 120}}]


@pytest.mark.parametrize(
    "query", ["colour=red", "name=x", "_count=3", "_pretty=yes", "_pretty=true&_pretty=true"]
)
async def test_a_parameter_without_meaning_is_refused(closed: httpx.AsyncClient, query: str) -> None:
    response = await closed.get(f"/fhir/Patient/p?{query}")
    assert response.status_code == 400
    assert query.partition("=")[0] in response.json()["issue"][0]["diagnostics"]
