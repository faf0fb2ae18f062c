"""The timeline: everything about a patient, the newest first, day by day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Final

from starlette.responses import Response

from kontinuum.kernel.clock import from_micros
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import Chart
from kontinuum.record.chronicle import Entry, Leaf, Part
from kontinuum.record.outcome import Refusal
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.timeline.describing import Line, describe
from kontinuum.web.workspace.timeline.filters import offered, part_of, read_filters
from kontinuum.web.workspace.timeline.kinds import kind_of
from kontinuum.web.workspace.timeline.opening import open_record

_MEASURED: Final = ("results", "vitals")
_WEEKDAYS: Final = (
    message("Monday"),
    message("Tuesday"),
    message("Wednesday"),
    message("Thursday"),
    message("Friday"),
    message("Saturday"),
    message("Sunday"),
)


@dataclass(slots=True)
class Row:
    """What happened at one moment: an entry, or the values that were measured together."""

    kind: str
    kind_title: str
    clock: str
    unit: str
    provider: str
    at: int
    lines: list[Line] = field(default_factory=list)

    @property
    def first(self) -> Line:
        """The line that says when, by whom and in which state."""
        return self.lines[0]


@dataclass(frozen=True, slots=True)
class Day:
    """A day with its weekday; `coming` when it has not come yet."""

    day: str
    weekday: str
    coming: bool
    rows: list[Row]


async def show(page: Page) -> Response:
    """Answer GET `/patient/{patient}/timeline`."""
    opened = await open_record(page, "/timeline")
    if isinstance(opened, Response):
        return opened
    chart = opened.chart
    filters = read_filters(page.request.query_params, chart)
    if isinstance(filters, str):
        return page.problem(HTTPStatus.BAD_REQUEST, [filters])
    part = part_of(filters, chart, opened.record)
    cursor = page.request.query_params.get("cursor", "")
    leaves = await opened.record.chronicle(chart.patient, [_from(part, cursor)])
    if isinstance(leaves, Refusal):
        return page.refuse(leaves)
    (leaf,) = leaves
    units = [] if page.partial else await opened.record.readable_units(chart.patient)
    await opened.learn({*units, *filters.units, *_places(leaf)})
    days = days_of(leaf.entries, chart)
    path = chart.path("timeline")
    earlier = filters.address(path, cursor=leaf.next, after=days[-1].day if days else "") if leaf.next else ""
    values = {
        "filters": filters,
        "days": days,
        "earlier": earlier,
        "continued": page.request.query_params.get("after", "") if page.partial else "",
        "from_middle": bool(cursor),
        "choices": offered(filters, path, units, chart),
        "path": path,
        "open_first": page.request.query_params.get("open", ""),
    }
    return await opened.render("timeline/rows.html" if page.partial else "timeline/page.html", values)


def days_of(entries: Sequence[Entry], chart: Chart) -> list[Day]:
    """Entries by day, what was measured together in one row; a form behind a note is the note."""
    notes = {one.resource["id"] for one in entries if one.resource["resourceType"] == "Composition"}
    days: list[Day] = []
    for entry in entries:
        resource = entry.resource
        if resource["resourceType"] == "QuestionnaireResponse" and resource["id"] in notes:
            continue
        moment = local(from_micros(entry.at))
        day = moment.date().isoformat()
        if not days or days[-1].day != day:
            weekday = chart.translator.gettext(_WEEKDAYS[moment.weekday()])
            days.append(Day(day, weekday, moment.date() > local(chart.now).date(), []))
        _add(days[-1].rows, entry, chart)
    return days


def _add(rows: list[Row], entry: Entry, chart: Chart) -> None:
    kind = kind_of(entry.resource)
    line = describe(entry.resource, chart.translator, chart.directory)
    unit, provider = entry.stored.unit, entry.stored.provider
    if kind.key in _MEASURED and line.type == "Observation" and not line.denied:
        for row in reversed(rows):
            if row.at != entry.at:
                break
            same = (row.kind, row.unit, row.first.type) == (
                kind.key,
                chart.directory.unit(unit),
                "Observation",
            )
            if same and not row.first.denied and row.first.state == line.state:
                row.lines.append(line)
                return
    title = chart.translator.gettext(kind.title)
    names = (chart.directory.unit(unit), chart.directory.unit(provider))
    rows.append(Row(kind.key, title, line.clock, *names, entry.at, [line]))


def _from(part: Part, cursor: str) -> Part:
    return replace(part, cursor=cursor)


def _places(leaf: Leaf) -> Iterable[str]:
    return (hsa for one in leaf.entries for hsa in (one.stored.unit, one.stored.provider) if hsa)
