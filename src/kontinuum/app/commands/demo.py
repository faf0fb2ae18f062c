"""`kontinuum demo`, and the demo region that a first start makes by itself."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from kontinuum.app.commands import acting, demo_contacts, demo_examples
from kontinuum.app.commands.crew import Crew
from kontinuum.app.commands.first_start import COMPLETE, DELIVERY, PLAN, Plan, connected, demo_progress
from kontinuum.app.commands.progress import Bar
from kontinuum.app.services import Services, open_services
from kontinuum.audit import entry
from kontinuum.demo import MAX_PATIENTS, Batch, generate, personas
from kontinuum.demo.accesses import MadeUpAccess, accesses_around, unusual_accesses
from kontinuum.demo.cast import CAST
from kontinuum.demo.day import first_day
from kontinuum.kernel.clock import to_micros
from kontinuum.kernel.config import Settings, usable_cores
from kontinuum.kernel.i18n import local
from kontinuum.kernel.principal import ActorKind
from kontinuum.record import Incoming, Refusal
from kontinuum.store import delivery
from kontinuum.terminology.loading import loader

LOGGED = "log"
EXAMPLES = "examples"
PATIENTS = 62
SEED = 1
PIECE_RESOURCES = 400
LARGEST_PIECE = 2000
MADE_UP_AT_MOST = 5000
"""How many made-up accesses go to the log, however large the region."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What one process makes at a time; `patients` counts those whose charts begin in it."""

    batches: list[Batch]
    patients: int


@dataclass(frozen=True, slots=True)
class Seeding:
    """The job of each process: take batches in for the units that are accountable for them."""

    async def carry_out(self, services: Services, piece: Piece) -> Counter[str]:
        """Give how many resources were created, updated and unchanged."""
        by_place: dict[tuple[str, str], list[Incoming]] = {}
        for batch in piece.batches:
            incoming = by_place.setdefault((batch.unit, batch.provider), [])
            incoming += [Incoming(resource) for resource in batch.resources]
        changes: Counter[str] = Counter()
        for (unit, provider), incoming in sorted(by_place.items()):
            where = acting.Place(unit, unit, provider, provider)
            record = services.gate.record(
                acting.system("demo", where, client="kontinuum demo", rights=acting.OPERATOR_RIGHTS)
            )
            for item, result in zip(incoming, await record.take_in(incoming), strict=True):
                if isinstance(result, Refusal):
                    # The generator is ours: a resource that the record refuses is a fault of the program.
                    name = f"{item.resource['resourceType']}/{item.resource.get('id')}"
                    raise RuntimeError(f"the demo region's {name} is refused: {result.issues}")
                changes[result.change.value] += 1
        return changes


def run(dsn: str, settings: Settings, *, patients: int = PATIENTS, seed: int = SEED) -> int:
    """Build the demo region, or add patients to it; what is there already stays as it is."""
    if patients > MAX_PATIENTS:
        print(f"--patients {patients}: at most {MAX_PATIENTS:,} can be made.", file=sys.stderr)
        return 2
    held = demo_progress(dsn)
    if held is not None and held.plan.seed != seed:
        print(
            f"--seed {seed}: this record holds the demo region of seed {held.plan.seed}, and its patients "
            f"would turn into other people. Use --seed {held.plan.seed}, or another database.",
            file=sys.stderr,
        )
        return 2
    plan = Plan(seed, patients, held.plan.today if held else _today())
    print(_made(dsn, settings, plan))
    return 0


def seed_if_empty(dsn: str, settings: Settings) -> None:
    """Make the demo region when the record is empty, or complete the one that was interrupted."""
    held = demo_progress(dsn)
    if held is None and asyncio.run(connected(dsn, delivery.is_empty)):
        print(_made(dsn, settings, Plan(SEED, PATIENTS, _today())))
    elif held is not None and not held.complete:
        print(_made(dsn, settings, held.plan))


def sign_ins() -> list[tuple[str, str]]:
    """Whom a visitor may sign in to the workspace as: name, and what that person is and where."""
    staff = [each for each in personas() if each.actor.kind is ActorKind.STAFF]
    return [(each.actor.name, f"{each.title}, {each.assignments[0].unit_name}") for each in staff]


def _made(dsn: str, settings: Settings, plan: Plan) -> str:
    """Make what is missing of a plan, and tell what was made."""
    kept: dict[str, str] = {}

    async def begin(connection: Any) -> None:
        kept.update(await delivery.finished(connection, DELIVERY))
        await loader.write_starter(connection, to_micros(datetime.now(UTC)))
        await delivery.forget(connection, DELIVERY)
        await delivery.note(connection, DELIVERY, [(PLAN, msgspec.json.encode(plan).decode())])

    async def end(connection: Any) -> None:
        await delivery.note(connection, DELIVERY, done)
        await delivery.refresh_statistics(connection)

    asyncio.run(connected(dsn, begin))
    done = [(COMPLETE, "true"), (LOGGED, "true")]
    if EXAMPLES in kept:
        done.append((EXAMPLES, "true"))
    changes: Counter[str] = Counter()
    made_up: list[MadeUpAccess] = []
    with Bar("Demo region", plan.patients) as bar:
        # A process more costs half a second: a small region is done by then.
        processes = usable_cores() if plan.patients > 10 else 1

        def answered(piece: Piece, result: Counter[str]) -> None:
            changes.update(result)
            bar.advance(piece.patients, sum(result.values()))

        with Crew(dsn, settings, Seeding(), processes) as crew:
            crew.work(_noted(pieces(plan), plan, made_up), answered)
    if LOGGED not in kept:
        asyncio.run(_log(dsn, settings, [*made_up, *unusual_accesses(plan.today)]))
    if EXAMPLES not in kept and plan.patients >= len(CAST):
        asyncio.run(_examples(dsn, settings))
        done.append((EXAMPLES, "true"))
    asyncio.run(connected(dsn, end))
    told = ", ".join(f"{number:,} {name}" for name, number in sorted(changes.items())) or "nothing"
    return (
        f"Demo region with {plan.patients:,} patients: {told}, in {bar.seconds:.1f} s "
        f"({sum(changes.values()) / bar.seconds:,.0f}/s)."
    )


def pieces(plan: Plan) -> Iterator[Piece]:
    """The region in pieces of whole patients where they are not too large, so that a chart lies together."""
    batches: list[Batch] = []
    size = patients = 0
    last: str | None = None
    for batch in generate(plan.seed, plan.patients, today=plan.today):
        new_patient = batch.patient is not None and batch.patient != last
        if size >= LARGEST_PIECE or (new_patient and size >= PIECE_RESOURCES):
            yield Piece(batches, patients)
            batches, size, patients = [], 0, 0
        batches.append(batch)
        size += len(batch.resources)
        patients += new_patient
        last = batch.patient
    yield Piece(batches, patients)


def _noted(found: Iterator[Piece], plan: Plan, made_up: list[MadeUpAccess]) -> Iterator[Piece]:
    """The pieces as they pass, with the accesses that their visits explain noted for the log."""
    for piece in found:
        for batch in piece.batches:
            if len(made_up) < MADE_UP_AT_MOST:
                made_up.extend(accesses_around(batch, plan.today))
        yield piece


async def _log(dsn: str, settings: Settings, accesses: Sequence[MadeUpAccess]) -> None:
    async with open_services(settings, dsn, connections=1) as services:
        entries = [
            entry(
                one.principal,
                to_micros(one.moment),
                "search",
                "permitted",
                "scope",
                patients=(one.patient,),
                what=one.what,
                count=1,
                note="Påhittad för demoregionen",
            )
            for one in sorted(accesses, key=lambda one: one.moment)
        ]
        await asyncio.gather(*map(services.audit.durable, entries))


async def _examples(dsn: str, settings: Settings) -> None:
    async with open_services(settings, dsn, connections=2) as services:
        await demo_examples.make(services)
        await demo_contacts.make(services)
        now = local(services.clock.now()).replace(tzinfo=None)
        await Seeding().carry_out(services, Piece([*first_day(now)], 0))


def _today() -> date:
    return datetime.now(UTC).date()
