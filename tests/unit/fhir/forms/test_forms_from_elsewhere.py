"""A form as other programs write them: linkIds with slashes, scores through %questionnaire, gtable."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from kontinuum.fhir.questionnaire import Form, check, compile_form, evaluate, extract, plain_text, render
from kontinuum.fhir.validation import validate

_LOINC = "http://loinc.org"
_SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-"
_CORE = "http://hl7.org/fhir/StructureDefinition/"


def _expression(url: str, text: str, name: str | None = None) -> dict[str, Any]:
    value = {"language": "text/fhirpath", "expression": text, **({"name": name} if name else {})}
    return {"url": url, "valueExpression": value}


def _score(link: str) -> str:
    return (
        f"%questionnaire.item.where(linkId = '{link}').answerOption.where(value.code = "
        f"%resource.item.where(linkId = '{link}').answer.value.code)"
        f".extension.where(url = '{_CORE}ordinalValue').value"
    )


def _question(link: str) -> dict[str, Any]:
    options = [
        {
            "extension": [{"url": f"{_CORE}ordinalValue", "valueDecimal": points}],
            "valueCoding": {"system": _LOINC, "code": f"LA{points}", "display": f"{points} points"},
        }
        for points in range(4)
    ]
    return {
        "linkId": link,
        "text": f"Question {link}",
        "type": "choice",
        "answerOption": options,
        "required": True,
    }


def _authored_elsewhere() -> dict[str, Any]:
    links = ("/44250-9", "/44255-8")
    total = {
        "extension": [
            _expression(f"{_SDC}calculatedExpression", "iif(%any, %a.sum() + iif(%b.exists(), %b, 0), {})"),
            {"url": f"{_SDC}observationExtract", "valueBoolean": True},
            {
                "url": f"{_CORE}questionnaire-unit",
                "valueCoding": {
                    "system": "http://unitsofmeasure.org",
                    "code": "{score}",
                    "display": "{score}",
                },
            },
        ],
        "linkId": "/55758-7",
        "code": [{"system": _LOINC, "code": "55758-7", "display": "Total score"}],
        "text": "Total",
        "type": "decimal",
        "readOnly": True,
    }
    table = {
        "extension": [
            {
                "url": f"{_CORE}questionnaire-itemControl",
                "valueCodeableConcept": {
                    "coding": [{"system": "http://hl7.org/fhir/questionnaire-item-control", "code": "gtable"}]
                },
            }
        ],
        "linkId": "/meds",
        "text": "Medication",
        "type": "group",
        "repeats": True,
        "enableWhen": [{"question": "/55758-7", "operator": ">=", "answerDecimal": 3}],
        "item": [
            {"linkId": "/meds/name", "text": "Name", "type": "string"},
            {"linkId": "/meds/dose", "text": "Dose", "type": "decimal"},
        ],
    }
    return {
        "resourceType": "Questionnaire",
        "url": "http://example.org/phq2",
        "version": "1",
        "status": "active",
        "meta": {"profile": ["http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire|2.7"]},
        "extension": [
            _expression(f"{_CORE}variable", _score(links[0]), "a"),
            _expression(f"{_CORE}variable", _score(links[1]), "b"),
            _expression(f"{_CORE}variable", "%a.exists() or %b.exists()", "any"),
        ],
        "item": [*map(_question, links), total, table],
    }


def test_a_form_made_elsewhere_is_filled_in_scored_read_and_extracted() -> None:
    questionnaire = _authored_elsewhere()
    assert [issue for issue in validate(questionnaire) if issue.refuses] == []
    assert check(questionnaire) == []
    form = compile_form(questionnaire)
    assert isinstance(form, Form)
    chosen = [
        {
            "linkId": link,
            "answer": [{"valueCoding": {"system": _LOINC, "code": "LA2", "display": "2 points"}}],
        }
        for link in ("/44250-9", "/44255-8")
    ]
    row = {"linkId": "/meds", "item": [{"linkId": "/meds/name", "answer": [{"valueString": "Sertralin"}]}]}
    response = {
        "resourceType": "QuestionnaireResponse",
        "id": "r",
        "status": "completed",
        "subject": {"reference": "Patient/p"},
        "authored": "2026-03-12T09:30:00+01:00",
        "item": [*chosen, row],
    }
    state = evaluate(form, response)
    assert state.problems == ()
    assert state.answers("/55758-7") == [{"valueDecimal": Decimal("4")}]
    assert "Total: 4 {score}" in plain_text(render(state)) or "Total\n4 {score}" in plain_text(render(state))
    assert "Sertralin" in plain_text(render(state))
    bundle = extract(form, response)
    assert isinstance(bundle, dict)
    assert bundle["entry"][0]["resource"]["valueQuantity"]["value"] == 4
    fewer = {**response, "item": [chosen[0], row]}
    assert "Sertralin" not in plain_text(render(evaluate(form, fewer)))
