"""Reviews of the log: what staff has read of whom, samples, rounds with their findings, and checks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

from kontinuum.kernel.ids import bucket_of

FETCH = 2000

# By staff, about a patient, of the record: not of the log itself, and more than who a patient is. A search
# for a patient by name brings many who were not meant; it counts when something else was read with it.
_OF_STAFF = """
      e.provider = $1 and e.recorded >= $2 and e.recorded < $3
  and e.action <> all('{read-log,review-log,extract-log,export-log,anchor}'::text[])
  and position('"actor_kind":"staff"'::bytea in e.content) > 0
"""
_MEANT = r"""
      e.patients <> '{}'
  and not (e.action = 'search'
           and convert_from(e.content, 'UTF8') ~
               '"what":\["Patient\?([^"\\]|\\.)*"(,"Patient\?([^"\\]|\\.)*")*\]')
"""

# The hour in Sweden: the offset (in microseconds) that began last before the moment.
_HOUR = """
    mod((e.recorded + ($5::bigint[])[width_bucket(e.recorded, $4::bigint[])]) / 3600000000, 24)
"""
_AT_NIGHT = f"({_HOUR} >= $6 or {_HOUR} < $7)"

_PERMITTED = """position('"outcome":"permitted"'::bytea in e.content) > 0"""

PERSONS = f"""
select a.actor, a.entries, a.at_night,
       (select x.content from audit_entry x
         where x.actor = a.actor and x.provider = $1 and x.recorded >= $2 and x.recorded < $3
         order by x.recorded desc limit 1) as latest
  from (select e.actor, count(*) as entries, count(*) filter (where {_AT_NIGHT}) as at_night
          from audit_entry e where {_OF_STAFF} group by e.actor) a
"""

PAIRS = f"""
select e.actor, e.unit, p.patient, min(e.recorded) as first, max(e.recorded) as last,
       count(*) as entries, count(*) filter (where {_AT_NIGHT}) as at_night,
       count(*) filter (where e.action = 'emergency-opening' and {_PERMITTED}) as openings,
       count(*) filter (where e.action = 'state-relation' and {_PERMITTED}) as stated
  from audit_entry e cross join lateral unnest(e.patients) as p(patient)
 where {_OF_STAFF} and {_MEANT}
 group by e.actor, e.unit, p.patient
 order by p.patient
"""

FAST = f"""
select e.actor, min(e.unit) as unit, min(e.recorded) as first, max(e.recorded) as last,
       count(distinct p.patient) as patients, count(*) as entries
  from audit_entry e cross join lateral unnest(e.patients) as p(patient)
 where {_OF_STAFF} and {_MEANT}
 group by e.actor, e.recorded / $4
having count(distinct p.patient) >= $5
 order by patients desc, first limit $6
"""

SAMPLE = f"""
select e.recorded, e.actor, e.unit, e.patients[1] as patient
  from audit_entry e
 where {_OF_STAFF} and {_MEANT}
 order by md5($4 || ':' || e.writer || ':' || e.block || ':' || e.ord)
 limit $5
"""

NEW_ROUND = """
insert into log_round (provider, since, until, seed, made, actor, name, accesses, pairs, flagged)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning id
"""

NEW_FINDINGS = """
insert into log_finding
       (round, place, sample, reasons, score, actor, name, unit, patient, first, last, entries, patients)
select $1, v.place, v.sample, string_to_array(v.reasons, ' '), v.score, v.actor, v.name, v.unit, v.patient,
       v.first, v.last, v.entries, v.patients
  from unnest($2::integer[], $3::boolean[], $4::text[], $5::integer[], $6::text[], $7::text[], $8::text[],
              $9::text[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[])
    as v(place, sample, reasons, score, actor, name, unit, patient, first, last, entries, patients)
"""

ROUNDS = """
select r.id, r.provider, r.since, r.until, r.seed, r.made, r.actor, r.name, r.accesses, r.pairs, r.flagged,
       (select count(*) from log_finding f where f.round = r.id) as findings,
       (select count(*) from log_finding f
         where f.round = r.id and exists (select from log_check c where c.finding = f.id)) as checked
  from log_round r
 where r.provider = $1 and ($2::bigint is null or r.id = $2)
 order by r.id desc limit $3
"""

FINDINGS = """
select f.id, f.round, f.place, f.sample, f.reasons, f.score, f.actor, f.name, f.unit, f.patient, f.first,
       f.last, f.entries, f.patients,
       (select c.outcome from log_check c where c.finding = f.id order by c.id desc limit 1) as outcome
  from log_finding f join log_round r on r.id = f.round
 where r.provider = $1 and ($2::bigint is null or f.round = $2) and ($3::bigint is null or f.id = $3)
 order by f.round, f.place
"""

CHECKS = """
select id, finding, checked, actor, name, assignment, outcome, note
  from log_check where finding = $1 order by id
"""

NEW_CHECK = """
insert into log_check (finding, checked, actor, name, assignment, outcome, note)
values ($1, $2, $3, $4, $5, $6, $7) returning id
"""


# An opening is in the log before it holds; the log's moment is the later one by a breath.
_JUST_BEFORE = 60 * 1_000_000

REVIEWED = """
update opening set reviewed = $7
 where bucket = $1 and patient = $2 and person = $3 and unit = $4 and low >= $5 and low <= $6
   and reviewed is null
"""


class Period(NamedTuple):
    """A provider's accesses in a period (microseconds; `until` exclusive)."""

    provider: str
    since: int
    until: int


class Nights(NamedTuple):
    """From when (µs) which offset (µs) to UTC holds, and from and to which hour it is night."""

    starts: list[int]
    offsets: list[int]
    evening: int
    morning: int


class Person(NamedTuple):
    """One person's accesses altogether; `latest` is the content of the latest."""

    actor: str
    entries: int
    at_night: int
    latest: bytes


class Pair(NamedTuple):
    """One person's accesses to one patient at one unit."""

    actor: str
    unit: str
    patient: str
    first: int
    last: int
    entries: int
    at_night: int
    openings: int
    stated: int


class Burst(NamedTuple):
    """One person's accesses to many patients in a short while."""

    actor: str
    unit: str
    first: int
    last: int
    patients: int
    entries: int


class Drawn(NamedTuple):
    """An entry that was drawn."""

    recorded: int
    actor: str
    unit: str
    patient: str


class NewFinding(NamedTuple):
    """What a round puts before the reviewer; `reasons` is joined by spaces."""

    place: int
    sample: bool
    reasons: str
    score: int
    actor: str
    name: str
    unit: str
    patient: str | None
    first: int
    last: int
    entries: int
    patients: int


class Round(NamedTuple):
    """A round of review, and how far it has come."""

    id: int
    provider: str
    since: int
    until: int
    seed: str
    made: int
    actor: str
    name: str
    accesses: int
    pairs: int
    flagged: int
    findings: int
    checked: int


class Finding(NamedTuple):
    """A finding, and the outcome of its latest check (None: not checked)."""

    id: int
    round: int
    place: int
    sample: bool
    reasons: list[str]
    score: int
    actor: str
    name: str
    unit: str
    patient: str | None
    first: int
    last: int
    entries: int
    patients: int
    outcome: str | None


class Check(NamedTuple):
    """A documented review of a finding."""

    id: int
    finding: int
    checked: int
    actor: str
    name: str
    assignment: str
    outcome: str
    note: str


async def persons(connection: Any, period: Period, nights: Nights) -> dict[str, Person]:
    """How many accesses each person has, and how many of them at night, by actor."""
    records = await connection.fetch(PERSONS, *period, *nights, timeout=None)
    return {record["actor"]: Person(*record) for record in records}


async def pairs(connection: Any, period: Period, nights: Nights) -> AsyncIterator[list[Pair]]:
    """Who has read what of whom, some at a time, patient after patient; within a transaction."""
    cursor = await connection.cursor(PAIRS, *period, *nights)
    while found := await cursor.fetch(FETCH, timeout=None):
        yield [Pair(*record) for record in found]


async def bursts(connection: Any, period: Period, slot: int, least: int, most: int) -> list[Burst]:
    """Where somebody read many patients within a slot of time (µs), those with most patients first."""
    return [
        Burst(*record) for record in await connection.fetch(FAST, *period, slot, least, most, timeout=None)
    ]


async def sample(connection: Any, period: Period, seed: str, size: int) -> list[Drawn]:
    """The accesses that the seed draws."""
    return [Drawn(*record) for record in await connection.fetch(SAMPLE, *period, seed, size, timeout=None)]


async def add_round(
    connection: Any,
    period: Period,
    seed: str,
    made: int,
    who: tuple[str, str],
    counts: tuple[int, int, int],
    findings: Sequence[NewFinding],
) -> int:
    """Keep a round with its findings; `counts` are accesses, pairs and how many pairs showed a pattern."""
    async with connection.transaction():
        number = int(await connection.fetchval(NEW_ROUND, *period, seed, made, *who, *counts))
        if findings:
            columns = [list(column) for column in zip(*findings, strict=True)]
            await connection.execute(NEW_FINDINGS, number, *columns)
    return number


async def rounds(connection: Any, provider: str, number: int | None = None, limit: int = 50) -> list[Round]:
    """A provider's rounds, the newest first, or the one with a number."""
    return [Round(*record) for record in await connection.fetch(ROUNDS, provider, number, limit)]


async def findings(
    connection: Any, provider: str, *, number: int | None = None, finding: int | None = None
) -> list[Finding]:
    """The findings of a provider's round, or one finding."""
    return [Finding(*record) for record in await connection.fetch(FINDINGS, provider, number, finding)]


async def checks(connection: Any, finding: int) -> list[Check]:
    """The reviews of a finding, oldest first."""
    return [Check(*record) for record in await connection.fetch(CHECKS, finding)]


async def add_check(
    connection: Any, finding: Finding, checked: int, who: tuple[str, str, str], outcome: str, note: str
) -> int:
    """Keep a review; `who` is actor, name and assignment. The openings among what was reviewed are marked."""
    async with connection.transaction():
        number = int(await connection.fetchval(NEW_CHECK, finding.id, checked, *who, outcome, note))
        if finding.patient is not None:
            place = (bucket_of(finding.patient), finding.patient, finding.actor, finding.unit)
            await connection.execute(REVIEWED, *place, finding.first - _JUST_BEFORE, finding.last, checked)
    return number
