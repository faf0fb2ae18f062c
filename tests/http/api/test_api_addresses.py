"""Addresses, methods, sign-in and negotiation: what is settled before the gate is asked."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from api_doubles import ClosedGate, OneToken
from api_samples import issues, observation, patient, refused, stored

from kontinuum.app.services import Services
from kontinuum.kernel.principal import Actor, ActorKind, Assignment, Principal, Purpose
from kontinuum.web.api import Api


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/fhir/Patient/p", "GET, HEAD, PUT, PATCH, DELETE"),
        ("PATCH", "/fhir/Patient/_history", "GET, HEAD"),
        ("OPTIONS", "/fhir/Patient", "GET, HEAD, POST, PUT, PATCH, DELETE"),
        ("GET", "/fhir/Patient/_search", "POST"),
        ("DELETE", "/fhir/Patient/p/_history", "GET, HEAD"),
        ("DELETE", "/fhir/Patient/p/_history/1", "GET, HEAD"),
        ("POST", "/fhir/Patient/_history", "GET, HEAD"),
        ("POST", "/fhir/metadata", "GET, HEAD"),
        ("POST", "/fhir/_history", "GET, HEAD"),
        ("PUT", "/fhir", "GET, HEAD, POST"),
        ("DELETE", "/fhir/", "GET, HEAD, POST"),
        ("GET", "/fhir/_search", "POST"),
        ("PUT", "/fhir/Patient/p/Observation", "GET, HEAD"),
        ("BREW", "/fhir/Patient/p", "GET, HEAD, PUT, PATCH, DELETE"),
    ],
)
async def test_a_method_that_has_no_meaning_is_told_which_have(
    closed: httpx.AsyncClient, method: str, path: str, allowed: str
) -> None:
    response = await closed.request(method, path)
    refused(response, 405, "not-supported", allowed)
    assert response.headers["allow"] == allowed


@pytest.mark.parametrize(
    "path",
    [
        "$x",
        "$convert",
        "$everything",
        "Organization/p/$everything",
        "Patient/$match",
        "ConceptMap/$closure",
        "CodeSystem/$find-matches",
        "ValueSet/$compose",
        "$x/y",
        "Patient/p/$x/y",
    ],
)
async def test_an_operation_is_refused_by_name(closed: httpx.AsyncClient, path: str) -> None:
    for response in (await closed.get(f"/fhir/{path}"), await closed.post(f"/fhir/{path}", json={})):
        named = refused(response, 404, "not-supported", "operation")
        assert next(part for part in path.split("/") if part.startswith("$")) in named["diagnostics"]


async def test_a_type_that_is_not_of_r4_is_not_found_and_the_nearest_is_named(
    closed: httpx.AsyncClient,
) -> None:
    refused(await closed.get("/fhir/Patients/p"), 404, "not-supported", "'Patients'", "Patient")
    refused(await closed.get("/fhir/patient"), 404, "not-supported", "'patient'")
    refused(await closed.post("/fhir/Colour", json={}), 404, "not-supported", "'Colour'")
    refused(await closed.get("/fhir/DomainResource/1"), 404, "not-supported")


@pytest.mark.parametrize(
    "path",
    [
        "Patient/p/colour",
        "Patient/p/_history/1/x",
        "Patient/_history/1",
        "metadata/x",
        "_history/1",
        "Patient//p",
        "/Patient",
        "Patient/_search/x",
        "Patient/..%2Fmetadata",
        "Patient/%00",
        "Patient/" + "x" * 65,
    ],
)
async def test_an_address_where_nothing_is_says_so(closed: httpx.AsyncClient, path: str) -> None:
    assert issues(await closed.get(f"/fhir/{path}"))
    assert (await closed.get(f"/fhir/{path}")).status_code == 404


async def test_an_address_that_is_too_long_is_refused(closed: httpx.AsyncClient) -> None:
    refused(await closed.get("/fhir/Patient?name=" + "x" * 2000), 414, "too-long", "_search")


@pytest.mark.parametrize("query", ["name=%FF", "name=%C3", "%FF=x", "name=a%00b"])
async def test_parameters_that_are_no_text_are_refused(closed: httpx.AsyncClient, query: str) -> None:
    refused(await closed.get(f"/fhir/Patient?{query}"), 400, "value")


async def test_links_carry_the_host_that_was_asked(client: httpx.AsyncClient) -> None:
    headers = {"Host": "journal.example.org:8443"}
    created = await client.post("/fhir/Patient", json=patient(), headers=headers)
    assert created.headers["location"].startswith("http://journal.example.org:8443/fhir/Patient/")
    ipv6 = await client.get("/fhir/Patient", headers={"Host": "[::1]:8000"})
    assert ipv6.json()["link"][0]["url"].startswith("http://[::1]:8000/fhir/Patient")


@pytest.mark.parametrize("host", ["a b", "a/b", "a@b", 'a"b', "a:b", "[::1"])
async def test_a_host_that_is_none_is_refused(closed: httpx.AsyncClient, host: str) -> None:
    refused(await closed.get("/fhir/metadata", headers={"Host": host}), 400, "value", "Host")


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer  ", "Basic dXNlcjpwYXNz", "valid", "Bearer wrong", "Bearer \u00e5"],
)
async def test_without_a_valid_token_everything_but_metadata_is_closed(authorization: str | None) -> None:
    services: Any = SimpleNamespace(gate=ClosedGate(), identity=OneToken(), terminology=None, bulk=None)
    headers = {} if authorization is None else {"Authorization": authorization.encode("latin-1")}
    transport = httpx.ASGITransport(app=Api(services))
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        for method, path in (
            ("GET", "Patient/p"),
            ("POST", ""),
            ("GET", "Nothing"),
            ("PATCH", "Patient"),
            ("GET", "_history"),
        ):
            response = await client.request(method, f"/fhir/{path}")
            refused(response, 401, "login", "oken")
            assert response.headers["www-authenticate"].startswith("Bearer")
        assert (await client.get("/fhir/metadata")).status_code == 200


async def test_a_token_that_is_not_valid_is_told_apart_from_none(closed: httpx.AsyncClient) -> None:
    wrong = await closed.get("/fhir/Patient", headers={"Authorization": "bearer nonsense"})
    assert wrong.headers["www-authenticate"] == 'Bearer error="invalid_token"'


async def test_another_provider_s_client_is_refused_with_the_provision(
    client: httpx.AsyncClient, services: Services
) -> None:
    subject = await stored(client, patient())
    created = await stored(client, observation(f"Patient/{subject['id']}"))
    other = "SE5560000001-1001"
    stranger = Principal(
        Actor(ActorKind.STAFF, "dr-x", "Dr X"),
        Assignment("x", "Läkare", f"{other}-A", "Enhet", other, "Annan vårdgivare", Purpose.CARE),
        "test",
    )
    token = await services.identity.mint_token(stranger, timedelta(hours=1))
    headers = {"Authorization": f"Bearer {token}"}
    response = await client.get(f"/fhir/Observation/{created['id']}", headers=headers)
    assert refused(response, 403, "forbidden")["details"]["text"]
    found = (await client.get("/fhir/Observation", headers=headers)).json()
    assert "entry" not in found


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (None, "application/fhir+json; charset=utf-8"),
        ("*/*", "application/fhir+json; charset=utf-8"),
        ("application/fhir+json", "application/fhir+json; charset=utf-8"),
        ("application/json", "application/json; charset=utf-8"),
        ("text/json", "text/json; charset=utf-8"),
        ("application/fhir+json; fhirVersion=4.0", "application/fhir+json; fhirVersion=4.0; charset=utf-8"),
        ("application/fhir+xml, application/json;q=0.5", "application/json; charset=utf-8"),
        ("application/json;q=0.1, application/fhir+json;q=0.9", "application/fhir+json; charset=utf-8"),
        (
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "application/fhir+json; charset=utf-8",
        ),
    ],
)
async def test_the_answer_comes_under_the_name_that_was_asked_for(
    closed: httpx.AsyncClient, accept: str | None, content_type: str
) -> None:
    response = await closed.get("/fhir/metadata", headers={} if accept is None else {"Accept": accept})
    assert (response.status_code, response.headers["content-type"]) == (200, content_type)


@pytest.mark.parametrize(
    "accept",
    [
        "application/fhir+xml",
        "text/html",
        "application/fhir+turtle",
        "application/fhir+json; fhirVersion=3.0",
        "application/fhir+json;q=0",
        "nonsense",
    ],
)
async def test_what_cannot_be_sent_is_refused_in_json(closed: httpx.AsyncClient, accept: str) -> None:
    response = await closed.get("/fhir/Patient/p", headers={"Accept": accept})
    refused(response, 406, "not-supported", "JSON only")


@pytest.mark.parametrize(
    "wanted", ["json", "application/json", "application/fhir+json", "application/fhir%2Bjson", "text/json"]
)
async def test_format_overrules_accept(closed: httpx.AsyncClient, wanted: str) -> None:
    response = await closed.get(
        f"/fhir/metadata?_format={wanted}", headers={"Accept": "application/fhir+xml"}
    )
    assert response.status_code == 200
    assert "json" in response.headers["content-type"]


@pytest.mark.parametrize(
    "wanted", ["xml", "application/fhir%2Bxml", "ttl", "html", "", "json;fhirVersion=5.0"]
)
async def test_a_format_that_is_not_offered_is_refused(closed: httpx.AsyncClient, wanted: str) -> None:
    refused(await closed.get(f"/fhir/metadata?_format={wanted}"), 406, "not-supported", "JSON only")


async def test_the_token_is_asked_for_before_anything_is_told(closed: httpx.AsyncClient) -> None:
    response = await closed.get("/fhir/Colour/1", headers={"Authorization": "Bearer wrong"})
    assert response.status_code == 401


async def test_no_answer_may_be_cached_or_sniffed(closed: httpx.AsyncClient) -> None:
    for path in ("metadata", "Patient/p/x", "Colour"):
        response = await closed.get(f"/fhir/{path}")
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-content-type-options"] == "nosniff"


async def test_what_is_beside_the_base_is_not_the_api_s(client: httpx.AsyncClient) -> None:
    response = await client.get("/fhirx/Patient")
    assert "OperationOutcome" not in response.text
