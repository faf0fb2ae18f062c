"""Allergies and alerts: överkänslighet och uppmärksamhetssignaler."""

from __future__ import annotations

from kontinuum.care.allergies.addresses import ACTIONS, ROUTES
from kontinuum.care.allergies.board import ALERTS_ON_BOARD
from kontinuum.care.allergies.views import ALERTS_CARD, ALERTS_IN_BANNER
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import Module

MODULE = Module(
    name="allergies",
    title=message("Allergies and alerts"),
    package=__name__,
    cards=(ALERTS_CARD,),
    banner=(ALERTS_IN_BANNER,),
    routes=ROUTES,
    actions=ACTIONS,
    board=(ALERTS_ON_BOARD,),
)
