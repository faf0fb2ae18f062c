"""How fast suggestions, subsumption and selections are with 500,000 concepts: `python -m bench.terminology`.

A code system is generated with the shape of SNOMED CT: several parents, some ten levels, a synonym for every
other concept, words drawn so that few are common and most are rare, and compounds. What a person types is
drawn from its own words: beginnings of every length, two words, middles of compounds, codes. What was chosen
at the unit before leads, as in operation. Asked one after the other, in the program, without HTTP.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any

import asyncpg

from bench import report
from bench.report import Figure
from bench.stand import machine
from kontinuum.app.postgres import scratch_database, throwaway_server
from kontinuum.kernel.config import load_settings
from kontinuum.store.migrate import migrate
from kontinuum.store.pool import create_pool
from kontinuum.store.terminology.loading import refresh_statistics
from kontinuum.terminology import Page, Terminology
from kontinuum.terminology.content import CodeSystem, Concept, Name
from kontinuum.terminology.storing import Source, store

URL = "http://example.org/large"
PARTS = (
    "hjärt lung njur lever mag tarm hud ben arm rygg nack öron ögon näs hals blod kärl nerv muskel led sen "
    "fot hand finger tå knä höft axel bröst buk köld värme akut kronisk"
).split()
ENDS = (
    "svikt sjukdom inflammation infektion smärta skada tumör brist operation undersökning prov mått".split()
)
TYPED = 1000
CHOSEN = 2000
UNIT = "unit"
WARMING = 50
AIM_MS = 20.0
"""What a suggestion while one types may take (performance.md); 99 of 100 are held to it, not the median."""


def main() -> None:
    """Generate, load, measure, print, keep."""
    concepts = int(sys.argv[1]) if len(sys.argv) > 1 else 500_000
    about, told = machine(), f"{concepts:,} generated concepts, {CHOSEN:,} of them chosen at the unit"
    with throwaway_server(load_settings(os.environ)) as server, scratch_database(server) as dsn:
        figures = asyncio.run(run(dsn, concepts))
    report.show(figures, about, told)
    print(f"Kept in {report.write(figures, about, told)}")


async def run(dsn: str, concepts: int) -> list[Figure]:
    """Load so many concepts and measure each kind of question."""
    await migrate(dsn)
    draw = random.Random(1)
    system = generated(concepts, draw)
    connection: Any = await asyncpg.connect(dsn)
    began = perf_counter()
    async with connection.transaction():
        await store(connection, system, Source("", b"", 1))
    await refresh_statistics(connection)
    size = await connection.fetchval("select pg_database_size(current_database()) / 1000000")
    print(f"{concepts:,} concepts loaded in {perf_counter() - began:.0f} s; the database has {size:,} MB")
    await connection.close()
    pool = await create_pool(dsn, size=2)
    terminology = Terminology(pool)
    for one in draw.choices(system.concepts[: concepts // 10], k=CHOSEN):
        await terminology.chose(URL, one.code, context=UNIT)
    figures = await measure(terminology, system, draw)
    await pool.close()
    return figures


def generated(number: int, draw: random.Random) -> CodeSystem:
    """The system; concept n has parents among the earlier ones, so that it has some ten levels."""
    words = [a + b for a in PARTS for b in ENDS]
    words += ["".join(draw.choices("abdefgiklmnoprstuvåäö", k=draw.randint(4, 12))) for _ in range(60_000)]
    weights = [1 / (place + 5) for place in range(len(words))]
    phrases = iter(draw.choices(words, weights, k=number * 8))
    concepts = []
    for place in range(number):
        text = " ".join(next(phrases) for _ in range(draw.randint(1, 4))).capitalize()
        parents = (
            {draw.randrange(place // 5, place // 3 + 1) for _ in range(draw.randint(1, 2))}
            if place
            else set()
        )
        names = [Name("en", "synonym", f"{next(phrases)} {next(phrases)}")] if place % 2 else []
        concepts.append(
            Concept(
                f"{100_000_000 + place * 7}", text, [f"{100_000_000 + each * 7}" for each in parents], names
            )
        )
    return CodeSystem(URL, "1", "Large", "Large", concepts)


async def measure(terminology: Terminology, system: CodeSystem, draw: random.Random) -> list[Figure]:
    """How long each kind of question takes."""
    picked = draw.choices(system.concepts, k=TYPED)
    displays = [each.display.lower().split() for each in picked]
    codes = [each.code for each in picked]
    everything = {"compose": {"include": [{"system": URL}]}}

    async def suggest(text: str) -> None:
        await terminology.suggest(URL, text, limit=20, contexts=(UNIT, ""))

    async def expand(text: str) -> None:
        await terminology.expand(everything, Page(text, count=20))

    async def subsumes(pair: str) -> None:
        await terminology.subsumes(URL, *pair.split())

    async def below(code: str) -> None:
        kind = {"property": "concept", "op": "is-a", "value": code}
        await terminology.expand(
            {"compose": {"include": [{"system": URL, "filter": [kind]}]}}, Page(count=20)
        )

    typing = [words[-1][: draw.randint(1, len(words[-1]))] for words in displays]
    two = [f"{words[0][:5]} {words[-1][:3]}" for words in displays if len(words) > 1]
    middles = [draw.choice(ENDS) for _ in range(300)] + [words[0][2:6] for words in displays[:700]]
    return [
        await timed("typing one word", suggest, typing),
        await timed("two words", suggest, two),
        await timed("the middle of a word", suggest, [each for each in middles if len(each) > 2]),
        await timed("a code", suggest, [code[: draw.randint(2, 9)] for code in codes]),
        await timed("$expand with a filter", expand, typing),
        await timed("subsumes", subsumes, [f"{a} {b}" for a, b in zip(codes, reversed(codes), strict=True)]),
        await timed("$expand is-a, counted", below, codes),
        await timed("lookup", lambda code: terminology.lookup(URL, code), codes),
    ]


async def timed(name: str, ask: Callable[[str], Awaitable[Any]], questions: list[str]) -> Figure:
    """What 99 of 100 questions take at most, each asked once, after others of the kind to warm up."""
    warming, asked = questions[:WARMING], questions[WARMING:]
    for question in warming:
        await ask(question)
    times = []
    for question in asked:
        began = perf_counter()
        await ask(question)
        times.append((perf_counter() - began) * 1000)
    times.sort()
    median, high = times[len(times) // 2], times[len(times) * 99 // 100]
    note = f"p50 {median:.1f} ms, most {times[-1]:.0f} ms"
    return Figure(f"{name}, p99", high, "ms", AIM_MS, least=True, note=note)


if __name__ == "__main__":
    main()
