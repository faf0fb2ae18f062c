"""The own unit, its staff and its beds, from the directory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import quote

from kontinuum.care.contacts.kinds import BED
from kontinuum.care.contacts.writing import Placing
from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.authoring import author
from kontinuum.kernel.i18n import local
from kontinuum.kernel.module import Chart, RecordReader, ResultPage
from kontinuum.kernel.principal import Principal
from kontinuum.sweden import systems

_AT_MOST: Final = 500


class Asked(Protocol):
    """A request for a page or a deed about one patient."""

    @property
    def chart(self) -> Chart:
        """The patient."""
        ...

    @property
    def record(self) -> RecordReader:
        """What is read."""
        ...

    @property
    def principal(self) -> Principal:
        """Who asks."""
        ...


@dataclass(frozen=True, slots=True)
class Bed:
    """A bed of the unit; `ward` is the reference of the place it is part of."""

    reference: str
    name: str
    ward: Mapping[str, Any] | None

    @property
    def placing(self) -> Placing:
        """To lie in it."""
        return Placing(self.ward, {"reference": self.reference, "display": self.name})


def _of_unit(principal: Principal, parameter: str) -> str:
    unit = principal.assignment.unit
    named = ",".join(f"{system}|{unit}" for system in sorted(systems.HSA_ID_FORMS))
    return f"{parameter}={quote(named, safe='|,:')}"


def bed_queries(principal: Principal) -> tuple[str, ...]:
    """The places of the own unit."""
    return (f"Location?{_of_unit(principal, 'organization:Organization.identifier')}&_count={_AT_MOST}",)


def beds_of(pages: Sequence[ResultPage]) -> list[Bed]:
    """The beds in use among the places of a unit, by name, numbers in their order."""
    places = [fhir_json.loads(one.body) for one in pages[0].matches if one.body]
    wards = {f"Location/{one['id']}": one.get("name", "") for one in places}
    beds = []
    for one in places:
        codes = [coding.get("code") for coding in (one.get("physicalType") or {}).get("coding", ())]
        if BED in codes and one.get("status", "active") == "active":
            ward = (one.get("partOf") or {}).get("reference", "")
            within = {"reference": ward, "display": wards.get(ward, "")} if wards.get(ward) else None
            beds.append(Bed(f"Location/{one['id']}", one.get("name", ""), within))
    return sorted(beds, key=_natural)


def _natural(bed: Bed) -> tuple[int, str]:
    digits = "".join(letter for letter in bed.name if letter.isdecimal())
    return int(digits[:9] or 0), bed.name


async def own_unit(request: Asked) -> dict[str, Any]:
    """The unit of the assignment as a reference; by its HSA-id where the record holds no Organization."""
    at = request.principal.assignment
    query = f"Organization?{_of_unit(request.principal, 'identifier')}&_count=2"
    (page,) = await request.record.find_many([query])
    if len(page.matches) == 1:
        return {"reference": f"Organization/{page.matches[0].id}", "display": at.unit_name}
    return {"identifier": {"system": systems.HSA_ID, "value": at.unit}, "display": at.unit_name}


async def staff(request: Asked) -> dict[str, str]:
    """Who works at the unit today, by the reference of the Practitioner; the person who asks first."""
    unit = _of_unit(request.principal, "organization:Organization.identifier")
    (page,) = await request.record.find_many([f"PractitionerRole?{unit}&_count={_AT_MOST}"])
    today = local(request.chart.now).date().isoformat()
    found: dict[str, str] = {}
    for one in page.matches:
        role = fhir_json.loads(one.body or b"{}")
        person, period = role.get("practitioner") or {}, role.get("period") or {}
        holds = period.get("start", "")[:10] <= today <= (period.get("end", "")[:10] or "9999")
        if role.get("active", True) and holds and person.get("reference"):
            titles = [code.get("text", "") for code in role.get("code", ())]
            shown = ", ".join(filter(None, (person.get("display", ""), *titles[:1])))
            found[person["reference"]] = shown or person["reference"]
    own = author(request.principal)
    me = own.get("reference", "")
    mine = {me: found.pop(me, request.principal.actor.name)} if me else {}
    return mine | dict(sorted(found.items(), key=lambda one: one[1]))
