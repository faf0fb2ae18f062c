"""What a decision on access is: a permit with its basis, or a denial with its provision."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What is done with a resource."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a decision needs to know of a resource: its type, its patient's id, who is accountable."""

    type: str
    patient: str | None
    unit: str
    provider: str


@dataclass(frozen=True, slots=True)
class Permit:
    """Access is allowed; `basis` is the rule that allowed it and goes to the log."""

    basis: str


@dataclass(frozen=True, slots=True)
class Deny:
    """Access is refused; `reason` is for the person who asked, `provision` cites the statute."""

    rule: str
    reason: str
    provision: str


Decision = Permit | Deny
