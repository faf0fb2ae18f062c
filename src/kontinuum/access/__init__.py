"""The law as decisions: may this principal do this with that resource, and on which ground."""

from kontinuum.access.decide import decide, predicate
from kontinuum.access.decision import Action, Decision, Deny, Facts, Permit

__all__ = ["Action", "Decision", "Deny", "Facts", "Permit", "decide", "predicate"]
