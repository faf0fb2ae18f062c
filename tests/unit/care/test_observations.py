"""Measurements: series of one kind, deviations, trends; every digit as recorded."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontinuum.care.observations import sparkline
from kontinuum.care.observations.model import read_observations
from kontinuum.care.observations.rules import PANELS, Deviation, deviation, panel_place, series
from kontinuum.care.observations.views import value_text
from kontinuum.fhir import json
from kontinuum.kernel.i18n import Translator
from kontinuum.record.outcome import Stored

NPU = "urn:oid:1.2.752.108.1"
SWEDISH = Translator("sv")


def observation(value: str | None = "4.0", when: str = "2024-01-01", **more: Any) -> Stored:
    resource: dict[str, Any] = {
        "resourceType": "Observation",
        "id": f"o-{when}",
        "status": "final",
        "code": {"coding": [{"system": NPU, "code": "NPU03230"}], "text": "P-Kalium"},
        "effectiveDateTime": when,
        **more,
    }
    if value is not None:
        resource["valueQuantity"] = {
            "value": Decimal(value),
            "unit": "mmol/L",
            **more.get("valueQuantity", {}),
        }
    return Stored("Observation", resource["id"], 1, 0, json.dumps(resource), "u", "p")


def read(*entries: Stored) -> list[Any]:
    return [one for one, _ in read_observations(entries)]


def code(value: str) -> dict[str, Any]:
    return {"coding": [{"code": value}]}


@pytest.mark.parametrize(
    ("judged", "expected"),
    [
        ("H", Deviation.HIGH),
        ("LL", Deviation.CRITICALLY_LOW),
        ("N", Deviation.NONE),
        ("A", Deviation.ABNORMAL),
    ],
)
def test_the_laboratorys_judgement_counts_before_the_interval(judged: str, expected: Deviation) -> None:
    interval = [{"low": {"value": Decimal("5")}, "high": {"value": Decimal("6")}}]
    (one,) = read(observation("4.0", interpretation=[code(judged)], referenceRange=interval))
    assert deviation(one) is expected


def test_without_a_judgement_the_value_is_held_against_its_own_interval() -> None:
    interval = [{"low": {"value": Decimal("3.5")}, "high": {"value": Decimal("4.4")}}]
    low, at_limit, high = read(
        *(observation(value, referenceRange=interval) for value in ("3.4", "4.4", "4.5"))
    )
    assert [deviation(one) for one in (low, at_limit, high)] == [
        Deviation.LOW,
        Deviation.NONE,
        Deviation.HIGH,
    ]


def test_a_series_has_the_latest_first_and_draws_only_values_of_one_unit() -> None:
    other = observation("400", "2023-06-01", valueQuantity={"unit": "mg/dL"})
    (whole,) = series(
        read_observations([observation("4.1", "2022-01-01"), other, observation("4.3", "2024-02-01")])
    )
    assert whole.latest.when == "2024-02-01"
    assert [value for _, value, _ in whole.numbers()] == [Decimal("4.1"), Decimal("4.3")]


def test_results_withdrawn_or_not_measured_are_left_out_and_preliminary_ones_marked() -> None:
    entries = [
        observation(status=state) for state in ("entered-in-error", "cancelled", "preliminary", "amended")
    ]
    assert [one.preliminary for one in read(*entries)] == [True, False]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"valueQuantity": {"value": Decimal("4.00"), "comparator": "<"}}, "<4,00"),
        ({"valueString": "Ingen växt"}, "Ingen växt"),
        ({"valueCodeableConcept": {"text": "Negativ"}}, "Negativ"),
        ({"valueInteger": 3}, "3"),
        ({"dataAbsentReason": {"text": "Hemolys"}}, "Hemolys"),
        ({"component": [{"valueQuantity": {"value": 148}}, {"valueQuantity": {"value": 86}}]}, "148/86"),
    ],
)
def test_a_value_of_any_type_is_written_out(parts: dict[str, Any], expected: str) -> None:
    (one,) = read(observation(None, **parts))
    assert value_text(one, SWEDISH) == expected


@pytest.mark.parametrize(
    ("label", "panel"),
    [
        ("B-Hemoglobin", "Blood count"),
        ("P-CRP", "Inflammation"),
        ("U-Albumin/Krea", "Kidneys and electrolytes"),
        ("P-Albumin", "Liver"),
        ("eGFR (krea, CKD-EPI)", "Kidneys and electrolytes"),
        ("B-HbA1c (IFCC)", "Diabetes"),
        ("P-LDL-kolesterol", "Lipids"),
        ("P-PK(INR)", "Heart and coagulation"),
    ],
)
def test_usual_swedish_analyses_are_found_in_their_panel(label: str, panel: str) -> None:
    assert PANELS[panel_place(label)[0]].title == panel


def test_an_unknown_analysis_comes_after_all_panels() -> None:
    assert panel_place("Okänd analys")[0] == len(PANELS)


values = st.decimals(min_value=-1000, max_value=100000, places=2)
points = st.lists(st.tuples(st.dates().map(str), values, st.none() | values), max_size=40)


@given(points, st.none() | values, st.none() | values)
def test_a_drawing_never_leaves_its_frame(
    trend: list[tuple[str, Decimal, Decimal | None]], low: Decimal | None, high: Decimal | None
) -> None:
    drawn = sparkline.draw(sorted(trend, key=lambda point: point[0]), (low, high))
    if drawn is None:
        assert len(trend) < 2
        return
    for line in (drawn.line, drawn.second):
        for pair in line.split():
            x, y = map(float, pair.split(","))
            assert 0 <= x <= sparkline.WIDTH
            assert 0 <= y <= sparkline.HEIGHT
    if drawn.band is not None:
        top, height = map(float, drawn.band)
        assert 0 <= top <= top + height <= sparkline.HEIGHT + 0.11
