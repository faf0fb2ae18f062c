"""The patient's own record: what is documented, own words to it, and saying that an entry is wrong.

Rules 24, 27 and 29. Whatever is shown and done is about the one who is signed in. What is kept back from the
patient is left out at the gate; a dissent and own words are made, changed and taken back through
`record.text`, which decides and logs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from kontinuum.kernel.clock import instant, to_micros
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import Chart
from kontinuum.kernel.numbers import whole
from kontinuum.kernel.principal import ActorKind
from kontinuum.record.guarding import is_signed
from kontinuum.record.outcome import Refusal
from kontinuum.record.own_words import ABOUT, Words, read_words, said_queries
from kontinuum.web.workspace.entries.page import dissents_about, state_of, title_of, who, words_about
from kontinuum.web.workspace.entries.parts import parts_of
from kontinuum.web.workspace.files import files_beside
from kontinuum.web.workspace.pages import Handler, Page, signed_in
from kontinuum.web.workspace.services import WorkspaceServices

A_PAGE: Final = 50
VISITS: Final = 10
_VISITS: Final = ("Appointment", "Encounter")

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
    """An entry in the list; `disputed` says that the patient holds it to be wrong.

    `coming` marks a visit that is still to come; `reason` is why it takes place.
    """

    address: str
    title: str
    day: str
    author: str
    unit: str
    signed: bool
    state: str
    disputed: bool
    reason: str
    coming: bool
    words: tuple[Words, ...]


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
    """Answer GET `/my-record`: the visits, and the notes, the latest first."""
    standing = await standing_of(page)
    values: dict[str, object] = {"standing": standing, "lines": (), "following": None, "visits": ()}
    if standing.reads:
        chart = _chart(page)
        after = page.request.query_params.get("after", "")
        url = f"Composition?patient={chart.patient}&_sort=-date&_count={A_PAGE}"
        url += f"&_cursor={quote(after, safe='')}" if after else ""
        found = await page.services.record(page.session.principal).find(url)
        if isinstance(found, Refusal):
            return page.refuse(found)
        said = await _said(page, chart)
        lines = await _lines(page, chart, found.matches, said)
        visits = () if after else await _lines(page, chart, await _visits(page, chart), said)
        values |= {"lines": lines, "following": found.next, "visits": visits}
    return page.render("own/record.html", values)


async def _visits(page: Page, chart: Chart) -> list[Any]:
    """The visits that are to come, the next first, and then the latest that were."""
    now = quote(instant(to_micros(chart.now)), safe="")
    states = "proposed,pending,booked"
    coming = f"Appointment?patient={chart.patient}&status={states}&date=ge{now}&_sort=date&_count={VISITS}"
    been = f"Encounter?patient={chart.patient}&status:not=planned,cancelled,entered-in-error&_sort=-date"
    record = page.services.record(page.session.principal)
    pages = await record.find_many([coming, f"{been}&_count={VISITS}"])
    return [one for each in pages for one in each.matches]


async def show_entry(page: Page) -> Response:
    """Answer GET `/my-record/{type}/{id}`: one entry, and what the patient has said about it."""
    return await _entry(page)


async def dissent(page: Page) -> Response:
    """Answer POST `/my-record/{type}/{id}/dissent`: say what is wrong."""
    if await _own(page) is None:
        return page.problem(HTTPStatus.NOT_FOUND, [page.translator.gettext(_NO_ENTRY)])
    text = await _typed(page, "dissent")
    names = page.request.path_params
    done = await page.services.record(page.session.principal).text.dissent(names["type"], names["id"], text)
    return await _answer(page, done, "dissent", text)


async def _typed(page: Page, name: str) -> str:
    return str((await page.request.form()).get(name, "")).replace("\r\n", "\n")


async def write_words(page: Page) -> Response:
    """Answer POST `/my-record/{type}/{id}/words`: write own words to it."""
    if await _own(page) is None:
        return page.problem(HTTPStatus.NOT_FOUND, [page.translator.gettext(_NO_ENTRY)])
    text, names = await _typed(page, "words"), page.request.path_params
    own = page.services.record(page.session.principal).text
    return await _answer(page, await own.write_words(names["type"], names["id"], text), "words", text)


async def change_words(page: Page) -> Response:
    """Answer POST `/my-record/{type}/{id}/words/{words}`: write them anew, or with `do` take them back."""
    form, words = await page.request.form(), page.request.path_params["words"]
    own = page.services.record(page.session.principal).text
    if form.get("do") == "take-back":
        return await _answer(page, await own.take_back_words(words))
    text, version = await _typed(page, "words"), str(form.get("version", ""))
    number = whole(version)
    return await _answer(page, await own.change_words(words, text, version=number), words, text)


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
        Route(f"{entry}/words", signed_in(services, for_patients(write_words)), methods=["POST"]),
        Route(f"{entry}/words/{{words}}", signed_in(services, for_patients(change_words)), methods=["POST"]),
    ]


async def _answer(page: Page, done: object, field: str = "", draft: str = "") -> Response:
    """Back to the entry; after a refusal with the reason, and what was typed in its field."""
    if isinstance(done, Refusal):
        problem = " ".join(done.in_words(page.translator))
        return await _entry(page, problem, {field: draft} if field else {}, done.kind.value)
    return page.redirect(_path(page.request.path_params["type"], page.request.path_params["id"]))


async def _entry(
    page: Page, problem: str = "", drafts: Mapping[str, str] | None = None, status: int = HTTPStatus.OK
) -> Response:
    stored = await _own(page)
    if stored is None:
        return page.problem(HTTPStatus.NOT_FOUND, [page.translator.gettext(_NO_ENTRY)])
    chart = _chart(page)
    said = await _said(page, chart)
    (line,) = await _lines(page, chart, [stored], said)
    visit = stored.type in _VISITS
    values = {
        "line": line,
        "visit": visit,
        "parts": () if visit else parts_of(json.loads(stored.body), chart.now),
        "dissents": dissents_about(chart, said.disputes, stored.reference),
        "files": await files_beside(page, [json.loads(stored.body)]),
        "may_write": stored.type in ABOUT,
        "problem": problem,
        "drafts": drafts or {},
    }
    return page.render("own/entry.html", values, status)


async def _own(page: Page) -> Any | None:
    """The entry of the address, as the patient may see it, when it is in the own record."""
    names = page.request.path_params
    found = await page.services.record(page.session.principal).read(names["type"], names["id"])
    if isinstance(found, Refusal) or found.body is None:
        return None
    return found if extract(json.loads(found.body)).patient == page.session.principal.actor.id else None


@dataclass(frozen=True, slots=True)
class Said:
    """What the patient has said, about whichever entry: the Communications, and the own words among them."""

    disputes: Sequence[Any]
    words: Sequence[Words]


async def _said(page: Page, chart: Chart) -> Said:
    record = page.services.record(page.session.principal)
    said, tasks = await record.find_many(said_queries(chart.patient))
    return Said(said.matches, read_words(said.matches, tasks.matches))


async def _lines(page: Page, chart: Chart, found: Sequence[Any], said: Said) -> list[Line]:
    record = page.services.record(page.session.principal)
    await page.services.directory.learn(record, {one.unit for one in found})
    lines = []
    for one in found:
        resource = json.loads(one.body)
        about = dissents_about(chart, said.disputes, one.reference)
        people = resource.get("author") or [
            each.get("individual") or each.get("actor") or {} for each in resource.get("participant") or ()
        ]
        reason = (resource.get("reasonCode") or [{}])[0].get("text") or ""
        lines.append(
            Line(
                address=_path(one.type, one.id),
                title=title_of(resource, page.translator),
                day=_when(page, resource),
                author=", ".join(
                    filter(None, (who(chart, each) for each in people if not _is_patient(each)))
                ),
                unit=chart.directory.unit(one.unit),
                signed=is_signed(resource),
                state=state_of(resource, page.translator),
                disputed=not all(each.withdrawn for each in about),
                reason=reason,
                coming=one.type == "Appointment",
                words=words_about(said.words, {f"{one.type}/{one.id}"}),
            )
        )
    return lines


def _when(page: Page, resource: Mapping[str, Any]) -> str:
    begins = resource.get("start") or (resource.get("period") or {}).get("start")
    if begins:
        return page.translator.moment(begins)
    return page.translator.day(resource.get("date") or resource.get("effectiveDateTime"))


def _is_patient(reference: Mapping[str, Any]) -> bool:
    return str(reference.get("reference", "")).startswith("Patient/")


def _chart(page: Page) -> Chart:
    patient = page.session.principal.actor.id
    return Chart(patient, page.services.clock.now(), page.translator, page.services.directory)


def _path(type_name: str, logical_id: str) -> str:
    return f"/my-record/{type_name}/{logical_id}"
