"""Doing what waits: signing one or many after they were read, countersigning, asking, handing over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from starlette.responses import Response

from kontinuum.fhir import json as fhir_json
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import ActionRequest, Chart, Refused
from kontinuum.kernel.numbers import whole
from kontinuum.record.outcome import Refusal
from kontinuum.record.tasks import (
    COUNTERSIGN,
    ORDER,
    OTHER,
    QUESTION,
    REFERRAL,
    SIGN,
    TASK,
    WORDS,
    Party,
    of_another,
)
from kontinuum.web.workspace.files import files_beside
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.patient import Person
from kontinuum.web.workspace.reading import PatientReader
from kontinuum.web.workspace.terms import PersonsTerms
from kontinuum.web.workspace.work.colleagues import choices, colleagues, recipients
from kontinuum.web.workspace.work.inbox import done_page, inbox_page, typed_words
from kontinuum.web.workspace.work.notes import Text, read
from kontinuum.web.workspace.work.tabs import draftings, people
from kontinuum.web.workspace.writing import PatientWriter

AT_MOST: Final = 100
DRAFT: Final = "draft"
_NO_RELATION: Final = message(
    "You have no care relation to this patient just now, so nothing was written. "
    "State it on the patient's chart."
)
_CHANGED: Final = message("The note was changed after it was shown. Read it again and sign it.")
_TO_A_PERSON: Final = message("A note is handed over to a person: the unit cannot sign it.")
_NOBODY: Final = message("Choose to whom.")
_UNSENT: Final = message(
    "What you have written to who asked is not handed over. Send it as an answer, or take it away."
)
_NOTHING: Final = message("Mark what is to be done first.")
_CANNOT: Final = message("This note is signed where it was written.")


@dataclass(frozen=True, slots=True)
class Item:
    """What a form names: what a note waits for, whose note, which version was read, and the Task behind.

    Of a draft `note` is its own id.
    """

    code: str
    patient: str
    note: str
    version: int
    task: str

    @property
    def is_note(self) -> bool:
        """Whether it is a note, which is read and signed."""
        return self.code in (SIGN, COUNTERSIGN) and bool(self.note)

    @property
    def text(self) -> str:
        """As it stands in forms."""
        return f"{self.code}/{self.patient}/{self.note}/{self.version}/{self.task}"


@dataclass(frozen=True, slots=True)
class Reading:
    """A note on the page that is read before signing."""

    item: Item
    person: Person | None
    text: Text


def parse(text: str) -> Item | None:
    """The item that a form or address names."""
    parts = text.split("/")
    if (
        len(parts) != 5
        or parts[0] not in (SIGN, COUNTERSIGN, TASK, QUESTION, WORDS, ORDER, REFERRAL, OTHER, DRAFT)
        or whole(parts[3], -1) < 0
    ):
        return None
    return Item(parts[0], parts[1], parts[2], whole(parts[3]), parts[4])


async def show_signing(page: Page) -> Response:
    """Answer GET `/inbox/sign`: the notes as text, each of which is signed unless its mark is taken away."""
    items = _items(page.request.query_params.getlist("item"))
    return await _signing_page(page, items)


async def read_marked(page: Page) -> Response:
    """Answer POST `/inbox/read`: the notes that are marked in the list, to be read and signed."""
    items = [one for one in _items((await page.request.form()).getlist("item")) if one.is_note]
    if not items:
        return await inbox_page(page, of_unit=False, problems=[page.translator.gettext(_NOTHING)], status=422)
    return await _signing_page(page, items)


async def _signing_page(
    page: Page, items: Sequence[Item], problems: Sequence[str] = (), status: int = 200
) -> Response:
    record: Any = page.services.record(page.session.principal)
    found = await record.read_many([f"Composition/{one.note}" for one in items]) if items else {}
    known = await people(page, (one.patient for one in items))
    readings, missing = [], []
    for one in items:
        stored = found.get(f"Composition/{one.note}")
        text = read(stored.body) if stored is not None and stored.body else None
        if text is None or text.patient != one.patient:
            missing.append(one)
        else:
            shown = replace(one, version=found[f"Composition/{one.note}"].version)
            readings.append(Reading(shown, known.get(one.patient), text))
    bodies = [found[f"Composition/{one.item.note}"].body for one in readings]
    files = await files_beside(page, [fhir_json.loads(body) for body in bodies])
    values = {
        "readings": readings,
        "missing": missing,
        "problems": problems,
        "files": files,
        "words": await typed_words(page),
    }
    return page.render("work/sign.html", values, status)


async def sign(page: Page) -> Response:
    """Answer POST `/inbox/sign`: each note by itself; what could not be signed stays, with the reason."""
    items = [one for one in _items((await page.request.form()).getlist("item")) if one.is_note]
    if not items:
        return await inbox_page(page, of_unit=False, problems=[page.translator.gettext(_NOTHING)], status=422)
    left: list[Item] = []
    problems: list[str] = []
    for one in items:
        reasons = await _sign(page, one)
        if reasons:
            left.append(one)
            problems += reasons
    if left:
        return await _signing_page(page, left, problems, HTTPStatus.CONFLICT)
    return await done_page(page, "signed", len(items), of_unit=False)


async def _sign(page: Page, item: Item) -> Sequence[str]:
    services = page.services
    record: Any = services.record(page.session.principal)
    stored = (await record.read_many([f"Composition/{item.note}"])).get(f"Composition/{item.note}")
    other = of_another(read(stored.body).patient, item.patient) if stored is not None else None
    if other is not None:
        return other.in_words(page.translator)
    if stored is None or stored.version != item.version:
        return [page.translator.gettext(_CHANGED)]
    if item.code == COUNTERSIGN:
        done = await record.work.countersign(item.note, item.version)
        return done.in_words(page.translator) if isinstance(done, Refusal) else ()
    stands = await record.standing(item.patient)
    if not stands.related:
        return [page.translator.gettext(_NO_RELATION)]
    chart = Chart(item.patient, services.clock.now(), page.translator, services.directory)
    fields = {"note": (item.note,), "version": (str(item.version),)}
    reader, writer = PatientReader(record, chart), PatientWriter(record, chart)
    request = ActionRequest(
        chart, reader, writer, fields, page.session.principal, PersonsTerms(page), record.agenda
    )
    for drafting in draftings(page):
        if drafting.sign is not None:
            refused = await drafting.sign(request)
            return refused.reasons if isinstance(refused, Refused) else ()
    return [page.translator.gettext(_CANNOT)]


async def hand_over(page: Page) -> Response:
    """Answer POST `/inbox/hand-over`: give a colleague what is marked, or the one whose button it was."""
    form = await page.request.form()
    only = form.get("only")
    items = _items([only] if only else form.getlist("item"))
    of_unit = form.get("of") == "unit"
    to = await recipient(page, str(form.get("to", "")))
    words = await typed_words(page)
    unsent = any(one.task in words for one in items)
    lacking = _NOBODY if to is None else _NOTHING if not items else _UNSENT if unsent else ""
    if to is None or lacking:
        return await inbox_page(
            page, of_unit=of_unit, problems=[page.translator.gettext(lacking)], status=422
        )
    record: Any = page.services.record(page.session.principal)
    problems: list[str] = []
    for one in items:
        if one.note and not to.is_person:
            problems.append(page.translator.gettext(_TO_A_PERSON))
            continue
        done = await _give(record.work, one, to)
        if isinstance(done, Refusal):
            problems += done.in_words(page.translator)
    if problems:
        return await inbox_page(page, of_unit=of_unit, problems=problems, status=409)
    return await done_page(page, "handed-over", len(items), of_unit=of_unit)


async def _give(work: Any, item: Item, to: Party) -> Any:
    if item.code == DRAFT:
        return await work.hand_draft(item.note, to, patient=item.patient)
    if item.code != SIGN and item.task:
        return await work.pass_on(item.task, to, patient=item.patient)
    return await work.give(item.code, item.note, to, patient=item.patient)


async def show_asking(page: Page) -> Response:
    """Answer GET `/inbox/ask?note=…`: the signed note, and whom to ask to countersign it."""
    return await _asking_page(page, page.request.query_params.get("note", ""))


async def _asking_page(page: Page, note: str, problems: Sequence[str] = (), status: int = 200) -> Response:
    record: Any = page.services.record(page.session.principal)
    stored = await record.read("Composition", note)
    if isinstance(stored, Refusal):
        return page.refuse(stored)
    text = read(stored.body)
    known = await people(page, [text.patient])
    values = {
        "note": note,
        "text": text,
        "person": known.get(text.patient),
        "colleagues": await choices(page, await colleagues(page)),
        "files": await files_beside(page, [fhir_json.loads(stored.body)]),
        "problems": problems,
    }
    return page.render("work/ask.html", values, status)


async def ask(page: Page) -> Response:
    """Answer POST `/inbox/ask`: ask a colleague to countersign."""
    form = await page.request.form()
    note = str(form.get("note", ""))
    to = await recipient(page, str(form.get("to", "")))
    if to is None or not to.is_person:
        return await _asking_page(page, note, [page.translator.gettext(_NOBODY)], 422)
    record: Any = page.services.record(page.session.principal)
    done = await record.work.give(COUNTERSIGN, note, to, patient=str(form.get("patient", "")))
    if isinstance(done, Refusal):
        return await _asking_page(page, note, done.in_words(page.translator), done.kind.value)
    return page.redirect(f"/inbox?did=asked&done=1&to={quote(to.name)}")


async def recipient(page: Page, reference: str) -> Party | None:
    """To whom something is given: the unit or somebody who works there; None for anybody else."""
    return next((one for one in await recipients(page) if one.reference == reference), None)


def _items(texts: Sequence[Any]) -> list[Item]:
    found = [parse(str(text)) for text in texts[:AT_MOST]]
    return list(dict.fromkeys(one for one in found if one is not None))
