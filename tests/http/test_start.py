"""`kontinuum serve` as a person meets it: starts, refuses with advice, stops cleanly, survives kills."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from tests.support.serving import Server

from kontinuum.app.postgres import Cluster

pytestmark = pytest.mark.slow


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A data directory that does not exist yet, reachable by PostgreSQL's own account."""
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(0o755)
    return tmp_path / "var"


@pytest.fixture
def port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
        return number


@pytest.fixture
def server(directory: Path, port: int) -> Iterator[Server]:
    """A server that answers."""
    started = Server(directory, port)
    try:
        started.ready()
        yield started
    finally:
        if started.process.poll() is None:
            started.end()


def test_it_tells_its_address_and_answers_there(server: Server) -> None:
    assert f"http://127.0.0.1:{server.port}" in server.said()
    assert server.get() < 500


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_stops_everything_cleanly(server: Server, number: int) -> None:
    assert server.end(number) == 0
    assert Cluster(server.directory).pid() is None
    assert not (server.directory / "postgres" / "postmaster.pid").exists()
    assert "Traceback" not in server.said()
    assert "panic" not in server.said()
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", server.port))


def test_a_second_start_in_the_same_folder_is_refused_and_disturbs_nothing(
    server: Server, directory: Path, port: int
) -> None:
    second = Server(directory, port + 1)
    assert second.process.wait(60) == 1
    assert f"Kontinuum already runs on {directory}" in second.said()
    assert f"process {server.process.pid}" in second.said()
    assert server.get() < 500


def test_a_taken_port_is_refused_before_anything_is_made(server: Server, tmp_path: Path) -> None:
    second = Server(tmp_path / "other", server.port)
    assert second.process.wait(60) == 1
    assert f"Port {server.port} on 127.0.0.1 cannot be opened: Address already in use" in second.said()
    assert "KONTINUUM_PORT" in second.said()
    assert not (tmp_path / "other" / "postgres").exists()
    assert server.get() < 500


@pytest.mark.parametrize("whole_group", [False, True], ids=["server", "server-and-workers"])
def test_it_starts_again_after_a_kill(directory: Path, port: int, whole_group: bool) -> None:
    first = Server(directory, port)
    first.ready()
    if whole_group:
        os.killpg(first.process.pid, signal.SIGKILL)
    else:
        first.process.kill()
    first.process.wait(60)
    second = Server(directory, port)
    second.ready()
    assert second.get() < 500
    assert second.end() == 0
    assert Cluster(directory).pid() is None


def test_a_worker_that_dies_is_replaced(server: Server) -> None:
    children = psutil.Process(server.process.pid).children()
    workers = [child.pid for child in children if "spawn_main" in " ".join(child.cmdline())]
    assert len(workers) == 2
    os.kill(workers[0], signal.SIGKILL)
    deadline = time.monotonic() + 20
    while "Unexpected exit" not in server.said() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1.5)
    assert server.process.poll() is None
    assert server.get() < 500


def test_with_a_database_of_the_users_own_no_embedded_one_is_started(
    server: Server, tmp_path: Path, port: int
) -> None:
    url = Cluster(server.directory).dsn
    second = Server(tmp_path / "other", port + 1, KONTINUUM_DATABASE_URL=url)
    second.ready()
    assert second.get() < 500
    assert second.end() == 0
    assert not (tmp_path / "other" / "postgres").exists()
    assert server.get() < 500


def test_a_database_that_does_not_answer_is_refused_with_what_to_check(directory: Path, port: int) -> None:
    server = Server(directory, port, KONTINUUM_DATABASE_URL="postgresql://u:hemligt@127.0.0.1:1/k")
    assert server.process.wait(60) == 1
    assert "KONTINUUM_DATABASE_URL=postgresql://u:***@127.0.0.1:1/k: no connection" in server.said()
    assert "hemligt" not in server.said()


def test_a_later_start_finds_everything_as_it_was(server: Server, directory: Path, port: int) -> None:
    """How long it takes is told by `make bench`."""
    server.end()
    for _ in range(2):
        later = Server(directory, port)
        later.ready()
        assert later.get() < 500
        assert later.end() == 0
