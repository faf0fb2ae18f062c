"""Where the module's pages and actions are: `/patient/{patient}/orders/…`."""

from __future__ import annotations

from typing import Final

from kontinuum.care.orders import lab, one, refer
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import Action, AuditKind, Route
from kontinuum.kernel.principal import Purpose

_CARE: Final = frozenset({Purpose.CARE})
_LAB: Final = message("Order tests")
_REFER: Final = message("Referral")
_ONE: Final = message("Order or referral")

ROUTES: Final = (
    Route("lab", _LAB, lab.show, _CARE, AuditKind.READ, beside=True, begun=True),
    Route("refer", _REFER, refer.show, _CARE, AuditKind.READ, beside=True, begun=True),
    Route("one", _ONE, one.show, _CARE, AuditKind.READ, beside=True),
)
ACTIONS: Final = (
    Action("lab", _LAB, lab.fill, _CARE),
    Action("refer", _REFER, refer.fill, _CARE),
    Action("reply", _ONE, one.reply, _CARE),
    Action("revoke", _ONE, one.revoke, _CARE),
)
