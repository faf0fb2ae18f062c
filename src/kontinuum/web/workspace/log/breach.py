"""`/log/breach`: what a notification of a personal data breach must tell (GDPR, (EU) 2016/679 art. 33-34).

Whose data was reached in a period, by whom and what: on a page, and as a list of those who are to be told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

from starlette.responses import Response

from kontinuum.audit.breach import Breach, Concerned
from kontinuum.audit.words import thing
from kontinuum.kernel.clock import from_micros
from kontinuum.kernel.i18n import local, message
from kontinuum.record.logbook import may_review
from kontinuum.record.outcome import Refusal
from kontinuum.web.workspace.log.common import field, learn_units, persons, start_of
from kontinuum.web.workspace.log.entries import NO_STAFF, find_staff
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.patient import Person
from kontinuum.web.workspace.tables import table

SHOWN = 200
"""How many patients the page lists; the list that is saved has all."""

_NOT_A_PERIOD = message("Write the first day and the last, YYYY-MM-DD, at most a year apart.")
_TITLES = (
    message("Patient"),
    message("Personal identity number"),
    message("Name"),
    message("Accesses"),
    message("First access"),
    message("Last access"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A person in one of the report's tables: a patient, or whoever reached data."""

    id: str
    person: Person | None
    name: str
    unit: str
    first: datetime
    last: datetime
    entries: int
    others: int


async def show_breach(page: Page, problem: str = "", form: Mapping[str, object] | None = None) -> Response:
    """Answer GET `/log/breach`: for which period, and whom among staff."""
    if not may_review(page.session.principal):
        refused = await page.services.record(page.session.principal).log.breach(0, 1)
        return page.refuse(refused)
    return await _render(page, form or {}, None, problem)


async def make_breach(page: Page) -> Response:
    """Answer POST `/log/breach`: the report, or with `as=csv` the list of those concerned."""
    form = await page.request.form()
    since, until = start_of(field(form, "since")), start_of(field(form, "until"), timedelta(days=1))
    if not may_review(page.session.principal) or not isinstance(since, int) or not isinstance(until, int):
        return await show_breach(page, _NOT_A_PERIOD, form)
    staff = field(form, "staff")
    actors = await find_staff(page, staff) if staff else []
    if staff and not actors:
        return await show_breach(page, NO_STAFF, form)
    log = page.services.record(page.session.principal).log
    found = await log.breach(since, until, actors=actors, unit=field(form, "unit") or None)
    if isinstance(found, Refusal):
        return await show_breach(page, _NOT_A_PERIOD, form)
    if field(form, "as") == "csv":
        return _list(page, found, await persons(page, found.concerned))
    return await _render(page, form, found)


async def _render(
    page: Page, form: Mapping[str, object], found: Breach | None, problem: str = ""
) -> Response:
    directory, gettext = page.services.directory, page.translator.gettext
    units = await page.services.record(page.session.principal).log.units()
    await learn_units(page, [*units, *(unit for _, unit in (found.involved if found else ()))])
    concerned = found.patients()[:SHOWN] if found else []
    known = await persons(page, (one.patient for one in concerned))
    values = {
        "asked": {name: field(form, name) for name in ("since", "until", "staff", "unit")},
        "problem": gettext(problem) if problem else "",
        "units": sorted(((one, directory.unit(one)) for one in units), key=lambda pair: pair[1]),
        "found": found,
        "patients": [_patient(one, known.get(one.patient)) for one in concerned],
        "staff": [
            Row(
                one.actor,
                None,
                one.name,
                directory.unit(one.unit) if one.unit else "",
                from_micros(one.first),
                from_micros(one.last),
                one.entries,
                len(one.patients),
            )
            for one in (found.people() if found else ())
        ],
        "kinds": sorted({thing(name, page.translator) for name in (found.types if found else ())}),
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK
    return page.render("pages/log_breach.html", values, status)


def _patient(one: Concerned, person: Person | None) -> Row:
    times = (from_micros(one.first), from_micros(one.last))
    return Row(one.patient, person, person.name if person else "", "", *times, one.entries, len(one.actors))


def _list(page: Page, found: Breach, known: Mapping[str, Person]) -> Response:
    """Those concerned, as a table."""
    rows = []
    for one in found.patients():
        person = known.get(one.patient)
        named = (person.number or "", person.name) if person else ("", "")
        times = (page.translator.moment(from_micros(each)) for each in (one.first, one.last))
        rows.append((one.patient, *named, str(one.entries), *times))
    day = local(page.services.clock.now()).date().isoformat()
    return table(f"breach-{day}", map(page.translator.gettext, _TITLES), rows)
