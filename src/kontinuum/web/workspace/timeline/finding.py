"""Search inside the chart: words in any form, parts of compounds, codes, results and medicines, quoted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final

from starlette.responses import Response

from kontinuum.fhir.swedish import Term, terms
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import Chart
from kontinuum.record.chronicle import Entry, Leaf
from kontinuum.record.outcome import Refusal
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.timeline.describing import Line, describe
from kontinuum.web.workspace.timeline.filters import Filters, offered, part_of, read_filters
from kontinuum.web.workspace.timeline.kinds import BY_KEY, KINDS
from kontinuum.web.workspace.timeline.opening import Opened, open_record
from kontinuum.web.workspace.timeline.quoting import AT_MOST, Quotation, Segment, holds, marked, quotations

_OF_A_KIND: Final = 6
_A_PAGE: Final = 40
_TOO_SHORT: Final = message("Write at least two letters.")


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry in which the words stand. `what` is its line with the words marked."""

    line: Line
    what: tuple[Segment, ...]
    unit: str
    provider: str
    quotations: tuple[Quotation, ...]
    more: int


@dataclass(frozen=True, slots=True)
class Group:
    """The hits of a kind, the newest first; `rest` leads to all of them."""

    key: str
    title: str
    hits: tuple[Hit, ...]
    rest: str


async def show(page: Page) -> Response:
    """Answer GET `/patient/{patient}/search?q=`."""
    opened = await open_record(page, "/search")
    if isinstance(opened, Response):
        return opened
    chart = opened.chart
    filters = read_filters(page.request.query_params, chart)
    if isinstance(filters, str):
        return page.problem(HTTPStatus.BAD_REQUEST, [filters])
    wanted = terms(filters.words)
    groups = await _groups(opened, filters, wanted, page.request.query_params.get("cursor", ""))
    if isinstance(groups, Refusal):
        return page.refuse(groups)
    path = chart.path("search")
    units = [] if page.partial else await opened.record.readable_units(chart.patient)
    await opened.learn({*units, *filters.units})
    values = {
        "filters": filters,
        "groups": groups,
        "also": [way for term in wanted for way in term.ways[1:]],
        "problem": chart.translator.gettext(_TOO_SHORT) if filters.words and not wanted else "",
        "asked": bool(wanted),
        "earlier": page.partial,
        "choices": offered(filters, path, units, chart),
        "path": path,
        "open_first": page.request.query_params.get("open", ""),
    }
    return await opened.render("timeline/hits.html" if page.partial else "timeline/search.html", values)


async def _groups(
    opened: Opened, filters: Filters, wanted: tuple[Term, ...], cursor: str
) -> list[Group] | Refusal:
    """The best few of each kind, or all of the one kind that is chosen."""
    if not wanted:
        return []
    keys = filters.kinds or tuple(kind.key for kind in KINDS)
    alone = len(keys) == 1
    parts = [
        replace(
            part_of(filters, opened.chart, opened.record, (key,)),
            terms=wanted,
            found=lambda resource: holds(resource, wanted),
            count=_A_PAGE if alone else _OF_A_KIND,
            cursor=cursor if alone else "",
        )
        for key in keys
    ]
    leaves = await opened.record.chronicle(opened.chart.patient, parts)
    if isinstance(leaves, Refusal):
        return leaves
    await opened.learn({hsa for leaf in leaves for one in leaf.entries for hsa in _places(one)})
    groups = [
        _group(opened.chart, filters, key, leaf, wanted, alone=alone)
        for key, leaf in zip(keys, leaves, strict=True)
    ]
    return [group for group in groups if group.hits or group.rest]


def _places(entry: Entry) -> tuple[str, str]:
    return entry.stored.unit, entry.stored.provider


def _group(
    chart: Chart, filters: Filters, key: str, leaf: Leaf, wanted: tuple[Term, ...], *, alone: bool
) -> Group:
    path = chart.path("search")
    only = replace(filters, kinds=(key,))
    rest = (only.address(path, cursor=leaf.next) if alone else only.address(path)) if leaf.next else ""
    notes = {one.resource["id"] for one in leaf.entries if one.resource["resourceType"] == "Composition"}
    hits = tuple(
        _hit(chart, one, wanted)
        for one in leaf.entries
        if one.resource["resourceType"] != "QuestionnaireResponse" or one.resource["id"] not in notes
    )
    return Group(key, chart.translator.gettext(BY_KEY[key].title), hits, rest)


def _hit(chart: Chart, entry: Entry, wanted: tuple[Term, ...]) -> Hit:
    line = describe(entry.resource, chart.translator, chart.directory)
    unit, provider = (chart.directory.unit(each) for each in _places(entry))
    # What stands in the line itself is marked there and not quoted once more.
    quoted = [
        each for each in quotations(entry.resource, wanted) if each.text not in (line.what, line.detail)
    ]
    return Hit(
        line, marked(line.what, wanted), unit, provider, tuple(quoted[:AT_MOST]), len(quoted[AT_MOST:])
    )
