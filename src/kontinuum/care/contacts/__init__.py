"""Contacts: visits, admissions and bookings, made, carried through and closed; the day and the ward."""

from __future__ import annotations

from kontinuum.care.contacts.addresses import ACTIONS, ON_THE_FIRST_PAGE, ROUTES, UNIT_PAGES
from kontinuum.care.contacts.answers import ANSWERS
from kontinuum.care.contacts.views import CONTACTS_CARD, CONTACTS_IN_BANNER, TIMELINE_CARD
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import Module

MODULE = Module(
    name="contacts",
    title=message("Contacts"),
    package=__name__,
    cards=(TIMELINE_CARD, CONTACTS_CARD),
    banner=(CONTACTS_IN_BANNER,),
    routes=ROUTES,
    actions=ACTIONS,
    unit_pages=UNIT_PAGES,
    start=ON_THE_FIRST_PAGE,
    contact_parts=(ANSWERS,),
)
