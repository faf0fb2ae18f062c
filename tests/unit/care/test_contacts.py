"""The timeline: every contact on its lane, in true proportion, within the drawing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontinuum.care.contacts.rules import next_free, possible, read_moment, taken
from kontinuum.care.contacts.strip import Lane, Span, draw, lane_of, moment
from kontinuum.care.contacts.views import notes
from kontinuum.fhir import json
from kontinuum.kernel.around import Busy
from kontinuum.kernel.clock import SystemClock
from kontinuum.kernel.i18n import SWEDEN
from kontinuum.kernel.module import Chart
from kontinuum.record import SearchPage, Stored
from kontinuum.web.languages import load_translators
from kontinuum.web.workspace.directory import UnitDirectory

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


SUNDAY = datetime(2026, 11, 22, 11, 0, tzinfo=SWEDEN)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("2026-12-14 09:30", "2026-12-14T09:30"),
        ("14/12 9.30", "2026-12-14T09:30"),
        ("1/3 8", "2027-03-01T08:00"),
        ("+2v 930", "2026-12-06T09:30"),
        ("3 m 14:05", "2027-02-22T14:05"),
        ("2026-11-22 10:00", None),
        ("2031-01-01 10:00", None),
        ("31/2 10:00", None),
        ("2026-12-14", None),
        ("i morgon 9", None),
    ],
)
def test_a_time_is_read_as_people_write_it_and_never_guessed(typed: str, meant: str | None) -> None:
    moment = read_moment(typed, SUNDAY)
    assert (moment and moment.isoformat()[:16]) == meant


def test_the_next_free_time_is_after_all_that_are_taken_and_on_the_same_day() -> None:
    nine = SUNDAY.replace(hour=9)
    half = timedelta(minutes=30)
    busy = [Busy(nine, nine + half), Busy(nine + half, nine + 2 * half)]
    assert next_free(busy, nine, half) == nine + 2 * half
    assert next_free(busy, SUNDAY.replace(hour=17, minute=45), half) is None


def test_undo_leads_back_through_every_state_and_what_is_not_possible_is_not_offered() -> None:
    planned = {
        "status": "planned",
        "class": {"code": "AMB"},
        "period": {"start": "2026-11-22T09:00:00+01:00"},
    }
    here, now = planned, "2026-11-22T10:00:00+01:00"
    for step in ("arrive", "start", "close"):
        assert step in possible(here)
        here = taken(here, step, now)
    assert (here["status"], here["period"]["end"]) == ("finished", now)
    for state in ("in-progress", "arrived", "planned"):
        here = taken(here, "undo", now)
        assert here["status"] == state
    assert "undo" not in possible(here)
    assert "leave" not in possible(taken(planned, "start", now)), "only an admission has leave"


@pytest.mark.parametrize(
    ("booked", "told"),
    [
        (("08:00", "14:30"), [("Bokat tidigare i dag", "08:00"), ("Nästa besök", "2026-03-01 14:30")]),
        (("08:00", "09:00"), [("Bokat tidigare i dag", "09:00")]),
        (("14:30", "15:00"), [("Nästa besök", "2026-03-01 14:30")]),
        ((), []),
    ],
)
def test_a_time_that_is_over_is_not_called_the_next_visit(
    booked: tuple[str, ...], told: list[tuple[str, str]]
) -> None:
    def stored(clock: str) -> Stored:
        body = {"id": f"a-{clock}", "status": "booked", "start": f"2026-03-01T{clock}:00+01:00"}
        return Stored("Appointment", f"a-{clock}", 1, 0, json.dumps(body), "SE-U", "SE-P")

    noon = datetime(2026, 3, 1, 11, tzinfo=UTC)
    chart = Chart("p-1", noon, load_translators()["sv"], UnitDirectory(SystemClock()))
    found = notes(chart, [SearchPage(()), SearchPage(tuple(map(stored, booked)))])
    assert [(one.label, one.text.split(",")[0]) for one in found] == told
