"""The staff directory as values: units, people, and what each does where.

docs/organisation.md says how each field is written in FHIR and in files. Days are whole days in Sweden: an
assignment that ends on a day holds that day. HSA-ids name everything; `id` is the resource's, "" when there
is none yet.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum

from kontinuum.kernel.i18n import message
from kontinuum.kernel.principal import Purpose


class Kind(StrEnum):
    """What a row of the directory is about."""

    PROVIDER = "provider"
    UNIT = "unit"
    PERSON = "person"
    EMPLOYMENT = "employment"
    ASSIGNMENT = "assignment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A care provider (vårdgivare), or a part of one; `parent` is the HSA-id of what it is part of."""

    hsa_id: str
    name: str
    type: str
    parent: str | None = None
    organisation_number: str | None = None
    street: str | None = None
    postal_code: str | None = None
    city: str | None = None
    phone: str | None = None
    start: date | None = None
    end: date | None = None
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One who works in care. `professions` are codes of `codes.PROFESSIONS`."""

    hsa_id: str
    given_name: str
    family_name: str
    personal_number: str | None = None
    protected: bool = False
    professions: tuple[str, ...] = ()
    prescriber_code: str | None = None
    phone: str | None = None
    active: bool = True

    @property
    def name(self) -> str:
        """The name as it is said."""
        return f"{self.given_name} {self.family_name}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """An assignment (medarbetaruppdrag), or an employment when it has no purpose.

    `person` and `unit` are HSA-ids. `hsa_id` is the assignment's own, which a directory gives.
    """

    person: str
    unit: str
    purpose: Purpose | None
    hsa_id: str | None = None
    rights: tuple[str, ...] = ()
    title: str | None = None
    position: str | None = None
    start: date | None = None
    end: date | None = None
    active: bool = True

    @property
    def kind(self) -> Kind:
        """Assignment or employment."""
        return Kind.EMPLOYMENT if self.purpose is None else Kind.ASSIGNMENT

    def holds_on(self, day: date) -> bool:
        """Whether it gives rights on a day."""
        return self.active and not (self.start and self.start > day) and not (self.end and self.end < day)


Record = Unit | Person | Role

FIELDS: dict[str, str] = {
    "hsa_id": message("HSA-id"),
    "name": message("Name"),
    "type": message("Kind"),
    "parent": message("Part of"),
    "organisation_number": message("Organisation number"),
    "street": message("Street address"),
    "postal_code": message("Postal code"),
    "city": message("City"),
    "phone": message("Telephone"),
    "start": message("From"),
    "end": message("Until"),
    "active": message("In use"),
    "given_name": message("Given name"),
    "family_name": message("Family name"),
    "personal_number": message("Personal identity number"),
    "protected": message("Protected personal data"),
    "professions": message("Licensed as"),
    "prescriber_code": message("Prescriber code"),
    "person": message("Person"),
    "unit": message("Unit"),
    "purpose": message("Purpose"),
    "rights": message("Rights"),
    "title": message("Title"),
    "position": message("Position code"),
}
"""What each field is called on pages."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs, as text: "" where there is no value."""

    field: str
    before: str
    after: str


def differences(before: Record | None, after: Record | None) -> tuple[FieldChange, ...]:
    """The fields in which two states of the same thing differ, in their order."""
    shape = after or before
    if shape is None:
        return ()
    changes = (
        FieldChange(one.name, as_text(before, one.name), as_text(after, one.name)) for one in fields(shape)
    )
    return tuple(change for change in changes if change.before != change.after)


def as_text(record: Record | None, name: str) -> str:
    """A field's value as files write it."""
    value = None if record is None else getattr(record, name)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return "|".join(value)
    return str(value)
