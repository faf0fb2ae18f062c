"""The problem list on the overview."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kontinuum.care.problems.model import read_conditions
from kontinuum.care.problems.rules import Problem, split
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import Chart, OverviewCard, Placement, ResultPage, View
from kontinuum.sweden import systems

_AT_MOST = 200


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the problem list."""

    label: str
    code: str
    site: str
    since: str
    ended: str
    unconfirmed: bool
    severity: str
    unit: str
    author: str
    recorded: str
    registrations: int
    comment: str


def queries(chart: Chart) -> tuple[str, ...]:
    """The patient's conditions, the latest recorded first."""
    return (f"Condition?patient={chart.patient}&_sort=-recorded-date&_count={_AT_MOST}",)


def view(chart: Chart, pages: Sequence[ResultPage]) -> View:
    """Current problems, and earlier ones folded away."""
    (page,) = pages
    current, earlier = split(read_conditions(page.matches))
    values = {
        "current": [_row(chart, problem) for problem in current],
        "earlier": [_row(chart, problem) for problem in earlier],
        "truncated": _AT_MOST if page.next else 0,
    }
    return View("problems/card.html", values)


def _row(chart: Chart, problem: Problem) -> Row:
    condition = problem.latest
    author = condition.recorder or condition.asserter
    return Row(
        label=condition.code.label,
        code=condition.code.code(systems.ICD_10_SE) or condition.code.code(),
        site=", ".join(site.label for site in condition.body_site),
        since=chart.translator.day(problem.since),
        ended=chart.translator.day(condition.ended),
        unconfirmed=condition.unconfirmed,
        severity=condition.severity.label if condition.severity else "",
        unit=chart.directory.unit(problem.entry.unit),
        author=chart.directory.name(author.reference, author.display) if author else "",
        recorded=chart.translator.day(condition.recorded_date),
        registrations=problem.registrations,
        comment=" ".join(note.text for note in condition.note),
    )


PROBLEMS_CARD = OverviewCard(
    anchor="problems",
    title=message("Problems"),
    placement=Placement.FINDINGS,
    order=20,
    queries=queries,
    view=view,
)
