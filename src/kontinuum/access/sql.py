"""Conditions in SQL, put together from parts; `true` and `false` are worked out, not sent.

The shape of a principal's scope is the same from one search to the next: it is made once, with `Late` for the
moment and the patient, and every equal value is sent once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from kontinuum.access.decision import Question
from kontinuum.kernel.ids import bucket_of
from kontinuum.kernel.sql import Fragment

_PLACE = re.compile(r"\{(\d*)\}(::\w+)?")


class Late(Enum):
    """A value that is known when a question is asked, not when its SQL is made."""

    NOW = "now"
    PATIENT = "patient"
    BUCKET = "bucket"


NOTHING = Fragment("false")
EVERYTHING = Fragment("true")
COMPLETE = Fragment("(select complete from law_projection)")
"""The tables of the law hold what the record says: rule 17's check can be made."""


@dataclass(frozen=True, slots=True)
class _All(Fragment):
    """A conjunction that remembers its parts, so that alternatives can share them."""

    parts: tuple[Fragment, ...] = ()


def all_of(*parts: Fragment) -> Fragment:
    """Every part holds."""
    if NOTHING in parts:
        return NOTHING
    needed = _distinct(each for part in parts for each in _parts(part) if each != EVERYTHING)
    if len(needed) < 2:
        return needed[0] if needed else EVERYTHING
    joined = _joined(needed, " and ")
    return _All(joined.text, joined.values, tuple(needed))


def any_of(*parts: Fragment) -> Fragment:
    """At least one part holds. What several ask of the tables of the law alike is asked once."""
    if EVERYTHING in parts:
        return EVERYTHING
    possible = _distinct(part for part in parts if part != NOTHING)
    if len(possible) < 2:
        return possible[0] if possible else NOTHING
    asked = [each for part in possible for each in _parts(part) if "select" in each.text]
    shared = max(asked, key=asked.count, default=NOTHING)
    if asked.count(shared) < 2:
        return _joined(possible, " or ")
    sharing = [part for part in possible if shared in _parts(part)]
    rest = any_of(*(all_of(*(each for each in _parts(part) if each != shared)) for part in sharing))
    # What is shared comes last: nothing is asked of the law for a row that the rest leaves out.
    return any_of(all_of(rest, shared), *(part for part in possible if part not in sharing))


def _parts(fragment: Fragment) -> tuple[Fragment, ...]:
    return fragment.parts if isinstance(fragment, _All) else (fragment,)


def _distinct(fragments: Iterable[Fragment]) -> list[Fragment]:
    """Each once; values may be lists, which no set takes."""
    found: list[Fragment] = []
    for each in fragments:
        if each not in found:
            found.append(each)
    return found


def none_of(part: Fragment) -> Fragment:
    """The part does not hold; it must never be null."""
    if part == NOTHING:
        return EVERYTHING
    return NOTHING if part == EVERYTHING else Fragment(f"not ({part.text})", part.values)


def _joined(parts: list[Fragment], word: str) -> Fragment:
    values: list[Any] = []
    texts = []
    for part in parts:
        texts.append(f"({_numbered(part, len(values))})")
        values += part.values
    return Fragment(word.join(texts), tuple(values))


def _numbered(part: Fragment, first: int) -> str:
    """The text of a fragment with its values' numbers written out, beginning with `first`."""
    following = iter(range(len(part.values)))

    def number(place: re.Match[str]) -> str:
        own = int(place[1]) if place[1] else next(following)
        return f"{{{first + own}}}{place[2] or ''}"

    return _PLACE.sub(number, part.text)


def compact(fragment: Fragment) -> Fragment:
    """The same condition in which equal values of equal type stand once."""
    known: dict[tuple[str, Any], int] = {}
    values: list[Any] = []

    def number(place: re.Match[str]) -> str:
        value = fragment.values[int(place[1])]
        name = (place[2] or "", tuple(value) if isinstance(value, list) else value)
        if name not in known:
            known[name] = len(values)
            values.append(value)
        return f"{{{known[name]}}}{place[2] or ''}"

    numbered = Fragment(_numbered(fragment, 0), fragment.values)
    return Fragment(_PLACE.sub(number, numbered.text), tuple(values))


def filled(fragment: Fragment, question: Question) -> Fragment:
    """A fragment with what is known now in place of `Late`."""
    patient = question.patient
    late = {Late.NOW: question.now, Late.PATIENT: patient}
    if patient is not None:
        late[Late.BUCKET] = bucket_of(patient)
    return Fragment(
        fragment.text,
        tuple(late[value] if isinstance(value, Late) else value for value in fragment.values),
    )


def of_patient(question: Question, alias: str) -> Fragment:
    """A row of a table of the law is about the resource's patient, and lies on the same shard."""
    if question.patient is None:
        return Fragment(f"{alias}.bucket = r.bucket and {alias}.patient = r.patient")
    place = (Late.BUCKET, Late.PATIENT)
    return Fragment(f"{alias}.bucket = {{}}::smallint and {alias}.patient = {{}}::text", place)


def in_force(question: Question, alias: str) -> Fragment:
    """A row of a table of the law is in force now."""
    return Fragment(f"{alias}.low <= {{}}::bigint and {alias}.high > {{}}::bigint", (Late.NOW,) * 2)


def mine_or_everybodys(question: Question, alias: str) -> Fragment:
    """A row is for all staff of the unit, or for the person who asks."""
    return Fragment(f"{alias}.person in ('', {{}}::text)", (question.actor.id,))


def told(function: str, *values: tuple[str, Any]) -> Fragment:
    """What a function of the law answers about the patient of the question, worked out at most once.

    Each value comes with its type. PostgreSQL opens every table that a statement mentions, needed or not:
    behind a function it opens only what an answer turns on (store/migrations/0018_law_asked.sql).
    """
    arguments = [("smallint", Late.BUCKET), ("text", Late.PATIENT), *values]
    places = ", ".join(f"{{}}::{kind}" for kind, _ in arguments)
    return Fragment(f"(select {function}({places}))", tuple(value for _, value in arguments))


def exists(table: str, alias: str, *conditions: Fragment) -> Fragment:
    """Some row of a table of the law meets the conditions."""
    where = all_of(*conditions)
    return Fragment(f"exists (select 1 from {table} {alias} where {where.text})", where.values)
