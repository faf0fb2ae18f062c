"""What a body may be: http://hl7.org/fhir/R4/http.html#mime-type and http://hl7.org/fhir/R4/json.html."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from api_doubles import ClosedGate, OneToken
from api_samples import patient, refused

from kontinuum.web.api import Api

JSON = {"content-type": "application/fhir+json"}


@pytest.mark.parametrize(
    "content_type",
    [
        "application/fhir+json",
        "application/json",
        "text/json",
        "Application/FHIR+JSON; charset=UTF-8",
        "application/fhir+json; fhirVersion=4.0",
        'application/fhir+json; charset="utf-8"; fhirVersion=4.0',
    ],
)
async def test_json_is_taken_under_each_of_its_names(closed: httpx.AsyncClient, content_type: str) -> None:
    response = await closed.post("/fhir/Patient", content=b"[]", headers={"content-type": content_type})
    refused(response, 400, "structure", "one JSON object")


@pytest.mark.parametrize(
    ("content_type", "word"),
    [
        ("application/fhir+xml", "JSON only"),
        ("application/xml", "JSON only"),
        ("text/plain", "JSON only"),
        ("application/json-patch+json", "JSON only"),
        ("nonsense;;", "JSON only"),
        ("application/fhir+json; charset=iso-8859-1", "UTF-8"),
        ("application/fhir+json; fhirVersion=5.0", "4.0"),
    ],
)
async def test_other_content_is_refused_in_words(
    closed: httpx.AsyncClient, content_type: str, word: str
) -> None:
    response = await closed.post("/fhir/Patient", content=b"{}", headers={"content-type": content_type})
    refused(response, 415, "not-supported", word)


async def test_a_body_must_say_what_it_is_and_come_uncompressed(closed: httpx.AsyncClient) -> None:
    refused(
        await closed.post("/fhir/Patient", content=b"{}"), 415, "not-supported", "Content-Type is missing"
    )
    packed = await closed.post("/fhir/Patient", content=b"x", headers={**JSON, "content-encoding": "gzip"})
    refused(packed, 415, "not-supported", "gzip")


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"", "empty"),
        (b'{"resourceType": "Patient",}', "byte"),
        (b'{"resourceType": "Patient"', "ends"),
        (b"\xff\xfe", "byte"),
        (b'{"resourceType":"Patient","id":"a","id":"b"}', "twice"),
        (b"[" * 1000, "nested"),
        (b'"Patient"', "one JSON object"),
        (b"null", "one JSON object"),
    ],
)
async def test_what_is_not_one_json_object_is_refused(
    closed: httpx.AsyncClient, body: bytes, word: str
) -> None:
    refused(await closed.post("/fhir/Patient", content=body, headers=JSON), 400, "structure", word)


async def test_a_syntax_error_is_told_with_its_position(closed: httpx.AsyncClient) -> None:
    response = await closed.post("/fhir/Patient", content=b'{"resourceType": Patient}', headers=JSON)
    refused(response, 400, "structure", "17")


async def test_the_body_must_be_of_the_type_in_the_address(closed: httpx.AsyncClient) -> None:
    other = await closed.post("/fhir/Observation", json=patient(), headers=JSON)
    assert refused(other, 400, "invalid", "Patient", "Observation")["expression"] == ["resourceType"]
    refused(await closed.put("/fhir/Observation/p", json=patient(id="p"), headers=JSON), 400, "invalid")
    refused(
        await closed.post("/fhir/Patient", json={"id": "p"}, headers=JSON), 400, "required", "resourceType"
    )
    for name in ("Patient2", "DomainResource", "HumanName", 7, ["Patient"], None):
        wrong = await closed.post("/fhir/Patient", json={"resourceType": name}, headers=JSON)
        assert wrong.status_code == 400


async def test_a_body_beyond_the_limit_is_refused(closed: httpx.AsyncClient) -> None:
    large = b'{"resourceType":"Patient","x":"' + b"x" * 2000 + b'"}'
    refused(await closed.post("/fhir/Patient", content=large, headers=JSON), 413, "too-long", "larger")

    async def pieces():  # type: ignore[no-untyped-def]
        for _ in range(20):
            yield b"x" * 100

    refused(await closed.post("/fhir/Patient", content=pieces(), headers=JSON), 413, "too-long", "larger")


async def test_a_body_in_pieces_is_put_together(client: httpx.AsyncClient) -> None:
    async def pieces():  # type: ignore[no-untyped-def]
        yield b'{"resourceType":"Patient",'
        yield b'"name":[{"text":"\xc3'
        yield b'\x85sa"}]}'

    response = await client.post("/fhir/Patient", content=pieces(), headers=JSON)
    assert response.json()["name"] == [{"text": "Åsa"}]


async def test_a_client_that_leaves_before_its_body_is_whole_is_not_answered() -> None:
    services: Any = SimpleNamespace(gate=ClosedGate(), identity=OneToken(), terminology=None, bulk=None)
    messages = [
        {"type": "http.request", "body": b'{"resourceType":', "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/fhir/Patient",
        "query_string": b"",
        "scheme": "http",
        "server": ("127.0.0.1", 8000),
        "headers": [(b"authorization", b"Bearer valid"), (b"content-type", b"application/fhir+json")],
    }
    await Api(services)(scope, receive, send)
    assert (messages, sent) == ([], [])
