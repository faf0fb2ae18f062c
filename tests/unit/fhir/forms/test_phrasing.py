"""Phrases: what stands in braces, and what of it the chart says."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontinuum.fhir.questionnaire import Context, phrasing


class Noon:
    """A clock that stands."""

    def now(self) -> datetime:
        return datetime(2026, 11, 23, 11, tzinfo=UTC)


def measured(code: str, value: str, unit: str, when: str, identity: str = "one") -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": identity,
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "effectiveDateTime": when,
        "valueQuantity": {"value": Decimal(value), "unit": unit},
    }


def pressure(when: str, identity: str, **parts: str) -> dict[str, Any]:
    codes = {"upper": "8480-6", "lower": "8462-4"}
    components = [
        {key: one[key] for key in ("code", "valueQuantity")}
        for name, value in parts.items()
        for one in [measured(codes[name], value, "mmHg", when)]
    ]
    whole = measured("85354-9", "1", "x", when, identity)
    del whole["valueQuantity"]
    return {**whole, "component": components}


PATIENT = {"resourceType": "Patient", "birthDate": "1950-12-24", "name": [{"text": "Tolvan Tolvansson"}]}


def fill(text: str, *observations: dict[str, Any]) -> phrasing.Filled:
    return phrasing.fill(text, Context({"patient": PATIENT}, Noon(), observations))


def test_values_of_the_chart_are_put_in_and_those_of_another_day_with_their_day() -> None:
    late = pressure("2026-11-22T23:30:00Z", "late", upper="142", lower="86")
    weight = measured("29463-7", "78.50", "kg", "2026-11-20")
    made = fill("{=namn}, {=ålder} år: {=blodtryck}, {=vikt}. {rytm}", late, weight)
    assert made == phrasing.Filled("Tolvan Tolvansson, 75 år: 142/86 mmHg, 78,50 kg (2026-11-20). {rytm}", ())


def test_what_the_chart_does_not_say_becomes_a_field() -> None:
    made = fill("{=vikt}, {=puls} och {=blodtryck}", measured("8867-4", "72", "/min", "2026-11-23T08:00:00Z"))
    assert made == phrasing.Filled("{vikt}, 72 /min och {blodtryck}", ("vikt", "blodtryck"))


def test_an_upper_pressure_is_never_put_beside_the_lower_one_of_another_measurement() -> None:
    newer = pressure("2026-11-23T08:00:00+01:00", "newer", upper="80")
    older = pressure("2026-11-22T08:00:00+01:00", "older", upper="120", lower="70")
    assert fill("{=blodtryck}", newer, older).text == "{blodtryck}"


def test_expressions_and_codes_are_taken_as_a_templates_are() -> None:
    made = fill("{=%patient.birthDate} {=4548-4}", measured("4548-4", "52", "mmol/mol", "2026-11-23"))
    assert made.text == "1950-12-24 52 mmol/mol"


@pytest.mark.parametrize(
    ("field", "offered"),
    [("ja/nej", ("ja", "nej")), ("utan / med", ("utan", "med")), ("plats", ()), ("/min", ()), ("a//b", ())],
)
def test_a_field_with_strokes_offers_what_stands_between_them(field: str, offered: tuple[str, ...]) -> None:
    assert phrasing.choices(field) == offered


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        (".två ord", "x", "The name"),
        (".status", " ", "Write the text"),
        (".status", "öppen { här", "A brace stands alone"),
        (".status", "{=viktt}", "'viktt' is nothing"),
        (".status", "{=%patient.name.(}", "'%patient.name.(' is nothing"),
        (".status", "{=%nobody.name}", "'%nobody.name' is nothing"),
        (".status", "x" * 20_001, "at most 20 000"),
    ],
)
def test_what_is_wrong_with_a_phrase_is_told(name: str, text: str, told: str) -> None:
    (issue,) = phrasing.faults(phrasing.questionnaire(name, text))
    assert told in issue.message
    assert issue.refuses is ("brace" not in told)


def test_a_form_from_elsewhere_that_asks_more_is_told() -> None:
    form = phrasing.questionnaire(".status", "x")
    form["item"].append({"linkId": "more", "type": "string", "text": "More"})
    assert [one.location for one in phrasing.faults(form)] == ["Questionnaire.item[1]"]


def test_every_value_that_is_offered_by_name_can_be_taken() -> None:
    text = "".join(f"{{={one}}}" for one in (*phrasing.MEASURED, *phrasing.TOLD))
    assert phrasing.faults(phrasing.questionnaire(".allt", text)) == []


@given(st.text())
def test_a_text_without_values_is_kept_as_it_is(text: str) -> None:
    made = phrasing.questionnaire(".x", text)
    assert phrasing.text_of(made) == text
    if not phrasing.values(text):
        assert fill(text).text == text
