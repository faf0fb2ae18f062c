"""`kontinuum demo`, and the demo region that a first start makes by itself."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, TypeVar

import asyncpg
import msgspec

from kontinuum.app.commands import acting
from kontinuum.app.commands.crew import Crew
from kontinuum.app.commands.progress import Bar
from kontinuum.app.services import Services
from kontinuum.demo import MAX_PATIENTS, Batch, generate, personas
from kontinuum.kernel.config import Settings, usable_cores
from kontinuum.kernel.principal import ActorKind
from kontinuum.record import Incoming, Refusal
from kontinuum.store import delivery

T = TypeVar("T")

DELIVERY = "demo"
PLAN = "plan"
COMPLETE = "complete"
PATIENTS = 60
SEED = 1
PIECE_RESOURCES = 400
LARGEST_PIECE = 2000


class Plan(msgspec.Struct, frozen=True):
    """What region is made. It stays in the database: `today` is part of every story, and so is `seed`."""

    seed: int
    patients: int
    today: date


class Progress(msgspec.Struct, frozen=True):
    """The plan that a database holds, and whether all of it is there."""

    plan: Plan
    complete: bool


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
    held = asyncio.run(_with_connection(dsn, _progress))
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
    held = asyncio.run(_with_connection(dsn, _progress))
    if held is None and asyncio.run(_with_connection(dsn, delivery.is_empty)):
        print(_made(dsn, settings, Plan(SEED, PATIENTS, _today())))
    elif held is not None and not held.complete:
        print(_made(dsn, settings, held.plan))


def sign_ins() -> list[tuple[str, str]]:
    """Whom a visitor may sign in to the workspace as: name, and what that person is and where."""
    staff = [each for each in personas() if each.actor.kind is ActorKind.STAFF]
    return [(each.actor.name, f"{each.title}, {each.assignments[0].unit_name}") for each in staff]


def _made(dsn: str, settings: Settings, plan: Plan) -> str:
    """Make what is missing of a plan, and tell what was made."""

    async def begin(connection: Any) -> None:
        await delivery.forget(connection, DELIVERY)
        await delivery.note(connection, DELIVERY, [(PLAN, msgspec.json.encode(plan).decode())])

    async def end(connection: Any) -> None:
        await delivery.note(connection, DELIVERY, [(COMPLETE, "true")])
        await delivery.refresh_statistics(connection)

    asyncio.run(_with_connection(dsn, begin))
    changes: Counter[str] = Counter()
    with Bar("Demo region", plan.patients) as bar:
        # A process more costs half a second: a small region is done by then.
        processes = usable_cores() if plan.patients > 10 else 1

        def answered(piece: Piece, result: Counter[str]) -> None:
            changes.update(result)
            bar.advance(piece.patients, sum(result.values()))

        with Crew(dsn, settings, Seeding(), processes) as crew:
            crew.work(pieces(plan), answered)
    asyncio.run(_with_connection(dsn, end))
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


async def _progress(connection: Any) -> Progress | None:
    kept = await delivery.finished(connection, DELIVERY)
    if PLAN not in kept:
        return None
    return Progress(msgspec.json.decode(kept[PLAN], type=Plan), COMPLETE in kept)


async def _with_connection(dsn: str, use: Callable[[Any], Awaitable[T]]) -> T:
    connection: Any = await asyncpg.connect(dsn)
    try:
        return await use(connection)
    finally:
        await connection.close()


def _today() -> date:
    return datetime.now(UTC).date()
