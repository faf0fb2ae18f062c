"""What is typed in a form beside the chart is kept, and goes on at another workstation.

It is a draft like those of notes, one for each form: its template's name is `form:` and what the form calls
itself in `data-kept`, which is its page below the patient's, with which of the page's forms behind a `#`.
It holds the fields as (name, value), in their order and letter for letter. The token of the form is among
them, so that the same form sent from two workstations is done once.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

from starlette.responses import JSONResponse, Response

from kontinuum.fhir import json as fhir_json
from kontinuum.kernel.clock import from_micros
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import Drafting, RecordReader, Route
from kontinuum.kernel.numbers import whole
from kontinuum.record import Record
from kontinuum.record.drafts import OF_FORM, Draft
from kontinuum.record.outcome import Refusal, RefusalKind
from kontinuum.web.workspace.access import barred
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.typed import form_of

MOST: Final = 500_000
"""So many bytes may what is kept of a form take."""
NOT_KEPT: Final = frozenset({"csrf", "patient", "kept"})
"""Fields of the session, of the page and of the keeping itself."""

TASK: Final = "tasks/new"
"""The form for a task or question: the shell's own, also at an address without its patient's."""
_TASKS_TITLE: Final = message("New task or question")

_ABOUT: Final = ("id", "of")
"""What says in an address which entry a page is about: a form about one is never filled in for another."""
_NAME: Final = re.compile(r"[a-z-]+/[a-z-]+(\?[^#\s]{1,300})?(#[a-z-]+)?")
_NO_FORM: Final = message("There is no such form.")
_TOO_MUCH: Final = message("There is more in the form than can be kept.")
_WRITTEN_ON: Final = message(
    "You have written on in this form in another window, and nothing was sent. Fetch what stands there first."
)


class Sent(NamedTuple):
    """What a form says of how it is kept: the draft and its version; `resumed`: nothing is typed since."""

    draft: str
    version: int
    resumed: bool


# On pages


async def forms_of(page: Page, record: Record, patient: str, path: str) -> list[dict[str, Any]]:
    """What is kept of the forms of a page, in full; each is opened as a draft is."""
    begun = await record.work.begun()
    found = []
    for one in begun:
        if one.patient == patient and _stands_on(one.template, path, page.request.query_params):
            draft = await record.draft(patient, one.template)
            if draft is not None and not isinstance(draft, Refusal):
                found.append(_told(page, draft, fields=_content(draft)["fields"], resumed=True))
    return found


async def sent_with(page: Page) -> Sent | None:
    """What the form that was sent says of how it is kept; None where nothing of it is."""
    said = (await form_of(page.request)).get("kept")
    draft, _, rest = said.partition("/") if isinstance(said, str) else ("", "", "")
    version, _, resumed = rest.partition("/")
    return Sent(draft, whole(version), resumed == "resumed") if draft else None


async def written_on(page: Page, record: Record, patient: str, sent: Sent | None) -> Response | None:
    """The refusal of a form on which was written in another window since: its sender has not seen that."""
    stands = await record.known_draft(patient, sent.draft) if sent is not None else None
    if sent is None or stands is None or stands.version <= sent.version:
        return None
    return page.problem(HTTPStatus.CONFLICT, [page.translator.gettext(_WRITTEN_ON)])


async def form_again(page: Page, record: Record, patient: str, sent: Sent | None) -> list[dict[str, Any]]:
    """What a form that comes back goes on being kept as; what was typed stands in it."""
    stands = await record.known_draft(patient, sent.draft) if sent is not None else None
    return [] if sent is None or stands is None else [_told(page, stands, fields=None, resumed=sent.resumed)]


def drafting(page: Page) -> Drafting:
    """How what is kept of forms is called among drafts, and where it is written on."""

    async def none(record: RecordReader, places: tuple[str, ...], now: datetime) -> Sequence[tuple[str, str]]:
        return ()

    async def titles(record: RecordReader, templates: Collection[str]) -> Mapping[str, str]:
        known = {TASK: _TASKS_TITLE} | {path: route.title for path, route in _routes(page)}
        named = {one: _path(one) for one in templates if one.startswith(OF_FORM)}
        return {one: page.translator.gettext(known[path]) for one, path in named.items() if path in known}

    return Drafting(none, titles, _page)


# Deeds


async def keep(page: Page) -> Response:
    """Answer POST `/patient/{patient}/kept`: keep the fields of a `form` over a `version`, 0 for the first.

    A `window` counts its savings in `turn`, so that one whose answer was lost can be sent once more. Where
    another window was first nothing is kept, and `there` says since when something stands there.
    """
    form = await form_of(page.request)
    said = {name: str(form.get(name, "")) for name in ("form", "fields", "window", "turn", "version")}
    fields = _read(said["fields"])
    route = dict(_routes(page)).get(_path(OF_FORM + said["form"]))
    known = route is not None or said["form"] == TASK
    if not known or fields is None or not _NAME.fullmatch(said["form"]):
        return page.problem(HTTPStatus.UNPROCESSABLE_ENTITY, [page.translator.gettext(_NO_FORM)])
    reason = barred(page, route) if route is not None else ""
    if reason:
        return page.problem(HTTPStatus.FORBIDDEN, [page.translator.gettext(reason)])
    kept = {"window": said["window"][:100], "turn": whole(said["turn"]), "fields": fields}
    content = fhir_json.dumps(kept)
    if len(content) > MOST:
        return page.problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, [page.translator.gettext(_TOO_MUCH)])
    template, version = OF_FORM + said["form"], whole(said["version"])
    record = page.services.record(page.session.principal)
    saved: Draft | Refusal = await record.save_draft(_patient(page), template, content, version)
    if isinstance(saved, Refusal) and saved.kind is RefusalKind.CONFLICT:
        stands = await record.draft(_patient(page), template)
        if stands is None or isinstance(stands, Refusal):
            return _answer(page, {"there": ""})
        before = _content(stands)
        if before["window"] != kept["window"]:
            return _answer(page, {"there": _clock(page, stands)})
        # The window's own, whose answer was lost on the way: a later turn goes over it.
        newer = kept["turn"] > before["turn"]
        saved = (
            await record.save_draft(_patient(page), template, content, stands.version) if newer else stands
        )
    if isinstance(saved, Refusal):
        return page.refuse(saved)
    return _answer(page, _told(page, saved, fields=None, resumed=False))


async def drop(page: Page) -> Response:
    """Answer POST `/patient/{patient}/kept/drop`: what is kept of a form is put aside, for a day."""
    record = page.services.record(page.session.principal)
    identity = str((await form_of(page.request)).get("draft", ""))
    done = await record.discard_draft(_patient(page), identity)
    return page.refuse(done) if isinstance(done, Refusal) else _answer(page, {"draft": done.id})


async def restore(page: Page) -> Response:
    """Answer POST `/patient/{patient}/kept/restore`: what was put aside is taken back."""
    record = page.services.record(page.session.principal)
    identity = str((await form_of(page.request)).get("draft", ""))
    done = await record.restore_draft(_patient(page), identity)
    if isinstance(done, Refusal):
        return page.refuse(done)
    return _answer(page, _told(page, done, fields=_content(done)["fields"], resumed=True))


# What a form is called


def _page(template: str) -> str:
    return template.removeprefix(OF_FORM).partition("#")[0]


def _path(template: str) -> str:
    return _page(template).partition("?")[0]


def _stands_on(template: str, path: str, asked: Mapping[str, str]) -> bool:
    """Whether a form is one of a page: of its path, and about the entry that the address names."""
    if not template.startswith(OF_FORM) or _path(template) != path:
        return False
    named = dict(parse_qsl(_page(template).partition("?")[2]))
    about = {name: asked[name] for name in _ABOUT if asked.get(name)}
    return about.keys() <= named.keys() and all(asked.get(name) == value for name, value in named.items())


def _routes(page: Page) -> Iterator[tuple[str, Route]]:
    """The pages that stand beside the chart, by their path below the patient's."""
    for module in page.services.modules:
        yield from ((f"{module.name}/{route.path}", route) for route in module.routes if route.beside)


# What is told


def _read(text: str) -> list[list[str]] | None:
    """The fields of a form as its page's script sends them; None where it is nothing of the kind."""
    try:
        found = fhir_json.loads(text)
    except ValueError:
        return None
    pairs: Iterable[Any] = found if isinstance(found, list) else [None]
    read = [one for one in pairs if isinstance(one, list) and [*map(type, one)] == [str, str]]
    return [one for one in read if one[0] not in NOT_KEPT] if len(read) == len([*pairs]) else None


def _content(draft: Draft) -> dict[str, Any]:
    found: dict[str, Any] = fhir_json.loads(draft.content)
    return found


def _told(page: Page, draft: Draft, *, fields: list[list[str]] | None, resumed: bool) -> dict[str, Any]:
    return {
        "form": draft.template.removeprefix(OF_FORM),
        "draft": draft.id,
        "version": draft.version,
        "at": _clock(page, draft),
        "fields": fields,
        "resumed": resumed,
    }


def _clock(page: Page, draft: Draft) -> str:
    """When it was kept: the time of day, with the day where that is another."""
    kept = from_micros(draft.updated)
    today = local(kept).date() == local(page.services.clock.now()).date()
    return page.translator.clock(kept) if today else page.translator.moment(kept)


def _answer(page: Page, told: Mapping[str, Any]) -> Response:
    return JSONResponse({"patient": _patient(page), **told}, headers={"cache-control": "no-store"})


def _patient(page: Page) -> str:
    return str(page.request.path_params["patient"])
