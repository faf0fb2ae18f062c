"""What is ordered and not answered, and referrals to the unit, on the overview."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from kontinuum.care.orders.around import AT_MOST, queries
from kontinuum.care.orders.kinds import PRIORITIES, ROUTINE, STATES
from kontinuum.care.orders.model import ServiceRequest, Task, requests_of, tasks_of
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import Chart, OverviewCard, Placement, ResourceVersion, ResultPage, View


@dataclass(frozen=True, slots=True)
class Row:
    """An order, or a referral that came; `due` is the last day, or moment, in good time."""

    title: str
    address: str
    beside: bool
    to: str
    state: str
    priority: str
    due: str
    overdue: bool
    unit: str
    author: str
    when: str


def card(chart: Chart, pages: Sequence[ResultPage]) -> View:
    """Referrals to the unit first, then what is ordered, the latest first."""
    requests, tasks = requests_of(pages[0].matches), tasks_of(pages[1].matches)
    of = {order: found for found in tasks.values() for order in found[0].orders if not found[0].received}
    received = [_received(chart, *found) for found in tasks.values() if found[0].received]
    ordered = [_ordered(chart, *found, of.get(name)) for name, found in requests.items()]
    more = AT_MOST if any(page.next for page in pages) else 0
    return View("orders/card.html", {"received": received, "ordered": ordered, "truncated": more})


def _ordered(
    chart: Chart, order: ServiceRequest, entry: ResourceVersion, found: tuple[Task, ResourceVersion] | None
) -> Row:
    words = chart.translator
    task = found[0] if found else None
    there = f"{chart.path('orders', 'one')}?id={quote(task.id, safe='')}" if task else ""
    named = [one.display or chart.directory.name(one.reference) for one in order.performer]
    return Row(
        title=order.code.label,
        address=there or f"/patient/{chart.patient}/entry/ServiceRequest/{quote(order.id, safe='')}",
        beside=bool(there),
        to=", ".join(named) if order.is_referral or not task else "",
        state=words.gettext(STATES[task.state]) if task and STATES.get(task.state) and task.state else "",
        priority=_priority(chart, order.priority),
        due=task.due if task else "",
        overdue=task is not None and task.is_late(chart.now),
        unit=chart.directory.unit(entry.unit),
        author=chart.directory.name(order.requester.reference, order.requester.display),
        when=words.day(order.authored_on),
    )


def _received(chart: Chart, task: Task, entry: ResourceVersion) -> Row:
    return Row(
        title=task.description,
        address=f"{chart.path('orders', 'one')}?id={quote(task.id, safe='')}",
        beside=True,
        to="",
        state="",
        priority=_priority(chart, task.priority),
        due=task.due,
        overdue=task.is_late(chart.now),
        unit=chart.directory.unit(entry.unit),
        author=task.requester.display or "",
        when=chart.translator.day(task.authored_on),
    )


def _priority(chart: Chart, priority: str) -> str:
    usual = priority == ROUTINE or priority not in PRIORITIES
    return "" if usual else chart.translator.gettext(PRIORITIES[priority])


ORDERS_CARD: Final = OverviewCard(
    anchor="orders",
    title=message("Orders and referrals"),
    placement=Placement.CARE,
    order=25,
    queries=queries,
    view=card,
)
