"""What a decision on access is: a question, the facts it turns on, a permit or a denial."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from kontinuum.kernel.clock import from_micros
from kontinuum.kernel.i18n import local
from kontinuum.kernel.principal import Actor, ActorKind, Assignment, Principal, Purpose


class Action(StrEnum):
    """What is done with a resource. To the law there is reading and writing; an app's scopes tell more apart.

    `WRITE` changes what exists.
    """

    READ = "read"
    SEARCH = "search"
    CREATE = "create"
    WRITE = "write"
    DELETE = "delete"


class Reason(NamedTuple):
    """Why, in words for the person who asked."""

    en: str
    sv: str


@dataclass(frozen=True, slots=True)
class Question:
    """Who wants to do what, and when (`now` in microseconds since 1970).

    `patient` and `type` narrow a search: every resource it can find is of that patient, of that type. They
    make its SQL shorter and never change what it permits. `complete` says that the tables of the law are
    known to hold all that the record says; where that is not known a search asks for it itself.
    """

    principal: Principal
    action: Action
    now: int
    patient: str | None = None
    type: str | None = None
    complete: bool = True

    @property
    def actor(self) -> Actor:
        """Who asks."""
        return self.principal.actor

    @property
    def assignment(self) -> Assignment:
        """Under which assignment."""
        return self.principal.assignment

    @property
    def today(self) -> int:
        """The Swedish calendar day as the number yyyymmdd."""
        return int(f"{local(from_micros(self.now)):%Y%m%d}")

    @property
    def reads(self) -> bool:
        """Whether the question is about reading."""
        return self.action in (Action.READ, Action.SEARCH)

    @property
    def is_patient(self) -> bool:
        """Whether a patient (or who stands for one) asks, on the patient's own pages."""
        return self.actor.kind is ActorKind.PATIENT

    @property
    def is_system(self) -> bool:
        """Whether a system asks, under an assignment as a system."""
        return self.actor.kind is ActorKind.SYSTEM and self.principal.purpose is Purpose.SYSTEM

    @property
    def is_staff(self) -> bool:
        """Whether a person in care asks, or a system that acts as one."""
        return not self.is_patient and not self.is_system

    @property
    def in_care(self) -> bool:
        """Whether staff ask for the sake of care and treatment."""
        return self.is_staff and self.principal.purpose is Purpose.CARE

    @property
    def reads_in_care(self) -> bool:
        """Whether staff read for the sake of care and treatment."""
        return self.in_care and self.reads

    @property
    def reads_online(self) -> bool:
        """Whether a patient, or who stands for one, reads on the patient's own pages."""
        return self.is_patient and self.reads


@dataclass(frozen=True, slots=True)
class Facts:
    """What a decision needs to know of a resource.

    Its type, its patient's id, who is accountable for it, its clinical time in microseconds, and whether it
    is marked as kept back from the patient. `place` is the provider of the unit that a new PractitionerRole
    names, where that unit is known, or the foreign issuer of a new Practitioner's HSA-id. `body` is the
    serialised resource, None for a deletion.
    """

    type: str
    patient: str | None
    unit: str
    provider: str
    sort: int = 0
    kept_back: bool = False
    place: str | None = None
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Permit:
    """Access is allowed; `basis` is the rule that allowed it and goes to the log."""

    basis: str


@dataclass(frozen=True, slots=True)
class Deny:
    """Access is refused; `reason` is for the person who asked, `provision` cites the statute.

    `hidden` means that not even the resource's existence may be told.
    """

    rule: str
    reason: str
    provision: str
    hidden: bool = False


Decision = Permit | Deny
