"""The terminology service over HTTP: http://hl7.org/fhir/R4/terminology-service.html."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from kontinuum.fhir.validation import validate

URL = "http://example.org/cs"
SET = "http://example.org/vs"
MAP = "http://example.org/map"

SYSTEM: dict[str, Any] = {
    "resourceType": "CodeSystem",
    "id": "cs",
    "url": URL,
    "version": "1",
    "name": "Sample",
    "title": "Sample",
    "language": "sv",
    "status": "active",
    "content": "complete",
    "property": [{"code": "weight", "type": "integer"}, {"code": "status", "type": "code"}],
    "concept": [
        {
            "code": "heart",
            "display": "Hjärtsjukdom",
            "concept": [
                {
                    "code": "failure",
                    "display": "Hjärtsvikt",
                    "designation": [{"language": "en", "value": "Heart failure"}],
                    "property": [{"code": "weight", "valueInteger": 3}],
                },
                {
                    "code": "old",
                    "display": "Hjärtfel",
                    "property": [{"code": "status", "valueCode": "retired"}],
                },
            ],
        },
        {"code": "skin", "display": "Hudsjukdom"},
    ],
}
VALUE_SET: dict[str, Any] = {
    "resourceType": "ValueSet",
    "id": "vs",
    "url": SET,
    "status": "active",
    "compose": {
        "include": [{"system": URL, "filter": [{"property": "concept", "op": "is-a", "value": "heart"}]}]
    },
}
CONCEPT_MAP: dict[str, Any] = {
    "resourceType": "ConceptMap",
    "id": "map",
    "url": MAP,
    "status": "active",
    "group": [
        {
            "source": URL,
            "target": "http://example.org/other",
            "element": [
                {
                    "code": "failure",
                    "target": [{"code": "F", "display": "Failure", "equivalence": "wider"}],
                },
                {"code": "skin", "target": [{"equivalence": "unmatched", "comment": "None"}]},
            ],
        }
    ],
}


@pytest.fixture
async def fhir(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """A client of a server that was given the three resources by FHIR."""
    for resource in (SYSTEM, VALUE_SET, CONCEPT_MAP):
        address = f"/fhir/{resource['resourceType']}/{resource['id']}"
        response = await client.put(address, json=resource)
        assert response.status_code == 201, response.text
    return client


async def answer(client: httpx.AsyncClient, path: str, **parameters: Any) -> dict[str, Any]:
    """The valid resource that a GET answers."""
    response = await client.get(f"/fhir/{path}", params=parameters)
    assert response.status_code == 200, response.text
    body = response.json()
    assert [issue for issue in validate(body) if issue.refuses] == []
    return body


def value(parameters: dict[str, Any], name: str) -> Any:
    """The value of an output parameter; None when it is not there."""
    part = next((each for each in parameters["parameter"] if each["name"] == name), {})
    return next((part[key] for key in part if key.startswith("value")), None)


def codes(value_set: dict[str, Any]) -> list[str]:
    """The codes of an expansion."""
    return [each["code"] for each in value_set["expansion"].get("contains", [])]


async def refusal(response: httpx.Response, status: int, code: str, *words: str) -> None:
    """Assert an OperationOutcome that says the words."""
    assert response.status_code == status, response.text
    issue = response.json()["issue"][0]
    assert issue["code"] == code
    for word in words:
        assert word in issue["diagnostics"], issue


async def test_lookup(fhir: httpx.AsyncClient) -> None:
    found = await answer(fhir, "CodeSystem/$lookup", system=URL, code="failure")
    assert (value(found, "name"), value(found, "version"), value(found, "display")) == (
        "Sample",
        "1",
        "Hjärtsvikt",
    )
    properties = {
        each["part"][0]["valueCode"]: list(each["part"][1].values())[1]
        for each in found["parameter"]
        if each["name"] == "property"
    }
    assert properties == {"inactive": False, "parent": "heart", "weight": 3}
    english = await answer(
        fhir, "CodeSystem/$lookup", system=URL, code="failure", displayLanguage="en", property="weight"
    )
    assert value(english, "display") == "Heart failure"
    assert len([each for each in english["parameter"] if each["name"] == "property"]) == 1


async def test_lookup_by_coding_in_a_body(fhir: httpx.AsyncClient) -> None:
    coding = {"name": "coding", "valueCoding": {"system": URL, "code": "skin"}}
    body = {"resourceType": "Parameters", "parameter": [coding]}
    response = await fhir.post("/fhir/CodeSystem/$lookup", json=body)
    assert value(response.json(), "display") == "Hudsjukdom"


async def test_what_is_not_known_is_not_found(fhir: httpx.AsyncClient) -> None:
    for path in (
        f"CodeSystem/$lookup?system={URL}&code=none",
        "CodeSystem/$lookup?system=http://e.org/x&code=a",
        f"CodeSystem/$lookup?system={URL}&code=skin&version=2",
        "CodeSystem/$validate-code?url=http://e.org/x&code=a",
        f"CodeSystem/$subsumes?system={URL}&codeA=skin&codeB=none",
        "ValueSet/$expand?url=http://e.org/x",
        "ConceptMap/$translate?url=http://e.org/x&system=a&code=b",
        "CodeSystem/none/$validate-code?code=a",
    ):
        await refusal(await fhir.get(f"/fhir/{path}"), 404, "not-found")


async def test_validate_code(fhir: httpx.AsyncClient) -> None:
    good = await answer(fhir, "CodeSystem/$validate-code", url=URL, code="failure", display="heart failure")
    assert (value(good, "result"), value(good, "display")) == (True, "Hjärtsvikt")
    bad = await answer(fhir, "CodeSystem/$validate-code", url=URL, code="nothing")
    assert value(bad, "result") is False
    assert "does not exist" in value(bad, "message")
    of_instance = await answer(fhir, "CodeSystem/cs/$validate-code", code="skin")
    assert value(of_instance, "result") is True


async def test_subsumes(fhir: httpx.AsyncClient) -> None:
    for a, b, outcome in (
        ("heart", "failure", "subsumes"),
        ("failure", "heart", "subsumed-by"),
        ("skin", "skin", "equivalent"),
        ("skin", "heart", "not-subsumed"),
    ):
        found = await answer(fhir, "CodeSystem/$subsumes", system=URL, codeA=a, codeB=b)
        assert value(found, "outcome") == outcome
    found = await answer(fhir, "CodeSystem/cs/$subsumes", codeA="heart", codeB="old")
    assert value(found, "outcome") == "subsumes"


async def test_expand(fhir: httpx.AsyncClient) -> None:
    found = await answer(fhir, "ValueSet/$expand", url=SET)
    assert (codes(found), found["expansion"]["total"]) == (["heart", "failure", "old"], 3)
    assert found["expansion"]["contains"][2]["inactive"] is True
    assert codes(await answer(fhir, "ValueSet/vs/$expand", activeOnly="true")) == ["heart", "failure"]
    assert codes(await answer(fhir, "ValueSet/vs/$expand", filter="svik")) == ["failure"]
    page = await answer(fhir, "ValueSet/vs/$expand", offset=1, count=1)
    assert (codes(page), page["expansion"]["offset"], page["expansion"]["total"]) == (["failure"], 1, 3)
    nested = await answer(fhir, "ValueSet/vs/$expand", excludeNested="false", includeDesignations="true")
    (root,) = nested["expansion"]["contains"]
    assert [each["code"] for each in root["contains"]] == ["failure", "old"]
    assert root["contains"][0]["designation"][0]["value"] == "Heart failure"


async def test_a_value_set_in_the_body(fhir: httpx.AsyncClient) -> None:
    less = {"system": URL, "concept": [{"code": "old"}]}
    compose = {"include": [{"valueSet": [SET]}], "exclude": [less]}
    given = {"resourceType": "ValueSet", "status": "active", "compose": compose}
    alone = await fhir.post("/fhir/ValueSet/$expand", json=given)
    assert codes(alone.json()) == ["heart", "failure"]
    parameters = [
        {"name": "valueSet", "resource": given},
        {"name": "coding", "valueCoding": {"system": URL, "code": "old"}},
    ]
    body = {"resourceType": "Parameters", "parameter": parameters}
    response = await fhir.post("/fhir/ValueSet/$validate-code", json=body)
    assert value(response.json(), "result") is False


async def test_validate_code_in_a_value_set(fhir: httpx.AsyncClient) -> None:
    for code, result in (("failure", True), ("skin", False)):
        found = await answer(fhir, "ValueSet/$validate-code", url=SET, system=URL, code=code)
        assert value(found, "result") is result
    concept = {"coding": [{"system": URL, "code": "skin"}, {"system": URL, "code": "heart"}]}
    body = {
        "resourceType": "Parameters",
        "parameter": [{"name": "codeableConcept", "valueCodeableConcept": concept}],
    }
    response = await fhir.post("/fhir/ValueSet/vs/$validate-code", json=body)
    assert value(response.json(), "result") is True


async def test_translate(fhir: httpx.AsyncClient) -> None:
    found = await answer(fhir, "ConceptMap/$translate", url=MAP, system=URL, code="failure")
    match = next(each for each in found["parameter"] if each["name"] == "match")["part"]
    assert (value(found, "result"), match[0]["valueCode"], match[1]["valueCoding"]["code"]) == (
        True,
        "wider",
        "F",
    )
    none = await answer(fhir, "ConceptMap/map/$translate", system=URL, code="skin")
    assert value(none, "result") is False
    back = await answer(
        fhir, "ConceptMap/$translate", system="http://example.org/other", code="F", reverse="true"
    )
    match = next(each for each in back["parameter"] if each["name"] == "match")["part"]
    assert (match[0]["valueCode"], match[1]["valueCoding"]["code"]) == ("narrower", "failure")


async def test_a_resource_that_changes_changes_the_answers(fhir: httpx.AsyncClient) -> None:
    changed = {**SYSTEM, "concept": [{"code": "new", "display": "Ny"}]}
    assert (await fhir.put("/fhir/CodeSystem/cs", json=changed)).status_code == 200
    found = await answer(fhir, "CodeSystem/$validate-code", url=URL, code="new")
    assert value(found, "result") is True
    found = await answer(fhir, "CodeSystem/$validate-code", url=URL, code="skin")
    assert value(found, "result") is False
    assert (await fhir.delete("/fhir/CodeSystem/cs")).status_code == 204
    await refusal(await fhir.get(f"/fhir/CodeSystem/$lookup?system={URL}&code=new"), 404, "not-found")


async def test_a_created_resource_answers_as_well(client: httpx.AsyncClient) -> None:
    resource = {name: part for name, part in SYSTEM.items() if name != "id"}
    assert (await client.post("/fhir/CodeSystem", json=resource)).status_code == 201
    assert value(await answer(client, "CodeSystem/$lookup", system=URL, code="skin"), "display")


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        (
            {**SYSTEM, "concept": [{"code": "a", "concept": [{"code": "a"}]}]},
            ("unique", "CodeSystem"),
        ),
        (
            {**SYSTEM, "concept": [{"code": "a", "property": [{"code": "parent", "valueCode": "b"}]}]},
            ("parent 'b'", "concept[0]"),
        ),
        (
            {
                **SYSTEM,
                "concept": [
                    {"code": "a", "property": [{"code": "parent", "valueCode": "b"}]},
                    {"code": "b", "property": [{"code": "parent", "valueCode": "a"}]},
                ],
            },
            ("above itself", "concept"),
        ),
        (
            {
                **VALUE_SET,
                "compose": {
                    "include": [
                        {"system": URL, "filter": [{"property": "code", "op": "regex", "value": "a"}]}
                    ]
                },
            },
            ("regex", "include[0].filter[0]"),
        ),
    ],
)
async def test_a_resource_that_cannot_work_is_refused_with_its_place(
    client: httpx.AsyncClient, resource: dict[str, Any], words: tuple[str, str]
) -> None:
    response = await client.put(f"/fhir/{resource['resourceType']}/{resource['id']}", json=resource)
    assert response.status_code == 422, response.text
    issue = response.json()["issue"][0]
    assert words[0] in issue["diagnostics"]
    assert words[1] in issue["expression"][0]


@pytest.mark.parametrize(
    ("path", "status", "code", "word"),
    [
        (f"CodeSystem/$lookup?system={URL}", 400, "required", "exactly one"),
        ("CodeSystem/$lookup?code=a", 400, "required", "system"),
        ("CodeSystem/$lookup?code=a&colour=red", 400, "not-supported", "colour"),
        ("CodeSystem/$lookup?code=a&date=2026", 400, "not-supported", "not offered"),
        ("CodeSystem/$lookup?code=a&code=b", 400, "value", "once"),
        ("CodeSystem/$lookup?coding=a", 400, "value", "POST"),
        ("CodeSystem/cs/$lookup?code=a", 404, "not-supported", "/CodeSystem/$lookup"),
        ("ValueSet/$lookup?code=a", 404, "not-supported", "/CodeSystem/$lookup"),
        ("$expand", 404, "not-supported", "/ValueSet/$expand"),
        ("ValueSet/$expand", 400, "required", "url or valueSet"),
        (f"ValueSet/$expand?url={SET}&count=x", 400, "value", "whole number"),
        (f"ValueSet/$expand?url={SET}&count=-1", 400, "value", "negative"),
        (f"ValueSet/$expand?url={SET}&activeOnly=yes", 400, "value", "true or false"),
        (f"ValueSet/vs/$expand?url={SET}", 400, "value", "leave out url"),
        ("CodeSystem/$subsumes?codeA=a", 400, "required", "codeB"),
        ("ValueSet/$expand?url=http://snomed.info/sct?fhir_vs=new/1", 422, "not-supported", "fhir_vs"),
    ],
)
async def test_what_is_asked_wrongly_is_refused(
    fhir: httpx.AsyncClient, path: str, status: int, code: str, word: str
) -> None:
    await refusal(await fhir.get(f"/fhir/{path}"), status, code, word)


async def test_wrong_methods_and_bodies_are_refused(fhir: httpx.AsyncClient) -> None:
    response = await fhir.put("/fhir/ValueSet/$expand", json={})
    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD, POST")
    patient = {"resourceType": "Patient"}
    await refusal(await fhir.post("/fhir/ValueSet/$expand", json=patient), 400, "invalid", "Patient")
    wrong = {"resourceType": "Parameters", "parameter": [{"name": "count", "valueString": "1"}]}
    await refusal(await fhir.post("/fhir/ValueSet/$expand", json=wrong), 400, "value", "valueInteger")
    head = await fhir.head(f"/fhir/ValueSet/$expand?url={SET}")
    assert (head.status_code, head.content) == (200, b"")


async def test_the_value_sets_by_which_fhir_binds_elements_are_known_by_their_codes(
    fhir: httpx.AsyncClient,
) -> None:
    url, system = (
        "http://hl7.org/fhir/ValueSet/administrative-gender",
        "http://hl7.org/fhir/administrative-gender",
    )
    for canonical in (url, f"{url}|4.0.1"):
        found = await answer(fhir, "ValueSet/$expand", url=canonical)
        listed = [(each["system"], each["code"]) for each in found["expansion"]["contains"]]
        assert listed == [(system, code) for code in ("female", "male", "other", "unknown")]
        assert found["expansion"]["total"] == 4
    older = await fhir.get("/fhir/ValueSet/$expand", params={"url": f"{url}|3.0.1"})
    await refusal(older, 404, "not-found", "3.0.1")
    for code, right in (("male", True), ("man", False)):
        told = await answer(fhir, "ValueSet/$validate-code", url=url, code=code, system=system)
        assert {"name": "result", "valueBoolean": right} in told["parameter"]
    # No display is known here: none is called wrong, and that it was not compared is said.
    named = await answer(fhir, "ValueSet/$validate-code", url=url, code="male", system=system, display="Male")
    assert {"name": "result", "valueBoolean": True} in named["parameter"]
    assert "not compared" in next(
        each["valueString"] for each in named["parameter"] if each["name"] == "message"
    )


async def test_without_a_token_the_operations_are_closed(fhir: httpx.AsyncClient) -> None:
    response = await fhir.get(f"/fhir/ValueSet/$expand?url={SET}", headers={"Authorization": ""})
    assert response.status_code == 401


async def test_the_statements_tell_what_is_offered(fhir: httpx.AsyncClient) -> None:
    statement = await answer(fhir, "metadata")
    offered = {
        about["type"]: [each["name"] for each in about["operation"]]
        for about in statement["rest"][0]["resource"]
        if "operation" in about
    }
    of_every_type = offered["Account"]
    expected = {
        "CodeSystem": ["lookup", "validate-code", "subsumes"],
        "ConceptMap": ["translate"],
        "ValueSet": ["expand", "validate-code"],
        "Patient": ["everything", "export"],
        "Group": ["export"],
        "Encounter": ["everything"],
        "Observation": ["lastn"],
        "Subscription": ["status", "events", "get-ws-binding-token"],
    }
    own = {name: [each for each in listed if each not in of_every_type] for name, listed in offered.items()}
    assert {name: listed for name, listed in own.items() if listed} == expected
    terms = await answer(fhir, "metadata", mode="terminology")
    assert terms["resourceType"] == "TerminologyCapabilities"
    assert {"uri": URL, "version": [{"code": "1", "compositional": False}], "subsumption": True} in terms[
        "codeSystem"
    ]
