"""What the module reads: CarePlan, Goal and Task (http://hl7.org/fhir/R4/careplan.html)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from kontinuum.care.nursing.kinds import ACTIVITY, KINDS, NURSING, VIPS
from kontinuum.fhir.datatypes import (
    Annotation,
    CodeableConcept,
    Element,
    Identifier,
    Period,
    Reference,
    Views,
    decoder,
)
from kontinuum.kernel.module import ResourceVersion

T = TypeVar("T", bound=Element)


class Repeat(Element, frozen=True):
    """How often something is done, and from when to when."""

    period: float | None = None
    period_unit: str | None = None
    time_of_day: tuple[str, ...] = ()
    bounds_period: Period | None = None


class Timing(Element, frozen=True):
    """When something is done."""

    repeat: Repeat = Repeat()


class Detail(Element, frozen=True):
    """An action of a plan."""

    status: str
    description: str = ""
    scheduled_timing: Timing | None = None
    scheduled_string: str | None = None


class Activity(Element, frozen=True):
    """An action with the id by which what is done names it."""

    id: str = ""
    detail: Detail | None = None


class CarePlan(Element, frozen=True):
    """The elements of CarePlan that pages show."""

    id: str
    status: str
    title: str = ""
    description: str = ""
    category: tuple[CodeableConcept, ...] = ()
    goal: tuple[Reference, ...] = ()
    period: Period = Period()
    author: Reference | None = None
    note: tuple[Annotation, ...] = ()
    activity: tuple[Activity, ...] = ()

    @property
    def nursing(self) -> bool:
        """Whether it is a nursing plan, which this module writes."""
        return any(
            one.system == KINDS and one.code == NURSING for each in self.category for one in each.coding
        )

    @property
    def heading(self) -> str:
        """The code of the VIPS keyword it stands under; empty for none."""
        codes = (one.code for each in self.category for one in each.coding if one.system == VIPS)
        return next(codes, None) or ""

    @property
    def active(self) -> bool:
        """Whether it is carried out."""
        return self.status == "active"

    @property
    def stands(self) -> bool:
        """Whether it was ever meant."""
        return self.status != "entered-in-error"


class Target(Element, frozen=True):
    """By when a goal is to be reached."""

    due_date: str | None = None


class Goal(Element, frozen=True):
    """What is to be reached."""

    id: str
    lifecycle_status: str
    description: CodeableConcept = CodeableConcept()
    achievement_status: CodeableConcept | None = None
    target: tuple[Target, ...] = ()


class Restriction(Element, frozen=True):
    """When the action was due."""

    period: Period = Period()


class Task(Element, frozen=True):
    """That an action was done, or was not."""

    id: str
    status: str
    identifier: tuple[Identifier, ...] = ()
    status_reason: CodeableConcept | None = None
    description: str = ""
    owner: Reference | None = None
    execution_period: Period = Period()
    note: tuple[Annotation, ...] = ()

    @property
    def key(self) -> str:
        """Which action at which time it is about (`rules.Slot.key`)."""
        return next((one.value or "" for one in self.identifier if one.system == ACTIVITY), "")

    @property
    def done(self) -> bool:
        """Whether the action was carried out."""
        return self.status == "completed"

    @property
    def stands(self) -> bool:
        """Whether it was not taken back."""
        return self.status != "entered-in-error"


_PLANS = decoder(CarePlan)
_GOALS = decoder(Goal)
_TASKS = decoder(Task)


def plans_of(entries: Iterable[ResourceVersion]) -> list[tuple[CarePlan, ResourceVersion]]:
    """Each plan that stands, with the version it came from."""
    return [(one, entry) for one, entry in _read(_PLANS, entries) if one.stands]


def goals_of(entries: Iterable[ResourceVersion]) -> dict[str, tuple[Goal, ResourceVersion]]:
    """The goals that stand, by id."""
    read = _read(_GOALS, entries)
    return {one.id: (one, entry) for one, entry in read if one.lifecycle_status != "entered-in-error"}


def tasks_of(entries: Iterable[ResourceVersion]) -> list[tuple[Task, ResourceVersion]]:
    """What was done and what was not, and what of it was taken back."""
    return list(_read(_TASKS, entries))


def _read(reader: Views[T], entries: Iterable[ResourceVersion]) -> list[tuple[T, ResourceVersion]]:
    return [(reader.decode(entry.body), entry) for entry in entries if entry.body]
