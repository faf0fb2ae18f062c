"""Who acts, under which assignment, for which purpose.

Every access to the record is bound to a `Principal` (HSLF-FS 2016:40 ch. 4; patientdatalagen
(2008:355) 4:1-3): a person or system, one chosen assignment (medarbetaruppdrag) and its purpose.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ActorKind(StrEnum):
    """What kind of actor stands behind an access."""

    STAFF = "staff"
    PATIENT = "patient"
    SYSTEM = "system"


class Purpose(StrEnum):
    """Why data is handled: the purposes of patientdatalagen (2008:355) 2:4."""

    CARE = "care"
    ADMINISTRATION = "administration"
    QUALITY = "quality"
    SUPERVISION = "supervision"
    STATISTICS = "statistics"
    PATIENT = "patient"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or a system; `reference` is its resource, such as `Practitioner/dr-1`."""

    kind: ActorKind
    id: str
    name: str
    reference: str | None = None


PROTECTED_IDENTITY = "protected-identity"
"""A right of an assignment: to see address, telephone and relatives of persons with a protected identity."""


DESTRUCTION = "destruction"
"""A right of an assignment for administration: to register and carry out decisions on destruction."""


BULK_EXPORT = "bulk-export"
"""A right of an assignment for administration, quality or supervision: to order exports in bulk."""


TEMPLATES = "templates"
"""A right of an assignment: to write, review and take into use the note templates of the care provider."""


TRANSCRIPTION = "transcription"
"""A right of an assignment for care: to write out what colleagues at the unit have dictated."""


PRESCRIBING = "prescribing"
"""A right of an assignment for care: to prescribe medicines, stop and renew them.

Who may prescribe, and what, follows from licence and position (patientsäkerhetslagen (2010:659) 4:1; HSLF-FS
2021:75): the care provider says it of each assignment, so that it never follows from words in a title.
"""


@dataclass(frozen=True, slots=True)
class Assignment:
    """A medarbetaruppdrag: an actor's task at one care unit of one care provider (both HSA-ids).

    `rights` are what the assignment permits beyond its purpose, such as `PROTECTED_IDENTITY`; `position` is
    what the person works as there (befattning), empty where the directory does not say.
    """

    id: str
    title: str
    unit: str
    unit_name: str
    provider: str
    provider_name: str
    purpose: Purpose
    rights: tuple[str, ...] = ()
    position: str = ""


@dataclass(frozen=True, slots=True)
class App:
    """An app that acts for somebody, within the scopes that it was granted (SMART App Launch 2.2).

    `grant` names the permission that it was given. `patients` are the Patients of its launch context: one
    person's, so more than one only where records are linked.
    """

    id: str
    grant: str
    scopes: tuple[str, ...]
    patients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Principal:
    """An actor bound to one assignment, and the client through which the access is made.

    With an `app` it may do what the actor may and the app's scopes permit, and nothing else.
    """

    actor: Actor
    assignment: Assignment
    client: str
    app: App | None = None

    @property
    def signature(self) -> str:
        """Who stands behind an entry, as it is read: the name and the position."""
        return f"{self.actor.name}, {self.assignment.position or self.assignment.title}"

    @property
    def purpose(self) -> Purpose:
        """The purpose of the assignment."""
        return self.assignment.purpose


@dataclass(frozen=True, slots=True)
class Persona:
    """Someone a visitor of the demo may sign in as, with the assignments to choose from."""

    actor: Actor
    title: str
    assignments: tuple[Assignment, ...]
