"""Who may take data out in bulk, or bring it in: the bar before the law is asked about each resource.

patientdatalagen (2008:355) 2:4, 4:1: whoever cares for patients needs the records of those, one at a time,
and has no need of everybody's at once. The decision on every resource stands beside this and is the same as
for a search.
"""

from __future__ import annotations

from typing import Final

from kontinuum.access.decision import Action, Deny, Question
from kontinuum.access.grounds import WORK_PURPOSES
from kontinuum.access.scopes import covers, data_scopes
from kontinuum.kernel.principal import BULK_EXPORT, App, Principal

PROVISION: Final = "patientdatalagen (2008:355) 2:4, 4:1-2"


def may_take_out(question: Question) -> Deny | None:
    """Why somebody may not order an export; None for systems, and for staff whose assignment is for it."""
    if question.is_system:
        return None
    if not question.is_staff or question.principal.purpose not in WORK_PURPOSES:
        return Deny(
            "bulk-export",
            "An export is ordered by a system, or by staff under an assignment for administration, quality "
            "assurance or supervision with the right to it.",
            PROVISION,
        )
    if BULK_EXPORT not in question.assignment.rights:
        reason = f"Your assignment lacks the right '{BULK_EXPORT}', which an export needs."
        return Deny("bulk-export", reason, PROVISION)
    return None


def may_bring_in(question: Question) -> Deny | None:
    """Why somebody may not order an import; None for a system."""
    if question.is_system:
        return None
    return Deny("bulk-import", "An import is ordered by a system with an assignment of its own.", PROVISION)


def still_reaches(ordered: Principal, asks: Principal, type_name: str | None) -> bool:
    """Whether who asks for what was ordered reaches no less than the order did, in a type (None: all).

    Its scopes and rights may have become fewer since.
    """
    if not set(ordered.assignment.rights) <= set(asks.assignment.rights):
        return False
    if ordered.app is None:
        return asks.app is None
    return asks.app is not None and _holds_all(ordered.app, asks.app, type_name)


def _holds_all(ordered: App, asks: App, type_name: str | None) -> bool:
    used = [
        scope
        for scope in data_scopes(ordered)
        if scope.takes(Action.SEARCH, type_name) or scope.takes(Action.READ, type_name)
    ]
    held = data_scopes(asks)
    return all(any(covers(one.text, scope.text) for one in held) for scope in used)
