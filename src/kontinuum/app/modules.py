"""The modules of this application. Adding or removing a line adds or removes the capability."""

from __future__ import annotations

from typing import Final

from kontinuum.care import (
    allergies,
    contacts,
    journal,
    medication,
    notes,
    nursing,
    observations,
    orders,
    problems,
    tasks,
    vitals,
)
from kontinuum.kernel.module import Module

MODULES: Final[tuple[Module, ...]] = (
    allergies.MODULE,
    problems.MODULE,
    medication.MODULE,
    journal.MODULE,
    notes.MODULE,
    vitals.MODULE,
    observations.MODULE,
    nursing.MODULE,
    contacts.MODULE,
    orders.MODULE,
    tasks.MODULE,
)
