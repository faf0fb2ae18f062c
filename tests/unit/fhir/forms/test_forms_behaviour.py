"""What a form asks and calculates (http://hl7.org/fhir/R4/questionnaire.html, SDC's behaviour)."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.support.forms import (
    answered,
    calculated,
    coded,
    expression,
    form,
    group,
    item,
    questionnaire,
    response,
    when,
    within,
)

from kontinuum.fhir.questionnaire import Context, compile_form, evaluate, reevaluate, urls

D = Decimal


@pytest.mark.parametrize(
    ("operator", "limit", "given", "asked"),
    [
        ("=", 5, 5, True),
        ("=", 5, 6, False),
        ("!=", 5, 6, True),
        ("!=", 5, 5, False),
        ("!=", 5, None, True),
        (">", 5, 6, True),
        (">", 5, 5, False),
        (">", 5, None, False),
        ("<", 5, 4, True),
        ("<", 5, 5, False),
        (">=", 5, 5, True),
        ("<=", 5, 6, False),
    ],
)
def test_a_condition_on_a_number(operator: str, limit: int, given: int | None, asked: bool) -> None:
    made = form(
        item("a", "integer"), item("b", "string", enableWhen=[when("a", operator, answerInteger=limit)])
    )
    given_items = [] if given is None else [answered("a", valueInteger=given)]
    assert evaluate(made, response(*given_items)).enabled("b") is asked


@pytest.mark.parametrize(
    ("wanted", "given", "asked"), [(True, True, True), (True, False, False), (False, False, True)]
)
def test_a_condition_on_whether_there_is_an_answer(wanted: bool, given: bool, asked: bool) -> None:
    made = form(
        item("a", "string"), item("b", "string", enableWhen=[when("a", "exists", answerBoolean=wanted)])
    )
    items = [answered("a", valueString="x")] if given else []
    assert evaluate(made, response(*items)).enabled("b") is asked


def test_all_or_any_of_the_conditions() -> None:
    conditions = [when("a", "=", answerBoolean=True), when("b", "=", answerBoolean=True)]
    for behaviour, asked in (("all", False), ("any", True)):
        last = item("c", "string", enableWhen=conditions, enableBehavior=behaviour)
        made = form(item("a", "boolean"), item("b", "boolean"), last)
        given = response(answered("a", valueBoolean=True), answered("b", valueBoolean=False))
        assert evaluate(made, given).enabled("c") is asked


def test_an_expression_can_be_the_condition() -> None:
    condition = expression(
        urls.ENABLE_WHEN, "%resource.item.where(linkId='a').answer.value.contains('feber')"
    )
    made = form(item("a", "text"), item("b", "string", condition))
    assert evaluate(made, response(answered("a", valueString="hög feber"))).enabled("b")
    assert not evaluate(made, response(answered("a", valueString="hosta"))).enabled("b")


def test_what_is_not_asked_leaves_nothing_in_the_response_and_comes_back_when_it_is_asked_again() -> None:
    made = form(
        item("a", "boolean"),
        group("g", item("b", "string"), enableWhen=[when("a", "=", answerBoolean=True)]),
    )
    written = within("g", answered("b", valueString="inte lost"))
    off = evaluate(made, response(answered("a", valueBoolean=False), written))
    assert [one["linkId"] for one in off.response["item"]] == ["a"]
    on = reevaluate(off, response(answered("a", valueBoolean=True), written))
    assert on.answers("b") == [{"valueString": "inte lost"}]


def test_an_answer_that_is_not_asked_meets_no_condition() -> None:
    made = form(
        item("a", "boolean"),
        item("b", "boolean", enableWhen=[when("a", "=", answerBoolean=True)]),
        item("c", "string", enableWhen=[when("b", "=", answerBoolean=True)]),
    )
    given = response(answered("a", valueBoolean=False), answered("b", valueBoolean=True))
    assert not evaluate(made, given).enabled("c")


def test_a_condition_in_a_row_asks_the_question_of_that_row() -> None:
    made = form(
        group(
            "g",
            item("a", "boolean"),
            item("b", "string", enableWhen=[when("a", "=", answerBoolean=True)]),
            repeats=True,
        )
    )
    rows = [
        within("g", answered("a", valueBoolean=on), answered("b", valueString="x")) for on in (True, False)
    ]
    state = evaluate(made, response(*rows))
    assert [one.active() for one in state.occurrences("b")] == [True, False]


def test_calculations_follow_each_other_through_variables() -> None:
    weight = expression(urls.VARIABLE, "%resource.item.where(linkId='w').answer.value", name="w")
    made = form(
        item(
            "class",
            "string",
            calculated("iif(%resource.item.where(linkId='bmi').answer.value >= 30, 'fetma')"),
        ),
        item("bmi", "decimal", calculated("(%w / %h.power(2)).round(1)")),
        item("w", "decimal"),
        item("h", "decimal"),
        extension=[
            weight,
            expression(urls.VARIABLE, "%resource.item.where(linkId='h').answer.value", name="h"),
        ],
    )
    state = evaluate(
        made, response(answered("w", valueDecimal=D("98.0")), answered("h", valueDecimal=D("1.75")))
    )
    assert state.answers("bmi") == [{"valueDecimal": D("32.0")}]
    assert state.answers("class") == [{"valueString": "fetma"}]


def test_only_what_depends_on_the_changed_answer_is_worked_out_again() -> None:
    items = []
    for number in range(250):
        path = f"%resource.item.where(linkId='a{number}').answer.value"
        items += [item(f"a{number}", "integer"), item(f"b{number}", "integer", calculated(f"{path} * 2"))]
    made = form(*items)
    first = evaluate(made, response(*(answered(f"a{n}", valueInteger=n) for n in range(250))))
    assert len(first.recalculated) == 250
    again = reevaluate(first, response(*(answered(f"a{n}", valueInteger=n + (n == 7)) for n in range(250))))
    assert again.recalculated == ("b7",)
    assert again.answers("b7") == [{"valueInteger": 16}]
    assert again.answers("b249") == [{"valueInteger": 498}]


def test_a_score_adds_what_the_choices_count_even_where_a_code_counts_differently() -> None:
    total = calculated("%resource.item.where(linkId='q').item.answer.value.ordinal().sum()")
    made = form(
        group(
            "q",
            item("q1", "choice", answerOption=[coded("0", 0), coded("1", 1)]),
            item("q2", "choice", answerOption=[coded("0", 4), coded("1", 3)]),
            item("sum", "integer", total),
        )
    )
    chosen = [answered(link, valueCoding={"system": "urn:x", "code": "1"}) for link in ("q1", "q2")]
    state = evaluate(made, response(within("q", *chosen)))
    assert state.answers("sum") == [{"valueInteger": 4}]
    assert evaluate(made, response()).answers("sum") == []


def test_rows_are_calculated_each_by_itself() -> None:
    made = form(
        group(
            "g",
            item("a", "integer"),
            group("s", item("b", "integer", calculated("%row * 10"))),
            extensions=[
                expression(urls.VARIABLE, "%context.item.where(linkId='a').answer.value", name="row")
            ],
            repeats=True,
        )
    )
    rows = [within("g", answered("a", valueInteger=n)) for n in (1, 2)]
    assert evaluate(made, response(*rows)).answers("b") == [{"valueInteger": 10}, {"valueInteger": 20}]


def test_the_patient_of_the_launch_context_is_known_to_expressions() -> None:
    launch = {
        "url": urls.LAUNCH_CONTEXT,
        "extension": [
            {"url": "name", "valueCoding": {"code": "patient"}},
            {"url": "type", "valueCode": "Patient"},
        ],
    }
    made = form(item("born", "date", calculated("%patient.birthDate")), extension=[launch])
    patient = {"resourceType": "Patient", "birthDate": "1950-02-03"}
    state = evaluate(made, response(), Context({"patient": patient}))
    assert state.answers("born") == [{"valueDate": "1950-02-03"}]
    assert evaluate(made, response()).answers("born") == []


def test_items_that_wait_for_each_other_are_refused_with_their_path() -> None:
    made = compile_form(
        questionnaire(
            item("a", "integer", calculated("%resource.item.where(linkId='b').answer.value")),
            item("b", "integer", calculated("%resource.item.where(linkId='a').answer.value")),
        )
    )
    assert isinstance(made, list)
    assert [issue.message for issue in made] == ["These items wait for each other: a → b → a."]
    assert made[0].location == "Questionnaire.item[0]"


def test_an_extension_that_changes_the_meaning_is_refused_and_others_are_kept() -> None:
    strange = item("a", "string", modifierExtension=[{"url": "urn:not", "valueBoolean": True}])
    made = compile_form(questionnaire(strange))
    assert isinstance(made, list)
    assert made[0].location == "Questionnaire.item[0].modifierExtension[0]"
    kept = form(item("a", "string", {"url": "urn:harmless", "valueString": "x"}))
    assert kept.items["a"].source["extension"] == [{"url": "urn:harmless", "valueString": "x"}]


def test_what_cannot_be_worked_out_is_asked_and_told() -> None:
    condition = expression(urls.ENABLE_WHEN, "%resource.item.where(linkId='a').answer.value + 1")
    made = form(item("a", "string"), item("b", "string", condition))
    state = evaluate(made, response(answered("a", valueString="x")))
    assert state.enabled("b")
    assert [(one.link_id, one.code) for one in state.problems] == [("b", "expression")]


def test_choices_can_depend_on_other_answers() -> None:
    choices = expression(urls.ANSWERS, "%resource.item.where(linkId='a').answer.value")
    made = form(item("a", "string", repeats=True), item("b", "open-choice", choices))
    given = response(answered("a", answers=[{"valueString": "vänster"}, {"valueString": "höger"}]))
    state = evaluate(made, given)
    assert state.choices(state.occurrences("b")[0]) == [{"valueString": "vänster"}, {"valueString": "höger"}]
