"""Decision support of others (CDS Hooks) for people: cards beside the chart, and the register of services."""

from __future__ import annotations

from starlette.routing import Route

from kontinuum.web.workspace.advice import registering, showing
from kontinuum.web.workspace.pages import signed_in
from kontinuum.web.workspace.services import WorkspaceServices

__all__ = ["advice_routes"]


def advice_routes(services: WorkspaceServices) -> list[Route]:
    """Every route about services of others; our own are in `kontinuum.web.hooks`."""
    return [
        Route("/patient/{patient}/advice", signed_in(services, showing.show), methods=["GET"]),
        Route("/admin/services", signed_in(services, registering.show), methods=["GET"]),
        Route("/admin/services", signed_in(services, registering.register), methods=["POST"]),
        Route("/admin/services/{service}", signed_in(services, registering.change), methods=["POST"]),
    ]
