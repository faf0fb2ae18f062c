"""Deviations and ideas: reported from any page, and the board on which the unit sees them."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from kontinuum.kernel.principal import ActorKind
from kontinuum.web.workspace.feedback import board, reporting
from kontinuum.web.workspace.pages import Handler, Page, signed_in
from kontinuum.web.workspace.services import WorkspaceServices

__all__ = ["feedback_routes"]


def feedback_routes(services: WorkspaceServices) -> list[BaseRoute]:
    """The routes of reporting and of the board."""

    def route(path: str, handler: Handler, method: str = "GET", *, resumable: bool = False) -> Route:
        return Route(path, signed_in(services, _of_staff(handler), resumable=resumable), methods=[method])

    one = "/unit/feedback/{number:number}"
    return [
        route("/feedback", reporting.show_form),
        route("/feedback", reporting.report, "POST"),
        route("/unit/feedback", board.show_board, resumable=True),
        route("/unit/feedback/csv", board.export),
        route(one, board.show_item, resumable=True),
        *(route(f"{one}/{deed}", handler, "POST") for deed, handler in board.DEEDS.items()),
    ]


def _of_staff(handler: Handler) -> Handler:
    """Everybody else is told that it is not theirs, before anything is looked up."""

    async def answer(page: Page) -> Response:
        if page.session.principal.actor.kind is ActorKind.STAFF:
            return await handler(page)
        reason = page.translator.gettext("This page is not part of the purpose of your assignment.")
        return page.problem(403, [reason])

    return answer
