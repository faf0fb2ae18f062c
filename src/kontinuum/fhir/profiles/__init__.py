"""Profiles: worked out from their differentials, compiled, and applied to resources.

http://hl7.org/fhir/R4/profiling.html. How to use it, and what is checked: docs/api/profiles.md; what was
decided: docs/decisions/0020-profiles.md. Everything here is pure: what only a terminology can tell comes back
as questions.
"""

from kontinuum.fhir.profiles.checking import untold
from kontinuum.fhir.profiles.codes import Question
from kontinuum.fhir.profiles.judging import (
    Judgement,
    answered,
    claims,
    judge,
    judge_extensions,
    resources_in,
    unanswered,
)
from kontinuum.fhir.profiles.library import Library
from kontinuum.fhir.profiles.structure import Structure, core_type, read_structure

__all__ = [
    "Judgement",
    "Library",
    "Question",
    "Structure",
    "answered",
    "claims",
    "core_type",
    "judge",
    "judge_extensions",
    "read_structure",
    "resources_in",
    "unanswered",
    "untold",
]
