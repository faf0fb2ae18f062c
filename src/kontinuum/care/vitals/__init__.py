"""Vital signs: measured at the bedside, scored for early warning, read as a flowsheet and as trends."""

from __future__ import annotations

from kontinuum.care.vitals.board import SCORES_ON_BOARD
from kontinuum.care.vitals.contact import VITALS_OF_CONTACT
from kontinuum.care.vitals.views import ACTIONS, CARD, DRAFTING, ROUTES
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import Module

MODULE = Module(
    name="vitals",
    title=message("Vital signs"),
    package=__name__,
    cards=(CARD,),
    routes=ROUTES,
    actions=ACTIONS,
    drafting=DRAFTING,
    board=(SCORES_ON_BOARD,),
    contact_parts=(VITALS_OF_CONTACT,),
)
