"""A Binary as the bytes that it holds: http://hl7.org/fhir/R4/binary.html#rest."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import httpx
import pytest
from api_samples import issues, patient, refused, stored
from tests.conftest import principal

from kontinuum.app.asgi import build
from kontinuum.app.services import Services

PICTURE = b"\x89PNG\r\n\x1a\n\x00\xff" + bytes(range(256))
TEXTS = ["Ingen blödning.\r\n", "e\u0301 å 🩺 \u202eabc", "\ufeff<html><script>alert(1)</script>", "{}"]


async def sent(client: httpx.AsyncClient, content: bytes, media_type: str, **headers: str) -> httpx.Response:
    """The answer to a Binary that was posted as what it holds."""
    return await client.post(
        "/fhir/Binary",
        content=content,
        headers={"content-type": media_type, "accept": "application/fhir+json", **headers},
    )


async def got(client: httpx.AsyncClient, address: str, accept: str | None = None) -> httpx.Response:
    """The answer to a read; without a wish, `Accept` says that anything will do."""
    return await client.get(address, headers={"accept": accept or "*/*"})


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (PICTURE, "image/png"),
        *[(text.encode(), "text/plain; charset=utf-8") for text in TEXTS],
        ("ö".encode("latin-1"), "text/plain; charset=iso-8859-1"),
        (b"<a>\n</a>", "application/xml"),
        (b"\x00" * 100_000, "application/dicom"),
    ],
)
async def test_what_is_sent_as_bytes_comes_back_byte_for_byte(
    client: httpx.AsyncClient, content: bytes, media_type: str
) -> None:
    created = await sent(client, content, media_type)
    assert created.status_code == 201, created.text
    resource = created.json()
    assert base64.b64decode(resource["data"]) == content
    address = f"/fhir/Binary/{resource['id']}"
    for accept in (None, media_type.partition(";")[0], f"{media_type.partition('/')[0]}/*"):
        answer = await got(client, address, accept)
        assert (answer.status_code, answer.content) == (200, content)
        assert answer.headers["content-type"] == media_type
        assert answer.headers["etag"] == 'W/"1"'
        assert int(answer.headers["content-length"]) == len(content)
    indented = await client.get(address, params={"_pretty": "true"})
    assert indented.content == content


async def test_the_resource_comes_to_whom_asks_for_it(client: httpx.AsyncClient) -> None:
    resource = (await sent(client, PICTURE, "image/png")).json()
    address = f"/fhir/Binary/{resource['id']}"
    for accept in (
        "application/fhir+json",
        "application/json",
        "image/png;q=0.5, application/fhir+json",
        "application/json, text/plain, */*",
    ):
        assert (await got(client, address, accept)).json() == resource
    formed = await client.get(address, params={"_format": "json"}, headers={"accept": "image/png"})
    assert formed.json() == resource
    part = await client.get(address, params={"_elements": "contentType"})
    assert (part.json()["contentType"], "data" in part.json()) == ("image/png", False)
    preferred = await got(client, address, "application/fhir+json;q=0.1, image/*")
    assert preferred.content == PICTURE


async def test_neither_the_content_nor_the_resource_is_not_acceptable(client: httpx.AsyncClient) -> None:
    address = f"/fhir/Binary/{(await sent(client, PICTURE, 'image/png')).json()['id']}"
    for accept in ("application/pdf", "application/fhir+xml", "text/plain", "image/png;q=0"):
        refused(await got(client, address, accept), 406, "not-supported", "image/png", accept)
    refused(
        await client.get(address, params={"_elements": "data"}, headers={"accept": "image/png"}),
        406,
        "not-supported",
    )
    # What is not about one Binary has no content of its own.
    refused(await got(client, "/fhir/Binary", "image/png"), 406, "not-supported")
    refused(await got(client, "/fhir/Binary/_history", "image/png"), 406, "not-supported")
    refused(await got(client, "/fhir/Binary/nothing", "image/png"), 404, "not-found")


async def test_a_new_version_is_sent_as_bytes_too_and_the_old_one_stays(client: httpx.AsyncClient) -> None:
    headers = {"content-type": "text/plain", "accept": "application/fhir+json"}
    first = await client.put("/fhir/Binary/letter", content=b"one", headers=headers)
    assert (first.status_code, first.json()["id"]) == (201, "letter")
    stale = await client.put("/fhir/Binary/letter", content=b"x", headers={**headers, "if-match": 'W/"7"'})
    refused(stale, 412, "conflict")
    second = await client.put("/fhir/Binary/letter", content=b"two", headers={**headers, "if-match": 'W/"1"'})
    assert second.json()["meta"]["versionId"] == "2"
    assert (await got(client, "/fhir/Binary/letter")).content == b"two"
    assert (await got(client, "/fhir/Binary/letter/_history/1")).content == b"one"
    known = await client.get("/fhir/Binary/letter", headers={"if-none-match": 'W/"2"'})
    assert (known.status_code, known.content) == (304, b"")
    head = await client.head("/fhir/Binary/letter")
    assert (head.headers["content-type"], head.headers["content-length"]) == ("text/plain", "3")
    assert head.content == b""


async def test_an_entry_of_a_bundle_holds_the_resource(client: httpx.AsyncClient) -> None:
    name = (await sent(client, PICTURE, "image/png")).json()["id"]
    entries = [{"request": {"method": "GET", "url": f"Binary/{name}{end}"}} for end in ("", "/_history/1")]
    answer = await client.post("/fhir", json={"resourceType": "Bundle", "type": "batch", "entry": entries})
    found = [entry["resource"]["data"] for entry in answer.json()["entry"]]
    assert [base64.b64decode(data) for data in found] == [PICTURE, PICTURE]


async def test_whose_it_is_stands_in_the_header(client: httpx.AsyncClient) -> None:
    whose = (await stored(client, patient()))["id"]
    for context in (f"Patient/{whose}", f"http://test/fhir/Patient/{whose}"):
        created = await sent(client, b"...", "text/plain", **{"x-security-context": context})
        assert created.json()["securityContext"] == {"reference": f"Patient/{whose}"}
    for wrong in ("", "Patient", "Patient/1, Patient/2", "http://elsewhere/fhir/Patient/1", "Nothing/1 2"):
        answer = await sent(client, b"...", "text/plain", **{"x-security-context": wrong})
        refused(answer, 400, "value", "X-Security-Context")
    resource = {"resourceType": "Binary", "contentType": "text/plain"}
    beside = await client.post(
        "/fhir/Binary", json=resource, headers={"x-security-context": f"Patient/{whose}"}
    )
    refused(beside, 400, "not-supported", "securityContext")


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        (b"", "image/png", 400),
        (b"{}", "application/x-www-form-urlencoded", 415),
        (b"--a", "multipart/form-data; boundary=a", 415),
        (b"<Binary/>", "application/fhir+xml", 415),
        (b"...", "image", 415),
        (b"...", "image/png; =", 415),
    ],
)
async def test_what_is_no_content_is_refused(
    client: httpx.AsyncClient, content: bytes, media_type: str, status: int
) -> None:
    before = (await client.get("/fhir/Binary", params={"_summary": "count"})).json()["total"]
    answer = await sent(client, content, media_type)
    assert answer.status_code == status, answer.text
    assert issues(answer)
    packed = await sent(client, b"...", "text/plain", **{"content-encoding": "gzip"})
    refused(packed, 415, "not-supported", "gzip")
    assert (await client.get("/fhir/Binary", params={"_summary": "count"})).json()["total"] == before


@pytest.mark.parametrize("stated", ["text/html", "image/svg+xml", "no type", "text/html\nx", "å/ö"])
async def test_no_browser_runs_what_somebody_stored(client: httpx.AsyncClient, stated: str) -> None:
    script = b"<script>alert(1)</script>"
    resource = {"resourceType": "Binary", "contentType": stated, "data": base64.b64encode(script).decode()}
    created = await client.post("/fhir/Binary", json=resource)
    if created.status_code != 201:  # what the type `code` does not allow
        assert issues(created)[0]["expression"] == ["Binary.contentType"]
        return
    answer = await got(client, f"/fhir/Binary/{created.json()['id']}")
    assert answer.content == script
    assert answer.headers["content-type"] in (stated, "application/octet-stream")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["content-disposition"] == "attachment"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_who_may_not_read_the_binary_learns_neither_its_content_nor_its_type(
    client: httpx.AsyncClient, services: Services
) -> None:
    whose = (await stored(client, patient()))["id"]
    created = await sent(client, PICTURE, "image/png", **{"x-security-context": f"Patient/{whose}"})
    token = await services.identity.mint_token(principal(), timedelta(hours=1))
    transport: Any = httpx.ASGITransport(app=build(services), raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as doctor:
        there = await got(doctor, f"/fhir/Binary/{created.json()['id']}", "application/pdf")
        resource = await got(doctor, f"/fhir/Binary/{created.json()['id']}", "application/json")
    assert there.status_code in (403, 404)
    assert "image/png" not in there.text
    assert there.json() == resource.json()
