"""A backend service exports over real HTTP, from a server that is killed in the middle and started again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import psutil
import pytest
from joserfc.jwk import RSAKey
from tests.conftest import REGION, SYSTEM
from tests.support.bulk import ASYNC, Client
from tests.support.serving import Server
from tests.support.smart import assertion, registered

from kontinuum.app.services import Services
from kontinuum.identity.smart import Authentication
from kontinuum.identity.smart.apps import service_of

pytestmark = pytest.mark.slow

SCOPES = "system/*.rs"
PATIENCE_SECONDS = 60.0


@pytest.fixture
def port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
        return number


@contextlib.contextmanager
def serving(directory: Path, port: int, dsn: str) -> Iterator[Server]:
    """A server over the database of the test."""
    server = Server(directory, port, KONTINUUM_DATABASE_URL=dsn, KONTINUUM_WORKERS="1")
    try:
        server.ready()
        yield server
    finally:
        kill(server)


def kill(server: Server) -> None:
    """SIGKILL for a server with all that it started."""
    if server.process.poll() is None:
        workers = psutil.Process(server.process.pid).children(recursive=True)
        for pid in (server.process.pid, *(each.pid for each in workers)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        server.process.wait(30)


async def signed_in(client: httpx.AsyncClient, key: RSAKey) -> dict[str, str]:
    """The headers of a service that has proved itself by its key."""
    proof = assertion(key, "nightly", aud=f"{client.base_url}/oauth/token")
    form = {"grant_type": "client_credentials", "scope": SCOPES, **proof}
    answer = await client.post("/oauth/token", data=form)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def ended(client: httpx.AsyncClient, place: str, headers: dict[str, str]) -> dict[str, Any]:
    """The manifest, as soon as the export is done."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (answer := await client.get(place, headers=headers)).status_code == 202:
        assert time.monotonic() < deadline, answer.headers["x-progress"]
        await asyncio.sleep(0.05)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def content(
    client: httpx.AsyncClient, manifest: dict[str, Any], headers: dict[str, str]
) -> dict[str, str]:
    """What each file holds."""
    answers = {each["type"]: await client.get(each["url"], headers=headers) for each in manifest["output"]}
    assert {answer.headers["content-encoding"] for answer in answers.values()} == {"gzip"}
    return {kind: answer.text for kind, answer in answers.items()}


async def test_an_export_that_was_cut_off_gives_what_one_in_peace_gives(
    bulk: Client, services: Services, dsn: str, tmp_path: Path, port: int
) -> None:
    key = RSAKey.generate_key(2048, {"kid": "k1"})
    await registered(
        services,
        REGION,
        id="nightly",
        authentication=Authentication.KEY,
        scopes=(SCOPES,),
        redirect_uris=(),
        launch_url=None,
        keys=(key.as_dict(private=False),),
        service=service_of("nightly", "Nattlig kopia", replace(SYSTEM.assignment)),
    )
    holder: Any = await asyncpg.connect(dsn)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        with serving(tmp_path / "var", port, dsn) as server:
            headers = await signed_in(client, key)
            order = await client.get("/fhir/Patient/$export", headers=headers | ASYNC)
            in_peace = await content(
                client, await ended(client, order.headers["content-location"], headers), headers
            )
            async with holder.transaction():
                # As long as somebody writes, an export that has begun waits.
                await holder.execute("lock table resource in row exclusive mode")
                order = await client.get("/fhir/Patient/$export", headers=headers | ASYNC)
                place = order.headers["content-location"]
                begun = "select exists (select from bulk_job where state = 'running')"
                deadline = time.monotonic() + PATIENCE_SECONDS
                while not await services.pool.fetchval(begun):
                    assert time.monotonic() < deadline, server.said()
                    await asyncio.sleep(0.02)
                kill(server)
        await holder.close()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        with serving(tmp_path / "var", port, dsn):
            headers = await signed_in(client, key)
            cut_off = await content(client, await ended(client, place, headers), headers)
    assert cut_off == in_peace
    assert set(cut_off) == {"Group", "Observation", "Patient"}
    assert await services.pool.fetchval("select max(attempts) from bulk_job") == 2
