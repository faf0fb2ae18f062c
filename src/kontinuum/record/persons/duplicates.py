"""Finding Patients that may be one person. They are shown, never linked without somebody saying so.

Each Patient is compared once after it was written, with those that share a date of birth, a number, a
telephone number or, without a date of birth, a family name: so a region is gone through in pieces, and later
only what is new. What was found is kept until somebody links or dismisses it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kontinuum.fhir import json
from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.fhir.search.dates import date_range
from kontinuum.fhir.search.hashing import value_hash
from kontinuum.fhir.search.text import normalise
from kontinuum.kernel.clock import from_micros
from kontinuum.kernel.i18n import local
from kontinuum.record.context import Context
from kontinuum.record.outcome import Refusal, RefusalKind, refuse
from kontinuum.record.persons.identity import Identity, identity_of
from kontinuum.record.persons.rules import Likeness, likenesses
from kontinuum.store import persons as store
from kontinuum.store.persons import Doer
from kontinuum.store.resources import persons as finding
from kontinuum.store.resources.rows import ResourceRow
from kontinuum.sweden.equivalents import equivalents

_PATIENT = TYPE_CODES["Patient"]
_AT_ONCE = 1000
_COUNTED_TO = 100_000
_STILL_COMMITTING = 60_000_000


@dataclass(frozen=True, slots=True)
class Pair:
    """Two Patients (ids in order) that may be one person, and why; who dismissed it, when and why."""

    one: str
    other: str
    reasons: tuple[Likeness, ...]
    dismissed: int | None = None
    dismissed_by: str = ""
    dismissal: str = ""


@dataclass(frozen=True, slots=True)
class Scanned:
    """How many Patients were compared, and how many are left (counted up to 100,000)."""

    compared: int
    left: int


async def scan(context: Context, at_most: int) -> Scanned:
    """Compare Patients written since last time, in the order of their writing."""
    position = await store.scanned_to(context.pool)
    rows = await finding.written_after(context.pool, position, at_most)
    if not rows:
        return Scanned(0, 0)
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    linked = await store.members(context.pool, [row.id for row in rows])
    for row in rows:
        if row.body is not None:
            for pair in await _of(context, json.loads(row.body)):
                person = linked.get(row.id, (row.id, ()))[0]
                known = await store.members(context.pool, [pair.one, pair.other])
                if len({known.get(each, (each, ()))[0] for each in (pair.one, pair.other)} | {person}) > 1:
                    found[pair.one, pair.other] = tuple(map(str, pair.reasons))
    position = (rows[-1].updated, rows[-1].key)
    left = await finding.left_after(context.pool, position, _COUNTED_TO)
    if left == 0:
        # What was written a moment ago may be committed after what was written now: it is looked for again.
        position = min(position, (context.now() - _STILL_COMMITTING, 0))
    async with context.pool.acquire() as connection:
        await store.remember_scan(connection, [row.id for row in rows], found, position, context.now())
    return Scanned(len(rows), left)


async def of_new(context: Context, patient: dict[str, Any]) -> list[Pair]:
    """Patients that may be the same person as one that is about to be written; logged as a search."""
    found = await _of(context, {**patient, "id": ""})
    others = [pair.other or pair.one for pair in found]
    await context.log(
        "search",
        "permitted",
        "scope",
        patients=others,
        what=("Patient: possible duplicates",),
        count=len(found),
    )
    return found


async def pairs(context: Context, *, dismissed: bool, patient: str | None, limit: int) -> list[Pair]:
    """Pairs that may be one person, without those that have been linked since; logged as a search."""
    rows = await store.pairs(context.pool, dismissed=dismissed, patient=patient, limit=limit)
    known = await store.members(context.pool, sorted({each for row in rows for each in row[:2]}))

    def person(each: str) -> str:
        return known.get(each, (each, ()))[0]

    found = [
        Pair(
            row.one,
            row.other,
            tuple(map(Likeness, row.reasons)),
            row.dismissed,
            row.dismissed_name or "",
            row.dismissal or "",
        )
        for row in rows
        if person(row.one) != person(row.other)
    ]
    await context.log(
        "search",
        "permitted",
        "scope",
        patients=[each for pair in found for each in (pair.one, pair.other)],
        what=("Patient: possible duplicates",),
        count=len(found),
    )
    return found


async def dismiss(context: Context, one: str, other: str, *, reason: str) -> Refusal | None:
    """Remember that two Patients are not one person."""
    if not reason.strip():
        return refuse(RefusalKind.BAD_REQUEST, "required", "State why they are not one person.")
    actor, assignment = context.principal.actor, context.principal.assignment
    await _log(context, "dismiss-duplicate", one, other, reason)
    doer = Doer(actor.id, actor.name, assignment.unit, assignment.provider)
    done = await store.dismiss(context.pool, _ordered(one, other), context.now(), doer, reason)
    return None if done else _no_pair()


async def reopen(context: Context, one: str, other: str) -> Refusal | None:
    """Take a dismissal back."""
    await _log(context, "reopen-duplicate", one, other, None)
    return None if await store.reopen(context.pool, _ordered(one, other)) else _no_pair()


async def _log(context: Context, action: str, one: str, other: str, note: str | None) -> None:
    what = (f"Patient/{one}", f"Patient/{other}")
    await context.log(action, "permitted", "patient-index", patients=(one, other), what=what, note=note)


def _ordered(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one < other else (other, one)


def _no_pair() -> Refusal:
    return refuse(RefusalKind.CONFLICT, "conflict", "Somebody has taken a stand on this pair already.")


async def _of(context: Context, patient: dict[str, Any]) -> list[Pair]:
    """The pairs that a Patient makes with others."""
    schemes = context.services.schemes
    today = local(from_micros(context.now())).date()
    person = identity_of(patient, today, schemes)
    hashes = [
        value_hash("Patient", "identifier", "code", form)
        for system, value in sorted(person.numbers)
        for _, form in equivalents(system, value, today=today, schemes=schemes)
    ]
    hashes += [
        value_hash("Patient", "telecom", "code", point["value"])
        for point in patient.get("telecom", ())
        if point.get("value")
    ]
    families = {normalise(name["family"])[:200] for name in patient.get("name", ()) if name.get("family")}
    rows = await finding.sharing(
        context.pool,
        births=_beginnings([person.born]),
        near=_beginnings(_slips(person.born)),
        families=sorted(families),
        by_family=len(person.born) < 10,
        hashes=sorted(set(hashes)),
        limit=_AT_ONCE,
    )
    return [
        Pair(*_ordered(person.id, row.id), reasons)
        for row in rows
        if row.id != person.id and (reasons := likenesses(person, _read(context, row)))
    ]


def _slips(born: str) -> list[str]:
    """The dates that one wrong digit, or day and month swapped, makes of a date of birth."""
    if len(born) != 10:
        return []
    days = {f"{born[:4]}-{born[8:]}-{born[5:7]}"}
    days |= {
        f"{born[:place]}{digit}{born[place + 1 :]}" for place in (2, 3, 5, 6, 8, 9) for digit in "0123456789"
    }
    return sorted(days)


def _beginnings(days: Sequence[str]) -> list[int]:
    """The first microsecond of each of some days; what is no day is left out."""
    return [limits[0] for day in days if len(day) == 10 and (limits := date_range(day)) is not None]


def _read(context: Context, row: ResourceRow) -> Identity:
    today = local(from_micros(context.now())).date()
    return identity_of(row.body or b"", today, context.services.schemes)
