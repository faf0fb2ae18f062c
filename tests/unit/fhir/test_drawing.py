"""What a form asks of the record: the usual queries by choice, and which are asked when."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from kontinuum.fhir.fhirpath import FHIRPathError
from kontinuum.fhir.questionnaire import Context, Form, check, compile_form, prefill
from kontinuum.fhir.questionnaire.drawing import DRAWS, asked_always, draw, drawn, queries, resolved
from kontinuum.kernel.clock import FixedClock

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


def test_a_hypersensitivity_is_told_with_how_it_shows_and_how_severe_it_is() -> None:
    item: dict[str, object] = {"linkId": "a", "text": "A", "type": "text"}
    draw(item, "allergies")
    (name,) = queries(_form(item))

    def one(agent: str, criticality: str, severity: str, *signs: dict[str, object]) -> dict[str, object]:
        reaction = {"manifestation": [*signs], "severity": severity}
        head = {"resourceType": "AllergyIntolerance", "code": {"text": agent}, "criticality": criticality}
        return {**head, "reaction": [reaction]} if signs else head

    unknown = {"extension": [{"url": "urn:x:absent", "valueCode": "unknown"}]}
    found = [
        one("NSAID", "high", "severe", {"text": "Magblödning"}),
        one("Jordnöt", "high", "moderate", {"coding": [{"display": "Urtikaria"}]}, {"text": "Andnöd"}),
        one("Latex", "high", "severe", unknown),
        one("Kodein", "low", "mild", {"text": "Illamående"}),
        one("Jod", "high", ""),
    ]
    made = prefill(_form(item), Context({"patient": PATIENT, name: found}))
    assert made.response["item"][0]["answer"][0]["valueString"].split("\n") == [
        "NSAID: Magblödning, livshotande",
        "Jordnöt: Urtikaria, Andnöd, allvarlig",
        "Latex, livshotande",
        "Kodein: Illamående",
        "Jod, allvarlig",
    ]


IN_MARCH = FixedClock(datetime(2026, 3, 4, 8, tzinfo=UTC))


def test_values_are_those_of_the_latest_set_as_they_were_written() -> None:
    item: dict[str, object] = {"linkId": "a", "text": "A", "type": "text"}
    draw(item, "vitals")
    form = _form(item)
    (name,) = queries(form)
    parts = [{"valueQuantity": {"value": Decimal(one), "unit": "mmHg"}} for one in ("135", "79")]
    evening, noon, autumn = "2026-03-02T20:15:00+01:00", "2026-03-02T12:00:00+01:00", "2025-11-30"
    found: list[dict[str, object]] = [
        {"code": {"text": "Medvetande"}, "effectiveDateTime": evening, "valueCodeableConcept": {"text": "A"}},
        {"code": {"text": "Blodtryck"}, "effectiveDateTime": evening, "component": parts},
        _measured("Temp", evening, value=Decimal("37.0"), unit="°C"),
        _measured("CRP", evening, value=Decimal("5"), comparator="<"),
        _measured("Puls", noon, value=Decimal("90"), unit="/min"),
        _measured("Vikt", autumn, value=Decimal("80"), unit="kg"),
    ]
    observations = [{"resourceType": "Observation", **one} for one in found]
    made = prefill(form, Context({"patient": PATIENT, name: observations}, IN_MARCH))
    (answer,) = made.response["item"][0]["answer"]
    assert answer["valueString"].split("\n") == [
        "Blodtryck 135/79 mmHg (2026-03-02)",
        "Temp 37,0 °C (2026-03-02)",
        "CRP <5 (2026-03-02)",
    ]
    old = prefill(form, Context({"patient": PATIENT, name: observations[-1:]}, IN_MARCH))
    assert "item" not in old.response, "a value of last year is not today's status"


def _measured(what: str, when: str, **quantity: object) -> dict[str, object]:
    return {"code": {"text": what}, "effectiveDateTime": when, "valueQuantity": quantity}
