"""Decisions on settings: kept with who and why, never changed, heard of by other processes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from kontinuum.app.services import Services, open_services
from kontinuum.identity import Proof
from kontinuum.kernel.config import Settings
from kontinuum.kernel.principal import Principal, Purpose
from kontinuum.kernel.provider_settings import Value
from kontinuum.store.provider_settings import Superseded
from tests.conftest import OTHER, REGION, principal

ADMINISTRATOR = principal("rickard", purpose=Purpose.ADMINISTRATION)


async def decide(
    services: Services, name: str, value: Value | None, *, seen: int = 0, who: Principal = ADMINISTRATOR
) -> bool | Superseded:
    return await services.provider_settings.decide(who, name, value, "Beslut 2026-1", seen=seen)


async def test_a_decision_holds_at_its_care_provider_and_nowhere_else(services: Services) -> None:
    assert await decide(services, "relation_days", 60) is True
    assert (await services.provider_settings.of(REGION)).relation_days == 60
    assert (await services.provider_settings.of(OTHER)).relation_days == 30


async def test_every_decision_is_kept_with_who_when_from_to_and_why(services: Services) -> None:
    await decide(services, "relation_days", 60)
    first = (await services.provider_settings.history(REGION))[0]
    await decide(services, "relation_days", None, seen=first.number)
    second, again = await services.provider_settings.history(REGION)
    assert again == first
    assert (first.actor, first.before, first.value, first.reason) == ("rickard", None, "60", "Beslut 2026-1")
    assert (second.before, second.value) == ("60", None)


async def test_a_decision_that_changes_nothing_leaves_no_trace(services: Services) -> None:
    assert await decide(services, "relation_days", None) is False
    assert await services.provider_settings.history(REGION) == []


async def test_one_who_did_not_see_the_latest_decision_is_told_of_it(services: Services) -> None:
    await decide(services, "relation_days", 60)
    told = await decide(services, "relation_days", 90, who=principal("eva", purpose=Purpose.ADMINISTRATION))
    assert isinstance(told, Superseded)
    assert (told.latest.actor_name, told.latest.value) == ("rickard", "60")
    assert (await services.provider_settings.of(REGION)).relation_days == 60


@pytest.mark.parametrize(
    "statement", ["update provider_setting set reason = ''", "delete from provider_setting"]
)
async def test_decisions_cannot_be_changed_or_removed(services: Services, statement: str) -> None:
    await decide(services, "relation_days", 60)
    with pytest.raises(asyncpg.RaiseError, match="as they were made"):
        await services.pool.execute(statement)


async def test_other_processes_hear_of_a_decision(services: Services, settings: Settings, dsn: str) -> None:
    async with open_services(settings, dsn, connections=2) as other:
        assert (await other.provider_settings.of(REGION)).opening_hours == 4
        await decide(services, "opening_hours", 2)
        for _ in range(100):  # a notification takes as long as it takes
            await other.pool.fetchval("select pg_sleep(0.02)")
            if (await other.provider_settings.of(REGION)).opening_hours == 2:
                break
        assert (await other.provider_settings.of(REGION)).opening_hours == 2


async def test_the_environment_wins(settings: Settings, dsn: str) -> None:
    decided = replace(settings, provider_overrides={"opening_hours": 8})
    async with open_services(decided, dsn, connections=2) as services:
        await decide(services, "opening_hours", 2)
        assert (await services.provider_settings.of(REGION)).opening_hours == 8


async def test_sessions_last_as_long_as_their_care_provider_decided(services: Services) -> None:
    await decide(services, "session_hours", 1)
    limits = await services.identity.sessions.limits_at(REGION)
    assert limits.lifetime == timedelta(hours=1)
    assert (await services.identity.sessions.limits_at(OTHER)).lifetime == timedelta(hours=12)
    cookie, _ = await services.identity.sessions.start(ADMINISTRATOR, Proof("siths"))
    expires = await services.pool.fetchval("select expires - created from session")
    assert expires == 3600 * 1_000_000
    assert await services.identity.sessions.find(cookie) is not None
