"""What another builder writes otherwise than FHIR allows: put right and told, or left and refused."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest

from kontinuum.care.journal.library import shipped
from kontinuum.fhir.validation import validate
from kontinuum.kernel.i18n import Translator
from kontinuum.web.workspace.studio.mending import in_words, mended

MOMENT = "2026-03-12T09:30:00+01:00"
_SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-"
_VARIABLE = "http://hl7.org/fhir/StructureDefinition/variable"


def _form(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Questionnaire",
        "status": "draft",
        "title": "A",
        **({"item": [*items]} if items else {}),
        **more,
    }


def _item(link: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"linkId": link, "text": link, "type": kind, **more}


def _expression(url: str, text: str, name: str | None = None) -> dict[str, Any]:
    value = {"language": "text/fhirpath", "expression": text, **({"name": name} if name else {})}
    return {"url": url, "valueExpression": value}


def _faults(questionnaire: dict[str, Any]) -> list[str]:
    return [issue.message for issue in validate(questionnaire) if issue.refuses]


def test_numbers_in_quotes_are_numbers_with_their_digits() -> None:
    period = {"url": f"{_SDC}observationLinkPeriod", "valueDuration": {"value": "1.50", "unit": "a"}}
    before = _form(_item("w", "decimal", extension=[period], required="true", maxLength="7", text="12"))
    after, told = mended(copy.deepcopy(before), MOMENT)
    item = after["item"][0]
    assert str(item["extension"][0]["valueDuration"]["value"]) == "1.50"
    assert isinstance(item["extension"][0]["valueDuration"]["value"], Decimal)
    assert (item["required"], item["maxLength"], item["text"]) == (True, 7, "12")
    assert _faults(after) == []
    assert "Questionnaire.item[0].extension[0].valueDuration.value" in in_words(told, Translator("en"))


@pytest.mark.parametrize("text", ["", "1,5", "01", " 1", "1 kg", "0x1", "NaN"])
def test_what_is_no_number_stays_and_is_refused(text: str) -> None:
    before = _form(_item("w", "string", maxLength=text))
    after, told = mended(copy.deepcopy(before), MOMENT)
    assert after == before
    assert told == {}
    assert _faults(after)


def test_choices_made_beforehand_are_marked_where_each_is_one_of_the_choices() -> None:
    first, second, third = ({"valueCoding": {"system": "s", "code": code}} for code in "abz")
    chosen = _item("q", "choice", answerOption=[first, second], initial=[second])
    other = _item("r", "choice", answerOption=[first, second], initial=[third])
    after, told = mended(copy.deepcopy(_form(chosen, other)), MOMENT)
    assert [one.get("initialSelected") for one in after["item"][0]["answerOption"]] == [None, True]
    assert "initial" not in after["item"][0]
    assert after["item"][1] == other
    assert list(told.values()) == [["Questionnaire.item[0]"]]


def test_variables_get_names_that_fhir_allows_wherever_they_are_used() -> None:
    stated = [_expression(_VARIABLE, "1", "q_1"), _expression(_VARIABLE, "%q_1 + 1", "q_10")]
    total = _expression(f"{_SDC}calculatedExpression", "%q_1 + %q_10")
    after, told = mended(_form(_item("t", "decimal", extension=[total]), extension=stated), MOMENT)
    names = [one["valueExpression"]["name"] for one in after["extension"]]
    assert names == ["q1", "q10"]
    assert after["extension"][1]["valueExpression"]["expression"] == "%q1 + 1"
    assert after["item"][0]["extension"][0]["valueExpression"]["expression"] == "%q1 + %q10"
    assert _faults(after) == []
    assert list(told.values()) == [["q_1 → q1", "q_10 → q10"]]
    twice = _form(extension=[_expression(_VARIABLE, "1", "q_1"), _expression(_VARIABLE, "2", "q1")])
    assert mended(copy.deepcopy(twice), MOMENT) == (twice, {})


def test_values_are_named_as_fhirpath_names_them() -> None:
    text = "%resource.item.answer.valueDecimal * 2 + %a.valueInteger"
    after, told = mended(_form(extension=[_expression(_VARIABLE, text, "x")]), MOMENT)
    found = after["extension"][0]["valueExpression"]["expression"]
    assert found == "%resource.item.answer.value.ofType(decimal) * 2 + %a.value.ofType(integer)"
    assert list(told.values()) == [[text]]


def test_lists_without_content_and_what_nothing_refers_to_are_left_out() -> None:
    codes = {"resourceType": "ValueSet", "id": "c", "expansion": {"contains": [{"system": "s", "code": "1"}]}}
    unused = {"resourceType": "ValueSet", "id": "u", "status": "active"}
    asked = _item("q", "choice", answerValueSet="#c", extension=[], item=[])
    after, told = mended(_form(asked, contained=[codes, unused]), MOMENT)
    assert _faults(after) == []
    assert [one["id"] for one in after["contained"]] == ["c"]
    assert after["contained"][0]["status"] == "unknown"
    assert after["contained"][0]["expansion"]["timestamp"] == MOMENT
    assert "extension" not in after["item"][0]
    assert sorted(len(places) for places in told.values()) == [1, 2, 2]


@pytest.mark.parametrize("name", sorted(shipped()))
def test_a_form_that_fhir_allows_is_left_to_the_letter(name: str) -> None:
    form = shipped()[name]
    assert mended(copy.deepcopy(dict(form)), MOMENT) == (form, {})
