"""Deciding that an entry or a heading is kept back from the patient, and lifting such a decision.

HSLF-FS 2022:42. A decision is a label on the entry or on its section, written as a new version with a
Provenance that says who decided and why.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kontinuum.access.kept_back import (
    ACT_CODE,
    INLINE_LABEL,
    LABELLED_WITHIN,
    NO_PATIENT,
    KeptBack,
    Kind,
    moment,
)
from kontinuum.fhir import json
from kontinuum.fhir.definitions import RESOURCE_TYPES
from kontinuum.fhir.questionnaire import sections_of
from kontinuum.kernel.clock import from_micros
from kontinuum.kernel.i18n import phrase
from kontinuum.record import correcting, provenance, searching
from kontinuum.record.attached import (
    Attached,
    attached,
    contents_of,
    labels_over,
    labels_over_document,
    whole_labels,
)
from kontinuum.record.context import Context
from kontinuum.record.correcting import Corrected
from kontinuum.record.guarding import Grounds
from kontinuum.record.outcome import Refusal, RefusalKind, refuse
from kontinuum.record.planning import Intent

MAX_PROVENANCES = 200

_ACTIVITY = (provenance.OUR_ACTIVITIES, provenance.RESTRICT)


@dataclass(frozen=True, slots=True)
class Place:
    """What is kept back: a whole entry, or the section to which `path` leads (its number on each level)."""

    type: str
    id: str
    version: int
    path: tuple[int, ...] = ()


async def keep_back(
    context: Context, place: Place, kind: Kind, reason: str, until: datetime | None
) -> Corrected | Refusal:
    """Keep an entry or a heading back from the patient, until a moment or until it is lifted."""
    now = from_micros(context.now())
    if until is not None and until <= now:
        past = phrase("The end lies in the past: nothing would be kept back.")
        return refuse(RefusalKind.INVALID, "value", past)
    until_text = None if until is None else moment(until)
    kept = KeptBack(kind, reason, until_text, context.principal.actor.name, moment(now))
    return await _change(context, place, reason, kept.label())


async def lift(context: Context, place: Place, reason: str) -> Corrected | Refusal:
    """Let the patient see an entry or a heading again."""
    return await _change(context, place, reason, None)


async def _change(
    context: Context, place: Place, reason: str, label: dict[str, Any] | None
) -> Corrected | Refusal:
    unreasoned = correcting.check_reason(reason)
    if unreasoned is not None:
        return unreasoned
    row = await correcting.current(context, place.type, place.id)
    if isinstance(row, Refusal):
        return row
    resource = json.loads(row.body or b"{}")
    changed = labelled(resource, place.path, label)
    if isinstance(changed, Refusal):
        return changed
    belonging = await attached(context.pool, resource, row.patient)
    beside = _labelled_too(belonging, resource, changed)
    if label is not None:
        under = [one for one in belonging if label in one.labels_from(changed)]
        beside += await _labelled_reasons(context, place, label, under)
    grounds = Grounds.REASON | Grounds.LIFT
    return await correcting.change(context, changed, reason, place.version, _ACTIVITY, grounds, beside)


def _labelled_too(
    belonging: Sequence[Attached], before: dict[str, Any], after: dict[str, Any]
) -> list[Intent]:
    """What belongs to an entry, with the labels under which it now stands.

    What was kept back by a decision of its own stays so.
    """
    intents = []
    for one in belonging:
        held, former = whole_labels(one.resource), one.labels_from(before)
        wanted = _distinct([*(each for each in held if each not in former), *one.labels_from(after)])
        if wanted != held and one.row.patient is not None:
            marked = _with_labels(one.resource, wanted)
            grounds = Grounds.REASON | Grounds.LIFT
            intents.append(Intent(one.type, one.row.id, marked, one.row.version, grounds=grounds))
    return intents


def labelled_as(
    note: Mapping[str, Any], response: Mapping[str, Any], made: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """What is extracted from the response behind a note, kept back as far as its headings are."""
    over = [_distinct(labels_over(note, section)) for section in sections_of(note, response, made)]
    return [_with_labels(one, held) if held else one for one, held in zip(made, over, strict=True)]


def kept_back_as(before: Mapping[str, Any], writes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A note that is written anew and what is written with it, kept back as far as the note was `before`.

    A heading keeps its label under its name. One of which nothing is left has no place for its label: the
    gate refuses to lose it, and says so.
    """
    again = next(one for one in writes if one["resourceType"] == "Composition")
    note = _labelled_again(before, again)
    if note is again:
        return list(writes)
    response = next((one for one in writes if one["resourceType"] == "QuestionnaireResponse"), {})
    sections = sections_of(note, response, writes)
    documents = {
        content: f"DocumentReference/{one['id']}"
        for one in writes
        if one["resourceType"] == "DocumentReference"
        for content in (f"DocumentReference/{one['id']}", *contents_of(one))
    }

    def kept(one: dict[str, Any], section: int | None) -> dict[str, Any]:
        if one is again:
            return note
        document = documents.get(f"{one['resourceType']}/{one['id']}")
        over = labels_over_document(note, document) if document else labels_over(note, section)
        return _with_labels(one, _distinct([*whole_labels(one), *over])) if over else one

    return [kept(one, section) for one, section in zip(writes, sections, strict=True)]


def _labelled_again(before: Mapping[str, Any], note: dict[str, Any]) -> dict[str, Any]:
    """A note with the labels of its version before, on the whole and on the headings of the same names."""
    held: dict[str, list[dict[str, Any]]] = {}
    for section in before.get("section") or ():
        marks = [one for one in section.get("extension") or () if one.get("url") == INLINE_LABEL]
        held.setdefault(str(section.get("title")), []).extend(marks)
    if not any(held.values()) and not whole_labels(before):
        return note
    made = _with_labels(note, whole_labels(before))
    for section in made.get("section") or ():
        marks = _distinct(held.get(str(section.get("title")), []))
        if marks:
            section["extension"] = [*section.get("extension", ()), *marks]
    inside = _has_inline(made)
    _set_security(made, LABELLED_WITHIN, [{"system": ACT_CODE, "code": LABELLED_WITHIN}] if inside else [])
    return made


def _distinct(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for number, each in enumerate(found) if each not in found[:number]]


def _with_labels(resource: dict[str, Any], wanted: Sequence[dict[str, Any]]) -> dict[str, Any]:
    made = copy.deepcopy(resource)
    _set_security(made, NO_PATIENT, wanted)
    return made


def labelled(
    resource: dict[str, Any], path: Sequence[int], label: dict[str, Any] | None
) -> dict[str, Any] | Refusal:
    """A resource with one label, or none, on itself (empty path) or on one section. Other labels stay."""
    if not path:
        return _with_labels(resource, [] if label is None else [label])
    made = copy.deepcopy(resource)
    part: dict[str, Any] = made
    for number in path:
        sections = part.get("section") or []
        if not 0 <= number < len(sections):
            none = phrase("There is no such heading in the entry.")
            return refuse(RefusalKind.INVALID, "not-found", none)
        part = sections[number]
    rest = [each for each in part.get("extension") or () if each.get("url") != INLINE_LABEL]
    if label is not None:
        rest.append({"url": INLINE_LABEL, "valueCoding": label})
    if rest:
        part["extension"] = rest
    else:
        part.pop("extension", None)
    inside = _has_inline(made)
    _set_security(made, LABELLED_WITHIN, [{"system": ACT_CODE, "code": LABELLED_WITHIN}] if inside else [])
    return made


def _set_security(resource: dict[str, Any], code: str, labels: Sequence[dict[str, Any]]) -> None:
    meta = resource.setdefault("meta", {})
    kept = [
        each
        for each in meta.get("security") or ()
        if (each.get("system"), each.get("code")) != (ACT_CODE, code)
    ]
    security = [*kept, *labels]
    if security:
        meta["security"] = security
    else:
        meta.pop("security", None)


def _has_inline(value: Any) -> bool:
    if isinstance(value, dict):
        labels = (each.get("url") == INLINE_LABEL for each in value.get("extension") or ())
        return any(labels) or any(map(_has_inline, value.values()))
    return isinstance(value, list) and any(map(_has_inline, value))


async def _labelled_reasons(
    context: Context, place: Place, label: dict[str, Any], under: Sequence[Attached]
) -> list[Intent]:
    """Earlier reasons about the entry and what belongs to it, kept back too: they may repeat what it says."""
    targets = [f"{place.type}/{place.id}", *(one.reference for one in under)]
    query = searching.parse_url(f"Provenance?target={','.join(targets)}")
    assert not isinstance(query, Refusal), "the search is ours"
    found = await searching.matching(context, context.pool, query, MAX_PROVENANCES)
    assert not isinstance(found, Refusal), "a search by references is never too costly"
    intents = []
    for row in found:
        name = RESOURCE_TYPES[row.type - 1]
        if f"{name}/{row.id}" not in targets:
            reason = json.loads(row.body or b"{}")
            kept = _with_labels(reason, _distinct([*whole_labels(reason), label]))
            intents.append(Intent(name, row.id, kept, row.version, grounds=Grounds.LIFT))
    return intents
