"""What a person is writing, about this patient and about others, as tabs above the writing pane."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from kontinuum.kernel.i18n import local
from kontinuum.kernel.module import Chart, Drafting
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.patient import Person, read_person
from kontinuum.web.workspace.work import kept

AT_MOST = 20

Titles = Mapping[str, tuple[str, str]]
"""What drafts' templates are called, and the paths to where they are written on, by template."""


@dataclass(frozen=True, slots=True)
class Tab:
    """A draft: what is written about whom; `foreign` when it is another patient than the page's."""

    title: str
    person: Person | None
    address: str
    current: bool
    foreign: bool


def draftings(page: Page) -> list[Drafting]:
    """What is written as drafts: what modules have, and what is kept of forms."""
    return [*(one.drafting for one in page.services.modules if one.drafting is not None), kept.drafting(page)]


async def titled(page: Page, templates: Collection[str]) -> Titles:
    """The title of drafts' templates and the path to where they are written on; without what is unknown."""
    record: Any = page.services.record(page.session.principal)
    found: dict[str, tuple[str, str]] = {}
    for one in draftings(page):
        titles = await one.titles(record, templates) if templates else {}
        found |= {name: (title, one.path(name)) for name, title in titles.items()}
    return found


async def people(page: Page, ids: Iterable[str]) -> Mapping[str, Person]:
    """Patients by id, each once read."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    record: Any = page.services.record(page.session.principal)
    today = local(page.services.clock.now()).date()
    found = await record.read_many([f"Patient/{one}" for one in wanted])
    bodies = [one.body for one in found.values() if one.body]
    read = [read_person(body, today, page.translator, page.services.directory) for body in bodies]
    return {one.id: one for one in read}


async def open_tabs(page: Page, chart: Chart, path: str) -> list[Tab]:
    """The drafts of the person, those about this patient first; the one on the page among them.

    `path` is that of the page below the patient's, without its query.
    """
    record: Any = page.services.record(page.session.principal)
    begun = await record.work.begun()
    query = page.request.url.query
    here = f"{path}?{query}" if query else path
    wanted = {(one.patient, one.template) for one in begun[-AT_MOST:]}
    opened = page.request.query_params.get("template", "")
    for drafting in draftings(page):
        offered = await drafting.templates(record, (), chart.now)
        names = {opened, *(name for name, _ in offered)} - {""}
        wanted |= {(chart.patient, name) for name in names if _same(drafting.path(name), here)}
    titles = await titled(page, {template for _, template in wanted})
    known = await people(page, (patient for patient, _ in wanted))
    tabs = []
    for patient, template in sorted(wanted, key=lambda one: (one[0] != chart.patient, one)):
        title, below = titles.get(template, ("", ""))
        if title:
            address = f"/patient/{quote(patient, safe='')}/{below}"
            foreign = patient != chart.patient
            current = not foreign and _same(below, here)
            tabs.append(Tab(title, known.get(patient), address, current, foreign))
    return tabs


def _same(path: str, here: str) -> bool:
    return here == path or here.startswith(f"{path}&")
