"""The list of templates: the unit's and the provider's, each with its state; what comes with the system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from kontinuum.fhir.questionnaire import phrasing
from kontinuum.kernel.i18n import message
from kontinuum.kernel.principal import TEMPLATES
from kontinuum.web.workspace.pages import Handler, Page
from kontinuum.web.workspace.studio import editing, exchange, shelf
from kontinuum.web.workspace.studio.shelf import State, Version

STATES: Final[Mapping[State, str]] = {
    State.DRAFT: message("draft"),
    State.REVIEW: message("in review"),
    State.APPROVED: message("reviewed, not in use"),
    State.LATER: message("in use later"),
    State.IN_USE: message("in use"),
    State.EARLIER: message("earlier version"),
    State.STOPPED: message("not in use at any unit"),
    State.RETIRED: message("retired"),
    State.SHIPPED: message("comes with the system"),
}
"""What each state is called."""

MAY_NOT: Final = message(
    "To change templates takes the right “change note templates” in your assignment. Your administrator "
    "gives it."
)
_NO_TITLE: Final = message("Give the template a title.")
_GONE: Final = message("There is no such template, or it has been removed.")
_ORDER: Final = (
    State.IN_USE,
    State.LATER,
    State.APPROVED,
    State.REVIEW,
    State.DRAFT,
    State.STOPPED,
    State.RETIRED,
)


@dataclass(frozen=True, slots=True)
class Row:
    """A template in the list: its newest versions that matter, and in how many versions it exists."""

    title: str
    kind: str
    versions: tuple[Version, ...]
    count: int


def may_change(page: Page) -> bool:
    """Whether the assignment has the right to change templates."""
    return TEMPLATES in page.session.principal.assignment.rights


def authors(handler: Handler) -> Handler:
    """Let only those with the right through; others are told who gives it."""

    async def guarded(page: Page) -> Response:
        if may_change(page):
            return await handler(page)
        return page.problem(403, [page.translator.gettext(MAY_NOT)])

    guarded.__qualname__ = handler.__qualname__
    return guarded


def gone(page: Page) -> Response:
    """There is no such template."""
    return page.problem(404, [page.translator.gettext(_GONE)])


async def show_list(page: Page) -> Response:
    """Answer GET `/templates`."""
    return await list_page(page)


async def list_page(page: Page, problems: Sequence[str] = (), status: int = 200, title: str = "") -> Response:
    """The list, with what was wrong with what was asked for."""
    own, others = await shelf.shelf(page)
    await learn_names(page, [place for one in own for place in one.venues] + [one.provider for one in others])
    here = set(page.places)
    own = [one for one in own if one.kind != phrasing.KIND]
    rows = rows_of(own)
    values: dict[str, Any] = {
        "at_unit": [row for row in rows if any(here & set(one.venues) for one in row.versions)],
        "elsewhere": [row for row in rows if not any(here & set(one.venues) for one in row.versions)],
        "others": [one for one in others if one.kind != phrasing.KIND],
        "shipped": sorted(shelf.shipped(page), key=lambda one: (one.kind != "note", one.title.casefold())),
        "may": may_change(page),
        "states": STATES,
        "unit": page.services.directory.unit,
        "problems": problems,
        "typed": title,
    }
    return page.render("studio/list.html", values, status)


def rows_of(own: Sequence[Version]) -> list[Row]:
    """The versions as a list shows them, template by template."""
    by_url: dict[str, list[Version]] = {}
    for one in own:
        by_url.setdefault(one.url or one.id, []).append(one)
    rows = []
    for versions in by_url.values():
        shown = [one for one in versions if one.state not in (State.EARLIER, State.RETIRED)] or versions[:1]
        shown.sort(key=lambda one: (_ORDER.index(one.state) if one.state in _ORDER else 9, -one.number))
        rows.append(Row(shown[0].title, shown[0].kind, tuple(shown), len(versions)))
    return sorted(rows, key=lambda row: row.title.casefold())


async def learn_names(page: Page, places: Sequence[str]) -> None:
    """Look up what units are called."""
    record: Any = page.services.record(page.session.principal)
    await page.services.directory.learn(record, places)


async def begin(page: Page) -> Response:
    """Answer POST `/templates`: begin a new template, or with `file` one made elsewhere."""
    form = await page.request.form()
    if "file" in form:
        return await exchange.take_in(page, form["file"])
    title = " ".join(str(form.get("title", "")).split())
    if not title:
        return await list_page(page, [page.translator.gettext(_NO_TITLE)], 422)
    kind = "scale" if form.get("kind") == "scale" else "note"
    return await exchange.begin_draft(page, editing.begin(title, kind))
