"""What the pages of the timeline have in common: for whom they are, and the patient's banner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from starlette.responses import Response

from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import Chart
from kontinuum.kernel.principal import Purpose
from kontinuum.record import Access, Record
from kontinuum.record.outcome import Refusal
from kontinuum.web.workspace.access import concerns, opened_until, strip_of
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.patient import read_person
from kontinuum.web.workspace.persons.merged import elsewhere, with_links
from kontinuum.web.workspace.reading import PatientReader

PURPOSES: Final = frozenset({Purpose.CARE, Purpose.QUALITY, Purpose.SUPERVISION})
_OTHER_PURPOSE: Final = message("This page is not part of the purpose of your assignment.")


@dataclass(frozen=True, slots=True)
class Opened:
    """A patient's record opened for a page: the gate, and how the reader stands to the patient."""

    page: Page
    chart: Chart
    record: Record
    reader: PatientReader
    access: Access | None

    async def learn(self, units: Iterable[str]) -> None:
        """Get to know the names of units and providers."""
        await self.page.services.directory.learn(self.record, units)

    async def render(self, template: str, values: Mapping[str, object], status: int = 200) -> Response:
        """A page below the patient's banner. That more exists than is shown is told as on the chart."""
        page, chart = self.page, self.chart
        stored = await self.reader.patient()
        if isinstance(stored, Refusal):
            return page.refuse(stored)
        today = local(chart.now).date()
        person = read_person(stored.body or b"", today, page.translator, chart.directory)
        withheld = False
        if self.access is not None and not page.partial:
            strip = await strip_of(page, await self.record.access(chart.patient, self.access))
            withheld = strip.withholds
        shared = {
            "patient": await with_links(page, person),
            "warnings": self.reader.banner_notes(),
            "opened_until": opened_until(page, self.access),
            "withheld": withheld,
            "chart": chart,
        }
        return page.render(template, {**shared, **values}, status)


async def open_record(page: Page, rest: str) -> Opened | Response:
    """Open the record of the address, in which `rest` follows the patient; else where that leads."""
    if page.session.principal.purpose not in PURPOSES:
        return page.problem(HTTPStatus.FORBIDDEN, [page.translator.gettext(_OTHER_PURPOSE)])
    moved = await elsewhere(page, rest)
    if moved is not None:
        return moved
    services = page.services
    patient = page.request.path_params["patient"]
    chart = Chart(patient, services.clock.now(), page.translator, services.directory, page.places)
    record: Record = services.record(page.session.principal)
    access = await record.standing(patient) if concerns(page) else None
    if access is not None and not access.related:
        # The chart offers the steps; a page of its own would look like an empty record.
        there = await record.read("Patient", patient)
        return page.refuse(there) if isinstance(there, Refusal) else page.redirect(chart.path())
    banner = () if page.partial else [part for one in services.modules for part in one.banner]
    return Opened(page, chart, record, PatientReader(record, chart, banner, services.directory.learn), access)
