"""The client `fhirpy` against `kontinuum serve`: what its users write works as it stands."""

from __future__ import annotations

import socket
from datetime import timedelta
from http.client import HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from fhirpy import AsyncFHIRClient
from fhirpy.base.exceptions import (
    AuthorizationError,
    MultipleResourcesFound,
    OperationOutcome,
    ResourceNotFound,
)
from fhirpy.base.searchset import Raw
from tests.conftest import SYSTEM
from tests.support.serving import serving

from kontinuum.app.services import Services
from kontinuum.web.api.limits import Limits

NUMBERS = "http://electronichealth.se/identifier/personnummer"
LOINC = "http://loinc.org"


def observation(client: AsyncFHIRClient, subject: Any, value: int) -> Any:
    """A pulse, measured at a minute of its own."""
    return client.resource(
        "Observation",
        status="final",
        code={"coding": [{"system": LOINC, "code": "8867-4"}]},
        subject=subject,
        effectiveDateTime=f"2026-03-01T10:{value:02}:00+01:00",
        valueQuantity={"value": value, "unit": "/min"},
    )


async def test_a_client_that_others_have_written_does_everything(
    services: Services, dsn: str, tmp_path: Path
) -> None:
    token = await services.identity.mint_token(SYSTEM, timedelta(hours=1))
    with serving(dsn, tmp_path) as address:
        client = AsyncFHIRClient(f"{address}/fhir", authorization=f"Bearer {token}")
        anna = await create_and_change(client)
        await search_and_follow(client, anna)
        await write_on_conditions(client, anna)
        await carry_out(client, anna)
        await meet_refusals(client, anna, f"{address}/fhir")
        keep_the_connection(address, token)


async def create_and_change(client: AsyncFHIRClient) -> Any:
    """Create, read again, update under the version's tag, and find what was changed."""
    anna = client.resource(
        "Patient",
        identifier=[{"system": NUMBERS, "value": "198011289801"}],
        name=[{"given": ["Anna"], "family": "Karlsson"}],
        birthDate="1980-11-28",
    )
    await anna.save()
    assert anna.id
    assert anna["meta"]["versionId"] == "1"
    anna["name"][0]["family"] = "Åkerström-Öberg"
    await anna.save()
    again = await client.reference("Patient", anna.id).to_resource()
    assert again["name"][0]["family"] == "Åkerström-Öberg"
    assert again["meta"]["versionId"] == "2"
    await again.refresh()
    assert await again.is_valid()
    return again


async def search_and_follow(client: AsyncFHIRClient, anna: Any) -> None:
    """Search, count, chain, include, pages and references."""
    for value in range(60, 67):
        await observation(client, anna.to_reference(), value - 60).save()
    pulses = client.resources("Observation").search(patient=anna.id, code=f"{LOINC}|8867-4").sort("date")
    assert [each["valueQuantity"]["value"] for each in await pulses.limit(3).fetch_all()] == [*range(7)]
    assert len(await pulses.limit(3).fetch()) == 3
    late = pulses.search(date__ge="2026-03-01T10:05:00+01:00")
    assert [each["valueQuantity"]["value"] for each in await late.fetch_all()] == [5, 6]
    chained = client.resources("Observation").search(subject__Patient__identifier=f"{NUMBERS}|198011289801")
    assert len(await chained.fetch_all()) == 7
    of_others = client.resources("Observation").search(subject__Patient__name="Lindgren")
    assert await of_others.fetch_all() == []
    have = client.resources("Patient").has("Observation", "patient", code=f"{LOINC}|8867-4")
    assert [each.id for each in await have.fetch_all()] == [anna.id]
    bundle = await pulses.limit(2).include("Observation", "patient").fetch_raw()
    assert [each["search"]["mode"] for each in bundle["entry"]] == ["match", "match", "include"]
    assert bundle["entry"][2]["resource"].id == anna.id
    back = (
        await client.resources("Patient").search(_id=anna.id).revinclude("Observation", "patient").fetch_raw()
    )
    assert len(back["entry"]) == 8
    only = await client.resources("Patient").search(family="Åkerström-Öberg").elements("birthDate").get()
    assert (only.id, only["birthDate"]) == (anna.id, "1980-11-28")
    assert "name" not in only
    first = await pulses.first()
    assert first is not None
    assert (await first["subject"].to_resource())["birthDate"] == "1980-11-28"
    # What only another server knows is left out where that was asked for, and refused where it was not.
    patient = AsyncFHIRClient(
        client.url, authorization=client.authorization, extra_headers={"Prefer": "handling=lenient"}
    )
    assert (
        await patient.resources("Observation").search(patient=anna.id).search(_total="accurate").count() == 7
    )
    with pytest.raises(OperationOutcome, match="_totalMethod"):
        await pulses.count()


async def write_on_conditions(client: AsyncFHIRClient, anna: Any) -> None:
    """Create once, update and delete what criteria find."""
    number = f"{NUMBERS}|198011289801"
    once = AsyncFHIRClient(
        client.url,
        authorization=client.authorization,
        extra_headers={"If-None-Exist": f"identifier={number}"},
    )
    found, created = await once.resources("Patient").get_or_create(
        once.resource("Patient", identifier=[{"system": NUMBERS, "value": "198011289801"}])
    )
    assert (found.id, created) == (anna.id, False)
    changed = client.resource("Patient", **{**anna, "gender": "female"})
    del changed["id"]
    kept, created = await client.resources("Patient").search(identifier=number).update(changed)
    assert (kept.id, kept["gender"], created) == (anna.id, "female", False)
    with pytest.raises(MultipleResourcesFound):
        await client.resources("Observation").search(patient=anna.id).delete()
    one = client.resources("Observation").search(patient=anna.id, date="2026-03-01T10:06:00+01:00")
    assert (await one.delete())[1] == 204
    assert await one.fetch() == []


async def carry_out(client: AsyncFHIRClient, anna: Any) -> None:
    """Patch, operations, transactions and deletion."""
    patching = AsyncFHIRClient(
        client.url,
        authorization=client.authorization,
        extra_headers={"Content-Type": "application/json-patch+json"},
    )
    operations: Any = [{"op": "replace", "path": "/gender", "value": "unknown"}]
    patched = await patching.execute(f"Patient/{anna.id}", method="patch", data=operations)
    assert patched["gender"] == "unknown"
    everything = await client.execute(f"Patient/{anna.id}/$everything", method="get")
    assert len(everything["entry"]) == 7
    pulse = observation(client, anna.to_reference(), 30).serialize()
    entry = {"resource": pulse, "request": {"method": "POST", "url": "Observation"}}
    done = client.resource("Bundle", type="transaction", entry=[entry])
    answered = await client.execute("", data=done.serialize())
    assert answered["entry"][0]["response"]["status"].startswith("201")
    last = await client.resources("Observation").search(patient=anna.id).sort("-date").first()
    assert last is not None
    assert last["valueQuantity"]["value"] == 30
    await last.delete()
    with pytest.raises(ResourceNotFound, match="deleted"):
        await last.refresh()


async def meet_refusals(client: AsyncFHIRClient, anna: Any, base: str) -> None:
    """Each refusal is the exception that the client has for it, with our words in it."""
    with pytest.raises(ResourceNotFound, match="There is no Patient with the id 'nobody'"):
        await client.get("Patient", "nobody")
    with pytest.raises(AuthorizationError):
        await AsyncFHIRClient(base).get("Patient", anna.id)
    with pytest.raises(OperationOutcome, match="colour"):
        await client.resources("Patient").search(colour="red").fetch()
    with pytest.raises(OperationOutcome, match=r"Patient\.gender"):
        await client.resource("Patient", gender="yes").save()
    assert not await client.resource("Patient", birthDate="yesterday").is_valid()
    # What fhirpy calls a patch is a form of other servers: refused, not guessed at.
    with pytest.raises(OperationOutcome, match="resourceType is missing"):
        await client.patch("Patient", anna.id, gender="male")
    both = client.resources("Patient").search(Raw(_id=f"{anna.id},nobody"))
    assert [each.id for each in await both.fetch_all()] == [anna.id]


def keep_the_connection(address: str, token: str) -> None:
    """Go on with the same connection where a request was refused before its body had come (RFC 9112 9.3)."""
    place = urlsplit(address)
    head = f"HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Type:"
    form, large = "application/x-www-form-urlencoded", Limits().body_bytes + 1
    with socket.create_connection((place.hostname, place.port or 0), timeout=60) as stream:
        for path, bearer, kind, size, status in (
            ("/fhir/Patient/p/Location/_search", token, form, 6, 404),
            ("/fhir/Observation/_search", "unknown", form, 6, 401),
            ("/fhir/Observation", token, form, 6, 415),
            ("/fhir", token, "application/fhir+json", large, 413),
        ):
            more = f"{kind}\r\nAuthorization: Bearer {bearer}\r\nContent-Length: {size}"
            stream.sendall(f"POST {path} {head} {more}\r\n\r\n".encode())
            assert answered(stream) == status, "before anything of the body is sent"
            stream.sendall(b"x" * size)
            stream.sendall(f"GET /fhir/metadata {head} {form}\r\n\r\n".encode())
            assert answered(stream) == 200, path


def answered(stream: socket.socket) -> int:
    """The status of the next answer on a connection that stays open, read to its end."""
    response = HTTPResponse(stream)
    response.begin()
    response.read()
    assert not response.will_close
    return response.status
