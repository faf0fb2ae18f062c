"""What was ordered and what came of it: answers that nobody has acknowledged, and acknowledging them.

An order is a ServiceRequest (http://hl7.org/fhir/R4/servicerequest.html), and a Task (`ORDER`) of whoever
ordered says who sees to it that an answer comes and is read, and until when. The answers are whatever is
`basedOn` the order, whoever wrote it: they are looked for when the list is, so that none depends on somebody
having told of it. To acknowledge (vidimera) is to have read exactly these versions; a later one comes anew.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from kontinuum.access import Action, Deny
from kontinuum.fhir import json
from kontinuum.fhir.definitions import RESOURCE_TYPES, TYPE_CODES
from kontinuum.fhir.search.query import SearchQuery
from kontinuum.kernel.clock import from_micros, instant
from kontinuum.kernel.i18n import local, phrase
from kontinuum.kernel.sql import Fragment
from kontinuum.record import writing
from kontinuum.record.circumstances import decide_rows, unbarred
from kontinuum.record.context import Context, forbidden, reference
from kontinuum.record.correcting import current
from kontinuum.record.outcome import Refusal, RefusalKind, Written, refuse
from kontinuum.record.planning import Intent
from kontinuum.record.searching import confirmed, parse_url
from kontinuum.record.tasks import (
    AT_MOST,
    DONE,
    NOT_STAFF,
    OPEN,
    ORDER,
    READ,
    WORK_CODES,
    TaskRow,
    business,
    is_care,
    rows,
)
from kontinuum.store.resources import read as reads
from kontinuum.store.resources import search as store
from kontinuum.store.resources.rows import ResourceRow

ANSWERED: Final = "answered"
DECLINED: Final = "declined"
ASKED: Final = "asked"
ACCEPTED: Final = "accepted"
ACKNOWLEDGED: Final = "acknowledged"
STIRRING: Final = (ANSWERED, DECLINED, ASKED)
"""States of an order in which whoever ordered has something to do."""

Arrived = Mapping[str, Sequence[ResourceRow]]
"""By the id of the Task: the versions that have come, and that nobody has acknowledged."""

CORRECTED_WITHIN: Final = timedelta(days=90)
"""For how long a report that was corrected after everything was acknowledged comes to the list again."""

_AT_ONCE: Final = 100
_ORDER: Final = re.compile(r"ServiceRequest/[A-Za-z0-9.-]{1,64}")
_CORRECTED: Final = "amended,corrected,appended"
_VOID: Final = frozenset({"registered", "entered-in-error", "cancelled", "unknown"})
_FINAL: Final = frozenset({"final", "amended", "corrected", "appended"})


async def arrivals(context: Context, tasks: Collection[TaskRow]) -> Arrived:
    """What has come of orders and is not acknowledged, without what a block keeps from the principal.

    Only what is about the patient of the order counts: an answer about somebody else is none.
    """
    orders: dict[str, TaskRow] = {}
    for task in tasks:
        if task.code == ORDER and task.resource.get("status") in (*OPEN, DONE):
            orders |= dict.fromkeys(filter(_ORDER.fullmatch, task.based_on), task)
    if not orders:
        return {}
    found = [row for row in await _based_on(context, orders) if _counts(row)]
    parts = {part for row in found for part in _parts(row)}
    free = await unbarred(context, context.pool, [row for row in found if _name(row) not in parts])
    made: dict[str, list[ResourceRow]] = {}
    for row in free:
        asking = [orders[each] for each in _orders_of(row) if each in orders]
        for task in {one.row.id: one for one in asking}.values():
            if row.patient == task.row.patient and reference(row) not in acknowledged(task.resource):
                made.setdefault(task.row.id, []).append(row)
    return made


async def corrected(context: Context, criteria: str = "", *, unit: bool = False) -> list[TaskRow]:
    """Orders that are completed, and of which a report was corrected lately: `arrivals` tells what is new."""
    day = local(from_micros(context.now())).date() - CORRECTED_WITHIN
    changed = await rows(
        context,
        f"DiagnosticReport?status={_CORRECTED}&_lastUpdated=ge{day.isoformat()}",
    )
    found: dict[str, ResourceRow] = {}
    for some in _some({order for row in changed for order in _orders_of(row)}):
        done = f"Task?status={DONE}&code={WORK_CODES}|{ORDER}&based-on={some}{criteria}"
        found |= {row.id: row for row in await rows(context, done, unit=unit)}
    return [TaskRow(row, _body(row)) for row in found.values()]


async def _based_on(context: Context, orders: Collection[str]) -> list[ResourceRow]:
    """Whoever is accountable: the law is asked about each of them afterwards."""
    found: dict[str, ResourceRow] = {}
    for some in _some(orders):
        for kind in ("DiagnosticReport", "Observation"):
            query = parse_url(f"{kind}?based-on={some}")
            assert isinstance(query, SearchQuery), query
            every = await store.search(context.pool, query, Fragment("true"), AT_MOST)
            found |= {_name(row): row for row in confirmed(query, [one.row for one in every])}
    return list(found.values())


def _some(orders: Collection[str]) -> Iterator[str]:
    """Orders as a search names them, not too many at once."""
    every = sorted(orders)
    for start in range(0, len(every), _AT_ONCE):
        yield ",".join(every[start : start + _AT_ONCE])


def acknowledged(task: Mapping[str, Any]) -> frozenset[str]:
    """The versions that were acknowledged, as `Type/id/_history/n`."""
    outputs = [one.get("valueReference") or {} for one in task.get("output") or ()]
    return frozenset(filter(None, (one.get("reference") for one in outputs)))


def stirs(task: TaskRow, arrived: Arrived, now: datetime, *, left: bool) -> bool:
    """Whether an order is on the list; one that waits for its answer in good time is not.

    `left`: whose it is does not work here any more.
    """
    if task.code != ORDER:
        return True
    waits = task.is_open and (left or task.state in STIRRING or task.overdue(now))
    return waits or task.row.id in arrived


async def acknowledge(context: Context, task: str, version: int, seen: Collection[str]) -> Written | Refusal:
    """Acknowledge the answers that were shown: `seen` are their versions, as `Type/id/_history/n`.

    Who has not been able to read them cannot. The order is completed once all that was asked for is answered.
    """
    found = await order(context, task, version, completed=True)
    if isinstance(found, Refusal):
        return found
    arrived = (await arrivals(context, [found])).get(task, ())
    chosen = [row for row in arrived if reference(row) in seen]
    if len(chosen) != len(set(seen)) or not (
        chosen or (found.is_open and found.state in (ANSWERED, DECLINED))
    ):
        changed = phrase("The answer was changed after it was shown. Read it again.")
        return refuse(RefusalKind.CONFLICT, "conflict", changed)
    read = [found.row, *chosen]
    decisions = await decide_rows(context, context.pool, Action.READ, read)
    for row, decision in zip(read, decisions, strict=True):
        if isinstance(decision, Deny):
            return await context.denied("read", decision, row)
    intents = await _acknowledged(context, found, chosen)

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
    before = await _read(context, {one.partition("/_history/")[0] for one in acknowledged(task.resource)})
    answers = [*before, *chosen]
    told = task.state in (ANSWERED, DECLINED)
    asked = await requests(context, task)
    done = [row for row in asked if told or _answered(row, answers)]
    now, actor = instant(context.now()), context.principal.actor
    kind = {"coding": [{"system": WORK_CODES, "code": ACKNOWLEDGED}]}
    read = [{"type": kind, "valueReference": {"reference": reference(row)}} for row in chosen]
    changed = {**task.resource, "lastModified": now, "output": [*task.resource.get("output", ()), *read]}
    if len(done) == len(asked):
        changed["status"] = "rejected" if task.state == DECLINED else "completed"
        changed["businessStatus"] = business(READ)
        changed["executionPeriod"] = {**task.resource.get("executionPeriod", {}), "end": now}
        reader = {"reference": actor.reference} if actor.reference else {}
        changed["owner"] = {**reader, "display": actor.name}
    if not changed["output"]:
        del changed["output"]
    status = "revoked" if task.state == DECLINED else "completed"
    closed = [Intent("ServiceRequest", row.id, {**_body(row), "status": status}, row.version) for row in done]
    return [Intent("Task", task.row.id, changed, task.row.version), *closed]


def _answered(request: ResourceRow, answers: Sequence[ResourceRow]) -> bool:
    """Whether all of an order has a final answer: a report on it, or a result for each analysis."""
    name, body = _name(request), _body(request)
    own = [row for row in answers if name in _orders_of(row) and _body(row).get("status") in _FINAL]
    if any(_kind(row) == "DiagnosticReport" for row in own):
        return True
    asked = [_codes(one) for one in body.get("orderDetail") or [body.get("code") or {}]]
    got = [_codes(_body(row).get("code") or {}) for row in own]
    return bool(got) and all(any(one & each for each in got) for one in asked)


async def requests(context: Context, task: TaskRow) -> list[ResourceRow]:
    """The orders behind a Task that are not completed or revoked."""
    found = await _read(context, filter(_ORDER.fullmatch, task.based_on))
    return [row for row in found if _body(row).get("status") in ("draft", "active", "on-hold")]


async def _read(context: Context, names: Iterable[str]) -> list[ResourceRow]:
    parts = [one.partition("/") for one in names]
    wanted = [(TYPE_CODES[kind], identity) for kind, _, identity in parts if kind in TYPE_CODES]
    found = await reads.read_many(context.pool, wanted) if wanted else []
    return [row for row in found if row.body is not None]


def _codes(concept: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    return frozenset((one.get("system", ""), one.get("code", "")) for one in concept.get("coding") or ())


def _counts(row: ResourceRow) -> bool:
    return _body(row).get("status") not in _VOID


def _orders_of(row: ResourceRow) -> list[str]:
    named = [str(one.get("reference", "")) for one in _body(row).get("basedOn") or ()]
    return [one for one in (each.partition("/_history/")[0] for each in named) if _ORDER.fullmatch(one)]


def _parts(row: ResourceRow) -> list[str]:
    """The results that are shown as part of a report."""
    parts = _body(row).get("result") or () if _kind(row) == "DiagnosticReport" else ()
    return [str(one.get("reference", "")) for one in parts]


def _body(row: ResourceRow) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(row.body or b"{}")
    return body


def _kind(row: ResourceRow) -> str:
    return RESOURCE_TYPES[row.type - 1]


def _name(row: ResourceRow) -> str:
    return f"{_kind(row)}/{row.id}"
