"""What the pages of orders stand in: what is ordered and not answered, units, the contact that goes on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from kontinuum.care.orders.model import ServiceRequest, Task, requests_of, tasks_of
from kontinuum.fhir import json as fhir_json
from kontinuum.kernel.ids import is_id
from kontinuum.kernel.module import ActionRequest, Chart, PageRequest, ResourceVersion, ResultPage
from kontinuum.record.tasks import OPEN, ORDER, REFERRAL, WORK_CODES
from kontinuum.sweden import systems

AT_MOST: Final = 200
_UNITS_AT_MOST: Final = 500
_SPECIAL: Final = re.compile(r"([\\,|$])")
_ESCAPED: Final = r"\\\1"
"""What has a meaning of its own in the value of a search (http://hl7.org/fhir/R4/search.html#escaping)."""
_LABORATORY: Final = ("laboratory", "Laboratorium")


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of the directory; `reference` as an order names its performer."""

    reference: Mapping[str, Any]
    hsa_id: str
    provider: str
    laboratory: bool

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.reference.get("display", ""))


def queries(chart: Chart) -> tuple[str, str]:
    """What is ordered and stands, and the open Tasks of orders and of referrals to the own unit."""
    codes = ",".join(f"{WORK_CODES}|{code}" for code in (ORDER, REFERRAL))
    return (
        f"ServiceRequest?patient={chart.patient}&status=active,on-hold&_sort=-authored&_count={AT_MOST}",
        f"Task?patient={chart.patient}&code={codes}&status={','.join(OPEN)}&_count={AT_MOST}",
    )


async def found(
    request: PageRequest | ActionRequest, task: str
) -> tuple[Task, ResourceVersion, list[tuple[ServiceRequest, ResourceVersion]]] | None:
    """The Task of an order or referral, also of one that is over, and what was ordered; else None."""
    whose = f"patient={request.chart.patient}"
    codes = ",".join(f"{WORK_CODES}|{code}" for code in (ORDER, REFERRAL))
    if not is_id(task):
        return None
    (page,) = await request.record.find_many([f"Task?{whose}&_id={task}&code={codes}&_count=2"])
    chosen = tasks_of(page.matches).get(task)
    if chosen is None:
        return None
    # What a referral says that was received stands in the Task: the sender's order is the sender's.
    ids = ",".join(filter(is_id, () if chosen[0].received else chosen[0].orders))
    if not ids:
        return (*chosen, [])
    (page,) = await request.record.find_many([f"ServiceRequest?{whose}&_id={ids}&_count={AT_MOST}"])
    return (*chosen, list(requests_of(page.matches).values()))


async def units(request: PageRequest | ActionRequest, named: str = "") -> tuple[list[Unit], bool]:
    """The units of the directory that are in use, by name, and whether these are all."""
    query = f"Organization?active=true&_count={_UNITS_AT_MOST}"
    if named:
        query += f"&name:contains={quote(_SPECIAL.sub(_ESCAPED, named), safe='')}"
    (page,) = await request.record.find_many([query])
    return units_of(page), page.next is None


def units_of(page: ResultPage) -> list[Unit]:
    """Those with an HSA-id that are part of something: care providers and hospitals are no receivers."""
    made = []
    for entry in page.matches:
        body = fhir_json.loads(entry.body or b"{}")
        hsa = next((i["value"] for i in body.get("identifier", ()) if _is_hsa(i)), "")
        words = {each.get("text") for each in body.get("type", ())}
        words |= {code.get("code") for each in body.get("type", ()) for code in each.get("coding", ())}
        if hsa and body.get("partOf") and not words & {"Sjukhus", "hospital", "office", "Förvaltning"}:
            reference = {"reference": f"Organization/{entry.id}", "display": body.get("name", "")}
            made.append(Unit(reference, hsa, entry.provider, bool(words & set(_LABORATORY))))
    return sorted(made, key=lambda unit: unit.name.casefold())


def _is_hsa(identifier: Mapping[str, Any]) -> bool:
    return systems.canonical(identifier.get("system") or "") == systems.HSA_ID and bool(
        identifier.get("value")
    )


async def contact(request: PageRequest | ActionRequest) -> str:
    """The id of the contact that goes on at the own unit; empty for none."""
    going_on = "arrived,triaged,in-progress,onleave"
    query = f"Encounter?patient={request.chart.patient}&status={going_on}&_sort=-date&_count=20"
    (page,) = await request.record.find_many([query])
    own = request.principal.assignment.unit
    return next((entry.id for entry in page.matches if entry.unit == own), "")
