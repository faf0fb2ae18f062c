"""The own unit, its staff and its beds, from the directory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol
from urllib.parse import quote

from kontinuum.care.contacts.kinds import BED
from kontinuum.care.contacts.writing import Placing
from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.authoring import author
from kontinuum.kernel.i18n import local
from kontinuum.kernel.module import Chart, RecordReader, ResultPage
from kontinuum.kernel.principal import Principal
from kontinuum.record.escalating import name_of
from kontinuum.sweden import systems

_AT_MOST: Final = 500
_MANY: Final = 1000


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
        if _is_bed(one) and one.get("status", "active") == "active":
            ward = (one.get("partOf") or {}).get("reference", "")
            within = {"reference": ward, "display": wards.get(ward, "")} if wards.get(ward) else None
            beds.append(Bed(f"Location/{one['id']}", one.get("name", ""), within))
    return sorted(beds, key=_natural)


@dataclass(frozen=True, slots=True)
class Ward:
    """A ward of another unit of the care provider; `unit` is a reference of that."""

    reference: str
    name: str
    unit: Mapping[str, Any]


async def other_wards(request: Asked) -> list[Ward]:
    """The wards with beds of other units of the care provider, by name."""
    (beds,) = await request.record.find_many([f"Location?partof:missing=false&_count={_MANY}"])
    bodies = [fhir_json.loads(one.body) for one in beds.matches if one.body]
    parts = [body.get("partOf") or {} for body in bodies if _is_bed(body)]
    named = sorted({each["reference"].rpartition("/")[2] for each in parts if each.get("reference")})
    if not named:
        return []
    (found,) = await request.record.find_many([f"Location?_id={','.join(named)}&_count={_MANY}"])
    ours = (await own_unit(request)).get("reference", "")
    made = []
    for one in found.matches:
        place = fhir_json.loads(one.body or b"{}")
        unit = place.get("managingOrganization") or {}
        same = one.provider == request.principal.assignment.provider
        if same and unit.get("reference") and unit["reference"] != ours:
            made.append(Ward(f"Location/{one.id}", place.get("name", ""), unit))
    return sorted(made, key=lambda one: one.name)


def _is_bed(place: Mapping[str, Any]) -> bool:
    return any(one.get("code") == BED for one in (place.get("physicalType") or {}).get("coding", ()))


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
    return staff_of(
        await request.record.find_many(staff_queries(request.principal)), request.principal, request.chart.now
    )


def staff_queries(principal: Principal) -> tuple[str, ...]:
    """The assignments at the own unit, and whose they are."""
    at = _of_unit(principal, "organization:Organization.identifier")
    return (f"PractitionerRole?{at}&_include=PractitionerRole:practitioner&_count={_AT_MOST}",)


def staff_of(pages: Sequence[ResultPage], principal: Principal, now: datetime) -> dict[str, str]:
    """Whose assignments hold today among those that were found; the person who asks first."""
    (page,) = pages
    today = local(now).date().isoformat()
    names = {
        f"Practitioner/{one.id}": name_of(fhir_json.loads(one.body)) for one in page.included if one.body
    }
    found: dict[str, str] = {}
    for one in page.matches:
        role = fhir_json.loads(one.body or b"{}")
        person, period = role.get("practitioner") or {}, role.get("period") or {}
        holds = period.get("start", "")[:10] <= today <= (period.get("end", "")[:10] or "9999")
        if role.get("active", True) and holds and person.get("reference"):
            titles = [code.get("text", "") for code in role.get("code", ())]
            called = person.get("display") or names.get(person["reference"], "")
            shown = ", ".join(filter(None, (called, *titles[:1])))
            found[person["reference"]] = shown or person["reference"]
    own = author(principal)
    me = own.get("reference", "")
    mine = {me: found.pop(me, principal.actor.name)} if me else {}
    return mine | dict(sorted(found.items(), key=lambda one: one[1]))
