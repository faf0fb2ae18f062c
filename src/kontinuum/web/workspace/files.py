"""Files over HTTP: a file of the record or of a draft is shown, and put beside a draft.

What a browser is told of a file is what the file is, by its first bytes when it was taken in, and nothing in
it can run: no page embeds it but as a picture or a sound.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from kontinuum.fhir import attachments, json
from kontinuum.fhir.attachments import File
from kontinuum.fhir.search.extract import extract
from kontinuum.kernel.i18n import message
from kontinuum.kernel.media import PICTURES, SOUNDS
from kontinuum.record.draft_files import ATTACHMENT, DICTATION, MIB, DraftFile, too_large
from kontinuum.record.outcome import Refusal
from kontinuum.web.workspace.access import concerns
from kontinuum.web.workspace.pages import Page, signed_in
from kontinuum.web.workspace.services import WorkspaceServices

_NO_FILE: Final = message("There is no such file in this patient's record.")
_NO_RELATION: Final = message(
    "You have no care relation to this patient just now, so nothing was written. "
    "State it on the patient's chart."
)
_OTHER_PURPOSE: Final = message("This page is not part of the purpose of your assignment.")
_AS_IT_IS: Final = "application/octet-stream"
_SHOWN: Final = frozenset({*PICTURES.values(), *SOUNDS.values()})
_RANGE: Final = re.compile(r"bytes=(\d{1,12})-(\d{0,12})")
_DROPPED_LIMITS: Final = 4
"""A sender who is not read to the end never sees the answer (RFC 9112 section 9.6): so many limits are."""


def file_routes(services: WorkspaceServices) -> list[BaseRoute]:
    """The routes of files of the record and of drafts."""
    draft = "/patient/{patient}/draft/{draft}/files"
    return [
        Route("/patient/{patient}/file/{id}", signed_in(services, show), methods=["GET"]),
        Route("/my-record/file/{id}", signed_in(services, show_own), methods=["GET"]),
        Route("/patient/{patient}/draft-file/{id}", signed_in(services, show_of_draft), methods=["GET"]),
        Route(draft, signed_in(services, related(attach)), methods=["POST"]),
        Route(f"{draft}/{{id}}", signed_in(services, related(change)), methods=["POST"]),
    ]


async def show(page: Page) -> Response:
    """Answer GET `/patient/{patient}/file/{id}`: the file behind a DocumentReference."""
    return await _of_record(page, page.request.path_params["patient"])


async def show_own(page: Page) -> Response:
    """Answer GET `/my-record/file/{id}`: a file of the own record."""
    return await _of_record(page, page.session.principal.actor.id)


async def _of_record(page: Page, patient: str) -> Response:
    record: Any = page.services.record(page.session.principal)
    stored = await record.read("DocumentReference", page.request.path_params["id"])
    document = json.loads(stored.body) if not isinstance(stored, Refusal) and stored.body else {}
    file = attachments.read(document)
    if file is None or extract(document).patient != patient:
        return page.problem(HTTPStatus.NOT_FOUND, [page.translator.gettext(_NO_FILE)])
    held = await record.read("Binary", file.content)
    binary = json.loads(held.body) if not isinstance(held, Refusal) and held.body else {}
    if not binary or extract(binary).patient != patient:
        return page.problem(HTTPStatus.NOT_FOUND, [page.translator.gettext(_NO_FILE)])
    return sent(page, base64.b64decode(binary.get("data") or ""), str(binary["contentType"]), file.name)


async def show_of_draft(page: Page) -> Response:
    """Answer GET `/patient/{patient}/draft-file/{id}`: a file of the own draft, or sound at the unit."""
    record: Any = page.services.record(page.session.principal)
    found = await record.files.read(page.request.path_params["patient"], page.request.path_params["id"])
    if isinstance(found, Refusal):
        return page.problem(HTTPStatus.NOT_FOUND, [page.translator.gettext(_NO_FILE)])
    file, content = found
    return sent(page, content, file.media_type, file.name)


async def files_beside(page: Page, entries: Iterable[Mapping[str, Any]]) -> dict[str, File]:
    """The files of notes and documents, as far as the person may read them, by the id of the document."""
    wanted: list[str] = []
    found: list[Mapping[str, Any]] = []
    for entry in entries:
        found += [entry] if entry.get("resourceType") == "DocumentReference" else []
        wanted += attachments.all_references(entry.get("section"))
    if wanted:
        record: Any = page.services.record(page.session.principal)
        read = await record.read_many([f"DocumentReference/{one}" for one in dict.fromkeys(wanted)])
        found += [json.loads(one.body) for one in read.values() if one.body]
    files = (attachments.read(one) for one in found)
    return {file.id: file for file in files if file is not None}


def sent(page: Page, content: bytes, media_type: str, name: str) -> Response:
    """A file as it leaves: pictures and sound are shown, all else is saved; a player may ask for a part."""
    shown = media_type in _SHOWN
    disposition = "inline" if shown else "attachment"
    headers = {
        "content-type": media_type if shown or media_type == "application/pdf" else _AS_IT_IS,
        "content-disposition": f"{disposition}; filename*=UTF-8''{quote(name, safe='')}",
        "content-security-policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
        "x-content-type-options": "nosniff",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "same-origin",
        "cache-control": "no-store",
        "accept-ranges": "bytes",
    }
    asked = _RANGE.fullmatch(page.request.headers.get("range", ""))
    if asked is None:
        return Response(content, headers=headers)
    first, last = int(asked[1]), min(int(asked[2] or len(content)), len(content) - 1)
    if first > last:
        headers["content-range"] = f"bytes */{len(content)}"
        return Response(b"", HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers)
    headers["content-range"] = f"bytes {first}-{last}/{len(content)}"
    return Response(content[first : last + 1], HTTPStatus.PARTIAL_CONTENT, headers)


Handler = Callable[[Page], Awaitable[Response]]


def related(handler: Handler) -> Handler:
    """A deed of staff in care that needs a care relation, as all writing does."""

    async def act(page: Page) -> Response:
        record: Any = page.services.record(page.session.principal)
        if not concerns(page):
            return _told(page, [page.translator.gettext(_OTHER_PURPOSE)], HTTPStatus.FORBIDDEN)
        if not (await record.standing(page.request.path_params["patient"])).related:
            return _told(page, [page.translator.gettext(_NO_RELATION)], HTTPStatus.FORBIDDEN)
        return await handler(page)

    return act


async def attach(page: Page) -> Response:
    """Answer POST `/patient/{patient}/draft/{draft}/files?name=…&kind=…`: the body is the file itself."""
    names = page.request.path_params
    asked = page.request.query_params
    if page.request.headers.get("content-type") != _AS_IT_IS:
        return _told(page, [f"Content-Type must be {_AS_IT_IS}."], HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    kind = DICTATION if asked.get("kind") == DICTATION else ATTACHMENT
    provider = page.session.principal.assignment.provider
    settings = await page.services.application.provider_settings.of(provider)
    content = await _body(page, settings.attachment_mb * MIB)
    record: Any = page.services.record(page.session.principal)
    name = asked.get("name", "")
    added = (
        too_large(name, settings)
        if content is None
        else await record.files.attach(names["patient"], names["draft"], kind, name, content)
    )
    if isinstance(added, Refusal):
        return _told(page, added.in_words(page.translator), added.kind.value)
    return JSONResponse(told(names["patient"], added), headers={"cache-control": "no-store"})


async def _body(page: Page, most: int) -> bytes | None:
    """The body of a request; None when it is longer than the most, which is all that is ever held of it."""
    parts: list[bytes] = []
    length = 0
    async for part in page.request.stream():
        length += len(part)
        if length <= most:
            parts.append(part)
        else:
            parts.clear()
            if length > _DROPPED_LIMITS * most:
                break
    return None if length > most else b"".join(parts)


async def change(page: Page) -> Response:
    """Answer POST `/patient/{patient}/draft/{draft}/files/{id}`: describe a file; `do=remove` removes it."""
    names = page.request.path_params
    form = await page.request.form()
    record: Any = page.services.record(page.session.principal)
    if form.get("do") == "remove":
        done = await record.files.remove(names["patient"], names["id"])
    else:
        heading, text = (str(form.get(name, "")) for name in ("heading", "text"))
        done = await record.files.describe(names["patient"], names["id"], heading, text)
    if isinstance(done, Refusal):
        return _told(page, done.in_words(page.translator), done.kind.value)
    return JSONResponse({}, headers={"cache-control": "no-store"})


def told(patient: str, file: DraftFile) -> dict[str, object]:
    """A file of a draft, as the writing pane's script shows it."""
    shown = File(file.id, file.name, file.description, file.media_type, file.size, file.id)
    return {
        "id": file.id,
        "kind": file.kind,
        "name": file.name,
        "size": file.size,
        "picture": shown.is_picture,
        "address": f"/patient/{quote(patient, safe='')}/draft-file/{file.id}",
    }


def _told(page: Page, reasons: Any, status: int) -> Response:
    return JSONResponse({"refused": list(reasons)}, status, headers={"cache-control": "no-store"})
