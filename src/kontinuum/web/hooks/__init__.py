"""CDS Hooks at the edge: our own services, for the systems of others."""

from kontinuum.web.hooks.published import routes

__all__ = ["routes"]
