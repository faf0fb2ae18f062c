"""Plans on the overview: what they are for, and how the day stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from kontinuum.care.nursing.around import queries, read
from kontinuum.care.nursing.plan import summary
from kontinuum.care.nursing.rules import State, count
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import Chart, OverviewCard, Placement, ResultPage, View


def card_queries(chart: Chart) -> tuple[str, ...]:
    """Plans, goals, and what was done today."""
    return queries(chart)


def card(chart: Chart, pages: Sequence[ResultPage]) -> View:
    """Nursing plans with the day's actions, other plans below them, and what is over folded away."""
    found = read(pages)
    now = local(chart.now)
    day = [one for one in found.day(now.date()) if not one.needed]
    states = [found.state(one, now) for one in day]
    settled, total, late = count(states)
    waiting = [one for one, state in zip(day, states, strict=True) if state in (State.LATE, State.DUE)]
    plans = [summary(chart, found, plan) for plan, _ in found.plans.values()]
    values: dict[str, object] = {
        "nursing": [one for one in plans if one.active and one.nursing],
        "others": [one for one in plans if one.active and not one.nursing],
        "over": [one for one in plans if not one.active],
        "settled": settled,
        "total": total,
        "late": late,
        "next": next((one for one in waiting), None),
        "truncated": found.truncated,
    }
    return View("nursing/card.html", values)


PLANS_CARD: Final = OverviewCard(
    anchor="plans",
    title=message("Plans"),
    placement=Placement.CARE,
    order=15,
    queries=card_queries,
    view=card,
)
