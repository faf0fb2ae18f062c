"""NEWS2 and Bedside PEWS: every limit of every part; what was not measured is never reckoned as normal."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.filled import answered, value_of

from kontinuum.care.vitals.ages import BANDS, age_in_months, band, intervals
from kontinuum.care.vitals.entry import About, Earlier, read
from kontinuum.care.vitals.kinds import number
from kontinuum.care.vitals.rules import RISKS, Measured, NoScore, Risk, Scale, Score, news2, pews, score
from kontinuum.care.vitals.scoring import RESPONSES
from kontinuum.kernel.provider_settings import (
    BY_NAME,
    RESPONSE_CLASSES,
    NotAllowed,
    ProviderSettings,
    parse,
    response_minutes,
    response_of,
)

D = Decimal
ADULT: dict[str, Any] = {
    "respiration": D(16),
    "saturation": D(97),
    "inspired": "air",
    "systolic": D(120),
    "pulse": D(72),
    "consciousness": "A",
    "temperature": D("37.0"),
}
CHILD: dict[str, Any] = {
    "pulse": D(100),
    "systolic": D(100),
    "refill": D(2),
    "respiration": D(25),
    "effort": "normal",
    "saturation": D(98),
    "inspired": "air",
}
TODAY = date(2026, 3, 2)


def _points(made: Score, part: str) -> int | None:
    return next(one.points for one in made.parts if one.key == part)


@pytest.mark.parametrize(
    ("part", "values"),
    [
        ("respiration", {"8": 3, "9": 1, "11": 1, "12": 0, "20": 0, "21": 2, "24": 2, "25": 3}),
        ("saturation", {"91": 3, "92": 2, "93": 2, "94": 1, "95": 1, "96": 0, "100": 0}),
        ("systolic", {"90": 3, "91": 2, "100": 2, "101": 1, "110": 1, "111": 0, "219": 0, "220": 3}),
        (
            "pulse",
            {"40": 3, "41": 1, "50": 1, "51": 0, "90": 0, "91": 1, "110": 1, "111": 2, "130": 2, "131": 3},
        ),
        (
            "temperature",
            {"35.0": 3, "35.1": 1, "36.0": 1, "36.1": 0, "38.0": 0, "38.1": 1, "39.0": 1, "39.1": 2},
        ),
    ],
)
def test_news2_at_every_limit(part: str, values: dict[str, int]) -> None:
    found = {text: _points(news2({**ADULT, part: D(text)}, second=False), part) for text in values}
    assert found == values


def test_the_second_scale_counts_high_saturation_only_with_oxygen() -> None:
    values = {
        "83": 3,
        "84": 2,
        "85": 2,
        "86": 1,
        "87": 1,
        "88": 0,
        "92": 0,
        "93": 1,
        "94": 1,
        "95": 2,
        "96": 2,
    }
    values |= {"97": 3, "100": 3}
    for gas in ("air", "oxygen"):
        for text, expected in values.items():
            made = news2({**ADULT, "saturation": D(text), "inspired": gas}, second=True)
            assert _points(made, "saturation") == (0 if gas == "air" and D(text) > 92 else expected), (
                gas,
                text,
            )
    unknown = news2({k: v for k, v in ADULT.items() if k != "inspired"}, second=True)
    assert unknown.missing == ("saturation", "inspired")


def test_consciousness_and_oxygen() -> None:
    assert [
        _points(news2({**ADULT, "consciousness": code}, second=False), "consciousness") for code in "ACVPU"
    ] == [
        0,
        3,
        3,
        3,
        3,
    ]
    assert news2({**ADULT, "inspired": "oxygen"}, second=False).total == 2


@given(
    st.fixed_dictionaries(
        {
            "respiration": st.integers(2, 60),
            "saturation": st.integers(60, 100),
            "inspired": st.sampled_from(["air", "oxygen"]),
            "systolic": st.integers(40, 260),
            "pulse": st.integers(20, 200),
            "consciousness": st.sampled_from("ACVPU"),
            "temperature": st.decimals(30, 43, places=1),
        }
    ),
    st.booleans(),
)
def test_the_form_for_notes_gives_the_same_sum(measured: dict[str, Any], second: bool) -> None:
    """The rule has two homes: here, and as a questionnaire that a unit may change."""
    made = news2({k: D(v) if isinstance(v, int) else v for k, v in measured.items()}, second=second)
    state = answered(
        "news2",
        andningsfrekvens=measured["respiration"],
        saturationsskala="2" if second else "1",
        saturation=measured["saturation"],
        syrgas=measured["inspired"] == "oxygen",
        systoliskt=measured["systolic"],
        puls=measured["pulse"],
        medvetande=measured["consciousness"],
        temperatur=measured["temperature"],
    )
    assert value_of(state, "summa") == made.total


@given(st.lists(st.sampled_from(sorted(ADULT)), min_size=1, unique=True))
def test_a_part_that_was_not_measured_leaves_no_sum(left_out: list[str]) -> None:
    made = news2({k: v for k, v in ADULT.items() if k not in left_out}, second=False)
    assert made.total is None
    assert made.risk is None
    assert set(made.missing) == set(left_out)


@given(
    st.sampled_from(["respiration", "systolic", "pulse", "temperature"]),
    st.integers(0, 60),
    st.integers(0, 60),
)
def test_news2_never_falls_when_a_value_moves_further_from_normal(part: str, near: int, more: int) -> None:
    step = D("0.1") if part == "temperature" else D(1)
    for direction in (1, -1):
        first, further = (ADULT[part] + direction * step * far for far in (near, near + more))
        lower, higher = (news2({**ADULT, part: value}, second=False).total for value in (first, further))
        assert lower is not None
        assert higher is not None
        assert lower <= higher


@pytest.mark.parametrize(
    ("changes", "total", "risk"),
    [
        ({}, 0, Risk.ZERO),
        ({"pulse": D(91)}, 1, Risk.LOW),
        ({"pulse": D(120), "respiration": D(22)}, 4, Risk.LOW),
        ({"consciousness": "C"}, 3, Risk.SINGLE),
        ({"consciousness": "C", "pulse": D(91)}, 4, Risk.SINGLE),
        ({"consciousness": "C", "pulse": D(120)}, 5, Risk.MEDIUM),
        ({"consciousness": "C", "respiration": D(25)}, 6, Risk.MEDIUM),
        ({"consciousness": "C", "respiration": D(25), "pulse": D(91)}, 7, Risk.HIGH),
    ],
)
def test_the_classes_of_news2(changes: Measured, total: int, risk: Risk) -> None:
    made = news2({**ADULT, **changes}, second=False)
    assert (made.total, made.risk) == (total, risk)


def test_what_is_measured_may_ask_for_action_though_something_is_missing() -> None:
    made = news2({"consciousness": "U", "respiration": D(30), "systolic": D(85)}, second=False)
    assert (made.total, made.at_least, made.alarming) == (None, 9, Risk.HIGH)
    assert news2({"pulse": D(95)}, second=False).alarming is None


@pytest.mark.parametrize("of_age", BANDS, ids=lambda one: f"under-{one.until}")
@pytest.mark.parametrize("part", ["pulse", "systolic", "respiration"])
def test_bedside_pews_at_every_limit_of_every_age(of_age: Any, part: str) -> None:
    limits = getattr(of_age, part)
    for expected, (low, high) in ((1, limits.one), (2, limits.two), (4, limits.four)):
        for value in (low, high):
            assert _points(pews({**CHILD, part: D(value)}, of_age), part) == expected
        inner = {low + 1, high - 1}
        assert all((_points(pews({**CHILD, part: D(v)}, of_age), part) or 0) < expected for v in inner)
    assert [limits.points(one) for one in limits.normal if one is not None] == [0, 0]
    falling = [limits.points(D(value)) for value in range(limits.one[0] + 1)]
    rising = [limits.points(D(value)) for value in range(limits.one[1], 300)]
    assert falling == sorted(falling, reverse=True)
    assert rising == sorted(rising)


def test_the_other_parts_of_bedside_pews() -> None:
    of_age = band(30)

    def points(part: str, **changes: Any) -> int | None:
        return _points(pews({**CHILD, **changes}, of_age), part)

    assert [points("refill", refill=D(text)) for text in ("2.9", "3", "5")] == [0, 4, 4]
    assert [points("saturation", saturation=D(value)) for value in (95, 94, 91, 90)] == [0, 1, 1, 2]
    assert [points("effort", effort=one) for one in ("normal", "mild", "moderate", "severe")] == [0, 1, 2, 4]
    assert points("inspired", inspired="oxygen", flow=D("3.9")) == 2
    assert points("inspired", inspired="oxygen", flow=D(4)) == 4
    assert points("inspired", inspired="oxygen") is None, "two points or four: it is not known which"
    assert pews({**CHILD, "refill": D(4), "effort": "severe"}, of_age).risk is Risk.CHILD_HIGH
    assert (
        pews({**CHILD, "refill": D(4), "effort": "moderate", "saturation": D(94)}, of_age).risk
        is Risk.CHILD_LOW
    )
    assert pews({"pulse": D(100)}, of_age).total is None


@pytest.mark.parametrize(
    ("born", "scale"),
    [
        ("2010-03-02", Scale.NEWS2),
        ("2010-03-03", Scale.PEWS),
        ("1940-01-01", Scale.NEWS2),
        ("2026-03-02", Scale.PEWS),
        ("1990", Scale.NEWS2),
    ],
)
def test_news2_begins_on_the_sixteenth_birthday_and_pews_ends_there(born: str, scale: Scale) -> None:
    made = score({**ADULT, **CHILD}, born, TODAY, second=False)
    assert isinstance(made, Score)
    assert made.scale is scale


@pytest.mark.parametrize("born", [None, "", "2010", "2010-03", "2026-03-03", "2026", "2027-01-01"])
def test_without_an_age_that_decides_it_there_is_no_score(born: str | None) -> None:
    assert isinstance(score({**ADULT, **CHILD}, born, TODAY, second=False), NoScore)


@given(st.integers(0, 191))
def test_every_month_of_childhood_has_one_band_and_its_ranges(months: int) -> None:
    of_age = band(months)
    assert months < of_age.until
    assert intervals(months)["pulse"] == of_age.pulse.normal
    assert "diastolic" not in intervals(months)


def test_ages_at_the_edges() -> None:
    assert age_in_months("2025-12-02", TODAY) == 3
    assert age_in_months("2025-12-03", TODAY) == 2
    assert age_in_months("2024-02-29", date(2025, 2, 28)) == 11
    with pytest.raises(ValueError, match="no band"):
        band(192)


def test_every_class_can_be_answered_by_a_unit() -> None:
    setting = BY_NAME["warning_responses"]
    assert set(RESPONSE_CLASSES) == set(Risk) == set(RESPONSES) == set(RISKS)
    value = parse(setting, "*; high; Larma\nSE1-A; high; Ring; genast | SE1-A;low;Vänta")
    assert isinstance(value, tuple)
    assert value == ("*; high; Larma", "SE1-A; high; Ring; genast", "SE1-A; low; Vänta")
    decided = ProviderSettings(warning_responses=value)
    asked = [("SE1-A", "high"), ("SE1-B", "high"), ("SE1-A", "low"), ("SE1-B", "low")]
    assert [response_of(decided, *one) for one in asked] == ["Ring; genast", "Larma", "Vänta", ""]
    timed = ProviderSettings(warning_responses=("*; high; 15 min; Ring; genast",))
    assert (response_of(timed, "SE1-A", "high"), response_minutes(timed, "SE1-A", "high")) == (
        "Ring; genast",
        15,
    )
    assert response_minutes(decided, "SE1-A", "high") is None
    for wrong in ("high; Larma", "*; highest; Larma", "*; high;", "*; high; A\n*; high; B"):
        assert isinstance(parse(setting, wrong), NotAllowed), wrong


NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@given(st.integers(0, 99), st.integers(0, 9), st.sampled_from(",."))
def test_a_number_keeps_the_digits_that_were_typed(whole: int, tenth: int, mark: str) -> None:
    assert str(number(f" {whole}{mark}{tenth} ")) == f"{whole}.{tenth}"


@pytest.mark.parametrize("text", ["", "-3", "1e3", "3,", ",5", "1 000", "١٢", "3.7.2", "NaN", "999999"])
def test_what_is_no_number_is_none(text: str) -> None:
    assert number(text) is None


@pytest.mark.parametrize(
    ("months", "fields", "asked"),
    [
        (600, {"pulse": "180", "respiration": "6", "temperature": "34,0"}, []),
        (
            600,
            {"pulse": "181", "respiration": "5", "temperature": "33,9"},
            ["pulse", "respiration", "temperature"],
        ),
        (2, {"pulse": "181", "respiration": "60"}, []),
        (2, {"pulse": "190"}, ["pulse"]),
        (600, {"weight": "70"}, []),
        (600, {"weight": "93"}, ["weight"]),
        (600, {"weight": "93", "confirmed": "weight=93"}, []),
        (600, {"weight": "94", "confirmed": "weight=93"}, ["weight"]),
        (20, {"weight": "93"}, []),
    ],
)
def test_what_is_unusual_depends_on_age_and_on_what_was_measured_last(
    months: int, fields: dict[str, str], asked: list[str]
) -> None:
    about = About(NOW, months, {"weight": Earlier(D(80), NOW - timedelta(days=20))})
    made = read({key: [value] for key, value in fields.items()}, about)
    assert (sorted(made.questions), made.problems) == (sorted(asked), {})


def test_a_change_of_weight_is_not_asked_about_after_a_month() -> None:
    about = About(NOW, 600, {"weight": Earlier(D(80), NOW - timedelta(days=31))})
    assert read({"weight": ["120"]}, about).questions == {}


def test_a_flow_says_oxygen_and_air_with_a_flow_is_refused() -> None:
    about = About(NOW, 600)
    assert read({"flow": ["2"]}, about).choices == {"inspired": "oxygen"}
    assert list(read({"flow": ["2"], "inspired": ["air"]}, about).problems) == ["flow"]
