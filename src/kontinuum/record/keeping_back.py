"""Deciding that an entry or a heading is kept back from the patient, and lifting such a decision.

HSLF-FS 2022:42. A decision is a label on the entry or on its section, written as a new version with a
Provenance that says who decided and why.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
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
from kontinuum.kernel.clock import from_micros
from kontinuum.kernel.i18n import phrase
from kontinuum.record import correcting, provenance, searching
from kontinuum.record.attached import attached
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
    beside = [] if label is None else await _labelled_provenances(context, place, label)
    beside += await _labelled_files(context, resource, changed, row.patient)
    grounds = Grounds.REASON | Grounds.LIFT
    return await correcting.change(context, changed, reason, place.version, _ACTIVITY, grounds, beside)


async def _labelled_files(
    context: Context, before: dict[str, Any], after: dict[str, Any], patient: str | None
) -> list[Intent]:
    """The files of an entry, with the label under which each now stands.

    What was kept back by a decision of its own stays so.
    """
    intents = []
    for one in await attached(context.pool, before, patient):
        own = _label_of(one.resource)
        wanted = next(iter(_covering(after, one.document)), None)
        if own != wanted and (own is None or own in _covering(before, one.document)):
            marked = labelled(one.resource, (), wanted)
            assert not isinstance(marked, Refusal), "an empty path always leads somewhere"
            grounds = Grounds.REASON | Grounds.LIFT
            intents.append(Intent(one.type, one.row.id, marked, one.row.version, grounds=grounds))
    return intents


def _label_of(resource: dict[str, Any]) -> dict[str, Any] | None:
    found = (resource.get("meta") or {}).get("security") or ()
    return next((each for each in found if each.get("code") == NO_PATIENT), None)


def _covering(entry: dict[str, Any], document: str) -> list[dict[str, Any]]:
    """The labels that hold for a file of an entry: of the whole, and of the headings that it is below."""

    def below(part: dict[str, Any], above: list[dict[str, Any]]) -> list[dict[str, Any]]:
        extensions = part.get("extension") or ()
        own = [each["valueCoding"] for each in extensions if each.get("url") == INLINE_LABEL]
        if any(each.get("reference") == document for each in part.get("entry") or ()):
            return [*above, *own]
        return [found for one in part.get("section") or () for found in below(one, [*above, *own])]

    whole = _label_of(entry)
    inline = below({"section": entry.get("section") or ()}, [])
    return [*([whole] if whole else []), *inline]


def labelled(
    resource: dict[str, Any], path: Sequence[int], label: dict[str, Any] | None
) -> dict[str, Any] | Refusal:
    """A resource with one label, or none, on itself (empty path) or on one section. Other labels stay."""
    made = copy.deepcopy(resource)
    if not path:
        _set_security(made, NO_PATIENT, label)
        return made
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
    _set_security(made, LABELLED_WITHIN, {"system": ACT_CODE, "code": LABELLED_WITHIN} if inside else None)
    return made


def _set_security(resource: dict[str, Any], code: str, label: dict[str, Any] | None) -> None:
    meta = resource.setdefault("meta", {})
    kept = [
        each
        for each in meta.get("security") or ()
        if (each.get("system"), each.get("code")) != (ACT_CODE, code)
    ]
    security = [*kept, *([label] if label is not None else [])]
    if security:
        meta["security"] = security
    else:
        meta.pop("security", None)


def _has_inline(value: Any) -> bool:
    if isinstance(value, dict):
        labels = (each.get("url") == INLINE_LABEL for each in value.get("extension") or ())
        return any(labels) or any(map(_has_inline, value.values()))
    return isinstance(value, list) and any(map(_has_inline, value))


async def _labelled_provenances(context: Context, place: Place, label: dict[str, Any]) -> list[Intent]:
    """Earlier reasons about the entry, kept back with it: they may repeat what it says."""
    query = searching.parse_url(f"Provenance?target={place.type}/{place.id}")
    assert not isinstance(query, Refusal), "the search is ours"
    found = await searching.matching(context, context.pool, query, MAX_PROVENANCES)
    assert not isinstance(found, Refusal), "a search by one reference is never too costly"
    intents = []
    for row in found:
        changed = labelled(json.loads(row.body or b"{}"), (), label)
        if not isinstance(changed, Refusal):
            name = RESOURCE_TYPES[row.type - 1]
            intents.append(Intent(name, row.id, changed, row.version, grounds=Grounds.LIFT))
    return intents
