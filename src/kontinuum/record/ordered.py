"""What was ordered: when it is on a list, and acknowledging what came of it.

An order is a ServiceRequest (http://hl7.org/fhir/R4/servicerequest.html), and a Task (`ORDER`) of whoever
ordered says who sees to it that an answer comes and is read, and until when. What has come `record.answered`
finds. To acknowledge (vidimera) is to have read exactly these versions; a later one comes anew.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from kontinuum.access import Action, Deny
from kontinuum.fhir import json
from kontinuum.kernel.clock import instant
from kontinuum.kernel.i18n import phrase
from kontinuum.record import writing
from kontinuum.record.answered import ORDERS, Arrived, arrivals, body, kind, name, named, parts, plain, read
from kontinuum.record.circumstances import decide_rows
from kontinuum.record.context import Context, forbidden, reference
from kontinuum.record.correcting import current
from kontinuum.record.outcome import Refusal, RefusalKind, Written, refuse
from kontinuum.record.planning import Intent
from kontinuum.record.tasks import (
    DONE,
    NOT_STAFF,
    ORDER,
    READ,
    WORK_CODES,
    TaskRow,
    business,
    is_care,
    of_another,
)
from kontinuum.store.resources.rows import ResourceRow

ANSWERED: Final = "answered"
DECLINED: Final = "declined"
ASKED: Final = "asked"
ACCEPTED: Final = "accepted"
ACKNOWLEDGED: Final = "acknowledged"
STIRRING: Final = (ANSWERED, DECLINED, ASKED)
"""States of an order in which whoever ordered has something to do."""

_FINAL: Final = frozenset({"final", "amended", "corrected", "appended"})


def stirs(task: TaskRow, arrived: Arrived, now: datetime, *, left: bool) -> bool:
    """Whether an order is on the list; one that waits for its answer in good time is not.

    `left`: whose it is does not work here any more.
    """
    if task.code != ORDER:
        return True
    waits = task.is_open and (left or task.state in STIRRING or task.overdue(now))
    return waits or task.row.id in arrived


async def acknowledge(
    context: Context, task: str, version: int, seen: Collection[str], *, patient: str
) -> Written | Refusal:
    """Acknowledge the answers that were shown: `seen` are their versions, as `Type/id/_history/n`.

    Of a report also those of its results, as far as the principal may read them. Who has not been able to
    read an answer cannot. The order is completed once all that was asked for is answered.
    """
    found = await order(context, task, version, completed=True)
    if isinstance(found, Refusal):
        return found
    other = of_another(found.row.patient, patient)
    if other is not None:
        return other
    arrived = (await arrivals(context, [found])).get(task, ())
    chosen = [row for row in arrived if reference(row) in seen]
    inside = await read(context.pool, {part for row in chosen for part in parts(row)})
    inside = [row for row in inside if row.patient == patient]
    every = [found.row, *chosen, *inside]
    decisions = await decide_rows(context, context.pool, Action.READ, every)
    for row, decision in zip(every, decisions, strict=True):
        if isinstance(decision, Deny) and (row not in inside or reference(row) in seen):
            return await context.denied("read", decision, row)
    shown = [row for row, one in zip(every[1:], decisions[1:], strict=True) if not isinstance(one, Deny)]
    told = found.is_open and found.state in (ANSWERED, DECLINED)
    if set(map(reference, shown)) != set(seen) or not (shown or told):
        changed = phrase("The answer was changed after it was shown. Read it again.")
        return refuse(RefusalKind.CONFLICT, "conflict", changed)
    intents = await _acknowledged(context, found, shown)

    async def work(connection: Any) -> Written | Refusal:
        results = await writing.apply(context, connection, intents)
        return next((one for one in results if isinstance(one, Refusal)), results[0])

    return await writing.in_transaction(context, work, what=f"Task/{task}")


async def order(context: Context, task: str, version: int, *, completed: bool = False) -> TaskRow | Refusal:
    """The Task of an order as it was read, which the principal may change; open, or also one `completed`."""
    if not is_care(context.principal):
        return forbidden(NOT_STAFF)
    row = await current(context, "Task", task)
    if isinstance(row, Refusal):
        return row
    found = TaskRow(row, json.loads(row.body or b"{}"))
    stands = found.is_open or (completed and found.resource.get("status") == DONE)
    if row.version != version or not stands:
        changed = phrase("Somebody was first: look at what stands there now.")
        return refuse(RefusalKind.CONFLICT, "conflict", changed)
    if found.code != ORDER:
        other = phrase("This is no order that waits for an answer.")
        return refuse(RefusalKind.NOT_FOUND, "not-found", other)
    return found


async def _acknowledged(context: Context, task: TaskRow, chosen: Sequence[ResourceRow]) -> list[Intent]:
    """The Task with what was read, by whom; and the orders that are answered by that."""
    before = await read(context.pool, set(map(plain, task.acknowledged)) - set(map(name, chosen)))
    inside = {part for row in (*before, *chosen) for part in parts(row)}
    answers = [row for row in (*before, *chosen) if name(row) not in inside]
    told = task.state in (ANSWERED, DECLINED)
    asked = await requests(context, task)
    done = [row for row in asked if told or _answered(row, answers)]
    now, actor = instant(context.now()), context.principal.actor
    of = {"coding": [{"system": WORK_CODES, "code": ACKNOWLEDGED}]}
    new = [one for one in map(reference, chosen) if one not in task.acknowledged]
    outputs = [{"type": of, "valueReference": {"reference": one}} for one in new]
    changed = {**task.resource, "lastModified": now, "output": [*task.resource.get("output", ()), *outputs]}
    if len(done) == len(asked):
        changed["status"] = "rejected" if task.state == DECLINED else "completed"
        changed["businessStatus"] = business(READ)
        changed["executionPeriod"] = {**task.resource.get("executionPeriod", {}), "end": now}
        reader = {"reference": actor.reference} if actor.reference else {}
        changed["owner"] = {**reader, "display": actor.name}
    if not changed["output"]:
        del changed["output"]
    status = "revoked" if task.state == DECLINED else "completed"
    closed = [Intent("ServiceRequest", row.id, {**body(row), "status": status}, row.version) for row in done]
    return [Intent("Task", task.row.id, changed, task.row.version), *closed]


def _answered(request: ResourceRow, answers: Sequence[ResourceRow]) -> bool:
    """Whether all of an order has a final answer: a report on it, or a result for each analysis."""
    order = body(request)
    own = [row for row in answers if name(request) in named(row) and body(row).get("status") in _FINAL]
    if any(kind(row) == "DiagnosticReport" for row in own):
        return True
    asked = [_codes(one) for one in order.get("orderDetail") or [order.get("code") or {}]]
    got = [_codes(body(row).get("code") or {}) for row in own]
    return bool(got) and all(any(one & each for each in got) for one in asked)


async def requests(context: Context, task: TaskRow) -> list[ResourceRow]:
    """The orders behind a Task that are not completed or revoked."""
    found = await read(context.pool, filter(ORDERS.fullmatch, task.based_on))
    return [row for row in found if body(row).get("status") in ("draft", "active", "on-hold")]


def _codes(concept: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    return frozenset((one.get("system", ""), one.get("code", "")) for one in concept.get("coding") or ())
