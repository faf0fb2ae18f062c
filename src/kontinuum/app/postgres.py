"""The database that the application uses: embedded or the user's own; and throwaway ones for tests."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from kontinuum.app.postgres_account import StartError
from kontinuum.app.postgres_cluster import Cluster, Report, programs
from kontinuum.kernel.config import Settings

__all__ = [
    "Cluster",
    "StartError",
    "database",
    "scratch_database",
    "throwaway_server",
    "with_database",
]

THROWAWAY = "kontinuum-test-"
# Long enough that a directory without users is not one that is just being made.
ABANDONED_SECONDS = 120.0


def _quiet(_message: str) -> None:
    return


@contextlib.contextmanager
def database(settings: Settings, *, report: Report = _quiet) -> Iterator[str]:
    """Use the database that the settings name: gives a connection URI that is open for use.

    With `KONTINUUM_DATABASE_URL` the embedded PostgreSQL is never started, and the server behind the URL is
    checked instead. Raises `StartError`.
    """
    if settings.database_url is None:
        cluster = Cluster(settings.data_dir, report=report)
        cluster.start()
        try:
            yield cluster.dsn
        finally:
            cluster.release()
        return
    from kontinuum.app.postgres_external import check_external

    check_external(settings.database_url)
    yield settings.database_url


@contextlib.contextmanager
def throwaway_server(settings: Settings) -> Iterator[str]:
    """Give the URI of a server for one test run, in which `scratch_database` makes databases.

    With `KONTINUUM_DATABASE_URL` it is that server, whose role must be allowed to create databases; else a
    new cluster in the temporary directory, not durable, deleted at the end.
    """
    if settings.database_url is not None:
        with database(settings) as dsn:
            yield dsn
        return
    _remove_abandoned()
    directory = Path(tempfile.mkdtemp(prefix=THROWAWAY))
    cluster = Cluster(directory, durable=False)
    try:
        # As root, the server's own account must pass through the directory.
        directory.chmod(0o755 if os.geteuid() == 0 else 0o700)
        cluster.start()
        yield cluster.dsn
    finally:
        cluster.release()
        shutil.rmtree(directory, ignore_errors=True)


def _remove_abandoned() -> None:
    """Stop and delete the clusters of test runs that were killed before they could."""
    for directory in Path(tempfile.gettempdir()).glob(f"{THROWAWAY}*"):
        with contextlib.suppress(OSError):
            found = directory.lstat()
            if found.st_uid != os.geteuid() or time.time() - found.st_mtime < ABANDONED_SECONDS:
                continue
            if Cluster(directory).stop_if_unused():
                shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def scratch_database(server: str, *, template: str | None = None) -> Iterator[str]:
    """Make a database in a test server, give its URI, and drop it at the end, with any sessions left in it.

    `template` names a database to copy; nobody may be connected to it. UTF8, sorted by code point.
    """
    name = f"kontinuum_test_{os.getpid()}_{os.urandom(6).hex()}"
    origin = template or "template0"
    # Copying files takes half as long as writing every page of 700 small tables to the log.
    _psql(server, f"create database {name} template {origin} encoding 'UTF8' strategy file_copy")
    try:
        yield with_database(server, name)
    finally:
        _psql(server, f"drop database {name} with (force)")


def with_database(dsn: str, name: str) -> str:
    """Give the connection URI of another database in the same server."""
    head, question, query = dsn.partition("?")
    scheme, _, rest = head.partition("://")
    place = rest.partition("/")[0]
    return f"{scheme}://{place}/{quote(name, safe='')}{question}{query}"


def _psql(server: str, statement: str) -> None:
    command = [str(programs() / "psql"), "--no-psqlrc", "--quiet", "-v", "ON_ERROR_STOP=1"]
    done = subprocess.run([*command, "-c", statement, server], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StartError(f"The test server refused `{statement}`: {done.stderr.strip()}")
