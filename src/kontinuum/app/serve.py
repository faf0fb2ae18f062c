"""`kontinuum serve`: database, migrations, demo region, workers; and everything stopped again at the end."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import http.client
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING

from kontinuum import __version__
from kontinuum.app.postgres import StartError, database
from kontinuum.app.postgres_account import open_for_all_users
from kontinuum.kernel import logging
from kontinuum.kernel.config import Settings

if TYPE_CHECKING:
    from rich.console import Console

WORKER = "kontinuum.app.serve_worker:create_app"
FIRST_PAGE_SECONDS = 60.0
# A page that follows events keeps its connection open: it is cut at the end of this.
GRACE_SECONDS = 5
ORPHAN_SECONDS = 8.0


def serve(settings: Settings) -> int:
    """Run the server until it is told to stop; gives the exit code."""
    started = time.monotonic()
    logging.configure(settings.log)
    console = _console()
    console.print(f"[bold]Kontinuum {__version__}[/]")

    def run(dsn: str, settings: Settings, steps: list[str]) -> int:
        if steps:
            console.print(f"Database migrated: {', '.join(steps)}")
        complete_law(dsn)
        _write_starter(dsn)
        _seed_if_empty(dsn, settings)
        return _run_workers(dsn, settings, lambda: _announce(settings, console, started))

    def alone(settings: Settings) -> contextlib.AbstractContextManager[None]:
        return _only_server(settings)

    return open_database(settings, run, around=alone)


def open_database(
    settings: Settings,
    use: Callable[[str, Settings, list[str]], int],
    around: Callable[[Settings], contextlib.AbstractContextManager[None]] | None = None,
) -> int:
    """Open the database, migrate it, use it, and leave it; gives the exit code.

    `use` is given the connection URI, the settings and the names of the migrations that were applied.
    A refusal to start is told on standard error. SIGTERM and SIGHUP stop as Ctrl-C does.
    """
    console = _console()
    try:
        with _stoppable(), contextlib.ExitStack() as held:
            if around is not None:
                held.enter_context(around(settings))
            dsn = held.enter_context(database(settings, report=console.print))
            held.callback(_hold_signals_off)
            steps = _migrate(dsn)
            _index(dsn)
            return use(dsn, settings, steps)
    except StartError as refusal:
        _console(errors=True).print(f"[red]{_escape(str(refusal))}[/]")
        return 1
    except KeyboardInterrupt:
        return 130


def _migrate(dsn: str) -> list[str]:
    from kontinuum.store.migrate import MigrationError, migrate

    try:
        return asyncio.run(migrate(dsn))
    except MigrationError as error:
        raise StartError(str(error)) from error


def complete_law(dsn: str) -> None:
    """Let the law know of a record that is older than its tables: until then the decision is no."""
    from kontinuum.app.commands import first_start

    if first_start.is_law_made(dsn):
        return
    from kontinuum.app.commands import law

    if gone_through := law.complete(dsn):
        _console().print(f"Blocks, consents and care relations read from {gone_through:,} resources")


def _index(dsn: str) -> None:
    """Index anew what was stored under older rules: nothing is searched before that is done."""
    from kontinuum.app.commands.progress import Bar
    from kontinuum.kernel.ids import BUCKETS
    from kontinuum.store.index import RulesError, is_current, rebuild

    try:
        if asyncio.run(is_current(dsn)):
            return
        with Bar("Indexing anew", BUCKETS) as bar:
            asyncio.run(rebuild(dsn, lambda _done, resources: bar.advance(1, resources)))
    except RulesError as error:
        raise StartError(str(error)) from error


def _write_starter(dsn: str) -> None:
    from kontinuum.app.commands import first_start

    first_start.write_starter(dsn)


def _seed_if_empty(dsn: str, settings: Settings) -> None:
    if settings.environment != "development":
        return
    from kontinuum.app.commands import first_start

    made = first_start.demo_progress(dsn)
    if made is None or not made.complete:
        from kontinuum.app.commands import demo

        demo.seed_if_empty(dsn, settings)


def _run_workers(dsn: str, settings: Settings, announce: Callable[[], bool]) -> int:
    """Run the worker processes until told to stop; `announce` waits for the first page and tells of it."""
    from granian.constants import Interfaces
    from granian.log import LogLevels
    from granian.server.mp import MPServer

    from kontinuum.app.serve_worker import run_worker

    # Workers read their settings from the environment, and must not start a database of their own.
    os.environ["KONTINUUM_DATABASE_URL"] = dsn
    # Not fork: the database's file lock and running threads must not be copied into workers.
    multiprocessing.set_start_method("spawn", force=True)
    server = MPServer(
        WORKER,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        workers=settings.workers,
        factory=True,
        log_level=LogLevels.debug if settings.log.level == "debug" else LogLevels.warning,
        log_dictconfig=logging.dict_config(settings.log),
        respawn_interval=0.5,
        workers_kill_timeout=GRACE_SECONDS,
    )

    def welcome() -> None:
        # A worker that dies is replaced, but not while none has ever worked.
        server.respawn_failed_workers = announce()

    threading.Thread(target=welcome, daemon=True).start()
    # A closed terminal ends the server; granian would reload its workers.
    server.on_startup(lambda: signal.signal(signal.SIGHUP, server.signal_handler_interrupt))
    try:
        server.serve(spawn_target=run_worker)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


@contextlib.contextmanager
def _only_server(settings: Settings) -> Iterator[None]:
    """Hold the data directory's server lock, and see that the port is free before anything is started."""
    path = settings.data_dir / "serve.lock"
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        lock = open_for_all_users(path)
    except OSError as error:
        raise StartError(
            f"{settings.data_dir} cannot be used as data directory: {error.strerror}. "
            "Make it a directory that you can write, or set KONTINUUM_DATA_DIR to one."
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            who = path.read_text(encoding="utf-8").strip() or "starting"
            raise StartError(
                f"Kontinuum already runs on {settings.data_dir} ({who}). "
                "Use that one, or stop it with Ctrl-C; for a second one set KONTINUUM_DATA_DIR "
                "and KONTINUUM_PORT."
            ) from None
        # A server that was killed leaves its mark here, and workers that need a moment to notice.
        deadline = time.monotonic() + (ORPHAN_SECONDS if path.stat().st_size else 0.0)
        while (refusal := _port_refusal(settings)) is not None:
            if time.monotonic() > deadline:
                raise StartError(refusal)
            time.sleep(0.1)
        lock.truncate(0)
        lock.write(f"process {os.getpid()}, {address(settings)}".encode())
        lock.flush()
        try:
            yield
        finally:
            lock.truncate(0)


def address(settings: Settings) -> str:
    """Give the address of the first page, as a person types it into a browser on this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def _port_refusal(settings: Settings) -> str | None:
    """Say why the server could not listen on its port, None if it can."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        return (
            f"KONTINUUM_HOST={settings.host}: no such address ({error.strerror}). "
            "Use 127.0.0.1, or an address of this machine."
        )
    # Workers share the port by SO_REUSEPORT, which would also let two servers share it unseen.
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(place)
        except PermissionError:
            return (
                f"Port {settings.port} on {settings.host} may only be opened by root. "
                "Set KONTINUUM_PORT to a number from 1024."
            )
        except OSError as error:
            return (
                f"Port {settings.port} on {settings.host} cannot be opened: {error.strerror}. Stop the "
                "program that uses it, or set KONTINUUM_PORT to another number: "
                f"KONTINUUM_PORT={settings.port % 65535 + 1} make run"
            )
    return None


def _announce(settings: Settings, console: Console, started: float) -> bool:
    """Tell of the address when the first page answers; gives whether it did."""
    status = _await_first_page(address(settings))
    if status is None:
        console.print(f"[red]{address(settings)} does not answer; see the log.[/]")
        return False
    if status >= 500:
        console.print(f"[red]{address(settings)} answers with an error ({status}); see the log.[/]")
        return True
    console.print(f"Ready after {time.monotonic() - started:.1f} s: [bold]{address(settings)}[/]")
    if settings.environment == "development":
        from kontinuum.app.commands import demo

        for name, role in demo.sign_ins():
            console.print(f"  sign in as [bold]{_escape(name)}[/], {_escape(role)}")
    console.print("Ctrl-C stops the server; the data stays.")
    return True


def _await_first_page(place: str) -> int | None:
    host = place.removeprefix("http://")
    deadline = time.monotonic() + FIRST_PAGE_SECONDS
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection(host, timeout=10)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            time.sleep(0.02)
        finally:
            connection.close()
    return None


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the process the way Ctrl-C does: through every `finally`."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {
        number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _hold_signals_off() -> None:
    """Ignore further signals once the end has begun, so that PostgreSQL is always stopped."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _console(*, errors: bool = False) -> Console:
    from rich.console import Console

    return Console(stderr=errors, highlight=False, soft_wrap=True)


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)
