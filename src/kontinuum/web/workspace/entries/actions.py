"""What staff do to an entry on its page. A refusal keeps what was typed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, datetime, time, timedelta
from http import HTTPStatus
from typing import Any, Final

from starlette.responses import RedirectResponse, Response

from kontinuum.access.kept_back import Kind
from kontinuum.fhir import json
from kontinuum.fhir.search.extract import extract
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.numbers import whole
from kontinuum.kernel.principal import Purpose
from kontinuum.record.keeping_back import Place
from kontinuum.record.outcome import Refusal, RefusalKind
from kontinuum.record.text import EntryText
from kontinuum.web.workspace.entries.page import render
from kontinuum.web.workspace.entries.parts import with_texts
from kontinuum.web.workspace.pages import Handler, Page

_TEXT: Final = "text-"
_CHANGED: Final = message(
    "Somebody has changed the entry since you opened it. What you wrote stands below: compare with the "
    "entry as it is now, and save again."
)
_REASONLESS: Final = message("Write a reason. Whoever reads the entry later must understand why it was done.")
_NOT_CARE: Final = message("This page is not part of the purpose of your assignment.")
_UNREADABLE: Final = message("The form could not be read. Reload the page and try again.")

Form = dict[str, str]


def in_care(deed: Handler) -> Handler:
    """Let those through who care for patients; nothing is looked up for others."""

    async def act(page: Page) -> Response:
        if page.session.principal.purpose is not Purpose.CARE:
            return page.problem(HTTPStatus.FORBIDDEN, [page.translator.gettext(_NOT_CARE)])
        return await deed(page)

    act.__qualname__ = deed.__qualname__
    return act


async def _form(page: Page) -> Form:
    """The texts of the form; a browser sends line breaks as CR LF, and the reader typed a line break."""
    fields = (await page.request.form()).items()
    return {name: value.replace("\r\n", "\n") for name, value in fields if isinstance(value, str)}


def _version(form: Form) -> int:
    text = form.get("version", "")
    return whole(text)


def _path(text: str) -> tuple[int, ...] | None:
    steps = text.split(".") if text else []
    usable = all(step.isascii() and step.isdigit() and len(step) < 5 for step in steps)
    return tuple(map(int, steps)) if usable else None


async def correct(page: Page) -> Response:
    """Save other texts under some headings of a note, with the reason."""
    form = await _form(page)
    names = page.request.path_params
    record = page.services.record(page.session.principal)
    # The texts are set into the version that was read, so that nothing newer is undone unseen.
    read = await record.vread(names["type"], names["id"], _version(form))
    if isinstance(read, Refusal):
        return await _answer(page, form, read)
    texts: dict[tuple[int, ...], str] = {}
    for name, text in form.items():
        path = _path(name.removeprefix(_TEXT)) if name.startswith(_TEXT) else None
        if path:
            texts[path] = text
    changed = with_texts(json.loads(read.body), texts)
    reason, version = form.get("reason", ""), _version(form)
    return await _do(page, form, lambda text: text.correct(changed, reason, version=version))


async def withdraw(page: Page) -> Response:
    """Mark the entry as entered in error."""
    form = await _form(page)
    names = page.request.path_params
    reason, version = form.get("reason", ""), _version(form)
    return await _do(
        page, form, lambda text: text.withdraw(names["type"], names["id"], reason, version=version)
    )


async def dissent(page: Page) -> Response:
    """Note what the patient holds to be wrong."""
    form = await _form(page)
    names = page.request.path_params
    said = form.get("dissent", "")
    return await _do(page, form, lambda text: text.dissent(names["type"], names["id"], said))


async def keep_back(page: Page) -> Response:
    """Keep the entry, or one heading, back from the patient."""
    form = await _form(page)
    place, kind = _place(page, form), form.get("kind", "")
    try:
        until = _end_of(form.get("until", ""), page)
    except (ValueError, OverflowError):
        place, until = None, None
    if place is None or kind not in list(Kind):
        return await render(page, page.translator.gettext(_UNREADABLE), form, HTTPStatus.UNPROCESSABLE_ENTITY)
    reason = form.get("reason", "")
    return await _do(page, form, lambda text: text.keep_back(place, Kind(kind), reason, until=until))


async def lift(page: Page) -> Response:
    """Let the patient see it."""
    form = await _form(page)
    place = _place(page, form)
    if place is None:
        return await render(page, page.translator.gettext(_UNREADABLE), form, HTTPStatus.UNPROCESSABLE_ENTITY)
    return await _do(page, form, lambda text: text.lift(place, form.get("reason", "")))


def _place(page: Page, form: Form) -> Place | None:
    path = _path(form.get("place", ""))
    names = page.request.path_params
    return None if path is None else Place(names["type"], names["id"], _version(form), path)


def _end_of(text: str, page: Page) -> datetime | None:
    """The end of a day in Sweden, None where no day is given. Raises ValueError for what is no day."""
    if not text:
        return None
    zone = local(page.services.clock.now()).tzinfo
    return datetime.combine(date.fromisoformat(text) + timedelta(days=1), time.min, zone)


async def _do(page: Page, form: Form, deed: Callable[[EntryText], Awaitable[Any]]) -> Response:
    """Do it, if the entry is in the record of the patient whose page this is."""
    names = page.request.path_params
    record = page.services.record(page.session.principal)
    read = await record.read(names["type"], names["id"])
    if isinstance(read, Refusal):
        return await _answer(page, form, read)
    if extract(json.loads(read.body)).patient != names["patient"]:
        return await render(page)
    return await _answer(page, form, await deed(record.text))


async def _answer(page: Page, form: Form, done: Any) -> Response:
    """Back to the page; after a refusal at once, with what was typed."""
    names = page.request.path_params
    if not isinstance(done, Refusal):
        target = f"/patient/{names['patient']}/entry/{names['type']}/{names['id']}"
        return RedirectResponse(
            target, status_code=HTTPStatus.SEE_OTHER, headers={"cache-control": "no-store"}
        )
    if done.kind is RefusalKind.PRECONDITION_FAILED:
        return await render(page, page.translator.gettext(_CHANGED), form, HTTPStatus.CONFLICT)
    if not form.get("reason", "x").strip():
        return await render(page, page.translator.gettext(_REASONLESS), form, HTTPStatus.UNPROCESSABLE_ENTITY)
    return await render(page, " ".join(done.in_words(page.translator)), form, done.kind.value)
