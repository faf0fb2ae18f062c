"""One entry of the log: who, under which assignment, which patients, what, when, on which basis.

patientdatalagen (2008:355) 4:3 and HSLF-FS 2016:40 4:9 say what an entry must tell.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec

from kontinuum.kernel.principal import Actor, ActorKind, Assignment, Principal, Purpose

_encoder = msgspec.json.Encoder(order="deterministic")


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An access that was made or tried.

    `recorded` is in microseconds since 1970. `outcome` is `permitted`, `refused`, `not-found` or
    `failed`. `what` says on what: references, or the search as it was asked.
    """

    recorded: int
    actor: str
    actor_name: str
    actor_kind: str
    assignment: str
    unit: str
    provider: str
    purpose: str
    client: str
    action: str
    outcome: str
    basis: str
    patients: tuple[str, ...] = ()
    what: tuple[str, ...] = ()
    count: int | None = None
    note: str | None = field(default=None)

    def content(self) -> bytes:
        """The entry as canonical JSON: the bytes that the chain covers."""
        return _encoder.encode(self)


_decoder = msgspec.json.Decoder(AuditEntry)

Columns: TypeAlias = tuple[int, str, str, str, str, str, str]
"""(recorded, actor, assignment, unit, provider, action, patients joined by spaces)"""


def columns_of(entry: AuditEntry) -> Columns:
    """What of an entry stands in columns of its own, by which the log is searched."""
    return (
        entry.recorded,
        entry.actor,
        entry.assignment,
        entry.unit,
        entry.provider,
        entry.action,
        " ".join(entry.patients),
    )


def read_entry(content: bytes) -> AuditEntry:
    """The entry whose canonical JSON this is. Raises msgspec.DecodeError when it is none."""
    return _decoder.decode(content)


def entry(
    principal: Principal,
    recorded: int,
    action: str,
    outcome: str,
    basis: str,
    *,
    patients: tuple[str, ...] = (),
    what: tuple[str, ...] = (),
    count: int | None = None,
    note: str | None = None,
) -> AuditEntry:
    """An entry about something that a principal did or tried."""
    actor, assignment = principal.actor, principal.assignment
    return AuditEntry(
        recorded=recorded,
        actor=actor.id,
        actor_name=actor.name,
        actor_kind=actor.kind.value,
        assignment=assignment.id,
        unit=assignment.unit,
        provider=assignment.provider,
        purpose=principal.purpose.value,
        client=principal.client,
        action=action,
        outcome=outcome,
        basis=basis,
        patients=patients,
        what=what,
        count=count,
        note=note,
    )


def by_the_system(
    recorded: int,
    action: str,
    *,
    what: tuple[str, ...] = (),
    count: int | None = None,
    note: str | None = None,
    client: str = "kontinuum",
) -> AuditEntry:
    """An entry about what the installation did to its own log, at no unit and about no patient."""
    nowhere = Assignment("system:kontinuum", "System", "", "", "", "", Purpose.SYSTEM)
    principal = Principal(Actor(ActorKind.SYSTEM, "kontinuum", "Kontinuum"), nowhere, client)
    return entry(principal, recorded, action, "permitted", "own-log", what=what, count=count, note=note)
