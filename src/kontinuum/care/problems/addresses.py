"""Where the module's pages and actions are: `/patient/{patient}/problems/…`."""

from __future__ import annotations

from typing import Final

from kontinuum.care.problems import deeds, form
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import Action, AuditKind, Route
from kontinuum.kernel.principal import Purpose

_CARE: Final = frozenset({Purpose.CARE})
_NEW: Final = message("Problem or diagnosis")
_ONE: Final = message("Problem")

ROUTES: Final = (
    Route("add", _NEW, form.show, _CARE, AuditKind.READ, beside=True, begun=True),
    Route("one", _ONE, deeds.show, _CARE, AuditKind.READ, beside=True),
)
ACTIONS: Final = (
    Action("add", _NEW, form.fill, _CARE),
    Action("end", _ONE, deeds.end, _CARE),
    Action("reopen", _ONE, deeds.reopen, _CARE),
    Action("strike", _ONE, deeds.strike, _CARE),
    Action("contact", _ONE, deeds.at_contact, _CARE),
)
