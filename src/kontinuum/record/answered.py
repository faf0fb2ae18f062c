"""What has come of orders, and what became of it after it was read.

The answers are whatever is `basedOn` an order, whoever wrote it and by whatever way: they are looked for when
a list is made, so that none depends on somebody having told of it. A result that was read as part of a report
(http://hl7.org/fhir/R4/diagnosticreport.html) and is another now comes by itself, also where the report stays
as it was; so does what was read and is cancelled or entered in error now.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from kontinuum.fhir import json
from kontinuum.fhir.definitions import RESOURCE_TYPES, TYPE_CODES
from kontinuum.fhir.search.query import SearchQuery
from kontinuum.kernel.clock import from_micros
from kontinuum.kernel.i18n import local
from kontinuum.kernel.sql import Fragment
from kontinuum.record.circumstances import unbarred
from kontinuum.record.context import Context, reference
from kontinuum.record.searching import confirmed, parse_url
from kontinuum.record.tasks import AT_MOST, DONE, OPEN, ORDER, WORK_CODES, TaskRow, rows
from kontinuum.store.resources import read as reads
from kontinuum.store.resources import search as store
from kontinuum.store.resources.rows import ResourceRow

Arrived = Mapping[str, Sequence[ResourceRow]]
"""By the id of the Task: the versions that have come, and that nobody has acknowledged."""

ANSWERING: Final = ("DiagnosticReport", "Observation")
"""The types of answers."""
CHANGED_WITHIN: Final = timedelta(days=90)
"""For how long an answer that was changed after everything was acknowledged comes to the list again."""

ORDERS: Final = re.compile(r"ServiceRequest/[A-Za-z0-9.-]{1,64}")
"""The references of orders."""

_AT_ONCE: Final = 100
_RESULT: Final = re.compile(r"Observation/[A-Za-z0-9.-]{1,64}")
_CHANGED: Final = "amended,corrected,appended,cancelled,entered-in-error"
_VOID: Final = frozenset({"registered", "entered-in-error", "cancelled", "unknown"})


async def arrivals(context: Context, tasks: Collection[TaskRow]) -> Arrived:
    """What has come of orders and is not acknowledged, without what a block keeps from the principal.

    Only what is about the patient of the order counts: an answer about somebody else is none.
    """
    orders: dict[str, TaskRow] = {}
    for task in tasks:
        if task.code == ORDER and task.resource.get("status") in (*OPEN, DONE):
            orders |= dict.fromkeys(filter(ORDERS.fullmatch, task.based_on), task)
    if not orders:
        return {}
    found = await _search(context.pool, ANSWERING, "based-on", orders)
    reports: dict[str, list[ResourceRow]] = {}
    for row in found:
        for part in parts(row) if _counts(row) else ():
            reports.setdefault(part, []).append(row)
    known = {plain(one) for task in orders.values() for one in task.acknowledged}
    found += await read(context.pool, (reports.keys() & known) - set(map(name, found)))
    made: dict[str, list[ResourceRow]] = {}
    for row in await unbarred(context, context.pool, found):
        asking = [
            orders[each]
            for one in (row, *reports.get(name(row), ()))
            for each in named(one)
            if each in orders
        ]
        for task in {one.row.id: one for one in asking}.values():
            if row.patient == task.row.patient and _is_new(row, task, of_report=name(row) in reports):
                made.setdefault(task.row.id, []).append(row)
    return {task: _each_once(new) for task, new in made.items()}


def _is_new(row: ResourceRow, task: TaskRow, *, of_report: bool) -> bool:
    """Whether a version is to be acknowledged; part of a report or void only if another was."""
    if reference(row) in task.acknowledged:
        return False
    again = any(plain(one) == name(row) for one in task.acknowledged)
    return again or (_counts(row) and not of_report)


def _each_once(new: Sequence[ResourceRow]) -> list[ResourceRow]:
    """Without what is shown as part of a report that is among them."""
    inside = {part for row in new for part in parts(row)}
    return [row for row in new if name(row) not in inside]


async def changed(context: Context, criteria: str = "", *, unit: bool = False) -> tuple[list[TaskRow], bool]:
    """Orders that are completed and of which an answer was changed lately, and whether these are all.

    `arrivals` tells what is new. What is measured at the bedside answers no order.
    """
    day = local(from_micros(context.now())).date() - CHANGED_WITHIN
    lately = f"status={_CHANGED}&_lastUpdated=ge{day.isoformat()}&_sort=-_lastUpdated"
    reports = await rows(context, f"DiagnosticReport?{lately}")
    results = await rows(context, f"Observation?{lately}&category:not=vital-signs")
    found: dict[str, ResourceRow] = {}
    for some in _some(await _orders_behind(context.pool, [*reports, *results])):
        done = f"Task?status={DONE}&code={WORK_CODES}|{ORDER}&based-on={some}{criteria}"
        found |= {row.id: row for row in await rows(context, done, unit=unit)}
    complete = max(len(reports), len(results)) < AT_MOST
    return [TaskRow(row, body(row)) for row in found.values()], complete


async def awaiting(pool: Any, answers: Collection[ResourceRow]) -> list[ResourceRow]:
    """The Tasks of the orders that some versions answer: who is to look anew. Nothing of them is released."""
    orders = await _orders_behind(pool, answers)
    return await _search(pool, ("Task",), f"code={WORK_CODES}|{ORDER}&based-on", orders)


async def _orders_behind(pool: Any, answers: Collection[ResourceRow]) -> set[str]:
    """The orders that answers name, themselves or by a report of which they are a result."""
    results = {name(row) for row in answers if kind(row) == "Observation"}
    reports = await _search(pool, ("DiagnosticReport",), "result", results)
    return {order for row in (*answers, *reports) for order in named(row)}


async def _search(
    pool: Any, types: Iterable[str], parameter: str, targets: Collection[str]
) -> list[ResourceRow]:
    """What refers to some resources, whoever is accountable: the law is asked about each of it afterwards."""
    found: dict[str, ResourceRow] = {}
    for some in _some(targets):
        for type_name in types:
            query = parse_url(f"{type_name}?{parameter}={some}")
            assert isinstance(query, SearchQuery), query
            every = await store.search(pool, query, Fragment("true"), AT_MOST)
            found |= {name(row): row for row in confirmed(query, [one.row for one in every])}
    return list(found.values())


def _some(names: Collection[str]) -> Iterator[str]:
    """References as a search names them, not too many at once."""
    every = sorted(names)
    for start in range(0, len(every), _AT_ONCE):
        yield ",".join(every[start : start + _AT_ONCE])


async def read(pool: Any, names: Iterable[str]) -> list[ResourceRow]:
    """The current versions of what is referred to as `Type/id`."""
    split = [one.partition("/") for one in names]
    wanted = [(TYPE_CODES[of], identity) for of, _, identity in split if of in TYPE_CODES]
    found = await reads.read_many(pool, wanted) if wanted else []
    return [row for row in found if row.body is not None]


def _counts(row: ResourceRow) -> bool:
    return body(row).get("status") not in _VOID


def named(row: ResourceRow) -> list[str]:
    """The orders that an answer names."""
    every = [plain(str(one.get("reference", ""))) for one in body(row).get("basedOn") or ()]
    return [one for one in every if ORDERS.fullmatch(one)]


def parts(row: ResourceRow) -> list[str]:
    """The results that are shown as part of a report."""
    every = body(row).get("result") or () if kind(row) == "DiagnosticReport" else ()
    return [
        one for one in (plain(str(each.get("reference", ""))) for each in every) if _RESULT.fullmatch(one)
    ]


def body(row: ResourceRow) -> dict[str, Any]:
    """The resource of a row; empty for a deletion."""
    found: dict[str, Any] = json.loads(row.body or b"{}")
    return found


def kind(row: ResourceRow) -> str:
    """Of which type a row is."""
    return RESOURCE_TYPES[row.type - 1]


def name(row: ResourceRow) -> str:
    """What refers to a row, as `Type/id`."""
    return f"{kind(row)}/{row.id}"


def plain(text: str) -> str:
    """A reference without its version."""
    return text.partition("/_history/")[0]
