"""Worklists: those of the unit, one of them opened, and the page on which one is built and tried."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final

from starlette.datastructures import FormData
from starlette.responses import Response

from kontinuum.kernel.i18n import message
from kontinuum.kernel.numbers import whole
from kontinuum.record.outcome import Refusal
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.shaping import listing, shelf, worklist
from kontinuum.web.workspace.shaping.shelf import Tool
from kontinuum.web.workspace.shaping.worklist import KIND, Worklist

NEW: Final = "new"
_NO_SUCH: Final = message("There is no such worklist, or it has been removed.")
_UNREADABLE: Final = message("This worklist asks for something that does not exist any more. Build it anew.")
_LOOKING: Final = message("You look at version %(number)s. It is in use again when you save it.")
_FROM: Final = message("This is a list of %(unit)s. It is your unit's when you save it.")


async def show_all(page: Page) -> Response:
    """Answer GET `/worklists`: the unit's, those of other units, and what others offer."""
    tools = await shelf.listed(page, KIND)
    record: Any = page.services.record(page.session.principal)
    await page.services.directory.learn(
        record, [place for one in tools for place in (one.unit, one.provider)]
    )
    unit = page.session.principal.assignment.unit
    values = {
        "own": [(one, await one.count()) for one in await listing.worklists_of(page)],
        "others": sorted((one for one in tools if one.unit != unit), key=lambda one: one.title.casefold()),
        "may": shelf.may_change(page),
        "unit": page.services.directory.unit,
    }
    return page.render("shaping/worklists.html", values)


async def show_one(page: Page) -> Response:
    """Answer GET `/worklists/{id}`: what it lists for whoever asks; `at` goes on."""
    tool = await shelf.one(page, KIND, page.request.path_params["id"])
    if tool is None or not tool.active:
        return page.problem(HTTPStatus.NOT_FOUND, [page.translator.gettext(_NO_SUCH)])
    wanted = worklist.read(tool.content)
    if wanted is None:
        return page.problem(HTTPStatus.UNPROCESSABLE_ENTITY, [page.translator.gettext(_UNREADABLE)])
    found = await listing.listed(page, wanted, page.request.query_params.get("at", ""))
    if isinstance(found, Refusal):
        return page.refuse(found)
    values = {**_words(), "tool": tool, "wanted": wanted, "found": found, "may": shelf.may_change(page)}
    return page.render("shaping/worklist.html", {**values, "unit": page.services.directory.unit})


def _words() -> dict[str, Any]:
    """The words of every choice."""
    return {
        "things_words": [(key, one.title) for key, one in worklist.THINGS.items()],
        "period_words": [(key, one[0]) for key, one in worklist.PERIODS.items()],
        "missing_words": [(key, one[0]) for key, one in worklist.MISSING.items()],
        "periods": worklist.PERIODS,
        "missings": worklist.MISSING,
        "all_columns": worklist.COLUMNS,
        "orders": worklist.ORDERS,
        "most": listing.LOOKED_THROUGH,
    }


@dataclass(frozen=True, slots=True)
class _Editing:
    """What the page shows: a list that need not be kept yet."""

    tool: Tool
    wanted: Worklist
    told: str = ""
    problems: Sequence[str] = ()
    looking: int = 0


async def show_editor(page: Page) -> Response:
    """Answer GET `/worklists/{id}/change`: a list, an earlier `version`, or a new one, perhaps `from` one."""
    gettext = page.translator.gettext
    tool = await _tool(page)
    asked, number = (page.request.query_params.get(name, "") for name in ("from", "version"))
    if tool is None:
        return page.problem(HTTPStatus.NOT_FOUND, [gettext(_NO_SUCH)])
    chosen, told, looking = tool, "", tool.stored
    if asked:
        other = await shelf.one(page, KIND, asked)
        if other is None:
            return page.problem(HTTPStatus.NOT_FOUND, [gettext(_NO_SUCH)])
        told = gettext(_FROM) % {"unit": page.services.directory.unit(other.unit)}
        chosen = replace(tool, title=other.title, content=other.content)
    elif number.isdecimal() and number != str(tool.stored):
        earlier = [one for one in await shelf.versions(page, tool) if str(one.stored) == number]
        if not earlier:
            return page.problem(HTTPStatus.NOT_FOUND, [gettext(_NO_SUCH)])
        chosen, looking = replace(tool, title=earlier[0].title, content=earlier[0].content), earlier[0].stored
        told = gettext(_LOOKING) % {"number": number}
    wanted = worklist.read(chosen.content)
    if wanted is None:
        wanted, told = Worklist(), gettext(_UNREADABLE)
    return await _editor(page, _Editing(chosen, wanted, told, looking=looking))


async def change(page: Page) -> Response:
    """Answer POST `/worklists/{id}/change`: look at what was chosen, or keep, offer or remove (`do`)."""
    tool = await _tool(page)
    if tool is None:
        return page.problem(HTTPStatus.NOT_FOUND, [page.translator.gettext(_NO_SUCH)])
    form = await page.request.form()
    do, wanted = str(form.get("do", "")), _chosen(form)
    version = str(form.get("version", ""))
    title = " ".join(str(form.get("title", "")).split())
    tool = replace(tool, title=title, stored=whole(version))
    problems = [page.translator.gettext(one) for one in worklist.faults(title or "-", wanted)]
    if do not in ("save", "offer", "remove"):
        return await _editor(page, _Editing(tool, wanted, problems=problems))
    problems = [page.translator.gettext(one) for one in worklist.faults(title, wanted)]
    if problems:
        wrong = _Editing(tool, wanted, problems=problems)
        return await _editor(page, wrong, HTTPStatus.UNPROCESSABLE_ENTITY)
    kept = replace(tool, content=worklist.content_of(wanted), active=do != "remove")
    kept = replace(kept, id=str(uuid.uuid4()) if tool.id == NEW else tool.id)
    kept = replace(kept, offered=not tool.offered if do == "offer" else tool.offered)
    refused = await shelf.save(page, KIND, kept)
    if refused is not None:
        wrong = _Editing(tool, wanted, problems=shelf.in_words(page, refused))
        return await _editor(page, wrong, refused.kind.value)
    return page.redirect("/worklists" if do == "remove" else f"/worklists/{kept.id}")


async def _tool(page: Page) -> Tool | None:
    """The own unit's list of the address, or a new one."""
    identity, at = page.request.path_params["id"], page.session.principal.assignment
    if identity == NEW:
        return Tool(NEW, 0, "", worklist.content_of(Worklist()), at.unit, at.provider) if at.unit else None
    tool = await shelf.one(page, KIND, identity)
    own = tool is not None and (tool.unit, tool.provider) == (at.unit, at.provider)
    return tool if own else None


def _chosen(form: FormData) -> Worklist:
    """The list that a form holds; what no choice offers falls back to the first."""

    def text(name: str, known: Mapping[str, Any]) -> str:
        value = str(form.get(name, ""))
        return value if value in known else next(iter(known))

    about = text("about", worklist.THINGS)
    statuses = {key for key, _, _ in worklist.THINGS[about].statuses}
    return Worklist(
        about=about,
        own_unit=form.get("own_unit") == "yes",
        period=text("period", worklist.PERIODS),
        code=", ".join(worklist.codes_in(str(form.get("code", "")))),
        statuses=tuple(str(one) for one in form.getlist("status") if one in statuses),
        missing=text("missing", worklist.MISSING),
        missing_code=", ".join(worklist.codes_in(str(form.get("missing_code", "")))),
        missing_period=text("missing_period", worklist.PERIODS),
        columns=tuple(one for one in worklist.COLUMNS if one in form.getlist("column")),
        order=text("order", worklist.ORDERS),
    )


async def _editor(page: Page, editing: _Editing, status: int = 200) -> Response:
    found = None
    if not worklist.faults("-", editing.wanted):
        looked = await listing.listed(page, editing.wanted)
        found = None if isinstance(looked, Refusal) else looked
    values = {
        **_words(),
        "tool": editing.tool,
        "wanted": editing.wanted,
        "found": found,
        "told": editing.told,
        "problems": editing.problems,
        "versions": await shelf.versions(page, editing.tool) if editing.tool.stored else [],
        "looking": editing.looking or editing.tool.stored,
        "unit": page.services.directory.unit,
    }
    return page.render("shaping/worklist_editor.html", values, status)
