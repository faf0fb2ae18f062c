"""Where the module's pages and actions are: `/patient/{patient}/medication/…`."""

from __future__ import annotations

from typing import Final

from kontinuum.care.medication import deeds, form, listing, renewing
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import Action, AuditKind, Route
from kontinuum.kernel.principal import PRESCRIBING, Purpose

_CARE: Final = frozenset({Purpose.CARE})
_NEW: Final = message("New prescription")
_RENEW: Final = message("Renew prescriptions")
_ONE: Final = message("Prescription")
_LIST: Final = message("Medication list")

ROUTES: Final = (
    Route("add", _NEW, form.show, _CARE, AuditKind.READ, beside=True, begun=True, right=PRESCRIBING),
    Route("renew", _RENEW, renewing.show, _CARE, AuditKind.READ, beside=True, begun=True, right=PRESCRIBING),
    Route("one", _ONE, deeds.show, _CARE, AuditKind.READ, beside=True),
    Route("list", _LIST, listing.show, _CARE, AuditKind.READ, begun=True),
)
ACTIONS: Final = (
    Action("add", _NEW, form.fill, _CARE, right=PRESCRIBING),
    Action("renew", _RENEW, renewing.renew, _CARE, right=PRESCRIBING),
    Action("stop", _ONE, deeds.stop, _CARE, right=PRESCRIBING),
    Action("reopen", _ONE, deeds.reopen, _CARE, right=PRESCRIBING),
    Action("strike", _ONE, deeds.strike, _CARE, right=PRESCRIBING),
    Action("go-through", _LIST, listing.go_through, _CARE, right=PRESCRIBING),
)
