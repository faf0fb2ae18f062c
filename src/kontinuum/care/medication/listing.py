"""The whole medication list, and that somebody has gone through it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from kontinuum.care.medication import writing
from kontinuum.care.medication.around import ENDED_AT_MOST, Around, around
from kontinuum.care.medication.rules import (
    ATC_GROUPS,
    Read,
    Standing,
    differences,
    newest_of_each,
    reference_of,
)
from kontinuum.care.medication.views import Group, Row, row_of
from kontinuum.care.medication.writing import About
from kontinuum.fhir.authoring import author, form_id, new_token
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import ActionRequest, Chart, Moved, PageRequest, View
from kontinuum.kernel.principal import PRESCRIBING

BY_REASON: Final = "reason"
_TITLE: Final = "Läkemedelslistan genomgången"
_CHANGED: Final = message("The list has changed since you opened it. Read it again, and confirm once more.")
_NO_REASON: Final = message("No indication is recorded")
_NO_CODE: Final = message("Without ATC code")


@dataclass(frozen=True, slots=True)
class Reviewed:
    """When the list was gone through last, by whom, and what has changed since."""

    when: str
    by: str
    unit: str
    added: tuple[Row, ...]
    gone: tuple[Row, ...]
    unread: int


async def show(request: PageRequest) -> View:
    """Answer GET `medication/list`: what is taken, is to be and was; `by=reason` groups by indication."""
    found = await around(request)
    return _view(request, found, request.parameters.get("by", ""), new_token())


def _view(request: PageRequest | ActionRequest, found: Around, by: str, token: str, alert: str = "") -> View:
    chart = request.chart
    current = newest_of_each(found.of(Standing.CURRENT))
    ended = sorted(found.of(Standing.ENDED), key=lambda each: each[0].prescribed, reverse=True)
    regular = [each for each in current if not each[0].as_needed]
    values: dict[str, object] = {
        "groups": _grouped(chart, found, regular, by),
        "needed": [row_of(chart, *each) for each in current if each[0].as_needed],
        "planned": [row_of(chart, *each) for each in newest_of_each(found.of(Standing.PLANNED))],
        "ended": [row_of(chart, *each) for each in ended],
        "total": len(current),
        "by": by,
        "reviewed": _reviewed(chart, found, current),
        "prescribes": PRESCRIBING in request.principal.assignment.rights,
        "seen": _seen(current),
        "token": token,
        "whole": found.whole,
        "truncated": ENDED_AT_MOST if found.earlier else 0,
        "today": chart.translator.day(found.today.isoformat()),
        "alert": chart.translator.gettext(alert) if alert else "",
    }
    return View("medication/list.html", values)


def _grouped(chart: Chart, found: Around, drugs: Sequence[Read], by: str) -> list[Group]:
    """Under headings by indication or by ATC main group; what has none stands last."""
    gettext = chart.translator.gettext
    groups: dict[str, list[Row]] = {}
    for each in drugs:
        key = _indication(found, each) if by == BY_REASON else each[0].atc[:1]
        groups.setdefault(key, []).append(row_of(chart, *each))
    none = gettext(_NO_REASON if by == BY_REASON else _NO_CODE)
    ordered = sorted(groups.items(), key=lambda each: each[0] or "\uffff")
    if by == BY_REASON:
        return [Group(key or none, tuple(rows)) for key, rows in ordered]
    return [
        Group(gettext(ATC_GROUPS[key]) if key in ATC_GROUPS else none, tuple(rows)) for key, rows in ordered
    ]


def _indication(found: Around, one: Read) -> str:
    """What a drug is for: the problems it names, else what it says itself."""
    named = [
        (found.problem((each.reference or "").rpartition("/")[2]), each.display)
        for each in one[0].reason_reference
    ]
    labels = [problem.code.label if problem else display or "" for problem, display in named]
    return ", ".join(filter(None, labels)) or one[0].purpose


def _reviewed(chart: Chart, found: Around, current: Sequence[Read]) -> Reviewed | None:
    if found.review is None:
        return None
    review, entry = found.review
    since = differences(review, current, found.drugs)
    source = review.source
    return Reviewed(
        chart.translator.moment(review.date),
        chart.directory.name(source.reference, source.display) if source else "",
        chart.directory.unit(entry.unit),
        _rows(chart, since.added),
        _rows(chart, since.gone),
        since.unread,
    )


def _rows(chart: Chart, drugs: Iterable[Read]) -> tuple[Row, ...]:
    return tuple(row_of(chart, *each) for each in drugs)


def _seen(current: Sequence[Read]) -> str:
    """What tells the list that was shown from every other."""
    shown = sorted(f"{reference_of(each)}/{each[1].version}" for each in current)
    return sha256("\n".join(shown).encode()).hexdigest()


async def go_through(request: ActionRequest) -> View | Moved:
    """Answer POST `medication/go-through`: the list as it was shown is right, says who signs."""
    found = await around(request)
    chart = request.chart
    token = request.one("token") or new_token()
    current = newest_of_each(found.of(Standing.CURRENT))
    identity = form_id(request.principal, chart.patient, token)
    done = Moved(chart.path("medication", "list"))
    if found.review is not None and found.review[0].id == identity:
        return done  # an earlier press of the same button wrote it
    if request.one("seen") != _seen(current):
        return _view(request, found, request.one("by"), token, _CHANGED)
    moment = local(chart.now).isoformat(timespec="seconds")
    about = About(identity, chart.patient, moment, author(request.principal))
    made = writing.gone_through(about, [reference_of(each) for each in current], _TITLE)
    refused = await request.writer.write([made])
    if refused is None:
        return done
    return _view(request, found, request.one("by"), token, refused.told(chart.translator))
