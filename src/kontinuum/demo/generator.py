"""The stream: organisations and staff first, then patient after patient, each in batches of one care unit."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Any

from kontinuum.demo.archetypes import MAX_GENERATED, generated_patient
from kontinuum.demo.cast import CAST, cast_patient
from kontinuum.demo.chart import Chart
from kontinuum.demo.people import Person
from kontinuum.demo.region import Region, region

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """Resources that one care unit of one care provider is accountable for, both by HSA-id.

    For organisations of the provider itself `unit` is the provider's own HSA-id. `patient` is the id of the
    patient whom all resources concern, None for organisations and staff. Every reference leads to a
    resource of this batch or of an earlier one.
    """

    unit: str
    provider: str
    patient: str | None
    resources: list[Resource]


def generate(seed: int = 1, patients: int = 62, *, today: date) -> Iterator[Batch]:
    """Generate the demo region: the same stream for the same seed, number of patients and day.

    The first patients are the cast of stories (`cast.CAST`), the others are drawn from archetypes; patient
    number n is the same however many are asked for. Memory does not grow with `patients`. ValueError when
    `patients` is negative or more than the test series of personnummer allows.
    """
    if not 0 <= patients <= MAX_PATIENTS:
        message = (
            f"patients must be 0-{MAX_PATIENTS}, not {patients}: test personnummer do not suffice for more"
        )
        raise ValueError(message)
    return _stream(seed, patients, today)


def one_patient(number: int, seed: int = 1, *, today: date) -> Iterator[Batch]:
    """Generate one patient of the region, the same as in `generate`, without the others."""
    rng = Random(f"kontinuum-demo/{seed}/{number}")  # noqa: S311 - reproducible, not secret
    return _patient(region(), number, rng, today)


MAX_PATIENTS = len(CAST) + MAX_GENERATED


def _stream(seed: int, patients: int, today: date) -> Iterator[Batch]:
    place = region()
    yield from _organisations(place)
    for number in range(1, patients + 1):
        rng = Random(f"kontinuum-demo/{seed}/{number}")  # noqa: S311 - reproducible, not secret
        yield from _patient(place, number, rng, today)


def _organisations(place: Region) -> Iterator[Batch]:
    """Group by provider, providers and hospitals before the units that are part of them."""
    providers: dict[str, list[Resource]] = {}
    units: dict[tuple[str, str], list[Resource]] = {}
    for provider, unit, resource in place.resources():
        if unit is None:
            providers.setdefault(provider.hsa, []).append(resource)
        elif resource["resourceType"] in ("Organization", "Location"):
            units.setdefault((unit.hsa, provider.hsa), []).append(resource)
    for hsa, resources in providers.items():
        yield Batch(hsa, hsa, None, resources)
    for (unit_hsa, provider_hsa), resources in units.items():
        yield Batch(unit_hsa, provider_hsa, None, resources)
    for provider, unit, resource in place.resources():
        if unit is not None and resource["resourceType"] in ("Practitioner", "PractitionerRole"):
            yield Batch(unit.hsa, provider.hsa, None, [resource])


def _patient(place: Region, number: int, rng: Random, today: date) -> Iterator[Batch]:
    make: Callable[[Region, int, Random, date], tuple[Person, Callable[[Chart], None]]]
    make = cast_patient if number <= len(CAST) else generated_patient
    person, tell = make(place, number, rng, today)
    chart = Chart(person, place, rng, today)
    tell(chart)
    for unit, resources in chart.batches():
        yield Batch(unit.hsa, unit.provider.hsa, person.id, resources)
