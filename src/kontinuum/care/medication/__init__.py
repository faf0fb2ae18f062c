"""Medication: what the patient takes now, and what ended lately."""

from __future__ import annotations

from kontinuum.care.medication.views import MEDICATION_CARD
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import Module

MODULE = Module(name="medication", title=message("Medication"), package=__name__, cards=(MEDICATION_CARD,))
