"""The region of the cast, its clock, and short words for what tests do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from kontinuum.app.asgi import build
from kontinuum.app.bulk_import import bulk_runner
from kontinuum.app.postgres import scratch_database
from kontinuum.app.services import Services, open_services
from kontinuum.kernel.clock import FixedClock, to_micros
from kontinuum.kernel.config import Settings
from kontinuum.kernel.principal import ActorKind, Principal, Purpose
from kontinuum.record import Done, Incoming, Record, Refusal, Stored, Written
from tests.law.cast import NOW, OWNER, PATIENTS, TREATING, entries, people, someone, visit
from tests.law.town import Town, settle


class Region:
    """The services over the region's database, and its clock."""

    def __init__(self, services: Services, clock: FixedClock) -> None:
        self.services = services
        self.clock = clock

    def record(self, principal: Principal) -> Record:
        """The record as somebody sees it."""
        return self.services.gate.record(principal)

    def later(self, **duration: float) -> int:
        """The moment after a duration, in microseconds."""
        return to_micros(self.clock.now() + timedelta(**duration))

    def wait(self, **duration: float) -> None:
        """Let time pass."""
        self.clock.advance(timedelta(**duration))

    async def sees(self, who: Principal, reference: str) -> bool:
        """Whether somebody reads a resource."""
        type_name, _, identity = reference.partition("/")
        return isinstance(await self.record(who).read(type_name, identity), Stored)

    async def finds(self, who: Principal, url: str) -> list[str]:
        """The ids that a search shows somebody."""
        page = await self.record(who).find(url)
        assert not isinstance(page, Refusal), page
        return sorted(stored.id for stored in page.matches)

    async def write(self, unit: str, *resources: dict[str, Any]) -> None:
        """Write resources for which a unit is accountable, as a system of the unit's provider would."""
        record = self.record(someone("loader", unit, ActorKind.SYSTEM, Purpose.SYSTEM))
        for result in await record.take_in([Incoming(resource) for resource in resources]):
            assert isinstance(result, Written), result

    async def logged(self, action: str) -> list[dict[str, Any]]:
        """The log's entries about an action, oldest first."""
        from kontinuum.fhir import json

        rows = await self.services.pool.fetch(
            "select content from audit_entry where action = $1 order by writer, block, ord", action
        )
        return [json.loads(row["content"]) for row in rows]


@pytest.fixture
async def region(settings: Settings, dsn: str) -> AsyncIterator[Region]:
    """Patients with data at every unit; the treating doctor's unit takes part in everybody's care."""
    clock = FixedClock(NOW)
    async with open_services(settings, dsn, clock=clock, connections=4) as services:
        region = Region(services, clock)
        unit_a = next(iter(OWNER))
        await region.write(unit_a, *people(), *(visit(patient, unit_a) for patient in PATIENTS))
        for unit in OWNER:
            await region.write(unit, *(entry for patient in PATIENTS for entry in entries(patient, unit)))
        yield region


@pytest.fixture(scope="package")
async def town(
    settings: Settings, database_server: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Town]:
    """The world of the matrix behind one application, for all tests that only look."""
    settings = replace(settings, data_dir=tmp_path_factory.mktemp("town"))
    with scratch_database(database_server, template=template) as dsn:
        async with open_services(settings, dsn, clock=FixedClock(NOW), connections=8) as services:
            transport = httpx.ASGITransport(app=build(services), raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                yield await settle(services, client, await bulk_runner(services, dsn))


def done(result: Done | Refusal) -> Done:
    """An act that must have been carried out."""
    assert isinstance(result, Done), result
    return result


def refused(result: object) -> Refusal:
    """What must have been refused."""
    assert isinstance(result, Refusal), result
    return result


__all__ = ["TREATING", "Region", "done", "refused"]
