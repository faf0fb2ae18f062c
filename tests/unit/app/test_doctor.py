"""The doctor: finds what is wrong, and says what to do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kontinuum.app.doctor import Finding, doctor, examine
from kontinuum.app.postgres import throwaway_server
from kontinuum.kernel.config import load_settings


@pytest.fixture(scope="module")
def forgetful_server() -> Iterator[str]:
    """A server that runs without fsync."""
    with throwaway_server(replace(load_settings({}), database_url=None)) as dsn:
        yield dsn


def findings(environ: dict[str, str]) -> list[Finding]:
    """Everything the doctor sees under these settings."""
    return list(examine(environ))


def wrong(found: list[Finding]) -> list[Finding]:
    """What is wrong among it."""
    return [finding for finding in found if finding.grade == "wrong"]


def test_a_fresh_folder_is_healthy(tmp_path: Path) -> None:
    assert doctor({"KONTINUUM_DATA_DIR": str(tmp_path / "var")}) == 0
    assert not (tmp_path / "var").exists()


def test_every_value_in_force_is_shown(tmp_path: Path) -> None:
    said = [finding.found for finding in findings({"KONTINUUM_DATA_DIR": str(tmp_path)})]
    assert "KONTINUUM_PORT = 8000 (default)" in said
    assert f"KONTINUUM_DATA_DIR = {tmp_path} (set)" in said


def test_a_wrong_setting_is_wrong_and_says_which_to_correct() -> None:
    (finding,) = wrong(findings({"KONTINUUM_PORT": "x"}))
    assert "KONTINUUM_PORT" in finding.found
    assert "KONTINUUM_PORT" in finding.remedy
    assert doctor({"KONTINUUM_PORT": "x"}) == 1


def test_a_server_that_can_lose_acknowledged_writes_is_wrong(forgetful_server: str) -> None:
    found = wrong(findings({"KONTINUUM_DATABASE_URL": forgetful_server}))
    assert len(found) == 1
    assert "fsync" in found[0].found
    assert "postgresql.conf" in found[0].remedy


async def test_an_unfinished_law_or_index_is_told_with_how_far_it_has_come(dsn: str, owner: Any) -> None:
    def said() -> dict[str, str]:
        found = findings({"KONTINUUM_DATABASE_URL": dsn})
        return {one.subject: f"{one.grade}: {one.found}: {one.remedy}" for one in found}

    told = await asyncio.to_thread(said)
    assert told["law"].startswith("good")
    assert told["search"].startswith("good")
    await owner.execute("update law_projection set bucket = 256")
    told = await asyncio.to_thread(said)
    assert told["law"].startswith("notice: what the record says to the law is being read anew, and 25%")
    await owner.execute("update law_projection set complete = false")
    await owner.execute("update search_index set version = 1, bucket = 512")
    told = await asyncio.to_thread(said)
    assert told["law"].startswith("wrong: blocks and consents are read from 25% of the record")
    assert "kontinuum law rebuild" in told["law"]
    assert told["search"].startswith("notice: 50% of the record is indexed")
    await owner.execute("update search_index set version = 99")
    assert (await asyncio.to_thread(said))["search"].startswith("wrong")


def test_a_database_that_does_not_answer_is_wrong(tmp_path: Path) -> None:
    url = f"postgresql://u@/k?host={tmp_path}"
    (finding,) = wrong(findings({"KONTINUUM_DATABASE_URL": url}))
    assert "no connection" in finding.found


def test_an_address_that_others_reach_is_noticed_and_not_wrong(tmp_path: Path) -> None:
    environ = {"KONTINUUM_HOST": "0.0.0.0", "KONTINUUM_DATA_DIR": str(tmp_path)}
    notices = [finding for finding in findings(environ) if finding.grade == "notice"]
    assert any("TLS" in finding.remedy for finding in notices)
    assert doctor(environ) == 0


def test_no_password_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor({"KONTINUUM_DATABASE_URL": "postgresql://u:hemligt@127.0.0.1:1/k"}) == 1
    printed = capsys.readouterr()
    assert "u:***@127.0.0.1:1" in printed.out
    assert "hemligt" not in printed.out + printed.err
