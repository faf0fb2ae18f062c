"""Synthetic persons: identity, address, family, and their FHIR Patient and RelatedPerson.

Personnummer come from Skatteverket's test series only (individnummer 980-999), telephone numbers only from
the series that Post- och telestyrelsen keeps free for fiction, e-mail only under example.se (RFC 2606
style).
"""

from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import Any

from kontinuum.demo.region import Unit
from kontinuum.demo.tables import table
from kontinuum.sweden import systems
from kontinuum.sweden.identifiers import check_digit

Resource = dict[str, Any]

CAST_INDIVIDUAL_NUMBERS = range(980, 984)
"""Individnummer used by the hand-made cast; the rest of the test series belongs to generated patients."""


@dataclass(frozen=True, slots=True)
class Relative:
    """A person close to the patient; `role` is a v3-RoleCode."""

    name: str
    role: str
    label: str
    phone: str


@dataclass(frozen=True, slots=True)
class Person:
    """Who a patient is. `identifier` is (system, value); None where nothing is known."""

    id: str
    identifier: tuple[str, str]
    sex: str
    born: date | None
    given: tuple[str, ...]
    family: str
    address: tuple[str, str, str] | None
    phone: str | None
    home: Unit | None
    protection: str | None = None
    deceased: date | None = None
    language: str | None = None
    email: str | None = None
    relatives: tuple[Relative, ...] = ()
    temporary: bool = False
    multiple_birth: int | None = None
    history: tuple[tuple[str, str], ...] = field(default=())
    """Earlier identifiers, as a reserve number that was linked later."""

    @property
    def name(self) -> str:
        """The name in full, as it is said."""
        return f"{self.given[0]} {self.family}" if self.given else self.family

    def age(self, on: date) -> int:
        """Whole years on a day; 0 when the date of birth is not known."""
        if self.born is None:
            return 0
        return on.year - self.born.year - ((on.month, on.day) < (self.born.month, self.born.day))


def test_personnummer(born: date, individual_number: int) -> str:
    """Make the personnummer of the test series for a date of birth and an individnummer of 980-999."""
    if individual_number not in range(980, 1000):
        message = f"individnummer {individual_number} is not in the test series 980-999"
        raise ValueError(message)
    digits = f"{born:%Y%m%d}{individual_number}"
    return f"{digits}{check_digit(digits[2:])}"


def test_samordningsnummer(born: date, individual_number: int) -> str:
    """Make a samordningsnummer of the test series: as the personnummer with 60 added to the day."""
    plain = test_personnummer(born, individual_number)
    digits = f"{plain[:6]}{born.day + 60:02d}{individual_number}"
    return f"{digits}{check_digit(digits[2:])}"


def fiction_mobile(rng: Random) -> str:
    """Draw a mobile number from PTS's fiction series, 070-174 06 05 to 070-174 06 99."""
    number = rng.randrange(605, 700)
    return f"070-174 0{number // 100} {number % 100:02d}"


def fiction_landline(rng: Random) -> str:
    """Draw a Stockholm number from PTS's fiction series, 08-465 004 00 to 08-465 004 99."""
    return f"08-465 004 {rng.randrange(100):02d}"


def draw_name(rng: Random, sex: str, born: date) -> tuple[tuple[str, ...], str]:
    """Draw given names usual for the time of birth, and a family name."""
    names = table("names")
    generation = (
        "old"
        if born.year < 1950
        else "middle"
        if born.year < 1980
        else "young"
        if born.year < 2008
        else "child"
    )
    first = rng.choice(names["given"][sex][generation])
    second = rng.choice(names["middle"][sex])
    given = (first,) if second == first or rng.random() < 0.25 else (first, second)
    return given, rng.choice(names["family"]["names"])


def draw_address(rng: Random, place: str) -> tuple[str, str, str]:
    """Draw street with number, postal code and town in `stockholm`, `solna` or `gotland`."""
    street, code, town = rng.choice(table("names")["places"][place])
    flat = f" lgh 1{rng.randrange(5)}0{rng.randrange(1, 6)}" if rng.random() < 0.4 else ""
    return f"{street} {rng.randrange(1, 98)}{rng.choice(('', '', '', ' A', ' B'))}{flat}", code, town


def patient_resource(person: Person) -> Resource:
    """Write the person as a Patient after HL7 Sweden's base profile, http://hl7.se/fhir/ig/base."""
    resource: Resource = {"resourceType": "Patient", "id": person.id}
    labels = [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}]
    if person.protection:
        labels.append({"system": systems.SECURITY_LABEL, "code": person.protection})
    resource["meta"] = {"profile": [f"{systems.BASE_PROFILE}Patient"], "security": labels}
    system, value = person.identifier
    identifiers: list[Resource] = [
        {"use": "temp" if person.temporary else "official", "system": system, "value": value}
    ]
    identifiers += [{"use": "old", "system": system, "value": value} for system, value in person.history]
    resource["identifier"] = identifiers
    resource["active"] = person.deceased is None
    resource["name"] = [_name(person)]
    telecom = _telecom(person)
    if telecom:
        resource["telecom"] = telecom
    resource["gender"] = person.sex
    if person.born is not None:
        resource["birthDate"] = person.born.isoformat()
    if person.deceased is not None:
        resource["deceasedDateTime"] = person.deceased.isoformat()
    if person.address is not None:
        resource["address"] = [_address(person)]
    if person.multiple_birth is not None:
        resource["multipleBirthInteger"] = person.multiple_birth
    if person.relatives and not person.protection:
        resource["contact"] = [_contact(relative) for relative in person.relatives]
    if person.language:
        resource["communication"] = [_language(person.language)]
    if person.home is not None:
        resource["generalPractitioner"] = [{"reference": person.home.reference, "display": person.home.name}]
    return resource


def related_person_resource(person: Person, relative: Relative, number: int) -> Resource:
    """Write a relative as a RelatedPerson, http://hl7.org/fhir/R4/relatedperson.html."""
    given, _, family = relative.name.rpartition(" ")
    return {
        "resourceType": "RelatedPerson",
        "id": f"{person.id}-rel-{number:06d}",
        "active": True,
        "patient": {"reference": f"Patient/{person.id}"},
        "relationship": [_relationship(relative)],
        "name": [{"text": relative.name, "family": family, "given": given.split()}],
        "telecom": [{"system": "phone", "value": relative.phone, "use": "mobile"}],
    }


def _name(person: Person) -> Resource:
    name: Resource = {
        "use": "temp" if person.temporary else "official",
        "text": person.name,
        "family": person.family,
    }
    if person.given:
        name["given"] = list(person.given)
    if len(person.given) > 1:
        called = {"extension": [{"url": systems.NAME_QUALIFIER, "valueCode": "CL"}]}
        name["_given"] = [called, *([None] * (len(person.given) - 1))]
    return name


def _telecom(person: Person) -> list[Resource]:
    telecom: list[Resource] = []
    if person.phone:
        telecom.append({"system": "phone", "value": person.phone, "use": "mobile"})
    if person.email:
        telecom.append({"system": "email", "value": person.email, "use": "home"})
    return telecom


def _address(person: Person) -> Resource:
    assert person.address is not None
    line, code, town = person.address
    kind, label = (
        (systems.SPECIAL_POSTAL_ADDRESS, "särskild postadress")
        if person.protection
        else (systems.STATED_ADDRESS, "uppgiven adress")
        if person.identifier[0] != systems.PERSONNUMMER
        else (systems.REGISTERED_ADDRESS, "folkbokföringsadress")
    )
    coding = {"system": systems.SNOMED_CT, "code": kind, "display": label}
    extension = {"url": systems.OFFICIAL_ADDRESS_TYPE, "valueCodeableConcept": {"coding": [coding]}}
    return {
        "extension": [extension],
        "use": "home",
        "line": [line],
        "city": town,
        "postalCode": code,
        "country": "SE",
    }


def _relationship(relative: Relative) -> Resource:
    system = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
    codes = [relative.role, *(["GUARD"] if relative.label.startswith("vårdnadshavare") else [])]
    return {"coding": [{"system": system, "code": code} for code in codes], "text": relative.label}


def _contact(relative: Relative) -> Resource:
    return {
        "relationship": [_relationship(relative)],
        "name": {"text": relative.name},
        "telecom": [{"system": "phone", "value": relative.phone, "use": "mobile"}],
    }


_LANGUAGES = {
    "ar": "arabiska",
    "so": "somaliska",
    "ti": "tigrinja",
    "uk": "ukrainska",
    "fi": "finska",
    "fa": "persiska",
}


def _language(code: str) -> Resource:
    coding = {"system": "urn:ietf:bcp:47", "code": code}
    return {"language": {"coding": [coding], "text": _LANGUAGES[code]}, "preferred": True}
