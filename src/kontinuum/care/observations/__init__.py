"""Measurements: vital signs and laboratory results, with their trends."""

from __future__ import annotations

from kontinuum.care.observations.contact import VALUES_OF_CONTACT
from kontinuum.care.observations.views import LABORATORY_CARD, SCORES_CARD, TREND, VITALS_CARD
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import Module

MODULE = Module(
    name="observations",
    title=message("Measurements"),
    package=__name__,
    cards=(VITALS_CARD, SCORES_CARD, LABORATORY_CARD),
    routes=(TREND,),
    contact_parts=(VALUES_OF_CONTACT,),
)
