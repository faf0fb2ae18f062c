"""Problems: the diagnoses and conditions of a patient, read and written."""

from __future__ import annotations

from kontinuum.care.problems.addresses import ACTIONS, ROUTES
from kontinuum.care.problems.at_contact import DIAGNOSES_OF_CONTACT
from kontinuum.care.problems.views import PROBLEMS_CARD
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import Module

MODULE = Module(
    name="problems",
    title=message("Problems"),
    package=__name__,
    cards=(PROBLEMS_CARD,),
    routes=ROUTES,
    actions=ACTIONS,
    contact_parts=(DIAGNOSES_OF_CONTACT,),
)
