"""What the module reads: Encounter and Appointment.

http://hl7.org/fhir/R4/encounter.html, http://hl7.org/fhir/R4/appointment.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from kontinuum.fhir.datatypes import CodeableConcept, Coding, Element, Period, Reference, decoder
from kontinuum.kernel.module import ResourceVersion


class Participant(Element, frozen=True):
    """Who took part: `individual` in an encounter, `actor` in an appointment."""

    individual: Reference | None = None
    actor: Reference | None = None


class Encounter(Element, frozen=True):
    """The elements of Encounter that the timeline shows."""

    id: str
    status: str
    kind: Coding = msgspec.field(name="class", default=Coding())
    type: tuple[CodeableConcept, ...] = ()
    service_type: CodeableConcept | None = None
    period: Period = Period()
    reason_code: tuple[CodeableConcept, ...] = ()
    participant: tuple[Participant, ...] = ()
    service_provider: Reference | None = None
    appointment: tuple[Reference, ...] = ()

    @property
    def ongoing(self) -> bool:
        """Whether the contact has begun and not ended."""
        return self.status in {"in-progress", "arrived", "triaged", "onleave"} and not self.period.end


class Appointment(Element, frozen=True):
    """The elements of Appointment that the timeline shows."""

    id: str
    status: str
    service_type: tuple[CodeableConcept, ...] = ()
    appointment_type: CodeableConcept | None = None
    reason_code: tuple[CodeableConcept, ...] = ()
    description: str | None = None
    start: str | None = None
    end: str | None = None
    participant: tuple[Participant, ...] = ()


_ENCOUNTERS = decoder(Encounter)
_APPOINTMENTS = decoder(Appointment)


_NOT_A_CONTACT: Final = frozenset({"entered-in-error", "cancelled", "planned"})
_NOT_COMING: Final = frozenset(
    {"entered-in-error", "cancelled", "noshow", "arrived", "checked-in", "fulfilled"}
)


def read_encounters(
    entries: Iterable[ResourceVersion], *, without: frozenset[str] = _NOT_A_CONTACT
) -> list[tuple[Encounter, ResourceVersion]]:
    """Each contact that took or takes place, with the version it came from; `without` some states."""
    read = [(_ENCOUNTERS.decode(entry.body), entry) for entry in entries if entry.body]
    return [one for one in read if one[0].status not in without]


def read_appointments(
    entries: Iterable[ResourceVersion], *, without: frozenset[str] = _NOT_COMING
) -> list[tuple[Appointment, ResourceVersion]]:
    """Each booking that nothing has come of yet, with the version it came from; `without` some states."""
    read = [(_APPOINTMENTS.decode(entry.body), entry) for entry in entries if entry.body]
    return [one for one in read if one[0].status not in without]
