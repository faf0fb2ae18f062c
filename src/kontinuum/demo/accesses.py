"""Made-up accesses of the last weeks, so that the log of a demo region has something to review.

They follow the region's own visits: who met a patient opened the chart shortly before. A handful are of the
kind that a review puts first: at night, of a protected identity, with the same surname, many fast.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from kontinuum.demo.generator import Batch
from kontinuum.demo.region import Staff, region
from kontinuum.kernel.i18n import SWEDEN
from kontinuum.kernel.principal import Actor, ActorKind, Assignment, Principal, Purpose

DAYS = 60
_CHART = ("Patient?_id={}", "Condition?patient={}", "MedicationRequest?patient={}", "Composition?patient={}")


@dataclass(frozen=True, slots=True)
class MadeUpAccess:
    """Somebody opened a patient's chart at a moment; `what` is what was searched for."""

    principal: Principal
    moment: datetime
    patient: str

    @property
    def what(self) -> tuple[str, ...]:
        """The searches of a chart."""
        return tuple(text.format(self.patient) for text in _CHART)


def accesses_around(batch: Batch, today: date) -> Iterator[MadeUpAccess]:
    """For each visit of the last weeks in a batch: who was met opened the chart ten minutes before."""
    staff = {person.key: person for person in region().staff}
    for resource in batch.resources:
        if resource["resourceType"] != "Encounter" or batch.patient is None:
            continue
        moment = datetime.fromisoformat(resource["period"]["start"])
        if not today - timedelta(days=DAYS) <= moment.date() < today:
            continue
        for participant in resource.get("participant", ()):
            reference = participant["individual"]["reference"]
            key, _, index = reference.removeprefix("PractitionerRole/").rpartition("-")
            if key in staff and index.isdigit():
                who = _principal(staff[key], int(index))
                yield MadeUpAccess(who, moment - timedelta(minutes=10), batch.patient)


def unusual_accesses(today: date) -> Iterator[MadeUpAccess]:
    """Accesses that a review of the region's log should put before the reviewer."""
    by_name = {person.name: person for person in region().staff}

    def opened(name: str, days_ago: int, hour: int, minute: int, *patients: int) -> Iterator[MadeUpAccess]:
        day = datetime.combine(today - timedelta(days=days_ago), datetime.min.time(), tzinfo=SWEDEN)
        for place, number in enumerate(patients):
            moment = day.replace(hour=hour, minute=minute) + timedelta(seconds=35 * place)
            yield MadeUpAccess(_principal(by_name[name], 1), moment, f"p-{number:04}")

    yield from opened("Helena Lundqvist", 5, 16, 40, 31)
    for days_ago in (2, 4, 6, 8, 10):
        yield from opened("Anna Berglund", days_ago, 10, 15, 1)  # who works by day
    yield from opened("Anna Berglund", 9, 2, 12, 12)
    yield from opened("Karin Öhman", 12, 11, 5, 13)
    yield from opened("Birgitta Nyström", 3, 14, 0, *range(21, 41))


def _principal(person: Staff, index: int) -> Principal:
    unit, purpose = person.assignments[index - 1]
    assignment = Assignment(
        id=f"{person.key}-{index}",
        title=person.title,
        unit=unit.hsa,
        unit_name=unit.name,
        provider=unit.provider.hsa,
        provider_name=unit.provider.name,
        purpose=Purpose(purpose),
    )
    actor = Actor(ActorKind.STAFF, person.key, person.name, f"Practitioner/{person.key}")
    return Principal(actor, assignment, "kontinuum demo")
