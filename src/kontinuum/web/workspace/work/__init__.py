"""Work that waits: the list of a person and of a unit, and doing what is on it."""

from __future__ import annotations

from starlette.routing import BaseRoute, Route

from kontinuum.web.workspace.pages import signed_in
from kontinuum.web.workspace.services import WorkspaceServices
from kontinuum.web.workspace.work import doing, inbox, phrases

__all__ = ["work_routes"]


def work_routes(services: WorkspaceServices) -> list[BaseRoute]:
    """The routes of the list, of signing and handing over, and of phrases."""
    return [
        Route("/inbox", signed_in(services, inbox.show_inbox, resumable=True), methods=["GET"]),
        Route("/inbox/count", signed_in(services, inbox.count, unattended=True), methods=["GET"]),
        Route("/inbox/sign", signed_in(services, doing.show_signing), methods=["GET"]),
        Route("/inbox/sign", signed_in(services, doing.sign), methods=["POST"]),
        Route("/inbox/read", signed_in(services, doing.read_marked), methods=["POST"]),
        Route("/inbox/hand-over", signed_in(services, doing.hand_over), methods=["POST"]),
        Route("/inbox/ask", signed_in(services, doing.show_asking), methods=["GET"]),
        Route("/inbox/ask", signed_in(services, doing.ask), methods=["POST"]),
        Route("/phrases", signed_in(services, phrases.show_phrases), methods=["GET"]),
        Route("/phrases", signed_in(services, phrases.change_phrase), methods=["POST"]),
        Route("/phrases/list", signed_in(services, phrases.list_phrases), methods=["GET"]),
    ]
