"""The OpenAPI description and the CapabilityStatement: all they say works, and all that works is said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from api_samples import observation, patient, refused

from kontinuum.fhir.definitions import RESOURCE_TYPES
from kontinuum.web.api.answer import Problem
from kontinuum.web.api.interactions import Invocation, parse_interaction
from kontinuum.web.api.operation_table import OPERATIONS

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
SAMPLE = {"{id}": "p", "{version}": "1", "{member}": "*", "{job}": "j", "{file}": "f"}


@pytest.fixture
async def described(closed: httpx.AsyncClient) -> dict[str, Any]:
    """The document as a client without a token reads it."""
    response = await closed.get("/fhir/openapi.json", headers={"Authorization": ""})
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    return response.json()


def operations(described: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in described["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def address(path: str) -> str:
    return re.sub(r"\{\w+\}", lambda name: SAMPLE[name[0]], path)


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from ([value["$ref"]] if "$ref" in value else ())
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


async def test_the_description_is_sound(described: dict[str, Any]) -> None:
    assert described["openapi"].startswith("3.1")
    assert described["servers"] == [{"url": "http://test/fhir"}]
    for reference in set(references(described)):
        found: Any = described
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        assert found, reference
    names = [operation["operationId"] for _, _, operation in operations(described)]
    assert len(names) == len(set(names))
    for method, path, operation in operations(described):
        placed = {each["$ref"].rpartition("/")[2] for each in operation["parameters"] if "$ref" in each}
        assert {f"{{{name}}}" for name in placed} >= set(re.findall(r"\{\w+\}", path)), (method, path)
        assert operation["responses"]["default"]


async def test_every_address_that_is_parsed_is_described_and_no_other(described: dict[str, Any]) -> None:
    """By the parser itself: each method at each address of the document, and at those beside it."""
    for path, item in described["paths"].items():
        for method in METHODS:
            wanted = parse_interaction(method, address(path))
            if isinstance(wanted, Invocation):
                operation = next(each for each in OPERATIONS if each.is_at(wanted))
                offered = method == "POST" or (method == "GET" and not operation.affects_state)
            else:
                offered = not isinstance(wanted, Problem)
            assert offered == (method.lower() in item), (method, path)
    patterns = [re.compile(re.sub(r"\{\w+\}", "[^$_/]+", each)) for each in described["paths"]]
    beside = "_search _history metadata openapi.json $x p p/_history p/_history/1 p/*".split()
    for type_name in ("", "Patient/", "Organization/"):
        for rest in ("", *beside):
            path = f"/{type_name}{rest}".removesuffix("/") or "/"
            known = rest != "$x" and any(each.fullmatch(path) for each in patterns)
            parsed = [parse_interaction(method, path) for method in METHODS]
            assert known == any(not isinstance(each, Problem | Invocation) for each in parsed), path


async def test_the_statement_and_the_description_say_the_same(
    closed: httpx.AsyncClient, described: dict[str, Any]
) -> None:
    statement = (await closed.get("/fhir/metadata")).json()["rest"][0]
    assert [about["type"] for about in statement["resource"]] == list(RESOURCE_TYPES)
    for about in statement["resource"]:
        name = about["type"]
        search = described["paths"][f"/{name}"]["get"]["parameters"]
        listed = {each["$ref"].rpartition("/")[2] for each in search}
        named = {f"search.{each['name']}.{each['type']}" for each in about["searchParam"]}
        assert {each for each in listed if each.startswith("search.")} == named
        below = [path for path in described["paths"] if path.startswith(f"/{name}/") and "$" in path]
        invoked = {path.rpartition("$")[2] for path in below}
        assert invoked == {each["name"] for each in about["operation"]}


STATED = {
    "read": ("GET", "Patient/p", None),
    "vread": ("GET", "Patient/p/_history/1", None),
    "update": ("PUT", "Patient/p", patient(id="p", gender="male")),
    "patch": ("PATCH", "Patient/p", {"resourceType": "Parameters"}),
    "history-instance": ("GET", "Patient/p/_history", None),
    "history-type": ("GET", "Patient/_history", None),
    "history-system": ("GET", "_history", None),
    "create": ("POST", "Patient", patient()),
    "search-type": ("GET", "Patient", None),
    "search-system": ("GET", "?_type=Patient", None),
    "batch": ("POST", "", {"resourceType": "Bundle", "type": "batch"}),
    "transaction": ("POST", "", {"resourceType": "Bundle", "type": "transaction"}),
    "delete": ("DELETE", "Patient/p", None),
}
INVOKED = {
    "everything": "",
    "lastn": "?patient=p",
    "meta": "",
    "lookup": "?system=http://e.org&code=a",
    "validate-code": "?url=http://e.org&code=a",
    "subsumes": "?system=http://e.org&codeA=a&codeB=b",
    "expand": "?url=http://e.org",
    "translate": "?system=http://e.org&code=a",
}


async def test_everything_that_the_statement_names_is_done(client: httpx.AsyncClient) -> None:
    rest = (await client.get("/fhir/metadata")).json()["rest"][0]
    (about,) = (each for each in rest["resource"] if each["type"] == "Patient")
    stated = {each["code"] for each in (*about["interaction"], *rest["interaction"])}
    assert stated == set(STATED)
    await client.put("/fhir/Patient/p", json=patient(id="p"))
    for code, (method, path, body) in STATED.items():
        response = await client.request(method, f"/fhir/{path}", json=body)
        assert response.status_code < 300, (code, response.text)
    await client.put("/fhir/Patient/p", json=patient(id="p"))
    await client.put("/fhir/Observation/o", json=observation("Patient/p", id="o"))
    label = {"name": "meta", "valueMeta": {"tag": [{"code": "t"}]}}
    sent = {
        "validate": patient(id="p"),
        "meta-add": {"resourceType": "Parameters", "parameter": [label]},
        "meta-delete": {"resourceType": "Parameters", "parameter": [label]},
    }
    for about in rest["resource"]:
        if about["type"] not in ("Patient", "Observation", "CodeSystem", "ValueSet", "ConceptMap"):
            continue
        for name in (each["name"] for each in about["operation"]):
            if name in sent and about["type"] == "Patient":
                response = await client.post(f"/fhir/Patient/p/${name}", json=sent[name])
            elif name in INVOKED:
                place = "Patient/p" if name in ("everything", "meta") else about["type"]
                response = await client.get(f"/fhir/{place}/${name}{INVOKED[name]}")
            else:
                continue
            told = response.json()
            # A terminology without content says that it does not know the code, not the operation.
            answered = response.status_code == 200 or told["issue"][0]["code"] == "not-found"
            assert answered, (name, told)


async def test_the_description_takes_no_parameters(closed: httpx.AsyncClient) -> None:
    refused(await closed.get("/fhir/openapi.json?type=Patient"), 400, "not-supported", "type")
    refused(await closed.post("/fhir/openapi.json"), 405, "not-supported", "GET, HEAD")
    assert (await closed.head("/fhir/openapi.json")).status_code == 200
