"""Signing in and out, the choice of assignment, the locked screen, and one's own sessions."""

from __future__ import annotations

from starlette.routing import Route

from kontinuum.web.workspace.pages import signed_in
from kontinuum.web.workspace.services import WorkspaceServices
from kontinuum.web.workspace.signin import entry, leaving, locking, own_sessions, provider, switching
from kontinuum.web.workspace.signin.shared import Endpoint, guarded

__all__ = ["sign_in_routes"]


def sign_in_routes(services: WorkspaceServices) -> list[Route]:
    """Every route of sign-in."""

    def get(path: str, endpoint: Endpoint) -> Route:
        return Route(path, endpoint, methods=["GET"])

    def post(path: str, endpoint: Endpoint) -> Route:
        return Route(path, endpoint, methods=["POST"])

    return [
        get("/sign-in", guarded(services, entry.show_sign_in(services))),
        post("/sign-in", guarded(services, entry.sign_in(services))),
        post("/language", guarded(services, entry.choose_language(services))),
        get("/sign-in/assignment", guarded(services, provider.show_choice(services))),
        post("/sign-in/assignment", guarded(services, provider.choose(services))),
        get("/sign-in/{provider}", guarded(services, provider.ask(services))),
        get("/sign-in/{provider}/answer", guarded(services, provider.take_answer(services))),
        post("/sign-in/{provider}/back-channel", guarded(services, leaving.back_channel(services))),
        post("/sign-out", signed_in(services, leaving.sign_out, when_locked=True)),
        get("/signed-out", guarded(services, leaving.show_signed_out(services))),
        get("/assignment", signed_in(services, switching.show_assignments)),
        post("/assignment", signed_in(services, switching.switch)),
        get("/session", guarded(services, locking.state(services))),
        post("/session/active", signed_in(services, locking.stay)),
        post("/lock", signed_in(services, locking.lock, when_locked=True)),
        get("/locked", signed_in(services, locking.show_locked, when_locked=True)),
        post("/unlock", signed_in(services, locking.unlock, when_locked=True)),
        get("/unlocked", signed_in(services, locking.show_unlocked)),
        get("/sessions", signed_in(services, own_sessions.show_sessions)),
        post("/sessions/continue", signed_in(services, own_sessions.continue_here)),
        post("/sessions/end", signed_in(services, own_sessions.end_one)),
        post("/sessions/end-all", signed_in(services, own_sessions.end_all)),
    ]
