"""Shared fixtures: a real PostgreSQL, a database of its own for each test, the gate, the application."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from kontinuum.app.postgres import scratch_database, throwaway_server
from kontinuum.app.services import Services, open_services
from kontinuum.kernel.config import Settings, load_settings
from kontinuum.kernel.principal import Actor, ActorKind, Assignment, Principal, Purpose
from kontinuum.record import Gate, Record
from kontinuum.store.migrate import migrate
from tests.browser.steps import STEPS
from tests.support import holding
from tests.support.databases import Databases

hypothesis_settings.register_profile(
    "kontinuum",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
hypothesis_settings.load_profile("kontinuum")

SHARED = Path(__file__).resolve().parents[1].parent / "shared"
"""Sample data and conformance cases that may lie beside the repository; tests skip where it is absent."""

REGION = "SE2321000016-1003"
OTHER = "SE5560000001-1001"


def principal(
    name: str = "dr-lind",
    *,
    kind: ActorKind = ActorKind.STAFF,
    provider: str = REGION,
    unit: str | None = None,
    purpose: Purpose = Purpose.CARE,
    rights: tuple[str, ...] = (),
) -> Principal:
    """Someone who acts at a unit of a provider."""
    unit = unit or f"{provider}-A"
    assignment = Assignment(
        f"{name}-at-{unit}", "Läkare", unit, f"Enhet {unit}", provider, provider, purpose, rights
    )
    return Principal(Actor(kind, name, name), assignment, "test")


SYSTEM = principal("test-client", kind=ActorKind.SYSTEM, purpose=Purpose.SYSTEM)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the actions that each task took beside its budget, and how long a browser needed for them."""
    reports = [one for kind in ("passed", "failed") for one in terminalreporter.stats.get(kind, ())]
    rows = [value for one in reports for name, value in getattr(one, "user_properties", ()) if name == STEPS]
    if rows:
        terminalreporter.section("actions of a task beside its budget, and the time of a machine's hand")
        terminalreporter.write_line(f"{'task':<58} | budget | counted |   time | of it waited for the page")
        for task, budget, taken, seconds, waited in rows:
            page = f" | {waited * 1000:.0f} ms" if waited is not None else ""
            terminalreporter.write_line(f"{task:<58} | {budget:>6} | {taken:>7} | {seconds:>4.1f} s{page}")


@pytest.fixture(scope="session", autouse=True)
def _one_connection_each() -> Iterator[None]:
    """Nobody asks for a second connection while holding one."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        holding.watch(monkeypatch)
        yield


@pytest.fixture(scope="session")
def settings() -> Settings:
    """The settings of the environment, as a test run."""
    return replace(load_settings(os.environ), environment="test")


@pytest.fixture(scope="session")
def database_server(settings: Settings) -> Iterator[str]:
    """A PostgreSQL server for this run: a throwaway one, or that of KONTINUUM_DATABASE_URL."""
    with throwaway_server(settings) as dsn:
        yield dsn


@pytest.fixture(scope="session")
async def template(database_server: str) -> AsyncIterator[str]:
    """The name of a migrated, empty database, copied for each test."""
    with scratch_database(database_server) as dsn:
        await migrate(dsn)
        connection = await asyncpg.connect(dsn)
        name = await connection.fetchval("select current_database()")
        await connection.close()
        yield name


@pytest.fixture(scope="session")
def databases(database_server: str, template: str) -> Iterator[Databases]:
    """Databases that one test after the other gets empty."""
    made = Databases(database_server, template)
    yield made
    made.close()


@pytest.fixture
async def dsn(databases: Databases) -> AsyncIterator[str]:
    """An empty, migrated database for one test."""
    dsn = await databases.take()
    yield dsn
    await databases.give_back(dsn)


@pytest.fixture
async def owner(dsn: str) -> AsyncIterator[Any]:
    """A connection as the role that owns the database: the application itself works under a lesser one."""
    connection = await asyncpg.connect(dsn)
    yield connection
    await connection.close()


@pytest.fixture
async def services(settings: Settings, dsn: str) -> AsyncIterator[Services]:
    """The application's services over an empty database."""
    async with open_services(settings, dsn, connections=4) as opened:
        yield opened


@pytest.fixture
def gate(services: Services) -> Gate:
    """The gate over an empty database."""
    return services.gate


@pytest.fixture
def record(gate: Gate) -> Record:
    """The record as a system client of the region sees it."""
    return gate.record(SYSTEM)


@pytest.fixture
def now() -> datetime:
    """The present."""
    return datetime.now(UTC)


@pytest.fixture
async def client(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of the whole application, signed in as a system client of the region."""
    from kontinuum.app.asgi import build

    token = await services.identity.mint_token(SYSTEM, timedelta(hours=1))
    transport = httpx.ASGITransport(app=build(services), raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", headers={"Authorization": f"Bearer {token}"}
    ) as opened:
        yield opened
