"""What narrows the chronicle of a patient beyond a search's own criteria, and its types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kontinuum.fhir.search.hashing import type_hash
from kontinuum.fhir.search.text import normalise
from kontinuum.kernel.ids import bucket_of, id_hash
from kontinuum.kernel.sql import Fragment

_TYPES_OF = """
select distinct t.value
  from unnest($1::smallint[], $2::bigint[]) p(bucket, patient) cross join unnest($3::bigint[]) t(value)
 cross join lateral (select from hot h
                      where h.bucket = p.bucket and h.patient = p.patient and h.value = t.value limit 1) h
"""
# With `exists` instead, the planner reads all of the region's index to find one patient's.


async def types_of(connection: Any, patients: Sequence[str], types: Sequence[str]) -> set[str]:
    """Those of some types of which some Patients have anything at all, shown or not."""
    by_hash = {type_hash(each): each for each in types}
    found = await connection.fetch(
        _TYPES_OF,
        [bucket_of(each) for each in patients],
        [id_hash(each) for each in patients],
        list(by_hash),
    )
    return {by_hash[record["value"]] for record in found}


def at_units(units: Sequence[str]) -> Fragment:
    """One of these care units (HSA-ids) is accountable."""
    return Fragment("a.unit = any({}::text[])", (list(units),))


def between(start: int | None, end: int | None) -> Fragment:
    """The clinical time lies between two moments, in microseconds, the second one excluded."""
    if start is None and end is None:
        return Fragment("true")
    low = -(2**63) if start is None else start
    return Fragment(
        "(r.sort >= {}::bigint and r.sort < {}::bigint)", (low, 2**63 - 1 if end is None else end)
    )


def mentioning(needles: Sequence[str], hashes: Sequence[int]) -> Fragment:
    """Some word of the free text or some coded text holds one of the texts, or a value has one of the hashes.

    `needles` are in lower case. Words are looked at within the rows of one patient: no index finds the
    middle of a word, and a patient's rows are few.
    """
    within = [_like(each) for each in needles]
    return Fragment(
        "(exists (select from search_words w where w.bucket = r.bucket and w.key = r.key"
        " and w.words::text like any({}::text[]) offset 0)"
        " or r.hashes && (select coalesce(array_agg(k.hash), array[]::bigint[]) from known_text k"
        " where k.text like any({}::text[]))"
        " or r.hashes && {}::bigint[])",
        (within, [_like(each) for each in map(normalise, needles)], list(hashes)),
    )


def _like(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
