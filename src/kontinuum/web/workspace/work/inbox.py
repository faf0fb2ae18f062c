"""The list of what waits: for the person, or at the unit; each thing once, the oldest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from starlette.responses import Response

from kontinuum.kernel.clock import from_micros, to_micros
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.numbers import whole
from kontinuum.record.outcome import Refusal
from kontinuum.record.tasks import COUNTERSIGN, LATE_DAYS, LONGEST, SIGN, TRANSCRIBE
from kontinuum.record.waiting import Begun, Waiting, WaitingNote
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.patient import Person
from kontinuum.web.workspace.work.colleagues import choices, names, recipients
from kontinuum.web.workspace.work.listed import task_groups
from kontinuum.web.workspace.work.notes import Text, read
from kontinuum.web.workspace.work.tabs import Titles, draftings, people, titled


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the list.

    `item` names it in forms, empty for what can only be opened; `text` is None when it may not be read now.
    `changed` says that its author has written on after it was saved.
    """

    item: str
    title: str
    person: Person | None
    patient: str
    days: int
    since: str
    by: str
    asked_by: str
    owner: str
    text: Text | None
    address: str
    changed: bool = False
    instead: str = ""
    told: str = ""

    @property
    def late(self) -> bool:
        """Whether it has waited for too long."""
        return self.days >= LATE_DAYS


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that wait for the same."""

    key: str
    title: str
    rows: tuple[Row, ...]


async def show_inbox(page: Page) -> Response:
    """Answer GET `/inbox`: what waits for the person, with `of=unit` what waits at the unit.

    With `sent` what either has ordered and is not answered, in good time or not.
    """
    query = page.request.query_params
    return await inbox_page(page, of_unit=query.get("of") == "unit", sent_orders="sent" in query)


async def show_again(page: Page) -> Response:
    """Answer POST `/inbox`: the list as it is now, with what is typed in it."""
    of_unit = (await page.request.form()).get("of") == "unit"
    if not await typed_words(page):
        return page.redirect(f"/inbox{'?of=unit' if of_unit else ''}")
    return await inbox_page(page, of_unit=of_unit)


async def typed_words(page: Page) -> dict[str, str]:
    """What is typed to those who asked, by Task: every button of the list sends all of it."""
    form = await page.request.form()
    words = {name: str(word).replace("\r\n", "\n") for name, word in form.items() if name[:5] == "word:"}
    return {name[5:]: word for name, word in words.items() if word.strip()}


async def done_page(page: Page, did: str, number: int, *, of_unit: bool, sent: str = "") -> Response:
    """The list after a deed, with what is typed about other Tasks than `sent`."""
    if (await typed_words(page)).keys() - {sent}:
        return await inbox_page(page, of_unit=of_unit, did=did, done=number, sent=sent)
    return page.redirect(f"/inbox?did={did}&done={number}{'&of=unit' if of_unit else ''}")


async def inbox_page(
    page: Page,
    *,
    of_unit: bool,
    problems: Sequence[str] = (),
    status: int = 200,
    did: str = "",
    done: int = 0,
    sent: str = "",
    sent_orders: bool = False,
) -> Response:
    """The list, with what could not be done, and what is typed in it given back."""
    record: Any = page.services.record(page.session.principal)
    asked = to_micros(page.services.clock.now())
    work = record.work
    if sent_orders:
        found = await work.sent(of_unit=of_unit)
    else:
        found = await (work.of_unit() if of_unit else work.own())
    if isinstance(found, Refusal):
        return page.problem(found.kind.value, found.in_words(page.translator), found.provision)
    asked_done = page.request.query_params.get("done", "")
    values = {
        "of_unit": of_unit,
        "sent": sent_orders,
        "shown": asked,
        "groups": await groups(page, found, of_unit=of_unit),
        "complete": found.complete,
        "tasks": await task_groups(page, found, of_unit=of_unit),
        "colleagues": await choices(page, await recipients(page)),
        "told": [] if of_unit or sent_orders else await record.feedback.unread(),
        "away": await work.absences.own(),
        "today": local(page.services.clock.now()).date().isoformat(),
        "problems": problems,
        "done": done or (whole(asked_done)),
        "did": did or page.request.query_params.get("did", ""),
        "longest": LONGEST,
        "words": {task: word for task, word in (await typed_words(page)).items() if task != sent},
    }
    return page.render("work/inbox.html", values, status)


async def groups(page: Page, found: Waiting, *, of_unit: bool) -> list[Group]:
    """What was found, by what it waits for."""
    about = [one.patient for one in found.notes] + [one.patient for one in found.drafts]
    known = await people(page, about)
    begun = {one.id: one for one in found.drafts}
    noted = {one.note.id for one in found.notes}
    titles = await titled(page, {one.template for one in found.drafts})
    gettext = page.translator.gettext

    def rows_of(code: str = "", *, brought: bool = False) -> Iterator[Row]:
        for one in found.notes:
            if one.brought is brought and code in ("", one.code):
                draft = begun.get(one.note.id)
                yield _note_row(page, one, known.get(one.patient), draft, titles, of_unit=of_unit or brought)

    made = [Group("escalated-notes", gettext(_ESCALATED), tuple(rows_of(brought=True)))]
    for code, title in ((SIGN, _TO_SIGN), (COUNTERSIGN, _TO_COUNTERSIGN), (TRANSCRIBE, _TO_WRITE_OUT)):
        made.append(Group(code, gettext(title), tuple(rows_of(code))))
    # A draft that was saved into the record unsigned is there already, as the note.
    open_drafts = [one for one in found.drafts if one.id not in noted]
    writers = await names(page, {f"Practitioner/{one.owner}" for one in open_drafts} if of_unit else set())
    may = {one.id for one in open_drafts if one.id in found.handable and one.template in titles}
    rows = [_draft_row(page, one, known.get(one.patient), writers, titles, may) for one in open_drafts]
    return [*made, Group("draft", gettext(_DRAFTS), tuple(rows))]


_TO_SIGN: Final = message("To sign")
_TO_COUNTERSIGN: Final = message("To countersign")
_TO_WRITE_OUT: Final = message("Dictated, to be written out")
_ESCALATED: Final = message("Unsigned for too long at the unit")
_DRAFTS: Final = message("Begun, not finished")
_UNREADABLE: Final = message("Note that is not shown")
_UNKNOWN_DRAFT: Final = message("Draft")


def _note_row(
    page: Page, one: WaitingNote, person: Person | None, draft: Begun | None, titles: Titles, *, of_unit: bool
) -> Row:
    text = read(one.note.body) if one.note.body else None
    changed = draft is not None and draft.updated > one.note.updated
    own_draft = draft is not None and draft.owner == page.session.principal.actor.id
    item = f"{one.code}/{one.patient}/{one.note.id}/{one.note.version}/{one.task}"
    chart = f"/patient/{quote(one.patient, safe='')}"
    below = titles.get(draft.template, ("", ""))[1] if draft is not None and own_draft else ""
    if not below and (one.code == TRANSCRIBE or (one.code == SIGN and not one.task and not of_unit)):
        # Only its author goes on with a note, and who writes out what was dictated.
        below = next((each.reopen(one.note.id) for each in draftings(page) if each.reopen is not None), "")
    days, since = age(page, one.since)
    me = page.session.principal.actor.reference
    return Row(
        item="" if changed or text is None or one.code == TRANSCRIBE else item,
        title=text.title if text else page.translator.gettext(_UNREADABLE),
        person=person,
        patient=one.patient,
        days=days,
        since=since,
        by=one.author,
        instead=one.instead,
        asked_by=one.asked_by,
        owner=one.owner_name if one.owner != me else "",
        text=text,
        address=f"{chart}?beside={quote(below, safe='')}" if below else f"{chart}#note-{one.note.id}",
        changed=changed,
        told=", ".join(each.name for each in one.escalated.told) if one.escalated else "",
    )


def _draft_row(
    page: Page, one: Begun, person: Person | None, writers: dict[str, str], titles: Titles, may: set[str]
) -> Row:
    title, below = titles.get(one.template, ("", ""))
    days, since = age(page, one.updated)
    own = one.owner == page.session.principal.actor.id
    chart = f"/patient/{quote(one.patient, safe='')}"
    before = [each.get("display", "") for each in one.authors]
    return Row(
        item=f"draft/{one.patient}/{one.id}/0/" if one.id in may else "",
        title=title or page.translator.gettext(_UNKNOWN_DRAFT),
        person=person,
        patient=one.patient,
        days=days,
        since=since,
        by=", ".join(filter(None, [writers.get(f"Practitioner/{one.owner}", ""), *before])),
        asked_by="",
        owner="",
        text=None,
        address=f"{chart}?beside={quote(below, safe='')}" if own and below else chart,
    )


def age(page: Page, micros: int) -> tuple[int, str]:
    """Whole days since a moment, and how they are said."""
    today = local(page.services.clock.now()).date()
    days = max((today - local(from_micros(micros)).date()).days, 0)
    gettext = page.translator.gettext
    if days < 2:
        return days, gettext(_YESTERDAY if days else _TODAY)
    return days, page.translator.ngettext("%(num)d day", "%(num)d days", days) % {"num": days}


_TODAY: Final = message("today")
_YESTERDAY: Final = message("yesterday")
