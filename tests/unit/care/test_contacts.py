"""The timeline: every contact on its lane, in true proportion, within the drawing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontinuum.care.contacts.strip import Lane, Span, draw, lane_of, moment

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def span(days_ago: float, lane: Lane = Lane.VISIT, days: float = 0) -> Span:
    start = NOW - timedelta(days=days_ago)
    return Span(lane, start, start + timedelta(days=days), planned=days_ago < 0)


@pytest.mark.parametrize(
    ("code", "lane"),
    [
        ("IMP", Lane.INPATIENT),
        ("EMER", Lane.EMERGENCY),
        ("AMB", Lane.VISIT),
        ("VR", Lane.REMOTE),
        (None, Lane.VISIT),
    ],
)
def test_each_class_of_contact_has_its_lane(code: str | None, lane: Lane) -> None:
    assert lane_of(code) is lane


def test_without_contacts_there_is_no_drawing() -> None:
    assert draw([], NOW) is None


def test_an_admission_is_a_bar_and_a_visit_a_point() -> None:
    drawn = draw([span(100, Lane.INPATIENT, 10), span(50)], NOW)
    assert drawn is not None
    bar, point = drawn.marks
    assert float(bar.width.rstrip("%")) > 2
    assert point.width == "0.00%"


@given(
    st.lists(
        st.tuples(st.floats(-400, 15000), st.sampled_from(Lane), st.floats(0, 60)), min_size=1, max_size=30
    )
)
def test_every_mark_and_year_lies_within_the_drawing(spans: list[tuple[float, Lane, float]]) -> None:
    drawn = draw([span(ago, lane, days) for ago, lane, days in spans], NOW)
    assert drawn is not None
    for mark in drawn.marks:
        assert float(mark.left.rstrip("%")) >= 0
        assert float(mark.left.rstrip("%")) + float(mark.width.rstrip("%")) <= 100.5
    assert all(0 <= float(tick.left.rstrip("%")) <= 100 for tick in drawn.ticks)
    assert len(drawn.ticks) <= 13
    assert 0 <= float(drawn.now.rstrip("%")) <= 100


def test_a_time_of_any_precision_is_placed() -> None:
    assert moment("2024") == moment("2024-01-01")
    assert moment(None) is None
    placed = moment("2024-07-01T12:00:00Z")
    assert placed is not None
    assert placed.hour == 14
