"""Sending what a form orders, tests or a referral: signed, once, with a time to be answered in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from kontinuum.care.orders.around import Unit, contact, found
from kontinuum.care.orders.kinds import AWAITED, PRIORITIES, ROUTINE
from kontinuum.care.orders.writing import Order, Resource, requested, waiting
from kontinuum.fhir.authoring import author, form_id
from kontinuum.kernel.awaiting import within
from kontinuum.kernel.i18n import local
from kontinuum.kernel.module import ActionRequest, Moved, Refused

Hand = Callable[[list[Resource], Resource], Awaitable[Refused | None]]
"""Hands on what is ordered, and the Task of who sees to its answer."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a form orders: `items` by their code and analyses; `to` who answers, else `outside` by words."""

    category: str
    items: Sequence[tuple[Resource, Sequence[Resource]]]
    day: date
    priority: str
    question: str
    background: str = ""
    to: Unit | None = None
    outside: str = ""


def priority_of(request: ActionRequest) -> str:
    """The priority that is chosen."""
    chosen = request.one("priority")
    return chosen if chosen in PRIORITIES else ROUTINE


async def send(request: ActionRequest, token: str, wanted: Wanted, hand: Hand) -> Moved | Refused:
    """Sign and send what a form orders, however often its button is pressed."""
    patient, done = request.chart.patient, Moved(f"{request.chart.path()}#orders")
    identity = form_id(request.principal, patient, token)
    if await found(request, identity) is not None:
        return done  # an earlier press of the same button sent it
    now = local(request.chart.now)
    answers = wanted.to.hsa_id if wanted.to else ""
    time = within(request.settings.answer_times, answers, AWAITED[wanted.category], wanted.priority)
    outside: dict[str, Any] = {"display": wanted.outside} if wanted.outside else {}
    actor = request.principal.actor
    person = {"reference": actor.reference} if actor.reference else {}
    order = Order(
        identity,
        wanted.category,
        patient,
        author(request.principal),
        {**person, "display": actor.name},
        now.isoformat(timespec="seconds"),
        wanted.day,
        time.until(now, wanted.day),
        wanted.priority,
        wanted.question,
        wanted.background,
        wanted.to.reference if wanted.to else outside,
        await contact(request),
    )
    made = [
        requested(order, form_id(request.principal, patient, f"{token}/{number}"), what, detail)
        for number, (what, detail) in enumerate(wanted.items)
    ]
    return await hand(made, waiting(order, made)) or done
