"""What waits: which is overdue, which needs somebody, and how the overview lists it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import hypothesis.strategies as st
from hypothesis import given

from kontinuum.care.tasks.views import view
from kontinuum.fhir import json
from kontinuum.kernel.i18n import local
from kontinuum.kernel.module import Chart
from kontinuum.record.outcome import SearchPage, Stored
from kontinuum.record.tasks import LATE_DAYS, OPEN, TaskRow
from kontinuum.web.languages import load_translators
from kontinuum.web.workspace.directory import UnitDirectory

TODAY = date(2026, 3, 2)
STAFF = frozenset({"Practitioner/here"})


class _Clock:
    def now(self) -> datetime:
        return datetime(2026, 3, 2, 12, tzinfo=UTC)


def task(status: str = "requested", due: str = "", owner: str = "Practitioner/here", **more: Any) -> TaskRow:
    resource = {"status": status, "owner": {"reference": owner}, **more}
    if due:
        resource["restriction"] = {"period": {"end": due}}
    return TaskRow(None, resource)  # type: ignore[arg-type]


@given(
    status=st.sampled_from([*OPEN, "completed", "rejected"]),
    days=st.none() | st.integers(-9, 9),
    owner=st.sampled_from(["Practitioner/here", "Practitioner/gone", "Organization/unit", ""]),
    requester=st.sampled_from(["Practitioner/here", "Practitioner/gone", ""]),
    age=st.none() | st.integers(0, 30),
)
def test_whatever_nobody_who_works_here_sees_to_in_time_needs_somebody(
    status: str, days: int | None, owner: str, requester: str, age: int | None
) -> None:
    due = "" if days is None else (TODAY + timedelta(days=days)).isoformat()
    written = {} if age is None else {"authoredOn": f"{TODAY - timedelta(days=age)}T23:30:00+01:00"}
    one = task(status, due, owner, requester={"reference": requester}, **written)
    is_open = status in OPEN
    late = is_open and days is not None and days < 0
    waits_for = owner if is_open else requester
    assert one.overdue(local(TODAY.isoformat())) is late
    forgotten = is_open and days is None and age is not None and age >= LATE_DAYS
    assert one.needs_somebody(local(TODAY.isoformat()), STAFF) is (
        late or forgotten or waits_for not in STAFF
    )


def test_the_overview_lists_the_first_to_be_done_first_and_marks_what_is_overdue() -> None:
    def stored(identity: str, due: str) -> Stored:
        body = {"description": identity, "restriction": {"period": {"end": due}}} if due else {}
        return Stored("Task", identity, 1, 0, json.dumps({"description": identity, **body}), "SE-U", "SE-P")

    chart = Chart("p-1", _Clock().now(), load_translators()["sv"], UnitDirectory(_Clock()))
    found = [stored("undated", ""), stored("later", "2026-03-09"), stored("late", "2026-02-20")]
    rows: Any = view(chart, [SearchPage(tuple(found))]).values["rows"]
    assert [(row.text, row.overdue) for row in rows] == [("late", True), ("later", False), ("undated", False)]
