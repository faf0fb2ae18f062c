"""Why a text is not the identifier it claims to be, as a value.

A refusal carries a fault (for programs and translation) and a plain reason (for people). The refused text is
not repeated in the reason: it may be a real person's number, and reasons end up in logs.
"""

from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """The first thing wrong with an identifier."""

    EMPTY = "empty"
    CHARACTERS = "characters"
    LENGTH = "length"
    FORMAT = "format"
    DATE = "date"
    FUTURE = "future"
    INTERIM = "interim"
    CHECK_DIGIT = "check-digit"


@dataclass(frozen=True, slots=True)
class Rejected:
    """A text that is not a valid `kind` of identifier, with the fault and the reason in plain English."""

    kind: str
    fault: Fault
    reason: str
