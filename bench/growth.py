"""How answers change as a record grows: `make growth`, in two steps that may lie hours apart.

    make growth ARGS="build --folder DIR"        one database for each size, on disk
    make growth ARGS="measure --folder DIR"      p50 and p99 at each size; table, JSON and the picture

Patients are generated: a Patient and 25 entries of ten years for each, beside the demo region, whose largest
chart is the same at every size.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import itertools
import json as plain_json
import os
import random
import subprocess
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import growth_plot
from bench.client import load, request
from bench.measures import CLIENTS, chart_request, token_of
from bench.stand import Server, Stand, bench_settings, machine
from kontinuum.app.postgres import database, with_database
from kontinuum.app.postgres_cluster import programs
from kontinuum.fhir import json
from kontinuum.kernel.config import load_settings
from kontinuum.store.migrate import migrate

SIZES = (1_000, 10_000, 100_000)
FIRST_YEAR = 2014
FAMILIES = (
    "Andersson Berg Dahl Ek Falk Gran Holm Isaksson Jansson Kvist Lind Moberg Nyman Olsson Palm".split()
)
GIVENS = (
    "Alva Bo Cecilia David Elsa Filip Greta Hugo Inga Jonas Klara Lars Maja Nils Olga Per Rut Sven".split()
)
LABORATORY = (
    ("NPU28309", "B-Hemoglobin", "g/L", 90, 170),
    ("NPU04998", "P-Kreatinin", "µmol/L", 40, 180),
    ("NPU03429", "P-Natrium", "mmol/L", 128, 148),
    ("NPU03230", "P-Kalium", "mmol/L", 3, 6),
    ("NPU27300", "B-HbA1c", "mmol/mol", 30, 100),
    ("NPU19748", "P-CRP", "mg/L", 1, 120),
)
DIAGNOSES = ("I10.9", "E11.9", "J45.9", "M54.5", "F32.9", "K21.9", "N39.0", "L20.9")


@dataclass(frozen=True)
class Point:
    """One question at one size: milliseconds at so many clients."""

    question: str
    patients: int
    resources: int
    p50: float
    p99: float
    clients: int


def main() -> None:
    """Build, or measure what was built."""
    parser = argparse.ArgumentParser(prog="make growth", description=__doc__)
    parser.add_argument("step", choices=("build", "measure"))
    parser.add_argument("--folder", type=Path, required=True, help="where the databases lie")
    parser.add_argument("--sizes", type=_sizes, default=SIZES, help="patients, separated by commas")
    parser.add_argument("--seconds", type=float, default=4.0, help="how long each question is asked")
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    settings = bench_settings(load_settings(os.environ), folder)
    with database(settings) as server:
        stands = {
            size: Stand(with_database(server, f"growth_{size}"), settings, folder) for size in arguments.sizes
        }
        if arguments.step == "build":
            for size, stand in stands.items():
                build(server, stand, size)
        else:
            points = [
                point for size, stand in stands.items() for point in measure(stand, size, arguments.seconds)
            ]
            _keep(points, arguments.sizes)


def build(server: str, stand: Stand, size: int) -> None:
    """Make the database of one size, unless it is there."""
    name = f"growth_{size}"
    command = [str(programs() / "psql"), "--no-psqlrc", "-qtA", "-d", server, "-c"]
    there = subprocess.run(
        [*command, f"select 1 from pg_database where datname = '{name}'"],
        capture_output=True,
        text=True,
        check=True,
    )
    if there.stdout.strip():
        print(f"{name} is there", flush=True)
        return
    begin = time.perf_counter()
    subprocess.run([*command, f"create database {name} template template0 encoding 'UTF8'"], check=True)
    asyncio.run(migrate(stand.dsn))
    delivery = stand.folder / f"{name}.ndjson.gz"
    with gzip.open(delivery, "wb", compresslevel=1) as file:
        for resource in resources(size):
            file.write(json.dumps(resource) + b"\n")
    stand.command("import", str(delivery))
    delivery.unlink()
    stand.command("demo", "--patients", "60")
    subprocess.run([*command[:-3], "-d", stand.dsn, "-c", "vacuum analyze"], check=True)
    print(f"{name}: {time.perf_counter() - begin:,.0f} s", flush=True)


def resources(size: int) -> Iterator[dict[str, Any]]:
    """The generated patients' entries, the same ones for the same number of a patient."""
    for number in range(size):
        yield from _person(number)


def _person(number: int) -> Iterator[dict[str, Any]]:
    rng = random.Random(number)
    name = f"g{number:07}"
    subject = {"reference": f"Patient/{name}"}
    yield {
        "resourceType": "Patient",
        "id": name,
        "identifier": [{"system": "urn:kontinuum:growth", "value": str(number)}],
        "name": [{"family": f"{rng.choice(FAMILIES)}-{number % 997}", "given": [rng.choice(GIVENS)]}],
        "birthDate": f"{1930 + number % 90}-{number % 12 + 1:02}-{number % 28 + 1:02}",
        "gender": ("female", "male")[number % 2],
    }
    for turn in range(3):
        day = _day(rng)
        yield {
            "resourceType": "Encounter",
            "id": f"{name}-e{turn}",
            "status": "finished",
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
            "subject": subject,
            "period": {"start": f"{day}T09:00:00+01:00", "end": f"{day}T09:30:00+01:00"},
        }
    for turn in range(2):
        code = rng.choice(DIAGNOSES)
        yield {
            "resourceType": "Condition",
            "id": f"{name}-c{turn}",
            "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-se", "code": code}]},
            "clinicalStatus": {
                "coding": [
                    {"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}
                ]
            },
            "subject": subject,
            "onsetDateTime": _day(rng),
        }
    for turn in range(20):
        code, label, unit, low, high = LABORATORY[turn % len(LABORATORY)]
        yield {
            "resourceType": "Observation",
            "id": f"{name}-o{turn}",
            "status": "final",
            "category": [
                {
                    "coding": [
                        {
                            "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                            "code": "laboratory",
                        }
                    ]
                }
            ],
            "code": {"coding": [{"system": "http://npu-terminology.org", "code": code, "display": label}]},
            "subject": subject,
            "effectiveDateTime": f"{_day(rng)}T08:00:00+01:00",
            "valueQuantity": {"value": rng.randint(low, high), "unit": unit},
        }


def _day(rng: random.Random) -> str:
    return f"{FIRST_YEAR + rng.randrange(12)}-{rng.randrange(12) + 1:02}-{rng.randrange(28) + 1:02}"


def measure(stand: Stand, size: int, seconds: float) -> Iterator[Point]:
    """Ask each question for some seconds."""
    held = int(stand.ask("select count(*) from resource")[0][0])
    token = stand.use(token_of)
    with stand.server() as server:
        for question, paths in _questions(size).items():
            texts = [request("GET", path, token=token) for path in paths]
            yield _point(server, question, size, held, texts, seconds, CLIENTS)
        chart, _ = chart_request(stand)
        yield _point(server, "chart of the largest patient", size, held, [chart], seconds, 1)


def _questions(size: int) -> dict[str, list[str]]:
    """What is asked, each of other patients every time."""
    rng = random.Random(7)
    people = [f"g{rng.randrange(size):07}" for _ in range(2000)]
    codes = [code for code, *_ in LABORATORY]
    base = "/fhir/Observation?_count=20&_sort=-date"
    return {
        "read by id": [f"/fhir/Observation/{each}-o{rng.randrange(20)}" for each in people],
        "patient and code, newest first": [
            f"{base}&patient={each}&code={rng.choice(codes)}" for each in people
        ],
        "all of a patient's observations": [f"{base}&patient={each}" for each in people],
        "patient by identifier": [
            f"/fhir/Patient?identifier=urn:kontinuum:growth|{int(each[1:])}" for each in people
        ],
        "patient by family name": [
            f"/fhir/Patient?family={rng.choice(FAMILIES)}-{rng.randrange(997)}" for _ in people
        ],
        "a code, newest of everybody": [f"{base}&code={rng.choice(codes)}" for _ in people],
        "one day of everybody": [f"{base}&date={_day(rng)}" for _ in people],
    }


def _point(
    server: Server, question: str, size: int, held: int, texts: list[bytes], seconds: float, clients: int
) -> Point:
    done = load(server.port, itertools.cycle(texts), clients=clients, seconds=seconds)
    print(f"{size:>9,} patients  {question:<34} p50 {done.p50:8.1f} ms  p99 {done.p99:8.1f} ms", flush=True)
    return Point(question, size, held, round(done.p50, 2), round(done.p99, 2), clients)


def _keep(points: list[Point], sizes: tuple[int, ...]) -> None:
    results = Path(__file__).parent / "results"
    results.mkdir(exist_ok=True)
    kept = {"machine": machine(), "points": [asdict(each) for each in points]}
    (results / "growth.json").write_text(plain_json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    picture = Path(__file__).resolve().parents[1] / "docs" / "pictures" / "growth.svg"
    picture.write_text(growth_plot.drawn([(p.question, p.patients, p.p50, p.p99) for p in points]))
    print(f"Kept in {results / 'growth.json'} and {picture}")
    by_question = {p.question: {q.patients: q for q in points if q.question == p.question} for p in points}
    for question, at in by_question.items():
        first, last = at[sizes[0]], at[sizes[-1]]
        print(f"{question:<34} p99 x {last.p99 / first.p99:.2f}, p50 x {last.p50 / first.p50:.2f}")


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(int(each) for each in text.split(","))


if __name__ == "__main__":
    main()
