"""Every scale that comes with the system: its sum, each limit of its reading, no sum that is not whole."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from tests.support.filled import answer, answered, one_of, value_of

from kontinuum.care.journal.library import all_templates
from kontinuum.care.journal.signing import Written, resources
from kontinuum.fhir.questionnaire import Context, State, evaluate, plain_text, prefill, render
from kontinuum.fhir.validation import validate
from kontinuum.kernel.principal import Actor, ActorKind, Assignment, Principal, Purpose

D = Decimal


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
    state = answered("news2", **given)
    assert (value_of(state, "summa"), value_of(state, "tolkning")) == (total, risk)


def test_no_score_while_a_value_is_missing() -> None:
    assert value_of(answered("news2", **NORMAL), "summa") is None
    assert value_of(answered("gcs", ogon=4, verbalt=5), "summa") is None
    assert value_of(answered("qsofa", andningsfrekvens=24), "summa") is None


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
    assert value_of(answered(name, **given), "summa") == total


def test_apgar_is_scored_at_each_time_by_itself() -> None:
    first = {f"{sign}_1": 1 for sign in ("hjarta", "andning", "tonus", "retbarhet", "farg")}
    state = answered("apgar", **first, hjarta_5=2)
    assert (value_of(state, "summa-1"), value_of(state, "summa-5")) == (5, None)


def test_age_and_sex_of_cha2ds2_vasc_come_from_the_patient() -> None:
    patient = {"resourceType": "Patient", "gender": "female", "birthDate": "1940-05-05"}
    form = one_of("cha2ds2-vasc").form
    context = Context({"patient": patient})
    begun = prefill(form, context).response
    for link in ("c", "h", "d", "s", "v"):
        item = form.items[link]
        begun["item"][0]["item"].append(
            {"linkId": link, "answer": [answer(item, "ja" if link == "h" else "nej")]}
        )
    order = list(form.subtrees["svar"] and [one.link_id for one in form.items["svar"].children])
    begun["item"][0]["item"].sort(key=lambda one: order.index(one["linkId"]))
    assert value_of(evaluate(form, begun, context), "summa") == 4


def test_a_suicidal_thought_in_phq9_asks_for_an_assessment() -> None:
    assert answered("phq-9", fraga_9=1).enabled("suicid-obs")
    assert not answered("phq-9", fraga_9=0).enabled("suicid-obs")


def _spread(links: list[str], total: int, most: int, least: int = 0) -> dict[str, int]:
    """Answers by question whose points make a total."""
    left, given = total - least * len(links), {}
    for link in links:
        given[link] = least + min(left, most - least)
        left -= given[link] - least
    return given


PHQ, GAD = ([f"fraga_{n}" for n in range(1, count + 1)] for count in (9, 7))
AUDIT = [f"fraga_{n}" for n in range(1, 9)]
NORTON = ["psykiskt", "fysisk", "rorlighet", "mat", "vatska", "inkontinens", "allmant"]
SIGNS = [f"{one}_5" for one in ("hjarta", "andning", "tonus", "retbarhet", "farg")]
WOMAN, MAN = {"patient": {"gender": "female"}}, {"patient": {"gender": "male"}}


def _audit(total: int) -> dict[str, int]:
    return {**_spread(AUDIT, total, 4), "fraga_9": 0, "fraga_10": 0}


def _norton(total: int) -> dict[str, int]:
    return _spread(NORTON, total, 4, 1)


@pytest.mark.parametrize(
    ("name", "limits", "given"),
    [
        (
            "phq-9",
            {
                0: "Inga eller",
                4: "Inga eller",
                5: "Lindriga",
                9: "Lindriga",
                10: "Måttliga b",
                14: "Måttliga b",
            }
            | {15: "Måttliga till svåra", 19: "Måttliga till svåra", 20: "Svåra", 27: "Svåra"},
            lambda total: _spread(PHQ, total, 3),
        ),
        (
            "gad-7",
            {0: "Ingen", 4: "Ingen", 5: "Lindrig", 9: "Lindrig", 10: "Måttlig", 14: "Måttlig"}
            | {15: "Svår", 21: "Svår"},
            lambda total: _spread(GAD, total, 3),
        ),
        (
            "gcs",
            {3: "Svår", 8: "Svår", 9: "Måttlig", 12: "Måttlig", 13: "Lindrig", 15: "Lindrig"},
            lambda total: (
                {
                    one: total // 3 + (number < total % 3)
                    for number, one in enumerate(("motoriskt", "verbalt", "ogon"))
                }
                if total < 13
                else {"ogon": 4, "verbalt": 5, "motoriskt": total - 9}
            ),
        ),
        ("norton", {7: "Ökad", 20: "Ökad", 21: "Ingen ökad", 28: "Ingen ökad"}, _norton),
    ],
)
def test_how_a_sum_is_read(name: str, limits: Mapping[int, str], given: Any) -> None:
    for total, words in limits.items():
        state = answered(name, **given(total))
        assert value_of(state, "summa") == total
        assert value_of(state, "tolkning").startswith(words), (name, total)


@pytest.mark.parametrize(
    ("who", "limits"),
    [
        (MAN, (7, 8, 15, 16, 19, 20)),
        (WOMAN, (5, 6, 13, 14, 17, 18)),
    ],
)
def test_audit_is_read_by_sex(who: dict[str, Any], limits: tuple[int, ...]) -> None:
    words = [
        "Låg risk",
        "Riskbruk",
        "Riskbruk",
        *["Skadligt bruk, möjligt beroende"] * 2,
        "Sannolikt beroende",
    ]
    read = [value_of(answered("audit", who, **_audit(total)), "tolkning") for total in limits]
    assert read == words
    assert value_of(answered("audit", **_audit(20)), "tolkning") is None


def test_who_never_drinks_answers_three_questions_of_audit() -> None:
    asked = [f"fraga-{n}" for n in range(2, 9)]
    begun = answered("audit", MAN, fraga_1=0)
    assert [one for one in asked if begun.enabled(one)] == [], "WHO 2001: skip to questions 9 and 10"
    assert (begun.enabled("fraga-9"), value_of(begun, "summa")) == (True, None)
    assert _summed_by("audit", MAN, {"fraga_1": 0, "fraga_9": 0, "fraga_10": 0}) == (0, "Låg risk")
    assert _summed_by("audit", MAN, {"fraga_1": 0, "fraga_9": 2, "fraga_10": 4}) == (6, "Låg risk")
    before = {**{f"fraga_{n}": 4 for n in range(2, 9)}, "fraga_9": 0, "fraga_10": 0}
    assert _summed_by("audit", MAN, {"fraga_1": 0, **before})[0] == 0, "answered before"
    assert all(answered("audit", MAN).enabled(one) for one in asked)


def test_audit_of_another_sex_is_not_read_by_the_limits_of_men() -> None:
    for sex in ("other", "unknown"):
        total, read = _summed_by("audit", {"patient": {"gender": sex}}, _audit(7))
        assert total == 7
        assert read.startswith("Gränserna är 6, 14 och 18 för kvinnor")


def _summed_by(name: str, who: dict[str, Any], given: dict[str, Any]) -> tuple[Any, Any]:
    state = answered(name, who, **given)
    return value_of(state, "summa"), value_of(state, "tolkning")


@pytest.mark.parametrize("name", ["phq-9", "gad-7"])
def test_the_two_weeks_that_are_asked_about_stand_above_the_questions(name: str) -> None:
    (asked, *_) = one_of(name).form.items["svar"].children
    assert (asked.type, "de senaste två veckorna" in asked.text) == ("display", True)


def test_apgar_is_read_at_each_time() -> None:
    for total, words in {
        0: "Lågt",
        3: "Lågt",
        4: "Måttligt",
        6: "Måttligt",
        7: "Normalt",
        10: "Normalt",
    }.items():
        state = answered("apgar", **_spread(SIGNS, total, 2))
        assert (value_of(state, "summa-5"), value_of(state, "summa-1")) == (total, None)
        assert value_of(state, "tolkning-5").startswith(words)


def test_downton_is_high_from_three_points_and_none_excludes_every_drug() -> None:
    given: dict[str, Any] = {
        "fall": 1,
        "medicin": ["sedativa"],
        "sinne": ["ingen"],
        "orientering": 0,
        "gang": "saker",
    }
    assert (_summed("downton", given), _summed("downton", {**given, "gang": "osaker"})) == (
        (2, "Låg fallrisk"),
        (3, "Hög fallrisk"),
    )
    both = answered("downton", **{**given, "medicin": ["ingen", "sedativa"]})
    assert [one.link_id for one in both.problems] == ["medicin"]


def _summed(name: str, given: dict[str, Any]) -> tuple[Any, Any]:
    state = answered(name, **given)
    return value_of(state, "summa"), value_of(state, "tolkning")


@pytest.mark.parametrize(
    ("frequency", "systolic", "impaired", "total", "words"),
    [
        (21, 101, False, 0, "Färre"),
        (22, 101, False, 1, "Färre"),
        (22, 100, False, 2, "Misstänk"),
        (22, 100, True, 3, "Misstänk"),
    ],
)
def test_qsofa(frequency: int, systolic: int, impaired: bool, total: int, words: str) -> None:
    given = {"andningsfrekvens": frequency, "systoliskt": systolic, "paverkat": impaired}
    summed, read = _summed("qsofa", given)
    assert summed == total
    assert read.startswith(words)


@pytest.mark.parametrize(
    ("given", "total", "words"),
    [
        ({}, 0, "Låg"),
        ({"andningsfrekvens": 30}, 1, "Måttlig"),
        ({"systoliskt": 89}, 1, "Måttlig"),
        ({"systoliskt": 90, "diastoliskt": 60}, 1, "Måttlig"),
        ({"systoliskt": 89, "diastoliskt": 60}, 1, "Måttlig"),
        ({"andningsfrekvens": 29, "diastoliskt": 61, "alder": "65"}, 1, "Måttlig"),
        ({"andningsfrekvens": 30, "alder": "65"}, 2, "Måttlig"),
        ({"andningsfrekvens": 30, "alder": "65", "konfusion": "ja"}, 3, "Hög"),
        ({"andningsfrekvens": 30, "alder": "65", "konfusion": "ja", "systoliskt": 80}, 4, "Hög"),
    ],
)
def test_crb_65(given: dict[str, Any], total: int, words: str) -> None:
    calm = {"konfusion": "nej", "andningsfrekvens": 18, "systoliskt": 130, "diastoliskt": 80, "alder": "0"}
    summed, read = _summed("crb-65", {**calm, **given})
    assert summed == total
    assert read.startswith(words)


@pytest.mark.parametrize(
    ("dependent", "step"),
    [
        ((), "A"),
        (("kontinens",), "B"),
        (("bad", "kontinens"), "C"),
        (("bad", "kladsel", "kontinens"), "D"),
        (("bad", "kladsel", "toalett", "kontinens"), "E"),
        (("bad", "kladsel", "toalett", "forflyttning", "kontinens"), "F"),
        (("bad", "kladsel", "toalett", "forflyttning", "kontinens", "fodointag"), "G"),
        (("kladsel", "kontinens"), "Övrigt"),
        (("bad", "toalett", "kontinens"), "Övrigt"),
    ],
)
def test_katz_steps(dependent: tuple[str, ...], step: str) -> None:
    all_of = ("bad", "kladsel", "toalett", "forflyttning", "kontinens", "fodointag")
    summed, read = _summed("katz", {one: 0 if one in dependent else 1 for one in all_of})
    assert summed == 6 - len(dependent)
    assert read.partition(":")[0] == step


@pytest.mark.parametrize(
    ("sex", "answers", "words"),
    [
        ("man", {}, "Låg risk"),
        ("kvinna", {}, "Låg risk"),
        ("man", {"h": "ja"}, "Överväg"),
        ("kvinna", {"h": "ja"}, "Överväg"),
        ("man", {"s": "ja"}, "Antikoagulantia rekommenderas"),
        ("kvinna", {"h": "ja", "d": "ja"}, "Antikoagulantia rekommenderas"),
    ],
)
def test_the_point_for_sex_alone_is_no_reason_to_treat(sex: str, answers: dict[str, str], words: str) -> None:
    code = {"man": "male", "kvinna": "female"}[sex]
    given = {**dict.fromkeys(("c", "h", "d", "s", "v"), "nej"), "alder": "0", "kon": code, **answers}
    assert _summed("cha2ds2-vasc", given)[1].startswith(words)


SCALES = [one.name for one in all_templates() if one.kind == "scale"]


@pytest.mark.parametrize("name", SCALES)
def test_a_scale_says_whose_it_is_and_where_its_limits_come_from(name: str) -> None:
    form = one_of(name).form
    assert form.questionnaire["copyright"]
    for item in form.items.values():
        if item.link_id.startswith("tolkning"):
            assert item.children[0].text.startswith(("Gräns", "Steg"))


@pytest.mark.parametrize("name", [one for one in SCALES if one != "nrs"])
def test_what_is_not_completely_answered_is_no_score_and_says_so(name: str) -> None:
    form = one_of(name).form
    asked = [one for one in form.items.values() if one.is_question and one.calculated is None]
    first = asked[0]
    value = _first(first)
    state = answered(name, **{first.link_id.replace("-", "_"): value})
    assert all(value_of(state, one.link_id) is None for one in form.items.values() if one.is_score)
    assert "inte komplett" in plain_text(render(state))
    made = _signed(state)
    assert not [one for one in made if one["resourceType"] == "Observation" and _is_sum(one)]


def _is_sum(observation: dict[str, Any]) -> bool:
    return bool(observation.get("valueQuantity", {}).get("code") == "{score}")


def _first(item: Any) -> Any:
    if item.type == "choice":
        return item.options[0].value["valueCoding"]["code"]
    return {"boolean": True, "integer": 20}[item.type]


def _signed(state: State) -> list[dict[str, Any]]:
    unit = Assignment("a-1", "Sköterska", "SE1-U", "Enheten", "SE1-V", "Vårdgivaren", Purpose.CARE)
    writer = Principal(Actor(ActorKind.STAFF, "s-1", "Kim Ek", "Practitioner/s-1"), unit, "test")
    note = Written("11111111-1111-4111-8111-111111111111", "p-1", "", "2026-03-12T09:30:00+01:00", writer)
    made = resources(state, note, signed=True)
    assert all(isinstance(one, dict) for one in made)
    return [one for one in made if isinstance(one, dict)]


def test_a_score_is_signed_with_its_answers_its_points_and_what_it_means() -> None:
    given = {
        "fall": 1,
        "medicin": ["sedativa", "diuretika"],
        "sinne": ["ingen"],
        "orientering": 0,
        "gang": "osaker",
    }
    made = _signed(answered("downton", **given))
    assert [issue for one in made for issue in validate(one) if issue.refuses] == []
    (score,) = [one for one in made if one["resourceType"] == "Observation"]
    assert score["valueQuantity"]["value"] == 4
    assert score["code"]["text"] == "Fallrisk enligt Downton (DFRI)"
    assert score["interpretation"] == [{"text": "Hög fallrisk"}]
    assert score["derivedFrom"] == [
        {"reference": "QuestionnaireResponse/11111111-1111-4111-8111-111111111111"}
    ]
    answers = [(one["code"]["text"], one["valueCodeableConcept"]) for one in score["component"]]
    assert [(question, answer["text"]) for question, answer in answers][:3] == [
        ("Tidigare kända fall", "Ja"),
        ("Medicinering", "Lugnande, sömnmedel, neuroleptika"),
        ("Medicinering", "Vätskedrivande"),
    ]
    points = [answer["coding"][0]["extension"][0]["valueDecimal"] for _, answer in answers]
    assert points == [1, 1, 1, 0, 0, 1]


def test_apgar_gives_a_score_for_each_time_with_its_own_answers() -> None:
    state = answered("apgar", **_spread(SIGNS, 9, 2), **{f"{one[:-2]}_1": 1 for one in SIGNS})
    scores = [one for one in _signed(state) if one["resourceType"] == "Observation"]
    assert [
        (one["code"]["text"], one["valueQuantity"]["value"], len(one["component"])) for one in scores
    ] == [
        ("Apgar vid 1 minut", 5, 5),
        ("Apgar vid 5 minuter", 9, 5),
    ]
