"""Forms as form builders and implementation guides export them: each feature is used or told, none lost."""

from __future__ import annotations

from typing import Any

import pytest

from kontinuum.fhir.questionnaire import Form, check, compile_form
from kontinuum.fhir.validation import validate
from kontinuum.web.workspace.studio.exchange import content
from kontinuum.web.workspace.studio.strange import strange

CORE = "http://hl7.org/fhir/StructureDefinition/"
SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-"
LFORMS = "http://lhcforms.nlm.nih.gov/fhir/StructureDefinition/"
LOINC = "http://loinc.org"


def _control(code: str) -> dict[str, Any]:
    coding = {"system": "http://hl7.org/fhir/questionnaire-item-control", "code": code, "display": code}
    return {"url": f"{CORE}questionnaire-itemControl", "valueCodeableConcept": {"coding": [coding]}}


def _formula(url: str, text: str, **more: str) -> dict[str, Any]:
    return {"url": url, "valueExpression": {"language": "text/fhirpath", "expression": text, **more}}


KILO = {"system": "http://unitsofmeasure.org", "code": "kg", "display": "kg"}
ORDINAL = {"url": f"{CORE}ordinalValue", "valueDecimal": 1}
USED: dict[str, Any] = {
    "unit": {"url": f"{CORE}questionnaire-unit", "valueCoding": KILO},
    "unitOption": {"url": f"{CORE}questionnaire-unitOption", "valueCoding": KILO},
    "calculated": _formula(f"{SDC}calculatedExpression", "2 * 2"),
    "initial": _formula(f"{SDC}initialExpression", "70"),
    "variable": _formula(f"{CORE}variable", "%resource.item.count()", name="answered"),
    "minValue": {"url": f"{CORE}minValue", "valueDecimal": 1},
    "decimals": {"url": f"{CORE}maxDecimalPlaces", "valueInteger": 1},
    "hidden": {"url": f"{CORE}questionnaire-hidden", "valueBoolean": True},
    "entryFormat": {"url": f"{CORE}entryFormat", "valueString": "kg"},
    "observation": {"url": f"{SDC}observationExtract", "valueBoolean": True},
    "help": None,
}
TOLD: dict[str, Any] = {
    "orientation": {"url": f"{CORE}questionnaire-choiceOrientation", "valueCode": "horizontal"},
    "slider step": {"url": f"{CORE}questionnaire-sliderStepValue", "valueInteger": 5},
    "category": {
        "url": f"{CORE}questionnaire-displayCategory",
        "valueCodeableConcept": {"coding": [{"code": "instructions"}]},
    },
    "terminology server": {"url": f"{SDC}preferredTerminologyServer", "valueUrl": "https://example.org/fhir"},
    "support link": {"url": f"{CORE}questionnaire-supportLink", "valueUri": "https://example.org/help"},
    "short text": {"url": f"{SDC}shortText", "valueString": "Weight"},
    "columns": {"url": f"{SDC}choiceColumn", "extension": [{"url": "path", "valueString": "code"}]},
    "collapsible": {"url": f"{SDC}collapsible", "valueCode": "default-open"},
    "open label": {"url": f"{SDC}openLabel", "valueString": "Other"},
    "signature": {
        "url": f"{CORE}questionnaire-signatureRequired",
        "valueCodeableConcept": {"coding": [{"code": "1.2.840.10065.1.12.1.5"}]},
    },
    "media": {"url": f"{SDC}itemMedia", "valueAttachment": {"url": "https://example.org/p.png"}},
    "endpoint": {"url": f"{SDC}endpoint", "valueUri": "https://example.org"},
    "builder": {"url": f"{LFORMS}ext-data-control", "valueString": '{"source": "OTHER"}'},
}


def _form(**parts: Any) -> dict[str, Any]:
    item = {
        "linkId": "/29463-7",
        "type": "decimal",
        "text": "Weight",
        "prefix": "1.",
        **parts.pop("item", {}),
    }
    code = {"system": LOINC, "code": "29463-7", "display": "Body weight"}
    return {
        "resourceType": "Questionnaire",
        "status": "draft",
        "title": "Panel",
        "subjectType": ["Patient", "Person"],
        "code": [{"system": LOINC, "code": "34566-0"}],
        "item": [{**item, "code": [code]}],
        **parts,
    }


def _said(form: dict[str, Any]) -> str:
    return " ".join(f"{one.message} {one.location}" for one in (*check(form), *strange(form)))


@pytest.mark.parametrize("name", USED)
def test_what_is_used_is_not_told(name: str) -> None:
    made: dict[str, Any] = {"extension": [USED[name]]}
    if name == "help":
        below = {"linkId": "h", "type": "display", "text": "Without shoes", "extension": [_control("help")]}
        made = {"item": [below]}
    form = _form(item=made)
    assert strange(form) == []
    assert isinstance(compile_form(form), Form)


@pytest.mark.parametrize("name", TOLD)
@pytest.mark.parametrize("where", ["form", "item", "text", "code", "option", "contained", "help"])
def test_what_is_not_used_is_told_wherever_it_stands_and_kept(where: str, name: str) -> None:
    extension = [TOLD[name]]
    option = {"valueCoding": {"system": LOINC, "code": "LA1", "extension": [ORDINAL]}, "extension": [ORDINAL]}
    places: dict[str, dict[str, Any]] = {
        "form": {"extension": extension},
        "item": {"item": {"extension": extension}},
        "text": {"item": {"_text": {"extension": extension}}},
        "code": {"identifier": [{"value": "1", "extension": extension}]},
        "option": {
            "item": {
                "type": "choice",
                "answerOption": [{**option, "extension": [*extension, ORDINAL]}],
            }
        },
        "contained": {
            "contained": [{"resourceType": "ValueSet", "status": "active", "extension": extension}]
        },
        "help": {
            "item": {
                "item": [
                    {
                        "linkId": "h",
                        "type": "display",
                        "text": "?",
                        "extension": [_control("help"), *extension],
                    }
                ]
            }
        },
    }
    form = _form(**places[where])
    assert str(TOLD[name]["url"]) in _said(form)
    assert content(form) == form


def test_what_would_change_what_a_form_does_is_told_as_not_carried_out() -> None:
    part = {"url": "option", "valueCoding": {"code": "a"}}
    toggle = {"url": f"{SDC}answerOptionsToggleExpression", "extension": [part]}
    assert "switched on and off" in _said(_form(item={"extension": [toggle]}))


def test_how_a_question_looks_and_whom_a_form_is_about_are_told() -> None:
    looks = [_control(one) for one in ("drop-down", "radio-button", "slider", "autocomplete", "lookup")]
    for control in looks:
        code = control["valueCodeableConcept"]["coding"][0]["code"]
        assert f"“{code}”" in _said(_form(item={"extension": [control]}))
    assert strange(_form(item={"type": "group", "extension": [_control("gtable")], "item": []})) == []
    assert "about Location" in _said(_form(subjectType=["Location"]))


def test_what_belongs_to_no_item_of_its_kind_is_told_before_it_is_left_out() -> None:
    limited = _form(item={"type": "integer", "answerOption": [{"valueInteger": 1}, {"valueInteger": 2}]})
    assert "“answerOption” does not belong" in _said(limited)
    stray = _form(item={"type": "string", "extension": [USED["unit"]]})
    assert "“questionnaire-unit” does not belong" in _said(stray)


def test_the_table_is_of_forms_that_fhir_allows() -> None:
    for extension in (*USED.values(), *TOLD.values()):
        if extension:
            assert [one for one in validate(_form(item={"extension": [extension]})) if one.refuses] == []
