"""Measuring at the bedside: the form, its draft, and saving all of it in one transaction."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from kontinuum.care.vitals import form, resources, responding
from kontinuum.care.vitals.around import CHANGED, WHY, Around, around
from kontinuum.care.vitals.entry import CONFIRMED, CONTACT, FIELDS, LATE, WHEN, Entry, Fields, one, read
from kontinuum.care.vitals.rules import NoScore, Score, score
from kontinuum.care.vitals.scoring import Told as ToldScore
from kontinuum.care.vitals.scoring import as_json, told
from kontinuum.fhir import json as fhir_json
from kontinuum.kernel.clock import from_micros, to_micros
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import (
    ActionRequest,
    Moved,
    NotFound,
    PageRequest,
    Refused,
    SavedDraft,
    Told,
    View,
)
from kontinuum.kernel.numbers import whole

TEMPLATE: Final = "vitals"
_ID: Final = re.compile(r"[0-9a-f-]{36}")
_NOTHING: Final = message("Nothing is filled in yet.")
_OTHER_CONTACT: Final = message("The contact is not one of this patient's. Choose another one, or none.")


_WHEN: Final = message("The form has been open for more than half an hour. Write when it was measured.")


async def entry(request: PageRequest) -> View | NotFound:
    """Answer `vitals/entry`: the form, with what was begun."""
    draft = await request.writer.draft(TEMPLATE)
    if isinstance(draft, Refused):
        return NotFound(draft.reasons[0])
    there = await around(request.record, request.chart, request.principal)
    fields = _stored(draft) if draft is not None else {CONTACT: [there.usual]}
    if draft is not None and not one(fields, WHEN):
        begun = local(from_micros(draft.updated))
        # What was typed a while ago was not measured now: the form proposes when.
        if local(request.chart.now) - begun >= LATE:
            fields[WHEN] = [f"{begun:%Y-%m-%dT%H:%M}"]
    return _page(request, there, fields, draft, undo=request.parameters.get("discarded", ""))


async def keep(request: ActionRequest) -> View | NotFound | Moved | Told:
    """Answer `vitals/draft`: keep what is typed, and tell what follows from it."""
    there = await around(request.record, request.chart, request.principal)
    kept = await _keep(request)
    if isinstance(kept, Refused):
        return Told({"refused": list(kept.reasons)}, 409)
    draft, fields = kept
    words = request.chart.translator
    found, shown = _judge(request, there, fields)
    calculated = {f"points-{key}": text for key, text in shown.points.items()}
    return Told(
        {
            "patient": request.chart.patient,
            "draft": draft.id,
            "version": draft.version,
            "saved": words.clock(from_micros(draft.updated)),
            "fields": fields,
            "both": {},
            "shown": {},
            "calculated": {**calculated, "score": shown.short},
            "marks": {"score": shown.level},
            "problems": form.told_problems(found, words),
            "lines": as_json(shown.lines),
        }
    )


async def save(request: ActionRequest) -> View | NotFound | Moved | Told:
    """Answer `vitals/save`: everything that was measured, and the score, in one transaction."""
    if await _is_saved(request):
        # By an earlier press of the same button, whose answer was lost.
        return Moved(request.chart.path("vitals", "flowsheet"))
    there = await around(request.record, request.chart, request.principal)
    kept = await _keep(request)
    if isinstance(kept, Refused):
        return _page(request, there, _fields(request), None, alert=" ".join(kept.reasons))
    draft, fields = kept
    found, _ = _judge(request, there, fields)
    gettext = request.chart.translator.gettext
    if found.when is None and _was_left(request):
        # The line was down, or the form was left: what was typed then was not measured now.
        return _page(request, there, fields, draft, alert=gettext(_WHEN))
    if found.problems or found.questions:
        return _page(request, there, fields, draft, finished=True)
    if found.empty or not there.knows(one(fields, CONTACT)):
        alert = gettext(_NOTHING if found.empty else _OTHER_CONTACT)
        return _page(request, there, fields, draft, alert=alert)
    refused = await _write(request, there, fields, found, draft)
    if refused is not None:
        return _page(request, there, fields, draft, alert=" ".join(refused.reasons))
    await request.writer.remove_draft(draft.id)
    return Moved(request.chart.path("vitals", "flowsheet"))


async def discard(request: ActionRequest) -> View | NotFound | Moved | Told:
    """Answer `vitals/discard`: put the draft aside, with the way back."""
    done = await request.writer.discard_draft(_one(request, "draft"))
    address = request.chart.path("vitals", "entry")
    return Moved(address if isinstance(done, Refused) else f"{address}?discarded={done.id}")


async def restore(request: ActionRequest) -> View | NotFound | Moved | Told:
    """Answer `vitals/restore`: take a discarded draft back."""
    done = await request.writer.restore_draft(_one(request, "draft"))
    if isinstance(done, Refused):
        return NotFound(message("The draft is gone, or another one of the same template is open."))
    return Moved(request.chart.path("vitals", "entry"))


async def decide_scale(request: ActionRequest) -> View | NotFound | Moved | Told:
    """Answer `vitals/scale`: decide on the second scale of saturation, or take the decision back."""
    there = await around(request.record, request.chart, request.principal)
    gettext, fields = request.chart.translator.gettext, {CONTACT: [there.usual]}
    reason, second = _one(request, "reason"), _one(request, "scale") == "2"
    if not reason.strip():
        return _page(request, there, fields, None, alert=gettext(WHY))
    if second == there.second:
        return Moved(request.chart.path("vitals", "entry"))
    written = local(request.chart.now).isoformat(timespec="seconds")
    versions: dict[str, int] = {}
    if there.goal is None:
        identity = str(uuid.uuid4())
        goal = resources.second_scale(identity, request.chart.patient, written, request.principal, reason)
    else:
        goal = resources.ended(there.goal, written, request.principal, reason)
        versions[f"Goal/{there.goal['id']}"] = there.goal_version
    refused = await request.writer.write([goal], versions)
    if refused is not None:
        alert = gettext(CHANGED) if refused.conflict else " ".join(refused.reasons)
        return _page(request, there, fields, None, alert=alert)
    return Moved(request.chart.path("vitals", "entry"))


async def _write(
    request: ActionRequest, there: Around, fields: Fields, found: Entry, draft: SavedDraft
) -> Refused | None:
    """Write what was measured with what it asks for; once more where somebody did that at the same moment."""
    refused = None
    for _ in range(2):
        made, asks, versions = await _made(request, there, fields, found, draft)
        refused = await request.writer.write([*made, *asks], versions)
        if refused is None or not (refused.conflict and asks):
            break
    return refused


async def _made(
    request: ActionRequest, there: Around, fields: Fields, found: Entry, draft: SavedDraft
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, int]]:
    """What is written; a score only where no part is missing, and the Tasks with the versions of old ones."""
    when = found.when or local(request.chart.now)
    taken = resources.Taken(
        draft.id,
        request.chart.patient,
        one(fields, CONTACT),
        when.isoformat(timespec="seconds"),
        local(request.chart.now).isoformat(timespec="seconds"),
        request.principal,
        there.intervals(when),
        _before_me(request, draft),
    )
    parts = resources.observations(found, taken)
    reckoned = _score(there, found, when)
    made = list(parts.values())
    if isinstance(reckoned, Score) and reckoned.total is not None:
        made.append(resources.scored(reckoned, parts, taken))
    asks, versions = list[dict[str, Any]](), dict[str, int]()
    if isinstance(reckoned, Score) and not any(one.at > when and one.is_score for one in there.readings):
        asked = await responding.asked_of(request)
        asks, versions = responding.responses(reckoned, taken, asked, request.settings)
    return made, asks, versions


def _before_me(request: PageRequest | ActionRequest, draft: SavedDraft) -> list[Mapping[str, str]]:
    """Who measured before the draft was handed over."""
    me = request.principal.actor.reference
    return [party for party in draft.authors if party["reference"] != me]


def _score(there: Around, found: Entry, when: datetime) -> Score | NoScore:
    return score(found.measured, there.born, when.date(), second=there.second)


def _judge(request: PageRequest | ActionRequest, there: Around, fields: Fields) -> tuple[Entry, ToldScore]:
    found = read(fields, there.about())
    when = found.when or local(request.chart.now)
    reckoned = _score(there, found, when)
    return found, told(reckoned, request.principal, request.settings, request.chart.translator)


def _page(
    request: PageRequest | ActionRequest,
    there: Around,
    fields: Fields,
    draft: SavedDraft | None,
    *,
    finished: bool = False,
    alert: str = "",
    undo: str = "",
) -> View:
    chart, words = request.chart, request.chart.translator
    found, shown = _judge(request, there, fields)
    now = local(chart.now)
    values = {
        "rows": form.rows(there, found, fields, shown.points),
        "score": shown,
        "problems": {
            key: text for key, text in form.told_problems(found, words).items() if key in found.problems
        },
        "questions": form.questions(found, words) if finished and not found.problems else (),
        "confirmed": form.kept(fields),
        "contacts": there.contacts,
        "contact": one(fields, CONTACT),
        "when": one(fields, WHEN),
        "latest": f"{now + timedelta(minutes=1):%Y-%m-%dT%H:%M}",
        "opened": to_micros(chart.now),
        "late": found.when is not None and now - found.when >= LATE,
        "second": there.second,
        "adult": not there.about().child,
        "decided": _decision(there),
        "version": draft.version if draft is not None else 0,
        "draft": draft.id if draft is not None else "",
        "writers": [
            chart.directory.name(party["reference"], party.get("display"))
            for party in (_before_me(request, draft) if draft is not None else ())
        ],
        "saved_at": words.clock(from_micros(draft.updated)) if draft is not None else "",
        "alert": alert,
        "undo": undo if _ID.fullmatch(undo) else "",
        **form.how(fields, words),
    }
    return View("vitals/entry.html", values)


def _decision(there: Around) -> tuple[str, str]:
    """Who decided on the second scale, and when."""
    goal = there.goal or {}
    return goal.get("expressedBy", {}).get("display", ""), goal.get("startDate", "")


async def _keep(request: ActionRequest) -> tuple[SavedDraft, dict[str, list[str]]] | Refused:
    """Save the fields; where another window saved first, what was changed here is put into what it saved."""
    mine = _fields(request)
    version = _one(request, "version")
    saved = await request.writer.save_draft(TEMPLATE, fhir_json.dumps(mine), whole(version))
    if not isinstance(saved, Refused):
        return saved, mine
    if not saved.conflict:
        return saved
    before = _before(request)
    for _ in range(5):
        stored = await request.writer.draft(TEMPLATE)
        if isinstance(stored, Refused):
            return stored
        theirs = {} if stored is None else _stored(stored)
        changed = {name for name in {*mine, *before} if mine.get(name) != before.get(name)}
        both = {name: values for name, values in theirs.items() if name not in changed}
        merged = both | {name: mine[name] for name in changed if name in mine}
        content = fhir_json.dumps(merged)
        saved = await request.writer.save_draft(TEMPLATE, content, stored.version if stored else 0)
        if not isinstance(saved, Refused):
            return saved, merged
    return saved


def _before(request: ActionRequest) -> dict[str, list[str]]:
    """The fields as this window last agreed on them with the server."""
    try:
        found = fhir_json.loads(_one(request, "before") or "{}")
    except fhir_json.JsonError:
        return {}
    return found if isinstance(found, dict) else {}


def _was_left(request: ActionRequest) -> bool:
    """Whether the form was opened so long ago that the present is no longer the time of measuring."""
    opened = _one(request, "opened")
    if not opened.isdecimal() or len(opened) > 17:
        return False
    return request.chart.now - from_micros(int(opened)) >= LATE


async def _is_saved(request: ActionRequest) -> bool:
    identity = _one(request, "draft")
    if not _ID.fullmatch(identity) or await request.writer.draft(TEMPLATE) is not None:
        return False
    keys = {resources.source(row) for rows in form.ORDER for row in rows}
    ids = ",".join(f"{identity}-{key}" for key in sorted(keys))
    (page,) = await request.record.find_many(
        [f"Observation?patient={request.chart.patient}&_id={ids}&_count=1"]
    )
    return bool(page.matches)


def _stored(draft: SavedDraft) -> dict[str, list[str]]:
    content: dict[str, list[str]] = fhir_json.loads(draft.content)
    return content


def _fields(request: ActionRequest) -> dict[str, list[str]]:
    """What was filled in; the button that says yes to a question carries the values that were asked about."""
    found = {
        name: [value for value in values if value]
        for name, values in request.fields.items()
        if name in FIELDS and any(values)
    }
    agreed = [answer for answer in _one(request, "do").split("|") if answer]
    return found | {CONFIRMED: [*found.get(CONFIRMED, ()), *agreed]} if agreed else found


def _one(request: ActionRequest, name: str) -> str:
    return one(request.fields, name)
