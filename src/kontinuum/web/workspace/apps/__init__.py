"""Where people meet apps: a permission is asked for, given and withdrawn; an app is opened from a chart."""

from __future__ import annotations

from starlette.routing import Route

from kontinuum.web.smart import addresses
from kontinuum.web.workspace.apps import authorizing, launching, own, registering
from kontinuum.web.workspace.pages import Handler, signed_in
from kontinuum.web.workspace.services import WorkspaceServices

__all__ = ["app_routes"]


def app_routes(services: WorkspaceServices) -> list[Route]:
    """Every route about apps for people; those for programs are in `kontinuum.web.smart`."""

    def get(path: str, handler: Handler) -> Route:
        return Route(path, signed_in(services, handler), methods=["GET"])

    def post(path: str, handler: Handler) -> Route:
        return Route(path, signed_in(services, handler), methods=["POST"])

    return [
        get(addresses.AUTHORIZE, authorizing.ask),
        post(addresses.AUTHORIZE, authorizing.answer),
        get(addresses.APPS, own.show),
        post(addresses.APPS, own.withdraw),
        get("/patient/{patient}/apps", launching.show),
        post("/patient/{patient}/apps", launching.launch),
        get("/admin/apps", registering.show),
        post("/admin/apps", registering.register),
        post("/admin/apps/{app}/end", registering.end),
    ]
