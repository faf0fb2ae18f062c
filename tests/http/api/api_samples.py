"""Resources that the API tests send, and how they read an answer."""

from __future__ import annotations

from typing import Any

import httpx

SYSTEM = "http://example.org/mrn"


def patient(**elements: Any) -> dict[str, Any]:
    """A small valid Patient."""
    return {"resourceType": "Patient", "name": [{"family": "Åkerström", "given": ["Örjan"]}], **elements}


def numbered(value: str, **elements: Any) -> dict[str, Any]:
    """A Patient with an identifier to search by."""
    return patient(identifier=[{"system": SYSTEM, "value": value}], **elements)


def observation(subject: str, **elements: Any) -> dict[str, Any]:
    """A small valid Observation of a body weight."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        "subject": {"reference": subject},
        **elements,
    }


async def stored(client: httpx.AsyncClient, resource: dict[str, Any]) -> dict[str, Any]:
    """Create a resource and give it back as the server keeps it."""
    response = await client.post(f"/fhir/{resource['resourceType']}", json=resource)
    assert response.status_code == 201, response.text
    return response.json()


def issues(response: httpx.Response) -> list[dict[str, Any]]:
    """The issues of the OperationOutcome that the answer must be."""
    outcome = response.json()
    assert outcome["resourceType"] == "OperationOutcome", outcome
    assert response.headers["content-type"].startswith("application/fhir+json"), response.headers
    assert all(issue["severity"] and issue["code"] and issue["diagnostics"] for issue in outcome["issue"])
    return outcome["issue"]


def refused(response: httpx.Response, status: int, code: str, *words: str) -> dict[str, Any]:
    """Assert a refusal with that status whose first issue has the code and says the words."""
    assert response.status_code == status, (response.status_code, response.text)
    first = issues(response)[0]
    assert first["code"] == code, first
    for word in words:
        assert word in first["diagnostics"], (word, first["diagnostics"])
    return first


def links(bundle: dict[str, Any]) -> dict[str, str]:
    """The links of a Bundle by relation."""
    return {link["relation"]: link["url"] for link in bundle["link"]}


def entries(bundle: dict[str, Any], mode: str = "match") -> list[dict[str, Any]]:
    """The resources of a searchset with that search mode."""
    return [entry["resource"] for entry in bundle.get("entry", []) if entry["search"]["mode"] == mode]
