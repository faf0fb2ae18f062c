"""What a score asks for, as a Task of the unit with a time, done by the next set. Pure but for one search.

A set whose points reach a class that asks for more than another check makes one Task, in the transaction that
writes the values. The next whole set closes it, and makes a new one where it still asks for more; a set that
was measured before it, and entered late, changes nothing. A correction of the latest set makes its Task what
the points ask for now, and takes it back where they ask for nothing more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from kontinuum.care.vitals.resources import RISK, Resource, Taken, author, risk_text
from kontinuum.care.vitals.rules import Risk, Score
from kontinuum.fhir import json
from kontinuum.kernel.i18n import local
from kontinuum.kernel.module import ActionRequest, PageRequest
from kontinuum.kernel.principal import Principal
from kontinuum.kernel.provider_settings import ProviderSettings, response_minutes, response_of
from kontinuum.record.tasks import OPEN, TASK, WORK_CODES
from kontinuum.sweden.systems import HSA_ID

URGENT: Final = (Risk.SINGLE, Risk.MEDIUM, Risk.HIGH, Risk.CHILD_HIGH)
"""The classes that ask for more than another check, the least first."""

_CODES: Final = quote(",".join(f"{RISK}|{one.value}" for one in URGENT), safe="|,:")

MINUTES: Final[Mapping[Risk, int]] = {Risk.SINGLE: 60, Risk.MEDIUM: 60, Risk.HIGH: 30, Risk.CHILD_HIGH: 30}
"""Within how long the next set is due where the unit has decided nothing.

An hour is the published table's (RCP 2017, chart 4). At high risk it says to monitor continuously, and the
paper of Bedside PEWS gives no time: half an hour is ours.
"""

RESPONSE: Final = "-response"
"""How the id of a set's Task ends."""

_SAID: Final[Mapping[Risk, str]] = {
    Risk.SINGLE: "Ansvarig läkare underrättas och tar ställning till om mer behövs.",
    Risk.MEDIUM: "Läkare underrättas genast: brådskande bedömning där patienten kan övervakas.",
    Risk.HIGH: "Erfaren läkare underrättas genast: akut bedömning, kontinuerlig övervakning, överväg högre "
    "vårdnivå.",
    Risk.CHILD_HIGH: "Läkare underrättas genast: akut bedömning av någon van vid svårt sjuka barn.",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """An open Task of a score: of which class, and since which set."""

    resource: Resource
    version: int
    risk: Risk
    since: datetime


def query(patient: str) -> str:
    """The open Tasks of scores about some patients."""
    return f"Task?patient={patient}&status={','.join(OPEN)}&code={_CODES}&_count=200"


async def asked_of(request: ActionRequest) -> tuple[Asked, ...]:
    """Those about this patient at the own unit."""
    (page,) = await request.record.find_many([query(request.chart.patient)])
    unit = request.principal.assignment.unit
    found = [(json.loads(one.body), one.version) for one in page.matches if one.body and one.unit == unit]
    return tuple(
        Asked(body, version, _risk(body), local(since))
        for body, version in found
        if (since := body.get("restriction", {}).get("period", {}).get("start"))
    )


async def of_set(request: ActionRequest | PageRequest, identity: str) -> Asked | None:
    """The Task that a set of values made, also when it is done; None where it made none."""
    named = f"Task?patient={request.chart.patient}&_id={identity}{RESPONSE}&code={_CODES}"
    (page,) = await request.record.find_many([named])
    for one in page.matches:
        body = json.loads(one.body or b"{}")
        if since := body.get("restriction", {}).get("period", {}).get("start"):
            return Asked(body, one.version, _risk(body), local(since))
    return None


async def closed_by(request: ActionRequest, identity: str) -> tuple[Asked, ...]:
    """Those that a set of values closed, at the own unit."""
    done = f"Task?patient={request.chart.patient}&status=completed&code={_CODES}"
    (page,) = await request.record.find_many([f"{done}&_sort=-_lastUpdated&_count=50"])
    unit = request.principal.assignment.unit
    found = [(json.loads(one.body), one.version) for one in page.matches if one.body and one.unit == unit]
    named = f"Observation/{identity}-", f"Task/{identity}{RESPONSE}"
    return tuple(
        Asked(body, version, _risk(body), local(body["restriction"]["period"]["start"]))
        for body, version in found
        if any(_named(one).startswith(named) for one in body.get("output", ()))
    )


def _named(output: Mapping[str, Any]) -> str:
    return str(output.get("valueReference", {}).get("reference", ""))


def _risk(task: Mapping[str, Any]) -> Risk:
    return next(Risk(one["code"]) for one in task["code"]["coding"] if one.get("system") == RISK)


def responses(
    score: Score, taken: Taken, asked: Sequence[Asked], settings: ProviderSettings
) -> tuple[list[Resource], dict[str, int]]:
    """The Tasks that a set closes and makes, and the versions of those that it closes."""
    when = local(taken.measured)
    if any(one.since >= when for one in asked):
        return [], {}
    whole, risk = score.total is not None, score.alarming
    below = URGENT.index(risk) if risk is not None else 0
    closes = [one for one in asked if whole or URGENT.index(one.risk) < below]
    after = [_task(score, risk, taken, settings)] if risk is not None and len(closes) == len(asked) else []
    by = f"Observation/{taken.id}-{score.scale.value}" if whole else f"Task/{taken.id}{RESPONSE}"
    made = [*(_done(one, score, taken, by if whole or after else "") for one in closes), *after]
    return made, {f"Task/{one.resource['id']}": one.version for one in closes}


def corrected(
    score: Score, taken: Taken, mine: Asked | None, asked: Sequence[Asked], settings: ProviderSettings
) -> tuple[list[Resource], dict[str, int]]:
    """What a correction makes of the Task `mine` of its set, with the version that it follows on.

    A score with a part missing takes nothing back: who is sick and not measured is not well.
    """
    risk = score.alarming
    if mine is None:
        return responses(score, taken, asked, settings) if risk is not None else ([], {})
    status = mine.resource["status"]
    said = f"Rättat värde: {score.scale.label} är nu {_points(score)}."
    if risk is None:
        if score.total is None or status not in OPEN:
            return [], {}
        changed = {**mine.resource, "status": "cancelled", "statusReason": {"text": said}}
    else:
        after = _task(score, risk, taken, settings)
        higher = URGENT.index(risk) - URGENT.index(mine.risk)
        same = status in OPEN and after["description"] == mine.resource["description"]
        unknown = score.total is None and status in OPEN and higher < 0
        if same or unknown or (status == "completed" and higher <= 0):
            return [], {}
        kept = {key: value for key, value in mine.resource.items() if key not in ("statusReason", "output")}
        told = {"authorString": taken.principal.signature, "time": taken.written, "text": said}
        new = ("status", "priority", "code", "description", "restriction")
        changed = {**kept, **{key: after[key] for key in new}, "note": [*kept.get("note", ()), told]}
        if status not in OPEN:
            changed["owner"] = after["owner"]
    return [{**changed, "lastModified": taken.written}], {f"Task/{changed['id']}": mine.version}


def _points(score: Score) -> str:
    return str(score.at_least) if score.total is not None else f"minst {score.at_least}"


def _done(one: Asked, score: Score, taken: Taken, by: str) -> Resource:
    """Closed by a set: `by` refers to its score, or where that has no sum to what it asks for instead."""
    closed = {**one.resource, "status": "completed", "lastModified": taken.written}
    if by:
        closed["output"] = [{"type": {"text": score.scale.label}, "valueReference": {"reference": by}}]
    return closed


def struck(
    mine: Asked | None, closed: Sequence[Asked], who: str, written: str
) -> tuple[list[Resource], dict[str, int]]:
    """A set is entered in error: its own Task is taken back, and those that it closed are asked anew."""
    made = []
    if mine is not None and mine.resource["status"] in OPEN:
        reason = {"text": "Mätningen är felaktigt införd."}
        made.append((mine, {**mine.resource, "status": "cancelled", "statusReason": reason}))
    for one in closed:
        kept = {key: value for key, value in one.resource.items() if key != "output"}
        said = "Mätningen som avslutade uppgiften är felaktigt införd."
        note = {"authorString": who, "time": written, "text": said}
        made.append((one, {**kept, "status": "requested", "note": [*kept.get("note", ()), note]}))
    changed = [{**body, "lastModified": written} for _, body in made]
    return changed, {f"Task/{one.resource['id']}": one.version for one, _ in made}


def _task(score: Score, risk: Risk, taken: Taken, settings: ProviderSettings) -> Resource:
    at = taken.principal.assignment
    minutes = response_minutes(settings, at.unit, risk.value) or MINUTES[risk]
    due = local(taken.measured) + timedelta(minutes=minutes)
    said = response_of(settings, at.unit, risk.value).rstrip(". ") or _SAID[risk].rstrip(".")
    label = score.scale.label
    contact = {"encounter": {"reference": f"Encounter/{taken.contact}"}} if taken.contact else {}
    return {
        "resourceType": "Task",
        "id": f"{taken.id}{RESPONSE}",
        "status": "requested",
        "intent": "order",
        "priority": "urgent" if risk in (Risk.SINGLE, Risk.MEDIUM) else "stat",
        "code": {"coding": [{"system": WORK_CODES, "code": TASK}, {"system": RISK, "code": risk.value}]},
        "description": f"{label} {_points(score)}, {risk_text(risk)}. {said}. Nytt set senast {due:%H:%M}.",
        "for": {"reference": f"Patient/{taken.patient}"},
        **contact,
        "authoredOn": taken.written,
        "lastModified": taken.written,
        "requester": author(taken.principal),
        "owner": _unit(taken.principal),
        "restriction": {"period": {"start": taken.measured, "end": due.isoformat(timespec="seconds")}},
    }


def _unit(principal: Principal) -> Resource:
    at = principal.assignment
    return {"identifier": {"system": HSA_ID, "value": at.unit}, "display": at.unit_name}
