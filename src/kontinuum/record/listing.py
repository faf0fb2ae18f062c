"""A Task as the list of what waits shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kontinuum.record.context import reference
from kontinuum.record.tasks import DECLINED, Escalated, TaskRow
from kontinuum.store.resources.rows import ResourceRow


@dataclass(frozen=True, slots=True)
class WorkTask:
    """A task or question that waits, or its answer; `text` and `answer` are None where they may not be read.

    `instead` names who is away and for whom one sees it. `declined`: it is not done, and `answer` is why.
    Of an order `state` tells how it stands, and `results` are the versions that have come and nobody has
    acknowledged, as `Type/id/_history/n`, with the unit that answers for each; `read` are those that
    somebody has.
    `escalated` tells who is told of what is late; `brought`: one is told, and it waits for somebody else.
    """

    id: str
    version: int
    code: str
    patient: str
    since: int
    text: str | None
    due: str
    asked_by: str
    owner: str
    owner_name: str
    focus: str
    is_open: bool
    declined: bool
    answer: str | None
    overdue: bool
    needed: bool
    instead: str
    state: str = ""
    results: tuple[tuple[str, str], ...] = ()
    read: frozenset[str] = frozenset()
    escalated: Escalated | None = None
    brought: bool = False


def shown(
    one: TaskRow,
    instead: str,
    *,
    readable: bool,
    now: datetime,
    staff: frozenset[str],
    results: Sequence[ResourceRow] = (),
) -> WorkTask:
    """A task as it is listed; `results` are what has come of an order."""
    resource = one.resource
    return WorkTask(
        id=one.row.id,
        version=one.row.version,
        code=one.code,
        patient=one.row.patient or "",
        since=one.row.sort,
        text=_said(resource) if readable else None,
        due=one.due,
        asked_by=resource.get("requester", {}).get("display", ""),
        owner=one.owner,
        owner_name=resource.get("owner", {}).get("display", ""),
        focus=one.focus,
        is_open=one.is_open,
        declined=resource.get("status") == DECLINED,
        answer=_answer(resource) if readable else None,
        overdue=one.overdue(now),
        needed=one.needs_somebody(now, staff),
        instead=instead,
        state=one.state,
        results=tuple((reference(row), row.unit) for row in results),
        read=one.acknowledged,
    )


def _said(resource: dict[str, Any]) -> str:
    """What is to be done; as its code says where another system has no more words for it."""
    code = resource.get("code", {})
    shown = [one.get("display", "") for one in code.get("coding", ())]
    return str(next(filter(None, (resource.get("description"), code.get("text"), *shown)), ""))


def _answer(resource: dict[str, Any]) -> str:
    said = [one.get("valueString", "") for one in resource.get("output", ())]
    said += [one.get("text", "") for one in resource.get("note", ())]
    return str(said[-1]) if said else ""
