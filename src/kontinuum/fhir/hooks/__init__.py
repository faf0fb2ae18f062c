"""CDS Hooks 2.0 as values: what is asked, what may come along with it, and the cards that are answered. Pure.

https://cds-hooks.hl7.org/2.0/. Nothing here asks anybody: `record.advice` calls the services of
others, `web.hooks` answers for our own.
"""

from __future__ import annotations

from typing import Final

from kontinuum.fhir.hooks.calls import Call, read_call
from kontinuum.fhir.hooks.cards import Card, Link, Source, Suggestion, read_cards, written
from kontinuum.fhir.hooks.prefetch import Offered, fill, read_offered

HOOKS: Final = ("patient-view", "order-select", "order-sign")
"""The hooks that are called and answered here."""

__all__ = [
    "HOOKS",
    "Call",
    "Card",
    "Link",
    "Offered",
    "Source",
    "Suggestion",
    "fill",
    "read_call",
    "read_cards",
    "read_offered",
    "written",
]
