"""Making a round of review: a sample that a seed draws, and the accesses that patterns put first.

Everything that staff of a provider has read in a period is gone through once, some thousand pairs of person
and patient at a time; what is kept is the sample and those with the highest scores.
"""

from __future__ import annotations

import heapq
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from kontinuum.audit import AuditEntry, patterns
from kontinuum.audit.patterns import Access, Circumstances, Identity
from kontinuum.fhir.datatypes import Address, Element, HumanName, Identifier, Meta, Reference, decoder
from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.kernel.clock import from_micros
from kontinuum.kernel.i18n import local
from kontinuum.record.context import Context
from kontinuum.store import audit_review as store
from kontinuum.store.audit_review import NewFinding, Nights, Pair, Period
from kontinuum.store.resources import acquaintance
from kontinuum.store.resources import read as resources
from kontinuum.sweden import systems

SAMPLE = 20
"""How many accesses a round draws."""
RANKED = 100
"""How many of the accesses that show patterns a round puts before the reviewer."""

_NUMBERS = frozenset({systems.PERSONNUMMER, systems.SAMORDNINGSNUMMER})
_PROTECTIONS = frozenset({systems.CONFIDENTIALITY_MARK, systems.PROTECTED_REGISTRATION})
_name_of = msgspec.json.Decoder(AuditEntry).decode


class _PersonResource(Element, frozen=True):
    meta: Meta = Meta()
    identifier: tuple[Identifier, ...] = ()
    name: tuple[HumanName, ...] = ()
    address: tuple[Address, ...] = ()
    general_practitioner: tuple[Reference, ...] = ()


class _Organization(Element, frozen=True):
    identifier: tuple[Identifier, ...] = ()


_PERSON = decoder(_PersonResource)
_ORGANIZATION = decoder(_Organization)


@dataclass(frozen=True, slots=True)
class _Patient:
    """What is compared of a patient, and the references of the units where the patient is listed."""

    identity: Identity = field(default_factory=Identity)
    protected: bool = False
    listed: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Known:
    """Staff and units of the whole record, read once for a round; and the patients looked at just now."""

    staff: dict[str, Identity] = field(default_factory=dict)
    by_number: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    patients: dict[str, _Patient] = field(default_factory=dict)


async def make_round(context: Context, period: Period) -> int:
    """Make a round over a period and keep it; gives its number."""
    seed = secrets.token_hex(8)
    nights = _nights(period)
    async with (
        context.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        persons = await store.persons(connection, period, nights)
        names = {actor: _name_of(person.latest).actor_name for actor, person in persons.items()}
        known = await _known(connection)
        drawn = await store.sample(connection, period, seed, SAMPLE)
        bursts = await store.bursts(connection, period, patterns.SLOT_MICROS, patterns.MANY, RANKED)
        best = _Best(RANKED)
        for burst in bursts:
            # More patients in the same time are looked at first.
            score = patterns.MANY_FAST.weight + min(burst.patients - patterns.MANY, 40)
            best.add(
                score,
                NewFinding(
                    0, False, patterns.MANY_FAST.key, score, burst.actor, "", burst.unit, None, burst.first,
                    burst.last, burst.entries, burst.patients,
                ),
            )  # fmt: skip
        pairs = flagged = 0
        async for batch in store.pairs(connection, period, nights):
            pairs += len(batch)
            flagged += await _judge(connection, batch, persons, names, known, best)
    findings = [
        NewFinding(0, True, "", 0, one.actor, "", one.unit, one.patient, one.recorded, one.recorded, 1, 1)
        for one in drawn
    ]
    placed = [
        finding._replace(place=place, name=names.get(finding.actor, finding.actor))
        for place, finding in enumerate([*best.ranked(), *findings], start=1)
    ]
    actor = context.principal.actor
    counts = (sum(person.entries for person in persons.values()), pairs, flagged + len(bursts))
    async with context.pool.acquire() as connection:
        who = (actor.id, actor.name)
        return await store.add_round(connection, period, seed, context.now(), who, counts, placed)


class _Best:
    """The findings with the highest scores, however many are seen."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._heap: list[tuple[int, int, NewFinding]] = []
        self._seen = 0

    def add(self, score: int, finding: NewFinding) -> None:
        self._seen += 1
        item = (score, -self._seen, finding)  # of equals the one seen first stays
        if len(self._heap) < self._most:
            heapq.heappush(self._heap, item)
        else:
            heapq.heappushpop(self._heap, item)

    def ranked(self) -> list[NewFinding]:
        """Highest score first, then the most entries."""
        best = (finding for _, _, finding in self._heap)
        return sorted(best, key=lambda one: (-one.score, -one.entries, one.actor, one.patient or ""))


async def _judge(
    connection: Any,
    batch: Sequence[Pair],
    persons: dict[str, store.Person],
    names: dict[str, str],
    known: _Known,
    best: _Best,
) -> int:
    """Look for patterns in some pairs; how many of them show any."""
    await _know_patients(connection, known, {pair.patient for pair in batch})
    asked = [(pair.unit, pair.patient, pair.first - patterns.RELATION_MICROS) for pair in batch]
    met = await acquaintance.met(connection, asked)
    flagged = 0
    for number, pair in enumerate(batch):
        patient = known.patients[pair.patient]
        actor = known.staff.get(pair.actor) or Identity(patterns.surnames([names[pair.actor].split(" ")[-1]]))
        around = Circumstances(
            actor,
            patient.identity,
            protected=patient.protected,
            related=number in met or any(known.units.get(one) == pair.unit for one in patient.listed),
            works_by_day=_works_by_day(persons[pair.actor]),
            staff_with_number=next(
                (known.by_number[one] for one in sorted(patient.identity.numbers) if one in known.by_number),
                None,
            ),
        )
        access = Access(
            pair.actor, "", pair.unit, pair.patient, pair.first, pair.last, pair.entries, pair.at_night,
            pair.openings, pair.stated,
        )  # fmt: skip
        found = patterns.reasons(access, around)
        if not found:
            continue
        flagged += 1
        score = sum(pattern.weight for pattern in found)
        keys = " ".join(pattern.key for pattern in found)
        best.add(
            score,
            NewFinding(
                0, False, keys, score, pair.actor, "", pair.unit, pair.patient, pair.first, pair.last,
                pair.entries, 1,
            ),
        )  # fmt: skip
    return flagged


def _works_by_day(person: store.Person) -> bool:
    enough = person.entries >= patterns.DAY_WORKER_ACCESSES
    return enough and person.at_night < patterns.DAY_WORKER_SHARE * person.entries


async def _know_patients(connection: Any, known: _Known, ids: set[str]) -> None:
    """Read the patients of a batch; pairs come patient after patient, so the batch before is kept."""
    kept = {one: known.patients[one] for one in ids if one in known.patients}
    missing = ids - kept.keys()
    rows = await resources.read_many(connection, [(TYPE_CODES["Patient"], one) for one in missing])
    found = {row.id: _patient(_PERSON.decode(row.body)) for row in rows if row.body is not None}
    known.patients = {**kept, **dict.fromkeys(missing, _Patient()), **found}


def _patient(resource: _PersonResource) -> _Patient:
    return _Patient(
        _identity(resource),
        any(label.code in _PROTECTIONS for label in resource.meta.security),
        frozenset(one.reference for one in resource.general_practitioner if one.reference),
    )


async def _known(connection: Any) -> _Known:
    known = _Known()
    async for batch in acquaintance.bodies(connection, "Practitioner"):
        for logical_id, body in batch:
            identity = known.staff[logical_id] = _identity(_PERSON.decode(body))
            known.by_number.update(dict.fromkeys(identity.numbers, logical_id))
    async for batch in acquaintance.bodies(connection, "Organization"):
        for logical_id, body in batch:
            for one in _ORGANIZATION.decode(body).identifier:
                if one.value and systems.canonical(one.system or "") == systems.HSA_ID:
                    known.units[f"Organization/{logical_id}"] = one.value
    return known


def _identity(person: _PersonResource) -> Identity:
    addresses = (patterns.address(" ".join(one.line), one.postal_code or "") for one in person.address)
    return Identity(
        patterns.surnames(name.family for name in person.name if name.family),
        frozenset(one for one in addresses if one),
        frozenset(
            one.value
            for one in person.identifier
            if one.value and systems.canonical(one.system or "") in _NUMBERS
        ),
    )


def _nights(period: Period) -> Nights:
    """Swedish time over a period, as the offsets that begin in it."""
    starts: list[int] = []
    offsets: list[int] = []
    hour = 3600 * 1_000_000
    moment = period.since - period.since % hour
    while moment < period.until + hour:  # summer time begins and ends on the hour
        offset = local(from_micros(moment)).utcoffset()
        micros = 0 if offset is None else round(offset.total_seconds()) * 1_000_000
        if not offsets or offsets[-1] != micros:
            starts.append(moment)
            offsets.append(micros)
        moment += hour
    return Nights(starts, offsets, *patterns.NIGHT)
