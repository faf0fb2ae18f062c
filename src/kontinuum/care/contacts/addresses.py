"""Where the module's pages and deeds are: `/patient/{patient}/contacts/…`, and those of the unit."""

from __future__ import annotations

from typing import Final

from kontinuum.care.contacts import booking, deeds, one, own_day, today, transfer, ward
from kontinuum.care.contacts.views import EARLIER_CONTACTS
from kontinuum.kernel.around import StartPart, UnitPage
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import Action, AuditKind, Route
from kontinuum.kernel.principal import Purpose

_CARE: Final = frozenset({Purpose.CARE})
_BOOK: Final = message("Book a visit")
_ADMIT: Final = message("Admit the patient")
_ONE: Final = message("Contact")

ROUTES: Final = (
    EARLIER_CONTACTS,
    Route("book", _BOOK, booking.show, _CARE, AuditKind.READ, beside=True, begun=True),
    Route("admit", _ADMIT, ward.show_admission, _CARE, AuditKind.READ, beside=True, begun=True),
    Route("one", _ONE, one.show, _CARE, AuditKind.READ, beside=True),
)
ACTIONS: Final = (
    Action("begin", _ONE, deeds.begin, _CARE),
    Action("book", _BOOK, booking.book, _CARE),
    Action("admit", _ADMIT, ward.admit, _CARE),
    Action("step", _ONE, deeds.step, _CARE),
    Action("detail", _ONE, deeds.detail, _CARE),
    Action("close", _ONE, deeds.close, _CARE),
    Action("move", _ONE, deeds.move, _CARE),
    Action("transfer", _ONE, transfer.transfer, _CARE),
    Action("receive", _ONE, transfer.receive, _CARE),
    Action("measure", _ONE, deeds.measure, _CARE),
    Action("strike", _ONE, deeds.strike, _CARE),
)
UNIT_PAGES: Final = (
    UnitPage("today", message("Today at the unit"), "calendar", today.today, _CARE, message("Today")),
    UnitPage("ward", message("The ward's board"), "bed", ward.board, _CARE, message("The board")),
)
ON_THE_FIRST_PAGE: Final = (StartPart(10, own_day.visits, _CARE), StartPart(20, own_day.ward, _CARE))
