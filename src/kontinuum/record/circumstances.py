"""What holds between patients and the one who asks, read from the store for a check of rows at hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import structlog

from kontinuum.access import (
    NOTHING_KNOWN,
    Action,
    Block,
    Circumstances,
    Decision,
    Facts,
    Permit,
    Question,
    Representation,
    decide,
    depends_on_circumstances,
)
from kontinuum.access.bars import CARE_BARS, stopping
from kontinuum.access.circumstances import Kind, Level, Protection
from kontinuum.access.kept_back import may_hold, of_entry
from kontinuum.fhir import json
from kontinuum.fhir.definitions import RESOURCE_TYPES
from kontinuum.kernel.clock import from_micros
from kontinuum.kernel.ids import bucket_of
from kontinuum.record.context import Context
from kontinuum.store import law as store
from kontinuum.store.faults import FAILED
from kontinuum.store.resources.rows import ResourceRow

PROTECTIONS = tuple(Protection)
"""Protection by the number under which the store keeps it. May never change: it is stored."""

_log = structlog.get_logger(__name__)


def facts(row: ResourceRow, now: int) -> Facts:
    """What a decision needs to know of a stored resource at a moment."""
    labelled = row.body is not None and may_hold(row.body)
    kept_back = labelled and of_entry(json.loads(row.body or b"{}"), from_micros(now)) is not None
    return Facts(
        RESOURCE_TYPES[row.type - 1],
        row.patient,
        row.unit,
        row.provider,
        row.sort,
        kept_back,
        body=row.body,
    )


async def decide_rows(
    context: Context, connection: Any, action: Action, rows: Sequence[ResourceRow]
) -> list[Decision]:
    """The decision about each stored resource."""
    return await decide_each(context, connection, [(action, row) for row in rows])


async def decide_each(
    context: Context, connection: Any, asked: Sequence[tuple[Action, ResourceRow]]
) -> list[Decision]:
    """The decision about each stored resource, and what is to be done with it."""
    plain = context.question(Action.READ)
    questions = {action: replace(plain, action=action) for action, _ in asked}
    about = [(questions[action], facts(row, plain.now)) for action, row in asked]
    known = await known_of(context, connection, plain, about)
    return [
        decide(question, each, known if known is None else known.get(each.patient or "", NOTHING_KNOWN))
        for question, each in about
    ]


async def readable(context: Context, connection: Any, rows: Sequence[ResourceRow]) -> list[ResourceRow]:
    """The rows among these that may be read."""
    decisions = await decide_rows(context, connection, Action.READ, rows)
    return [row for row, decision in zip(rows, decisions, strict=True) if isinstance(decision, Permit)]


async def unbarred(context: Context, connection: Any, rows: Sequence[ResourceRow]) -> list[ResourceRow]:
    """The rows among these that no block keeps from the principal, or could; the own unit's are never kept.

    What else is lacking, such as a care relation, is another question.
    """
    question = context.question(Action.READ)
    own = question.assignment.unit
    foreign = {(row.type, row.id): (question, facts(row, question.now)) for row in rows if row.unit != own}
    known = await known_of(context, connection, question, foreign.values())

    def free(row: ResourceRow) -> bool:
        asked = foreign.get((row.type, row.id))
        if asked is None or not depends_on_circumstances(*asked):
            return True
        about = (known or {}).get(row.patient or "")
        return about is not None and not about.unchecked and stopping(CARE_BARS, *asked, about) is None

    return [row for row in rows if free(row)]


async def known_of(
    context: Context, connection: Any, question: Question, about: Iterable[tuple[Question, Facts]]
) -> dict[str, Circumstances] | None:
    """The circumstances of the patients on whom a decision turns, about any of some; None: cannot be read."""
    patients = {
        each.patient for asked, each in about if each.patient and depends_on_circumstances(asked, each)
    }
    if not patients or question.is_system:
        return {}
    try:
        return await circumstances_of(context, connection, sorted(patients), question.now)
    except FAILED:
        _log.exception("circumstances_unknown")
        return None


async def is_complete(context: Context, connection: Any) -> bool:
    """Whether the tables of the law hold what the record says; until then nothing can be checked."""
    services = context.services
    if not services.law_complete:
        services.law_complete = await store.is_complete(connection)
    return services.law_complete


async def circumstances_of(
    context: Context, connection: Any, patients: Sequence[str], now: int
) -> dict[str, Circumstances]:
    """Everything known between some patients and the principal; raises when the store cannot be read."""
    principal = context.principal
    places = [(bucket_of(patient), patient) for patient in patients]
    if context.question(Action.READ).is_patient:
        found = await store.of_patient(connection, places, person=principal.actor.id, now=now)
    else:
        assignment = principal.assignment
        found = await store.of_staff(
            connection,
            places,
            unit=assignment.unit,
            person=principal.actor.id,
            provider=assignment.provider,
            now=now,
        )
    by_patient: dict[str, list[store.Known]] = {patient: [] for patient in patients}
    for each in found:
        by_patient[each.patient].append(each)
    unchecked = not await is_complete(context, connection)
    return {
        patient: replace(_gathered(patient, known, principal.actor.id), unchecked=unchecked)
        for patient, known in by_patient.items()
    }


def _gathered(patient: str, known: list[store.Known], asking: str) -> Circumstances:
    by_kind: dict[str, list[store.Known]] = {}
    for each in known:
        by_kind.setdefault(each.what, []).append(each)
    relations = sorted(by_kind.get("relation", ()), key=lambda each: -each.high)
    people = by_kind.get("person", ())
    return Circumstances(
        relation=relations[0].a if relations else None,
        chosen=frozenset(each.a or "" for each in by_kind.get("choice", ())),
        consented="consent" in by_kind,
        opened=max((each.high for each in by_kind.get("opening", ())), default=None),
        blocks=tuple(map(_block, by_kind.get("block", ()))),
        unoffered=frozenset(each.a or "" for each in by_kind.get("unoffered", ())),
        informed=min((each.low for each in by_kind.get("informed", ())), default=None),
        representations=tuple(
            Representation(Kind(each.a or ""), type_names(each.types or ()))
            for each in by_kind.get("acts", ())
        ),
        own=asking == patient or any(person.a == asking for person in people),
        born=frozenset(person.low for person in people if person.low is not None),
        deceased=any(person.flag for person in people),
        protection=PROTECTIONS[max((person.high for person in people), default=0)],
    )


def _block(known: store.Known) -> Block:
    return Block(
        key=known.key or 0,
        level=Level(known.a or ""),
        provider=known.b or "",
        unit=known.c or "",
        low=known.low,
        high=known.high,
        kept=type_names(known.types or ()),
        lifted=known.flag,
    )


def type_names(codes: Iterable[int]) -> frozenset[str]:
    """The names of resource types by their codes."""
    return frozenset(RESOURCE_TYPES[code - 1] for code in codes)
