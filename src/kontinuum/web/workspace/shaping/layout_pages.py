"""The page on which a unit lays out its overview: what one chooses, beside how it looks for nobody real."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final

from starlette.datastructures import FormData
from starlette.responses import Response

from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import Chart, OverviewCard
from kontinuum.kernel.numbers import whole
from kontinuum.web.workspace.chart import ShownCard, render_card
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.shaping import layout, made_up, shelf
from kontinuum.web.workspace.shaping.layout import KIND, Placed
from kontinuum.web.workspace.shaping.shelf import Tool

_NO_UNIT: Final = message("Your assignment is at no unit, so there is no overview to lay out.")
_GONE: Final = message(
    "The layout names parts that do not exist any more (%(parts)s): the standard overview is shown until it "
    "is saved anew."
)
_LOOKING: Final = message("You look at version %(number)s. It is in use again when you take it into use.")
_FROM: Final = message("This is the layout of %(unit)s. It is your unit's when you take it into use.")
_NO_SUCH: Final = message("There is no such layout.")


@dataclass(frozen=True, slots=True)
class _Editing:
    """What the page shows: a layout that need not be kept yet."""

    own: Tool
    placed: tuple[Placed, ...]
    told: str = ""
    problems: Sequence[str] = ()
    looking: int = 0


async def show_layout(page: Page) -> Response:
    """Answer GET `/layout`: the unit's, an earlier `version` of it, or one to begin `from`."""
    own = await _own(page)
    if own is None:
        return page.problem(HTTPStatus.NOT_FOUND, [page.translator.gettext(_NO_UNIT)])
    gettext = page.translator.gettext
    asked, number = (page.request.query_params.get(name, "") for name in ("from", "version"))
    chosen, told, looking = own, "", own.stored
    if asked:
        other = await shelf.one(page, KIND, asked)
        if other is None:
            return page.problem(HTTPStatus.NOT_FOUND, [gettext(_NO_SUCH)])
        await _learn(page, [other.unit])
        chosen, told = other, gettext(_FROM) % {"unit": page.services.directory.unit(other.unit)}
    elif number.isdecimal() and number != str(own.stored):
        earlier = [one for one in await shelf.versions(page, own) if str(one.stored) == number]
        if not earlier:
            return page.problem(HTTPStatus.NOT_FOUND, [gettext(_NO_SUCH)])
        chosen, told, looking = earlier[0], gettext(_LOOKING) % {"number": number}, earlier[0].stored
    cards = _cards(page)
    placed = (
        layout.laid_out(chosen.content, cards) if chosen.stored and chosen.active else layout.standard(cards)
    )
    if isinstance(placed, layout.Gone):
        told = gettext(_GONE) % {"parts": ", ".join(placed.anchors)}
        placed = layout.standard(cards)
    return await _page(page, _Editing(own, placed, told, looking=looking))


async def change_layout(page: Page) -> Response:
    """Answer POST `/layout`: look at what was chosen, move a card, or (`do=save`) take it into use."""
    own = await _own(page)
    if own is None:
        return page.problem(HTTPStatus.NOT_FOUND, [page.translator.gettext(_NO_UNIT)])
    form = await page.request.form()
    placed = _chosen(page, form)
    do, _, anchor = str(form.get("do", "")).partition(":")
    if do in ("up", "down"):
        return await _page(page, _Editing(own, layout.moved(placed, anchor, -1 if do == "up" else 1)))
    if do not in ("save", "standard", "offer"):
        return await _page(page, _Editing(own, placed))
    fault = layout.fault(placed, _cards(page), page.translator)
    if do == "save" and fault is not None:
        wrong = _Editing(own, placed, problems=[page.translator.say(fault)])
        return await _page(page, wrong, HTTPStatus.UNPROCESSABLE_ENTITY)
    version = str(form.get("version", ""))
    changed = replace(own, stored=whole(version))
    if do == "save":
        changed = replace(changed, content=layout.content_of(placed), active=True)
    else:
        offered = not own.offered if do == "offer" else False
        changed = replace(changed, offered=offered, active=do == "offer")
    refused = await shelf.save(page, KIND, changed)
    if refused is not None:
        wrong = _Editing(own, placed, problems=shelf.in_words(page, refused))
        return await _page(page, wrong, refused.kind.value)
    return page.redirect("/layout")


def _cards(page: Page) -> list[OverviewCard]:
    return [card for module in page.services.modules for card in module.cards]


async def _own(page: Page) -> Tool | None:
    """The unit's own, or what it would become."""
    assignment = page.session.principal.assignment
    if not assignment.unit:
        return None
    record: Any = page.services.record(page.session.principal)
    identity = shelf.own_id(page, KIND)
    found = await record.find(f"Library?_id={identity}")
    kept = [one for stored in getattr(found, "matches", ()) if (one := shelf.read(stored)) is not None]
    title = page.translator.gettext("Overview of %(unit)s") % {"unit": assignment.unit_name}
    return kept[0] if kept else Tool(identity, 0, title, {}, assignment.unit, assignment.provider)


def _chosen(page: Page, form: FormData) -> tuple[Placed, ...]:
    """The layout that a form holds; cards that it does not name keep their place in the standard."""
    known = {card.anchor for card in _cards(page)}
    shown, folded = (set(form.getlist(name)) for name in ("shown", "folded"))
    named = [str(one) for one in form.getlist("card") if one in known]
    placed = [
        Placed(one, form.get(f"size:{one}") == "wide", one in folded, one in shown)
        for one in dict.fromkeys(named)
    ]
    others = [one for one in layout.standard(_cards(page)) if one.anchor not in named]
    return (*placed, *others)


async def _learn(page: Page, places: Iterable[str]) -> None:
    record: Any = page.services.record(page.session.principal)
    await page.services.directory.learn(record, list(places))


async def _page(page: Page, editing: _Editing, status: int = 200) -> Response:
    cards, own = _cards(page), editing.own
    others = [one for one in await shelf.listed(page, KIND) if one.id != own.id]
    today = local(page.services.clock.now()).date()
    await _learn(page, [place for one in others for place in (one.unit, one.provider)])
    await _learn(page, made_up.units(today))
    values: dict[str, Any] = {
        "placed": editing.placed,
        "titles": {card.anchor: page.translator.gettext(card.title) for card in cards},
        "always": {card.anchor for card in cards if card.always},
        "runs": layout.runs(editing.placed, _looks(page, cards)),
        "stored": own.stored,
        "own_active": own.active,
        "offered": own.offered,
        "others": others,
        "versions": await shelf.versions(page, own) if own.stored else [],
        "looking": editing.looking or own.stored,
        "told": editing.told,
        "problems": editing.problems,
        "may": shelf.may_change(page),
        "unit": page.services.directory.unit,
    }
    return page.render("shaping/layout.html", values, status)


def _looks(page: Page, cards: Sequence[OverviewCard]) -> dict[str, ShownCard]:
    """The cards of the made-up patient."""
    now = page.services.clock.now()
    chart = Chart(made_up.PATIENT, now, page.translator, page.services.directory, page.places)
    today = local(now).date()
    made = {}
    for card in cards:
        answers = made_up.answers(card.queries(chart), today)
        rendered = render_card(page, chart, card, answers, withheld=False)
        if rendered is not None:
            made[card.anchor] = rendered
    return made
