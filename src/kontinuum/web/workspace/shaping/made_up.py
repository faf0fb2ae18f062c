"""The made-up patient on whom staff try what they shape: a chart of the demo, answered from memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Final

from kontinuum.demo import one_patient
from kontinuum.fhir import json
from kontinuum.fhir.search.extract import extract
from kontinuum.fhir.search.match import matches
from kontinuum.record.outcome import Refusal, SearchPage, Stored
from kontinuum.record.searching import parse_url

PATIENT: Final = "made-up"
_NUMBER: Final = 10
"""Who of the demo's cast: one with alerts, laboratory, medication and notes, and not too many of them."""


@dataclass(frozen=True, slots=True)
class _Entry:
    resource: dict[str, Any]
    stored: Stored
    sort: int


@lru_cache(maxsize=1)
def _entries(today: date) -> tuple[_Entry, ...]:
    made = []
    for batch in one_patient(_NUMBER, today=today):
        for resource in batch.resources:
            body = json.dumps(resource).replace(f'"Patient/{batch.patient}"'.encode(), b'"Patient/made-up"')
            changed = json.loads(body)
            stored = Stored(changed["resourceType"], changed["id"], 1, 0, body, batch.unit, batch.provider)
            made.append(_Entry(changed, stored, extract(changed).sort or 0))
    return tuple(made)


@lru_cache(maxsize=64)
def _answer(url: str, today: date) -> SearchPage:
    query = parse_url(url)
    if isinstance(query, Refusal):
        raise ValueError(f"{url}: {query.issues[0].message}")
    found = [
        each for each in _entries(today) if each.stored.type == query.type and matches(query, each.resource)
    ]
    descending = bool(query.sort) and query.sort[0].descending
    found.sort(key=lambda each: each.sort, reverse=descending)
    most = query.count or 50
    return SearchPage(tuple(each.stored for each in found[:most]), next="more" if len(found) > most else None)


def units(today: date) -> set[str]:
    """The units behind the chart, so that they can be named."""
    return {each.stored.unit for each in _entries(today)}


def answers(queries: Sequence[str], today: date) -> list[SearchPage]:
    """What the searches of a card find for the made-up patient."""
    return [_answer(query, today) for query in queries]
