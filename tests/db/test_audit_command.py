"""`kontinuum audit verify` tells an operator whether the log can be trusted."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kontinuum.app.commands import audit
from kontinuum.app.services import Services
from kontinuum.kernel.config import Settings
from kontinuum.record import Record
from tests.support.resources import patient


async def test_a_whole_log_is_said_to_be_whole(
    services: Services, record: Record, dsn: str, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    await record.create(patient())
    await record.find("Patient?name=a")
    code = await asyncio.to_thread(audit.run, dsn, settings)
    assert code == 0
    assert "The log is whole: 2 entries in 2 blocks" in capsys.readouterr().out


async def test_a_removed_entry_is_named_with_block_and_time(
    record: Record, dsn: str, settings: Settings, owner: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    stored = (await record.create(patient())).stored
    await record.read("Patient", stored.id)
    async with owner.transaction():
        await owner.execute("set local session_replication_role = replica")
        await owner.execute("delete from audit_entry where block = 2")
    code = await asyncio.to_thread(audit.run, dsn, settings)
    assert code == audit.BROKEN
    said = capsys.readouterr().err
    assert "block 2, sealed 20" in said
    assert "1 entries were sealed, 0 are there" in said
