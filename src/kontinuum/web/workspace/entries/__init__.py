"""An entry's own page: its text, its history, the patient's dissent, and what may be done to it."""

from __future__ import annotations

from starlette.routing import BaseRoute, Route

from kontinuum.web.workspace.entries import actions, destruction, page
from kontinuum.web.workspace.pages import signed_in
from kontinuum.web.workspace.services import WorkspaceServices

__all__ = ["entry_routes"]

ENTRY = "/patient/{patient}/entry/{type}/{id}"


def entry_routes(services: WorkspaceServices) -> list[BaseRoute]:
    """The routes of entries, and of the administration of destruction."""
    deeds = {
        "correct": actions.correct,
        "withdraw": actions.withdraw,
        "dissent": actions.dissent,
        "keep-back": actions.keep_back,
        "lift": actions.lift,
    }
    return [
        Route(ENTRY, signed_in(services, page.show, resumable=True), methods=["GET"]),
        *(
            Route(f"{ENTRY}/{name}", signed_in(services, actions.in_care(deed)), methods=["POST"])
            for name, deed in deeds.items()
        ),
        Route("/destruction", signed_in(services, destruction.show, resumable=True), methods=["GET"]),
        Route("/destruction", signed_in(services, destruction.register), methods=["POST"]),
        Route("/destruction/{number:number}", signed_in(services, destruction.execute), methods=["POST"]),
    ]
