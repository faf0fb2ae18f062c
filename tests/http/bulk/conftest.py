"""A record, and a client that orders in bulk what it holds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from tests.conftest import OTHER, SYSTEM, principal
from tests.support.bulk import Client
from tests.support.resources import observation, patient

from kontinuum.app.bulk_import import bulk_runner
from kontinuum.app.services import Services, open_services
from kontinuum.kernel.config import Settings


@pytest.fixture
async def services(settings: Settings, dsn: str, tmp_path: Path) -> AsyncIterator[Services]:
    """The application's services, with a data directory of their own."""
    async with open_services(replace(settings, data_dir=tmp_path), dsn, connections=4) as opened:
        yield opened


@pytest.fixture
async def bulk(client: httpx.AsyncClient, services: Services, dsn: str, tmp_path: Path) -> Client:
    """A system client, over a record with two patients, one of them also another provider's."""
    bulk = Client(client, await bulk_runner(services, dsn), services, tmp_path / "bulk")
    await bulk.write(
        patient("A", id="p1"),
        patient("B", id="p2"),
        observation("p1", id="o1"),
        observation("p2", "1-1", id="o2", effectiveDateTime="2020-05-05"),
        {"resourceType": "Organization", "id": "ward", "name": "Avdelning 7"},
        {"resourceType": "Practitioner", "id": "dr", "name": [{"family": "Lind"}]},
        {
            "resourceType": "Group",
            "id": "g",
            "type": "person",
            "actual": True,
            "member": [
                {"entity": {"reference": "Patient/p2"}},
                {"entity": {"reference": "Patient/p1"}, "inactive": True},
            ],
        },
    )
    elsewhere = principal("theirs", kind=SYSTEM.actor.kind, provider=OTHER, purpose=SYSTEM.purpose)
    await bulk.write(observation("p1", id="foreign"), patient("C", id="p3"), who=elsewhere)
    return bulk
