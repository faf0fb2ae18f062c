"""SMART on FHIR's addresses for programs: discovery, tokens, revocation, introspection, keys."""

from kontinuum.web.smart.cross_origin import CrossOrigin
from kontinuum.web.smart.endpoints import routes

__all__ = ["CrossOrigin", "routes"]
