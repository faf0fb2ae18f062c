"""Hand-made resources that together have values for every type of search parameter."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"


def patient(identifier: str = "1", **more: Any) -> dict[str, Any]:
    """A patient with an identifier of a system of ours."""
    return {
        "resourceType": "Patient",
        "identifier": [{"system": "urn:example:patients", "value": identifier}],
        "name": [{"family": "Åkesson", "given": ["Örjan"]}],
        "birthDate": "1950-01-02",
        **more,
    }


def observation(patient_id: str, code: str = "8480-6", value: Any = 120, **more: Any) -> dict[str, Any]:
    """A systolic blood pressure, unless told otherwise."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": code}]},
        "subject": {"reference": f"Patient/{patient_id}"},
        **({} if "effectivePeriod" in more else {"effectiveDateTime": "2024-03-01T08:30:00+01:00"}),
        "valueQuantity": {"value": Decimal(str(value)), "unit": "mmHg", "system": UCUM, "code": "mm[Hg]"},
        **more,
    }


def bundle(kind: str, *entries: dict[str, Any]) -> dict[str, Any]:
    """A bundle of a kind."""
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def request(method: str, url: str, resource: Any = None, **more: Any) -> dict[str, Any]:
    """An entry of a transaction or batch; `fullUrl` and parts of the request are told apart."""
    entry: dict[str, Any] = {"request": {"method": method, "url": url}}
    if "fullUrl" in more:
        entry["fullUrl"] = more.pop("fullUrl")
    entry["request"].update(more)
    if resource is not None:
        entry["resource"] = resource
    return entry


def variety() -> list[dict[str, Any]]:
    """Resources with ids whose values meet at the borders that searches distinguish."""
    concept = {"coding": [{"system": "urn:a", "code": "x"}, {"code": "plain"}], "text": "Något"}
    people = [
        patient(
            "19121212-1212",
            id="p1",
            gender="female",
            active=True,
            telecom=[{"system": "phone", "value": "070-1"}],
        ),
        patient("2", id="p2", name=[{"text": "Anna Maria Öberg"}, {"family": "oberg", "prefix": ["Dr"]}]),
        patient("3", id="p3", birthDate="1950", address=[{"city": "Visby", "line": ["S:t Hansgatan 1"]}]),
        patient("4", id="p4", deceasedDateTime="2024-02-29T23:59:59.999Z", active=False),
        {"resourceType": "Patient", "id": "p5", "generalPractitioner": [{"reference": "Organization/o1"}]},
    ]
    values = [
        observation("p1", id="b1", value=5.4),
        observation("p1", id="b2", value=5.45, effectiveDateTime="2024-03"),
        observation("p1", "1-1", id="b3", effectivePeriod={"start": "2024-01-01", "end": "2024-06-30"}),
        observation("p2", "1-1", id="b4", effectivePeriod={"start": "2024-02-01"}, category=[concept]),
        observation("p2", id="b5", value=-3, effectiveDateTime="2023-12-31T23:30:00-05:00"),
        {
            **observation("p2", "85354-9", id="b6"),
            "component": [
                {
                    "code": {"coding": [{"system": LOINC, "code": "8480-6"}]},
                    "valueQuantity": {"value": 120, "unit": "mm"},
                },
                {
                    "code": {"coding": [{"system": LOINC, "code": "8462-4"}]},
                    "valueQuantity": {"value": 80, "system": UCUM, "code": "mm"},
                },
                {"code": concept, "valueCodeableConcept": concept},
            ],
        },
        {
            **_without(observation("p3", id="b7"), "valueQuantity"),
            "valueString": "Ingen blödning",
            "code": concept,
        },
        {
            **_without(observation("p3", id="b8"), "valueQuantity", "effectiveDateTime"),
            "valueCodeableConcept": concept,
        },
        {**_without(observation("p1", id="b9"), "valueQuantity"), "valueDateTime": "2024-05-05"},
    ]
    for each in values[6:]:
        each["method"] = concept
    others: list[dict[str, Any]] = [
        {"resourceType": "Organization", "id": "o1", "name": "Öst", "active": True, "type": [concept]},
        {
            "resourceType": "Organization",
            "id": "o2",
            "name": "öst vårdcentral",
            "partOf": {"reference": "Organization/o1"},
        },
        {
            "resourceType": "RiskAssessment",
            "id": "k1",
            "status": "final",
            "subject": {"reference": "Patient/p1"},
            "prediction": [
                {"probabilityDecimal": Decimal("0.25")},
                {"probabilityRange": {"low": {"value": Decimal("0.5"), "system": UCUM, "code": "%"}}},
            ],
        },
        {
            "resourceType": "ValueSet",
            "id": "v1",
            "url": "http://example.org/fhir/ValueSet/one",
            "version": "1",
            "status": "active",
            "date": "2020-02",
        },
        {
            "resourceType": "Questionnaire",
            "id": "q1",
            "url": "http://example.org/fhir/Questionnaire/one",
            "status": "draft",
            "derivedFrom": ["http://example.org/fhir/Questionnaire/base|2"],
            "useContext": [
                {"code": {"system": "urn:u", "code": "age"}, "valueQuantity": {"value": 18, "unit": "a"}},
                {"code": {"system": "urn:u", "code": "task"}, "valueCodeableConcept": concept},
            ],
        },
        {
            "resourceType": "Group",
            "id": "g1",
            "type": "person",
            "actual": True,
            "characteristic": [{"code": concept, "valueBoolean": True, "exclude": False}],
        },
        {
            "resourceType": "Appointment",
            "id": "a1",
            "status": "booked",
            "start": "2024-03-01T08:00:00Z",
            "end": "2024-03-01T09:00:00Z",
            "participant": [
                {"actor": {"reference": "Patient/p1"}, "status": "accepted"},
                {"actor": {"reference": "Patient/p2"}, "status": "accepted"},
            ],
        },
        {
            "resourceType": "Encounter",
            "id": "e1",
            "status": "finished",
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
            "subject": {"reference": "Patient/p1"},
            "length": {"value": 30, "unit": "min", "system": UCUM, "code": "min"},
            "meta": {
                "tag": [{"system": "urn:tags", "code": "t"}],
                "profile": ["http://example.org/profile|3"],
            },
        },
        {
            "resourceType": "Observation",
            "id": "b10",
            "status": "preliminary",
            "code": {"text": "only text"},
            "encounter": {"reference": "Encounter/e1"},
            "subject": {"reference": "Group/g1"},
            "focus": [{"reference": "Patient/p2"}],
        },
    ]
    return [*people, *values, *others]


def _without(resource: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in resource.items() if name not in names}
