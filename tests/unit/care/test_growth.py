"""Growth beside the WHO standard: the curves are the published ones, and a value is told by its distance."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontinuum.care.vitals.growth import birthday, curves, deviation, told
from kontinuum.care.vitals.standards import STANDING, UNTIL, standard
from kontinuum.kernel.i18n import Translator


@pytest.mark.parametrize(
    ("measure", "sex", "months", "expected"),
    [
        # The printed tables, in kg and cm with one decimal: -2 SD, median, +2 SD.
        ("weight", "male", 0, (2.5, 3.3, 4.4)),
        ("weight", "male", 12, (7.7, 9.6, 12.0)),
        ("weight", "female", 60, (13.7, 18.2, 24.9)),
        ("height", "male", 6, (63.3, 67.6, 71.9)),
        ("height", "female", 36, (87.4, 95.1, 102.7)),
        ("head", "male", 0, (31.9, 34.5, 37.0)),
        ("bmi", "female", 60, (12.7, 15.3, 18.8)),
    ],
)
def test_the_curves_are_those_of_the_printed_tables(
    measure: str, sex: str, months: int, expected: tuple[float, ...]
) -> None:
    found = standard(measure, sex, round(months * 30.4375))
    assert found is not None
    assert tuple(found.at(each) for each in (-2, 0, 2)) == pytest.approx(expected, abs=0.07)


@given(
    st.sampled_from(("weight", "height", "head")),
    st.sampled_from(("female", "male")),
    st.integers(0, UNTIL),
    st.floats(-3, 3),
)
def test_a_value_on_a_curve_is_as_far_from_the_median_as_the_curve(
    measure: str, sex: str, day: int, deviations: float
) -> None:
    found = standard(measure, sex, day)
    assert found is not None
    assert found.deviations(found.at(deviations)) == pytest.approx(deviations, abs=1e-9)


def test_a_child_is_shorter_standing_and_nothing_is_told_where_the_standard_ends() -> None:
    lying, standing = (standard("height", "female", day) for day in (STANDING - 1, STANDING))
    assert lying is not None
    assert standing is not None
    assert lying.m - standing.m == pytest.approx(0.7, abs=0.05)
    for measure, sex, day in (("weight", "male", UNTIL + 1), ("weight", "male", -1), ("bmi", "male", 100)):
        assert standard(measure, sex, day) is None
    assert standard("weight", "other", 100) is None
    assert curves("weight", "unknown", 500) is None


def test_distances_are_said_with_a_sign_and_not_beyond_what_the_method_holds_for() -> None:
    sv = Translator("sv")

    def of(value: str, age: int = 365) -> str:
        return deviation("weight", "male", age, Decimal(value), sv)

    assert of("9.65") == "0,0"
    assert of("8.6").startswith("−1")
    assert of("11").startswith("+1")
    assert (of("20"), of("3")) == ("> +3", "< −3")
    assert of("3.2", 3) == "", "a child loses weight after birth, which the standard does not tell of"
    assert of("9.6", 3000) == ""


def test_ages_are_said_as_in_care_and_a_year_is_no_day_of_birth() -> None:
    en = Translator("en")
    assert [told(age, en) for age in (4, 200, 1500)] == ["4 d", "6 mo", "4 y 1 mo"]
    assert birthday("2020") is None
    assert birthday(None) is None
