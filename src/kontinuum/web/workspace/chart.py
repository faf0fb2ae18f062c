"""The chart: one page about one patient, composed of what the modules contribute.

A card that fails says so on its place; it is never shown as empty.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import structlog
from markupsafe import Markup
from starlette.responses import Response

from kontinuum.fhir import json as fhir_json
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import (
    Action,
    ActionRequest,
    Chart,
    Module,
    Moved,
    NotFound,
    OverviewCard,
    PageRequest,
    Placement,
    ResultPage,
    Route,
    Told,
    View,
)
from kontinuum.kernel.principal import Purpose
from kontinuum.kernel.provider_settings import ProviderSettings
from kontinuum.record import Access, Record
from kontinuum.record.outcome import Refusal
from kontinuum.web.workspace.access import Strip, barred, concerns, opened_until, strip_of
from kontinuum.web.workspace.advice.asking import OrderAdvisers
from kontinuum.web.workspace.advice.showing import HOOK as PATIENT_VIEW
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.patient import Person, read_person
from kontinuum.web.workspace.persons.merged import Members, members, moved, with_links
from kontinuum.web.workspace.reading import PatientReader
from kontinuum.web.workspace.recent import remember_opened
from kontinuum.web.workspace.shaping import layout, shelf
from kontinuum.web.workspace.terms import PersonsTerms
from kontinuum.web.workspace.typed import form_of
from kontinuum.web.workspace.unit_pages import contact_parts
from kontinuum.web.workspace.work import kept
from kontinuum.web.workspace.work.tabs import Tab, open_tabs
from kontinuum.web.workspace.writing import PatientWriter

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ShownCard:
    """A card ready to be put on the page; `html` is None when it could not be made."""

    anchor: str
    title: str
    html: Markup | None


@dataclass(frozen=True, slots=True)
class Source:
    """A unit with entries among what the page shows, and how many of them."""

    name: str
    entries: int


async def show_chart(page: Page) -> Response:
    """Answer `/patient/{patient}`: the overview."""
    record = page.services.record(page.session.principal)
    known, habits, stands = await asyncio.gather(
        members(page), PersonsTerms(page).templates(), _standing(page, record, counting=True)
    )
    away = moved(page, known)
    if away is not None:
        return away
    chart = _chart_of(page, habits)
    modules = page.services.modules
    if stands is not None and not stands.related:
        modules = ()  # nothing may be shown, and nothing must look like an empty record
    reader = PatientReader(record, chart, [part for module in modules for part in module.banner])
    cards = sorted((card for module in modules for card in module.cards), key=lambda card: card.order)
    wanted = {card.anchor: card.queries(chart) for card in cards}

    queries = [query for queries in wanted.values() for query in queries] + _laid_out_in(page)
    strip, advised, _ = await asyncio.gather(
        _strip(page, record, stands), _advised(page, stands), reader.find_many(queries)
    )
    person = await _person(page, reader, chart, known)
    if isinstance(person, Refusal):
        return page.refuse(person)
    await page.services.directory.learn(record, reader.units())

    shown: dict[Placement, list[ShownCard]] = {placement: [] for placement in Placement}
    made: dict[str, ShownCard] = {}
    arranged = await _arranged(page, reader, cards)
    hidden = {one.anchor for one in arranged if not one.shown} if isinstance(arranged, tuple) else set()
    for card in cards:
        if card.anchor in hidden:
            continue
        answers = [*await reader.find_many(wanted[card.anchor])]
        rendered = render_card(page, chart, card, answers, withheld=strip is not None and strip.withholds)
        if rendered is not None:
            shown[card.placement].append(rendered)
            made[card.anchor] = rendered
    values = {
        "patient": person,
        "warnings": reader.banner_notes(),
        "cards": shown,
        "runs": layout.runs(arranged, made) if isinstance(arranged, tuple) else None,
        "gone": arranged if isinstance(arranged, layout.Gone) else None,
        "sources": _sources(page, reader),
        "read_at": chart.now,
        "access": strip,
        "beside": _beside(page),
        "advised": advised,
    }
    response = page.render("pages/chart.html", values)
    remember_opened(page, response, chart.patient)
    return response


def _laid_out_in(page: Page) -> list[str]:
    """The search for the layout of the unit at which the person works."""
    unit = page.session.principal.assignment.unit
    return [shelf.of_unit(layout.KIND, unit)] if unit else []


async def _arranged(
    page: Page, reader: PatientReader, cards: Sequence[OverviewCard]
) -> tuple[layout.Placed, ...] | layout.Gone | None:
    """How the unit has laid out the overview; None where it has not."""
    provider = page.session.principal.assignment.provider
    for answer in await reader.find_many(_laid_out_in(page)) if cards else ():
        for stored in answer.matches:
            tool = shelf.read(stored)
            if tool is not None and tool.provider == provider:
                return layout.laid_out(tool.content, cards)
    return None


async def _standing(page: Page, record: Record, *, counting: bool = False) -> Access | None:
    """How the reader stands to the patient; None for those for whom there are no steps to take."""
    patient = page.request.path_params["patient"]
    return await record.standing(patient, counting=counting) if concerns(page) else None


async def _advised(page: Page, stands: Access | None) -> bool:
    """Whether services of others are to be asked once the chart is there."""
    if stands is None or not stands.related:
        return False
    at, services = page.session.principal.assignment, page.services.application.advice.services
    return bool(await services.serving(at.provider, at.unit, PATIENT_VIEW))


def _beside(page: Page) -> str:
    """The address of the page that is to stand beside the chart; empty for none."""
    asked = page.request.query_params.get("beside", "")
    wanted = {f"{m.name}/{route.path}" for m in page.services.modules for route in m.routes if route.beside}
    return asked if asked.partition("?")[0] in {*wanted, kept.TASK} else ""


async def _strip(page: Page, record: Record, stands: Access | None) -> Strip | None:
    """The access strip: what exists and is not shown is counted while the cards are read."""
    if stands is None:
        return None
    return await strip_of(page, await record.access(page.request.path_params["patient"], stands))


def module_page(module: Module, route: Route) -> Callable[[Page], Awaitable[Response]]:
    """The handler of `/patient/{patient}/{module}/{path}`: a page, or a fragment for htmx."""

    async def show(page: Page) -> Response:
        translator = page.translator
        reason = barred(page, route)
        if reason:
            return page.problem(HTTPStatus.FORBIDDEN, [translator.gettext(reason)])
        known = await members(page)
        away = moved(page, known, f"/{module.name}/{route.path}")
        if away is not None:
            return away
        chart = _chart_of(page, await PersonsTerms(page).templates())
        record = page.services.record(page.session.principal)
        access: Access | None = await _standing(page, record)
        if access is not None and not access.related:
            # The chart offers the steps; a page of a module would look like an empty record.
            there = await record.read("Patient", chart.patient)
            return page.refuse(there) if isinstance(there, Refusal) else page.redirect(chart.path())
        banner = () if page.partial else [part for one in page.services.modules for part in one.banner]
        reader = PatientReader(record, chart, banner, page.services.directory.learn)
        writer = PatientWriter(record, chart)
        parameters = dict(page.request.query_params)
        principal = page.session.principal
        settings = await _decided(page)
        request = PageRequest(
            chart,
            reader,
            parameters,
            writer,
            principal,
            PersonsTerms(page),
            record.agenda,
            settings,
            contact_parts(page),
            OrderAdvisers(page, chart.patient),
        )
        view = await route.handler(request)
        person = await _person(page, reader, chart, known)
        if isinstance(person, Refusal):
            return page.refuse(person)
        if isinstance(view, NotFound):
            return page.problem(HTTPStatus.NOT_FOUND, [translator.gettext(view.message)])
        path = f"{module.name}/{route.path}"
        tabs = await open_tabs(page, chart, path) if route.beside else ()
        forms = await kept.forms_of(page, record, chart.patient, path) if route.beside and access else ()
        return _module_view(page, chart, reader, person, view, route.title, access, tabs, forms)

    return show


def module_action(module: Module, action: Action) -> Callable[[Page], Awaitable[Response]]:
    """The handler of a POST to `/patient/{patient}/{module}/{path}`."""

    async def act(page: Page) -> Response:
        translator = page.translator
        reason = barred(page, action)
        if reason:
            return page.problem(HTTPStatus.FORBIDDEN, [translator.gettext(reason)])
        chart = _chart_of(page)
        fields = await _fields(page)
        record = page.services.record(page.session.principal)
        access: Access | None = await _standing(page, record)
        if access is not None and not access.related:
            # Who has no care relation writes nothing; what stands on the open page is not lost by it.
            there = await record.read("Patient", chart.patient)
            reason = translator.gettext(_NO_RELATION)
            return page.refuse(there) if isinstance(there, Refusal) else page.problem(403, [reason])
        banner = [part for one in page.services.modules for part in one.banner]
        reader = PatientReader(record, chart, banner, page.services.directory.learn)
        person = await _person(page, reader, chart)
        if isinstance(person, Refusal):
            return page.refuse(person)
        sent = await kept.sent_with(page)
        refused = await kept.written_on(page, record, chart.patient, sent)
        if refused is not None:
            return refused
        writer = PatientWriter(record, chart)
        principal = page.session.principal
        settings = await _decided(page)
        request = ActionRequest(
            chart,
            reader,
            writer,
            fields,
            principal,
            PersonsTerms(page),
            record.agenda,
            settings,
            contact_parts(page),
            OrderAdvisers(page, chart.patient),
        )
        answer = await action.handler(request)
        if isinstance(answer, Told):
            headers = {"cache-control": "no-store"}
            body = fhir_json.dumps(dict(answer.values))
            return Response(body, answer.status, headers, media_type="application/json")
        if isinstance(answer, Moved):
            if sent is not None:
                await record.remove_draft(chart.patient, sent.draft)
            return page.redirect(answer.address)
        if isinstance(answer, NotFound):
            return page.problem(HTTPStatus.NOT_FOUND, [translator.gettext(answer.message)])
        tabs = await open_tabs(page, chart, "") if page.beside else ()
        forms = await kept.form_again(page, record, chart.patient, sent)
        return _module_view(page, chart, reader, person, answer, action.title, access, tabs, forms)

    return act


_NO_RELATION: Final = message(
    "You have no care relation to this patient just now, so nothing was written. "
    "State it on the patient's chart."
)


async def _decided(page: Page) -> ProviderSettings:
    reader = page.services.application.provider_settings
    return await reader.of(page.session.principal.assignment.provider)


async def _fields(page: Page) -> dict[str, tuple[str, ...]]:
    """The form's fields; line ends as they were typed, which a browser's own sending changes."""
    form = await form_of(page.request)
    fields: dict[str, tuple[str, ...]] = {}
    for name, value in form.multi_items():
        if isinstance(value, str):
            fields[name] = (*fields.get(name, ()), value.replace("\r\n", "\n"))
    return fields


def _module_view(
    page: Page,
    chart: Chart,
    reader: PatientReader,
    person: Person,
    view: View,
    title: str,
    access: Access | None,
    tabs: Sequence[Tab] = (),
    forms: Sequence[Mapping[str, object]] = (),
) -> Response:
    inside = "parts/beside.html" if page.beside else "parts/fragment.html"
    shared = {
        "tabs": tabs,
        "kept_forms": forms,
        "answered": page.request.method == "POST",
        "patient": person,
        "warnings": reader.banner_notes(),
        "title": page.translator.gettext(title),
        "chart": chart,
        "opened_until": opened_until(page, access),
        "layout": inside if page.partial else "parts/module_page.html",
    }
    return page.render(view.template, {**view.values, **shared})


def _chart_of(page: Page, habits: Mapping[str, int] | None = None) -> Chart:
    services = page.services
    return Chart(
        page.request.path_params["patient"],
        services.clock.now(),
        page.translator,
        services.directory,
        page.places,
        page.session.principal.actor.reference or "",
        habits or {},
    )


async def _person(
    page: Page, reader: PatientReader, chart: Chart, known: Members | None = None
) -> Person | Refusal:
    stored = await reader.patient()
    if isinstance(stored, Refusal):
        return stored
    person = read_person(stored.body or b"", local(chart.now).date(), chart.translator, chart.directory)
    return await with_links(page, person, known)


def render_card(
    page: Page, chart: Chart, card: OverviewCard, answers: Sequence[ResultPage], *, withheld: bool
) -> ShownCard | None:
    """One card; a fault in it is logged and takes no other card with it.

    `withheld` says that the record holds more than is shown: an empty card must not look like "nothing".
    """
    title = page.translator.gettext(card.title)
    try:
        view = card.view(chart, answers)
        if view is None:
            return None
        values = {
            **view.values,
            "chart": chart,
            "anchor": card.anchor,
            "title": title,
            "withheld": withheld,
            "csrf": page.session.csrf,
            "writes": page.session.principal.purpose is Purpose.CARE,
            "rights": page.session.principal.assignment.rights,
        }
        html = page.services.templates.render(page.translator.language, view.template, values)
    except Exception:
        _log.exception("card_failed", card=card.anchor)
        return ShownCard(card.anchor, title, None)
    return ShownCard(card.anchor, title, Markup(html))  # noqa: S704 - made by an escaping template


def _sources(page: Page, reader: PatientReader) -> list[Source]:
    """The units behind the page, the one with most entries first."""
    counted: Counter[str] = Counter()
    for unit, entries in Counter(reader.units()).items():
        if unit:
            counted[page.services.directory.unit(unit)] += entries
    return [Source(name, entries) for name, entries in counted.most_common()]
