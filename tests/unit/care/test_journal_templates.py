"""The templates that come with the system: sound, and right in what they calculate."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from tests.support.filled import answered, one_of, value_of

from kontinuum.care.journal.library import all_templates, names, template
from kontinuum.fhir.questionnaire import check, extract, plain_text, render
from kontinuum.fhir.validation import validate

D = Decimal


@pytest.mark.parametrize("name", names())
def test_a_template_is_valid_and_its_author_has_nothing_to_correct(name: str) -> None:
    questionnaire = dict(one_of(name).form.questionnaire)
    assert [issue for issue in validate(questionnaire) if issue.refuses] == []
    assert check(questionnaire) == []


def test_the_shelf_of_notes_and_scales_is_full() -> None:
    kinds = [one.kind for one in all_templates()]
    assert (kinds.count("note"), kinds.count("scale")) == (17, 13)
    assert template("../secret") is None


def test_the_measurements_of_a_visit_become_observations_and_its_diagnosis_a_condition() -> None:
    state = answered(
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
    assert value_of(state, "bmi") == D("26.0")
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
    state = answered("akutbesok", diagnos_text="Bröstsmärta")
    head = {"id": "r", "subject": {"reference": "Patient/p"}, "authored": "2026-03-12T09:30:00+01:00"}
    bundle = extract(state.form, {**state.response, **head})
    assert isinstance(bundle, dict)
    assert bundle["entry"][0]["resource"]["code"] == {"text": "Bröstsmärta"}


class _Noon:
    def now(self) -> datetime:
        return datetime(2026, 5, 15, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "length"),
    [
        ({"sista_mens": "2026-05-15"}, (0, 0)),
        ({"sista_mens": "2025-10-28"}, (28, 3)),
        ({"sista_mens": "2025-10-28", "beraknad": "2026-08-07"}, (28, 0)),
        ({"beraknad": "2026-05-15"}, (40, 0)),
        ({"beraknad": "2026-04-11"}, (44, 6)),
        ({"beraknad": "2026-04-10"}, (None, None)),
        ({"sista_mens": "2026-05-16"}, (None, None)),
        ({}, (None, None)),
    ],
)
def test_the_length_of_a_pregnancy_is_that_of_today_and_the_scan_goes_before_the_period(
    given: dict[str, str], length: tuple[int | None, int | None]
) -> None:
    state = answered("barnmorska-modrahalsovard", {}, _Noon(), **given)
    assert (value_of(state, "graviditetsvecka"), value_of(state, "graviditetsdagar")) == length
    assert state.enabled("fosterrorelser") is ((length[0] or 0) >= 20)


def test_a_dietician_sees_needs_and_loss_of_weight_from_what_is_measured() -> None:
    state = answered("dietist-nybesok", vikt=D("63.0"), langd=D("170"), vikt_fore=D("70.0"), niva="30")
    calculated = ("bmi", "viktforandring", "energibehov", "proteinbehov")
    assert [value_of(state, one) for one in calculated] == [D("21.8"), D("-10.0"), D("1890"), D("76")]


def test_a_nurses_visit_asks_what_the_visit_is_for() -> None:
    parts = ("diabetes", "sar", "injektion", "lungor")
    for code, shown in (("diabetes", 0), ("sar", 1), ("injektion", 2), ("astma", 3), ("annat", None)):
        state = answered("sjukskoterskebesok-mottagning", slag=code)
        assert [state.enabled(one) for one in parts] == [number == shown for number in range(4)]
    wound = answered("sjukskoterskebesok-mottagning", slag="sar", sar_langd=35, sar_bredd=20)
    assert value_of(wound, "sar-yta") == D("7.0")


def test_a_pressure_sore_is_not_signed_without_its_category_and_place() -> None:
    state = answered("omvardnadsanteckning", trycksar=True, smarta_nrs=4)
    assert [one.link_id for one in state.problems] == ["trycksar-kategori", "trycksar-plats"]
    assert state.enabled("smarta-atgard")
