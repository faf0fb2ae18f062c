"""Patches as values: RFC 6902 and http://hl7.org/fhir/R4/fhirpatch.html, without a server."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontinuum.fhir.issues import Issue
from kontinuum.fhir.patch import (
    AddLabels,
    JsonPatch,
    RemoveLabels,
    apply_patch,
    parse_fhirpath_patch,
    parse_json_patch,
)

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p",
    "name": [
        {"given": ["Örjan", "Bo"], "_given": [None, {"extension": [{"url": "urn:x", "valueCode": "CL"}]}]}
    ],
    "birthDate": "1950-01-02",
    "deceasedBoolean": False,
    "multipleBirthInteger": 1,
}


def patched(patch: Any, resource: dict[str, Any] = PATIENT) -> Any:
    """What a patch that must be in order makes of a resource, which it leaves alone."""
    assert not isinstance(patch, Issue), patch
    before = copy.deepcopy(resource)
    result = apply_patch(patch, resource)
    assert resource == before
    return result


def by_json(*operations: Any, resource: dict[str, Any] = PATIENT) -> Any:
    return patched(parse_json_patch(list(operations)), resource)


def op(kind: str, path: str, **more: Any) -> dict[str, Any]:
    """An operation of a JSON Patch; `origin` stands for `from`."""
    if "origin" in more:
        more["from"] = more.pop("origin")
    return {"op": kind, "path": path, **more}


@pytest.mark.parametrize(
    ("operation", "changed"),
    [
        (op("add", "/gender", value="male"), {"gender": "male"}),
        (op("add", "/birthDate", value="1951"), {"birthDate": "1951"}),
        (op("add", "/name/0/given/1", value="Mats"), "Örjan Mats Bo"),
        (op("add", "/name/0/given/-", value="Mats"), "Örjan Bo Mats"),
        (op("add", "/name/0/given/2", value="Mats"), "Örjan Bo Mats"),
        (op("remove", "/name/0/given/0"), "Bo"),
        (op("replace", "/name/0/given/0", value="Örn"), "Örn Bo"),
        (op("move", "/name/0/given/1", origin="/name/0/given/0"), "Bo Örjan"),
        (op("move", "/birthDate", origin="/birthDate"), {}),
        (op("copy", "/name/0/given/0", origin="/name/0/given/1"), "Bo Örjan Bo"),
        (op("test", "/multipleBirthInteger", value=Decimal("1.0")), {}),
        (op("test", "", value=PATIENT), {}),
        (op("remove", "/birthDate"), {"birthDate": None}),
    ],
)
def test_each_operation_does_what_the_rfc_says(operation: dict[str, Any], changed: Any) -> None:
    result = by_json(operation)
    if isinstance(changed, str):
        assert result["name"][0]["given"] == changed.split()
    else:
        expected = {name: value for name, value in {**PATIENT, **changed}.items() if value is not None}
        assert result == expected


@pytest.mark.parametrize(
    ("operation", "code", "words"),
    [
        (op("test", "/birthDate", value="1951"), "conflict", "another one"),
        (op("test", "/deceasedBoolean", value=0), "conflict", "another one"),
        (op("test", "/gender", value="male"), "not-found", "nothing at '/gender'"),
        (op("replace", "/gender", value="male"), "not-found", "'/gender'"),
        (op("remove", "/name/1"), "not-found", "beyond the end"),
        (op("remove", "/name/-"), "value", "no place in a list"),
        (op("add", "/name/01", value={}), "value", "no place in a list"),
        (op("add", "/name/5", value={}), "not-found", "beyond the end"),
        (op("add", "/birthDate/x", value=1), "not-found", "'/birthDate/x'"),
        (op("remove", ""), "business-rule", "DELETE"),
        (op("replace", "", value=[1]), "structure", "none"),
        (op("replace", "/id", value="q"), "business-rule", "id"),
        (op("replace", "/resourceType", value="Person"), "business-rule", "resourceType"),
        (op("remove", "/a~1b~0c"), "not-found", "'/a~1b~0c'"),
    ],
)
def test_what_cannot_be_carried_out_is_told_and_changes_nothing(
    operation: dict[str, Any], code: str, words: str
) -> None:
    result = by_json(
        op("add", "/gender", value="male")
        if "gender" not in operation["path"]
        else op("test", "/id", value="p"),
        operation,
    )
    assert isinstance(result, Issue)
    assert result.code == code
    assert words in result.message
    assert "Operation 1" in result.message or code in ("business-rule", "structure")


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"op": "add"}, "list of operations"),
        (["x"], "JSON object"),
        ([{"op": "delete", "path": "/x"}], "'delete'"),
        ([{"op": "add", "path": "/x"}], "'value'"),
        ([{"op": "move", "path": "/x"}], "'from'"),
        ([{"op": "remove", "path": "x"}], "JSON Pointer"),
        ([{"op": "remove", "path": "/~2"}], "JSON Pointer"),
        ([{"op": "remove", "path": 3}], "JSON Pointer"),
        ([op("move", "/name/0/x", origin="/name")], "into itself"),
        ([op("remove", "/x")] * 10_001, "10,000"),
    ],
)
def test_what_is_no_json_patch_is_refused_before_anything_is_read(document: Any, words: str) -> None:
    found = parse_json_patch(document)
    assert isinstance(found, Issue)
    assert words in found.message


def test_copies_of_copies_end_before_the_memory_does() -> None:
    doubled = [op("copy", "/name/-", origin="/name")] + [op("copy", f"/x{n}", origin="") for n in range(40)]
    result = by_json(*doubled)
    assert isinstance(result, Issue)
    assert result.code == "too-costly"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=6,
)


@given(
    resource=st.dictionaries(st.sampled_from(["a", "b", "a/b", "~"]), VALUES, max_size=3),
    name=st.sampled_from(["a", "b", "a/b", "~"]),
    value=VALUES,
)
def test_what_was_added_is_there_and_what_was_removed_is_gone(
    resource: dict[str, Any], name: str, value: Any
) -> None:
    path = "/" + name.replace("~", "~0").replace("/", "~1")
    added = by_json(op("add", path, value=value), op("test", path, value=value), resource=resource)
    assert added == {**resource, name: value}
    removed = by_json(op("add", path, value=value), op("remove", path), resource=resource)
    assert removed == {key: each for key, each in resource.items() if key != name}


def operation(kind: str, path: str | None = None, **parts: Any) -> dict[str, Any]:
    """An operation of a FHIRPath Patch; a part is a text, a whole number, or what stands beside its name."""
    listed = [{"name": "type", "valueCode": kind}]
    listed += [] if path is None else [{"name": "path", "valueString": path}]
    for name, value in parts.items():
        if isinstance(value, str):
            value = {"valueString": value}
        elif isinstance(value, int):
            value = {"valueInteger": value}
        listed.append({"name": name, **value})
    return {"name": "operation", "part": listed}


def by_path(*operations: Any, resource: dict[str, Any] = PATIENT) -> Any:
    return patched(
        parse_fhirpath_patch({"resourceType": "Parameters", "parameter": list(operations)}), resource
    )


EXTENSION = {"url": "urn:y", "valueString": "z"}


@pytest.mark.parametrize(
    ("wanted", "changed"),
    [
        (operation("add", "Patient", name="gender", value={"valueCode": "male"}), {"gender": "male"}),
        (operation("replace", "Patient.birthDate", value={"valueDate": "1951"}), {"birthDate": "1951"}),
        (
            operation("replace", "Patient.deceased", value={"valueDateTime": "2020"}),
            {"deceasedBoolean": None, "deceasedDateTime": "2020"},
        ),
        (
            operation(
                "add",
                "Patient",
                name="contact",
                value={
                    "part": [
                        {"name": "name", "valueHumanName": {"text": "Eva"}},
                        {"name": "gender", "valueCode": "female"},
                    ]
                },
            ),
            {"contact": [{"name": {"text": "Eva"}, "gender": "female"}]},
        ),
        (
            operation("insert", "Patient.identifier", index=0, value={"valueIdentifier": {"value": "1"}}),
            {"identifier": [{"value": "1"}]},
        ),
        (
            operation("add", "Patient.birthDate", name="extension", value={"valueExtension": EXTENSION}),
            {"_birthDate": {"extension": [EXTENSION]}},
        ),
        (operation("delete", "Patient.birthDate"), {"birthDate": None}),
        (operation("delete", "Patient.contact"), {}),
        (operation("delete", "Patient.name"), {"name": None}),
        (
            operation("add", "Patient", name="contained", value={"resource": {"resourceType": "Basic"}}),
            {"contained": [{"resourceType": "Basic"}]},
        ),
    ],
)
def test_each_operation_does_what_fhir_says(wanted: dict[str, Any], changed: dict[str, Any]) -> None:
    expected = {name: value for name, value in {**PATIENT, **changed}.items() if value is not None}
    assert by_path(wanted) == expected


@pytest.mark.parametrize(
    ("wanted", "given", "called"),
    [
        (operation("delete", "Patient.name.given[0]"), "Bo", [True]),
        (operation("delete", "Patient.name.given.where($this = 'Bo')"), "Örjan", None),
        (operation("move", "Patient.name[0].given", source=1, destination=0), "Bo Örjan", [True, False]),
        (
            operation("insert", "Patient.name[0].given", index=1, value="Mats"),
            "Örjan Mats Bo",
            [False, False, True],
        ),
        (operation("replace", "Patient.name.given[1]", value="Mats"), "Örjan Mats", None),
    ],
)
def test_what_stands_beside_the_items_of_a_list_stays_with_them(
    wanted: dict[str, Any], given: str, called: list[bool] | None
) -> None:
    name = by_path(wanted)["name"][0]
    assert name["given"] == given.split()
    assert (None if "_given" not in name else [each is not None for each in name["_given"]]) == called


@pytest.mark.parametrize(
    ("wanted", "code", "words"),
    [
        (operation("replace", "Patient.name.given", value="x"), "multiple-matches", "2 elements"),
        (operation("replace", "Patient.gender", value="x"), "not-found", "leads to nothing"),
        (operation("replace", "Patient.birthDate is date", value="x"), "value", "computes a value"),
        (operation("replace", "Patient", value="x"), "value", "not an element"),
        (operation("delete", "Patient"), "value", "not an element"),
        (operation("add", "Patient", name="birthDate", value={"valueDate": "1951"}), "conflict", "already"),
        (
            operation("add", "Patient", name="deceased", value={"valueDateTime": "1951"}),
            "conflict",
            "already",
        ),
        (operation("add", "Patient", name="colour", value="red"), "value", "no element 'colour'"),
        (
            operation("add", "Patient", name="name", value={"valueAddress": {}}),
            "value",
            "HumanName, not Address",
        ),
        (operation("add", "Patient", name="deceased", value="x"), "value", "boolean or dateTime"),
        (
            operation("insert", "Patient.name", index=2, value={"valueHumanName": {}}),
            "value",
            "beyond the end",
        ),
        (operation("insert", "Patient.gender", index=0, value="x"), "value", "no list"),
        (operation("move", "Patient.name", source=1, destination=0), "value", "beyond the end"),
    ],
)
def test_an_operation_that_does_not_fit_is_told(wanted: dict[str, Any], code: str, words: str) -> None:
    result = by_path(operation("delete", "Patient.contact"), wanted)
    assert isinstance(result, Issue)
    assert result.code == code
    assert words in result.message


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"name": "op"}, "not 'op'"),
        (operation("remove", "Patient.name"), "'remove'"),
        (operation("delete"), "'path'"),
        (operation("add", "Patient", value="x"), "'name'"),
        (operation("delete", "Patient.name", index=1), "no part 'index'"),
        (operation("insert", "Patient.name", index=-1, value="x"), "whole number"),
        (operation("insert", "Patient.name", index="1", value="x"), "whole number"),
        (operation("delete", "Patient.name["), "no FHIRPath"),
        (operation("delete", "Patient.descendants()"), "not descendants"),
        (operation("delete", "%resource.name"), "not %resource"),
        (operation("delete", "Patient.name.where(family.matches('a*'))"), "not matches"),
        (operation("delete", " "), "must be a text"),
        (operation("delete", "Patient.name" + ".given" * 200), "longer than 1,000"),
        (operation("move", "Patient.name[0]", source=0, destination=0), "name of a list"),
    ],
)
def test_what_is_no_fhirpath_patch_is_refused_with_its_place(wanted: dict[str, Any], words: str) -> None:
    found = parse_fhirpath_patch({"resourceType": "Parameters", "parameter": [wanted]})
    assert isinstance(found, Issue)
    assert words in found.message
    assert found.location == "Parameters.parameter[0]"


@pytest.mark.parametrize("status", ["generated", "additional", "empty"])
def test_narrative_never_says_what_the_data_say_no_longer(status: str) -> None:
    told = {**PATIENT, "text": {"status": status, "div": "<div>1950</div>"}}
    about_data, about_tags = op("remove", "/birthDate"), op("add", "/meta", value={"tag": [{"code": "x"}]})
    result = by_json(about_data, resource=told)
    if status == "generated":
        assert "text" not in result
    elif status == "empty":
        assert result["text"] == told["text"]
    else:
        assert isinstance(result, Issue)
        assert "`text`" in result.message
        assert "text" not in by_json(about_data, op("remove", "/text"), resource=told)
    assert by_json(about_tags, resource=told)["text"] == told["text"]


def test_labels_are_sets_known_by_system_and_code() -> None:
    tag, other = {"system": "urn:t", "code": "a", "display": "A"}, {"system": "urn:u", "code": "a"}
    labelled = {**PATIENT, "meta": {"versionId": "3", "tag": [tag], "profile": ["urn:p"]}}
    added = patched(
        AddLabels({"tag": [{"system": "urn:t", "code": "a"}, other], "profile": ["urn:p"]}), labelled
    )
    assert added["meta"] == {"versionId": "3", "tag": [tag, other], "profile": ["urn:p"]}
    removed = patched(RemoveLabels({"tag": [{"system": "urn:t", "code": "a"}, {"code": "never"}]}), added)
    assert removed["meta"] == {"versionId": "3", "tag": [other], "profile": ["urn:p"]}


def test_a_patch_of_nothing_changes_nothing() -> None:
    assert patched(JsonPatch(())) == PATIENT
