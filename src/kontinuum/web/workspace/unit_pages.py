"""Pages about a unit and its many patients: each a module's own, with what other modules add to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from kontinuum.kernel.around import Board, ContactPart, UnitPage, UnitRequest
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import BannerNote, NotFound, Tone, View
from kontinuum.kernel.principal import ActorKind
from kontinuum.web.workspace.access import settings_of
from kontinuum.web.workspace.pages import Page, signed_in
from kontinuum.web.workspace.services import WorkspaceServices
from kontinuum.web.workspace.work.tabs import people

_LOUDEST_FIRST = (Tone.DANGER, Tone.WARNING, Tone.NOTICE, Tone.QUIET)
_NO_PURPOSE = message("This page is not part of the purpose of your assignment.")


def unit_routes(services: WorkspaceServices) -> list[BaseRoute]:
    """The routes of the units' pages, `/unit/<path>`."""
    return [
        Route(f"/unit/{one.path}", signed_in(services, unit_page(one), resumable=True), methods=["GET"])
        for module in services.modules
        for one in module.unit_pages
    ]


def contact_parts(page: Page) -> tuple[ContactPart, ...]:
    """What the modules tell of one contact, in their order."""
    parts = (part for module in page.services.modules for part in module.contact_parts)
    return tuple(sorted(parts, key=lambda part: part.order))


def unit_page(one: UnitPage) -> Callable[[Page], Awaitable[Response]]:
    """The handler of a unit's page."""

    async def show(page: Page) -> Response:
        principal = page.session.principal
        if principal.actor.kind is not ActorKind.STAFF or principal.purpose not in one.purposes:
            return page.problem(403, [page.translator.gettext(_NO_PURPOSE)])
        request = await _request(page)
        view = await one.handler(request)
        if isinstance(view, NotFound):
            return page.problem(404, [page.translator.gettext(view.message)])
        return page.render(view.template, {"title": page.translator.gettext(one.title), **view.values})

    return show


async def start_views(page: Page) -> list[View]:
    """What the modules show of the person's own day on the first page, in their order."""
    principal = page.session.principal
    if principal.actor.kind is not ActorKind.STAFF:
        return []
    parts = [part for module in page.services.modules for part in module.start]
    wanted = [one for one in sorted(parts, key=lambda one: one.order) if principal.purpose in one.purposes]
    request = await _request(page) if wanted else None
    views = [await one.handler(request) for one in wanted if request is not None]
    return [view for view in views if view is not None]


async def _request(page: Page) -> UnitRequest:
    """What a module is given to make a page about the unit of the assignment."""
    principal, services = page.session.principal, page.services
    record: Any = services.record(principal)

    async def learn(units: Collection[str]) -> None:
        await services.directory.learn(record, units)

    await learn(page.places)

    async def known(ids: Collection[str]) -> Mapping[str, Any]:
        return await people(page, ids)

    async def notes(
        patients: Sequence[str], watched: Collection[str]
    ) -> Mapping[str, tuple[BannerNote, ...]]:
        return await _notes(page, record, patients, watched)

    return UnitRequest(
        services.clock.now(),
        page.translator,
        services.directory,
        record,
        principal,
        dict(page.request.query_params),
        known,
        notes,
        learn,
    )


async def _notes(
    page: Page, record: Any, patients: Sequence[str], watched: Collection[str]
) -> Mapping[str, tuple[BannerNote, ...]]:
    """What the modules add to patients, the loudest first."""
    if not patients:
        return {}
    board = Board(
        tuple(patients),
        page.services.clock.now(),
        page.translator,
        frozenset(watched),
        page.session.principal.assignment.unit,
        await settings_of(page),
    )
    parts = [(part, part.queries(board)) for module in page.services.modules for part in module.board]
    pages = iter(await record.find_many([query for _, queries in parts for query in queries]))
    found: dict[str, list[BannerNote]] = {one: [] for one in patients}
    for part, queries in parts:
        for patient, notes in part.notes(board, [next(pages) for _ in queries]).items():
            found[patient].extend(notes)
    return {
        one: tuple(sorted(notes, key=lambda note: _LOUDEST_FIRST.index(note.tone)))
        for one, notes in found.items()
    }
