"""What a notification of a personal data breach must tell, gathered from the log.

Regulation (EU) 2016/679 art. 33(3) a and 34: whose data, about how many, which kinds, by whom and when. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kontinuum.audit.entry import AuditEntry
from kontinuum.audit.words import kind_of, types_of
from kontinuum.kernel.principal import ActorKind, Purpose

NOT_THE_RECORD = ("read-log", "extract-log", "review-log", "breach-report")
"""Actions that concern the log itself: whoever looks into a breach is no part of it."""


@dataclass(slots=True)
class Concerned:
    """A patient whose data was reached; times in microseconds."""

    patient: str
    first: int
    last: int = 0
    entries: int = 0
    actors: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Involved:
    """A person or system that reached data under an assignment at a unit."""

    actor: str
    name: str
    kind: str
    unit: str
    first: int
    last: int = 0
    entries: int = 0
    patients: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Breach:
    """What is gathered: by patient, by person and unit, and by type of what was accessed."""

    entries: int = 0
    concerned: dict[str, Concerned] = field(default_factory=dict)
    involved: dict[tuple[str, str], Involved] = field(default_factory=dict)
    types: dict[str, int] = field(default_factory=dict)
    complete: bool = True

    def add(self, entry: AuditEntry) -> None:
        """Add an access; those about no patient, and a patient's own, are no breach of anybody's data.

        Nor are the names that the log's own pages look up for a reviewer.
        """
        if entry.purpose == Purpose.SUPERVISION and kind_of(entry) == "identity":
            return
        others = [
            one for one in entry.patients if entry.actor_kind != ActorKind.PATIENT or one != entry.actor
        ]
        if not others:
            return
        self.entries += 1
        who = self.involved.setdefault(
            (entry.actor, entry.unit),
            Involved(
                entry.actor, entry.actor_name or entry.actor, entry.actor_kind, entry.unit, entry.recorded
            ),
        )
        who.first, who.last = min(who.first, entry.recorded), max(who.last, entry.recorded)
        who.entries += 1
        who.patients.update(others)
        for patient in others:
            one = self.concerned.setdefault(patient, Concerned(patient, entry.recorded))
            one.first, one.last = min(one.first, entry.recorded), max(one.last, entry.recorded)
            one.entries += 1
            one.actors.add(entry.actor)
        for name in types_of(entry):
            self.types[name] = self.types.get(name, 0) + 1

    def patients(self) -> list[Concerned]:
        """The patients, those with most accesses first."""
        return sorted(self.concerned.values(), key=lambda one: (-one.entries, one.patient))

    def people(self) -> list[Involved]:
        """Who reached data, those who reached most patients first."""
        return sorted(self.involved.values(), key=lambda one: (-len(one.patients), one.actor, one.unit))
