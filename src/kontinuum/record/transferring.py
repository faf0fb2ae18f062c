"""An admitted patient on the way to another unit of the care provider, and taken in there.

Who moves a patient plans it in the own Encounter. The plan is told to the unit whose place it names:
that somebody comes, who, when and from where. What the other unit wrote is not shown by that. The unit that
takes the patient in becomes accountable for the Encounter, which stays one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from kontinuum.fhir import json
from kontinuum.fhir.stays import going, placed, unplanned
from kontinuum.kernel.around import Coming
from kontinuum.kernel.clock import from_micros
from kontinuum.kernel.i18n import local, phrase
from kontinuum.kernel.sql import Fragment
from kontinuum.record import writing
from kontinuum.record.circumstances import unbarred
from kontinuum.record.context import Context, forbidden, reference
from kontinuum.record.existence import standing
from kontinuum.record.guarding import Grounds
from kontinuum.record.outcome import Refusal, RefusalKind, Written, refuse
from kontinuum.record.planning import Intent
from kontinuum.record.searching import confirmed, parse_url
from kontinuum.record.tasks import NOT_STAFF, directory, is_care
from kontinuum.store.resources import search as store
from kontinuum.store.resources.rows import ResourceRow
from kontinuum.sweden import systems

Reference = Mapping[str, Any]

_AT_MOST: Final = 200
_LYING: Final = "arrived,triaged,in-progress,onleave"


async def coming(context: Context) -> list[Coming]:
    """Who is on the way to a place of the own unit, the first to come first; logged."""
    if not is_care(context.principal):
        return []
    found = await _found(context)
    rows = [row for row, _ in found]
    if rows:
        patients, what = [row.patient for row in rows], [*map(reference, rows)]
        await context.log(
            "search",
            "permitted",
            NOT_STAFF.rule,
            patients=patients,
            what=what,
            count=len(rows),
            note="on the way to the unit",
        )
    made = [_coming(row, places) for row, places in found]
    return sorted(made, key=lambda one: one.when)


async def receive(
    context: Context,
    encounter: str,
    version: int,
    here: Sequence[Reference],
    responsible: Reference,
    unit: Reference,
) -> Written | Refusal:
    """Take in somebody who is on the way: the own unit is accountable from now on, `responsible` there."""
    if not is_care(context.principal):
        return forbidden(NOT_STAFF)
    found = next((row for row, _ in await _found(context) if row.id == encounter), None)
    if found is None or found.version != version:
        gone = phrase("The move was changed or taken back. Look at the board again.")
        return refuse(RefusalKind.CONFLICT, "conflict", gone)
    if not (await standing(context, found.patient or "")).related:
        lacking = phrase(
            "You have no care relation to this patient just now, so nothing was written. "
            "State it on the patient's chart."
        )
        return refuse(RefusalKind.FORBIDDEN, "forbidden", lacking)
    body: dict[str, Any] = json.loads(found.body or b"{}")
    moment = local(from_micros(context.now())).isoformat(timespec="seconds")
    taken_in = placed(unplanned(body), here, moment)
    others = [
        {**one, "period": {**(one.get("period") or {}), "end": moment}}
        if "end" not in (one.get("period") or {})
        else one
        for one in body.get("participant") or ()
    ]
    who = {"individual": dict(responsible), "period": {"start": moment}}
    made = {**taken_in, "participant": [*others, who], "serviceProvider": dict(unit)}
    return await writing.one(context, Intent("Encounter", encounter, made, version, grounds=Grounds.MOVED))


async def _found(context: Context) -> list[tuple[ResourceRow, frozenset[str]]]:
    """Admissions of other units of the care provider that are planned to a place of the own unit."""
    at = context.principal.assignment
    named = ",".join(f"{system}|{at.unit}" for system in sorted(systems.HSA_ID_FORMS))
    places = await directory(
        context, f"Location?organization:Organization.identifier={quote(named, safe='|,:')}"
    )
    own = frozenset(f"Location/{row.id}" for row in places)
    if not own:
        return []
    query = parse_url(f"Encounter?status={_LYING}&location={','.join(sorted(own))}")
    assert not isinstance(query, Refusal), query
    scope = Fragment("a.provider = {}::text and a.unit <> {}::text", (at.provider, at.unit))
    rows = confirmed(query, [one.row for one in await store.search(context.pool, query, scope, _AT_MOST)])
    free = await unbarred(context, context.pool, [row for row in rows if _goes_to(row) & own])
    return [(row, own) for row in free]


def _goes_to(row: ResourceRow) -> frozenset[str]:
    plans = going(json.loads(row.body or b"{}"))
    return frozenset(one["location"].get("reference", "") for one in plans)


def _coming(row: ResourceRow, own: frozenset[str]) -> Coming:
    plans = [one for one in going(json.loads(row.body or b"{}")) if one["location"].get("reference") in own]
    names = tuple(one["location"].get("reference", "") for one in plans)
    when = next((one["period"]["start"] for one in plans if one.get("period", {}).get("start")), "")
    return Coming(row.patient or "", row.id, row.version, row.unit, when, names)
