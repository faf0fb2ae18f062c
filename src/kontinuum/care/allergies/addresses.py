"""Where the module's pages and actions are: `/patient/{patient}/allergies/…`."""

from __future__ import annotations

from typing import Final

from kontinuum.care.allergies import deeds, form
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import Action, AuditKind, Route
from kontinuum.kernel.principal import Purpose

_CARE: Final = frozenset({Purpose.CARE})
_NEW: Final = message("Hypersensitivity or alert")
_NONE: Final = message("No known hypersensitivity")

ROUTES: Final = (
    Route("add", _NEW, form.show, _CARE, AuditKind.READ, beside=True, begun=True),
    Route("one", _NEW, deeds.show, _CARE, AuditKind.READ, beside=True),
    Route("none", _NONE, deeds.show_none, _CARE, AuditKind.READ, beside=True, begun=True),
)
ACTIONS: Final = (
    Action("add", _NEW, form.fill, _CARE),
    Action("none", _NONE, deeds.say_none, _CARE),
    Action("end", _NEW, deeds.end, _CARE),
    Action("reopen", _NEW, deeds.reopen, _CARE),
    Action("strike", _NEW, deeds.strike, _CARE),
)
