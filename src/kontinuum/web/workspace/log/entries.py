"""`/log`: the entries of the own provider, by staff, patient, unit and time, newest first.

A search is a POST, as that for a patient: what it asks for would else stand in histories and proxies' logs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from kontinuum.kernel.i18n import message
from kontinuum.kernel.ids import is_id
from kontinuum.record.logbook import LogPage, Position, may_review
from kontinuum.record.outcome import Refusal
from kontinuum.web.workspace.log.common import field, learn_units, shown_entries, start_of
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.patients import find_patients

UNKNOWN = "unknown"
"""In the place of a unit: callers that are not known, who are of none."""

_NOT_A_DAY = message("A day is written YYYY-MM-DD.")
_NOBODY = message("No patient fits. Write the whole personal identity number, or the name.")
_NOT_KNOWN = message("Attempts without signing in")
_SEVERAL = message("Several patients fit. Write the whole personal identity number.")
NO_STAFF = message("Nobody among the staff has a name like that.")


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for, as written, and what is wrong with it (empty: nothing)."""

    staff: str = ""
    patient: str = ""
    unit: str = ""
    since: str = ""
    until: str = ""
    problem: str = ""

    @property
    def anything(self) -> bool:
        """Whether the search is narrowed at all."""
        return bool(self.staff or self.patient or self.unit or self.since or self.until)


async def show_entries(page: Page) -> Response:
    """Answer GET and POST `/log`."""
    form: Mapping[str, object] = await page.request.form() if page.request.method == "POST" else {}
    written = _written(form)
    log = page.services.record(page.session.principal).log
    # Who may not read the log is refused (and that is logged) before anything is looked up.
    found = await log.find(count=0) if not may_review(page.session.principal) else None
    narrowed = await _narrowed(page, Asked(*written)) if found is None else ""
    if isinstance(narrowed, str):
        asked = Asked(*written, page.translator.gettext(narrowed) if narrowed else "")
        page_of_log = found or LogPage((), None)
    else:
        asked = Asked(*written)
        page_of_log = await log.find(**narrowed, after=_position(field(form, "after")))
    if isinstance(page_of_log, Refusal):
        return page.refuse(page_of_log)
    units = await log.units()
    await learn_units(page, units)
    named = ((one, page.services.directory.unit(one)) for one in units)
    values = {
        "asked": asked,
        "entries": await shown_entries(page, page_of_log.entries),
        "next": ".".join(map(str, page_of_log.next or ())),
        "units": [*sorted(named, key=lambda pair: pair[1]), (UNKNOWN, page.translator.gettext(_NOT_KNOWN))],
    }
    return page.render("pages/log.html", values)


def _written(form: Mapping[str, object]) -> tuple[str, str, str, str, str]:
    return (
        field(form, "staff"),
        field(form, "patient"),
        field(form, "unit"),
        field(form, "since"),
        field(form, "until"),
    )


async def _narrowed(page: Page, asked: Asked) -> dict[str, Any] | str:
    """What to look for in the log, or what is wrong with what was written."""
    since, until = start_of(asked.since), start_of(asked.until, timedelta(days=1))
    if isinstance(since, Refusal) or isinstance(until, Refusal):
        return _NOT_A_DAY
    wanted: dict[str, Any] = {"since": since, "until": until, "unit": asked.unit or None}
    if asked.unit == UNKNOWN:
        wanted |= {"unit": None, "unknown": True}
    if asked.patient:
        people = (await find_patients(page, asked.patient)).people
        if len(people) != 1:
            return _SEVERAL if people else _NOBODY
        wanted["patient"] = people[0].id
    if asked.staff:
        actors = await find_staff(page, asked.staff)
        if not actors:
            return NO_STAFF
        wanted["actors"] = actors
    return wanted


async def find_staff(page: Page, text: str) -> list[str]:
    """The ids of staff with these beginnings of names, or with this id."""
    names = "".join(f"&name={_escaped(word)}" for word in text.split())
    record = page.services.record(page.session.principal)
    queries = [f"Practitioner?{names[1:]}&_count=100"]
    if is_id(text):
        queries.append(f"Practitioner?_id={text}&_count=1")
    return sorted({stored.id for answer in await record.find_many(queries) for stored in answer.matches})


def _escaped(value: str) -> str:
    """A search value: FHIR's own separators escaped, then the URL's (R4 search 3.1.1.4.6)."""
    return quote(re.sub(r"([\\,|$])", r"\\\1", value), safe="")


def _position(text: str) -> Position | None:
    parts = text.split(".")
    if len(parts) != 4 or not all(re.fullmatch(r"\d{1,18}", part) for part in parts):
        return None
    return Position(*map(int, parts))
