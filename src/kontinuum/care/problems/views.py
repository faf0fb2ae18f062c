"""The problem list on the overview."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kontinuum.care.problems.form import AT_MOST, query
from kontinuum.care.problems.model import Condition, read_conditions
from kontinuum.care.problems.rules import Problem, split
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import Chart, OverviewCard, Placement, ResourceVersion, ResultPage, View
from kontinuum.sweden import systems


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the problem list; `id` is that of the registration that speaks for the problem."""

    id: str
    label: str
    code: str
    display: str
    site: str
    since: str
    ended: str
    active: bool
    unconfirmed: bool
    refuted: bool
    in_error: bool
    severity: str
    unit: str
    author: str
    recorded: str
    registrations: int
    comment: str


def queries(chart: Chart) -> tuple[str, ...]:
    """The patient's conditions, the latest recorded first."""
    return (query(chart),)


def view(chart: Chart, pages: Sequence[ResultPage]) -> View:
    """Current problems; earlier ones and those that were struck folded away."""
    (page,) = pages
    problems = split(read_conditions(page.matches))
    values = {
        "current": [_row(chart, problem) for problem in problems.current],
        "earlier": [_row(chart, problem) for problem in problems.earlier],
        "struck": [_row(chart, problem) for problem in problems.struck],
        "truncated": AT_MOST if page.next else 0,
    }
    return View("problems/card.html", values)


def _row(chart: Chart, problem: Problem) -> Row:
    return row_of(chart, problem.latest, problem.entry, problem.since, problem.registrations)


def row_of(
    chart: Chart, condition: Condition, entry: ResourceVersion, since: str = "", registrations: int = 1
) -> Row:
    """A registration as it is shown; `since` when the problem began before it."""
    author = condition.recorder or condition.asserter
    coding = next((one for one in condition.code.coding if one.display), None)
    display = (coding.display or "") if coding else ""
    return Row(
        id=condition.id,
        label=condition.code.label,
        code=condition.code.code(systems.ICD_10_SE) or condition.code.code(),
        display=display if display != condition.code.label else "",
        site=", ".join(site.label for site in condition.body_site),
        since=chart.translator.day(since or condition.onset),
        ended=chart.translator.day(condition.ended),
        active=condition.active,
        unconfirmed=condition.unconfirmed,
        refuted=condition.refuted,
        in_error=condition.entered_in_error,
        severity=condition.severity.label if condition.severity else "",
        unit=chart.directory.unit(entry.unit),
        author=chart.directory.name(author.reference, author.display) if author else "",
        recorded=chart.translator.day(condition.recorded_date),
        registrations=registrations,
        comment="\n".join(note.text for note in condition.note),
    )


PROBLEMS_CARD = OverviewCard(
    anchor="problems",
    title=message("Problems"),
    placement=Placement.FINDINGS,
    order=20,
    queries=queries,
    view=view,
)
