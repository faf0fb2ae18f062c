"""FHIR R4's REST API over the record gate (http://hl7.org/fhir/R4/http.html)."""

from kontinuum.web.api.asgi import Api, Services, routes
from kontinuum.web.api.limits import Limits

__all__ = ["Api", "Limits", "Services", "routes"]
