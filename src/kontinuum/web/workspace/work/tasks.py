"""Giving a task, asking a question, saying what became of it, and being away."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from starlette.responses import Response

from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.numbers import whole
from kontinuum.record.outcome import Refusal
from kontinuum.record.tasks import DECLINED, DONE, QUESTION, TASK
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.work import kept
from kontinuum.web.workspace.work.colleagues import choices, recipients
from kontinuum.web.workspace.work.doing import Item, parse, recipient
from kontinuum.web.workspace.work.inbox import done_page, inbox_page, typed_words
from kontinuum.web.workspace.work.tabs import people

_NOBODY: Final = message("Choose to whom.")
_NO_DAY: Final = message("Write the day as year, month and day: 2026-12-31.")
_NOTHING: Final = message("This is not on the list any more.")
_NO_PATIENT: Final = message("There is no such patient in this record.")


async def show_new(page: Page) -> Response:
    """Answer GET `/inbox/new?patient=…`: what is to be done or asked, by whom and until when.

    Also at `/patient/{patient}/tasks/new`, where what was begun is gone on with beside the chart.
    """
    query = page.request.query_params
    patient = page.request.path_params.get("patient") or query.get("patient", "")
    forms = await kept.forms_of(page, page.services.record(page.session.principal), patient, kept.TASK)
    return await _new_page(page, patient, {"kind": query.get("kind", TASK)}, forms=forms)


async def _new_page(
    page: Page,
    patient: str,
    typed: dict[str, str],
    problems: Sequence[str] = (),
    status: int = 200,
    *,
    forms: Sequence[Mapping[str, Any]],
) -> Response:
    person = (await people(page, [patient] if patient else [])).get(patient)
    if person is None:
        return page.problem(HTTPStatus.NOT_FOUND, [page.translator.gettext(_NO_PATIENT)])
    values = {
        "person": person,
        "typed": {"kind": TASK, "text": "", "to": "", "due": "", **typed},
        "recipients": await choices(page, await recipients(page)),
        "today": local(page.services.clock.now()).date().isoformat(),
        "problems": problems,
        "kept_forms": forms,
        "answered": page.request.method == "POST",
    }
    return page.render("work/new_task.html", values, status)


async def make(page: Page) -> Response:
    """Answer POST `/inbox/new`: give the task or ask the question, and go back to the patient."""
    form = await page.request.form()
    typed = {name: str(form.get(name, "")) for name in ("kind", "text", "to", "due")}
    patient = str(form.get("patient", ""))
    to = await recipient(page, typed["to"])
    due = _day(typed["due"])
    gettext = page.translator.gettext
    problems = [gettext(_NOBODY)] if to is None else []
    problems += [gettext(_NO_DAY)] if typed["due"] and due is None else []
    record: Any = page.services.record(page.session.principal)
    sent = await kept.sent_with(page)
    stale = await kept.written_on(page, record, patient, sent)
    if stale is not None:
        return stale
    forms = await kept.form_again(page, record, patient, sent)
    if to is None or problems:
        return await _new_page(page, patient, typed, problems, HTTPStatus.UNPROCESSABLE_ENTITY, forms=forms)
    code = QUESTION if typed["kind"] == QUESTION else TASK
    done = await record.work.tasks.assign(code, patient, typed["text"].replace("\r\n", "\n"), to, due)
    if isinstance(done, Refusal):
        reasons = done.in_words(page.translator)
        return await _new_page(page, patient, typed, reasons, done.kind.value, forms=forms)
    if sent is not None:
        await record.remove_draft(patient, sent.draft)
    return page.redirect(f"/patient/{patient}#tasks")


async def finish(page: Page) -> Response:
    """Answer POST `/inbox/done`: the task is done, or the question answered."""
    return await _finish(page, DONE)


async def decline(page: Page) -> Response:
    """Answer POST `/inbox/decline`: it will not be done, and why."""
    return await _finish(page, DECLINED)


async def _finish(page: Page, status: str) -> Response:
    form = await page.request.form()
    item = parse(str(form.get("only", "")))
    word = (await typed_words(page)).get(item.task, "") if item else ""
    record: Any = page.services.record(page.session.principal)
    finish = record.work.tasks.finish
    done = await finish(item.task, item.version, status, word, patient=item.patient) if item else None
    return await _after(page, item, done, "done")


async def take_on(page: Page) -> Response:
    """Answer POST `/inbox/take-on`: who is told of what is late sees to it."""
    item = parse(str((await page.request.form()).get("only", "")))
    record: Any = page.services.record(page.session.principal)
    done = await record.work.take_on(item.task, item.version, patient=item.patient) if item else None
    return await _after(page, item, done, "taken")


async def acknowledge(page: Page) -> Response:
    """Answer POST `/inbox/answer-read`: the answer is read."""
    item = parse(str((await page.request.form()).get("only", "")))
    record: Any = page.services.record(page.session.principal)
    done = await record.work.acknowledge(item.task, item.version, patient=item.patient) if item else None
    return await _after(page, item, done, "read")


async def acknowledge_all(page: Page) -> Response:
    """Answer POST `/inbox/acknowledge`: what was shown is read; with `next` a task comes of it."""
    form = await page.request.form()
    item = parse(str(form.get("only", "") or form.get("next", "")))
    seen = str(form.get(f"seen:{item.task}", "")).split() if item else []
    record: Any = page.services.record(page.session.principal)
    acknowledge = record.work.orders.acknowledge
    done = await acknowledge(item.task, item.version, seen, patient=item.patient) if item else None
    if item is not None and form.get("next") and not isinstance(done, Refusal):
        return page.redirect(f"/inbox/new?patient={quote(item.patient, safe='')}")
    return await _after(page, item, done, "acknowledged")


async def _after(page: Page, item: Item | None, done: Any, did: str) -> Response:
    of_unit = (await page.request.form()).get("of") == "unit"
    if item is None:
        gone = [page.translator.gettext(_NOTHING)]
        return await inbox_page(page, of_unit=of_unit, problems=gone, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    if isinstance(done, Refusal):
        reasons = done.in_words(page.translator)
        return await inbox_page(page, of_unit=of_unit, problems=reasons, status=done.kind.value)
    back = str((await page.request.form()).get("back", ""))
    if re.fullmatch(rf"/patient/{re.escape(item.patient)}([/#?][\w/#?=.-]*)?", back, re.ASCII):
        return page.redirect(back)
    return await done_page(page, did, 1, of_unit=of_unit, sent=item.task)


async def be_away(page: Page) -> Response:
    """Answer POST `/inbox/away`: be away, covered by a colleague; or with `end` take it back."""
    form = await page.request.form()
    record: Any = page.services.record(page.session.principal)
    end = str(form.get("end", ""))
    if whole(end):
        await record.work.absences.end(whole(end))
        return page.redirect("/inbox?did=back&done=1")
    cover = await recipient(page, str(form.get("cover", "")))
    begins, ends = _day(str(form.get("begins", ""))), _day(str(form.get("ends", "")))
    gettext = page.translator.gettext
    problems = [gettext(_NOBODY)] if cover is None or not cover.is_person else []
    problems += [gettext(_NO_DAY)] if begins is None or ends is None else []
    if cover is None or begins is None or ends is None or problems:
        return await inbox_page(page, of_unit=False, problems=problems, status=422)
    done = await record.work.absences.state(cover, begins, ends)
    if isinstance(done, Refusal):
        reasons = done.in_words(page.translator)
        return await inbox_page(page, of_unit=False, problems=reasons, status=done.kind.value)
    return page.redirect("/inbox?did=away&done=1")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
