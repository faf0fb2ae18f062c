"""Rule 18: failed attempts are in the log, however many there are; a token is made in the log first."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from kontinuum.app.asgi import build
from kontinuum.app.commands import token as command
from kontinuum.app.services import Services
from kontinuum.audit import AuditEntry
from kontinuum.audit.attempts import ADDRESSES, OTHERS, Attempts
from kontinuum.audit.entry import read_entry
from kontinuum.audit.event import to_event
from kontinuum.fhir.validation import validate
from kontinuum.kernel.config import Settings


async def logged(owner: Any, action: str = "authenticate") -> list[AuditEntry]:
    """The entries with an action, oldest first."""
    rows = await owner.fetch(
        "select content from audit_entry where action = $1 order by recorded, writer, block, ord", action
    )
    return [read_entry(row["content"]) for row in rows]


@pytest.fixture
def attempts(services: Services) -> Attempts:
    """The counting of attempts, whose minute ends when it is closed."""
    return Attempts(services.audit, services.clock, seconds=3600)


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "no-token"),
        ({"Authorization": "Bearer kt_unknown"}, "invalid-token"),
        ({"Authorization": "Basic eDp5"}, "invalid-token"),
    ],
)
async def test_a_request_of_nobody_known_is_a_failed_attempt(
    services: Services, owner: Any, headers: dict[str, str], reason: str
) -> None:
    transport = httpx.ASGITransport(app=build(services), client=("192.0.2.7", 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        assert (await client.get("/fhir/Patient?name=Karlsson")).status_code == 401
        assert (await client.get("/fhir/metadata")).status_code == 200
    (found,) = await logged(owner)
    assert (found.client, found.outcome, found.basis, found.count) == ("192.0.2.7", "refused", reason, 1)
    assert "Karlsson" not in found.content().decode(), "nobody is told what a stranger asked for"
    assert validate(to_event(found, "log-1-1-0"), expected_type="AuditEvent") == []


async def test_a_known_client_leaves_no_failed_attempt(client: httpx.AsyncClient, owner: Any) -> None:
    assert (await client.get("/fhir/Patient/none")).status_code == 404
    assert await logged(owner) == []


async def test_a_flood_from_one_address_is_two_entries_that_count_it(attempts: Attempts, owner: Any) -> None:
    for _ in range(5000):
        await attempts.note("192.0.2.7", "invalid-token")
    assert [each.count for each in await logged(owner)] == [1]
    await attempts.close()
    assert [each.count for each in await logged(owner)] == [1, 4999]


async def test_a_flood_from_many_addresses_is_bounded_and_counted(attempts: Attempts, owner: Any) -> None:
    several = [f"10.1.{number // 250}.{number % 250}" for number in range(1000)]
    for _ in range(2):
        await asyncio.gather(*(attempts.note(address, "no-token") for address in several))
    await attempts.close()
    found = await logged(owner)
    assert len(found) <= 2 * (ADDRESSES + 1)
    assert sum(each.count or 0 for each in found) == 2000
    assert sum(each.count or 0 for each in found if each.client == OTHERS) == 2 * (1000 - ADDRESSES)


@pytest.mark.parametrize(
    ("addresses", "told"),
    [
        (("2001:db8::1", "2001:db8::ffff:2"), ["2001:db8::/64"]),
        (("2001:db8::1", "2001:db8:0:1::1"), ["2001:db8::/64", "2001:db8:0:1::/64"]),
        (("::ffff:192.0.2.7", "192.0.2.7"), ["192.0.2.7"]),
        (("fe80::1%eth0",), ["fe80::/64"]),
        (("", "x" * 10_000), ["unknown address"]),
    ],
)
async def test_whose_addresses_are_counted_together(
    attempts: Attempts, owner: Any, addresses: tuple[str, ...], told: list[str]
) -> None:
    for address in addresses:
        await attempts.note(address, "no-token")
    assert [each.client for each in await logged(owner)] == told


async def test_what_was_counted_is_told_when_the_minute_is_over(services: Services, owner: Any) -> None:
    attempts = Attempts(services.audit, services.clock, seconds=0.01)
    for sent in (3, 6):  # and counting begins anew
        await asyncio.gather(*(attempts.note("192.0.2.7", "no-token") for _ in range(3)))
        async with asyncio.timeout(60):
            while sum(each.count or 0 for each in await logged(owner)) < sent:
                await asyncio.sleep(0.05)
    assert sum(each.count or 0 for each in await logged(owner)) == 6
    await attempts.close()


async def test_a_log_that_is_closed_does_not_turn_the_refusal_into_a_fault(services: Services) -> None:
    await services.audit.stop()
    transport = httpx.ASGITransport(app=build(services), client=("192.0.2.7", 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        assert (await client.get("/fhir/Patient/p")).status_code == 401


async def test_making_a_token_is_in_the_log_under_the_assignment_it_carries(
    dsn: str, settings: Settings, owner: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await asyncio.to_thread(command.run, dsn, settings, persona="Anna Berglund") == 0
    secret = capsys.readouterr().out.strip()
    (found,) = await logged(owner, "mint-token")
    assert (found.actor_name, found.outcome) == ("Anna Berglund", "permitted")
    assert found.unit
    assert found.assignment
    assert secret not in found.content().decode()
    assert validate(to_event(found, "log-1-1-0"), expected_type="AuditEvent") == []


async def test_a_token_that_is_refused_is_not_in_the_log_as_made(
    dsn: str, settings: Settings, owner: Any
) -> None:
    assert await asyncio.to_thread(command.run, dsn, settings, persona="Nobody at all") == 2
    assert await logged(owner, "mint-token") == []
