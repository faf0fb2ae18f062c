"""The problem list: one line for each problem, whatever the number of visits at which it was registered."""

from __future__ import annotations

from typing import Any

from kontinuum.care.problems.model import read_conditions
from kontinuum.care.problems.rules import split
from kontinuum.fhir import json
from kontinuum.record.outcome import Stored

ICD = "urn:oid:1.2.752.116.1.1.1.1.3"


def condition(code: str, **more: Any) -> Stored:
    resource = {
        "resourceType": "Condition",
        "id": f"c-{code}-{more.get('recordedDate', '')}",
        "code": {"coding": [{"system": ICD, "code": code}], "text": code},
        **more,
    }
    return Stored("Condition", resource["id"], 1, 0, json.dumps(resource), "SE-U", "SE-P")


def status(code: str) -> dict[str, Any]:
    return {"coding": [{"code": code}]}


def test_a_diagnosis_set_at_many_visits_is_one_problem_since_the_first() -> None:
    entries = [
        condition(
            "E11.9", onsetDateTime="2019-05-02", recordedDate="2019-05-02", clinicalStatus=status("active")
        ),
        condition(
            "E11.9", onsetDateTime="2021-01-01", recordedDate="2024-02-03", clinicalStatus=status("active")
        ),
    ]
    (problem,), earlier = split(read_conditions(entries))
    assert problem.since == "2019-05-02"
    assert problem.registrations == 2
    assert problem.latest.recorded_date == "2024-02-03"
    assert earlier == []


def test_resolved_problems_stand_apart_unless_the_problem_is_back() -> None:
    entries = [
        condition("J18.9", recordedDate="2020-01-01", clinicalStatus=status("resolved")),
        condition("I48.9", recordedDate="2020-01-01", clinicalStatus=status("resolved")),
        condition("I48.9", recordedDate="2022-01-01", clinicalStatus=status("recurrence")),
    ]
    current, earlier = split(read_conditions(entries))
    assert [one.latest.code.code() for one in current] == ["I48.9"]
    assert [one.latest.code.code() for one in earlier] == ["J18.9"]


def test_without_a_clinical_status_a_problem_is_current_until_an_end_is_recorded() -> None:
    entries = [condition("M54.5", onsetDateTime="2020"), condition("R05.9", abatementDateTime="2020-02-01")]
    current, earlier = split(read_conditions(entries))
    assert [one.latest.code.code() for one in current] == ["M54.5"]
    assert [one.latest.code.code() for one in earlier] == ["R05.9"]


def test_what_was_entered_in_error_or_refuted_is_not_shown_and_a_suspicion_is_marked() -> None:
    entries = [
        condition("C18.7", verificationStatus=status("entered-in-error")),
        condition("C20.9", verificationStatus=status("refuted")),
        condition("D50.9", verificationStatus=status("provisional")),
    ]
    ((problem,), earlier) = split(read_conditions(entries))
    assert problem.latest.code.code() == "D50.9"
    assert problem.latest.unconfirmed
    assert earlier == []
