"""The journal's pages: templates and drafts to choose from, and the way into the writing pane."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import quote

from kontinuum.care.journal import fields as typed_fields
from kontinuum.care.journal.arranging import arranged, queries
from kontinuum.care.journal.copying import copy
from kontinuum.care.journal.fields import CONTACT, Fields
from kontinuum.care.journal.finishing import finish
from kontinuum.care.journal.keeping import NO_TEMPLATE, contact_of, keep, moment_of, one_of, show_pane, stored
from kontinuum.care.journal.library import (
    MEASURED,
    Template,
    all_offered,
    all_templates,
    find,
    find_all,
    offered,
    query,
    shipped,
)
from kontinuum.care.journal.phrases import FILL
from kontinuum.care.journal.previewing import preview
from kontinuum.care.journal.reopening import NOT_TO_WRITE, goes_on_in, stored_fields, unsigned
from kontinuum.care.journal.saved import sign
from kontinuum.care.journal.sources import Source, digest_of, with_sources
from kontinuum.care.journal.surroundings import Surroundings, surroundings
from kontinuum.fhir.questionnaire import Prefilled, State, evaluate, prefill
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import (
    Action,
    ActionRequest,
    AuditKind,
    Chart,
    Drafting,
    Moved,
    NotFound,
    OverviewCard,
    PageRequest,
    Placement,
    RecordReader,
    Refused,
    ResultPage,
    Route,
    Told,
    View,
)
from kontinuum.kernel.principal import Purpose
from kontinuum.record.drafts import OF_NOTE

_DRAWN: Final = message("Drawn from the chart %(when)s")
_UNDRAWN: Final = message("This could not be drawn from the chart; look for it there. %(what)s")
_CARE: Final = frozenset({Purpose.CARE})
_FIRST: Final = 5
"""How many templates stand on the card; the others are folded below them."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A draft in the list of what is not finished."""

    id: str
    title: str
    address: str
    when: str


def card_queries(chart: Chart) -> tuple[str, ...]:
    """The card needs the templates of the care provider, and what says which of them fit."""
    return (query(chart.places), *queries(chart)) if chart.places else ()


def card(chart: Chart, pages: Sequence[ResultPage]) -> View:
    """Where writing begins: the templates for notes."""
    found = offered(chart.places, chart.now, pages[0]) if pages else all_templates()
    notes = [one for one in found if one.kind == "note"]
    fitting, rest, _ = arranged(chart, notes, pages[1:]) if pages else ([], notes, "")
    every = [*fitting, *rest]
    shown = {"fitting": fitting, "first": every[:_FIRST], "more": every[_FIRST:]}
    return View("journal/card.html", {**shown, "all": chart.path("journal", "write")})


async def write(request: PageRequest) -> View | NotFound:
    """Answer `journal/write`: the templates; with `template=` the pane, with `note=` an unsigned note's."""
    chosen, name = None, request.parameters.get("template")
    note = request.parameters.get("note") or (name or "").partition(OF_NOTE)[2]
    if name is None and not note:
        return await _choose(request)
    standing = await unsigned(request, note) if note else None
    if note and (standing is None or not standing.may_write(request.principal)):
        return NotFound(NOT_TO_WRITE)
    if standing is not None:
        chosen = await goes_on_in(request, standing)
    elif name is not None:
        chosen = await find(request.record, name)
    if chosen is None:
        return NotFound(NO_TEMPLATE)
    draft = await request.writer.draft(chosen.name)
    if isinstance(draft, Refused):
        return NotFound(draft.reasons[0])
    fields = {} if draft is None else stored(draft)
    contact = standing.contact if standing is not None and draft is None else contact_of(fields)
    around = await surroundings(
        request.record,
        request.chart,
        chosen.form,
        request.principal,
        contact,
        beginning=draft is None and standing is None,
    )
    taken: dict[str, str] = {}
    alert = ""
    if draft is None and standing is not None:
        fields = stored_fields(standing, chosen, around)
    elif draft is None:
        context = around.context(around.usual)
        begun = prefill(chosen.form, context)
        state = evaluate(chosen.form, begun.response, context)
        fields = typed_fields.from_state(state)
        fields = with_sources(fields, _drawn(request.chart, state, begun.drawn, fields))
        fields |= {CONTACT: [around.usual]} if around.usual else {}
        taken = {typed_fields.step_of(link): one.when for link, one in begun.taken.items()}
        alert = _undrawn(request.chart, chosen, begun, around)
    return await show_pane(
        request, around, chosen, fields, draft, taken=taken, alert=alert, standing=standing
    )


def _drawn(chart: Chart, state: State, links: Collection[str], fields: Fields) -> dict[str, Source]:
    """What is told of the answers that were drawn from the chart."""
    when = f"{local(chart.now):%Y-%m-%d %H:%M}"
    said = chart.translator.gettext(_DRAWN) % {"when": when}
    names = {typed_fields.place(one) for link in links for one in state.occurrences(link)} & fields.keys()
    return {name: Source("", said, digest_of(fields[name])) for name in names}


def _undrawn(chart: Chart, chosen: Template, begun: Prefilled, around: Surroundings) -> str:
    """What could not be drawn from the chart, and why."""
    gettext = chart.translator.gettext
    texts = {one.link_id: chosen.form.items[one.link_id].text for one in begun.problems if one.link_id}
    found = [f"{name}: {why}" for name, why in around.undrawn.items()]
    found += [f"{texts[one.link_id]}: {one.message}" for one in begun.problems if one.link_id]
    return gettext(_UNDRAWN) % {"what": "\n".join(found)} if found else ""


async def _choose(request: PageRequest) -> View | NotFound:
    found = await request.writer.drafts()
    if isinstance(found, Refused):
        return NotFound(found.reasons[0])
    begun = []
    known = await find_all(request.record, {draft.template for draft in found})
    for draft in found:
        one = known.get(draft.template)
        if one is not None:
            when = request.chart.translator.moment(moment_of(draft.updated))
            begun.append(Begun(draft.id, one.title, _address(request.chart, one), when))
    back = request.parameters.get("discarded", "")
    undo = {"identity": back} if back else None
    chart = request.chart
    templates = await all_offered(request.record, chart.places, chart.now)
    fitting, rest, contact = arranged(chart, templates, await request.record.find_many(queries(chart)))
    elsewhere = {name: chart.path(*path.split("/")) for name, path in MEASURED.items()}
    shown = {"fitting": fitting, "templates": rest, "contact": contact, "elsewhere": elsewhere}
    return View("journal/choose.html", {**shown, "begun": begun, "undo": undo})


def _address(chart: Chart, chosen: Template) -> str:
    return f"{chart.path('journal', 'write')}?template={quote(chosen.name)}"


async def discard(request: ActionRequest) -> View | NotFound | Moved | Told:
    """Answer `journal/discard`: put a draft aside, with the way back."""
    done = await request.writer.discard_draft(one_of(request, "draft"))
    address = request.chart.path("journal", "write")
    return Moved(address if isinstance(done, Refused) else f"{address}?discarded={done.id}")


async def restore(request: ActionRequest) -> View | NotFound | Moved | Told:
    """Answer `journal/restore`: take a discarded draft back and go on writing."""
    done = await request.writer.restore_draft(one_of(request, "draft"))
    if isinstance(done, Refused):
        return NotFound(message("The draft is gone, or another one of the same template is open."))
    return Moved(f"{request.chart.path('journal', 'write')}?template={quote(done.template)}")


async def _templates(
    record: RecordReader, places: tuple[str, ...], now: datetime
) -> Sequence[tuple[str, str]]:
    found = await all_offered(record, places, now)
    return [(one.name, one.title) for one in found if one.name not in MEASURED]


async def _titles(record: RecordReader, wanted: Collection[str]) -> Mapping[str, str]:
    return {name: one.title for name, one in (await find_all(record, wanted)).items()}


WRITING_CARD: Final = OverviewCard(
    anchor="journal",
    title=message("Write"),
    placement=Placement.READING,
    order=5,
    queries=card_queries,
    view=card,
)
WRITE: Final = Route("write", message("Write a note"), write, _CARE, AuditKind.READ, beside=True)
DRAFTING: Final = Drafting(
    templates=_templates,
    titles=_titles,
    path=lambda name: f"journal/write?template={quote(name)}",
    sign=sign,
    shipped=shipped,
    preview=preview,
    reopen=lambda note: f"journal/write?note={quote(note)}",
)
ACTIONS: Final = (
    Action("draft", message("Write a note"), keep, _CARE),
    Action("sign", message("Write a note"), finish, _CARE),
    Action("copy", message("Write a note"), copy, _CARE),
    Action("discard", message("Write a note"), discard, _CARE),
    Action("restore", message("Write a note"), restore, _CARE),
    FILL,
)
