"""Where the module's pages and actions are: `/patient/{patient}/nursing/…`."""

from __future__ import annotations

from typing import Final

from kontinuum.care.nursing import deeds, form, plan, today
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import Action, AuditKind, Route
from kontinuum.kernel.principal import Purpose

_CARE: Final = frozenset({Purpose.CARE})
_NEW: Final = message("Nursing plan")
_TODAY: Final = message("Nursing list of the day")
_ONE: Final = message("Plan")

ROUTES: Final = (
    Route("add", _NEW, form.show, _CARE, AuditKind.READ, beside=True, begun=True),
    Route("today", _TODAY, today.show, _CARE, AuditKind.READ, beside=True, begun=True),
    Route("plan", _ONE, plan.show, _CARE, AuditKind.READ, beside=True),
)
ACTIONS: Final = (
    Action("add", _NEW, form.fill, _CARE),
    Action("do", _TODAY, deeds.carry_out, _CARE),
    Action("undo", _TODAY, deeds.take_back, _CARE),
    Action("evaluate", _ONE, deeds.evaluate, _CARE),
    Action("change", _ONE, deeds.change, _CARE),
)
