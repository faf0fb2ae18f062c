"""One contact with what belongs to it, as its page and its closing show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from kontinuum.care.contacts import places
from kontinuum.care.contacts.booking import find
from kontinuum.care.contacts.places import Bed, Ward
from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.stays import is_inpatient
from kontinuum.kernel.around import Remark
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import ActionRequest, Chart, PageRequest, Refused, ResourceVersion, ResultPage
from kontinuum.kernel.provider_settings import asks_for_measures

MEASURES: Final = message("Measures (KVÅ)")
_NO_MEASURE: Final = message("No measure is registered, and the unit asks for one.")
_AT_MOST: Final = 100


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure of the contact."""

    id: str
    version: int
    label: str
    code: str
    when: str


@dataclass(frozen=True, slots=True)
class Part:
    """What a module tells of the contact."""

    title: str
    remarks: tuple[Remark, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A contact as it was read. `beds` are those of the unit, for an admission there; `taken` of them.

    `wards` are those of other units, to which such a patient can move.
    """

    encounter: Mapping[str, Any]
    entry: ResourceVersion
    own: bool
    booking: ResourceVersion | None
    measures: tuple[Measure, ...]
    parts: tuple[Part, ...]
    beds: tuple[Bed, ...]
    taken: frozenset[str]
    asks: tuple[Remark, ...]
    wards: tuple[Ward, ...] = ()

    @property
    def missing(self) -> tuple[Remark, ...]:
        """What is not done at the contact yet."""
        return (*(one for part in self.parts for one in part.remarks if one.missing), *self.asks)


async def gather(request: PageRequest | ActionRequest, identity: str) -> Found | None:
    """Read a contact of this patient and what the modules tell of it; None where there is none."""
    entry = await find(request, "Encounter", identity)
    if entry is None:
        return None
    chart = request.chart
    encounter = fhir_json.loads(entry.body or b"{}")
    own = entry.unit == request.principal.assignment.unit
    procedures = f"Procedure?patient={chart.patient}&encounter=Encounter/{entry.id}&_count={_AT_MOST}"
    told, found_procedures = await told_of(request, encounter, procedures)
    measures = _measures(chart, found_procedures[0])
    beds: tuple[Bed, ...] = ()
    if own and is_inpatient(encounter):
        found = await request.record.find_many(places.bed_queries(request.principal))
        beds = tuple(places.beds_of(found))
    taken = await request.agenda.taken([bed.reference for bed in beds], but=entry.id)
    asked_for = asks_for_measures(request.settings, entry.unit) and not measures
    asks = (Remark(chart.translator.gettext(_NO_MEASURE), address="#measure-text", missing=True),)
    return Found(
        encounter,
        entry,
        own,
        await _booking(request, encounter),
        measures,
        told,
        beds,
        taken,
        asks if asked_for else (),
        tuple(await places.other_wards(request)) if own and is_inpatient(encounter) else (),
    )


async def told_of(
    request: PageRequest | ActionRequest, encounter: Mapping[str, Any], *queries: str
) -> tuple[tuple[Part, ...], Sequence[ResultPage]]:
    """What the modules tell of a contact, and what is asked for with it."""
    chart = request.chart
    parts = [(part, part.queries(chart, encounter["id"])) for part in request.contact_parts]
    asked = [query for _, each in parts for query in each]
    pages = await request.record.find_many([*queries, *asked])
    rest = iter(pages[len(queries) :])
    drafts = await request.writer.drafts()
    told = []
    for part, each in parts:
        remarks = part.remarks(chart, encounter, [next(rest) for _ in each])
        if part.begun is not None and not isinstance(drafts, Refused):
            remarks += part.begun(chart, encounter, drafts)
        if remarks:
            told.append(Part(chart.translator.gettext(part.title), remarks))
    return tuple(told), pages[: len(queries)]


async def _booking(
    request: PageRequest | ActionRequest, encounter: Mapping[str, Any]
) -> ResourceVersion | None:
    """The booking that the contact came of, where the own unit made it."""
    names = [one.get("reference", "") for one in encounter.get("appointment") or ()]
    found = [await find(request, "Appointment", name.rpartition("/")[2]) for name in names[:1]]
    return next((one for one in found if one and one.unit == request.principal.assignment.unit), None)


def _measures(chart: Chart, page: ResultPage) -> tuple[Measure, ...]:
    found = []
    for entry in page.matches:
        body = fhir_json.loads(entry.body or b"{}")
        if body.get("status") in ("entered-in-error", "not-done"):
            continue
        code = body.get("code") or {}
        coding: dict[str, Any] = next(iter(code.get("coding") or ()), {})
        label = code.get("text") or coding.get("display") or coding.get("code", "")
        when = chart.translator.moment(body.get("performedDateTime"))
        found.append(Measure(entry.id, entry.version, label, coding.get("code", ""), when))
    return tuple(found)
