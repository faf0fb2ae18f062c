"""Contacts: visits, admissions and bookings."""

from __future__ import annotations

from kontinuum.care.contacts.views import CONTACTS_CARD, CONTACTS_IN_BANNER, EARLIER_CONTACTS, TIMELINE_CARD
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import Module

MODULE = Module(
    name="contacts",
    title=message("Contacts"),
    package=__name__,
    cards=(TIMELINE_CARD, CONTACTS_CARD),
    banner=(CONTACTS_IN_BANNER,),
    routes=(EARLIER_CONTACTS,),
)
