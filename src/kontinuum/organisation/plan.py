"""What a delivery of the directory would change: new, changed, ended, unchanged. Nothing is written here.

Pure: the delivery, what the record holds now, and the day go in; changes come out, each with its fields.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Any

import msgspec

from kontinuum.organisation import resources
from kontinuum.organisation.files import Fault, Line
from kontinuum.organisation.model import FieldChange, Kind, Person, Record, Role, Unit, differences
from kontinuum.sweden.organisations import issuer

Resource = dict[str, Any]


class What(StrEnum):
    """What becomes of one thing."""

    NEW = "new"
    CHANGED = "changed"
    ENDED = "ended"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Held:
    """A resource of the directory as the record holds it; `provider` is accountable for it."""

    reference: str
    version: int
    provider: str
    resource: Resource


@dataclass(slots=True)
class Directory:
    """What the record holds of the directory, as far as a delivery needs it; keys are references."""

    held: dict[str, Held] = field(default_factory=dict)
    by_hsa_id: dict[tuple[str, str], str] = field(default_factory=dict)
    hsa_ids: dict[str, str] = field(default_factory=dict)

    def add(self, one: Held) -> None:
        """Know a resource; of several with the same HSA-id the first one counts."""
        self.held[one.reference] = one
        hsa_id = resources.hsa_id_of(one.resource)
        if hsa_id:
            self.by_hsa_id.setdefault((one.resource["resourceType"], hsa_id), one.reference)
            self.hsa_ids[one.reference] = hsa_id

    def find(self, type_name: str, hsa_id: str) -> Held | None:
        """The resource with an HSA-id."""
        reference = self.by_hsa_id.get((type_name, hsa_id))
        return None if reference is None else self.held[reference]

    def value(self, held: Held) -> Record:
        """What a held resource says."""
        match held.resource["resourceType"]:
            case "Organization":
                return resources.unit_of(held.resource, self.hsa_ids)
            case "Practitioner":
                return resources.person_of(held.resource)
            case _:
                return resources.role_of(held.resource, self.hsa_ids)


@dataclass(frozen=True, slots=True)
class Change:
    """One thing of a delivery: what becomes of it, at which care provider, and the resource to write."""

    what: What
    kind: Kind
    name: str
    provider: str
    reference: str
    version: int | None
    fields: tuple[FieldChange, ...]
    resource: Resource


@dataclass(frozen=True, slots=True)
class Plan:
    """All changes of a delivery, in an order in which they can be written."""

    changes: tuple[Change, ...]
    faults: tuple[Fault, ...]

    def count(self) -> Counter[tuple[Kind, What]]:
        """How many of each."""
        return Counter((change.kind, change.what) for change in self.changes)

    @property
    def to_write(self) -> tuple[Change, ...]:
        """What is not as it should be."""
        return tuple(change for change in self.changes if change.what is not What.UNCHANGED)

    @property
    def fingerprint(self) -> str:
        """The same as long as the same would be written over the same versions."""
        told = [(change.reference, change.version, change.resource) for change in self.to_write]
        return hashlib.sha256(msgspec.json.encode(told, enc_hook=str)).hexdigest()


_ORDER = (Kind.PROVIDER, Kind.UNIT, Kind.PERSON, Kind.EMPLOYMENT, Kind.ASSIGNMENT)


def make(
    lines: Sequence[Line],
    directory: Directory,
    *,
    today: date,
    complete: Sequence[str] = (),
    only: str | None = None,
) -> Plan:
    """Compare a delivery with what the record holds.

    `complete` are the care providers of which the delivery holds everything: what it lacks ends. `only` is
    the one care provider that may be changed.
    """
    planning = _Planning(lines, directory, today, only)
    for line in planning.ordered():
        planning.take(line)
    if not planning.faults:
        for provider in complete:
            planning.end_missing(provider)
    return Plan(tuple(planning.changes), tuple(planning.faults))


class _Planning:
    """One comparison."""

    def __init__(self, lines: Sequence[Line], directory: Directory, today: date, only: str | None) -> None:
        self.directory = directory
        self.today = today
        self.only = only
        self.lines = lines
        self.changes: list[Change] = []
        self.faults: list[Fault] = []
        self._units = {line.record.hsa_id: line.record for line in lines if isinstance(line.record, Unit)}
        self._homes = _homes(lines)
        self._references = {hsa_id: reference for (_, hsa_id), reference in directory.by_hsa_id.items()}
        for line in lines:
            if isinstance(line.record, Unit | Person):
                kind = "Organization" if isinstance(line.record, Unit) else "Practitioner"
                self._references.setdefault(line.record.hsa_id, f"{kind}/{line.record.hsa_id}")
        self._people = {line.record.hsa_id for line in lines if isinstance(line.record, Person)}
        self._taken: set[str] = set()

    def ordered(self) -> list[Line]:
        """What is referred to before what refers to it."""
        return sorted(self.lines, key=lambda line: _ORDER.index(_kind(line.record)))

    def take(self, line: Line) -> None:
        """Plan one line."""
        record = line.record
        reason = self._unknown(record)
        provider = "" if reason else self._provider(record)
        if not reason and not provider:
            reason = "it is part of no care provider: the way up is broken"
        if not reason and self.only not in (None, provider):
            reason = f"it belongs to the care provider {provider}; your assignment is at {self.only}"
        held = None if reason else self._present(record)
        if held is not None and held.provider != provider:
            reason = f"the record holds it for the care provider {held.provider}, who alone may change it"
        if not reason and held is None and isinstance(record, Person) and self._foreign(record):
            reason = f"its HSA-id is issued by {issuer(record.hsa_id)}, who alone registers the person"
        reference = self._reference(record, held)
        if not reason and reference in self._taken:
            reason = "it stands in the delivery twice"
        if reason:
            self.faults.append(Fault(line.file, line.number, "", reason))
            return
        self._taken.add(reference)
        self._compare(record, held, reference, provider)

    def _foreign(self, person: Person) -> bool:
        return self.only is not None and issuer(person.hsa_id) != issuer(self.only)

    def end_missing(self, provider: str) -> None:
        """End what the record holds of a care provider and the delivery lacks; nothing is deleted."""
        for held in list(self.directory.held.values()):
            if held.provider != provider or held.reference in self._taken:
                continue
            before = self.directory.value(held)
            if isinstance(before, Person):
                after: Record = replace(before, active=False)
            else:
                over = before.end is not None and before.end <= self.today
                after = before if over or not before.active else replace(before, end=self.today)
            if after != before:
                resource = self._resource(after, held)
                fields = differences(before, after)
                self.changes.append(
                    _change(What.ENDED, after, provider, held.reference, held, fields, resource)
                )

    def _compare(self, record: Record, held: Held | None, reference: str, provider: str) -> None:
        before = None if held is None else self.directory.value(held)
        fields = differences(before, record)
        what = What.NEW if before is None else What.CHANGED if fields else What.UNCHANGED
        resource = held.resource if held and not fields else self._resource(record, held)
        if held is None:
            resource["id"] = reference.partition("/")[2]
        self.changes.append(_change(what, record, provider, reference, held, fields, resource))

    def _unknown(self, record: Record) -> str:
        """What a line refers to and is neither in the delivery nor in the record."""
        if isinstance(record, Unit) and record.parent and not self._knows_unit(record.parent):
            return f"it is part of {record.parent}, which is not known"
        if isinstance(record, Role):
            if record.person not in self._people and not self.directory.find("Practitioner", record.person):
                return f"the person {record.person} is not known"
            if not self._knows_unit(record.unit):
                return f"the unit {record.unit} is not known"
        return ""

    def _knows_unit(self, hsa_id: str) -> bool:
        return hsa_id in self._units or self.directory.find("Organization", hsa_id) is not None

    def _provider(self, record: Record) -> str:
        """The care provider that becomes accountable; "" when there is none."""
        if isinstance(record, Person):
            held = self.directory.find("Practitioner", record.hsa_id)
            home = self._homes.get(record.hsa_id)
            return held.provider if held else self._top(home) if home else self.only or ""
        return self._top(record.hsa_id if isinstance(record, Unit) else record.unit)

    def _top(self, hsa_id: str) -> str:
        seen: set[str] = set()
        while hsa_id not in seen:
            seen.add(hsa_id)
            unit = self._units.get(hsa_id)
            if unit is None:
                held = self.directory.find("Organization", hsa_id)
                unit = resources.unit_of(held.resource, self.directory.hsa_ids) if held else None
            if unit is None:
                return ""
            if unit.parent is None:
                return hsa_id
            hsa_id = unit.parent
        return ""

    def _present(self, record: Record) -> Held | None:
        if isinstance(record, Unit):
            return self.directory.find("Organization", record.hsa_id)
        if isinstance(record, Person):
            return self.directory.find("Practitioner", record.hsa_id)
        if record.hsa_id:
            return self.directory.find("PractitionerRole", record.hsa_id)
        return self.directory.held.get(f"PractitionerRole/{resources.employment_id(record)}")

    def _reference(self, record: Record, held: Held | None) -> str:
        if held is not None:
            return held.reference
        if isinstance(record, Unit):
            return f"Organization/{record.hsa_id}"
        if isinstance(record, Person):
            return f"Practitioner/{record.hsa_id}"
        return f"PractitionerRole/{record.hsa_id or resources.employment_id(record)}"

    def _resource(self, record: Record, held: Held | None) -> Resource:
        present = None if held is None else held.resource
        if isinstance(record, Unit):
            return resources.unit_resource(record, self._references, present)
        if isinstance(record, Person):
            return resources.person_resource(record, present)
        return resources.role_resource(record, self._references, present)


def _change(
    what: What,
    record: Record,
    provider: str,
    reference: str,
    held: Held | None,
    fields: tuple[FieldChange, ...],
    resource: Resource,
) -> Change:
    name = record.name if isinstance(record, Unit | Person) else f"{record.person}, {record.unit}"
    version = None if held is None else held.version
    return Change(what, _kind(record), name, provider, reference, version, fields, resource)


def _kind(record: Record) -> Kind:
    if isinstance(record, Unit):
        return Kind.UNIT if record.parent else Kind.PROVIDER
    return Kind.PERSON if isinstance(record, Person) else record.kind


def _homes(lines: Iterable[Line]) -> Mapping[str, str]:
    """The unit at which a person is employed, else has the first assignment, by HSA-id of the person."""
    homes: dict[str, str] = {}
    for kind in (Kind.EMPLOYMENT, Kind.ASSIGNMENT):
        for line in lines:
            if isinstance(line.record, Role) and line.record.kind is kind:
                homes.setdefault(line.record.person, line.record.unit)
    return homes
