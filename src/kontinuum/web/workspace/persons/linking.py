"""Two records of one person: looked at side by side, linked with a reason, and parted again."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from kontinuum.kernel.i18n import message
from kontinuum.record.outcome import Refusal
from kontinuum.record.persons.rules import Conflict
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.patient import NumberKind, Person
from kontinuum.web.workspace.persons import editing
from kontinuum.web.workspace.persons.merged import with_links
from kontinuum.web.workspace.persons.shared import (
    NO_REASON,
    Standing,
    done,
    form_of,
    person_path,
    reader_of,
    record_of,
    refuse,
    standing,
    today_of,
    wrong,
)
from kontinuum.web.workspace.persons.words import CONFLICTS

NOBODY = message("No patient in the record has that number.")
_REAL = (NumberKind.PERSONNUMMER, NumberKind.SAMORDNINGSNUMMER)


@dataclass(frozen=True, slots=True)
class Row:
    """One thing of two persons side by side; `differs` when both are known and not the same."""

    label: str
    one: str
    other: str
    differs: bool


def side_by_side(page: Page, one: Standing, other: Standing) -> list[Row]:
    """What can be compared between two persons, as far as it may be shown."""
    _ = page.translator.gettext
    unit = page.services.directory.unit
    pairs = [
        (_("Number"), one.person.number, other.person.number),
        (_("Name"), one.person.name, other.person.name),
        (_("Date of birth"), one.person.birth_date, other.person.birth_date),
        (_("Age"), one.person.age, other.person.age),
        (_("Sex"), one.person.sex, other.person.sex),
        (_("Telephone"), one.person.phone, other.person.phone),
        (_("Address"), one.person.address, other.person.address),
        (_("Listed at"), one.person.listed_at, other.person.listed_at),
        (_("Protected identity"), _protection(page, one.person), _protection(page, other.person)),
        (_("Deceased"), _deceased(page, one.person), _deceased(page, other.person)),
        (_("Kept by"), unit(one.stored.unit), unit(other.stored.unit)),
    ]
    return [Row(label, a, b, bool(a and b and a != b)) for label, a, b in pairs if a or b]


def _protection(page: Page, person: Person) -> str:
    _ = page.translator.gettext
    if person.protection is None:
        return _("no")
    return (
        _("Marked as confidential")
        if person.protection == "marked"
        else _("Protected population registration")
    )


def _deceased(page: Page, person: Person) -> str:
    if not person.deceased:
        return page.translator.gettext("no")
    return person.deceased_on or page.translator.gettext("yes")


async def show_link(page: Page) -> Response:
    """Answer GET `/patient/{patient}/person/link?with={other}`: both, and what speaks against it.

    The one with a real number is kept, else the one whose page it is; `keep` chooses otherwise.
    """
    here = await standing(page, page.request.path_params["patient"])
    there = await standing(page, page.request.query_params.get("with", ""))
    for each in (here, there):
        if isinstance(each, Refusal):
            return page.refuse(each)
    assert isinstance(here, Standing)
    assert isinstance(there, Standing)
    await page.services.directory.learn(record_of(page), [here.stored.unit, there.stored.unit])
    keep = page.request.query_params.get("keep", "")
    there_is_kept = there.person.number_kind in _REAL and here.person.number_kind not in _REAL
    if keep in (here.stored.id, there.stored.id):
        there_is_kept = keep == there.stored.id
    survivor, replaced = (there, here) if there_is_kept else (here, there)
    against = await record_of(page).persons.compare(replaced.stored.id, survivor.stored.id)
    reader = reader_of(page, here.stored.id)
    await reader.find_many(())
    values = {
        "patient": await with_links(page, here.person),
        "warnings": reader.banner_notes(),
        "survivor": survivor.person,
        "replaced": replaced.person,
        "other": there.person,
        "rows": side_by_side(page, survivor, replaced),
        "conflicts": [] if isinstance(against, Refusal) else [(each, _said(page, each)) for each in against],
        "refused": _reasons(page, against) if isinstance(against, Refusal) else [],
    }
    return page.render("persons/link.html", values)


def _said(page: Page, conflict: Conflict) -> str:
    return page.translator.gettext(CONFLICTS[conflict])


def _reasons(page: Page, refusal: Refusal) -> list[str]:
    return list(refusal.in_words(page.translator))


async def find_other(page: Page) -> Response:
    """Answer POST `/patient/{patient}/person/link/find`: the other record, by its number."""
    form, record = await form_of(page), record_of(page)
    patient = page.request.path_params["patient"]
    number = editing.person_number(form, "number", today_of(page), record.persons.schemes)
    if number is None or isinstance(number, editing.Wrong):
        return wrong(page, editing.NO_NUMBER)
    (found,) = await record.find_many([f"Patient?identifier={number.value}&_count=10"])
    others = [each.id for each in found.matches if each.id != patient]
    if not others:
        return wrong(page, NOBODY)
    known = await record.persons.person_of(others)
    return done(f"/patient/{patient}/person/link?with={known.get(others[0], others[0])}")


async def link(page: Page) -> Response:
    """Answer POST `/patient/{patient}/person/link`."""
    form = await form_of(page)
    reason = editing.text(form, "reason")
    if not reason:
        return wrong(page, NO_REASON)
    confirmed = [str(each) for each in Conflict if form.get(f"confirm-{each}")]
    result = await record_of(page).persons.link(
        form.get("replaced", ""), form.get("survivor", ""), reason=reason, confirmed=confirmed
    )
    if isinstance(result, Refusal):
        return refuse(page, result)
    return done(person_path(result.survivor, "links"))


async def unlink(page: Page) -> Response:
    """Answer POST `/patient/{patient}/person/unlink`."""
    form = await form_of(page)
    reason = editing.text(form, "reason")
    if not reason:
        return wrong(page, NO_REASON)
    result = await record_of(page).persons.unlink(form.get("replaced", ""), reason=reason)
    if isinstance(result, Refusal):
        return refuse(page, result)
    return done(person_path(page.request.path_params["patient"], "links"))
