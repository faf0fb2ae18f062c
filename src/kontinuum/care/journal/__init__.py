"""The journal: notes written under headings, from templates that are forms."""

from __future__ import annotations

from kontinuum.care.journal.at_contact import BEGUN_AT_CONTACT
from kontinuum.care.journal.views import ACTIONS, DRAFTING, WRITE, WRITING_CARD
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import Module

MODULE = Module(
    name="journal",
    title=message("Journal"),
    package=__name__,
    cards=(WRITING_CARD,),
    routes=(WRITE,),
    actions=ACTIONS,
    drafting=DRAFTING,
    contact_parts=(BEGUN_AT_CONTACT,),
)
