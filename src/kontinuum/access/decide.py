"""The decision on access, in its two forms: a check of one resource, a predicate for a search."""

from __future__ import annotations

from kontinuum.access.decision import Action, Decision, Deny, Facts, Permit
from kontinuum.access.rules import NOTHING, RULES
from kontinuum.kernel.principal import ActorKind, Principal
from kontinuum.kernel.sql import Fragment


def decide(principal: Principal, action: Action, facts: Facts) -> Decision:
    """Whether a principal may read or write one resource, and on which ground."""
    for rule in RULES:
        if rule.holds(principal, action, facts):
            return Permit(rule.name)
    if principal.actor.kind is ActorKind.PATIENT:
        return Deny(
            "own-record",
            "A patient reads the own record, and changes it through the functions made for that.",
            "patientdatalagen (2008:355) 5:5",
        )
    return Deny(
        "same-provider",
        f"Another care provider is accountable for this; your assignment is at "
        f"{principal.assignment.provider_name}.",
        "patientdatalagen (2008:355) 4:1; lag (2022:913) 2:1",
    )


def predicate(principal: Principal, action: Action = Action.READ) -> Fragment:
    """The resources that `decide` permits, as SQL over a resource row `r` and its accountability `a`."""
    parts = [fragment for rule in RULES if (fragment := rule.predicate(principal, action)) is not NOTHING]
    if not parts:
        return NOTHING
    return Fragment(
        " or ".join(part.text for part in parts), tuple(value for part in parts for value in part.values)
    )
