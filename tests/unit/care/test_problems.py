"""The problem list: one line for each problem, whatever the number of visits at which it was registered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kontinuum.care.problems.model import read_conditions
from kontinuum.care.problems.rules import split
from kontinuum.care.problems.writing import MAIN, SECONDARY, Wording, comment_of, diagnosed, is_main, worded
from kontinuum.fhir import json
from kontinuum.fhir.authoring import HL7
from kontinuum.kernel.terms import Term
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
    found = split(read_conditions(entries))
    (problem,) = found.current
    assert problem.since == "2019-05-02"
    assert problem.registrations == 2
    assert problem.latest.recorded_date == "2024-02-03"
    assert found.earlier == []


def test_resolved_problems_stand_apart_unless_the_problem_is_back() -> None:
    entries = [
        condition("J18.9", recordedDate="2020-01-01", clinicalStatus=status("resolved")),
        condition("I48.9", recordedDate="2020-01-01", clinicalStatus=status("resolved")),
        condition("I48.9", recordedDate="2022-01-01", clinicalStatus=status("recurrence")),
    ]
    found = split(read_conditions(entries))
    assert [one.latest.code.code() for one in found.current] == ["I48.9"]
    assert [one.latest.code.code() for one in found.earlier] == ["J18.9"]


def test_without_a_clinical_status_a_problem_is_current_until_an_end_is_recorded() -> None:
    entries = [condition("M54.5", onsetDateTime="2020"), condition("R05.9", abatementDateTime="2020-02-01")]
    found = split(read_conditions(entries))
    assert [one.latest.code.code() for one in found.current] == ["M54.5"]
    assert [one.latest.code.code() for one in found.earlier] == ["R05.9"]


def test_what_was_entered_in_error_or_refuted_is_struck_and_a_suspicion_is_marked() -> None:
    entries = [
        condition("C18.7", verificationStatus=status("entered-in-error")),
        condition("C20.9", verificationStatus=status("refuted")),
        condition("D50.9", verificationStatus=status("provisional")),
    ]
    found = split(read_conditions(entries))
    assert [one.latest.code.code() for one in found.current] == ["D50.9"]
    assert found.current[0].latest.unconfirmed
    assert found.earlier == []
    assert [one.latest.code.code() for one in found.struck] == ["C18.7", "C20.9"]


def contact(*diagnoses: tuple[str, str]) -> dict[str, Any]:
    made: dict[str, Any] = {"resourceType": "Encounter", "id": "e"}
    for identity, role in diagnoses:
        made = diagnosed(made, identity, role)
    return made


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from((MAIN, SECONDARY))), min_size=1))
def test_a_contact_has_at_most_one_main_diagnosis_each_diagnosis_once_and_ranks_without_gaps(
    chosen: list[tuple[str, str]],
) -> None:
    diagnoses = contact(*chosen)["diagnosis"]
    mains = [one for one in diagnoses if is_main(one)]
    last_main = max((place for place, one in enumerate(chosen) if one[1] == MAIN), default=-1)
    still_main = last_main >= 0 and chosen[last_main][0] not in [one for one, _ in chosen[last_main + 1 :]]
    assert len(mains) == still_main
    assert [one["condition"]["reference"][-1] for one in mains] == [chosen[last_main][0]] * still_main
    assert sorted(one["condition"]["reference"][-1] for one in diagnoses) == sorted(
        {one for one, _ in chosen}
    )
    first = 1 if still_main else 2
    assert [one["rank"] for one in diagnoses] == list(range(first, first + len(diagnoses)))


def test_a_correction_keeps_what_its_form_does_not_show() -> None:
    before = {
        "resourceType": "Condition",
        "verificationStatus": status("differential"),
        "category": [{"coding": [{"system": f"{HL7}/condition-category", "code": "problem-list-item"}]}],
        "code": {"coding": [{"system": ICD, "code": "J45.9"}, {"code": "195967001"}], "text": "Astma"},
        "onsetDateTime": "2019-05-02T10:00:00+02:00",
        "note": [{"text": "Enligt remiss", "authorString": "A"}, {"text": "Spirometri"}],
        "stage": [{"summary": {"text": "II"}}],
    }
    term = Term(ICD, "J45.9", "Astma, ospecificerad")
    same = Wording("Astma", term, True, "2019-05-02", True, comment_of(before))
    assert worded(before, same) == before
    other = worded(before, replace(same, onset="2018", suspected=False))
    assert (other["onsetDateTime"], other["note"]) == ("2018", before["note"])
    assert other["verificationStatus"]["coding"][0]["code"] == "confirmed"
