"""The synthetic region: who gives care, where, and who works there.

Organisations and staff come first in the stream, so that everything after them can refer to them. Swedish
forms after HL7 Sweden's base profiles (http://hl7.se/fhir/ig/base): HSA-id on every organisation, location,
practitioner and assignment; a PractitionerRole is a medarbetaruppdrag and carries its purpose.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from kontinuum.demo.tables import table
from kontinuum.kernel.principal import PRESCRIBING, Actor, ActorKind, Assignment, Persona, Purpose
from kontinuum.sweden import systems

Resource = dict[str, Any]

_KINDS = {
    "emergency": "Akutmottagning",
    "clinic": "Mottagning",
    "ward": "Vårdavdelning",
    "laboratory": "Laboratorium",
    "imaging": "Röntgenavdelning",
    "home": "Vård i hemmet",
    "health-centre": "Vårdcentral",
    "maternity": "Barnmorskemottagning",
    "child-health": "Barnavårdscentral",
    "office": "Förvaltning",
}


@dataclass(frozen=True, slots=True)
class Provider:
    """A care provider (vårdgivare): legal body, the outer secrecy boundary (PDL 1:3)."""

    key: str
    name: str
    hsa: str
    number: str
    city: str

    @property
    def reference(self) -> str:
        """Its Organization."""
        return f"Organization/{self.key}"


@dataclass(frozen=True, slots=True)
class Unit:
    """A care unit (vårdenhet): the inner secrecy boundary. `within` is the reference it is part of."""

    key: str
    name: str
    hsa: str
    kind: str
    specialty: str | None
    city: str
    within: str
    provider: Provider
    beds: tuple[str, ...] = ()

    @property
    def bed_places(self) -> tuple[tuple[str, str], ...]:
        """Its beds: the id of the Location, and the name."""
        return tuple((f"{self.key}-bed-{name.replace(':', '-')}", name) for name in self.beds)

    @property
    def reference(self) -> str:
        """Its Organization."""
        return f"Organization/{self.key}"

    @property
    def location(self) -> str:
        """Its Location."""
        return f"Location/{self.key}"


@dataclass(frozen=True, slots=True)
class Staff:
    """One who works in care, with the purpose of each assignment and the rights of all."""

    key: str
    name: str
    title: str
    profession: str
    sex: str
    specialty: str | None
    protected: bool
    number: int
    assignments: tuple[tuple[Unit, Purpose], ...]
    rights: tuple[str, ...] = ()

    @property
    def hsa(self) -> str:
        """Personal HSA-id, issued by the provider of the first assignment."""
        return f"{self.assignments[0][0].provider.hsa.split('-')[0]}-DEMOP{self.number:03d}"


@dataclass(frozen=True, slots=True)
class Author:
    """A staff member acting at one unit: what a record entry names as its author."""

    reference: str
    display: str
    name: str
    unit: Unit


class Region:
    """Providers, units and staff, looked up by key."""

    def __init__(self) -> None:
        places, people = table("region"), table("staff")
        self.providers = {
            key: Provider(key, row["name"], row["hsa"], row["number"], row["city"])
            for key, row in places["provider"].items()
        }
        self.hospitals: dict[str, dict[str, str]] = places["hospital"]
        self.units = {key: self._unit(key, row) for key, row in places["unit"].items()}
        self.staff = [self._staff(number, row) for number, row in enumerate(people["staff"], start=1)]
        self._by_role: dict[tuple[str, str], tuple[Author, ...]] = {}
        for person in self.staff:
            for index, (unit, purpose) in enumerate(person.assignments, start=1):
                if purpose is Purpose.CARE:
                    author = Author(
                        f"PractitionerRole/{person.key}-{index}",
                        f"{person.name}, {person.title}",
                        person.name,
                        unit,
                    )
                    slot = (unit.key, person.profession)
                    self._by_role[slot] = (*self._by_role.get(slot, ()), author)

    def _unit(self, key: str, row: dict[str, Any]) -> Unit:
        within = row["within"]
        provider = self.providers[self.hospitals[within]["provider"] if within in self.hospitals else within]
        return Unit(
            key=key,
            name=row["name"],
            hsa=row["hsa"],
            kind=row["kind"],
            specialty=row.get("specialty"),
            city=row.get("city", provider.city),
            within=f"Organization/{within}",
            provider=provider,
            beds=tuple(row.get("beds", ())),
        )

    def _staff(self, number: int, row: dict[str, Any]) -> Staff:
        def assignment(text: str) -> tuple[Unit, Purpose]:
            unit, _, purpose = text.partition(":")
            return self.units[unit], Purpose(purpose or Purpose.CARE)

        return Staff(
            key=_slug(row["name"]),
            name=row["name"],
            title=row["title"],
            profession=row["profession"],
            sex=row["sex"],
            specialty=row.get("specialty"),
            protected=row.get("protected", False),
            number=number,
            assignments=tuple(assignment(text) for text in row["at"]),
            # Who prescribes: doctors do; a nurse would where her assignment says so.
            rights=(*row.get("rights", ()), *((PRESCRIBING,) if row["profession"] == "doctor" else ())),
        )

    def authors(self, unit: str, profession: str) -> tuple[Author, ...]:
        """Those of a profession who give care at a unit; KeyError when nobody of it works there."""
        return self._by_role[unit, profession]

    def resources(self) -> Iterator[tuple[Provider, Unit | None, Resource]]:
        """Give every organisation, location, practitioner and role with the provider and unit accountable."""
        for provider in self.providers.values():
            yield provider, None, _provider_resource(provider)
        for key, row in self.hospitals.items():
            provider = self.providers[row["provider"]]
            yield provider, None, _hospital_resource(key, row, provider)
        for unit in self.units.values():
            yield unit.provider, unit, _unit_resource(unit)
            yield unit.provider, unit, _location_resource(unit)
            for identity, name in unit.bed_places:
                yield unit.provider, unit, _bed_resource(unit, identity, name)
        for person in self.staff:
            home = person.assignments[0][0]
            yield home.provider, home, _practitioner_resource(person)
            for index, (unit, purpose) in enumerate(person.assignments, start=1):
                yield unit.provider, unit, _role_resource(person, index, unit, purpose)


@cache
def region() -> Region:
    """Give the region, read once."""
    return Region()


def _slug(name: str) -> str:
    plain = name.lower().translate(str.maketrans("åäöé ", "aaoe-"))
    return f"s-{plain}"


def _identifier(hsa: str) -> dict[str, str]:
    return {"system": systems.HSA_ID, "value": hsa}


def _following(kind: str) -> Resource:
    """The claim to follow HL7 Sweden's profile of a type."""
    return {"profile": [systems.BASE_PROFILE + kind]}


def _provider_resource(provider: Provider) -> Resource:
    return {
        "resourceType": "Organization",
        "id": provider.key,
        "meta": _following("Organization"),
        "identifier": [
            _identifier(provider.hsa),
            {"system": systems.ORGANISATION_NUMBER, "value": provider.number},
        ],
        "active": True,
        "type": [{"text": "Vårdgivare"}],
        "name": provider.name,
        "address": [{"city": provider.city, "country": "SE"}],
    }


def _hospital_resource(key: str, row: dict[str, str], provider: Provider) -> Resource:
    return {
        "resourceType": "Organization",
        "id": key,
        "meta": _following("Organization"),
        "identifier": [_identifier(row["hsa"])],
        "active": True,
        "type": [{"text": "Sjukhus"}],
        "name": row["name"],
        "partOf": {"reference": provider.reference, "display": provider.name},
    }


def _unit_resource(unit: Unit) -> Resource:
    return {
        "resourceType": "Organization",
        "id": unit.key,
        "meta": _following("Organization"),
        "identifier": [_identifier(unit.hsa)],
        "active": True,
        "type": [{"text": "Vårdenhet"}, {"text": _KINDS[unit.kind]}],
        "name": unit.name,
        "address": [{"city": unit.city, "country": "SE"}],
        "partOf": {"reference": unit.within},
    }


def _location_resource(unit: Unit) -> Resource:
    return {
        "resourceType": "Location",
        "id": unit.key,
        "identifier": [_identifier(unit.hsa)],
        "status": "active",
        "name": unit.name,
        "mode": "instance",
        "address": {"city": unit.city, "country": "SE"},
        "managingOrganization": {"reference": unit.reference, "display": unit.name},
    }


def _bed_resource(unit: Unit, identity: str, name: str) -> Resource:
    kind = {"system": "http://terminology.hl7.org/CodeSystem/location-physical-type", "code": "bd"}
    return {
        "resourceType": "Location",
        "id": identity,
        "status": "active",
        "name": name,
        "mode": "instance",
        "physicalType": {"coding": [kind], "text": "Vårdplats"},
        "managingOrganization": {"reference": unit.reference, "display": unit.name},
        "partOf": {"reference": unit.location, "display": unit.name},
    }


def _practitioner_resource(person: Staff) -> Resource:
    given, _, family = person.name.partition(" ")
    profession = table("staff")["profession"][person.profession]
    meta = _following("Practitioner")
    resource: Resource = {"resourceType": "Practitioner", "id": person.key, "meta": meta}
    if person.protected:
        label = {"system": systems.SECURITY_LABEL, "code": systems.CONFIDENTIALITY_MARK}
        meta["security"] = [label]
    resource |= {
        "identifier": [_identifier(person.hsa)],
        "active": True,
        "name": [{"use": "official", "text": person.name, "family": family, "given": [given]}],
        "gender": person.sex,
    }
    if "snomed" in profession:
        resource["qualification"] = [{"code": _profession_code(profession)}]
    return resource


def _profession_code(profession: dict[str, str], title: str | None = None) -> Resource:
    concept: Resource = {"text": title or profession["title"]}
    if "snomed" in profession:
        coding = {"system": systems.SNOMED_CT, "code": profession["snomed"], "display": profession["display"]}
        concept["coding"] = [coding]
    return concept


def _role_resource(person: Staff, index: int, unit: Unit, purpose: Purpose) -> Resource:
    staff = table("staff")
    resource: Resource = {
        "resourceType": "PractitionerRole",
        "id": f"{person.key}-{index}",
        "meta": _following("PractitionerRole"),
        "extension": [
            {"url": systems.ASSIGNMENT_PURPOSE, "valueCode": purpose.value},
            *({"url": systems.ASSIGNMENT_RIGHT, "valueCode": right} for right in person.rights),
        ],
        "identifier": [_identifier(f"{person.hsa}A{index}")],
        "active": True,
        "practitioner": {"reference": f"Practitioner/{person.key}", "display": person.name},
        "organization": {"reference": unit.reference, "display": unit.name},
        "code": [_profession_code(staff["profession"][person.profession], person.title)],
        "location": [{"reference": unit.location, "display": unit.name}],
    }
    if person.specialty:
        row = staff["specialty"][person.specialty]
        coding = {"system": systems.SNOMED_CT, "code": row["code"], "display": row["display"]}
        resource["specialty"] = [{"coding": [coding], "text": row["sv"]}]
    return resource


_PERSONAS = (
    "Anna Berglund",
    "Karin Öhman",
    "Per Lindgren",
    "Sofia Åkerström",
    "Eva Hedman",
    "Leyla Demir",
    "Mikael Forsberg",
    "Maria Papadopoulos",
    "Fatou Jallow",
    "Ahmed Hassan",
    "Emma Westin",
    "Katarina Svärd",
    "Annelie Pettersson",
    "Peter Wennberg",
    "Susanne Gran",
    "Helena Lundqvist",
    "Birgitta Nyström",
    "Lena Sjödin",
    "Åsa Malmgren",
    "Rickard Hult",
)
_PURPOSE_TITLES = {
    Purpose.CARE: "Vård och behandling",
    Purpose.ADMINISTRATION: "Administration",
    Purpose.QUALITY: "Kvalitetssäkring",
    Purpose.SUPERVISION: "Uppföljning och loggranskning",
}


def staff_personas() -> tuple[Persona, ...]:
    """Give the staff that a visitor may sign in as; assignment ids are PractitionerRole ids."""
    by_name = {person.name: person for person in region().staff}
    return tuple(_persona(by_name[name]) for name in _PERSONAS)


def _persona(person: Staff) -> Persona:
    assignments = tuple(
        Assignment(
            id=f"{person.key}-{index}",
            title=f"{_PURPOSE_TITLES[purpose]}, {unit.name}",
            unit=unit.hsa,
            unit_name=unit.name,
            provider=unit.provider.hsa,
            provider_name=unit.provider.name,
            purpose=purpose,
            rights=person.rights,
            position=person.title,
        )
        for index, (unit, purpose) in enumerate(person.assignments, start=1)
    )
    actor = Actor(ActorKind.STAFF, person.key, person.name, f"Practitioner/{person.key}")
    return Persona(actor, person.title, assignments)
