"""The board of a unit: what was reported, how it stands, and what was said about it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from starlette.datastructures import FormData
from starlette.responses import Response

from kontinuum.fhir import json
from kontinuum.kernel.clock import from_micros
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.numbers import whole
from kontinuum.record.feedback import AT_MOST, KINDS, OPEN, STATES, Feedback, Wanted
from kontinuum.record.outcome import Refusal
from kontinuum.record.tasks import Party
from kontinuum.store.feedback import Item
from kontinuum.web.workspace.feedback.reporting import LABELS, labelled
from kontinuum.web.workspace.pages import Handler, Page
from kontinuum.web.workspace.tables import table
from kontinuum.web.workspace.work.colleagues import choices, colleagues
from kontinuum.web.workspace.work.tabs import people

STATE_NAMES: Final = {
    "new": message("New"),
    "looked-at": message("Being looked at"),
    "decided": message("Decided"),
    "done": message("Done"),
    "not-done": message("Will not be done"),
}
KIND_NAMES: Final = {"deviation": message("Deviation"), "idea": message("Idea")}
_WHOSE: Final = ("reported", "owned")
_TITLES: Final = (
    message("Number"),
    message("Kind"),
    message("When"),
    message("From whom"),
    message("Text"),
    message("State"),
    message("Who sees to it"),
    message("Me too"),
    message("Comments"),
    *LABELS.values(),
)
_IN_RECORD: Final = message("In a patient's record")
_WITHDRAWN: Final = message("Withdrawn by its writer")


async def show_board(page: Page) -> Response:
    """Answer GET `/unit/feedback`: what is open; narrowed by `state`, `kind` and `mine`."""
    chosen = _chosen(page)
    found = await _feedback(page).board(_wanted(chosen))
    if isinstance(found, Refusal):
        return page.refuse(found)
    values = {"items": found, "chosen": chosen, "complete": len(found) < AT_MOST}
    return page.render("feedback/board.html", {**values, **_names(page)})


async def show_item(page: Page) -> Response:
    """Answer GET `/unit/feedback/{number}`: one report with its history."""
    return await _item_page(page)


async def _item_page(page: Page, refused: Refusal | None = None, typed: str = "") -> Response:
    shown = await _feedback(page).item(_number(page))
    if isinstance(shown, Refusal):
        return page.refuse(shown)
    actor = page.session.principal.actor
    known = await people(page, [shown.patient] if shown.patient else [])
    values = {
        "item": shown.item,
        "report": shown.events[0],
        "events": [one for one in shown.events[1:] if one.kind != "agree"],
        "agreed": any(one.kind == "agree" and one.person == actor.id for one in shown.events),
        "me": actor.id,
        "about": shown.patient,
        "person": known.get(shown.patient),
        "staff": await choices(page, await _staff(page)),
        "attached": labelled(page, json.loads(shown.item.attached)),
        "problems": refused.in_words(page.translator) if refused else (),
        "typed": typed,
    }
    status = refused.kind.value if refused else 200
    return page.render("feedback/item.html", {**values, **_names(page)}, status)


async def _comment(page: Page, form: FormData) -> Refusal | None:
    return await _feedback(page).comment(_number(page), _text(form))


async def _change(page: Page, form: FormData) -> Refusal | None:
    wanted = str(form.get("owner", ""))
    names = {one.reference: one.name for one in await _staff(page)}
    owner = Party(wanted, names.get(wanted, "")) if wanted else None
    was, state = str(form.get("was", "")), str(form.get("state", ""))
    return await _feedback(page).change(_number(page), was, state, owner, _text(form))


async def _agree(page: Page, _form: FormData) -> Refusal | None:
    return await _feedback(page).agree(_number(page))


async def _withdraw(page: Page, form: FormData) -> Refusal | None:
    event = str(form.get("event", ""))
    number = whole(event)
    return await _feedback(page).withdraw(_number(page), number, str(form.get("reason", "")))


def _deed(do: Callable[[Page, FormData], Awaitable[Refusal | None]]) -> Handler:
    """A POST about one report: what was refused is said on its page, with what was typed."""

    async def answer(page: Page) -> Response:
        form = await page.request.form()
        refused = await do(page, form)
        if refused is not None:
            return await _item_page(page, refused, _text(form))
        return page.redirect(f"/unit/feedback/{_number(page)}")

    return answer


DEEDS: Final = {
    "comment": _deed(_comment),
    "change": _deed(_change),
    "agree": _deed(_agree),
    "withdraw": _deed(_withdraw),
}
"""What is done to a report, by the last part of the address."""


async def export(page: Page) -> Response:
    """Answer GET `/unit/feedback/csv`: the board as a table for the unit's own work; of no patient."""
    found = await _feedback(page).board(_wanted(_chosen(page)))
    if isinstance(found, Refusal):
        return page.refuse(found)
    day = local(page.services.clock.now()).date().isoformat()
    rows = [_row(page, one) for one in found]
    return table(f"feedback-{day}", map(page.translator.gettext, _TITLES), rows)


def _row(page: Page, one: Item) -> tuple[str, ...]:
    gettext, attached = page.translator.gettext, json.loads(one.attached)
    said = _WITHDRAWN if one.withdrawn else _IN_RECORD if one.about_patient else ""
    return (
        str(one.number),
        gettext(KIND_NAMES[one.kind]),
        page.translator.moment(from_micros(one.at)),
        one.name,
        gettext(said) if said else one.text or "",
        gettext(STATE_NAMES[one.state]),
        one.owner_name,
        str(one.agreed),
        str(one.comments),
        *(attached.get(key, "") for key in LABELS),
    )


def _chosen(page: Page) -> dict[str, str]:
    return {name: page.request.query_params.get(name, "") for name in ("state", "kind", "mine")}


def _wanted(chosen: dict[str, str]) -> Wanted:
    """`state` is one state or "all", else what is open; what is not known is as if nothing was chosen."""
    state, kind = chosen["state"], chosen["kind"]
    states = STATES if state == "all" else (state,) if state in STATES else OPEN
    mine = chosen["mine"] if chosen["mine"] in _WHOSE else ""
    return Wanted(states, (kind,) if kind in KINDS else KINDS, mine)


def _names(page: Page) -> dict[str, Any]:
    gettext = page.translator.gettext
    return {
        "states": {key: gettext(name) for key, name in STATE_NAMES.items()},
        "kinds": {key: gettext(name) for key, name in KIND_NAMES.items()},
        "when": lambda micros: page.translator.moment(from_micros(micros)),
    }


async def _staff(page: Page) -> list[Party]:
    """Who can see to a report: the person, and everybody else who works at the unit."""
    actor = page.session.principal.actor
    mine = [Party(actor.reference, actor.name)] if actor.reference else []
    return [*mine, *await colleagues(page, in_care=False)]


def _feedback(page: Page) -> Feedback:
    found: Feedback = page.services.record(page.session.principal).feedback
    return found


def _number(page: Page) -> int:
    number: int = page.request.path_params["number"]
    return number


def _text(form: FormData) -> str:
    return str(form.get("text", "")).replace("\r\n", "\n")
