"""The patient's own record: what is documented, and saying that an entry is wrong (rules 24, 27 and 29).

Whatever is shown and done is about the one who is signed in. What is kept back from the patient is left out
at the gate; a dissent is made and taken back through `record.text`, which decides and logs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from kontinuum.access.circumstances import Kind
from kontinuum.access.portal import GUARDIANS_UNTIL, OWN_ACCESS_FROM, decides, reached
from kontinuum.fhir import json
from kontinuum.fhir.search.extract import extract
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import Chart
from kontinuum.kernel.principal import ActorKind
from kontinuum.record.guarding import DISSENT, ENTRY_CODES, is_signed
from kontinuum.record.outcome import Refusal
from kontinuum.web.workspace.entries.page import dissents_about, state_of, title_of, who
from kontinuum.web.workspace.entries.parts import parts_of
from kontinuum.web.workspace.files import files_beside
from kontinuum.web.workspace.pages import Handler, Page, signed_in
from kontinuum.web.workspace.services import WorkspaceServices

A_PAGE: Final = 50

_FOR_PATIENTS: Final = message("This page is for patients.")
_NO_ENTRY: Final = message("There is no such entry in your record.")


@dataclass(frozen=True, slots=True)
class Standing:
    """What the law lets a patient do online: read, and decide. `from_day` is the sixteenth birthday."""

    reads: bool
    decides: bool
    deceased: bool
    child: bool
    from_day: str


@dataclass(frozen=True, slots=True)
class Line:
    """An entry in the list; `disputed` says that the patient holds it to be wrong."""

    address: str
    title: str
    day: str
    author: str
    unit: str
    signed: bool
    state: str
    disputed: bool


async def standing_of(page: Page) -> Standing:
    """How the patient who is signed in stands to the own record."""
    record = page.services.record(page.session.principal)
    known = (await record.standing(page.session.principal.actor.id)).circumstances
    today = int(f"{local(page.services.clock.now()):%Y%m%d}")
    decision = any(each.kind is Kind.DECISION for each in known.representations)
    of_age = decides(known, today)
    return Standing(
        reads=of_age or (decision and not known.deceased),
        decides=of_age,
        deceased=known.deceased,
        child=bool(known.born) and not reached(GUARDIANS_UNTIL, known.born, today),
        # Where the person's Patients disagree, the latest day holds, as in the law itself.
        from_day=_birthday(max(known.born, default=None)),
    )


def _birthday(born: int | None) -> str:
    """The day from which the patient decides alone; who is born on 29 February has it on 1 March."""
    if born is None:
        return ""
    year, month, day = born // 10_000 + OWN_ACCESS_FROM, born // 100 % 100, born % 100
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return date(year, 3, 1).isoformat()


def for_patients(handler: Handler) -> Handler:
    """Let a patient through, and nobody else."""

    async def guarded(page: Page) -> Response:
        if page.session.principal.actor.kind is not ActorKind.PATIENT:
            return page.problem(HTTPStatus.FORBIDDEN, [page.translator.gettext(_FOR_PATIENTS)])
        return await handler(page)

    guarded.__qualname__ = handler.__qualname__
    return guarded


async def show_record(page: Page) -> Response:
    """Answer GET `/my-record`: the notes, the latest first."""
    standing = await standing_of(page)
    values: dict[str, object] = {"standing": standing, "lines": (), "following": None}
    if standing.reads:
        chart = _chart(page)
        after = page.request.query_params.get("after", "")
        url = f"Composition?patient={chart.patient}&_sort=-date&_count={A_PAGE}"
        url += f"&_cursor={quote(after, safe='')}" if after else ""
        found = await page.services.record(page.session.principal).find(url)
        if isinstance(found, Refusal):
            return page.refuse(found)
        lines = await _lines(page, chart, found.matches, await _disputes(page, chart))
        values |= {"lines": lines, "following": found.next}
    return page.render("own/record.html", values)


async def show_entry(page: Page) -> Response:
    """Answer GET `/my-record/{type}/{id}`: one entry, and what the patient has said about it."""
    return await _entry(page)


async def dissent(page: Page) -> Response:
    """Answer POST `/my-record/{type}/{id}/dissent`: say what is wrong."""
    if await _own(page) is None:
        return page.problem(HTTPStatus.NOT_FOUND, [page.translator.gettext(_NO_ENTRY)])
    form = await page.request.form()
    text = str(form.get("dissent", "")).replace("\r\n", "\n")
    names = page.request.path_params
    done = await page.services.record(page.session.principal).text.dissent(names["type"], names["id"], text)
    return await _answer(page, done, text)


async def take_back(page: Page) -> Response:
    """Answer POST `/my-record/{type}/{id}/take-back/{dissent}`; that the dissent was made stays."""
    text = page.services.record(page.session.principal).text
    return await _answer(page, await text.withdraw_dissent(page.request.path_params["dissent"]))


def routes(services: WorkspaceServices) -> list[BaseRoute]:
    """The routes of the patient's own record."""
    entry = "/my-record/{type}/{id}"
    return [
        Route("/my-record", signed_in(services, for_patients(show_record)), methods=["GET"]),
        Route(entry, signed_in(services, for_patients(show_entry)), methods=["GET"]),
        Route(f"{entry}/dissent", signed_in(services, for_patients(dissent)), methods=["POST"]),
        Route(
            f"{entry}/take-back/{{dissent}}", signed_in(services, for_patients(take_back)), methods=["POST"]
        ),
    ]


async def _answer(page: Page, done: object, draft: str = "") -> Response:
    """Back to the entry; after a refusal with the reason and what was typed."""
    if isinstance(done, Refusal):
        return await _entry(page, " ".join(done.in_words(page.translator)), draft, done.kind.value)
    return page.redirect(_path(page.request.path_params["type"], page.request.path_params["id"]))


async def _entry(page: Page, problem: str = "", draft: str = "", status: int = HTTPStatus.OK) -> Response:
    stored = await _own(page)
    if stored is None:
        return page.problem(HTTPStatus.NOT_FOUND, [page.translator.gettext(_NO_ENTRY)])
    chart = _chart(page)
    disputes = await _disputes(page, chart)
    (line,) = await _lines(page, chart, [stored], disputes)
    values = {
        "line": line,
        "parts": parts_of(json.loads(stored.body), chart.now),
        "dissents": dissents_about(chart, disputes, stored.reference),
        "files": await files_beside(page, [json.loads(stored.body)]),
        "problem": problem,
        "draft": draft,
    }
    return page.render("own/entry.html", values, status)


async def _own(page: Page) -> Any | None:
    """The entry of the address, as the patient may see it, when it is in the own record."""
    names = page.request.path_params
    found = await page.services.record(page.session.principal).read(names["type"], names["id"])
    if isinstance(found, Refusal) or found.body is None:
        return None
    return found if extract(json.loads(found.body)).patient == page.session.principal.actor.id else None


async def _disputes(page: Page, chart: Chart) -> Sequence[Any]:
    """The patient's dissents, about whichever entry."""
    url = f"Communication?patient={chart.patient}&category={ENTRY_CODES}|{DISSENT}&_count=500"
    found = await page.services.record(page.session.principal).find(url)
    return () if isinstance(found, Refusal) else found.matches


async def _lines(page: Page, chart: Chart, found: Sequence[Any], disputes: Sequence[Any]) -> list[Line]:
    record = page.services.record(page.session.principal)
    await page.services.directory.learn(record, {one.unit for one in found})
    lines = []
    for one in found:
        resource = json.loads(one.body)
        about = dissents_about(chart, disputes, one.reference)
        lines.append(
            Line(
                address=_path(one.type, one.id),
                title=title_of(resource, page.translator),
                day=page.translator.day(resource.get("date") or resource.get("effectiveDateTime")),
                author=", ".join(filter(None, (who(chart, each) for each in resource.get("author") or ()))),
                unit=chart.directory.unit(one.unit),
                signed=is_signed(resource),
                state=state_of(resource, page.translator),
                disputed=not all(each.withdrawn for each in about),
            )
        )
    return lines


def _chart(page: Page) -> Chart:
    patient = page.session.principal.actor.id
    return Chart(patient, page.services.clock.now(), page.translator, page.services.directory)


def _path(type_name: str, logical_id: str) -> str:
    return f"/my-record/{type_name}/{logical_id}"
