"""The measures: each function gives figures for the table, with the limit taken in the same run."""

from __future__ import annotations

import itertools
import random
import re
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg

from bench import data
from bench.client import Load, load, request
from bench.report import Figure
from bench.stand import Server, Stand, environment, free_port, running
from kontinuum.app.commands import acting
from kontinuum.app.services import Services
from kontinuum.demo import personas
from kontinuum.fhir import json
from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.identity import Identity, Proof
from kontinuum.kernel.principal import Principal
from kontinuum.store.packing import unpack
from kontinuum.web.workspace.pages import SESSION_COOKIE

CLIENTS = 16
ROUNDS = 3
CHART_REQUESTS = 60
BARE = "bare ASGI + one select"
COPY = "COPY of the same rows"

OBSERVATIONS = """
  from resource r join accountable a on a.id = r.accountable
 where r.type = $1 and a.provider = $2 and r.body is not null
"""


def importing(stand: Stand, dataset: data.Dataset) -> list[Figure]:
    """The command line on an empty store, from its start to its end; and the room that it takes."""
    empty = _size(stand)
    begin = time.perf_counter()
    done = stand.command("import", str(dataset.folder))
    seconds = time.perf_counter() - begin
    stored = _stored(stand)
    own = re.search(r"([\d,]+) a second", done.stdout)
    note = f"whole command {seconds:.1f} s; without start and end {own[1]}/s" if own else ""
    gigabytes = (_size(stand) - empty) / stored * 1_000_000 / 2**30
    return [
        Figure("import, command line", dataset.resources / seconds, "resources/s", 4000,
               _copy_rate(stand), COPY, note=note),
        Figure("disk, all tables and indexes", gigabytes, "GB/million", 2.0, least=True,
               note=f"{stored:,} resources, log included"),
    ]  # fmt: skip


def exporting(stand: Stand, folder: Path) -> list[Figure]:
    """The command line, by the rate that it tells itself: from the first row to the last file."""
    shutil.rmtree(folder, ignore_errors=True)
    done = stand.command("export", str(folder))
    told = re.search(r"\(([\d,]+)/s\)", done.stdout)
    if told is None:
        raise RuntimeError(f"export told no rate: {done.stdout}")
    rate = float(told[1].replace(",", ""))
    return [Figure("export", rate, "resources/s", 50_000, _select_rate(stand), "COPY of all bodies out")]


def serving(stand: Stand, dataset: data.Dataset, seconds: float, only: set[str]) -> list[Figure]:
    """Everything over HTTP: the bare server first, then ours, with 16 clients."""
    figures: list[Figure] = []
    with stand.bare_server() as server:
        limit = _best(server.port, _bare_requests(stand), seconds).rate
    token = stand.use(token_of)
    with stand.server() as server:
        if "read" in only:
            figures.append(_read(stand, server, token, seconds, limit))
        if "search" in only:
            figures += _search(stand, server, token, seconds, limit)
        if "chart" in only:
            figures.append(_chart(stand, server))
        if "create" in only:
            figures.append(_create(dataset, server, token, seconds, limit))
        if "transaction" in only:
            figures.append(_transaction(stand, dataset, server, token))
        if "memory" in only:
            sizes = server.worker_memory()
            figures.append(
                Figure("memory, largest worker after load", max(sizes), "MB", 200, least=True,
                       note=f"{len(sizes)} workers, proportional set size")
            )  # fmt: skip
    return figures


def scoping(stand: Stand, seconds: float) -> list[Figure]:
    """What the law costs a member of staff who searches: the same searches with and without its scope.

    Of patients with a care relation, and of a unit at which the patient's whole record is kept: both servers
    give the same answers, so that the difference is the scope's and not that of other rows.
    """
    persona, assignment = personas()[0], personas()[0].assignments[0]

    async def mint(services: Services) -> str:
        return await services.identity.mint_token(
            Principal(persona.actor, assignment, "bench"), timedelta(hours=2)
        )

    token = stand.use(mint)
    rows = stand.ask(
        "select r.body, r.patient from resource r join accountable a on a.id = r.accountable"
        "  join care_relation x on x.patient = r.patient and x.unit = a.unit"
        " where r.type = $1 and a.unit = $2 and r.body is not null"
        "   and not exists (select from resource o join accountable b on b.id = o.accountable"
        "                    where o.bucket = r.bucket and o.patient = r.patient and o.type = r.type"
        "                      and b.unit <> a.unit)"
        " order by hashtext(r.id) limit 3000",
        TYPE_CODES["Observation"], assignment.unit,
    )  # fmt: skip
    texts = _searches(((row["patient"], _first_code(json.loads(unpack(row["body"])))) for row in rows), token)
    rates: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(2):  # turn by turn: what else the machine does falls on both
        for scoped, serve in ((False, stand.unscoped_server), (True, stand.server)):
            with serve() as server:
                done = _best(server.port, itertools.cycle(texts), seconds, check=_has_entries)
                rates[scoped].append(done.rate)
    ours, limit = max(rates[True]), max(rates[False])
    return [
        Figure("search by staff, under the law", ours, "requests/s", limit * 0.9, limit,
               "the same without the law's scope", note="aim: the scope costs 10 % at most")
    ]  # fmt: skip


def starting(folder: Path) -> list[Figure]:
    """From the command to the first page, on an installation that is seeded and stopped."""
    port = free_port()
    environ = environment(folder, KONTINUUM_ENV="development", KONTINUUM_PORT=str(port))
    command = [sys.executable, "-m", "kontinuum.app", "serve"]
    taken = []
    for _ in range(2):  # the first start makes and fills the record
        begin = time.perf_counter()
        with running(command, environ, port, "/"):
            taken.append(time.perf_counter() - begin)
    note = f"the first start of all, with its demo region: {taken[0]:.1f} s"
    return [Figure("start to first page", taken[1], "s", 3.0, least=True, note=note)]


def _read(stand: Stand, server: Server, token: str, seconds: float, limit: float) -> Figure:
    rows = stand.ask(f"select r.id {OBSERVATIONS} order by hashtext(r.id) limit 5000", *_of_ours(stand))
    texts = [request("GET", f"/fhir/Observation/{row['id']}", token=token) for row in rows]
    done = _best(server.port, itertools.cycle(texts), seconds)
    return Figure("read by id", done.rate, "requests/s", 3500, limit, BARE, note=_latency(done.p50, done.p99))


def _search(stand: Stand, server: Server, token: str, seconds: float, limit: float) -> list[Figure]:
    rows = stand.ask(
        f"select r.body, r.patient {OBSERVATIONS} and r.patient is not null"
        " order by hashtext(r.id) limit 3000",
        *_of_ours(stand),
    )
    pairs = [(row["patient"], _first_code(json.loads(unpack(row["body"])))) for row in rows]
    texts = _searches(pairs, token)
    done = _best(server.port, itertools.cycle(texts), seconds, check=_has_entries)
    return [
        Figure("search patient+code, newest first", done.rate, "requests/s", 2500, limit, BARE,
               note=_latency(done.p50, done.p99)),
        Figure("search patient+code, p99", done.p99, "ms", 25.0, least=True, note="at 16 clients"),
    ]  # fmt: skip


def _searches(pairs: Iterable[tuple[str, str | None]], token: str) -> list[bytes]:
    """A search for each pair of patient and code."""
    base = "/fhir/Observation?_sort=-date&_count=20"
    return [
        request("GET", f"{base}&patient={patient}&code={code}", token=token)
        for patient, code in pairs
        if code
    ]


def _first_code(observation: dict[str, Any]) -> str | None:
    codings = observation["code"].get("coding") or [{}]
    code: str | None = codings[0].get("code")
    return code


def _create(dataset: data.Dataset, server: Server, token: str, seconds: float, limit: float) -> Figure:
    texts = [
        request("POST", "/fhir/Observation", token=token, body=body) for body in data.observations(dataset)
    ]
    done = _best(server.port, itertools.cycle(texts), seconds, expected=201)
    return Figure("create", done.rate, "requests/s", 1500, limit, BARE, note=_latency(done.p50, done.p99))


def _transaction(stand: Stand, dataset: data.Dataset, server: Server, token: str) -> Figure:
    bundles = data.transactions(dataset)
    texts = [request("POST", "/fhir", token=token, body=text) for text, _ in bundles]
    # Warm: a process compiles a type's rules when it first meets the type.
    load(server.port, iter(texts[:4]), clients=2)
    resources = sum(count for _, count in bundles)
    done = load(server.port, iter(texts), clients=4)
    return Figure(
        "import, HTTP transactions", resources / done.seconds, "resources/s", 2000, _copy_rate(stand), COPY,
        note=f"{len(texts)} bundles by 4 clients; p50 {done.p50:,.0f} ms a bundle",
    )  # fmt: skip


def _chart(stand: Stand, server: Server) -> Figure:
    text, held = chart_request(stand)
    cold = load(server.port, iter([text]), clients=1)
    done = load(server.port, iter([text] * CHART_REQUESTS), clients=1, check=lambda body: b"</html>" in body)
    return Figure(
        "chart page, largest demo patient, p50", done.p50, "ms", 30.0, least=True,
        note=f"{held:,} resources; p99 {done.p99:,.0f} ms, first of a worker {cold.p50:,.0f} ms",
    )  # fmt: skip


def chart_request(stand: Stand) -> tuple[bytes, int]:
    """The request for the chart of the demo patient with most resources, signed in, and their number."""
    persona = personas()[0]
    assignment = persona.assignments[0]
    found = stand.ask(
        "select r.patient, count(*) as held from resource r join accountable a on a.id = r.accountable"
        " where a.provider = $1 and r.patient like 'p-%' group by 1 order by 2 desc limit 1",
        assignment.provider,
    )
    patient, held = found[0]["patient"], found[0]["held"]

    async def sign_in(services: Services) -> str:
        identity = Identity(services.pool, services.clock, personas())
        principal = Principal(persona.actor, assignment, "bench")
        return (await identity.sessions.start(principal, Proof("demo")))[0]

    cookie = f"{SESSION_COOKIE}={stand.use(sign_in)}"
    return request("GET", f"/patient/{patient}", cookie=cookie), held


def _best(port: int, requests: Iterator[bytes], seconds: float, **expected: Any) -> Load:
    """The best of some rounds: what else runs on the machine only ever makes a round worse."""
    rounds = [load(port, requests, clients=CLIENTS, seconds=seconds, **expected) for _ in range(ROUNDS)]
    return max(rounds, key=lambda each: each.rate)


async def token_of(services: Services) -> str:
    """A token of a system of the default unit."""
    place = acting.place(services.settings, None, None)
    assert isinstance(place, acting.Place)
    return await services.identity.mint_token(
        acting.system("bench", place, client="bench"), timedelta(hours=2)
    )


def _of_ours(stand: Stand) -> tuple[int, str]:
    """Observations that the client of the benchmark may read."""
    place = acting.place(stand.settings, None, None)
    assert isinstance(place, acting.Place)
    return TYPE_CODES["Observation"], place.provider


def _bare_requests(stand: Stand) -> Iterator[bytes]:
    rows = stand.ask(
        "select bucket, key from resource where body is not null order by hashtext(id) limit 5000"
    )
    random.Random(1).shuffle(rows)
    return itertools.cycle([request("GET", f"/{row['bucket']}/{row['key']}") for row in rows])


def _has_entries(body: bytes) -> bool:
    return b'"entry"' in body


def _latency(p50: float, p99: float) -> str:
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms at {CLIENTS} clients"


def _stored(stand: Stand) -> int:
    return int(stand.ask("select count(*) from resource")[0][0])


def _size(stand: Stand) -> int:
    return int(stand.ask("select pg_database_size(current_database())")[0][0])


def _copy_rate(stand: Stand) -> float:
    """Rows a second that COPY takes into a table like `resource` without any index."""

    async def measure(_services: Services) -> float:
        connection: Any = await asyncpg.connect(stand.dsn)
        try:
            parts: list[bytes] = []

            async def keep(part: bytes) -> None:
                parts.append(bytes(part))

            await connection.copy_from_query("select * from resource", output=keep, format="binary")
            await connection.execute("create table bench_copy (like resource)")

            async def again() -> Any:
                for part in parts:
                    yield part

            begin = time.perf_counter()
            await connection.copy_to_table("bench_copy", source=again(), format="binary")
            seconds = time.perf_counter() - begin
            rows = await connection.fetchval("select count(*) from bench_copy")
            await connection.execute("drop table bench_copy")
            return float(rows / seconds)
        finally:
            await connection.close()

    return stand.use(measure)


def _select_rate(stand: Stand) -> float:
    """Bodies a second that COPY gives out."""

    async def measure(services: Services) -> float:
        async def discard(_part: bytes) -> None:
            return

        async with services.pool.acquire() as connection:
            begin = time.perf_counter()
            done = await connection.copy_from_query(
                "select body from resource where body is not null", output=discard, format="binary"
            )
            return float(int(done.split()[1]) / (time.perf_counter() - begin))

    return stand.use(measure)
