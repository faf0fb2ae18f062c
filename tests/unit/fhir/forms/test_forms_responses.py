"""Holding responses to their form, and what becomes of them: text, resources, a beginning."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

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

from kontinuum.fhir.questionnaire import (
    Context,
    check,
    compile_form,
    evaluate,
    extract,
    plain_text,
    prefill,
    render,
    urls,
    validate_response,
)
from kontinuum.fhir.validation import validate
from kontinuum.kernel.clock import FixedClock

D = Decimal
_UNIT = {
    "url": urls.UNIT,
    "valueCoding": {"system": "http://unitsofmeasure.org", "code": "mm[Hg]", "display": "mmHg"},
}


def _extension(url: str, key: str, value: Any) -> dict[str, Any]:
    return {"url": url, key: value}


@pytest.mark.parametrize(
    ("question", "answers", "code"),
    [
        (item("a", "string", required=True), [], "required"),
        (item("a", "integer"), [{"valueString": "5"}], "type"),
        (item("a", "string"), [{"valueString": "x"}, {"valueString": "y"}], "too-many"),
        (item("a", "string", repeats=True), [{"valueString": "x"}, {"valueString": "x"}], "twice"),
        (item("a", "string", maxLength=3), [{"valueString": "abcd"}], "max-length"),
        (
            item("a", "string", _extension(urls.REGEX, "valueString", "[0-9]+")),
            [{"valueString": "x"}],
            "regex",
        ),
        (
            item("a", "integer", _extension(urls.MIN_VALUE, "valueInteger", 3)),
            [{"valueInteger": 2}],
            "min-value",
        ),
        (
            item("a", "integer", _extension(urls.MAX_VALUE, "valueInteger", 3)),
            [{"valueInteger": 4}],
            "max-value",
        ),
        (
            item("a", "decimal", _extension(urls.MAX_DECIMALS, "valueInteger", 1)),
            [{"valueDecimal": D("1.23")}],
            "decimals",
        ),
        (item("a", "choice", answerOption=[coded("1")]), [{"valueCoding": {"code": "9"}}], "not-a-choice"),
        (item("a", "string"), [{"valueString": "   "}], "blank"),
        (item("a", "string"), [{"valueString": "a\x0bb"}], "control"),
        (
            item("a", "string", _extension(urls.MIN_OCCURS, "valueInteger", 2), repeats=True),
            [{"valueString": "x"}],
            "too-few",
        ),
        (
            item("a", "integer", calculated("1 + 1")),
            [{"valueInteger": 3}],
            "calculated",
        ),
    ],
)
def test_an_answer_that_the_form_does_not_allow(
    question: dict[str, Any], answers: list[Any], code: str
) -> None:
    given = response(answered("a", answers=answers)) if answers else response()
    assert [one.code for one in validate_response(form(question), given)] == [code]


def test_a_good_response_has_no_problems() -> None:
    made = form(
        item("a", "integer", _extension(urls.MIN_VALUE, "valueInteger", 3), required=True),
        item("b", "integer", calculated("%resource.item.where(linkId='a').answer.value * 2")),
        item("c", "open-choice", answerOption=[coded("1")]),
    )
    good = response(
        answered("a", valueInteger=3), answered("b", valueInteger=6), answered("c", valueString="annat")
    )
    assert validate_response(made, good) == []


def test_what_must_be_answered_is_not_missed_while_writing() -> None:
    made = form(item("a", "string", required=True))
    assert validate_response(made, response(status="in-progress")) == []


def test_items_that_have_no_place_are_told_with_theirs() -> None:
    made = form(item("a", "string"), group("g", item("b", "string")))
    wrong = response(
        answered("b", valueString="x"),
        within("g", answered("b", valueString="y")),
        answered("a", valueString="z"),
    )
    told = {(one.code, one.location) for one in validate_response(made, wrong)}
    assert told == {
        ("unknown-item", "QuestionnaireResponse.item[0]"),
        ("order", "QuestionnaireResponse.item"),
    }


def test_an_answer_to_what_is_not_asked_is_refused() -> None:
    made = form(item("a", "boolean"), item("b", "string", enableWhen=[when("a", "=", answerBoolean=True)]))
    wrong = response(answered("a", valueBoolean=False), answered("b", valueString="x"))
    assert [(one.link_id, one.code) for one in validate_response(made, wrong)] == [("b", "not-enabled")]


def test_a_response_to_another_form_is_refused() -> None:
    told = validate_response(form(item("a", "string")), response(questionnaire="urn:other"))
    assert [one.code for one in told] == ["form"]


def test_a_rule_of_the_author_is_told_in_the_authors_words() -> None:
    rule = {
        "url": urls.CONSTRAINT,
        "extension": [
            {"url": "key", "valueId": "k"},
            {"url": "severity", "valueCode": "error"},
            {"url": "human", "valueString": "Diastoliskt är lägre än systoliskt."},
            {
                "url": "expression",
                "valueString": "item.where(linkId='d').answer.value < item.where(linkId='s').answer.value",
            },
        ],
    }
    made = form(group("g", item("s", "integer"), item("d", "integer"), extensions=[rule]))
    for diastolic, expected in ((80, []), (130, ["Diastoliskt är lägre än systoliskt."])):
        given = response(within("g", answered("s", valueInteger=120), answered("d", valueInteger=diastolic)))
        assert [one.message for one in validate_response(made, given)] == expected


def test_a_note_is_readable_text_without_empty_headings() -> None:
    made = form(
        item("k", "text", text="Kontaktorsak"),
        group(
            "s",
            item("at", "string", text="Allmäntillstånd"),
            item("bt", "integer", _UNIT, text="Puls"),
            text="Status",
        ),
        item("e", "text", text="Åtgärd"),
        item("h", "string", _extension(urls.HIDDEN, "valueBoolean", True), text="Dold"),
    )
    given = response(
        answered("k", valueString="Hosta.\nIngen feber."),
        within("s", answered("at", valueString="Gott"), answered("bt", valueInteger=72)),
        answered("h", valueString="x"),
    )
    text = plain_text(render(evaluate(made, given)))
    assert text == "Kontaktorsak\nHosta.\nIngen feber.\n\nStatus\nAllmäntillstånd: Gott\nPuls: 72 mmHg"


def test_a_group_laid_out_as_a_table_is_read_as_one() -> None:
    table = _extension(urls.ITEM_CONTROL, "valueCodeableConcept", {"coding": [{"code": "gtable"}]})
    made = form(
        group(
            "g",
            item("a", "string", text="Läkemedel"),
            item("b", "decimal", text="Dos"),
            extensions=[table],
            repeats=True,
            text="Ordination",
        )
    )
    rows = [
        within("g", answered("a", valueString="Alvedon"), answered("b", valueDecimal=D("1.50"))),
        within("g", answered("a", valueString="Ipren")),
    ]
    text = plain_text(render(evaluate(made, response(*rows))))
    assert text == "Ordination\nLäkemedel\tDos\nAlvedon\t1,50\nIpren\t"


def test_a_blood_pressure_becomes_one_observation_with_components() -> None:
    code = lambda value: [{"system": "http://loinc.org", "code": value}]  # noqa: E731
    part = _extension(urls.OBSERVATION_EXTRACT, "valueCode", "component")
    made = form(
        group(
            "bp",
            item("s", "integer", _UNIT, part, code=code("8480-6")),
            item("d", "integer", _UNIT, part, code=code("8462-4")),
            extensions=[_extension(urls.OBSERVATION_EXTRACT, "valueBoolean", True)],
            code=code("85354-9"),
        )
    )
    given = response(within("bp", answered("s", valueInteger=142), answered("d", valueInteger=85)))
    bundle = extract(made, given)
    assert isinstance(bundle, dict)
    observation, provenance = (entry["resource"] for entry in bundle["entry"])
    assert [part["valueQuantity"]["value"] for part in observation["component"]] == [142, 85]
    assert observation["component"][0]["valueQuantity"]["code"] == "mm[Hg]"
    assert observation["derivedFrom"] == [{"reference": "QuestionnaireResponse/r-1"}]
    assert provenance["target"] == [{"reference": f"Observation/{observation['id']}"}]
    assert validate(observation) == []
    assert extract(made, response()) == {"resourceType": "Bundle", "type": "transaction"}


def _condition_form() -> dict[str, Any]:
    definition = "http://hl7.org/fhir/StructureDefinition/Condition#Condition."
    active = {
        "url": urls.DEFINITION_VALUE,
        "extension": [
            {"url": "definition", "valueUri": f"{definition}clinicalStatus"},
            {
                "url": "fixed-value",
                "valueCodeableConcept": {
                    "coding": [
                        {
                            "system": "http://terminology.hl7.org/CodeSystem/condition-clinical",
                            "code": "active",
                        }
                    ]
                },
            },
        ],
    }
    choices = [
        {
            "valueCoding": {
                "system": "urn:oid:1.2.752.116.1.1.1.1.3",
                "code": "J20.9",
                "display": "Akut bronkit",
            }
        }
    ]
    return questionnaire(
        group(
            "dx",
            item("code", "choice", definition=f"{definition}code", answerOption=choices),
            item("since", "date", definition=f"{definition}onset[x]"),
            item("note", "text", definition=f"{definition}note.text"),
            extensions=[{"url": urls.EXTRACTION_CONTEXT, "valueCode": "Condition"}, active],
            repeats=True,
        )
    )


def test_a_diagnosis_becomes_a_condition_of_the_responses_patient() -> None:
    assert check(_condition_form()) == []
    made = compile_form(_condition_form())
    assert not isinstance(made, list)
    coding = {"system": "urn:oid:1.2.752.116.1.1.1.1.3", "code": "J20.9", "display": "Akut bronkit"}
    given = response(
        within(
            "dx",
            answered("code", valueCoding=coding),
            answered("since", valueDate="2026-03-01"),
            answered("note", valueString="Ingen lunginflammation"),
        )
    )
    bundle = extract(made, given)
    assert isinstance(bundle, dict)
    condition = bundle["entry"][0]["resource"]
    assert condition["subject"] == {"reference": "Patient/p-1"}
    assert condition["code"]["coding"] == [coding]
    assert condition["onsetDateTime"] == "2026-03-01"
    assert condition["note"] == [{"text": "Ingen lunginflammation"}]
    assert [issue for issue in validate(condition) if issue.refuses] == []


def test_a_form_begins_with_what_is_known() -> None:
    launch = {"url": urls.LAUNCH_CONTEXT, "extension": [{"url": "name", "valueCoding": {"code": "patient"}}]}
    period = _extension(
        urls.OBSERVATION_LINK,
        "valueDuration",
        {"value": 30, "system": "http://unitsofmeasure.org", "code": "d"},
    )
    made = form(
        item("sex", "string", expression(urls.INITIAL, "%patient.gender")),
        item("s", "integer", _UNIT, period, code=[{"system": "http://loinc.org", "code": "8480-6"}]),
        item("d", "string", initial=[{"valueString": "Gott"}]),
        extension=[launch],
    )
    pressure = {
        "resourceType": "Observation",
        "id": "o-1",
        "status": "final",
        "effectiveDateTime": "2026-03-01T10:00:00+01:00",
        "component": [
            {
                "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]},
                "valueQuantity": {"value": 138, "unit": "mmHg", "code": "mm[Hg]"},
            }
        ],
    }
    clock = FixedClock(datetime(2026, 3, 12, 8, tzinfo=UTC))
    patient = {"resourceType": "Patient", "gender": "female"}
    begun = prefill(made, Context({"patient": patient}, clock, [pressure]))
    state = evaluate(made, begun.response)
    assert [state.answers(link) for link in ("sex", "s", "d")] == [
        [{"valueString": "female"}],
        [{"valueInteger": 138}],
        [{"valueString": "Gott"}],
    ]
    assert begun.taken["s"].reference == "Observation/o-1"
    later = FixedClock(datetime(2026, 5, 12, 8, tzinfo=UTC))
    assert evaluate(made, prefill(made, Context({}, later, [pressure])).response).answers("s") == []


def test_a_group_begins_with_a_row_for_each_resource() -> None:
    population = expression(urls.POPULATION_CONTEXT, "%allergies", name="allergy")
    launch = {
        "url": urls.LAUNCH_CONTEXT,
        "extension": [{"url": "name", "valueCoding": {"code": "allergies"}}],
    }
    made = form(
        group(
            "g",
            item("a", "string", expression(urls.INITIAL, "%allergy.code.text")),
            extensions=[population],
            repeats=True,
        ),
        extension=[launch],
    )
    known = [
        {"resourceType": "AllergyIntolerance", "code": {"text": name}} for name in ("Penicillin", "Nötter")
    ]
    state = evaluate(made, prefill(made, Context({"allergies": known})).response)
    assert state.answers("a") == [{"valueString": "Penicillin"}, {"valueString": "Nötter"}]
