"""Ordering from the laboratory: panels and single analyses, signed when they are sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kontinuum.care.orders.around import Unit, units
from kontinuum.care.orders.kinds import LABORATORY, LONGEST, PRIORITIES, ROUTINE, panels, system_of
from kontinuum.care.orders.rules import read_day
from kontinuum.care.orders.sending import Wanted, priority_of, send
from kontinuum.care.orders.writing import Resource
from kontinuum.fhir.authoring import coded, new_token
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import (
    ActionRequest,
    Moved,
    NotFound,
    PageRequest,
    Refused,
    View,
)
from kontinuum.kernel.terms import Suggested, Term

ANALYSIS: Final = "analysis"
AT_MOST: Final = 50
_NOTHING: Final = message("Choose a panel or an analysis.")
_CHOOSE: Final = message("Choose the analysis in the list, or keep the words.")
_NO_DAY: Final = message("Write the day as 2026-05-02, from today on.")
TOO_LONG: Final = message("A text has at most 4 000 characters.")


@dataclass(frozen=True, slots=True)
class Filled:
    """The form as it is filled in; `single` are codes of analyses, or words after `=`."""

    token: str
    panels: tuple[str, ...] = ()
    single: tuple[str, ...] = ()
    text: str = ""
    priority: str = ROUTINE
    question: str = ""
    day: str = ""


async def show(request: PageRequest) -> View | NotFound:
    """Answer GET `orders/lab`: the usual panels."""
    return await _view(request, Filled(new_token()))


def _filled(request: ActionRequest) -> Filled:
    chosen = request.fields.get("panel") or ()
    single = [name for name in request.fields.get("single") or () if name.strip("= ")]
    added = request.one("choice") or request.one("code")
    text = request.one("text")
    free = request.one("do") == "free" or bool(request.one("free"))
    if added:
        single, text = [*single, added], ""
    elif free and text.strip():
        single, text = [*single, f"={text.strip()}"], ""
    gone = request.one("remove")
    return Filled(
        token=request.one("token") or new_token(),
        panels=tuple(name for name in panels() if name in chosen),
        single=tuple(name for name in dict.fromkeys(single) if name != gone)[:AT_MOST],
        text=text,
        priority=priority_of(request),
        question=request.one("question"),
        day=request.one("day"),
    )


async def fill(request: ActionRequest) -> View | NotFound | Moved:
    """Answer POST `orders/lab`: the form with an analysis more or less, or (`do=send`) the order, signed."""
    filled = _filled(request)
    if request.one("do") != "send":
        return await _view(request, filled)
    day = read_day(filled.day, local(request.chart.now).date())
    terms = await _terms(request, filled)
    wrong = _CHOOSE if filled.text.strip() else ""
    wrong = wrong or ("" if filled.panels or filled.single else _NOTHING)
    wrong = wrong or ("" if day is not None else _NO_DAY)
    wrong = wrong or (TOO_LONG if len(filled.question) > LONGEST else "")
    if wrong or day is None:
        return await _view(request, filled, alert=request.chart.translator.gettext(wrong))

    async def hand(made: list[Resource], task: Resource) -> Refused | None:
        refused = await request.writer.write([*made, task])
        for term in terms.values() if refused is None else ():
            await request.terms.chose(ANALYSIS, term.code)
        return refused

    wanted = Wanted(
        LABORATORY,
        _items(filled, terms),
        day,
        filled.priority,
        filled.question,
        to=await _laboratory(request),
    )
    sent = await send(request, filled.token, wanted, hand)
    if isinstance(sent, Refused):
        return await _view(request, filled, alert=sent.told(request.chart.translator))
    return sent


def _items(filled: Filled, terms: dict[str, Term]) -> list[tuple[Resource, list[Resource]]]:
    wanted: list[tuple[Resource, list[Resource]]] = []
    for name in filled.panels:
        detail = [coded(system_of(code), code, called) for code, called in panels()[name].analyses]
        wanted.append(({"text": panels()[name].title}, detail))
    for name in filled.single:
        term = terms.get(name)
        what = coded(term.system, term.code, term.display) if term else {"text": name.removeprefix("=")}
        wanted.append((what, []))
    return wanted


async def _terms(request: PageRequest | ActionRequest, filled: Filled) -> dict[str, Term]:
    codes = [name for name in filled.single if not name.startswith("=")]
    terms = [await request.terms.find(ANALYSIS, code) for code in codes]
    return {term.code: term for term in terms if term is not None}


async def _laboratory(request: PageRequest | ActionRequest) -> Unit | None:
    """The laboratory of the own care provider, where there is one and no more."""
    every, _ = await units(request)
    own = [unit for unit in every if unit.laboratory]
    own = [unit for unit in own if unit.provider == request.principal.assignment.provider]
    return own[0] if len(own) == 1 else None


async def _view(request: PageRequest | ActionRequest, filled: Filled, *, alert: str = "") -> View:
    suggested: Suggested | None = None
    if filled.text.strip():
        suggested = await request.terms.suggest(ANALYSIS, filled.text)
    terms = await _terms(request, filled)
    single = []
    for name in filled.single:
        term = terms.get(name)
        single.append((name, term.display if term else name.removeprefix("="), term.code if term else ""))
    laboratory = await _laboratory(request)
    values = {
        "filled": filled,
        "panels": panels().values(),
        "single": single,
        "suggested": suggested,
        "priorities": PRIORITIES,
        "laboratory": laboratory.name if laboratory else "",
        "alert": alert,
        "today": local(request.chart.now).date().isoformat(),
    }
    return View("orders/lab.html", values)
