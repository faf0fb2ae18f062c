"""The rule of a unit: read as it is written, and who is told by when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontinuum.kernel.escalation import ASKER, TIMES, USUAL, Step, reached, read_step, steps_of
from kontinuum.kernel.provider_settings import BY_NAME, NotAllowed, parse

UNIT, OTHER = "SE2321000016-DEMO1011", "SE2321000016-DEMO1012"
LATE = datetime(2026, 3, 2, tzinfo=UTC)
STEPS = st.builds(
    Step,
    st.sampled_from(["*", UNIT, OTHER]),
    st.integers(0, 999),
    st.sampled_from([*TIMES]),
    st.sampled_from([ASKER, "SE2321000016-AB12"]),
)


@given(st.lists(STEPS))
def test_a_unit_s_own_lines_hold_else_those_of_every_unit_and_the_first_to_be_told_is_first(
    steps: list[Step],
) -> None:
    assert [read_step(one.line) for one in steps] == steps
    rule = steps_of([one.line for one in steps], UNIT)
    own = [one for one in steps if one.unit == UNIT]
    assert sorted(rule) == sorted(own or [one for one in steps if one.unit == "*"])
    assert [one.after for one in rule] == sorted(one.after for one in rule)


@given(st.lists(STEPS), st.integers(-9, 9), st.integers(0, 9))
def test_whoever_was_told_stays_told(steps: list[Step], hours: int, more: int) -> None:
    now = LATE + timedelta(hours=hours)
    told = reached(steps, LATE, now)
    assert all(LATE + one.after <= now for one in told)
    assert set(told) <= set(reached(steps, LATE, now + timedelta(days=more)))
    assert reached(steps, None, now) == ()


@pytest.mark.parametrize(
    "line", ["", "*; 4 h", "*; 4 v; asker", "*; -1 h; asker", "x; 4 h; asker", "*; 4 h; me"]
)
def test_what_is_no_line_is_refused(line: str) -> None:
    assert read_step(line) is None
    assert not line or isinstance(parse(BY_NAME["escalation"], f"{USUAL[0]}\n{line}"), NotAllowed)
