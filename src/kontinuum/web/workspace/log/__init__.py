"""The log's pages: searching and reviewing it for those with the assignment, the extract for a patient."""

from __future__ import annotations

from starlette.routing import BaseRoute, Route

from kontinuum.web.workspace.log.breach import make_breach, show_breach
from kontinuum.web.workspace.log.entries import show_entries
from kontinuum.web.workspace.log.extract import (
    find_patient,
    own_extract,
    own_extract_pdf,
    patient_extract,
    patient_extract_pdf,
    show_extract_search,
)
from kontinuum.web.workspace.log.review import make_check, make_round, show_finding, show_round, show_rounds
from kontinuum.web.workspace.pages import signed_in
from kontinuum.web.workspace.services import WorkspaceServices

__all__ = ["routes"]


def routes(services: WorkspaceServices) -> list[BaseRoute]:
    """The routes of the log."""
    table = (
        ("/log", "GET", show_entries),
        ("/log", "POST", show_entries),
        ("/log/reviews", "GET", show_rounds),
        ("/log/reviews", "POST", make_round),
        ("/log/reviews/{round:number}", "GET", show_round),
        ("/log/findings/{finding:number}", "GET", show_finding),
        ("/log/findings/{finding:number}", "POST", make_check),
        ("/log/breach", "GET", show_breach),
        ("/log/breach", "POST", make_breach),
        ("/log/extract", "GET", show_extract_search),
        ("/log/extract", "POST", find_patient),
        ("/log/extract/{patient}", "GET", patient_extract),
        ("/log/extract/{patient}/pdf", "GET", patient_extract_pdf),
        ("/my-log", "GET", own_extract),
        ("/my-log/pdf", "GET", own_extract_pdf),
    )
    return [Route(path, signed_in(services, handler), methods=[method]) for path, method, handler in table]
