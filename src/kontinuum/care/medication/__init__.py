"""Medication: what the patient takes, took and is to take; prescribed, renewed, changed, stopped."""

from __future__ import annotations

from kontinuum.care.medication.addresses import ACTIONS, ROUTES
from kontinuum.care.medication.views import MEDICATION_CARD
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import Module

MODULE = Module(
    name="medication",
    title=message("Medication"),
    package=__name__,
    cards=(MEDICATION_CARD,),
    routes=ROUTES,
    actions=ACTIONS,
)
