"""SQL of the patient index: links between Patients, series of reserve numbers, possible duplicates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

LOCK_LINKS = "select pg_advisory_xact_lock($1)"
_LINKING = 0x4B50494E  # one link is made or undone at a time: circles are seen, and it is rare

MEMBERS = """
select asked.patient as asked, asked.person, member.patient
  from linked_patient asked
  join linked_patient member on member.person = asked.person
 where asked.patient = any($1::text[])
 order by asked.patient, member.patient
"""

IN_FORCE_AROUND = """
with recursive near(patient) as (
    select one collate "C" from unnest($1::text[]) as asked(one)
    union
    select case when l.replaced = n.patient then l.survivor else l.replaced end
      from near n
      join patient_link l on l.ended is null and (l.replaced = n.patient or l.survivor = n.patient)
)
select distinct l.replaced, l.survivor
  from near n join patient_link l on l.ended is null and l.replaced = n.patient
"""

OF_PATIENTS = """
select * from patient_link
 where replaced = any($1::text[]) or survivor = any($1::text[])
 order by id
"""

INSERT_LINK = """
insert into patient_link (id, replaced, survivor, made, made_by, made_name, made_unit, made_provider, reason,
                          confirmed, labelled)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""

END_LINK = """
update patient_link
   set ended = $2, ended_by = $3, ended_name = $4, ended_unit = $5, ended_provider = $6, ended_reason = $7
 where id = $1 and ended is null
"""

FORGET_MEMBERS = "delete from linked_patient where patient = any($1::text[])"
REMEMBER_MEMBERS = "insert into linked_patient select * from unnest($1::text[], $2::text[])"

NEXT_NUMBER = """
insert into reserve_series as s (system, last) values ($1, 1)
on conflict (system) do update set last = s.last + 1
returning last
"""

KEEP_PAIR = """
insert into duplicate_pair as p (one, other, reasons, found)
values ($1, $2, $3, $4)
on conflict (one, other) do update set reasons = excluded.reasons
"""

FORGET_PAIRS = """
delete from duplicate_pair
 where dismissed is null and (one = any($1::text[]) or other = any($1::text[]))
"""

DESTROY_PAIRS = "delete from duplicate_pair where one = any($1::text[]) or other = any($1::text[])"
DESTROY_LINKS = """
delete from patient_link
 where ended is not null and (replaced = any($1::text[]) or survivor = any($1::text[]))
"""

PAIRS = """
select one, other, reasons, found, dismissed, dismissed_name, dismissed_unit, dismissal
  from duplicate_pair
 where (dismissed is not null) = $1
   and ($2::text is null or one = $2 or other = $2)
 order by found desc, one, other
 limit $3
"""

COUNT_PAIRS = "select count(*) from duplicate_pair where dismissed is null"

DISMISS = """
update duplicate_pair
   set dismissed = $3, dismissed_by = $4, dismissed_name = $5, dismissed_unit = $6, dismissal = $7
 where one = $1 and other = $2 and dismissed is null
returning true
"""

REOPEN = """
update duplicate_pair
   set dismissed = null, dismissed_by = null, dismissed_name = null, dismissed_unit = null, dismissal = null
 where one = $1 and other = $2 and dismissed is not null
returning true
"""

SCANNED_TO = "select updated, key from duplicate_scan"

SCANNED = """
insert into duplicate_scan (updated, key) values ($1, $2)
on conflict (only_row) do update set updated = excluded.updated, key = excluded.key
"""


class LinkRow(NamedTuple):
    """A link, in the order of the table's columns; times in microseconds, `ended` None while in force."""

    id: int
    replaced: str
    survivor: str
    made: int
    made_by: str
    made_name: str
    made_unit: str
    made_provider: str
    reason: str
    confirmed: list[str]
    labelled: dict[str, list[str]]
    ended: int | None
    ended_by: str | None
    ended_name: str | None
    ended_unit: str | None
    ended_provider: str | None
    ended_reason: str | None


class PairRow(NamedTuple):
    """Two Patients that may be one person; `dismissed` (microseconds): somebody said that they are not."""

    one: str
    other: str
    reasons: list[str]
    found: int
    dismissed: int | None
    dismissed_name: str | None
    dismissed_unit: str | None
    dismissal: str | None


class Doer(NamedTuple):
    """Who did something to the index: id and name of the person, unit and provider of the assignment."""

    id: str
    name: str
    unit: str
    provider: str


async def members(connection: Any, patients: Sequence[str]) -> dict[str, tuple[str, tuple[str, ...]]]:
    """For each of some Patients that has others beside it: whom it is known by, and all of them."""
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    for asked, person, patient in await connection.fetch(MEMBERS, patients):
        found[asked] = (person, (*found.get(asked, (person, ()))[1], patient))
    return found


async def whole(connection: Any, patient: str) -> tuple[str, ...]:
    """Every Patient that is the same person as one: itself alone when it is not linked."""
    return (await members(connection, [patient])).get(patient, ("", (patient,)))[1]


async def destroy(connection: Any, patients: Sequence[str]) -> None:
    """Remove what the index noted of Patients that are destroyed; they must not be linked to others."""
    await connection.execute(DESTROY_PAIRS, patients)
    await connection.execute(DESTROY_LINKS, patients)


async def lock(connection: Any) -> None:
    """Keep the links to this transaction until it ends."""
    await connection.execute(LOCK_LINKS, _LINKING)


async def in_force(connection: Any, patients: Sequence[str]) -> dict[str, str]:
    """The links in force among some Patients and all that hang together with them: replaced -> survivor."""
    return {row["replaced"]: row["survivor"] for row in await connection.fetch(IN_FORCE_AROUND, patients)}


async def links_of(connection: Any, patients: Sequence[str]) -> list[LinkRow]:
    """Every link that any of some Patients ever had, the oldest first."""
    return [
        LinkRow(*row)._replace(labelled=msgspec.json.decode(row["labelled"]))
        for row in await connection.fetch(OF_PATIENTS, patients)
    ]


async def insert_link(
    connection: Any,
    key: int,
    replaced: str,
    survivor: str,
    *,
    made: int,
    by: Doer,
    reason: str,
    confirmed: Sequence[str],
    labelled: Mapping[str, Sequence[str]],
) -> None:
    """Remember a link."""
    labels = msgspec.json.encode(labelled).decode()
    await connection.execute(INSERT_LINK, key, replaced, survivor, made, *by, reason, confirmed, labels)


async def end_link(connection: Any, key: int, ended: int, by: Doer, reason: str) -> None:
    """Remember that a link no longer is in force."""
    await connection.execute(END_LINK, key, ended, *by, reason)


async def settle(connection: Any, patients: Iterable[str], links: Mapping[str, str]) -> None:
    """Write what the links in force come to for some Patients; `links` is replaced -> survivor."""
    touched = sorted({*patients, *links, *links.values()})
    person = {each: known_by(each, links) for each in sorted({*links, *links.values()})}
    await connection.execute(FORGET_MEMBERS, touched)
    await connection.execute(REMEMBER_MEMBERS, list(person), list(person.values()))


def known_by(patient: str, links: Mapping[str, str]) -> str:
    """The Patient that a person is known by: the end of the chain of links."""
    while patient in links:
        patient = links[patient]
    return patient


async def next_number(connection: Any, system: str) -> int:
    """The next running number of a series. Committed at once, so that none is ever given out twice."""
    return int(await connection.fetchval(NEXT_NUMBER, system))


async def scanned_to(connection: Any) -> tuple[int, int]:
    """The position of the last Patient that was compared with the others."""
    row = await connection.fetchrow(SCANNED_TO)
    return (row["updated"], row["key"]) if row else (-(2**63), 0)


async def remember_scan(
    connection: Any,
    compared: Sequence[str],
    found: Mapping[tuple[str, str], Sequence[str]],
    position: tuple[int, int],
    now: int,
) -> None:
    """Keep what comparing some Patients found in place of what was found before, and how far it got.

    What somebody has dismissed stays dismissed.
    """
    async with connection.transaction():
        await connection.execute(FORGET_PAIRS, compared)
        for (one, other), reasons in found.items():
            await connection.execute(KEEP_PAIR, one, other, list(reasons), now)
        await connection.execute(SCANNED, *position)


async def pairs(connection: Any, *, dismissed: bool, patient: str | None, limit: int) -> list[PairRow]:
    """Pairs that may be one person, the latest found first; of one Patient when it is named."""
    return [PairRow(*row) for row in await connection.fetch(PAIRS, dismissed, patient, limit)]


async def count_open(connection: Any) -> int:
    """How many pairs nobody has taken a stand on."""
    return int(await connection.fetchval(COUNT_PAIRS))


async def dismiss(connection: Any, pair: tuple[str, str], when: int, by: Doer, reason: str) -> bool:
    """Remember that two Patients are not one person; False when the pair is not open."""
    found = await connection.fetchval(DISMISS, *pair, when, by.id, by.name, by.unit, reason)
    return bool(found)


async def reopen(connection: Any, pair: tuple[str, str]) -> bool:
    """Take a dismissal back; False when there is none."""
    return bool(await connection.fetchval(REOPEN, *pair))
