"""`kontinuum serve` in a process of its own, for tests that start, kill and start it again."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx


class Server:
    """`kontinuum serve` in a process of its own, on a data directory and a port."""

    def __init__(self, directory: Path, port: int, **settings: str) -> None:
        self.directory = directory
        self.port = port
        self.output = directory.parent / f"output-{time.monotonic_ns()}.txt"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("KONTINUUM_")}
        environ = {
            **kept,
            "KONTINUUM_ENV": "test",
            "KONTINUUM_DATA_DIR": str(directory),
            "KONTINUUM_PORT": str(port),
            "KONTINUUM_WORKERS": "2",
            "KONTINUUM_LOG": "info:json",
            **settings,
        }
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "kontinuum.app", "serve"],
                env=environ,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def said(self) -> str:
        """Everything it has printed."""
        return self.output.read_text(encoding="utf-8")

    def ready(self) -> str:
        """Wait until it has told its address, and give what it said."""
        deadline = time.monotonic() + 60
        while "Ready after" not in self.said():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.02)
        return self.said()

    def get(self) -> int:
        """Ask for the first page; gives the status."""
        return httpx.get(f"http://127.0.0.1:{self.port}/", timeout=20).status_code

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, wait, and give the exit code."""
        self.process.send_signal(number)
        return self.process.wait(60)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        number: int = free.getsockname()[1]
        return number


@contextlib.contextmanager
def serving(dsn: str, directory: Path) -> Iterator[str]:
    """Run one worker on a database; gives its address, which is also the public one."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    own = {"DATABASE_URL": dsn, "WORKERS": "1", "PUBLIC_URL": address}
    server = Server(directory / "var", port, **{f"KONTINUUM_{name}": text for name, text in own.items()})
    try:
        server.ready()
        yield address
    finally:
        server.end()
