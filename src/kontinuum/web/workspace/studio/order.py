"""The page on which a unit decides in what order its templates are offered, and which come first when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final

from starlette.datastructures import FormData
from starlette.responses import Response

from kontinuum.fhir.questionnaire import arranging, phrasing
from kontinuum.fhir.questionnaire.arranging import KIND, Place, Situation
from kontinuum.kernel.i18n import message
from kontinuum.kernel.numbers import whole
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.shaping import shelf as tools
from kontinuum.web.workspace.shaping.shelf import Tool
from kontinuum.web.workspace.studio import listing, shelf
from kontinuum.web.workspace.studio.shelf import State, Version

CONTACTS: Final = {
    "AMB": message("visit to the unit"),
    "VR": message("telephone or video"),
    "HH": message("home visit"),
    "EMER": message("emergency visit"),
    "IMP": message("admitted"),
}
"""What each kind of contact is called, by its class."""

_NO_UNIT: Final = message("Your assignment is at no unit, so there is no order of templates to decide.")
_NO_SUCH: Final = message("There is no such order of templates.")
_LOOKING: Final = message("You look at version %(number)s. It is in use again when you take it into use.")
_FROM: Final = message("This is the order of %(unit)s. It is your unit's when you take it into use.")
_LONGEST: Final = 500


@dataclass(frozen=True, slots=True)
class Row:
    """A template in the order."""

    title: str
    kind: str
    place: Place


async def show(page: Page) -> Response:
    """Answer GET `/templates/order`: the unit's, an earlier `version` of it, or another unit's (`from`)."""
    own = await _own(page)
    if own is None:
        return page.problem(HTTPStatus.NOT_FOUND, [page.translator.gettext(_NO_UNIT)])
    asked, number = (page.request.query_params.get(name, "") for name in ("from", "version"))
    chosen, told = own, ""
    if asked:
        found = await tools.one(page, KIND, asked)
        if found is not None:
            await listing.learn_names(page, [found.unit])
            chosen, told = (
                found,
                page.translator.gettext(_FROM) % {"unit": page.services.directory.unit(found.unit)},
            )
    elif number and number != str(own.stored):
        found = next((one for one in await tools.versions(page, own) if str(one.stored) == number), None)
        if found is not None:
            chosen, told = found, page.translator.gettext(_LOOKING) % {"number": number}
    else:
        found = own
    if found is None:
        return page.problem(HTTPStatus.NOT_FOUND, [page.translator.gettext(_NO_SUCH)])
    return await _page(page, own, arranging.read(chosen.content), told=told)


async def change(page: Page) -> Response:
    """Answer POST `/templates/order`: move a template, take the order into use, or offer it (`do`)."""
    own = await _own(page)
    if own is None:
        return page.problem(HTTPStatus.NOT_FOUND, [page.translator.gettext(_NO_UNIT)])
    form = await page.request.form()
    placed = _given(form)
    do, _, url = str(form.get("do", "")).partition(":")
    if do in ("up", "down"):
        return await _page(page, own, _moved(placed, url, -1 if do == "up" else 1))
    version = str(form.get("version", ""))
    changed = replace(own, stored=whole(version))
    if do == "offer":
        changed = replace(changed, offered=not own.offered)
    else:
        changed = replace(changed, content=arranging.content_of(placed))
    refused = await tools.save(page, KIND, changed)
    if refused is not None:
        return await _page(page, own, placed, tools.in_words(page, refused), status=refused.kind.value)
    return page.redirect("/templates/order")


async def _own(page: Page) -> Tool | None:
    """The unit's own, or what it would become."""
    assignment = page.session.principal.assignment
    if not assignment.unit:
        return None
    identity = tools.own_id(page, KIND)
    title = page.translator.gettext("Order of templates at %(unit)s") % {"unit": assignment.unit_name}
    none = Tool(identity, 0, title, {}, assignment.unit, assignment.provider)
    return await tools.one(page, KIND, identity) or none


def _given(form: FormData) -> tuple[Place, ...]:
    """The order that a form holds: its rows in the order in which they stand."""

    def listed(name: str) -> tuple[str, ...]:
        parts = str(form.get(name, ""))[:_LONGEST].split(",")
        return tuple(dict.fromkeys(" ".join(part.split()) for part in parts if part.strip()))

    urls = dict.fromkeys(str(one) for one in form.getlist("template"))
    rows = [
        {
            "url": url,
            "contact": str(form.get(f"contact:{url}", "")),
            "words": [*listed(f"words:{url}")],
            "professions": [*listed(f"professions:{url}")],
        }
        for url in urls
    ]
    return arranging.read({"templates": rows})


def _moved(placed: Sequence[Place], url: str, step: int) -> tuple[Place, ...]:
    order = list(placed)
    at = next((number for number, one in enumerate(order) if one.url == url), None)
    if at is not None and 0 <= at + step < len(order):
        order[at], order[at + step] = order[at + step], order[at]
    return tuple(order)


async def _offered(page: Page) -> list[Version]:
    """What is begun at the unit, in the order in which it stands where nobody has decided."""
    own, _ = await shelf.shelf(page)
    here = set(page.places)
    used = [one for one in own if one.state is State.IN_USE and here & set(one.venues)]
    found = [one for one in (*shelf.shipped(page), *used) if one.kind != phrasing.KIND and one.url]
    ordered = sorted(found, key=lambda one: (one.kind != "note", one.title.casefold()))
    return list({one.url: one for one in ordered}.values())


async def _page(
    page: Page,
    own: Tool,
    placed: Sequence[Place],
    problems: Sequence[str] = (),
    told: str = "",
    status: int = 200,
) -> Response:
    known = {one.url: one for one in await _offered(page)}
    _, rest = arranging.arranged(list(known.values()), lambda one: one.url, placed, Situation())
    decided = {one.url: one for one in placed}
    others = [one for one in await tools.listed(page, KIND) if one.id != own.id]
    await listing.learn_names(page, [place for one in others for place in (one.unit, one.provider)])
    values: dict[str, Any] = {
        "rows": [Row(one.title, one.kind, decided.get(one.url, Place(one.url))) for one in rest],
        "contacts": [(code, page.translator.gettext(name)) for code, name in CONTACTS.items()],
        "own": own,
        "others": others,
        "versions": await tools.versions(page, own) if own.stored else [],
        "problems": problems,
        "told": told,
        "may": listing.may_change(page),
        "unit": page.services.directory.unit,
    }
    return page.render("studio/order.html", values, status)
