"""The pages of the patient index: a person, linking, possible duplicates, registering."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.responses import Response
from starlette.routing import Route

from kontinuum.web.workspace.pages import Page, signed_in
from kontinuum.web.workspace.persons import changing, duplicates, linking, person, registering
from kontinuum.web.workspace.persons.shared import for_staff
from kontinuum.web.workspace.services import WorkspaceServices

__all__ = ["person_routes"]

Handler = Callable[[Page], Awaitable[Response]]


def person_routes(services: WorkspaceServices) -> list[Route]:
    """Every route of the patient index."""

    def get(path: str, handler: Handler) -> Route:
        return Route(path, signed_in(services, for_staff(handler), resumable=True), methods=["GET"])

    def post(path: str, handler: Handler) -> Route:
        return Route(path, signed_in(services, for_staff(handler)), methods=["POST"])

    here = "/patient/{patient}/person"
    return [
        get("/patients/new", registering.show_new),
        post("/patients/new", registering.register),
        get("/duplicates", duplicates.show_duplicates),
        post("/duplicates/dismiss", duplicates.dismiss),
        post("/duplicates/reopen", duplicates.reopen),
        get(here, person.show_person),
        get(f"{here}/link", linking.show_link),
        post(f"{here}/link/find", linking.find_other),
        post(f"{here}/link", linking.link),
        post(f"{here}/unlink", linking.unlink),
        post(f"{here}/protection", changing.set_protection),
        post(f"{here}/contacts", changing.set_contacts),
        post(f"{here}/deceased", changing.set_deceased),
        post(f"{here}/number", changing.add_number),
        post(f"{here}/relation", changing.add_relation),
        post(f"{here}/relation/end", changing.end_relation),
    ]
