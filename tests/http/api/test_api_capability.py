"""The CapabilityStatement: http://hl7.org/fhir/R4/capabilitystatement.html."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from api_samples import patient, refused

from kontinuum.fhir import json
from kontinuum.fhir.definitions import RESOURCE_TYPES, search_parameters
from kontinuum.fhir.search.parse import parse_search
from kontinuum.fhir.validation import validate


@pytest.fixture
async def statement(closed: httpx.AsyncClient) -> dict[str, Any]:
    """The statement as a client without a token reads it."""
    response = await closed.get("/fhir/metadata", headers={"Authorization": ""})
    assert response.status_code == 200
    return response.json()


def of_type(statement: dict[str, Any], name: str) -> dict[str, Any]:
    """What the statement says about a resource type."""
    return next(one for one in statement["rest"][0]["resource"] if one["type"] == name)


async def test_the_statement_is_valid_and_complete(closed: httpx.AsyncClient) -> None:
    body = (await closed.get("/fhir/metadata")).content
    statement = json.loads(body)
    assert [
        issue for issue in validate(statement, expected_type="CapabilityStatement") if issue.refuses
    ] == []
    assert (statement["fhirVersion"], statement["kind"]) == ("4.0.1", "instance")
    assert statement["implementation"]["url"] == "http://test/fhir"
    assert [one["type"] for one in statement["rest"][0]["resource"]] == list(RESOURCE_TYPES)
    assert "application/fhir+json" in statement["format"]
    assert statement["patchFormat"] == ["application/json-patch+json", "application/fhir+json"]
    assert not any("xml" in form for form in statement["format"])


WITHOUT_MISSING = {
    "_id": "a",
    "_lastUpdated": "2026",
    "_text": "feber",
    "_content": "feber",
    "near": "59.3|18.1",
}
"""Parameters that do not take `:missing`, and something to ask of them."""


async def test_it_names_the_interactions_there_are(statement: dict[str, Any]) -> None:
    codes = {one["code"] for one in of_type(statement, "Observation")["interaction"]}
    assert codes == {
        "read",
        "vread",
        "update",
        "patch",
        "delete",
        "history-instance",
        "history-type",
        "create",
        "search-type",
    }
    system = {one["code"] for one in statement["rest"][0]["interaction"]}
    assert system == {"transaction", "batch", "history-system", "search-system"}
    assert {one["name"] for one in statement["rest"][0]["operation"]} == {"export", "import", "meta"}


async def test_it_names_the_conditions_there_are(statement: dict[str, Any]) -> None:
    about = of_type(statement, "Patient")
    assert (about["versioning"], about["readHistory"], about["updateCreate"]) == ("versioned", True, True)
    assert (about["conditionalCreate"], about["conditionalUpdate"]) == (True, True)
    assert (about["conditionalRead"], about["conditionalDelete"]) == ("full-support", "single")


async def test_a_search_parameter_is_named_exactly_when_the_search_takes_it(
    statement: dict[str, Any],
) -> None:
    for name in ("Patient", "Observation", "Encounter", "Location", "Composition"):
        named = {one["name"] for one in of_type(statement, name)["searchParam"]}
        for parameter in search_parameters(name):
            asked = WITHOUT_MISSING.get(parameter)
            trial = (parameter, asked) if asked else (f"{parameter}:missing", "false")
            answer = parse_search(name, [trial])
            assert (parameter in named) == (not isinstance(answer, list)), (name, parameter)
    assert {"_id", "_lastUpdated", "_tag", "code", "code-value-quantity"} <= {
        one["name"] for one in of_type(statement, "Observation")["searchParam"]
    }
    assert "near" in {one["name"] for one in of_type(statement, "Location")["searchParam"]}


async def test_every_include_it_names_is_taken(statement: dict[str, Any]) -> None:
    about = of_type(statement, "Encounter")
    for parameter, values in (("_include", "searchInclude"), ("_revinclude", "searchRevInclude")):
        assert about[values]
        for value in about[values]:
            assert not isinstance(parse_search("Encounter", [(parameter, value)]), list), value


async def test_what_it_names_can_be_done(client: httpx.AsyncClient) -> None:
    statement = (await client.get("/fhir/metadata")).json()
    for about in statement["rest"][0]["resource"][::12]:
        name = about["type"]
        for parameter in about["searchParam"]:
            code = parameter["name"]
            asked = WITHOUT_MISSING.get(code)
            query = {code: asked} if asked else {f"{code}:missing": "true"}
            response = await client.get(f"/fhir/{name}", params=query)
            assert response.status_code == 200, (name, code, response.text)
    created = await client.put("/fhir/Patient/p", json=patient(id="p"))
    assert created.status_code == 201


async def test_the_mode_can_be_full_or_terminology(closed: httpx.AsyncClient) -> None:
    assert (await closed.get("/fhir/metadata?mode=full")).status_code == 200
    for mode in ("normative", ""):
        refused(await closed.get(f"/fhir/metadata?mode={mode}"), 400, "not-supported", "mode=full")
    refused(await closed.get("/fhir/metadata?colour=red"), 400, "not-supported", "colour")
    refused(await closed.get("/fhir/metadata?mode=full&mode=full"), 400, "value", "mode")


async def test_it_can_be_shortened_and_made_readable(closed: httpx.AsyncClient) -> None:
    short = (await closed.get("/fhir/metadata?_elements=software")).json()
    assert "rest" not in short
    assert short["software"]["name"] == "Kontinuum"
    assert short["fhirVersion"] == "4.0.1"
    assert (await closed.get("/fhir/metadata?_pretty=true")).text.startswith('{\n  "resourceType"')


async def test_a_client_that_holds_it_need_not_load_it_again(closed: httpx.AsyncClient) -> None:
    first = await closed.get("/fhir/metadata")
    again = await closed.get("/fhir/metadata", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = await closed.get("/fhir/metadata", headers={"If-None-Match": 'W/"x"'})
    assert other.content == first.content
