"""An import that was stopped, by Ctrl-C or by force, continues where it was and comes to the same end."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import pytest

from kontinuum.kernel.config import Settings
from tests.support.delivery import PROVIDER, UNIT, Installation, write_json
from tests.support.resources import bundle, observation, patient, request

BUNDLES = 240
ENTRIES = 20
RESOURCES = BUNDLES * ENTRIES
PATIENCE_SECONDS = 60.0


@pytest.fixture
def here(dsn: str, settings: Settings, tmp_path: Path) -> Installation:
    """An installation with a delivery of many bundles in `in`."""
    for number in range(BUNDLES):
        person = f"p{number}"
        entries = [request("POST", "Patient", patient(str(number), id=person))]
        entries += [
            request("POST", "Observation", observation(person, id=f"{person}-{n}")) for n in range(1, ENTRIES)
        ]
        write_json(tmp_path / "in" / f"{number:04}.json", bundle("transaction", *entries))
    return Installation(dsn, settings, tmp_path)


def start(here: Installation) -> subprocess.Popen[str]:
    """The command, in a process group of its own, as a terminal would start it."""
    command = [sys.executable, "-m", "kontinuum.app", "import", str(here.folder / "in")]
    command += ["--processes", "2", "--unit", UNIT, "--provider", PROVIDER]
    environment = {name: text for name, text in os.environ.items() if not name.startswith("KONTINUUM_")}
    environment |= {
        "KONTINUUM_ENV": "test",
        "KONTINUUM_DATABASE_URL": here.dsn,
        "KONTINUUM_DATA_DIR": str(here.folder / "var"),
    }
    return subprocess.Popen(
        command,
        cwd=here.folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def until_under_way(here: Installation, process: subprocess.Popen[str]) -> int:
    """Wait until some pieces are noted as done, and say how many."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        noted = here.value("select count(*) from delivery_progress")
        if noted:
            return int(noted)
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)
    raise AssertionError("the import did not begin")


def finish(here: Installation) -> tuple[int, str]:
    """Run the command to its end: exit code and output."""
    process = start(here)
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, out + err


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_the_same_command_continues(here: Installation, how: signal.Signals) -> None:
    """All is there once, the report tells of the whole delivery, and a third run reads it anew."""
    process = start(here)
    until_under_way(here, process)
    if how is signal.SIGTERM:
        os.kill(process.pid, how)
    else:
        os.killpg(process.pid, how)
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    if how is signal.SIGKILL:
        assert process.returncode == -signal.SIGKILL
    else:
        assert process.returncode == 130, out + err
        assert "The same command continues" in err
    done = here.value("select count(*) from delivery_progress")
    assert 0 < done < BUNDLES

    code, text = finish(here)
    assert code == 0, text
    assert f"Continuing an import that was interrupted: {done:,} pieces are done." in text
    assert f"{RESOURCES:,} resources" in text
    assert here.value("select count(*) from resource") == RESOURCES
    assert here.value("select count(*) from history") == 0

    code, text = finish(here)
    assert code == 0, text
    assert "Continuing" not in text
    total = next(line for line in text.splitlines() if "Total" in line)
    assert total.split() == ["Total", "0", "0", f"{RESOURCES:,}", "0"]


@pytest.mark.slow
def test_a_lost_database_is_told_and_the_same_command_continues(here: Installation) -> None:
    """In words, not as a fault of the program."""
    process = start(here)
    until_under_way(here, process)
    asyncio.run(_end_all_sessions(here.dsn))
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 1, out + err
    assert "The same command continues" in err
    assert "Traceback" not in err
    code, text = finish(here)
    assert code == 0, text
    assert here.value("select count(*) from resource") == RESOURCES
    assert here.value("select count(*) from history") == 0


async def _end_all_sessions(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
    finally:
        await connection.close()
