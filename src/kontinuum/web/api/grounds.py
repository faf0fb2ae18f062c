"""Why something is written: the header X-Provenance (http://hl7.org/fhir/R4/provenance.html#header)."""

from __future__ import annotations

from typing import Any, Final

from kontinuum.fhir import json
from kontinuum.web.api.answer import Problem, bad_request
from kontinuum.web.api.request import Request

PROVENANCE: Final = b"x-provenance"


def own_provenance(request: Request) -> dict[str, Any] | Problem | None:
    """The Provenance that a client sends with a write; None without the header.

    A header is bytes: it is read as UTF-8, as JSON is written, so that a reason in Swedish arrives as it is.
    """
    value = request.headers.get(PROVENANCE)
    if value is None:
        return None
    try:
        found = json.loads(value)
    except json.JsonError as error:
        return bad_request("structure", f"X-Provenance cannot be read: {error}.")
    if not isinstance(found, dict):
        return bad_request("structure", "X-Provenance must hold one Provenance as JSON.")
    return found
