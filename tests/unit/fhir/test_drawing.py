"""What a form asks of the record: the usual queries by choice, and which are asked when."""

from __future__ import annotations

import pytest

from kontinuum.fhir.fhirpath import FHIRPathError
from kontinuum.fhir.questionnaire import Context, Form, check, compile_form, prefill
from kontinuum.fhir.questionnaire.drawing import DRAWS, asked_always, draw, drawn, queries, resolved

PATIENT = {"resourceType": "Patient", "id": "p-1"}


def _form(item: dict[str, object]) -> Form:
    questionnaire = {"resourceType": "Questionnaire", "status": "active", "title": "x", "item": [item]}
    assert [one for one in check(questionnaire) if one.refuses] == []
    form = compile_form(questionnaire)
    assert isinstance(form, Form)
    return form


@pytest.mark.parametrize("key", list(DRAWS))
def test_what_a_text_begins_with_is_chosen_changed_and_taken_away(key: str) -> None:
    item: dict[str, object] = {"linkId": "a", "text": "A", "type": "text"}
    plain = dict(item)
    draw(item, "medication")
    draw(item, key)
    assert drawn(item) == key
    form = _form(item)
    (name,) = queries(form)
    assert asked_always(form) == frozenset(), "what a note only begins with is asked once"
    url = resolved(queries(form)[name].query or "", {"patient": PATIENT})
    assert "patient=p-1&" in url
    assert "item" not in prefill(form, Context({"patient": PATIENT, name: []})).response
    draw(item, "")
    assert item == plain


def test_what_cannot_be_worked_out_is_told() -> None:
    item: dict[str, object] = {"linkId": "a", "text": "A", "type": "text"}
    draw(item, "problems")
    (problem,) = prefill(_form(item), Context({"patient": PATIENT})).problems
    assert (problem.link_id, problem.code) == ("a", "expression")
    for query in ("Condition?patient={{%patient.birthDate}}", "Condition?patient={{%patient}}"):
        with pytest.raises(FHIRPathError):
            resolved(query, {"patient": PATIENT})


def test_lines_are_of_what_is_in_force_each_once() -> None:
    item: dict[str, object] = {"linkId": "a", "text": "A", "type": "text"}
    draw(item, "allergies")
    (name,) = queries(_form(item))
    refuted = {"coding": [{"code": "refuted"}]}
    found = [
        {"resourceType": "AllergyIntolerance", "code": {"coding": [{"display": "Nötter"}]}},
        {"resourceType": "AllergyIntolerance", "code": {"text": "Penicillin"}},
        {"resourceType": "AllergyIntolerance", "code": {"text": "Penicillin"}},
        {"resourceType": "AllergyIntolerance", "code": {"text": "Jod"}, "verificationStatus": refuted},
    ]
    made = prefill(_form(item), Context({"patient": PATIENT, name: found}))
    assert made.response["item"][0]["answer"] == [{"valueString": "Nötter\nPenicillin"}]
    assert made.drawn == {"a"}
