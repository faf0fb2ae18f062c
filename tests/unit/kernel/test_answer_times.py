"""Within how long an order is to be answered: by the hour where it is urgent, as who answers has said."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from kontinuum.kernel.awaiting import USUAL, read_within, within
from kontinuum.kernel.i18n import SWEDEN
from kontinuum.kernel.provider_settings import BY_NAME, NotAllowed, parse

NOW = datetime(2026, 11, 23, 22, 30, tzinfo=SWEDEN)
LABORATORY = "SE2321000016-LAB"


@pytest.mark.parametrize(
    ("what", "priority", "until"),
    [
        ("laboratory", "routine", "2026-11-30"),
        ("laboratory", "urgent", "2026-11-24T22:30:00+01:00"),
        ("laboratory", "asap", "2026-11-24T02:30:00+01:00"),
        ("laboratory", "stat", "2026-11-23T23:30:00+01:00"),
        ("laboratory", "none of these", "2026-11-30"),
        ("assessment", "stat", "2026-11-24T02:30:00+01:00"),
        ("referral", "urgent", "2026-12-23"),
    ],
)
def test_what_is_urgent_is_awaited_by_the_hour_and_what_is_not_by_the_day(
    what: str, priority: str, until: str
) -> None:
    assert within(USUAL, LABORATORY, what, priority).until(NOW, NOW.date()) == until


def test_the_hour_of_a_sample_on_a_day_to_come_is_not_known() -> None:
    stat = within(USUAL, "", "laboratory", "stat")
    assert stat.until(NOW, date(2026, 11, 25)) == "2026-11-25"
    assert within(USUAL, "", "laboratory", "urgent").until(NOW, date(2026, 11, 25)) == "2026-11-26"


def test_what_the_laboratory_has_said_holds_before_what_all_do_and_the_usual_for_the_rest() -> None:
    lines = (f"{LABORATORY}; laboratory; stat; 45 min", "*; laboratory; stat; 2 h")
    assert within(lines, LABORATORY, "laboratory", "stat")[3:] == (45, "min")
    assert within(lines, "SE2321000016-OTHER", "laboratory", "stat")[3:] == (2, "h")
    assert within(lines, LABORATORY, "laboratory", "asap")[3:] == (4, "h")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "*; laboratory; stat; 0 h",
        "*; laboratory; stat; 1",
        "*; laboratory; now; 1 h",
        "*; x-ray; stat; 1 h",
        "nowhere; laboratory; stat; 1 h",
        "*; laboratory; stat; 1000 d",
    ],
)
def test_what_is_no_line_is_refused_with_one_that_is(line: str) -> None:
    assert read_within(line) is None
    taken = parse(BY_NAME["answer_times"], f"{USUAL[0]}\n{line}")
    assert not line or (isinstance(taken, NotAllowed) and (line in taken.reason or "once" in taken.reason))
    twice = parse(BY_NAME["answer_times"], "*; laboratory; stat; 1 h|*; laboratory; stat; 2 h")
    assert isinstance(twice, NotAllowed)
