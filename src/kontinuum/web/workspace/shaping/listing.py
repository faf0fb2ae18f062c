"""What a worklist finds for whoever opens it: a page of rows, how many there are, and whether it was cut."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from urllib.parse import quote

from kontinuum.fhir import json as fhir_json
from kontinuum.kernel.i18n import local
from kontinuum.kernel.numbers import whole
from kontinuum.record.outcome import Refusal, Stored
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.patient import Person
from kontinuum.web.workspace.shaping import shelf, worklist
from kontinuum.web.workspace.shaping.worklist import Cells, Worklist
from kontinuum.web.workspace.work.tabs import people

ON_PAGE: Final = 50
LOOKED_THROUGH: Final = 500
"""How much of what is looked through as a whole: a list beyond it is cut, and says so."""
_TURNS: Final = 20


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a list; `person` is None where who it is may not be shown."""

    patient: str
    person: Person | None
    cells: Cells
    unit: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of a list. `cut`: there may be more than was looked through; `next` leads on."""

    rows: tuple[Row, ...]
    total: int
    cut: bool
    next: str = ""


async def listed(page: Page, wanted: Worklist, at: str = "") -> Listed | Refusal:
    """A page of a list, from the beginning or `at` where the one before ended."""
    if wanted.whole:
        found = await _whole(page, wanted)
        if isinstance(found, Refusal):
            return found
        kept, cut = found
        first = whole(at)
        following = str(first + ON_PAGE) if len(kept) > first + ON_PAGE else ""
        rows = await _rows(page, wanted, kept[first : first + ON_PAGE])
        return Listed(rows, len(kept), cut, following)
    url = worklist.search_of(wanted, _today(page))
    cursor = f"&_cursor={quote(at, safe='')}" if at else ""
    answer = await _record(page, wanted).find(f"{url}&_count={ON_PAGE}&_total=accurate{cursor}")
    if isinstance(answer, Refusal):
        return answer
    return Listed(await _rows(page, wanted, answer.matches), answer.total or 0, False, answer.next or "")


async def count(page: Page, wanted: Worklist) -> tuple[int, bool]:
    """How many a list has, and whether it may be more. Tells of no patient."""
    if wanted.whole:
        found = await _whole(page, wanted)
        return (0, True) if isinstance(found, Refusal) else (len(found[0]), found[1])
    url = f"{worklist.search_of(wanted, _today(page))}&_summary=count"
    answer = await _record(page, wanted).find(url)
    return (0, True) if isinstance(answer, Refusal) else (answer.total or 0, False)


@dataclass(frozen=True, slots=True)
class Offered:
    """A list of the unit, for whoever shows which there are; `count` as the one who looks."""

    name: str
    address: str
    count: Callable[[], Awaitable[tuple[int, bool]]]


async def worklists_of(page: Page) -> list[Offered]:
    """The lists of the unit at which the person works, by name."""
    assignment = page.session.principal.assignment
    record: Any = page.services.record(page.session.principal)
    found = await record.find(f"{shelf.of_unit(worklist.KIND, assignment.unit)}&_count=100")
    made = []
    for stored in getattr(found, "matches", ()) if assignment.unit else ():
        tool = shelf.read(stored)
        wanted = worklist.read(tool.content) if tool is not None else None
        if tool is not None and wanted is not None and tool.provider == assignment.provider:
            made.append(Offered(tool.title, f"/worklists/{tool.id}", _counting(page, wanted)))
    return sorted(made, key=lambda one: one.name.casefold())


def _counting(page: Page, wanted: Worklist) -> Callable[[], Awaitable[tuple[int, bool]]]:
    return lambda: count(page, wanted)


def _today(page: Page) -> date:
    return local(page.services.clock.now()).date()


def _record(page: Page, wanted: Worklist) -> Any:
    record = page.services.record(page.session.principal)
    return record.at_own_unit if wanted.own_unit else record


async def _whole(page: Page, wanted: Worklist) -> tuple[list[Stored], bool] | Refusal:
    """What is left of all that was looked through, each patient once where patients are listed."""
    url = worklist.search_of(wanted, _today(page))
    answer = await _record(page, wanted).find(f"{url}&_count={LOOKED_THROUGH}")
    if isinstance(answer, Refusal):
        return answer
    kept = [(_patient(wanted, one), one) for one in answer.matches]
    if wanted.about == "patients":
        first: dict[str, Stored] = {}
        for patient, one in kept:
            first.setdefault(patient, one)
        kept = list(first.items())
    cut = answer.next is not None
    patients = list(dict.fromkeys(patient for patient, _ in kept if patient))
    if wanted.missing and patients:
        having, complete = await _having(page, wanted, patients)
        kept = [(patient, one) for patient, one in kept if patient not in having]
        cut = cut or not complete
    return [one for _, one in kept], cut


async def _having(page: Page, wanted: Worklist, patients: Sequence[str]) -> tuple[set[str], bool]:
    """Who of some patients has what is looked for, among all that may be read; and whether all was seen."""
    url = f"{worklist.search_of_missing(wanted, _today(page), patients)}&_count=1000"
    record: Any = page.services.record(page.session.principal)
    having: set[str] = set()
    cursor = ""
    for _ in range(_TURNS):
        answer = await record.find(url + cursor)
        if isinstance(answer, Refusal):
            return having, False
        having |= {_patient(wanted, one) for one in answer.matches}
        if answer.next is None:
            return having, True
        cursor = f"&_cursor={quote(answer.next, safe='')}"
    return having, False


def _patient(wanted: Worklist, stored: Stored) -> str:
    return worklist.cells(wanted, fhir_json.loads(stored.body or b"{}")).patient


async def _rows(page: Page, wanted: Worklist, found: Sequence[Stored]) -> tuple[Row, ...]:
    read = [(worklist.cells(wanted, fhir_json.loads(one.body or b"{}")), one.unit) for one in found]
    known = await people(page, {each.patient for each, _ in read if each.patient})
    record: Any = page.services.record(page.session.principal)
    await page.services.directory.learn(record, list({unit for _, unit in read if unit}))
    return tuple(Row(each.patient, known.get(each.patient), each, unit) for each, unit in read)
