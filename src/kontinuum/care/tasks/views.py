"""What waits about the patient, on the overview."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kontinuum.fhir import json
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import Chart, OverviewCard, Placement, ResourceVersion, ResultPage, View
from kontinuum.record.tasks import OPEN, WORK_CODES

_AT_MOST: Final = 50


@dataclass(frozen=True, slots=True)
class Row:
    """A task or question: what, for whom, from whom, until when."""

    text: str
    question: bool
    owner: str
    asked_by: str
    unit: str
    due: str
    overdue: bool


def queries(chart: Chart) -> tuple[str, ...]:
    """Open tasks and questions between staff."""
    codes = ",".join(f"{WORK_CODES}|{code}" for code in ("task", "question"))
    return (f"Task?patient={chart.patient}&status={','.join(OPEN)}&code={codes}&_count={_AT_MOST}",)


def view(chart: Chart, pages: Sequence[ResultPage]) -> View:
    """The first to be done first; those without a day last."""
    rows = sorted((_row(chart, one) for one in pages[0].matches), key=lambda row: row.due or "9999")
    return View("tasks/card.html", {"rows": rows, "truncated": _AT_MOST if pages[0].next else 0})


def _row(chart: Chart, stored: ResourceVersion) -> Row:
    task = json.loads(stored.body or b"{}")
    due = task.get("restriction", {}).get("period", {}).get("end", "")
    now = local(chart.now)
    return Row(
        text=task.get("description", ""),
        question=any(one.get("code") == "question" for one in task.get("code", {}).get("coding", ())),
        owner=task.get("owner", {}).get("display", ""),
        asked_by=task.get("requester", {}).get("display", ""),
        unit=chart.directory.unit(stored.unit),
        due=due,
        overdue=bool(due) and (local(due) <= now if "T" in due else due < now.date().isoformat()),
    )


TASKS_CARD = OverviewCard(
    anchor="tasks",
    title=message("Tasks and questions"),
    placement=Placement.CARE,
    order=30,
    queries=queries,
    view=view,
)
