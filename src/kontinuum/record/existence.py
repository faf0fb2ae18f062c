"""What exists about a patient that the principal does not see: at which units, and what would show it.

Rules 7, 8, 9, 14 and 15. Only numbers and units are told, and only to staff who take part in the patient's
care; of what is behind an outer block nothing, but in an emergency that it exists and who holds it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field, replace
from enum import StrEnum

from kontinuum.access import Action, Circumstances
from kontinuum.access.circumstances import Level
from kontinuum.access.decide import barred_by, predicate
from kontinuum.fhir.definitions import RESOURCE_TYPES
from kontinuum.fhir.search.hashing import type_hash
from kontinuum.kernel.ids import bucket_of, id_hash
from kontinuum.record.circumstances import circumstances_of
from kontinuum.record.context import Context
from kontinuum.store import persons
from kontinuum.store.resources import existence as store

_TYPE_HASHES = [type_hash(name) for name in RESOURCE_TYPES if name != "Patient"]


class Way(StrEnum):
    """What would show what is withheld."""

    CHOICE = "active-choice"
    CONSENT = "consent"
    LIFT = "lift"
    HOLDER = "holder"


@dataclass(frozen=True, slots=True)
class Withheld:
    """Something exists at a unit of a provider (HSA-ids) and is not shown; `entries` is None where not told.

    `blocks` are the keys of the inner blocks that hide it.
    """

    unit: str
    provider: str
    entries: int | None
    way: Way
    blocks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Access:
    """How the principal stands to a patient: the circumstances, and what is withheld, most entries first."""

    circumstances: Circumstances
    withheld: tuple[Withheld, ...] = ()
    hides_something: bool = False
    """Something is withheld, though it is not told where: there is no care relation."""
    _counted: asyncio.Task[list[store.ByUnit]] | None = field(default=None, compare=False, repr=False)
    """What each unit has, which is being counted: for `access_to` alone, which decides what of it is told."""

    @property
    def related(self) -> bool:
        """Whether the assignment's unit takes part in the care, or the record is opened."""
        known = self.circumstances
        return known.opened is not None or (known.relation is not None and not known.unchecked)


async def standing(context: Context, patient: str, *, counting: bool = False) -> Access:
    """How the principal stands to a patient; nothing is told of what exists.

    `counting`: what exists is going to be asked for as well, and the longest part of that begins at once.
    """
    counted = asyncio.create_task(_by_unit(context, patient)) if counting else None
    if counted is not None:  # a fault meets who asks for it; where nobody does it is nobody's
        counted.add_done_callback(lambda task: task.cancelled() or task.exception())
    known = (await circumstances_of(context, context.pool, [patient], context.now()))[patient]
    return Access(known, _counted=counted)


async def access_to(context: Context, patient: str, stands: Access | None = None) -> Access:
    """How the principal stands to a patient; logged when it tells that something exists.

    `stands`: the answer of `standing`, where it was asked for already.
    """
    question = context.question(Action.READ, patient=patient)
    stands = stands or await standing(context, patient)
    known = stands.circumstances
    if known.unchecked or not question.in_care:
        return Access(known)
    counted = stands._counted or _by_unit(context, patient)
    own, members = await asyncio.gather(counted, persons.whole(context.pool, patient))
    rows = [*own]
    for other in members:
        rows += await _by_unit(context, other) if other != patient else ()
    hidden = [row for row in rows if row.entries > row.readable + row.barred]
    if hidden or (known.opened is not None and any(row.barred for row in rows)):
        await context.log("existence", "permitted", known.relation or "none", patients=(patient,))
    if known.relation is None and known.opened is None:
        return Access(known, hides_something=bool(hidden))
    withheld = _together([_withheld(context, known, row) for row in hidden])
    if known.opened is not None:
        holders = sorted({row.provider for row in rows if row.barred})
        withheld += [Withheld(provider, provider, None, Way.HOLDER) for provider in holders]
    withheld.sort(key=lambda each: (-(each.entries or 0), each.unit))
    return Access(known, tuple(withheld))


async def readable_units(context: Context, patient: str) -> list[str]:
    """The HSA-ids of the units of which the principal may read anything of a person's record."""
    members = await persons.whole(context.pool, patient)
    rows = [row for each in members for row in await _by_unit(context, each)]
    return list(
        dict.fromkeys(row.unit for row in sorted(rows, key=lambda row: -row.readable) if row.readable)
    )


async def _by_unit(context: Context, patient: str) -> list[store.ByUnit]:
    """What each unit has about one of the Patients that a person is."""
    question = context.question(Action.READ, patient=patient)
    place = (bucket_of(patient), id_hash(patient), patient)
    return await store.by_unit(context.pool, *place, _TYPE_HASHES, predicate(question), barred_by(question))


def _together(withheld: list[Withheld]) -> list[Withheld]:
    """One line for a unit, also where several Patients are the person."""
    lines: dict[tuple[str, Way], Withheld] = {}
    for each in withheld:
        before = lines.get((each.unit, each.way))
        more = (before.entries or 0) if before is not None else 0
        lines[each.unit, each.way] = replace(each, entries=(each.entries or 0) + more)
    return list(lines.values())


def _withheld(context: Context, known: Circumstances, row: store.ByUnit) -> Withheld:
    assignment = context.principal.assignment
    blocks = tuple(
        block.key
        for block in known.blocks
        if block.level is Level.INNER
        and not block.lifted
        and block.provider == row.provider
        and block.unit in ("", row.unit)
        and row.unit != assignment.unit
    )
    entries = row.entries - row.readable - row.barred
    foreign = row.provider != assignment.provider
    chosen = row.unit in known.chosen and (not foreign or known.consented)
    if blocks and (chosen or known.opened is not None):
        # Another provider's block cannot be lifted from here.
        return Withheld(row.unit, row.provider, entries, Way.HOLDER if foreign else Way.LIFT, blocks)
    way = Way.CONSENT if foreign and not known.consented else Way.CHOICE
    return Withheld(row.unit, row.provider, entries, way, blocks)


def totals(withheld: tuple[Withheld, ...]) -> Counter[str]:
    """How many entries are withheld at each unit."""
    counted: Counter[str] = Counter()
    for each in withheld:
        counted[each.unit] += each.entries or 0
    return counted
