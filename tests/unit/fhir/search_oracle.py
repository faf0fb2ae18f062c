"""The store's part of a search, done in memory: answers questions from index values alone."""

from typing import Any

from kontinuum.fhir import json
from kontinuum.fhir.search import (
    CompositeValue,
    Criterion,
    IndexValues,
    SearchQuery,
    StringValue,
    Value,
    extract,
    hashes_of,
    matches,
    negated,
    parse_search,
    range_holds,
    recheck,
    rows_of,
    tags_of,
)
from kontinuum.fhir.search.lookup import RowTest
from kontinuum.fhir.search.shared import united

Resource = dict[str, Any]


def asked(type_name: str, name: str, text: str, **options: Any) -> SearchQuery:
    parsed = parse_search(type_name, [(name, text)], **options)
    assert isinstance(parsed, SearchQuery), parsed
    return parsed


def index_holds(type_name: str, criterion: Criterion, index: IndexValues) -> bool:
    """Answer a criterion from index values alone, in the way of the store's SQL."""
    held = set(index.hashes)
    found = any(
        bool(held.intersection(hashes)) if hashes else _rows_hold(type_name, each, value, index)
        for each in united(type_name, criterion)
        for value, hashes in zip(each.values, hashes_of(type_name, each), strict=True)
    )
    return found != negated(criterion)


def _rows_hold(type_name: str, criterion: Criterion, value: Value, index: IndexValues) -> bool:
    tests = rows_of(type_name, criterion, value)
    assert tests, f"{value} is answered neither by hashes nor by rows"
    tags = tags_of(type_name, criterion, value) if isinstance(value, CompositeValue) else []
    ordinals = [
        {
            row[-1]
            for row in getattr(index, test.table)
            if row[0] == test.param
            and _row_holds(test, criterion.modifier, row)
            and all(set(row[-2] or ()).intersection(one_of) for one_of in tags)
        }
        for test in tests
    ]
    return bool(set.intersection(*ordinals))


def _row_holds(test: RowTest, modifier: str | None, row: Any) -> bool:
    if isinstance(test.value, StringValue):
        wanted = test.value.normalised
        return wanted in row[1] if modifier == "contains" else row[1].startswith(wanted)
    unit_fits = test.unit is None or test.unit in row[3]
    return unit_fits and range_holds(test.value, row[1], row[2])


def found(resource: Resource, name: str, text: str, **options: Any) -> bool:
    """Whether a search finds a resource; fails when the index and the plain reading disagree."""
    query = asked(resource["resourceType"], name, text, **options)
    by_reading = matches(query, resource)
    by_index = all(index_holds(query.type, criterion, extract(resource)) for criterion in query.criteria)
    assert by_index == by_reading, (query, by_index)
    if by_reading:
        assert recheck(query.criteria, json.dumps(resource))
    return by_reading


LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"

OBSERVATION: Resource = {
    "resourceType": "Observation",
    "id": "o1",
    "meta": {
        "lastUpdated": "2024-05-31T10:00:00.123456Z",
        "profile": ["http://example.org/profile|1.0"],
        "tag": [{"system": "http://example.org/tags", "code": "demo"}],
    },
    "identifier": [{"system": "urn:ids", "value": "A-1"}, {"value": "bare"}],
    "status": "final",
    "category": [{"coding": [{"system": "http://cat", "code": "vital-signs"}]}],
    "code": {"coding": [{"system": LOINC, "code": "85354-9"}, {"code": "BP"}], "text": "Blood pressure"},
    "subject": {"reference": "Patient/p1"},
    "encounter": {"reference": "Encounter/e1/_history/3"},
    "performer": [{"reference": "https://other.example/fhir/Practitioner/x"}, {"display": "Somebody"}],
    "derivedFrom": [{"reference": "#c1"}],
    "contained": [{"resourceType": "Observation", "id": "c1", "status": "final", "code": {"text": "hidden"}}],
    "effectivePeriod": {"start": "2024-05-31T08:00:00+02:00"},
    "component": [
        {
            "code": {"coding": [{"system": LOINC, "code": "8480-6"}]},
            "valueQuantity": {"value": 120, "unit": "mmHg", "system": UCUM, "code": "mm[Hg]"},
        },
        {
            "code": {"coding": [{"system": LOINC, "code": "8462-4"}]},
            "valueQuantity": {"value": 80, "unit": "mmHg", "system": UCUM, "code": "mm[Hg]"},
        },
    ],
}

PATIENT: Resource = {
    "resourceType": "Patient",
    "id": "p1",
    "active": True,
    "identifier": [{"system": "http://electronichealth.se/identifier/personnummer", "value": "199001012384"}],
    "name": [
        {"family": "Öström-Lindqvist", "given": ["Åke", None, "Göran"], "text": "Åke Ö-L", "prefix": ["Dr"]},
    ],
    "gender": "male",
    "birthDate": "1990-01",
    "telecom": [
        {"system": "phone", "value": "+46 8 123", "use": "home"},
        {"system": "email", "value": "ake@example.org"},
    ],
    "address": [
        {"line": ["Storgatan  1", "Port B"], "city": "Visby", "postalCode": "621 57", "country": "SE"}
    ],
    "generalPractitioner": [{"identifier": {"value": "only an identifier"}}],
}
