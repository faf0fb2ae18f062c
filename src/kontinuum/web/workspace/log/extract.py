"""The extract of the log for a patient, as a page and as PDF (patientdatalagen (2008:355) 8:5).

It tells unit and time in words that a patient can judge; staff are named when the settings say so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from starlette.responses import RedirectResponse, Response

from kontinuum.audit import words
from kontinuum.kernel.clock import from_micros
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.principal import ActorKind
from kontinuum.record.logbook import may_review
from kontinuum.record.outcome import Refusal
from kontinuum.web.workspace.log.common import field, learn_units, persons
from kontinuum.web.workspace.log.pdf import extract_pdf
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.patients import find_patients

_EXPLANATION = message("The log is read under an assignment whose purpose is supervision.")


@dataclass(frozen=True, slots=True)
class ExtractLine:
    """One line of an extract; `when` is the day with the time or times."""

    when: str
    unit: str
    provider: str
    who: str
    said: str


async def show_extract_search(page: Page) -> Response:
    """Answer GET `/log/extract`: whose extract is wanted."""
    if not may_review(page.session.principal):
        return page.problem(HTTPStatus.FORBIDDEN, [page.translator.gettext(_EXPLANATION)])
    return page.render("pages/log_extract.html", {"people": None, "q": "", "advice": ""})


async def find_patient(page: Page) -> Response:
    """Answer POST `/log/extract`: the patients that fit, or at once the extract of the only one."""
    if not may_review(page.session.principal):
        return page.problem(HTTPStatus.FORBIDDEN, [page.translator.gettext(_EXPLANATION)])
    text = field(await page.request.form(), "q", 100)
    found = await find_patients(page, text) if text else None
    people = found.people if found else ()
    if len(people) == 1 and found and not found.similar:
        return RedirectResponse(f"/log/extract/{people[0].id}", status_code=303)
    values = {"people": people, "q": text, "advice": found.advice if found else ""}
    return page.render("pages/log_extract.html", values)


async def patient_extract(page: Page) -> Response:
    """Answer `/log/extract/{patient}`."""
    return await _page(page, page.request.path_params["patient"], f"{page.request.url.path}/pdf")


async def patient_extract_pdf(page: Page) -> Response:
    """Answer `/log/extract/{patient}/pdf`."""
    return await _pdf(page, page.request.path_params["patient"])


async def own_extract(page: Page) -> Response:
    """Answer `/my-log`: the patient's own extract."""
    actor = page.session.principal.actor
    if actor.kind is not ActorKind.PATIENT:
        return page.problem(HTTPStatus.FORBIDDEN, [page.translator.gettext("This page is for patients.")])
    return await _page(page, actor.id, "/my-log/pdf")


async def own_extract_pdf(page: Page) -> Response:
    """Answer `/my-log/pdf`."""
    actor = page.session.principal.actor
    if actor.kind is not ActorKind.PATIENT:
        return page.problem(HTTPStatus.FORBIDDEN, [page.translator.gettext("This page is for patients.")])
    return await _pdf(page, actor.id)


async def _page(page: Page, patient: str, pdf: str) -> Response:
    values = await _extract(page, patient)
    if isinstance(values, Refusal):
        return page.refuse(values)
    return page.render("pages/extract.html", {**values, "pdf": pdf})


async def _pdf(page: Page, patient: str) -> Response:
    values = await _extract(page, patient)
    if isinstance(values, Refusal):
        return page.refuse(values)
    body = await asyncio.to_thread(extract_pdf, page.translator, values)
    day = local(page.services.clock.now()).date().isoformat()
    name = page.translator.gettext("log-extract")
    headers = {
        "content-disposition": f'attachment; filename="{name}-{day}.pdf"',
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    }
    return Response(body, media_type="application/pdf", headers=headers)


async def _extract(page: Page, patient: str) -> Mapping[str, object] | Refusal:
    """What both forms of the extract show."""
    principal = page.session.principal
    found = await page.services.record(principal).log.extract(patient)
    if isinstance(found, Refusal):
        return found
    lines = words.lines([one.entry for one in found.entries], page.translator)
    await learn_units(page, (name for line in lines for name in (line.unit, line.provider)))
    person = (await persons(page, [patient])).get(patient)
    directory, gettext = page.services.directory, page.translator.gettext
    settings = page.services.application.provider_settings
    providers = {line.provider for line in lines} or {principal.assignment.provider}
    names = {each: (await settings.of(each)).extract_names for each in providers}
    own = principal.actor.kind is ActorKind.PATIENT
    return {
        "patient_name": person.name if person else principal.actor.name if own else patient,
        "patient_number": person.number if person else "",
        "own": own,
        "provider": "" if own else principal.assignment.provider_name,
        "made": page.services.clock.now(),
        "names": any(names.values()),
        "complete": found.complete,
        "lines": [
            ExtractLine(
                _when(from_micros(line.first), from_micros(line.last)),
                directory.unit(line.unit) if line.unit.strip() else gettext("No unit"),
                directory.unit(line.provider) if line.provider else "",
                words.who(line, page.translator, names=names[line.provider], patient=patient),
                line.said,
            )
            for line in lines
        ],
    }


def _when(first: datetime, last: datetime) -> str:
    """`2026-03-02 10:15`, or from when to when."""
    begins, ends = local(first).isoformat(" ")[:16], local(last).isoformat(" ")[:16]
    if begins == ends:
        return begins
    return f"{begins}–{ends[11:] if begins[:10] == ends[:10] else ends}"
