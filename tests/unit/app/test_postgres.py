"""The embedded PostgreSQL: starts, is shared, survives being killed, and refuses with advice."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from kontinuum.app import postgres
from kontinuum.app.postgres import Cluster, StartError
from kontinuum.app.postgres_settings import DURABLE, server_settings
from kontinuum.kernel.config import load_settings


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a complete cluster, at a place whose name is not plain."""
    directory = tmp_path_factory.mktemp("län") / "å ä"
    # As root, PostgreSQL's own account must pass through the directories of the test run.
    for parent in (directory.parent, directory.parent.parent):
        parent.chmod(0o755)
    cluster = Cluster(directory)
    cluster.start()
    cluster.release()
    return directory


@pytest.fixture
def cluster(home: Path) -> Iterator[Cluster]:
    """The cluster of that directory, not started."""
    made = Cluster(home)
    yield made
    made.release()


async def fetch(cluster: Cluster, sql: str) -> Any:
    """The value that a statement gives."""
    connection = await asyncpg.connect(cluster.dsn)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_it_starts_durable_in_utf8_and_on_no_network(cluster: Cluster) -> None:
    cluster.start()
    for name, value in DURABLE.items():
        assert await fetch(cluster, f"select current_setting('{name}')") == value
    assert await fetch(cluster, "select current_setting('server_encoding')") == "UTF8"
    assert await fetch(cluster, "select current_setting('listen_addresses')") == ""
    assert await fetch(cluster, "select 'Å' < 'Ö' and lower('ÅÄÖ') = 'åäö'") is True


async def test_data_outlives_a_stop(cluster: Cluster) -> None:
    cluster.start()
    await fetch(cluster, "create table kept as select 'ingen blödning' as text")
    cluster.release()
    assert cluster.pid() is None
    cluster.start()
    assert await fetch(cluster, "select text from kept") == "ingen blödning"


async def test_whoever_leaves_last_stops_it(home: Path, cluster: Cluster) -> None:
    other = Cluster(home)
    cluster.start()
    other.start()
    assert other.pid() == cluster.pid()
    cluster.release()
    assert await fetch(other, "select 1") == 1
    other.release()
    assert other.pid() is None


async def test_acknowledged_writes_survive_a_kill_of_the_server(cluster: Cluster) -> None:
    cluster.start()
    await fetch(cluster, "create table acknowledged as select 1 as number")
    pid = cluster.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    cluster.release()
    cluster.start()
    assert await fetch(cluster, "select number from acknowledged") == 1


async def test_a_server_whose_user_was_killed_is_taken_over_and_stopped(home: Path, cluster: Cluster) -> None:
    code = (
        "import sys, pathlib, time; from kontinuum.app.postgres import Cluster;"
        "Cluster(pathlib.Path(sys.argv[1])).start(); print('up', flush=True); time.sleep(60)"
    )
    user = subprocess.Popen([sys.executable, "-c", code, str(home)], stdout=subprocess.PIPE)
    assert user.stdout is not None
    assert user.stdout.readline() == b"up\n"
    user.kill()
    user.communicate()
    orphan = cluster.pid()
    assert orphan is not None
    cluster.start()
    assert cluster.pid() == orphan
    assert await fetch(cluster, "select 1") == 1
    cluster.release()
    assert cluster.pid() is None


def test_a_mark_with_somebody_elses_process_id_is_removed(home: Path) -> None:
    reports: list[str] = []
    mark = home / "postgres" / "postmaster.pid"
    mark.write_text(f"{os.getpid()}\n{home}\n1\n5432\n/nowhere\n\n1 1\nready\n")
    cluster = Cluster(home, report=reports.append)
    cluster.start()
    try:
        assert cluster.pid() not in (None, os.getpid())
        assert any("server that is gone" in report for report in reports)
    finally:
        cluster.release()


def test_an_interrupted_first_start_is_begun_again(tmp_path: Path) -> None:
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(0o755)
    left = tmp_path / "postgres.unfinished"
    left.mkdir()
    (left / "PG_VERSION").write_text("18\n")
    cluster = Cluster(tmp_path, durable=False)
    cluster.start()
    cluster.release()
    assert not left.exists()
    assert (tmp_path / "postgres" / "global").is_dir()


@pytest.fixture
def spoilt(home: Path) -> Iterator[Path]:
    """The data directory, for a test that spoils one thing in it; put right afterwards."""
    data = home / "postgres"
    yield data
    (data / "PG_VERSION").write_text("18\n")
    data.chmod(0o700)


def test_another_major_version_is_refused_and_left_as_it_is(spoilt: Path, cluster: Cluster) -> None:
    (spoilt / "PG_VERSION").write_text("16\n")
    with pytest.raises(StartError, match=r"made by PostgreSQL 16.*brings PostgreSQL 18.*kontinuum export"):
        cluster.start()
    assert (spoilt / "PG_VERSION").read_text() == "16\n"
    assert cluster.pid() is None


def test_a_data_directory_open_to_others_is_refused_with_the_command_that_closes_it(
    spoilt: Path, cluster: Cluster
) -> None:
    spoilt.chmod(0o755)
    with pytest.raises(StartError, match="chmod -R go="):
        cluster.start()


def test_a_directory_with_something_else_in_it_is_refused_and_kept(tmp_path: Path) -> None:
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(0o755)
    (tmp_path / "postgres").mkdir(mode=0o700)
    (tmp_path / "postgres" / "thesis.txt").write_text("years of work")
    if os.geteuid() == 0:
        os.chown(tmp_path / "postgres", 65534, 65534)
    with pytest.raises(StartError, match="no PostgreSQL data directory"):
        Cluster(tmp_path).start()
    assert (tmp_path / "postgres" / "thesis.txt").read_text() == "years of work"


def test_a_full_disk_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: _Usage())
    with pytest.raises(StartError, match=r"is full: 9 MB are free, at least 200 MB are needed"):
        Cluster(tmp_path).start()
    assert not (tmp_path / "postgres").exists()


class _Usage:
    free = 9 * 1024 * 1024


def test_a_place_that_cannot_be_a_directory_is_refused() -> None:
    with pytest.raises(StartError, match="KONTINUUM_DATA_DIR"):
        Cluster(Path("/dev/null/var")).start()


async def test_a_path_too_long_for_a_socket_works(tmp_path: Path) -> None:
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(0o755)
    cluster = Cluster(tmp_path / ("å" * 60), durable=False)
    cluster.start()
    try:
        assert len(os.fsencode(cluster.socket_directory)) < 100
        assert await fetch(cluster, "select 1") == 1
    finally:
        cluster.release()
        cluster.socket_directory.rmdir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts PostgreSQL as another account")
async def test_root_may_keep_the_data_below_a_closed_directory(tmp_path: Path) -> None:
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(0o755)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    reports: list[str] = []
    cluster = Cluster(closed / "var", durable=False, report=reports.append)
    cluster.start()
    try:
        assert await fetch(cluster, "select 1") == 1
        assert (closed / "var" / "postgres").stat().st_uid != 0
        assert any(str(closed) in report for report in reports)
        # Nobody else gained anything: the bits of the others are still empty.
        assert closed.stat().st_mode & 0o007 == 0
    finally:
        cluster.release()


async def test_the_values_of_a_failed_row_stay_out_of_the_log(cluster: Cluster) -> None:
    cluster.start()
    await fetch(cluster, "create table u (x text unique)")
    with pytest.raises(asyncpg.UniqueViolationError):
        await fetch(cluster, "insert into u values ('Tolvan'), ('Tolvan')")
    deadline = time.monotonic() + 5
    while "duplicate key" not in cluster.log.read_text() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert "duplicate key" in cluster.log.read_text()
    assert "Tolvan" not in cluster.log.read_text()


def test_memory_settings_fit_small_and_large_machines() -> None:
    gigabyte = 1024**3
    sizes = [
        server_settings(durable=True, memory=memory)["shared_buffers"]
        for memory in (gigabyte // 4, 4 * gigabyte, 64 * gigabyte)
    ]
    assert sizes == ["64MB", "1024MB", "2048MB"]


async def test_a_scratch_database_is_empty_of_its_own_and_gone_afterwards(cluster: Cluster) -> None:
    cluster.start()
    with postgres.scratch_database(cluster.dsn) as first:
        connection = await asyncpg.connect(first)
        await connection.execute("create table t (x int)")
        name = await connection.fetchval("select current_database()")
        await connection.close()
        with postgres.scratch_database(cluster.dsn, template=name) as copy:
            connection = await asyncpg.connect(copy)
            assert await connection.fetchval("select count(*) from t") == 0
            await connection.close()
    assert await fetch(cluster, f"select count(*) from pg_database where datname = '{name}'") == 0


def test_a_server_of_the_users_own_is_used_and_the_embedded_one_never_started(
    cluster: Cluster, tmp_path: Path
) -> None:
    cluster.start()
    settings = load_settings(
        {"KONTINUUM_DATABASE_URL": cluster.dsn, "KONTINUUM_DATA_DIR": str(tmp_path / "unused")}
    )
    with postgres.database(settings) as dsn:
        assert dsn == cluster.dsn
    assert not (tmp_path / "unused").exists()


async def test_a_database_with_another_encoding_is_refused_with_the_statement_that_makes_one(
    cluster: Cluster,
) -> None:
    cluster.start()
    await fetch(
        cluster,
        "create database latin template template0 encoding 'LATIN1' locale_provider libc locale 'C'",
    )
    settings = load_settings({"KONTINUUM_DATABASE_URL": postgres.with_database(cluster.dsn, "latin")})
    with pytest.raises(StartError, match=r"stores LATIN1.*create database latin"):
        await _open(settings)


async def test_a_server_that_does_not_answer_is_refused_without_showing_the_password() -> None:
    settings = load_settings({"KONTINUUM_DATABASE_URL": "postgresql://u:hemligt@127.0.0.1:1/k"})
    with pytest.raises(StartError, match="no connection") as refused:
        await _open(settings)
    assert "hemligt" not in str(refused.value)


async def _open(settings: Any) -> None:
    import asyncio

    def use() -> None:
        with postgres.database(settings):
            pass

    await asyncio.to_thread(use)
