"""The workspace: the clinician's pages. Layout, sign-in, patient search, chart; no clinical knowledge."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from kontinuum.kernel.module import Module
from kontinuum.web.workspace.access import take_step
from kontinuum.web.workspace.administration import administration_routes
from kontinuum.web.workspace.advice import advice_routes
from kontinuum.web.workspace.apps import app_routes
from kontinuum.web.workspace.chart import module_action, module_page, show_chart
from kontinuum.web.workspace.entries import entry_routes
from kontinuum.web.workspace.feedback import feedback_routes
from kontinuum.web.workspace.files import file_routes
from kontinuum.web.workspace.log import routes as log_routes
from kontinuum.web.workspace.own_record import routes as own_routes
from kontinuum.web.workspace.pages import Page, signed_in
from kontinuum.web.workspace.patients import search, show_recent, show_start
from kontinuum.web.workspace.persons import person_routes
from kontinuum.web.workspace.privacy import routes as privacy_routes
from kontinuum.web.workspace.services import Application, gather
from kontinuum.web.workspace.shaping.routes import shaping_routes
from kontinuum.web.workspace.signin import sign_in_routes
from kontinuum.web.workspace.studio import studio_routes
from kontinuum.web.workspace.terms import list_codes
from kontinuum.web.workspace.timeline import timeline_routes
from kontinuum.web.workspace.unit_pages import unit_routes
from kontinuum.web.workspace.work import work_routes

__all__ = ["routes"]


def routes(application: Application, modules: Sequence[Module]) -> list[BaseRoute]:
    """Every route of the workspace; `application` is the application's services."""
    services = gather(application, modules)
    own = [
        Route("/static/{version}/{name:path}", services.assets.serve, methods=["GET"]),
        *sign_in_routes(services),
        *entry_routes(services),
        *person_routes(services),
        *administration_routes(services),
        *app_routes(services),
        *advice_routes(services),
        *work_routes(services),
        *feedback_routes(services),
        *studio_routes(services),
        *unit_routes(services),
        *shaping_routes(services),
        *timeline_routes(services),
        *file_routes(services),
        Route("/", signed_in(services, show_start, resumable=True), methods=["GET"]),
        Route("/recent", signed_in(services, show_recent), methods=["GET"]),
        Route("/patients", signed_in(services, search), methods=["POST"]),
        Route("/codes", signed_in(services, list_codes), methods=["POST"]),
        Route("/patient/{patient}", signed_in(services, show_chart, resumable=True), methods=["GET"]),
        Route("/patient/{patient}/access/{step}", signed_in(services, take_step), methods=["POST"]),
    ]
    contributed = [
        Route(
            f"/patient/{{patient}}/{module.name}/{route.path}",
            signed_in(services, module_page(module, route), resumable=True),
            methods=["GET"],
        )
        for module in modules
        for route in module.routes
    ]
    contributed += [
        Route(
            f"/patient/{{patient}}/{module.name}/{action.path}",
            signed_in(services, module_action(module, action)),
            methods=["POST"],
        )
        for module in modules
        for action in module.actions
    ]
    unknown = Route("/patient/{path:path}", signed_in(services, _no_such_page), methods=["GET"])
    return [
        *own,
        *log_routes(services),
        *privacy_routes(services),
        *own_routes(services),
        *contributed,
        unknown,
    ]


async def _no_such_page(page: Page) -> Response:
    return page.problem(404, [page.translator.gettext("There is no such page.")])
