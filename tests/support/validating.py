"""What the tests of the validator share: two sound resources, and the one issue of a refused one."""

from copy import deepcopy
from decimal import Decimal
from typing import Any

from kontinuum.fhir.issues import Issue
from kontinuum.fhir.validation import validate

Resource = dict[str, Any]

PATIENT: Resource = {
    "resourceType": "Patient",
    "id": "p1",
    "name": [{"family": "Öberg", "given": ["Åsa"]}],
    "gender": "female",
    "birthDate": "1961-02-28",
}
OBSERVATION: Resource = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "4548-4"}]},
    "subject": {"reference": "Patient/p1"},
    "effectiveDateTime": "2024-05-17T13:28:17+02:00",
    "valueQuantity": {"value": Decimal("48.0"), "system": "http://unitsofmeasure.org", "code": "mmol/mol"},
}

CHARACTERISTIC = "http://example.org/p"
EXTENSION = {"url": CHARACTERISTIC, "valueString": "x"}


def patient(**changes: Any) -> Resource:
    return {**deepcopy(PATIENT), **changes}


def observation(**changes: Any) -> Resource:
    changed = {**deepcopy(OBSERVATION), **changes}
    return {key: value for key, value in changed.items() if value is not None}


def only(resource: Any, **options: Any) -> Issue:
    issues = validate(resource, **options)
    assert len(issues) == 1, issues
    return issues[0]


def refused_at(resource: Any) -> tuple[str, str | None]:
    issue = only(resource)
    assert issue.severity == "error"
    assert issue.message
    return issue.code, issue.location
