"""Generated worlds: patients, and everything the law may know between them and the cast."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from kontinuum.access import Facts
from kontinuum.access.subscribers import owned
from kontinuum.access.tools import ACTOR
from kontinuum.fhir import json
from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.kernel.clock import to_micros
from kontinuum.kernel.ids import bucket_of
from kontinuum.kernel.principal import TEMPLATES, ActorKind, Purpose
from tests.law.cast import (
    ADMINISTRATOR,
    COLLEAGUE,
    ELSEWHERE,
    NOW,
    NURSE,
    OUTSIDE,
    OWNER,
    PROVIDER,
    SYSTEM_A,
    TREATING,
    UNIT_A,
    UNIT_B,
    UNIT_C,
    patient_of,
    someone,
)

AUTHOR = someone("author", UNIT_A, ActorKind.STAFF, Purpose.CARE, TEMPLATES)
PRESENT = to_micros(NOW)
DAY = 86_400_000_000
UNITS = (UNIT_A, UNIT_B, UNIT_C)
PEOPLE = ("treating", "colleague", "outside", "nurse", "")
TYPES = ("Patient", "Observation", "MedicationRequest", "RelatedPerson", "Organization", "Binary")
READERS = ("q0", "q1")
ASKING = (
    TREATING,
    COLLEAGUE,
    OUTSIDE,
    NURSE,
    ADMINISTRATOR,
    SYSTEM_A,
    AUTHOR,
    *map(patient_of, READERS),
)


@dataclass
class World:
    """One patient, and rows for each table of the law; times are relative to the present."""

    rows: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)
    patient: str = ""

    def of(self, patient: str, first_key: int) -> dict[str, list[tuple[Any, ...]]]:
        """The rows as they stand in the tables, for a patient of this name."""
        found: dict[str, list[tuple[Any, ...]]] = {}
        key = first_key
        bucket = bucket_of(patient)
        blocks: list[int] = []
        for table in ("person_fact", "informed", "care_relation", "active_choice", "consent", "opening",
                      "block", "lift", "representative"):  # fmt: skip
            for number, row in enumerate(self.rows.get(table, ())):
                key += 1
                if table == "block":
                    blocks.append(key)
                values = [patient if value == "@" else value for value in row]
                if table == "lift":
                    values[2] = blocks[values[2] % len(blocks)] if blocks else 0
                found.setdefault(table, []).append(_placed(table, key, bucket, number, patient, values))
        return found


def _placed(
    table: str, key: int, bucket: int, number: int, patient: str, values: list[Any]
) -> tuple[Any, ...]:
    if table == "person_fact":
        return (key, bucket, *values, patient)
    if table == "informed":
        return (key, values[0], bucket, patient, *values[1:])
    if table == "representative":
        values = [*values, None]
    if table in ("active_choice", "opening"):
        return (key, *values[:2], bucket, patient, *values[2:])
    if table == "lift":
        return (key, *values[:3], bucket, patient, *values[3:])
    if table == "block":
        return (key, *values[:2], bucket, number, values[2], patient, *values[3:])
    return (key, *values[:2], bucket, number, patient, *values[2:])


periods = st.sampled_from([(-5, 5), (-5, 0), (0, 5), (1, 5), (-5, -1)]).map(
    lambda days: (PRESENT + days[0] * DAY, PRESENT + days[1] * DAY)
)
units = st.sampled_from(UNITS)
people = st.sampled_from(PEOPLE)
kept = st.sampled_from([[], [TYPE_CODES["MedicationRequest"]], [TYPE_CODES["Observation"]]])


def _row(*parts: Any) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.tuples(periods, *parts).map(lambda row: (*row[0], *_flat(row[1:])))


def _flat(parts: Any) -> tuple[Any, ...]:
    return tuple(value for part in parts for value in (part if isinstance(part, tuple) else (part,)))


at_unit = units.map(lambda unit: (unit, OWNER[unit]))
text = st.just("x")
born = st.sampled_from([None, 19800101, 20101122, 20101123, 20131122, 20131123, 20180101])
ages = st.tuples(born, st.booleans(), st.integers(0, 2)).map(lambda row: row)
blocks = st.one_of(
    _row(st.just("inner"), at_unit.map(lambda pair: (pair[1], pair[0])), kept, text),
    _row(st.just("outer"), st.sampled_from([PROVIDER, ELSEWHERE]), st.just(""), kept, text),
    _row(st.just("outer"), at_unit.map(lambda pair: (pair[1], pair[0])), kept, text),
)
TABLES = {
    "person_fact": st.lists(ages, max_size=1),
    "care_relation": st.lists(_row(at_unit, people, text, text, st.none()), max_size=3),
    "active_choice": st.lists(_row(people, units, units), max_size=4),
    "consent": st.lists(
        _row(
            st.sampled_from([PROVIDER, ELSEWHERE]),
            st.sampled_from(["", *UNITS]),
            people,
            text,
            st.booleans(),
        ),
        max_size=2,
    ),
    "informed": st.lists(
        st.tuples(st.sampled_from([PRESENT - DAY, PRESENT + 1]), at_unit.map(lambda pair: pair[1]), text),
        max_size=1,
    ),
    "opening": st.lists(_row(people, at_unit, text), max_size=1),
    "block": st.lists(blocks, max_size=2),
    "lift": st.lists(_row(st.integers(0, 1), units, people, text, text, text), max_size=2),
    "representative": st.lists(
        _row(
            st.sampled_from([*READERS, "@"]),
            st.sampled_from(["guardian", "proxy", "decision"]),
            kept,
            text,
        ),
        max_size=3,
    ),
}
DAYS = (PRESENT - 5 * DAY, PRESENT + 5 * DAY)
GRANTED: dict[str, list[tuple[Any, ...]]] = {
    "care_relation": [(*DAYS, UNIT_A, PROVIDER, "", "visit", "x", None)],
    "active_choice": [(*DAYS, "treating", UNIT_A, UNIT_C)],
    "consent": [(*DAYS, PROVIDER, "", "", "x", False)],
}
"""All that another provider's data needs, which hardly ever comes together by chance."""


def _world(rows: dict[str, list[tuple[Any, ...]]], granted: bool) -> World:
    more = GRANTED if granted else {}
    return World({table: [*found, *more.get(table, ())] for table, found in rows.items()})


worlds = st.builds(_world, st.fixed_dictionaries(TABLES), st.sampled_from([True, *[False] * 9]))


def resources(patient: str | None) -> list[Facts]:
    """Resources of each kind that the rules tell apart, at each unit, within and outside the blocks' time."""
    return [
        Facts(type_name, patient, unit, OWNER[unit], sort, kept_back)
        for unit in UNITS
        for type_name in TYPES
        for sort in (PRESENT - 2 * DAY, PRESENT + 2 * DAY)
        for kept_back in (False, True)
    ]


def subscriptions() -> list[Facts]:
    """A Subscription of each of those who ask, written at two units, and one of nobody."""
    bodies = [json.dumps(owned({"resourceType": "Subscription"}, who)) for who in ASKING]
    return [
        Facts("Subscription", None, unit, OWNER[unit], PRESENT, body=body)
        for unit in (UNIT_A, UNIT_C)
        for body in (*bodies, None)
    ]


def tools() -> list[Facts]:
    """A Questionnaire, a Library of a unit, one of each of those who ask, and deleted ones, at two units."""
    owned_by = [who.actor.id for who in ASKING]
    phrases = [
        {
            "resourceType": "Library",
            "status": "active",
            "type": {"text": "fras"},
            "useContext": [
                {
                    "code": {"code": "user"},
                    "valueCodeableConcept": {"coding": [{"system": ACTOR, "code": one}]},
                }
            ],
        }
        for one in owned_by
    ]
    unit = {"resourceType": "Library", "status": "active", "type": {"text": "fras"}}
    libraries = [*map(json.dumps, phrases), json.dumps(unit), None]
    forms = [json.dumps({"resourceType": "Questionnaire", "status": "draft"}), None]
    return [
        Facts(name, None, unit, OWNER[unit], PRESENT, body=body)
        for unit in (UNIT_A, UNIT_C)
        for name, bodies in (("Library", libraries), ("Questionnaire", forms))
        for body in bodies
    ]
