"""The medication list: what is in use, each drug once, differences seen."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from kontinuum.care.medication.model import read_medication
from kontinuum.care.medication.rules import Standing, Validity, newest_of_each, renewable, standing, validity
from kontinuum.fhir import json
from kontinuum.record.outcome import Stored

ATC = "http://www.whocc.no/atc"


def request(identity: str, atc: str, name: str, **more: Any) -> Stored:
    resource = {
        "resourceType": "MedicationRequest",
        "id": identity,
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": {"coding": [{"system": ATC, "code": atc}], "text": name},
        "dosageInstruction": [{"text": "1 tablett på morgonen."}],
        **more,
    }
    return Stored("MedicationRequest", identity, 1, 0, json.dumps(resource), "SE-U", "SE-P")


def labels(*entries: Stored) -> list[tuple[str, str]]:
    return [(one.id, one.concept.label) for one, _ in newest_of_each(read_medication(entries))]


def test_renewals_of_one_drug_with_one_dosage_are_one_line_the_latest() -> None:
    old = request("m-1", "C07AB02", "Metoprolol 50 mg", authoredOn="2023-01-01")
    new = request("m-2", "C07AB02", "Metoprolol 50 mg", authoredOn="2024-01-01")
    assert labels(old, new) == [("m-2", "Metoprolol 50 mg")]


def test_two_dosages_of_one_drug_both_stay_in_sight() -> None:
    morning = request("m-1", "C03CA01", "Furosemid 40 mg")
    noon = request(
        "m-2", "C03CA01", "Furosemid 40 mg", dosageInstruction=[{"text": "1 tablett mitt på dagen."}]
    )
    assert len(labels(morning, noon)) == 2


def test_drugs_stand_in_atc_order_and_those_without_a_code_last() -> None:
    none = request("m-1", "", "Egen blandning", medicationCodeableConcept={"text": "Egen blandning"})
    heart = request("m-2", "C07AB02", "Metoprolol")
    stomach = request("m-3", "A02BC01", "Omeprazol")
    assert [name for _, name in labels(none, heart, stomach)] == ["Omeprazol", "Metoprolol", "Egen blandning"]


def test_proposals_drafts_and_mistakes_are_not_on_the_list() -> None:
    assert (
        labels(
            request("m-1", "C07AB02", "A", intent="proposal"),
            request("m-2", "C07AB02", "B", status="draft"),
            request("m-3", "C07AB02", "C", status="entered-in-error"),
        )
        == []
    )


def test_a_drug_named_inside_the_resource_or_only_by_reference_keeps_its_name() -> None:
    contained = request(
        "m-1", "", "", contained=[{"resourceType": "Medication", "id": "x", "code": {"text": "Waran"}}]
    )
    body = json.loads(contained.body or b"")
    del body["medicationCodeableConcept"]
    body["medicationReference"] = {"reference": "#x"}
    inside = Stored("MedicationRequest", "m-1", 1, 0, json.dumps(body), "SE-U", "SE-P")
    body["medicationReference"] = {"reference": "Medication/7", "display": "Alvedon 500 mg"}
    outside = Stored("MedicationRequest", "m-2", 1, 0, json.dumps(body), "SE-U", "SE-P")
    assert [one.concept.label for one, _ in read_medication([inside, outside])] == ["Waran", "Alvedon 500 mg"]


def test_statements_may_give_several_reasons_for_their_status_and_requests_one() -> None:
    one = request("m-1", "C07AB02", "A", statusReason={"text": "Bradykardi"})
    many = request("m-2", "C07AB02", "B", statusReason=[{"text": "Yrsel"}, {"text": "Trötthet"}])
    assert [entry.reasons_for_status for entry, _ in read_medication([one, many])] == [
        "Bradykardi",
        "Yrsel, Trötthet",
    ]


def bounds(**period: str) -> dict[str, Any]:
    return {"dosageInstruction": [{"text": "1 tablett", "timing": {"repeat": {"boundsPeriod": period}}}]}


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ({}, Standing.CURRENT),
        ({"status": "on-hold"}, Standing.CURRENT),
        ({"status": "stopped"}, Standing.ENDED),
        (bounds(start="2026-03-02"), Standing.PLANNED),
        (bounds(start="2026-03-01", end="2026-03-01"), Standing.CURRENT),
        (bounds(start="2026-02-01", end="2026-02-28"), Standing.ENDED),
        (bounds(start="2026-01", end="2026-02"), Standing.ENDED),
        (bounds(start="2026", end="2026-03"), Standing.CURRENT),
    ],
)
def test_a_drug_is_current_from_its_first_day_through_its_last(more: dict[str, Any], place: Standing) -> None:
    ((drug, entry),) = read_medication([request("m-1", "C07AB02", "Metoprolol", **more)])
    assert standing(drug, "2026-03-01") is place
    assert renewable(drug, entry, "2026-03-01") is (place is not Standing.ENDED)


@pytest.mark.parametrize(
    ("until", "how"),
    [
        ("", Validity.HOLDS),
        ("2026-04-01", Validity.HOLDS),
        ("2026-03-31", Validity.SOON),
        ("2026-03-01", Validity.SOON),
        ("2026-02-28", Validity.OVER),
    ],
)
def test_a_prescription_that_soon_ends_to_hold_is_told_of(until: str, how: Validity) -> None:
    valid = {"dispenseRequest": {"validityPeriod": {"end": until}}} if until else {}
    ((drug, _),) = read_medication([request("m-1", "C07AB02", "Metoprolol", **valid)])
    assert validity(drug, date(2026, 3, 1)) is how
