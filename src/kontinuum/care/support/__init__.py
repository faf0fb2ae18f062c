"""Decision support of our own: what to be warned of about a patient and an order (CDS Hooks)."""

from __future__ import annotations

from kontinuum.care.support.services import SERVICES, Service, about_another, given_of

__all__ = ["SERVICES", "Service", "about_another", "given_of"]
