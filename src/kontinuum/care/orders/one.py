"""One order with what became of it, or one referral to the unit; and what is done with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from kontinuum.care.orders.around import found
from kontinuum.care.orders.kinds import (
    ACCEPTED,
    ANSWERED,
    ASKED,
    COMPLETED,
    DECLINED,
    LONGEST,
    PRIORITIES,
    STATES,
)
from kontinuum.care.orders.lab import TOO_LONG
from kontinuum.care.orders.model import ServiceRequest, Task
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import (
    ActionRequest,
    Moved,
    NotFound,
    PageRequest,
    Refused,
    ResourceVersion,
    View,
)
from kontinuum.record.tasks import OPEN

_GONE: Final = message("There is no such order in this patient's record.")
_NO_TEXT: Final = message("Write a word to who asked.")
_NO_REASON: Final = message("Write why it is taken back.")
_DEEDS: Final = (ACCEPTED, ASKED, DECLINED, ANSWERED, COMPLETED)
_OVER: Final = {
    "completed": message("Answered and acknowledged"),
    "rejected": message("Declined"),
    "cancelled": message("Taken back"),
    "entered-in-error": message("Entered in error"),
}
_FROM_US: Final = {
    "requested": message("Not assessed yet"),
    "accepted": message("Accepted"),
    "on-hold": message("We have asked for more"),
    "completed": message("Answered"),
    "rejected": message("Declined"),
    "cancelled": message("Taken back by the sender"),
}

Found = tuple[Task, ResourceVersion, list[tuple[ServiceRequest, ResourceVersion]]]


@dataclass(frozen=True, slots=True)
class Typed:
    """What stood in a form that was refused: which one, and its text."""

    deed: str = ""
    text: str = ""
    alert: str = ""


async def show(request: PageRequest) -> View | NotFound:
    """Answer GET `orders/one`: an order by the id of its Task."""
    chosen = await found(request, request.parameters.get("id", ""))
    return NotFound(_GONE) if chosen is None else _view(request, chosen, Typed())


async def reply(request: ActionRequest) -> View | NotFound | Moved:
    """Answer POST `orders/reply`: accept, ask, decline or answer a referral, or complete it when asked."""
    deed = request.one("deed")

    def fault(text: str) -> str:
        return _NO_TEXT if not text.strip() and deed != ACCEPTED else ""

    async def send(task: str, version: int, text: str) -> Refused | None:
        return await request.writer.orders.reply(task, version, deed, text)

    return await _done(request, deed, fault, send) if deed in _DEEDS else NotFound(_GONE)


async def revoke(request: ActionRequest) -> View | NotFound | Moved:
    """Answer POST `orders/revoke`: what was ordered is taken back, and why."""
    return await _done(
        request, "revoke", lambda text: "" if text.strip() else _NO_REASON, request.writer.orders.revoke
    )


async def _done(
    request: ActionRequest,
    deed: str,
    fault: Callable[[str], str],
    act: Callable[[str, int, str], Awaitable[Refused | None]],
) -> View | NotFound | Moved:
    chosen = await found(request, request.one("id"))
    if chosen is None:
        return NotFound(_GONE)
    text, words = request.one("text"), request.chart.translator
    wrong = fault(text) or (TOO_LONG if len(text) > LONGEST else "")
    if wrong:
        return _view(request, chosen, Typed(deed, text, words.gettext(wrong)))
    refused = await act(chosen[0].id, request.version(), text)
    if refused is not None:
        return _view(request, chosen, Typed(deed, text, refused.told(words)))
    return Moved(f"{request.chart.path()}#orders")


def _view(request: PageRequest | ActionRequest, chosen: Found, typed: Typed) -> View:
    task, entry, orders = chosen
    words = request.chart.translator
    going_on = task.status in OPEN
    stands = STATES.get(task.state, STATES[""]) if going_on else _OVER.get(task.status, "")
    if task.received:
        stands = _FROM_US.get(task.status, "")
    values: dict[str, object] = {
        "task": task,
        "version": entry.version,
        "orders": [order for order, _ in orders],
        "requested": orders[0][0] if orders else None,
        "state": words.gettext(stands) if stands else "",
        "priority": words.gettext(PRIORITIES[task.priority]) if task.priority in PRIORITIES else "",
        "going_on": going_on,
        "own": entry.unit == request.principal.assignment.unit,
        "overdue": task.is_late(request.chart.now),
        "unit": request.chart.directory.unit(entry.unit),
        "said": [(words.moment(note.time), note.author_string or "", note.text) for note in task.note],
        "typed": typed,
        "longest": LONGEST,
    }
    return View("orders/one.html", values)
