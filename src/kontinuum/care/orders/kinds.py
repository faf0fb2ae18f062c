"""What orders are made of: panels, priorities, and how they stand."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from kontinuum.kernel import awaiting
from kontinuum.kernel.i18n import message
from kontinuum.sweden import systems

CATEGORY: Final = "urn:kontinuum:codes:order-category"
LABORATORY: Final = "laboratory"
REFERRAL: Final = "referral"
AWAITED: Final[Mapping[str, str]] = {LABORATORY: awaiting.LABORATORY, REFERRAL: awaiting.ASSESSMENT}
"""What is awaited first of an order."""
TITLES: Final[Mapping[str, str]] = {LABORATORY: "Provtagning", REFERRAL: "Remiss"}
"""As they stand in the record."""
LOCAL_ANALYSES: Final = "urn:kontinuum:codes:analysis"
"""Analyses that have no NPU code here yet."""
ROUTINE: Final = "routine"
PRIORITIES: Final[Mapping[str, str]] = {
    ROUTINE: message("Routine"),
    "urgent": message("Urgent"),
    "asap": message("As soon as possible"),
    "stat": message("Emergency"),
}
"""http://hl7.org/fhir/R4/valueset-request-priority.html"""
ACCEPTED: Final = "accepted"
ASKED: Final = "asked"
DECLINED: Final = "declined"
ANSWERED: Final = "answered"
COMPLETED: Final = "completed"
STATES: Final[Mapping[str, str]] = {
    "": message("Awaits an answer"),
    ACCEPTED: message("Accepted by the receiver"),
    ASKED: message("The receiver asks for more"),
    DECLINED: message("Declined by the receiver"),
    ANSWERED: message("Answered"),
}
LONGEST: Final = 4000


@dataclass(frozen=True, slots=True)
class Panel:
    """Analyses that are ordered together: (code, name)."""

    key: str
    title: str
    analyses: tuple[tuple[str, str], ...]

    @property
    def names(self) -> str:
        """What is in it, as it is read."""
        return ", ".join(name for _, name in self.analyses)


@cache
def panels() -> Mapping[str, Panel]:
    """The usual panels, in their order."""
    text = files(__package__).joinpath("panels.toml").read_text(encoding="utf-8")
    rows = tomllib.loads(text)["panel"]
    return {
        key: Panel(key, row["title"], tuple((code, name) for code, _, name in map(_split, row["analyses"])))
        for key, row in rows.items()
    }


def _split(text: str) -> tuple[str, str, str]:
    return text.partition(" ")


def system_of(code: str) -> str:
    """The code system of an analysis."""
    return systems.NPU if code.startswith("NPU") else LOCAL_ANALYSES
