"""A new nursing plan: the need under its VIPS keyword, the goal, and what is to be done when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from kontinuum.care.nursing import writing
from kontinuum.care.nursing.around import around, writer
from kontinuum.care.nursing.kinds import HEADINGS, INTERVALS, NEEDED, USUAL
from kontinuum.care.nursing.rules import read_times
from kontinuum.care.nursing.writing import Action, Writer
from kontinuum.fhir.authoring import form_id, new_token, read_date
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import ActionRequest, Moved, NotFound, PageRequest, View

ROWS: Final = 4
LONGEST: Final = 4000

_NO_HEADING: Final = message("Choose the keyword that the need belongs to.")
_NO_PROBLEM: Final = message("Write what the patient needs or risks.")
_NO_GOAL: Final = message("Write what is to be reached.")
_NO_DATE: Final = message("Write the date as 2026-05-02, from today on.")
NO_ACTION: Final = message("Write at least one action.")
NO_TIME: Final = message("Write the times of day as 8 14 20 or 8.30, or leave them out: %(text)s")
TOO_LONG: Final = message("A text has at most 4 000 characters.")


@dataclass(frozen=True, slots=True)
class Typed:
    """An action as it is typed."""

    text: str = ""
    interval: str = "1"
    times: str = ""


@dataclass(frozen=True, slots=True)
class Filled:
    """The form as it is filled in."""

    token: str
    heading: str = ""
    problem: str = ""
    goal: str = ""
    due: str = ""
    actions: tuple[Typed, ...] = (Typed(),) * ROWS


async def show(request: PageRequest) -> View | NotFound:
    """Answer GET `nursing/add`: the empty form."""
    return _view(Filled(new_token()), "")


def _view(filled: Filled, alert: str) -> View:
    values = {"filled": filled, "alert": alert, "headings": HEADINGS, "intervals": INTERVALS, "usual": USUAL}
    return View("nursing/form.html", values)


def typed(request: ActionRequest) -> tuple[Typed, ...]:
    """The actions of a form, in the order in which they stand."""
    texts, times = (request.fields.get(name) or () for name in ("action", "times"))
    intervals = request.fields.get("interval") or ()
    rows = zip(texts, intervals, times, strict=False)
    return tuple(Typed(text, every if every in INTERVALS else "1", at) for text, every, at in rows)


def actions_of(rows: tuple[Typed, ...], gettext: Any) -> list[Action] | str:
    """What the rows say, or what is wrong with them; rows without text are left out."""
    found = []
    for row in rows:
        if not row.text.strip():
            continue
        times = read_times(row.times)
        if times is None or (times and row.interval == NEEDED):
            return str(gettext(NO_TIME)) % {"text": f"{row.text}, {row.times}"}
        found.append(Action(row.text, row.interval, times))
    return found or str(gettext(NO_ACTION))


async def fill(request: ActionRequest) -> View | NotFound | Moved:
    """Answer POST `nursing/add`: write the plan, its goal and its actions."""
    rows = typed(request)
    filled = Filled(
        request.one("token") or new_token(),
        request.one("heading"),
        request.one("problem"),
        request.one("goal"),
        request.one("due"),
        rows + (Typed(),) * max(0, ROWS - len(rows)),
    )
    gettext = request.chart.translator.gettext
    wrong = _wrong(request, filled)
    actions = actions_of(filled.actions, gettext)
    if wrong or isinstance(actions, str):
        return _view(filled, gettext(wrong) if wrong else str(actions))
    identity = form_id(request.principal, request.chart.patient, filled.token)
    done = Moved(f"{request.chart.path()}#plans")
    if identity in (await around(request)).plans:
        return done  # an earlier press of the same button wrote it
    goal = (filled.goal, filled.due.strip())
    made = writing.plan(identity, Writer(*writer(request)), filled.heading, filled.problem, goal, actions)
    refused = await request.writer.write(made)
    return done if refused is None else _view(filled, " ".join(refused.reasons))


def _wrong(request: ActionRequest, filled: Filled) -> str:
    today = local(request.chart.now).date()
    if filled.heading not in HEADINGS:
        return _NO_HEADING
    if not filled.problem.strip():
        return _NO_PROBLEM
    if not filled.goal.strip():
        return _NO_GOAL
    if any(len(text) > LONGEST for text in (filled.problem, filled.goal)):
        return TOO_LONG
    due = filled.due.strip()
    if due and (len(due) != 10 or read_date(due, today, ahead=True) is None or due < today.isoformat()):
        return _NO_DATE
    return ""
