"""What an author of a form is told."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.support.forms import calculated, coded, expression, group, item, questionnaire, when

from kontinuum.fhir.questionnaire import check, urls

_CODE = [{"system": "http://loinc.org", "code": "8867-4"}]
_EXTRACT = {"url": urls.OBSERVATION_EXTRACT, "valueBoolean": True}


def _told(*items: dict[str, Any], **more: Any) -> list[tuple[str, str]]:
    return [(issue.severity, issue.location or "") for issue in check(questionnaire(*items, **more))]


def test_a_sound_form_has_no_remarks() -> None:
    unit = {"url": urls.UNIT, "valueCoding": {"system": "http://unitsofmeasure.org", "code": "/min"}}
    assert (
        _told(
            item("a", "choice", answerOption=[coded("1"), coded("2")]),
            item("b", "string", enableWhen=[when("a", "=", answerCoding={"system": "urn:x", "code": "1"})]),
            item("p", "decimal", unit, _EXTRACT, code=_CODE),
        )
        == []
    )


@pytest.mark.parametrize(
    ("items", "place"),
    [
        ([item("a", "string"), item("a", "string")], "item[1].linkId"),
        ([group("g", item("a", "string")), item("a", "string")], "item[1].linkId"),
        (
            [item("a", "string", enableWhen=[when("x", "exists", answerBoolean=True)])],
            "item[0].enableWhen[0].question",
        ),
        ([item("a", "choice")], "item[0]"),
        (
            [item("a", "integer", calculated("%nobody + 1"))],
            "item[0].extension[0].valueExpression.expression",
        ),
        ([item("a", "integer", calculated("1 +"))], "item[0].extension[0].valueExpression.expression"),
        (
            [item("a", "integer", calculated("nofunction()"))],
            "item[0].extension[0].valueExpression.expression",
        ),
        (
            [item("a", "integer", calculated("%resource.item.where(linkId='gone').answer.value"))],
            "item[0].extension[0].valueExpression.expression",
        ),
        ([item("a", "string", {"url": urls.REGEX, "valueString": "(("})], "item[0]"),
        ([item("a", "string", initial=[{"valueInteger": 3}])], "item[0].initial[0]"),
        ([item("a", "string", initial=[{"valueString": "x"}, {"valueString": "y"}])], "item[0].initial"),
        ([item("a", "string", required=True, readOnly=True)], "item[0]"),
        ([item("p", "integer", _EXTRACT)], "item[0].code"),
        ([item("a", "strange")], "item[0].type"),
        ([item("a", "choice", answerOption=[coded("1"), coded("1")])], "item[0].answerOption[1]"),
        ([item("a", "choice", answerValueSet="#none")], "item[0].answerValueSet"),
        ([item("a", "choice", answerValueSet="#empty")], "item[0].answerValueSet"),
        (
            [
                item(
                    "a",
                    "decimal",
                    {"url": urls.MIN_VALUE, "valueDecimal": Decimal("3")},
                    {"url": urls.MAX_VALUE, "valueDecimal": Decimal("2")},
                )
            ],
            "item[0]",
        ),
        (
            [
                group(
                    "g",
                    item(
                        "a",
                        "boolean",
                        definition="http://hl7.org/fhir/StructureDefinition/Condition#Condition.code",
                    ),
                    extensions=[{"url": urls.EXTRACTION_CONTEXT, "valueCode": "Condition"}],
                )
            ],
            "item[0].item[0].definition",
        ),
    ],
)
def test_a_fault_is_told_with_its_place(items: list[dict[str, Any]], place: str) -> None:
    empty = {"resourceType": "ValueSet", "id": "empty", "status": "active", "compose": {"include": []}}
    assert ("error", f"Questionnaire.{place}") in _told(*items, contained=[empty])


@pytest.mark.parametrize(
    ("conditions", "place"),
    [
        ([when("n", "=", answerString="5")], "enableWhen[0].answer"),
        ([when("c", ">", answerCoding={"system": "urn:x", "code": "1"})], "enableWhen[0].operator"),
        ([when("c", "=", answerCoding={"system": "urn:x", "code": "9"})], "enableWhen[0].answer"),
        ([when("g", "=", answerString="x")], "enableWhen[0].question"),
        ([when("n", "=", answerInteger=1), when("n", "=", answerInteger=2)], "enableWhen[1]"),
        ([when("n", "<", answerInteger=1), when("n", ">", answerInteger=2)], "enableWhen[1]"),
        ([when("n", "exists", answerBoolean=False), when("n", "=", answerInteger=2)], "enableWhen[1]"),
    ],
)
def test_a_condition_that_never_holds_is_told(conditions: list[dict[str, Any]], place: str) -> None:
    told = _told(
        item("n", "integer"),
        item("c", "choice", answerOption=[coded("1"), coded("2")]),
        group("g", item("h", "string")),
        item("last", "string", enableWhen=conditions, enableBehavior="all"),
    )
    assert ("error", f"Questionnaire.item[3].{place}") in told


def _limited(link: str) -> dict[str, Any]:
    limits = ({"url": urls.MIN_VALUE, "valueInteger": 0}, {"url": urls.MAX_VALUE, "valueInteger": 10})
    return item(link, "integer", *limits)


@pytest.mark.parametrize(
    ("operator", "answer", "dead"),
    [
        (">", 10, True),
        (">=", 10, False),
        ("=", 11, True),
        ("<", 0, True),
        ("<=", 0, False),
        ("!=", 11, False),
    ],
)
def test_a_condition_beyond_the_limits_of_its_question_is_told(
    operator: str, answer: int, dead: bool
) -> None:
    told = _told(
        _limited("n"), item("last", "string", enableWhen=[when("n", operator, answerInteger=answer)])
    )
    assert told == ([("error", "Questionnaire.item[1].enableWhen[0].answer")] if dead else [])


def test_conditions_that_what_stands_behind_them_excludes_are_told() -> None:
    low, high = when("n", "<", answerInteger=3), when("n", ">", answerInteger=6)
    asked = item("asked", "string", enableWhen=[low])
    dead = item("dead", "string", enableWhen=[when("asked", "exists", answerBoolean=True), high])
    heading = group("g", item("below", "string", enableWhen=[high]), enableWhen=[low])
    place = ("error", "Questionnaire.item[2].enableWhen[1]")
    assert place in _told(_limited("n"), asked, dead | {"enableBehavior": "all"})
    assert place not in _told(_limited("n"), asked, dead | {"enableBehavior": "any"})
    assert ("error", "Questionnaire.item[1].item[0].enableWhen[0]") in _told(_limited("n"), heading)
    absent = item("fine", "string", enableWhen=[when("asked", "exists", answerBoolean=False), high])
    assert _told(_limited("n"), asked, absent | {"enableBehavior": "all"}) == []


def test_what_is_not_carried_out_is_told_and_no_fault() -> None:
    extension = {"url": urls.SDC + "templateExtract", "valueString": "x"}
    assert _told(item("a", "string", extension)) == [("warning", "Questionnaire.item[0].extension[0]")]


def test_a_quantity_without_unit_is_told() -> None:
    assert _told(item("a", "quantity")) == [("warning", "Questionnaire.item[0]")]


def test_a_language_of_expressions_that_is_not_known_is_refused() -> None:
    cql = expression(urls.CALCULATED, "1")
    cql["valueExpression"]["language"] = "text/cql"
    told = check(questionnaire(item("a", "integer", cql)))
    assert [issue.message for issue in told] == [
        "Expressions are written in text/fhirpath; here is text/cql."
    ]
