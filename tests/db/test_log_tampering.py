"""Rule 19: the log is append-only, kept for years, and any change of it is found with place and time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from kontinuum.app.commands import audit as command
from kontinuum.app.services import Services
from kontinuum.audit import AuditLog, entry
from kontinuum.audit.anchors import anchor
from kontinuum.audit.keeping import carry_out, decide, kept_until, removable
from kontinuum.audit.verify import verify
from kontinuum.kernel.clock import FixedClock, to_micros
from kontinuum.kernel.config import Settings
from kontinuum.record import Record
from tests.conftest import SYSTEM
from tests.support.resources import patient

Write = Callable[..., Awaitable[None]]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def write(dsn: str) -> Write:
    """Write some entries in a chain of their own, one block an entry, at a given time."""

    async def some(count: int = 3, at: datetime = NOW) -> None:
        clock = FixedClock(at)
        log = AuditLog(dsn, clock)
        await log.start()
        for number in range(count):
            about = entry(SYSTEM, to_micros(clock.now()), "read", "permitted", "x", patients=(f"p{number}",))
            await log.durable(about)
            clock.advance(timedelta(seconds=1))
        await log.stop()

    return some


async def tamper(owner: Any, *statements: str) -> None:
    """Change the log as someone does who owns the whole server: without its triggers."""
    async with owner.transaction():
        await owner.execute("set local session_replication_role = replica")
        for statement in statements:
            await owner.execute(statement)


TABLES = (
    "audit_anchor",
    "audit_anchor_head",
    "audit_block",
    "audit_chain",
    "audit_decision",
    "audit_entry",
    "audit_removal",
    "log_check",
    "log_finding",
    "log_round",
)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    "statement",
    ["delete from {}", "truncate {} cascade", "alter table {} disable trigger all", "drop table {}"],
)
async def test_the_application_has_no_right_to_change_the_log(
    services: Services, table: str, statement: str
) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await services.pool.execute(statement.format(table))


async def test_the_application_cannot_update_or_switch_triggers_off(
    services: Services, record: Record
) -> None:
    await record.create(patient())
    for statement in (
        "update audit_entry set actor = 'nobody'",
        "update audit_block set sealed = 1",
        "set session_replication_role = replica",
        "insert into audit_decision values (1, 1, 1, '', '', 0, 0, '')",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await services.pool.execute(statement)


@pytest.mark.parametrize(
    "table", ["audit_entry", "audit_block", "audit_anchor", "audit_anchor_head", "audit_chain"]
)
@pytest.mark.parametrize("statement", ["update {} set writer = 1", "delete from {}", "truncate {}"])
async def test_even_the_owner_of_the_tables_is_refused(
    write: Write, owner: Any, table: str, statement: str
) -> None:
    await write()
    with pytest.raises(asyncpg.PostgresError, match="append-only"):
        await owner.execute(
            statement.format(table).replace("audit_anchor set writer", "audit_anchor set sealed")
        )


async def test_a_whole_log_verifies(write: Write, owner: Any) -> None:
    for _ in range(3):
        await write()
    result = await verify(owner)
    assert result.breaks == ()
    assert (result.writers, result.blocks, result.entries) == (3, 9, 9)
    assert result.anchors == 3


CASES = {
    "a flipped byte": (
        [
            "update audit_entry set content = set_byte(content, 20, get_byte(content, 20) # 1)"
            " where writer = 1 and block = 3"
        ],
        (1, 3),
        "not those that were sealed",
    ),
    "a removed row": (
        ["delete from audit_entry where writer = 1 and block = 2"],
        (1, 2),
        "1 entries were sealed, 0 are there",
    ),
    "an inserted row": (
        [
            "insert into audit_entry select writer, block, 1, recorded, actor, assignment, unit, provider,"
            " action, patients, content from audit_entry where writer = 1 and block = 2"
        ],
        (1, 2),
        "1 entries were sealed, 2 are there",
    ),
    "a row without a block": (
        [
            "insert into audit_entry select writer, 77, 0, recorded, actor, assignment, unit, provider,"
            " action, patients, content from audit_entry where writer = 2 and block = 2"
        ],
        (2, 77),
        "whose block was removed",
    ),
    "a removed block in the middle": (
        [
            "delete from audit_block where writer = 2 and block = 2",
            "delete from audit_entry where writer = 2 and block = 2",
        ],
        (2, 3),
        "block 2 is missing",
    ),
    "a removed last block": (
        [
            "delete from audit_block where writer = 2 and block = 3",
            "delete from audit_entry where writer = 2 and block = 3",
        ],
        (2, 3),
        "the end of the chain",
    ),
    "a removed writer": (
        [
            "delete from audit_block where writer = 2",
            "delete from audit_entry where writer = 2",
            "delete from audit_chain where writer = 2",
        ],
        (2, 3),
        "or all of it, was removed",
    ),
    "another patient in the column that is searched": (
        ["update audit_entry set patients = array['somebody'] where writer = 1 and block = 2"],
        (1, 2),
        "the columns by which an entry is searched",
    ),
    "another time of sealing": (
        ["update audit_block set sealed = sealed + 1 where writer = 1 and block = 1"],
        (1, 1),
        "not those that were sealed",
    ),
    "a writer removed with the anchors that name it": (
        [
            "delete from audit_block where writer = 2",
            "delete from audit_entry where writer = 2",
            "delete from audit_chain where writer = 2",
            "delete from audit_anchor_head where writer = 2",
        ],
        (0, 0),
        "anchor 2 is not as it was sealed",
    ),
    "an anchor removed": (
        ["delete from audit_anchor where number = 2", "delete from audit_anchor_head where anchor = 2"],
        (0, 0),
        "anchor 2 is missing",
    ),
    "all anchors from one on removed with what they name": (
        [
            "delete from audit_anchor where number >= 2",
            "delete from audit_anchor_head where anchor >= 2",
            "delete from audit_block where writer = 2",
            "delete from audit_entry where writer = 2",
        ],
        (3, 0),
        "the anchor 2 on which it began is missing",
    ),
}


@pytest.mark.parametrize("case", CASES)
async def test_tampering_is_found_at_its_place_and_time(write: Write, owner: Any, case: str) -> None:
    statements, place, reason = CASES[case]
    for _ in range(3):
        await write()
    await tamper(owner, *statements)
    breaks = (await verify(owner)).breaks
    assert [(found.writer, found.block) for found in breaks if reason in found.reason] == [place], breaks
    told = next(found for found in breaks if reason in found.reason)
    assert abs(told.sealed - to_micros(NOW)) < 10_000_000


async def test_everything_after_a_moment_removed_is_found_by_an_anchor_kept_elsewhere(
    write: Write, owner: Any
) -> None:
    for _ in range(3):
        await write()
    kept = await anchor(owner, to_micros(NOW))
    tables = ("audit_block", "audit_entry", "audit_chain", "audit_anchor_head")
    await tamper(
        owner,
        *(f"delete from {table} where writer = 3" for table in tables),
        "delete from audit_anchor where number = 3",
    )
    assert (await verify(owner)).breaks == ()  # what no log can find in itself
    result = await verify(owner, kept=(kept.number, kept.hash))
    assert "kept elsewhere" in result.breaks[0].reason


async def test_a_killed_writers_end_is_covered_by_the_next_start(write: Write, dsn: str, owner: Any) -> None:
    killed = AuditLog(dsn, FixedClock(NOW))
    await killed.start()
    await killed.durable(entry(SYSTEM, to_micros(NOW), "read", "permitted", "x"))
    await write()
    await tamper(
        owner, "delete from audit_block where writer = 1", "delete from audit_entry where writer = 1"
    )
    assert [found.writer for found in (await verify(owner)).breaks] == [1]
    await killed.stop()


async def test_a_busy_worker_makes_anchors_and_writes_them_into_its_chain(dsn: str, owner: Any) -> None:
    log = AuditLog(dsn, FixedClock(NOW), anchor_seconds=0.05)
    await log.start()
    for _ in range(3):
        await log.durable(entry(SYSTEM, to_micros(NOW), "read", "permitted", "x"))
        await asyncio.sleep(0.15)
    await log.stop()
    said = await owner.fetch("select content from audit_entry where action = 'anchor' order by block")
    anchors = await owner.fetch("select number, hash from audit_anchor order by number")
    assert len(said) == 3
    for row, made in zip(said, anchors, strict=False):
        assert f'"{made["number"]}:{made["hash"].hex()}"'.encode() in row["content"]
    assert (await verify(owner)).breaks == ()


async def test_memory_of_an_idle_worker_does_not_fill_the_log_with_anchors(dsn: str, owner: Any) -> None:
    log = AuditLog(dsn, FixedClock(NOW), anchor_seconds=0.02)
    await log.start()
    await log.durable(entry(SYSTEM, to_micros(NOW), "read", "permitted", "x"))
    await asyncio.sleep(0.3)
    await log.stop()
    assert await owner.fetchval("select count(*) from audit_entry") == 2


async def remove_old(dsn: str, owner: Any, now: datetime, years: int = 5) -> int:
    """Decide and remove."""
    found = await removable(owner, now, years)
    log = AuditLog(dsn, FixedClock(now))
    await log.start()
    await decide(owner, log.durable, found, now=now, actor="Arkivarie", reason="Gallringsbeslut 2026-1")
    await log.stop()
    return await carry_out(owner, lambda _blocks: None)


async def test_what_is_kept_long_enough_is_removed_and_the_rest_still_verifies(
    write: Write, dsn: str, owner: Any
) -> None:
    for years in (7, 6, 1, 0):
        await write(at=NOW - timedelta(days=366 * years))
    assert await remove_old(dsn, owner, NOW) == 6
    result = await verify(owner)
    assert result.breaks == ()
    assert (result.entries, result.decisions) == (7, 1)  # six young ones and the one about the removal
    later = NOW + timedelta(days=366 * 7)
    assert await remove_old(dsn, owner, later) == 7
    result = await verify(owner)
    assert result.breaks == ()
    assert (result.entries, result.decisions) == (1, 2)


async def test_nothing_younger_than_five_years_is_removed(write: Write, dsn: str, owner: Any) -> None:
    await write(at=NOW - timedelta(days=365 * 5 - 2))
    assert (await removable(owner, NOW, 5)).blocks == 0
    with pytest.raises(ValueError, match="at least 5 years"):
        kept_until(NOW, 4)
    head = await owner.fetchrow("select writer, block, hash from audit_block order by block desc limit 1")
    with pytest.raises(asyncpg.CheckViolationError):
        await owner.execute(
            "insert into audit_decision values (1, $1, $2, 'x', 'x', 1, 1, '')",
            to_micros(NOW),
            to_micros(NOW - timedelta(days=365 * 4)),
        )
    with pytest.raises(asyncpg.PostgresError, match="without a decision"):
        await owner.execute("delete from audit_block where writer = $1", head["writer"])


async def test_an_interrupted_removal_verifies_and_is_completed(write: Write, dsn: str, owner: Any) -> None:
    await write(5, at=NOW - timedelta(days=366 * 6))
    found = await removable(owner, NOW, 5)
    log = AuditLog(dsn, FixedClock(NOW))
    await log.start()
    await decide(owner, log.durable, found, now=NOW, actor="A", reason="B")
    await log.stop()
    await owner.execute("delete from audit_entry where writer = 1 and block <= 2")
    await owner.execute("delete from audit_block where writer = 1 and block <= 2")
    assert (await verify(owner)).breaks == ()
    assert await carry_out(owner, lambda _blocks: None) == 3
    assert (await verify(owner)).breaks == ()


async def test_a_decision_that_is_not_in_the_log_is_found(write: Write, dsn: str, owner: Any) -> None:
    await write(at=NOW - timedelta(days=366 * 6))
    found = await removable(owner, NOW, 5)

    async def unsaid(_entry: object) -> None:
        return

    await decide(owner, unsaid, found, now=NOW, actor="A", reason="B")
    await carry_out(owner, lambda _blocks: None)
    assert "is not in the log" in (await verify(owner)).breaks[0].reason


async def test_the_command_tells_and_removes_only_when_asked(
    write: Write, dsn: str, owner: Any, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    await write(at=NOW - timedelta(days=366 * 12))
    options: dict[str, Any] = {"by": "Arkivarie", "reason": "Gallring", "clock": FixedClock(NOW)}
    assert await asyncio.to_thread(command.run_retain, dsn, settings, dry_run=True, **options) == 0
    assert "Would remove 3 entries in 3 blocks" in capsys.readouterr().out
    assert await owner.fetchval("select count(*) from audit_block") == 3
    assert await asyncio.to_thread(command.run_retain, dsn, settings, **options) == 0
    assert "under decision 1" in capsys.readouterr().out
    assert await asyncio.to_thread(command.run_verify, dsn, settings) == 0
    assert "and 1 decisions to remove" in capsys.readouterr().out
    assert await asyncio.to_thread(command.run_retain, dsn, settings, **{**options, "by": " "}) == 2


async def test_the_command_prints_an_anchor_that_verify_takes(
    write: Write, dsn: str, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    await write()
    assert await asyncio.to_thread(command.run_anchor, dsn, settings) == 0
    kept = capsys.readouterr().out.strip()
    assert await asyncio.to_thread(command.run_verify, dsn, settings, kept=kept) == 0
    assert await asyncio.to_thread(command.run_verify, dsn, settings, kept="1:beef") == 2
    other = "1:" + "0" * 64
    assert await asyncio.to_thread(command.run_verify, dsn, settings, kept=other) == command.BROKEN
