"""Nursing plans: needs, goals, actions at their times, and how they are evaluated."""

from __future__ import annotations

from kontinuum.care.nursing.addresses import ACTIONS, ROUTES
from kontinuum.care.nursing.board import LATE_ON_BOARD
from kontinuum.care.nursing.contact import PLANS_OF_CONTACT
from kontinuum.care.nursing.views import PLANS_CARD
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import Module

MODULE = Module(
    name="nursing",
    title=message("Nursing"),
    package=__name__,
    cards=(PLANS_CARD,),
    routes=ROUTES,
    actions=ACTIONS,
    board=(LATE_ON_BOARD,),
    contact_parts=(PLANS_OF_CONTACT,),
)
