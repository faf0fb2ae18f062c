"""Administration of a care provider's units, staff, assignments and settings."""

from __future__ import annotations

from starlette.routing import Route

from kontinuum.web.workspace.administration import assignments, importing, overview, settings, staff, units
from kontinuum.web.workspace.administration.shared import administrators
from kontinuum.web.workspace.pages import Handler, signed_in
from kontinuum.web.workspace.services import WorkspaceServices

__all__ = ["administration_routes"]


def administration_routes(services: WorkspaceServices) -> list[Route]:
    """Every route of administration; none answers anybody but an administrator."""

    def get(path: str, handler: Handler) -> Route:
        return Route(path, signed_in(services, administrators(handler), resumable=True), methods=["GET"])

    def post(path: str, handler: Handler) -> Route:
        return Route(path, signed_in(services, administrators(handler)), methods=["POST"])

    return [
        get("/admin", overview.show_overview),
        get("/admin/units", units.show_units),
        get("/admin/units/new", units.new_unit),
        post("/admin/units/new", units.create_unit),
        get("/admin/unit/{id}", units.show_unit),
        post("/admin/unit/{id}", units.change_unit),
        post("/admin/unit/{id}/escalation", units.change_escalation),
        get("/admin/staff", staff.show_staff),
        get("/admin/staff/new", staff.new_person),
        post("/admin/staff/new", staff.create_person),
        get("/admin/person/{id}", staff.show_person),
        post("/admin/person/{id}", staff.change_person),
        post("/admin/person/{id}/assignments", assignments.add_assignment),
        get("/admin/assignments", assignments.show_assignments),
        get("/admin/assignment/{id}", assignments.show_assignment),
        post("/admin/assignment/{id}", assignments.change_assignment),
        post("/admin/assignment/{id}/end", assignments.end_assignment),
        post("/admin/assignment/{id}/reopen", assignments.reopen_assignment),
        get("/admin/settings", settings.show_settings),
        post("/admin/settings/{name}", settings.change_setting),
        get("/admin/import", importing.show_import),
        post("/admin/import", importing.preview),
        post("/admin/import/apply", importing.apply),
    ]
