"""Ask a living server what nobody would ask, for minutes on end: `make fuzz ARGS="--minutes 30"`.

Searches with every parameter, modifier and prefix of every type, chains and `_has`, bundles and patches of
right and wrong shapes, against a demo region. Nothing may be answered with 5xx or hang; a worker's memory may
not go on growing. What was asked is told by a seed: the same seed asks the same.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from bench.measures import token_of
from bench.stand import Server, Stand, bench_settings
from kontinuum.app.postgres import database, scratch_database
from kontinuum.fhir.definitions import RESOURCE_TYPES, search_parameters
from kontinuum.kernel.config import load_settings
from kontinuum.store.migrate import migrate

CLIENTS = 6
HANG_SECONDS = 30.0
SAMPLES = 30
GROWTH_MB = 4.0
"""How much more a worker may take in the last third than in the one before, when its caches are full."""

MODIFIERS = (
    "exact",
    "contains",
    "missing",
    "not",
    "text",
    "in",
    "not-in",
    "above",
    "below",
    "identifier",
    "of-type",
    "ofType",
    "Patient",
    "iterate",
    "",
)
PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap", "")
HOSTILE = (
    "",
    "\x00",
    "$",
    "\\",
    ",",
    "|",
    "||",
    "a|b|c|d",
    "-",
    "%",
    "'",
    '"',
    "(",
    "ж",
    "å\u0301",
    "\U0001f600",
    "9" * 60,
    "1e400",
    "NaN",
    "null",
    "true",
    "2026-02-30",
    "0001",
    "9999-12-31",
    "../x",
    "a" * 2000,
    "\u202e",
    "*",
    "?",
    "#",
)
BY_TYPE = {
    "string": ("and", "Berg", "åsa", "X"),
    "token": ("http://loinc.org|718-7", "718-7", "|x", "http://loinc.org|", "male", "true"),
    "reference": ("Patient/p-0001", "p-0001", "http://x/Patient/1", "Practitioner/x,Group/y", "#a"),
    "date": ("2020", "2020-01", "2020-01-01", "2020-01-01T10:00:00Z", "2020-01-01T10:00:00+02:00"),
    "number": ("1", "-1.50", "1e3", "0"),
    "quantity": ("5.4", "5.4|http://unitsofmeasure.org|g", "5.4||g", "1e-3"),
    "uri": ("http://x", "urn:oid:1.2", "x"),
    "composite": ("718-7$5", "a$b", "$", "a$b$c"),
    "special": ("59.3|18.0|10|km", "x"),
}
RESULTS = (
    ("_sort", ("-date", "_id", "-_lastUpdated", "x")),
    ("_count", ("0", "1", "500", "-1", "x")),
    ("_include", ("Observation:subject", "*", "Patient:x")),
    ("_revinclude", ("Observation:subject", "x")),
    ("_summary", ("true", "text", "count", "x")),
    ("_elements", ("id,name", "")),
    ("_total", ("accurate", "none", "x")),
    ("_cursor", ("x", "AAAA")),
    ("_format", ("json", "xml")),
    ("_filter", ("name eq x",)),
    ("_has:Observation:patient:code", ("718-7",)),
    ("_has:Observation:patient:_has:Provenance:target:agent", ("x",)),
)


def main() -> None:
    """Run, and end with 1 when anything was found."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=None, help="ask what another run asked")
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="kontinuum-fuzz-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        settings = bench_settings(load_settings(os.environ), folder)
        with database(settings) as server, scratch_database(server) as dsn:
            asyncio.run(migrate(dsn))
            stand = Stand(dsn, settings, folder)
            stand.command("demo", "--patients", "20")
            token = stand.use(token_of)
            with stand.server() as served:
                sys.exit(asyncio.run(_fuzz(served, token, seed, arguments.minutes * 60)))


async def _fuzz(server: Server, token: str, seed: int, seconds: float) -> int:
    answers: Counter[int] = Counter()
    faults: list[str] = []
    end = time.monotonic() + seconds
    headers = {"authorization": f"Bearer {token}", "content-type": "application/fhir+json"}
    address = f"http://127.0.0.1:{server.port}"
    limits = httpx.Limits(max_connections=CLIENTS)

    async def client(number: int) -> None:
        rng = random.Random(seed * 100 + number)
        async with httpx.AsyncClient(
            base_url=address, headers=headers, timeout=HANG_SECONDS, limits=limits
        ) as http:
            while time.monotonic() < end:
                method, path, body, kind = rng.choices(_QUESTIONS, (8, 2, 2))[0](rng)
                more = {"content-type": kind} if kind else {}
                try:
                    answer = await http.request(method, path, content=body, headers=more)
                except httpx.HTTPError as error:
                    faults.append(f"{type(error).__name__}: {method} {path} {body!r:.400}")
                    continue
                answers[answer.status_code] += 1
                if answer.status_code >= 500 or not _speaks_fhir(answer):
                    faults.append(f"{answer.status_code}: {method} {path} {body!r:.400}: {answer.text:.300}")

    async def watch() -> None:
        begun = time.monotonic()
        largest = []
        for number in range(1, SAMPLES + 1):
            await asyncio.sleep(max(0.0, begun + number * (seconds - 1) / SAMPLES - time.monotonic()))
            largest.append(max(server.worker_memory()))
            print(f"{(time.monotonic() - begun) / 60:5.1f} min  {largest[-1]:.0f} MB", flush=True)
        third = SAMPLES // 3
        before, after = max(largest[third:-third]), max(largest[-third:])
        if after - before > GROWTH_MB:
            faults.append(f"memory still grew in the last third, from {before:.0f} to {after:.0f} MB")

    await asyncio.gather(watch(), *(client(number) for number in range(CLIENTS)))
    print(
        f"{sum(answers.values()):,} questions: "
        + ", ".join(f"{n:,} x {s}" for s, n in sorted(answers.items()))
    )
    for fault in faults[:20]:
        print(fault)
    print(f"{len(faults)} faults")
    return 1 if faults else 0


def _speaks_fhir(answer: httpx.Response) -> bool:
    return not answer.content or answer.headers.get("content-type", "").startswith("application/fhir+json")


Question = tuple[str, str, bytes | None, str]


def _search(rng: random.Random) -> Question:
    kind = rng.choice(RESOURCE_TYPES)
    asked = [_criterion(rng, kind) for _ in range(rng.randrange(1, 4))]
    if rng.random() < 0.4:
        name, values = rng.choice(RESULTS)
        asked.append((name, rng.choice(values)))
    query = "&".join(f"{quote(name)}={quote(value, safe='|$,:')}" for name, value in asked)
    within = rng.choice(("", "", "", "/Patient/p-0001", "/Encounter/x"))
    if rng.random() < 0.2:
        return "POST", f"/fhir{within}/{kind}/_search", query.encode(), "application/x-www-form-urlencoded"
    return "GET", f"/fhir{within}/{kind}?{query}", None, ""


def _criterion(rng: random.Random, kind: str) -> tuple[str, str]:
    known = search_parameters(kind)
    parameter = known[rng.choice(sorted(known))]
    name = parameter.name
    if parameter.type == "reference" and rng.random() < 0.4:
        target = rng.choice(parameter.targets or RESOURCE_TYPES)
        typed = f":{target}" if rng.random() < 0.5 else ""
        name, value = _criterion(rng, target)
        return f"{parameter.name}{typed}.{name}"[:300], value
    if rng.random() < 0.3:
        name = f"{name}:{rng.choice(MODIFIERS)}"
    value = rng.choice(HOSTILE) if rng.random() < 0.25 else rng.choice(BY_TYPE[parameter.type])
    if parameter.type in ("date", "number", "quantity") or rng.random() < 0.05:
        value = rng.choice(PREFIXES) + value
    return name, value


def _value(rng: random.Random, depth: int = 3) -> Any:
    plain: tuple[Callable[[], Any], ...] = (
        lambda: rng.choice(HOSTILE),
        lambda: rng.randrange(-9, 99),
        lambda: None,
        lambda: rng.random() < 0.5,
        lambda: rng.choice((1e30, 0.1, -2.50)),
    )
    if depth == 0 or rng.random() < 0.5:
        return rng.choice(plain)()
    if rng.random() < 0.5:
        return [_value(rng, depth - 1) for _ in range(rng.randrange(3))]
    names = (
        "id",
        "code",
        "coding",
        "system",
        "value",
        "reference",
        "extension",
        "url",
        "status",
        "text",
        "x",
    )
    return {rng.choice(names): _value(rng, depth - 1) for _ in range(rng.randrange(4))}


def _resource(rng: random.Random) -> dict[str, Any]:
    right = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "x"},
        "subject": {"reference": f"Patient/p-{rng.randrange(30):04}"},
        "valueQuantity": {"value": rng.randrange(99)},
    }
    if rng.random() < 0.3:
        right[rng.choice((*right, "meta", "component", "effectiveDateTime", "id"))] = _value(rng)
    if rng.random() < 0.2:
        right["resourceType"] = rng.choice((*RESOURCE_TYPES, "Colour", ""))
    return right


def _bundle(rng: random.Random) -> Question:
    entries = []
    for number in range(rng.randrange(5)):
        method = rng.choice(("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "?"))
        urls = (
            "Observation",
            f"Observation/fuzz-{rng.randrange(40)}",
            "Observation?_count=1",
            "Patient/p-0001",
            "x/y",
        )
        entry: dict[str, Any] = {"request": {"method": method, "url": rng.choice(urls)}}
        if rng.random() < 0.8:
            entry["resource"] = _resource(rng)
        if rng.random() < 0.5:
            entry["fullUrl"] = rng.choice((f"urn:uuid:{number:032x}", "x", 1, None))
        if rng.random() < 0.2:
            entry["request"][rng.choice(("ifMatch", "ifNoneExist", "ifNoneMatch"))] = rng.choice(HOSTILE)
        entries.append(entry)
    body = {
        "resourceType": "Bundle",
        "type": rng.choice(("transaction", "batch", "collection", "x")),
        "entry": entries,
    }
    return "POST", "/fhir", json.dumps(body).encode(), "application/fhir+json"


def _patch(rng: random.Random) -> Question:
    name = f"fuzz-{rng.randrange(40)}"
    if rng.random() < 0.4:
        body = json.dumps({**_resource(rng), "id": name}).encode()
        return "PUT", f"/fhir/Observation/{name}", body, "application/fhir+json"
    paths = (
        "/status",
        "/code/text",
        "/component/-",
        "/subject/reference",
        "/x",
        "",
        "/id",
        "/meta/0",
        "x",
        "/~2",
    )
    steps = [
        {
            "op": rng.choice(("add", "remove", "replace", "move", "copy", "test", "x")),
            "path": rng.choice(paths),
            "from": rng.choice(paths),
            "value": _value(rng),
        }
        for _ in range(rng.randrange(4))
    ]
    return "PATCH", f"/fhir/Observation/{name}", json.dumps(steps).encode(), "application/json-patch+json"


_QUESTIONS = (_search, _bundle, _patch)

if __name__ == "__main__":
    main()
