"""The routes of what units shape."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from kontinuum.kernel.i18n import message
from kontinuum.kernel.principal import ActorKind
from kontinuum.web.workspace.pages import Handler, Page, signed_in
from kontinuum.web.workspace.services import WorkspaceServices
from kontinuum.web.workspace.shaping import layout_pages, worklist_pages
from kontinuum.web.workspace.shaping.shelf import shapers

_NOT_STAFF = message("This page is for those who work in care.")


def shaping_routes(services: WorkspaceServices) -> list[BaseRoute]:
    """The routes of the layout and of worklists."""

    def route(path: str, handler: Handler, method: str = "GET") -> Route:
        return Route(path, signed_in(services, _of_staff(handler)), methods=[method])

    return [
        route("/layout", layout_pages.show_layout),
        route("/layout", shapers(layout_pages.change_layout), "POST"),
        route("/worklists", worklist_pages.show_all),
        route("/worklists/{id}", worklist_pages.show_one),
        route("/worklists/{id}/change", shapers(worklist_pages.show_editor)),
        route("/worklists/{id}/change", shapers(worklist_pages.change), "POST"),
    ]


def _of_staff(handler: Handler) -> Handler:
    async def answer(page: Page) -> Response:
        if page.session.principal.actor.kind is ActorKind.STAFF:
            return await handler(page)
        return page.problem(403, [page.translator.gettext(_NOT_STAFF)])

    return answer
