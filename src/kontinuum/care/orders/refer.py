"""Sending a referral: to a unit of the directory, or to a receiver outside that is named."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from kontinuum.care.orders.around import Unit, units
from kontinuum.care.orders.kinds import LONGEST, PRIORITIES, REFERRAL, ROUTINE
from kontinuum.care.orders.lab import TOO_LONG
from kontinuum.care.orders.sending import Wanted, priority_of, send
from kontinuum.care.orders.writing import Resource
from kontinuum.fhir.authoring import new_token
from kontinuum.fhir.datatypes import CodeableConcept, Element, decoder
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import ActionRequest, Moved, NotFound, PageRequest, Refused, View

LONGEST_TITLE: Final = 100
_OFFERED: Final = 12
_NO_RECEIVER: Final = message("Choose who the referral goes to.")
_WHICH: Final = message("Choose one of the units that fit.")
_OUTSIDE: Final = message(
    "There is no such unit in the directory. Choose another one, or send it to a receiver outside."
)
_NO_QUESTION: Final = message("Write what you ask of the receiver.")
_PROBLEMS: Final = message("Current problems %(day)s")
_SINCE: Final = message("since %(day)s")


class Condition(Element, frozen=True):
    """What the background tells of a problem."""

    code: CodeableConcept = CodeableConcept()
    onset_date_time: str | None = None


_CONDITIONS: Final = decoder(Condition)


@dataclass(frozen=True, slots=True)
class Filled:
    """The form as it is filled in; `to` is the receiver's name, `unit` the id of its Organization."""

    token: str
    to: str = ""
    unit: str = ""
    outside: bool = False
    question: str = ""
    background: str = ""
    priority: str = ROUTINE


async def show(request: PageRequest) -> View | NotFound:
    """Answer GET `orders/refer`: an empty referral, with the current problems as a beginning."""
    filled = Filled(new_token(), background=await _problems(request))
    return await _view(request, filled)


async def _problems(request: PageRequest) -> str:
    """The own care provider's current problems, marked from which day they are."""
    chart, words = request.chart, request.chart.translator
    query = f"Condition?patient={chart.patient}&clinical-status=active&_sort=-recorded-date&_count=50"
    (page,) = await request.record.find_many([query])
    lines = []
    for entry in page.matches:
        if entry.body and entry.provider == request.principal.assignment.provider:
            read = _CONDITIONS.decode(entry.body)
            since = (read.onset_date_time or "")[:10]
            told = words.gettext(_SINCE) % {"day": since} if since else ""
            lines.append(", ".join(filter(None, (read.code.label, read.code.code(), told))))
    if not lines:
        return ""
    head = words.gettext(_PROBLEMS) % {"day": local(chart.now).date().isoformat()}
    return "\n".join([f"{head}:", *(f"– {line}" for line in dict.fromkeys(lines))])


def _filled(request: ActionRequest) -> Filled:
    return Filled(
        token=request.one("token") or new_token(),
        to=request.one("to").strip(),
        unit=request.one("unit"),
        outside=bool(request.one("outside")),
        question=request.one("question"),
        background=request.one("background"),
        priority=priority_of(request),
    )


async def fill(request: ActionRequest) -> View | NotFound | Moved:
    """Answer POST `orders/refer`: the referral, signed and sent; or what it lacks."""
    filled = _filled(request)
    receiver, offered, wrong = await _receiver(request, filled)
    wrong = wrong or ("" if filled.question.strip() else _NO_QUESTION)
    wrong = wrong or (TOO_LONG if max(map(len, (filled.question, filled.background))) > LONGEST else "")
    if wrong:
        alert = request.chart.translator.gettext(wrong)
        return await _view(request, filled, alert=alert, offered=offered)

    async def hand(made: list[Resource], task: Resource) -> Refused | None:
        return await request.writer.orders.refer(made[0], task)

    wanted = Wanted(
        REFERRAL,
        [({"text": _title(filled.question)}, [])],
        local(request.chart.now).date(),
        filled.priority,
        filled.question,
        filled.background,
        receiver,
        "" if receiver else filled.to,
    )
    sent = await send(request, filled.token, wanted, hand)
    if isinstance(sent, Refused):
        return await _view(request, filled, alert=sent.told(request.chart.translator))
    return sent


def _title(question: str) -> str:
    """The first line, as lists show the referral."""
    first = next(line.strip() for line in question.splitlines() if line.strip())
    return first if len(first) <= LONGEST_TITLE else f"{first[: LONGEST_TITLE - 1].rstrip()}…"


async def _receiver(request: ActionRequest, filled: Filled) -> tuple[Unit | None, list[Unit], str]:
    """The unit that is meant, else those to choose from and why; neither for one outside."""
    if not filled.to:
        return None, [], _NO_RECEIVER
    fitting, _ = await units(request, filled.to)
    exact = [unit for unit in fitting if unit.name.casefold() == filled.to.casefold()]
    chosen = [unit for unit in fitting if unit.reference["reference"] == filled.unit]
    meant = chosen or exact
    if len(meant) == 1:
        return meant[0], [], ""
    if filled.outside and not meant:
        return None, [], ""
    return None, fitting[:_OFFERED], _WHICH if fitting else _OUTSIDE


async def _view(
    request: PageRequest | ActionRequest,
    filled: Filled,
    *,
    alert: str = "",
    offered: list[Unit] | None = None,
) -> View:
    every, complete = await units(request)
    own = request.principal.assignment.unit
    if filled.unit and all(unit.reference["reference"] != filled.unit for unit in offered or ()):
        filled = replace(filled, unit="")
    values = {
        "filled": filled,
        "units": [unit.name for unit in every if unit.hsa_id != own],
        "complete": complete,
        "offered": offered or [],
        "priorities": PRIORITIES,
        "alert": alert,
    }
    return View("orders/refer.html", values)
