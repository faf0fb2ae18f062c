"""The chart in time: everything that happened, search inside it, one entry beside it, two days compared."""

from __future__ import annotations

from starlette.routing import BaseRoute, Route

from kontinuum.web.workspace.pages import signed_in
from kontinuum.web.workspace.services import WorkspaceServices
from kontinuum.web.workspace.timeline import comparing, finding, page, reading

__all__ = ["timeline_routes"]


def timeline_routes(services: WorkspaceServices) -> list[BaseRoute]:
    """The routes of the timeline."""
    pages = {
        "timeline": page.show,
        "timeline/entry/{type}/{id}": reading.show,
        "search": finding.show,
        "compare": comparing.show,
    }
    return [
        Route(f"/patient/{{patient}}/{path}", signed_in(services, show, resumable=True), methods=["GET"])
        for path, show in pages.items()
    ]
