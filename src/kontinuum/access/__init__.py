"""The law as decisions: may this principal do this with that resource, and on which ground."""

from kontinuum.access.circumstances import NOTHING_KNOWN, Block, Circumstances, Representation
from kontinuum.access.decide import decide, depends_on_circumstances, predicate
from kontinuum.access.decision import Action, Decision, Deny, Facts, Permit, Question

__all__ = [
    "NOTHING_KNOWN",
    "Action",
    "Block",
    "Circumstances",
    "Decision",
    "Deny",
    "Facts",
    "Permit",
    "Question",
    "Representation",
    "decide",
    "depends_on_circumstances",
    "predicate",
]
