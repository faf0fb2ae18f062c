"""Orders: tests from the laboratory, and referrals to other units."""

from __future__ import annotations

from kontinuum.care.orders.addresses import ACTIONS, ROUTES
from kontinuum.care.orders.views import ORDERS_CARD
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import Module

MODULE = Module(
    name="orders",
    title=message("Orders and referrals"),
    package=__name__,
    cards=(ORDERS_CARD,),
    routes=ROUTES,
    actions=ACTIONS,
)
