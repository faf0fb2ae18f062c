"""Two days of a chart beside each other: what was added, ended and changed between them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from starlette.responses import Response

from kontinuum.fhir import json
from kontinuum.kernel.clock import from_micros
from kontinuum.kernel.i18n import local, message
from kontinuum.record.outcome import Refusal, Stored
from kontinuum.record.searching import parse_url
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.timeline.describing import Line, describe, value_of, what_of, when_of
from kontinuum.web.workspace.timeline.filters import BACKWARDS, NO_DAY, is_day
from kontinuum.web.workspace.timeline.opening import Opened, open_record
from kontinuum.web.workspace.timeline.states import (
    Change,
    Held,
    Item,
    Origin,
    Version,
    compared,
    held_on,
    item_of,
)

_AREAS: Final = (
    (message("Problems"), ("Condition?category=problem-list-item",)),
    (message("Medication"), ("MedicationRequest", "MedicationStatement")),
    (message("Alerts"), ("Flag",)),
    (message("Hypersensitivity"), ("AllergyIntolerance",)),
)
_AT_MOST: Final = 500
_HISTORIES: Final = 100
_VALUES_SINCE: Final = timedelta(days=2 * 365)
_ADMISSIONS: Final = 5


class Source(NamedTuple):
    """Who says so: the entry as it stood, with author and state; unit and care provider by name."""

    line: Line
    unit: str
    provider: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A change, and who says so on each of the days."""

    change: Change
    before: tuple[Source, ...]
    after: tuple[Source, ...]

    @property
    def kind(self) -> str:
        """As that of the change."""
        return self.change.kind


@dataclass(frozen=True, slots=True)
class Area:
    """A part of the chart on both days. `undated` have ended and do not say when; `cut`: there is more."""

    title: str
    changes: tuple[Shown, ...]
    undated: int
    cut: bool


@dataclass(frozen=True, slots=True)
class Value:
    """The latest value of a kind on each day, each with the day on which it was measured."""

    what: str
    before: str
    before_on: str
    after: str
    after_on: str
    reference: str
    before_from: tuple[Source, ...]
    after_from: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Admission:
    """An admission, and the page that compares the day before it with its end."""

    label: str
    address: str


async def show(page: Page) -> Response:
    """Answer GET `/patient/{patient}/compare?from=&to=`."""
    opened = await open_record(page, "/compare")
    if isinstance(opened, Response):
        return opened
    gettext, asked = page.translator.gettext, page.request.query_params
    today = local(opened.chart.now).date()
    first = asked.get("from", "").strip() or (today - timedelta(days=365)).isoformat()
    second = asked.get("to", "").strip() or today.isoformat()
    odd = next((each for each in (first, second) if not is_day(each)), None)
    if odd is not None:
        return page.problem(HTTPStatus.BAD_REQUEST, [gettext(NO_DAY) % {"name": odd}])
    if second < first:
        return page.problem(HTTPStatus.BAD_REQUEST, [gettext(BACKWARDS)])
    latest = await _values(opened, first, second)
    if isinstance(latest, Refusal):
        return page.refuse(latest)
    values = {
        "first": first,
        "second": second,
        "areas": await _areas(opened, first, second),
        "values": latest,
        "admissions": await _admissions(opened, today),
        "path": opened.chart.path("compare"),
    }
    return await opened.render("timeline/compare.html", values)


async def _areas(opened: Opened, first: str, second: str) -> list[Area]:
    queries = [
        f"{each}{'&' if '?' in each else '?'}patient={opened.chart.patient}&_count={_AT_MOST}"
        for _, searches in _AREAS
        for each in searches
    ]
    pages = iter(await opened.reader.find_many(queries))
    areas = []
    for title, searches in _AREAS:
        found = [next(pages) for _ in searches]
        entries = [one for page in found for one in page.matches]
        versions = await _versions(opened, [one for one in entries if one.body])
        await opened.learn({place for one in entries for place in (one.unit, one.provider)})
        changes, undated = _between(versions, first, second)
        shown = [Shown(one, *(_sources(opened, each) for each in _sides(one))) for one in changes]
        cut = any(page.next for page in found)
        areas.append(Area(opened.chart.translator.gettext(title), tuple(shown), undated, cut))
    return areas


def _sides(change: Change) -> tuple[tuple[Origin, ...], tuple[Origin, ...]]:
    """Whose word is shown on each day; what is the same on both is told once."""
    return (() if change.kind == "same" else change.before_from, change.after_from)


def _sources(opened: Opened, origins: Iterable[Origin]) -> tuple[Source, ...]:
    translator, directory = opened.chart.translator, opened.chart.directory
    found = [
        Source(describe(one.resource, translator, directory), *map(directory.unit, (one.unit, one.provider)))
        for one in origins
    ]
    told = {(one.unit, one.provider, one.line.who, one.line.state): one for one in found}
    return tuple(told.values())


def _between(versions: Sequence[Sequence[Version]], first: str, second: str) -> tuple[list[Change], int]:
    """What differs between the days, and how many entries have ended without a day."""
    items: dict[str, list[Item]] = {first: [], second: []}
    undated = 0
    for entry in versions:
        told = [held_on(entry, day) for day in (first, second)]
        undated += any(held is Held.NOT_TOLD for held, _ in told)
        for day, (_, resource) in zip((first, second), told, strict=True):
            if resource is not None:
                items[day].append(item_of(resource, entry[0].unit, entry[0].provider))
    return compared(items[first], items[second]), undated


async def _versions(opened: Opened, entries: Sequence[Any]) -> list[list[Version]]:
    """The versions of each entry, newest first; only what was changed has more than the one that is here."""
    found = []
    asked = 0
    for entry in entries:
        versions: Sequence[Stored] = (entry,)
        if entry.version > 1 and asked < _HISTORIES:
            asked += 1
            history = await opened.record.history(entry.type, entry.id, count=_HISTORIES)
            versions = (entry,) if isinstance(history, Refusal) else history.entries
        found.append(
            [
                Version(
                    _day_of(one.updated),
                    json.loads(one.body) if one.body else None,
                    entry.unit,
                    entry.provider,
                )
                for one in versions
            ]
        )
    return found


def _day_of(micros: int) -> str:
    return local(from_micros(micros)).date().isoformat()


async def _values(opened: Opened, first: str, second: str) -> list[Value] | Refusal:
    """The latest laboratory and bedside value of each kind by both days, no older than two years."""
    translator = opened.chart.translator
    found: list[dict[str, dict[str, Any]]] = []
    whose: dict[str, tuple[str, str]] = {}
    for day in (first, second):
        end = date.fromisoformat(day)
        since = (end - _VALUES_SINCE).isoformat()
        query = parse_url(
            f"Observation?patient={opened.chart.patient}&category=laboratory,vital-signs"
            f"&status:not=entered-in-error&date=ge{since}&date=le{day}"
        )
        assert not isinstance(query, Refusal)
        page = await opened.record.latest(query, 1)
        if isinstance(page, Refusal):
            return page
        read = [json.loads(one.body) for one in page.matches if one.body]
        whose |= {one.id: (one.unit, one.provider) for one in page.matches}
        # Of what several codes call the same, the latest.
        found.append({what_of(one): one for one in sorted(read, key=lambda each: when_of(each) or "")})
    before, after = found
    names = sorted({*before, *after}, key=str.lower)
    await opened.learn({place for places in whose.values() for place in places})

    def sources(of: dict[str, dict[str, Any]], name: str) -> tuple[Source, ...]:
        one = of.get(name)
        return _sources(opened, [Origin(one, *whose[one["id"]])] if one else [])

    return [
        Value(
            name,
            value_of(before[name], translator) if name in before else "",
            translator.day(when_of(before[name])) if name in before else "",
            value_of(after[name], translator) if name in after else "",
            translator.day(when_of(after[name])) if name in after else "",
            f"Observation/{(after.get(name) or before[name])['id']}",
            sources(before, name) if before.get(name) != after.get(name) else (),
            sources(after, name),
        )
        for name in names
    ]


async def _admissions(opened: Opened, today: date) -> list[Admission]:
    """The latest admissions, each with the way to what they changed."""
    patient = opened.chart.patient
    (page,) = await opened.reader.find_many(
        [f"Encounter?patient={patient}&class=IMP,ACUTE,NONAC&_sort=-date&_count={_ADMISSIONS}"]
    )
    await opened.learn({one.unit for one in page.matches})
    shown = []
    for one in page.matches:
        resource = json.loads(one.body or b"{}")
        line = describe(resource, opened.chart.translator, opened.chart.directory)
        if not line.when:
            continue
        ended = opened.chart.translator.day((resource.get("period") or {}).get("end"))
        before = (local(str(when_of(resource))).date() - timedelta(days=1)).isoformat()
        unit = opened.chart.directory.unit(one.unit)
        label = f"{line.when} – {ended} {unit}"
        until = ended or today.isoformat()
        shown.append(Admission(label, f"{opened.chart.path('compare')}?from={before}&to={until}"))
    return shown
