"""Nothing acknowledged is lost: server, workers and PostgreSQL are killed in the middle of writing, again and
again, and each time everything that was acknowledged is there, whole and in the log."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest

from kontinuum.app.postgres_cluster import Cluster
from kontinuum.audit.verify import verify
from kontinuum.kernel.config import Settings

ROUNDS = 3
WRITERS = 6
ENTRIES = 5
WRITING_SECONDS = (0.6, 1.6)
PATIENCE_SECONDS = 30.0
SYSTEM = "urn:example:crash"


@dataclass
class Ledger:
    """What the writers tried, and what the server acknowledged."""

    created: dict[str, str] = field(default_factory=dict)
    """Reference of each acknowledged create, to the text it carries."""
    updated: dict[str, int] = field(default_factory=dict)
    """Patient id to the number of the last acknowledged update."""
    transactions: dict[str, bool] = field(default_factory=dict)
    """The tag of each transaction that was sent, and whether it was acknowledged."""


class Region:
    """A server of its own on an embedded PostgreSQL, which can be started, killed, and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cluster = Cluster(folder)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process: subprocess.Popen[bytes] | None = None
        self.token = ""

    @property
    def address(self) -> str:
        """Of the REST API."""
        return f"http://127.0.0.1:{self.port}/fhir"

    def environment(self) -> dict[str, str]:
        """Settings of this installation, and none of the test run's."""
        others = {name: text for name, text in os.environ.items() if not name.startswith("KONTINUUM_")}
        return others | {
            "KONTINUUM_ENV": "test",
            "KONTINUUM_DATA_DIR": str(self.folder),
            "KONTINUUM_PORT": str(self.port),
            "KONTINUUM_WORKERS": "2",
            "KONTINUUM_LOG": "error:json",
        }

    async def start(self) -> None:
        """Start the server and wait until it answers."""
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "kontinuum.app", "serve"],
                env=self.environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + PATIENCE_SECONDS
        async with httpx.AsyncClient() as client:
            while time.monotonic() < deadline:
                assert self.process.poll() is None, (self.folder / "server.log").read_text()
                with contextlib.suppress(httpx.TransportError):
                    if (await client.get(f"{self.address}/metadata")).status_code == 200:
                        break
                await asyncio.sleep(0.05)
            else:
                raise AssertionError((self.folder / "server.log").read_text())
        if not self.token:
            command = [sys.executable, "-m", "kontinuum.app", "token", "--client", "writer"]
            done = subprocess.run(command, env=self.environment(), capture_output=True, text=True, check=True)
            self.token = done.stdout.strip()

    def kill(self) -> None:
        """SIGKILL for every process of the server and of its PostgreSQL."""
        assert self.process is not None
        postmaster = self.cluster.pid()
        assert postmaster is not None
        every = _with_children([self.process.pid, postmaster])
        # Stopped first, so that all are gone at one moment and none answers that another is.
        for what in (signal.SIGSTOP, signal.SIGKILL):
            for pid in every:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, what)
        self.process.wait()

    def stop(self) -> None:
        """Stop the server in order."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE_SECONDS)


def _with_children(pids: list[int]) -> list[int]:
    """Processes with all that descend from them, the oldest first."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    children: dict[int, list[int]] = {}
    for line in listed.splitlines():
        pid, parent = map(int, line.split())
        children.setdefault(parent, []).append(pid)
    found = list(pids)
    for pid in found:
        found += children.get(pid, [])
    return found


@pytest.fixture
def region(settings: Settings) -> Iterator[Region]:
    """An installation in a folder of its own."""
    if settings.database_url is not None:
        pytest.skip("the PostgreSQL of KONTINUUM_DATABASE_URL is not this test's to kill")
    folder = Path(tempfile.mkdtemp(prefix="kontinuum-crash-"))
    folder.chmod(0o755)  # as root, PostgreSQL's own account must pass through
    region = Region(folder)
    try:
        yield region
    finally:
        region.stop()
        shutil.rmtree(folder, ignore_errors=True)


def observation(text: str, tag: str = "single") -> dict[str, Any]:
    """An observation that carries a text."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": SYSTEM, "code": tag}]},
        "valueString": text,
    }


async def write(region: Region, ledger: Ledger, name: str) -> None:
    """Create, update and send transactions, one after the other, until the server is gone."""
    headers = {"Authorization": f"Bearer {region.token}"}
    patient = f"patient-{name}"
    async with httpx.AsyncClient(
        base_url=region.address, headers=headers, timeout=PATIENCE_SECONDS
    ) as client:
        for number in range(1, 1_000_000):
            try:
                await _create(client, ledger, f"{name}-{number}")
                await _update(client, ledger, patient, number)
                await _transaction(client, ledger, f"{name}-{number}")
            except httpx.TransportError:
                return


async def _create(client: httpx.AsyncClient, ledger: Ledger, text: str) -> None:
    answer = await client.post("/Observation", json=observation(text))
    assert answer.status_code == 201, answer.text
    ledger.created[f"Observation/{answer.json()['id']}"] = text


async def _update(client: httpx.AsyncClient, ledger: Ledger, patient: str, number: int) -> None:
    content = {"resourceType": "Patient", "id": patient, "multipleBirthInteger": number}
    answer = await client.put(f"/Patient/{patient}", json=content)
    assert answer.status_code in (200, 201), answer.text
    ledger.updated[patient] = number


async def _transaction(client: httpx.AsyncClient, ledger: Ledger, tag: str) -> None:
    entries = [
        {"request": {"method": "POST", "url": "Observation"}, "resource": observation(f"{tag}/{n}", tag)}
        for n in range(ENTRIES)
    ]
    ledger.transactions[tag] = False
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    answer = await client.post("", json=bundle)
    assert answer.status_code == 200, answer.text
    ledger.transactions[tag] = True


async def check(region: Region, ledger: Ledger) -> None:
    """Hold what the server now has against what it acknowledged before it was killed."""
    headers = {"Authorization": f"Bearer {region.token}"}
    places = asyncio.Semaphore(2 * WRITERS)
    async with httpx.AsyncClient(
        base_url=region.address, headers=headers, timeout=PATIENCE_SECONDS
    ) as client:

        async def get(path: str, **params: str) -> dict[str, Any]:
            async with places:
                answer = await client.get(path, params=params)
            assert answer.status_code == 200, f"the acknowledged {path} is lost: {answer.status_code}"
            content: dict[str, Any] = answer.json()
            return content

        async def created(reference: str, text: str) -> None:
            assert (await get(f"/{reference}"))["valueString"] == text

        async def updated(patient: str, number: int) -> None:
            # One more may have been written whose answer did not get out.
            assert (await get(f"/Patient/{patient}"))["multipleBirthInteger"] in (number, number + 1)

        async def whole(tag: str, acknowledged: bool) -> None:
            entries = (await get("/Observation", code=f"{SYSTEM}|{tag}")).get("entry", [])
            texts = sorted(entry["resource"]["valueString"] for entry in entries)
            expected = [f"{tag}/{n}" for n in range(ENTRIES)]
            assert texts == expected or (not texts and not acknowledged), f"transaction {tag}: {texts}"

        await asyncio.gather(
            *(created(*each) for each in ledger.created.items()),
            *(updated(*each) for each in ledger.updated.items()),
            *(whole(*each) for each in ledger.transactions.items()),
        )


async def check_log(region: Region, ledger: Ledger) -> None:
    """The chain holds, and every acknowledged create stands in it."""
    connection: Any = await asyncpg.connect(region.cluster.dsn)
    try:
        verification = await verify(connection)
        contents = await connection.fetch("select content from audit_entry where action = 'create'")
    finally:
        await connection.close()
    assert verification.breaks == ()
    assert verification.entries > 0
    logged = {what for row in contents for what in msgspec.json.decode(row["content"])["what"]}
    assert {f"{reference}/_history/1" for reference in ledger.created} <= logged


@contextlib.asynccontextmanager
async def writing(region: Region, ledger: Ledger, turn: int) -> AsyncIterator[None]:
    """Writers at work beside the body; they must have ended by themselves soon after it."""
    tasks = [asyncio.create_task(write(region, ledger, f"{turn}-{n}")) for n in range(WRITERS)]
    yield
    await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE_SECONDS)


async def enough(ledger: Ledger, creates: int) -> None:
    """Wait, on a busy machine, until so much is acknowledged that losing it would be seen."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(ledger.created) < creates or not any(ledger.transactions.values()):
            await asyncio.sleep(0.01)


@pytest.mark.slow
async def test_acknowledged_writes_survive_sigkill(region: Region) -> None:
    """Creates, updates and transactions; a transaction is there with all its entries or with none."""
    ledger = Ledger()
    await region.start()
    for turn in range(ROUNDS):
        async with writing(region, ledger, turn):
            await asyncio.sleep(random.uniform(*WRITING_SECONDS))
            await enough(ledger, (turn + 1) * WRITERS + 1)
            region.kill()
        await region.start()
        await check(region, ledger)
        await check_log(region, ledger)
    assert any(ledger.transactions.values())
