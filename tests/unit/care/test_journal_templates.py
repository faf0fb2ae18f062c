"""The templates that come with the system: sound, and right in what they calculate."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from kontinuum.care.journal.library import Template, all_templates, names, template
from kontinuum.fhir.questionnaire import Context, State, check, evaluate, extract, plain_text, prefill, render
from kontinuum.fhir.validation import validate

D = Decimal


def _template(name: str) -> Template:
    found = template(name)
    assert found is not None
    return found


def _answers(name: str, *variables: Any, **given: Any) -> State:
    """A template with answers by linkId (`_` for `-`): a code for a choice, else the value itself."""
    form = _template(name).form
    context = Context(variables[0] if variables else {})

    def fill(items: Any) -> list[dict[str, Any]]:
        made = []
        for item in items:
            if item.is_group:
                inner = fill(item.children)
                made += [{"linkId": item.link_id, "item": inner}] if inner else []
            elif item.link_id.replace("-", "_") in given:
                value = given[item.link_id.replace("-", "_")]
                many = value if isinstance(value, list) else [value]
                made.append({"linkId": item.link_id, "answer": [_answer(item, one) for one in many]})
        return made

    return evaluate(form, {"resourceType": "QuestionnaireResponse", "item": fill(form.children)}, context)


def _answer(item: Any, value: Any) -> dict[str, Any]:
    if item.type in ("choice", "open-choice"):
        return next(o.value for o in item.options if o.value["valueCoding"]["code"] == str(value))
    kinds = {
        "boolean": "valueBoolean",
        "integer": "valueInteger",
        "decimal": "valueDecimal",
        "date": "valueDate",
    }
    return {kinds.get(item.type, "valueString"): value}


def _value(state: State, link: str) -> Any:
    values = [next(iter(answer.values())) for answer in state.answers(link)]
    return values[0] if values else None


@pytest.mark.parametrize("name", names())
def test_a_template_is_valid_and_its_author_has_nothing_to_correct(name: str) -> None:
    questionnaire = dict(_template(name).form.questionnaire)
    assert [issue for issue in validate(questionnaire) if issue.refuses] == []
    assert check(questionnaire) == []


def test_there_are_twelve_notes_and_ten_scales() -> None:
    kinds = [one.kind for one in all_templates()]
    assert (kinds.count("note"), kinds.count("scale")) == (12, 10)
    assert template("../secret") is None


NORMAL = {
    "andningsfrekvens": 16,
    "saturation": 97,
    "syrgas": False,
    "systoliskt": 120,
    "puls": 72,
    "medvetande": "A",
}


@pytest.mark.parametrize(
    ("changed", "total", "risk"),
    [
        ({}, 0, "Låg"),
        ({"andningsfrekvens": 21}, 2, "Låg"),
        ({"andningsfrekvens": 25}, 3, "Låg till medel: enskild parameter 3"),
        ({"medvetande": "C"}, 3, "Låg till medel: enskild parameter 3"),
        ({"saturation": 91, "syrgas": True}, 5, "Medel"),
        ({"saturation": 91, "syrgas": True, "saturationsskala": "2"}, 2, "Låg"),
        ({"saturation": 97, "syrgas": True, "saturationsskala": "2"}, 5, "Medel"),
        ({"saturation": 97, "syrgas": False, "saturationsskala": "2"}, 0, "Låg"),
        ({"systoliskt": 90, "puls": 131, "andningsfrekvens": 24}, 8, "Hög"),
        ({"temperatur": D("39.1"), "puls": 91}, 3, "Låg"),
        ({"temperatur": D("35.0")}, 3, "Låg till medel: enskild parameter 3"),
        ({"systoliskt": 220}, 3, "Låg till medel: enskild parameter 3"),
    ],
)
def test_news2(changed: dict[str, Any], total: int, risk: str) -> None:
    given = {**NORMAL, "temperatur": D("37.0"), "saturationsskala": "1", **changed}
    state = _answers("news2", **given)
    assert (_value(state, "summa"), _value(state, "tolkning")) == (total, risk)


def test_no_score_while_a_value_is_missing() -> None:
    assert _value(_answers("news2", **NORMAL), "summa") is None
    assert _value(_answers("gcs", ogon=4, verbalt=5), "summa") is None
    assert _value(_answers("qsofa", andningsfrekvens=24), "summa") is None


@pytest.mark.parametrize(
    ("name", "given", "total"),
    [
        ("gcs", {"ogon": 3, "verbalt": 4, "motoriskt": 6}, 13),
        ("phq-9", {f"fraga_{n}": 1 for n in range(1, 10)}, 9),
        ("audit", {**{f"fraga_{n}": 2 for n in range(1, 9)}, "fraga_9": 4, "fraga_10": 0}, 20),
        (
            "downton",
            {
                "fall": 1,
                "medicin": ["sedativa", "diuretika"],
                "sinne": ["ingen"],
                "orientering": 0,
                "gang": "osaker",
            },
            4,
        ),
        (
            "norton",
            dict.fromkeys(("psykiskt", "fysisk", "rorlighet", "mat", "vatska", "inkontinens", "allmant"), 3),
            21,
        ),
        ("qsofa", {"andningsfrekvens": 22, "systoliskt": 101, "paverkat": True}, 2),
    ],
)
def test_a_score(name: str, given: dict[str, Any], total: int) -> None:
    assert _value(_answers(name, **given), "summa") == total


def test_apgar_is_scored_at_each_time_by_itself() -> None:
    first = {f"{sign}_1": 1 for sign in ("hjarta", "andning", "tonus", "retbarhet", "farg")}
    state = _answers("apgar", **first, hjarta_5=2)
    assert (_value(state, "summa-1"), _value(state, "summa-5")) == (5, None)


def test_age_and_sex_of_cha2ds2_vasc_come_from_the_patient() -> None:
    patient = {"resourceType": "Patient", "gender": "female", "birthDate": "1940-05-05"}
    form = _template("cha2ds2-vasc").form
    context = Context({"patient": patient})
    begun = prefill(form, context).response
    for link in ("c", "h", "d", "s", "v"):
        item = form.items[link]
        begun["item"][0]["item"].append(
            {"linkId": link, "answer": [_answer(item, "ja" if link == "h" else "nej")]}
        )
    order = list(form.subtrees["svar"] and [one.link_id for one in form.items["svar"].children])
    begun["item"][0]["item"].sort(key=lambda one: order.index(one["linkId"]))
    assert _value(evaluate(form, begun, context), "summa") == 4


def test_a_suicidal_thought_in_phq9_asks_for_an_assessment() -> None:
    assert _answers("phq-9", fraga_9=1).enabled("suicid-obs")
    assert not _answers("phq-9", fraga_9=0).enabled("suicid-obs")


def test_the_measurements_of_a_visit_become_observations_and_its_diagnosis_a_condition() -> None:
    state = _answers(
        "lakarbesok-primarvard",
        kontaktorsak="Hosta",
        systoliskt=142,
        diastoliskt=85,
        puls=72,
        vikt=D("82.5"),
        langd=D("178"),
        diagnos_text="Akut bronkit",
        diagnos_kod="J20.9",
        bedomning="Ingen misstanke om pneumoni.",
    )
    assert state.problems == ()
    assert _value(state, "bmi") == D("26.0")
    head = {
        "id": "r-1",
        "status": "completed",
        "subject": {"reference": "Patient/p-1"},
        "authored": "2026-03-12T09:30:00+01:00",
        "author": {"reference": "Practitioner/d-1"},
    }
    bundle = extract(state.form, {**state.response, **head})
    assert isinstance(bundle, dict)
    resources = [entry["resource"] for entry in bundle["entry"]]
    assert [issue for one in resources for issue in validate(one) if issue.refuses] == []
    kinds = [one["resourceType"] for one in resources]
    assert kinds == ["Observation"] * 5 + ["Condition", "Provenance"]
    condition = resources[5]
    assert condition["code"]["coding"] == [{"code": "J20.9", "system": "urn:oid:1.2.752.116.1.1.1.1.3"}]
    text = plain_text(render(state))
    assert "Kontaktorsak\nHosta" in text
    assert "Blodtryck: Systoliskt 142 mmHg, Diastoliskt 85 mmHg" in text
    assert "BMI: 26,0 kg/m²" in text
    assert "Hereditet" not in text


def test_a_diagnosis_without_code_has_no_code_system() -> None:
    state = _answers("akutbesok", diagnos_text="Bröstsmärta")
    head = {"id": "r", "subject": {"reference": "Patient/p"}, "authored": "2026-03-12T09:30:00+01:00"}
    bundle = extract(state.form, {**state.response, **head})
    assert isinstance(bundle, dict)
    assert bundle["entry"][0]["resource"]["code"] == {"text": "Bröstsmärta"}
