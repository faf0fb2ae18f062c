"""The template studio: staff build, review and take into use their own note templates (docs/templates.md)."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from kontinuum.kernel.principal import ActorKind
from kontinuum.web.workspace.pages import Handler, Page, signed_in
from kontinuum.web.workspace.services import WorkspaceServices
from kontinuum.web.workspace.studio import editor, exchange, life, listing, order, phrases

__all__ = ["studio_routes"]


def studio_routes(services: WorkspaceServices) -> list[BaseRoute]:
    """The routes of the list, the editor, the versions, files in and out, phrases and the order."""
    seen = (("", listing.show_list), ("/{id}", life.show), ("/{id}/export", exchange.export))
    changed = (
        ("", listing.begin),
        ("/{id}/draft", editor.keep),
        ("/{id}/edit", editor.edit),
        ("/{id}/step", life.take),
    )
    own = (("GET", phrases.show), ("POST", phrases.change))
    ordered = (("GET", order.show), ("POST", listing.authors(order.change)))
    return [
        *(Route("/templates/order", signed_in(services, _of_staff(h)), methods=[m]) for m, h in ordered),
        *(Route("/phrases", signed_in(services, _of_staff(h)), methods=[m]) for m, h in own),
        *(Route(f"/templates{p}", signed_in(services, _of_staff(h)), methods=["GET"]) for p, h in seen),
        *(
            Route(f"/templates{p}", signed_in(services, _of_staff(listing.authors(h))), methods=["POST"])
            for p, h in changed
        ),
    ]


def _of_staff(handler: Handler) -> Handler:
    async def answer(page: Page) -> Response:
        if page.session.principal.actor.kind is ActorKind.STAFF:
            return await handler(page)
        reason = page.translator.gettext("This page is for those who work in care.")
        return page.problem(403, [reason])

    return answer
