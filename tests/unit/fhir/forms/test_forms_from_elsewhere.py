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


def _coded(link: str, code: str, kind: str, extract: object = None, **more: Any) -> dict[str, Any]:
    value = "valueBoolean" if isinstance(extract, bool) else "valueCode"
    stated = [] if extract is None else [{"url": f"{_SDC}observationExtract", value: extract}]
    made = {"linkId": link, "text": link, "type": kind, "code": [{"system": _LOINC, "code": code}], **more}
    return {**made, "extension": [*stated, *more.get("extension", [])]} if stated else made


def _measured(link: str, value: int, **more: Any) -> dict[str, Any]:
    return {"linkId": link, "answer": [{"valueDecimal": Decimal(value), **more}]}


def _extracted(items: list[dict[str, Any]], answers: list[dict[str, Any]], whole: object = None) -> Any:
    """The Observations that follow, by the last code of each, and what the author is told."""
    stated = [] if whole is None else [{"url": f"{_SDC}observationExtract", "valueBoolean": whole}]
    questionnaire = {"resourceType": "Questionnaire", "status": "active", "url": "urn:q", "item": items}
    questionnaire |= {"extension": stated} if stated else {}
    form = compile_form(questionnaire)
    assert isinstance(form, Form)
    response = {
        "resourceType": "QuestionnaireResponse",
        "id": "r",
        "status": "completed",
        "subject": {"reference": "Patient/p"},
        "authored": "2026-03-12T09:30:00+01:00",
        "item": answers,
    }
    bundle = extract(form, response)
    assert isinstance(bundle, dict)
    made = [one["resource"] for one in bundle.get("entry", ())]
    assert [issue for one in made for issue in validate(one) if issue.refuses] == []
    observations = [one for one in made if one["resourceType"] == "Observation"]
    told = [issue.message for issue in check(questionnaire)]
    return {one["code"]["coding"][-1]["code"]: one for one in observations}, told


def test_a_panel_is_the_nearest_thing_above_that_becomes_an_observation() -> None:
    parts = [_coded("up", "8480-6", "decimal", "component"), _coded("low", "8462-4", "decimal", "component")]
    layout = {"linkId": "side", "type": "group", "text": "Side by side", "item": parts}
    panel = _coded("bp", "85354-9", "group", item=[layout])
    answers = [{"linkId": "side", "item": [_measured("up", 128), _measured("low", 76)]}]
    made, _ = _extracted([panel], [{"linkId": "bp", "item": answers}], whole=True)
    assert list(made) == ["85354-9"]
    values = {one["code"]["coding"][0]["code"]: one["valueQuantity"] for one in made["85354-9"]["component"]}
    assert values == {"8480-6": {"value": 128}, "8462-4": {"value": 76}}
    alone, told = _extracted([{**panel, "code": []}], [{"linkId": "bp", "item": answers}], whole=False)
    assert sorted(alone) == ["8462-4", "8480-6"]
    assert sum("becomes one of its own" in one for one in told) == 2


def test_a_question_is_the_panel_of_what_stands_below_it_when_it_has_one_answer() -> None:
    below = _coded("b", "8462-4", "decimal", "component")
    question = _coded("a", "85354-9", "decimal", True, item=[below], repeats=True)
    one = _measured("a", 1, item=[_measured("b", 2)])
    made, _ = _extracted([question], [one])
    assert [part["valueQuantity"]["value"] for part in made["85354-9"]["component"]] == [2]
    two = {"linkId": "a", "answer": [*one["answer"], {"valueDecimal": Decimal(3)}]}
    apart, _ = _extracted([question], [two])
    assert sorted(apart) == ["8462-4", "85354-9"]
    assert "component" not in apart["85354-9"]


def test_members_are_named_by_the_panel_and_what_is_derived_names_it() -> None:
    inner = [_coded("m", "6690-2", "decimal", "member"), _coded("d", "789-8", "decimal", "derived")]
    panel = _coded("p", "58410-2", "group", True, item=inner)
    both, _ = _extracted([panel], [{"linkId": "p", "item": [_measured("m", 6), _measured("d", 4)]}])
    reference = {name: {"reference": f"Observation/{one['id']}"} for name, one in both.items()}
    assert both["58410-2"]["hasMember"] == [reference["6690-2"]]
    assert reference["58410-2"] in both["789-8"]["derivedFrom"]
    only, _ = _extracted([panel], [{"linkId": "p", "item": [_measured("d", 4)]}])
    assert list(only) == ["789-8"]
    assert only["789-8"]["derivedFrom"] == [{"reference": "QuestionnaireResponse/r"}]


def test_a_code_says_for_itself_whether_it_is_the_observations() -> None:
    def stated(code: str, value: bool | None) -> dict[str, Any]:
        said = [] if value is None else [{"url": f"{_SDC}observationExtract", "valueBoolean": value}]
        return {"system": _LOINC, "code": code, **({"extension": said} if said else {})}

    off = {**_coded("a", "x", "decimal"), "code": [stated("1", None), stated("2", True)]}
    on = {
        **_coded("b", "x", "decimal", True),
        "code": [stated("3", True), stated("4", False), stated("5", None)],
    }
    none = {**_coded("c", "x", "decimal", True), "code": [stated("6", False)]}
    made, told = _extracted([off, on, none], [_measured(link, 1) for link in "abc"])
    codes = [[one["code"] for one in each["code"]["coding"]] for each in made.values()]
    assert codes == [["2"], ["3", "5"]]
    assert all("extension" not in one for each in made.values() for one in each["code"]["coding"])
    assert "What becomes an Observation needs a code." in told


def test_an_expression_that_finds_nothing_by_the_type_of_a_value_is_told() -> None:
    item = {
        "linkId": "bmi",
        "text": "BMI",
        "type": "decimal",
        "extension": [_expression(f"{_SDC}calculatedExpression", "%resource.item.answer.valueDecimal")],
    }
    told = check({"resourceType": "Questionnaire", "status": "active", "title": "x", "item": [item]})
    assert [one.message for one in told if ".valueDecimal" in one.message and not one.refuses]


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
