"""How what was delivered becomes resources with ids and references, without a database."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.resources import bundle, patient, request

from kontinuum.app.commands.unpack import Item, computed_id, link, named, unpack
from kontinuum.fhir import json
from kontinuum.fhir.validation import validate


def unpacked(document: Any) -> list[Item]:
    """The items of a document, as a file that holds it."""
    return unpack(document, 0, json.dumps(document))


def test_it_works() -> None:
    """A resource keeps its id."""
    (item,) = unpacked(patient(id="p"))
    assert (item.type, item.id, item.refusal) == ("Patient", "p", None)


def test_computed_ids_are_valid_and_differ_by_place_and_by_text() -> None:
    """Two equal entries of a bundle are two resources; the same bundle gives the same ids."""
    twice = bundle("collection", {"resource": patient()}, {"resource": patient()})
    ids = [item.id for item in unpacked(twice)]
    assert len(set(ids)) == 2
    assert ids == [item.id for item in unpacked(twice)]
    assert set(ids).isdisjoint(item.id for item in unpacked({**twice, "id": "another"}))
    assert validate(named(unpacked(twice)[0])) == []


@given(st.lists(st.binary(), max_size=4), st.lists(st.binary(), max_size=4))
def test_a_computed_id_tells_its_parts_apart(one: list[bytes], other: list[bytes]) -> None:
    """No two lists of parts run together."""
    assert (computed_id(*one) == computed_id(*other)) == (one == other)


def test_criteria_take_the_place_of_an_id() -> None:
    """A conditional create or update, but not where the resource names itself."""
    content = bundle(
        "transaction",
        request("POST", "Patient", patient(), ifNoneExist="identifier=a|1"),
        request("PUT", "Patient?identifier=a|2", patient()),
        request("POST", "Patient", patient(id="own"), ifNoneExist="identifier=a|3"),
    )
    items = unpacked(content)
    assert [item.criteria for item in items] == ["identifier=a|1", "identifier=a|2", None]
    assert items[2].id == "own"


@pytest.mark.parametrize(
    ("entry", "location"),
    [
        ("no object", "Bundle.entry[0]"),
        ({"request": {"method": "POST", "url": "Patient"}}, "Bundle.entry[0].resource"),
        (request("DELETE", "Patient/1"), "Bundle.entry[0].request.method"),
        (request("GET", "Patient/1"), "Bundle.entry[0].request.method"),
        (request("PUT", "Patient/1", patient(id="2")), "Bundle.entry[0].request.url"),
        (
            {"resource": {"resourceType": "OperationOutcome"}, "search": {"mode": "outcome"}},
            "Bundle.entry[0].search.mode",
        ),
    ],
)
def test_entries_that_are_no_resources_to_keep_are_refused(entry: Any, location: str) -> None:
    """Each with the place of what is wrong."""
    (item,) = unpacked(bundle("transaction", entry))
    assert item.refusal is not None
    assert item.refusal.location == location


@pytest.mark.parametrize(
    "document", [[], "text", 7, None, {"resourceType": "Bundle", "type": "collection", "entry": 1}]
)
def test_documents_of_another_shape_are_refused(document: Any) -> None:
    """JSON is not yet FHIR."""
    (item,) = unpacked(document)
    assert item.refusal is not None


def test_links_in_references_and_narrative_are_followed() -> None:
    """Wherever the fullUrl of an entry stands."""
    narrative = '<div xmlns="http://www.w3.org/1999/xhtml"><a href="urn:uuid:a">patient</a></div>'
    content = bundle(
        "transaction",
        {"fullUrl": "urn:uuid:a", "resource": patient(id="p")},
        {
            "resource": {
                "resourceType": "Basic",
                "id": "b",
                "text": {"status": "generated", "div": narrative},
                "code": {"text": "x"},
                "subject": {"reference": "urn:uuid:a"},
                "extension": [{"url": "urn:x", "valueUri": "urn:uuid:a"}],
            }
        },
    )
    items = unpacked(content)
    link(items, {}, [b"urn:uuid:a"])
    basic = items[1].resource
    assert basic["subject"]["reference"] == "Patient/p"
    assert basic["extension"][0]["valueUri"] == "Patient/p"
    assert 'href="Patient/p"' in basic["text"]["div"]


def test_a_link_to_a_refused_entry_is_refused_as_well() -> None:
    """Nothing refers to what did not go in."""
    content = bundle(
        "transaction",
        {**request("PUT", "Patient/1", patient(id="2")), "fullUrl": "urn:uuid:a"},
        {"resource": {"resourceType": "Basic", "id": "b", "subject": {"reference": "urn:uuid:a"}}},
    )
    items = unpacked(content)
    link(items, {}, [b"urn:uuid:a"])
    assert items[1].refusal is not None
    assert items[1].refusal.location == "Basic.subject.reference"


def test_a_uuid_that_is_no_reference_may_stand_alone() -> None:
    """Identifiers are urn:uuid as well."""
    content = patient(id="p", identifier=[{"system": "urn:ietf:rfc:3986", "value": "urn:uuid:z"}])
    items = unpacked(content)
    link(items, {}, [b"urn:uuid:z"])
    assert items[0].refusal is None
