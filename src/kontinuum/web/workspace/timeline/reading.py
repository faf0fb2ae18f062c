"""One entry to be read beside the timeline: its text, its values, by whom, and the way to its own page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from starlette.responses import Response

from kontinuum.fhir import json
from kontinuum.fhir.search.extract import extract
from kontinuum.fhir.swedish import Term, terms
from kontinuum.fhir.texts import pieces
from kontinuum.kernel.i18n import message
from kontinuum.record.outcome import Refusal, RefusalKind
from kontinuum.web.workspace.entries.parts import Part, parts_of
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.timeline.describing import Line, describe, quantity
from kontinuum.web.workspace.timeline.describing import parts_of as values_of
from kontinuum.web.workspace.timeline.opening import Opened, open_record
from kontinuum.web.workspace.timeline.quoting import Segment, marked

_NO_ENTRY: Final = message("There is no such entry in this patient's record.")
_WRITTEN: Final = ("Composition", "DocumentReference")
_RESULTS_AT_MOST: Final = 100


@dataclass(frozen=True, slots=True)
class Passage:
    """A heading and its text in segments."""

    heading: str
    segments: tuple[Segment, ...]


async def show(page: Page) -> Response:
    """Answer GET `/patient/{patient}/timeline/entry/{type}/{id}`; `q` are words to be marked."""
    name, identity = page.request.path_params["type"], page.request.path_params["id"]
    opened = await open_record(page, f"/timeline/entry/{name}/{identity}")
    if isinstance(opened, Response):
        return opened
    stored = await opened.record.read(name, identity)
    if isinstance(stored, Refusal) and stored.kind is not RefusalKind.NOT_FOUND:
        return page.refuse(stored)
    resource = {} if isinstance(stored, Refusal) or stored.body is None else json.loads(stored.body)
    if isinstance(stored, Refusal) or not resource or not await _is_of(opened, resource):
        return page.problem(HTTPStatus.NOT_FOUND, [page.translator.gettext(_NO_ENTRY)])
    chart = opened.chart
    await opened.learn({stored.unit, stored.provider})
    values = {
        "line": describe(resource, chart.translator, chart.directory),
        "unit": chart.directory.unit(stored.unit),
        "provider": chart.directory.unit(stored.provider),
        "passages": _passages(resource, terms(page.request.query_params.get("q", "")[:200]), opened),
        "codes": [each.text for each in pieces(resource) if each.code],
        "interval": _interval(resource, opened),
        "parts": values_of(resource, chart.translator),
        "results": await _results(opened, resource),
        "address": chart.path("entry", name, identity),
    }
    return await opened.render("timeline/entry.html", values)


async def _is_of(opened: Opened, resource: dict[str, Any]) -> bool:
    """Whether an entry is about the patient of the page, or another Patient that is the same person."""
    about = extract(resource).patient
    if about == opened.chart.patient:
        return True
    _, members = await opened.record.persons.members_of(opened.chart.patient)
    return about is not None and about in members


def _passages(resource: dict[str, Any], wanted: Sequence[Term], opened: Opened) -> list[Passage]:
    if resource["resourceType"] in _WRITTEN:
        found = [each for part in parts_of(resource, opened.chart.now) for each in _headed(part)]
    else:
        found = list(dict.fromkeys((each.heading, each.text) for each in pieces(resource) if not each.code))
    return [Passage(heading, marked(text, wanted)) for heading, text in found if heading or text]


def _headed(part: Part) -> list[tuple[str, str]]:
    """A part by the headings inside it, each with what stands below it."""
    found: list[tuple[str, list[str]]] = [(part.heading, [])]
    for block in part.blocks:
        if block.kind == "heading":
            found.append((block.text, []))
        else:
            found[-1][1].extend("\t".join(row) for row in block.rows)
            found[-1][1].extend([block.text] if block.text else [])
    return [(heading, "\n".join(texts)) for heading, texts in found]


def _interval(resource: dict[str, Any], opened: Opened) -> str:
    """The reference interval that came with a result."""
    for each in resource.get("referenceRange") or () if resource["resourceType"] == "Observation" else ():
        if each.get("text"):
            return str(each["text"])
        low, high = (quantity(each.get(end) or {}, opened.chart.translator) for end in ("low", "high"))
        return f"{low} - {high}" if low and high else f"≥ {low}" if low else f"≤ {high}"
    return ""


async def _results(opened: Opened, resource: dict[str, Any]) -> list[Line]:
    """The results that a report refers to."""
    if resource["resourceType"] != "DiagnosticReport":
        return []
    references = [str(each.get("reference") or "") for each in resource.get("result") or ()]
    ids = [each.partition("/")[2] for each in references if each.startswith("Observation/")]
    if not ids:
        return []
    patient = opened.chart.patient
    query = f"Observation?patient={patient}&_id={','.join(ids[:_RESULTS_AT_MOST])}&_count={_RESULTS_AT_MOST}"
    (found,) = await opened.reader.find_many([query])
    read = {one.id: json.loads(one.body) for one in found.matches if one.body}
    return [
        describe(read[each], opened.chart.translator, opened.chart.directory) for each in ids if each in read
    ]
