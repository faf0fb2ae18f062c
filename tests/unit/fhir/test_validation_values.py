"""What the validator says of primitive values and of the extensions beside them."""

from decimal import Decimal
from typing import Any

import pytest
from tests.support.validating import (
    CHARACTERISTIC,
    EXTENSION,
    Resource,
    only,
    patient,
    refused_at,
)

from kontinuum.fhir.validation import validate

# --- primitive values -----------------------------------------------------------------------------


def extended(kind: str, value: Any) -> Resource:
    return patient(extension=[{"url": CHARACTERISTIC, f"value{kind}": value}])


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("Date", "2024"),
        ("Date", "2024-02"),
        ("Date", "2024-02-29"),
        ("DateTime", "2024-02-29"),
        ("DateTime", "2024-02-29T23:59:60Z"),
        ("DateTime", "2024-02-29T12:00:00.123456789-14:00"),
        ("Instant", "2024-02-29T12:00:00+02:00"),
        ("Time", "23:59:59.5"),
        ("Decimal", Decimal("1.00")),
        ("Decimal", 7),
        ("Decimal", Decimal("-1E+3")),
        ("Integer", -(2**31)),
        ("UnsignedInt", 0),
        ("PositiveInt", 1),
        ("String", "rad 1\nrad 2\t\u00a0ö 😀"),
        ("Markdown", "# rubrik"),
        ("Code", "a b"),
        ("Id", "a-1.B"),
        ("Uri", "urn:oid:1.2.752.129"),
        ("Url", "https://example.org/å?b=c#d"),
        ("Canonical", "http://example.org/vs|1.0"),
        ("Oid", "urn:oid:1.2.752.129.2.1.4.1"),
        ("Uuid", "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"),
        ("Base64Binary", "QUJD\nREVG"),
        ("Boolean", False),
    ],
)
def test_a_value_of_the_right_form_is_taken(kind: str, value: Any) -> None:
    assert validate(extended(kind, value)) == []


@pytest.mark.parametrize(
    ("kind", "value", "code"),
    [
        ("Date", "2023-02-29", "value"),
        ("Date", "1900-02-29", "value"),
        ("Date", "2024-04-31", "value"),
        ("Date", "2024-13", "value"),
        ("Date", "24-01-01", "value"),
        ("Date", "0000", "value"),
        ("Date", "2024-01-01T00:00:00Z", "value"),
        ("Date", "2024-01-01\n", "value"),
        ("Date", "２０２４-01-01", "value"),
        ("Date", 2024, "structure"),
        ("DateTime", "2024-02-29T12:00:00", "value"),
        ("DateTime", "2024-02-29T12:00Z", "value"),
        ("DateTime", "2024-02-29T24:00:00Z", "value"),
        ("DateTime", "2023-02-29T12:00:00Z", "value"),
        ("DateTime", "2024-02-29 12:00:00Z", "value"),
        ("DateTime", "2024-02-29T12:00:00+15:00", "value"),
        ("Instant", "2024-02-29", "value"),
        ("Instant", "2024-02-29T12:00:00", "value"),
        ("Time", "24:00:00", "value"),
        ("Time", "12:00", "value"),
        ("Time", "12:00:00Z", "value"),
        ("Decimal", "1.0", "structure"),
        ("Decimal", True, "structure"),
        ("Decimal", 1.5, "value"),
        ("Decimal", Decimal("NaN"), "value"),
        ("Decimal", Decimal("1E+500"), "value"),
        ("Decimal", Decimal("0." + "1" * 200), "value"),
        ("Integer", 2**31, "value"),
        ("Integer", Decimal("1.0"), "structure"),
        ("Integer", True, "structure"),
        ("Integer", "1", "structure"),
        ("UnsignedInt", -1, "value"),
        ("PositiveInt", 0, "value"),
        ("String", "", "value"),
        ("String", "a\x00b", "value"),
        ("String", "a\x0bb", "value"),
        ("String", "x" * (1024 * 1024 + 1), "too-long"),
        ("String", 5, "structure"),
        ("Code", " a", "value"),
        ("Code", "a ", "value"),
        ("Code", "a  b", "value"),
        ("Id", "a_b", "value"),
        ("Id", "x" * 65, "value"),
        ("Uri", "http://example.org/a b", "value"),
        ("Uri", "", "value"),
        ("Oid", "1.2.752", "value"),
        ("Oid", "urn:oid:1.02", "value"),
        ("Uuid", "c757873d-ec9a-4326-a141-556f43239520", "value"),
        ("Base64Binary", "QUJ", "value"),
        ("Base64Binary", "å===", "value"),
        ("Boolean", "true", "structure"),
    ],
)
def test_a_value_of_the_wrong_form_is_refused(kind: str, value: Any, code: str) -> None:
    assert refused_at(extended(kind, value)) == (code, "Patient.extension[0].value")


def test_a_resource_id_has_the_form_of_an_id() -> None:
    assert refused_at(patient(id="Åsa")) == ("value", "Patient.id")
    assert refused_at(patient(meta={"versionId": "1/2"})) == ("value", "Patient.meta.versionId")


# --- extensions and what stands beside primitives -------------------------------------------------


def test_a_primitive_may_carry_an_extension() -> None:
    assert validate(patient(_birthDate={"extension": [EXTENSION]})) == []
    assert validate(patient(_birthDate={"id": "b"})) == []


def test_nulls_fill_the_places_that_have_only_an_extension() -> None:
    given = {"given": ["Åsa", None], "_given": [None, {"extension": [EXTENSION]}]}
    assert validate(patient(name=[given])) == []


@pytest.mark.parametrize(
    ("changes", "location"),
    [
        ({"_birthDate": {}}, "Patient.birthDate"),
        ({"_birthDate": "x"}, "Patient.birthDate"),
        ({"_birthDate": [{"id": "b"}]}, "Patient.birthDate"),
        ({"_birthDate": {"value": "x"}}, "Patient.birthDate.value"),
        ({"_birthDate": {"extension": [{"valueString": "x"}]}}, "Patient.birthDate.extension[0].url"),
        ({"_active": {"id": "a"}}, "Patient.active"),
        ({"_name": [{"id": "a"}]}, "Patient._name"),
        ({"name": [{"given": ["A", None], "_given": [{"id": "g"}, None]}]}, "Patient.name[0].given[1]"),
        ({"name": [{"given": ["A"], "_given": {"id": "g"}}]}, "Patient.name[0].given"),
        ({"name": [{"_given": [{"id": "g"}]}]}, "Patient.name[0].given[0]"),
        ({"name": [{"family": "F", "_given": [None]}]}, "Patient.name[0].given[0]"),
    ],
)
def test_a_wrong_extension_of_a_primitive_is_refused(changes: Any, location: str) -> None:
    assert refused_at(patient(**changes)) == ("structure" if "url" not in location else "required", location)


def test_a_shorter_array_of_extensions_is_taken_with_a_warning() -> None:
    resource = patient(name=[{"given": ["Åsa", "Maria"], "_given": [{"extension": [EXTENSION]}]}])
    assert validate(resource) == []
    warned = [issue for issue in validate(resource, warnings=True) if "fill up with null" in issue.message]
    assert [(issue.severity, issue.location) for issue in warned] == [("warning", "Patient.name[0].given")]


@pytest.mark.parametrize(
    ("extension", "location"),
    [
        ({"valueString": "x"}, "Patient.extension[0].url"),
        ({"url": CHARACTERISTIC}, "Patient.extension[0]"),
        ({"url": CHARACTERISTIC, "valueString": "x", "extension": [EXTENSION]}, "Patient.extension[0]"),
        ({"url": CHARACTERISTIC, "valueString": "x", "valueCode": "x"}, "Patient.extension[0].value"),
        ({"url": CHARACTERISTIC, "extension": [{"url": "a"}]}, "Patient.extension[0].extension[0]"),
        ({"url": CHARACTERISTIC, "valueQuantity": {"value": "5"}}, "Patient.extension[0].value.value"),
    ],
)
def test_a_wrong_extension_is_refused(extension: Any, location: str) -> None:
    assert only(patient(extension=[extension])).location == location
