"""Bringing in files of the staff directory: upload, see what would change, write it.

Between seeing and writing the file waits with the steps of sign-in, found by a secret that the form holds;
what is written is what was shown, or nothing.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

import msgspec
from starlette.datastructures import UploadFile
from starlette.responses import Response

from kontinuum.kernel.clock import to_micros
from kontinuum.kernel.i18n import message
from kontinuum.organisation import applying, files, plan
from kontinuum.organisation.files import Fault, Line
from kontinuum.organisation.model import Kind
from kontinuum.organisation.plan import Plan
from kontinuum.web.workspace.administration.shared import (
    fields_of,
    provider_of,
    record_of,
    said,
    today_of,
)
from kontinuum.web.workspace.pages import Page

LARGEST: Final = 4 * 1024 * 1024
SHOWN: Final = 300
FAULTS_SHOWN: Final = 50

_NO_FILE: Final = message("Choose a file first.")
_TOO_LARGE: Final = message(
    "The file is larger than 4 MB. Divide it, or have it brought in by the command "
    "kontinuum organisation import."
)
_OLD: Final = message(
    "What was shown has been written already, or is more than ten minutes old. Choose the file again."
)
_MEANWHILE: Final = message(
    "The directory has changed since this was shown. Look through it again; nothing is written."
)


class WaitingImport(msgspec.Struct, frozen=True):
    """A file that was looked at and may be written."""

    actor: str
    assignment: str
    name: str
    text: str
    complete: bool
    fingerprint: str


async def show_import(page: Page) -> Response:
    """Answer GET `/admin/import`."""
    return _form(page)


async def preview(page: Page) -> Response:
    """Answer POST `/admin/import`: what the file would change."""
    form = await page.request.form()
    upload = form.get("file")
    if not isinstance(upload, UploadFile) or not upload.filename:
        return _form(page, page.translator.gettext(_NO_FILE))
    data = await upload.read(LARGEST + 1)
    await upload.close()
    if len(data) > LARGEST:
        return _form(page, page.translator.gettext(_TOO_LARGE))
    return await _preview(page, upload.filename[:200], data, complete=form.get("complete") == "yes")


async def apply(page: Page) -> Response:
    """Answer POST `/admin/import/apply`: write what was shown."""
    fields = await fields_of(page)
    principal = page.session.principal
    waiting = await page.services.identity.steps.take(fields.get("step", ""), WaitingImport)
    if waiting is None or (waiting.actor, waiting.assignment) != (
        principal.actor.id,
        principal.assignment.id,
    ):
        return _form(page, page.translator.gettext(_OLD))
    data = waiting.text.encode()
    made = await _planned(page, waiting.name, data, waiting.complete)
    if not isinstance(made, Plan) or made.faults or made.fingerprint != waiting.fingerprint:
        text = page.translator.gettext(_MEANWHILE)
        return await _preview(page, waiting.name, data, complete=waiting.complete, problem=text)
    refusal = await applying.apply(
        record_of(page),
        made.to_write,
        now=to_micros(page.services.clock.now()),
        reason=f"Import: {waiting.name}",
    )
    page.services.identity.forget()
    if refusal:
        return page.refuse(refusal)
    return page.render("administration/imported.html", {"name": waiting.name, "counts": _counts(made)})


async def _preview(page: Page, name: str, data: bytes, *, complete: bool, problem: str = "") -> Response:
    made = await _planned(page, name, data, complete)
    faults = made if isinstance(made, list) else list(made.faults)
    if faults or not isinstance(made, Plan):
        values = {"faults": faults[:FAULTS_SHOWN], "number": len(faults), "name": name}
        return page.render("administration/import_faults.html", values, HTTPStatus.UNPROCESSABLE_ENTITY)
    at = page.session.principal
    waiting = WaitingImport(
        at.actor.id, at.assignment.id, name, data.decode("utf-8-sig"), complete, made.fingerprint
    )
    changes = [(change, said(page, change.fields, {})) for change in made.to_write[:SHOWN]]
    values = {
        "name": name,
        "step": await page.services.identity.steps.keep(waiting) if made.to_write else "",
        "counts": _counts(made),
        "changes": changes,
        "more": max(0, len(made.to_write) - SHOWN),
        "problem": problem,
    }
    return page.render(
        "administration/import_preview.html", values, HTTPStatus.CONFLICT if problem else HTTPStatus.OK
    )


async def _planned(page: Page, name: str, data: bytes, complete: bool) -> Plan | list[Fault]:
    today = today_of(page)
    read = list(files.read(name, data, today=today))
    faults = [each for each in read if isinstance(each, Fault)]
    if faults:
        return faults
    lines = [each for each in read if isinstance(each, Line)]
    record = record_of(page)
    directory = await (applying.whole(record) if complete else applying.look_up(record, lines))
    own = provider_of(page)
    return plan.make(lines, directory, today=today, complete=(own,) if complete else (), only=own)


def _counts(made: Plan) -> list[tuple[str, list[int]]]:
    counts = made.count()
    rows = [(kind.value, [counts[kind, what] for what in plan.What]) for kind in Kind]
    return [row for row in rows if any(row[1])]


def _form(page: Page, problem: str = "") -> Response:
    values = {"problem": problem, "columns": files.COLUMNS, "needed": files.NEEDED}
    status = HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK
    return page.render("administration/import.html", values, status)
