"""From a form about a person to the Patient or RelatedPerson that it makes. Pure: no request, no record.

http://hl7.org/fhir/R4/patient.html, http://hl7.org/fhir/R4/relatedperson.html. What the form does not speak
of stays as it stands in the resource.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from kontinuum.fhir import json
from kontinuum.fhir.search.dates import date_range
from kontinuum.kernel.i18n import message
from kontinuum.sweden import identifiers, systems
from kontinuum.sweden.identifiers import LocalScheme, PersonIdentifier, Personnummer, Samordningsnummer

Resource = dict[str, Any]
Form = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Wrong:
    """What must be corrected in a form, as a message for the person who filled it in; `field` is its name."""

    field: str
    text: str


SEXES: Final = ("female", "male", "other", "unknown")

ROLES: Final[dict[str, tuple[str, str, str]]] = {
    "guardian": (systems.ROLE_CODE, "GUARD", message("Guardian (custody of a child)")),
    "god-man": (systems.REPRESENTATION, "god-man", message("Legal representative (god man)")),
    "forvaltare": (systems.REPRESENTATION, "forvaltare", message("Administrator (förvaltare)")),
    "attorney": (systems.ROLE_CODE, "POWATT", message("Future power of attorney")),
    "ombud": (systems.REPRESENTATION, "ombud", message("Proxy")),
    "spouse": (systems.ROLE_CODE, "SPS", message("Spouse or partner")),
    "parent": (systems.ROLE_CODE, "PRN", message("Parent")),
    "child": (systems.ROLE_CODE, "CHILD", message("Child")),
    "sibling": (systems.ROLE_CODE, "SIB", message("Sibling")),
    "other": (systems.ROLE_CODE, "FAMMEMB", message("Other close person")),
}
"""In which capacity somebody is close to a patient or acts for one: key -> (system, code, name)."""

ACTING: Final = frozenset({"guardian", "god-man", "forvaltare", "attorney", "ombud"})
"""The roles in which somebody acts for the patient."""

PROFILE: Final = f"{systems.BASE_PROFILE}Patient"
"""HL7 Sweden's profile of patients, which who is registered here says to follow."""
_ONE_OF_EACH: Final = (systems.PERSONNUMMER, systems.SAMORDNINGSNUMMER, systems.NATIONAL_RESERVE_NUMBER)

NOT_A_DATE: Final = message("Write the date as YYYY-MM-DD.")
IN_FUTURE: Final = message("The date is in the future.")
ENDS_FIRST: Final = message("The end is before the beginning.")
NO_NAME: Final = message("Write a name.")
NO_ROLE: Final = message("Choose a relation.")
NO_NUMBER: Final = message("It is not a personal identity number, co-ordination number or reserve number.")
NO_SEX: Final = message("Choose a sex, or that it is not known.")
NO_SOURCE: Final = message("Choose where the information comes from.")


def text(form: Form, name: str) -> str:
    """What was written in a field, without space around it."""
    return " ".join(form.get(name, "").split())


def person_number(
    form: Form, name: str, today: date, schemes: Sequence[LocalScheme]
) -> PersonIdentifier | Wrong | None:
    """The number in a field; None when it is empty."""
    written = text(form, name)
    if not written:
        return None
    read = identifiers.parse_person_identifier(written, today=today, schemes=schemes)
    return Wrong(name, NO_NUMBER) if isinstance(read, identifiers.Rejected) else read


def day(form: Form, name: str, today: date | None = None) -> str | Wrong:
    """The date in a field, empty when it is; with `today` it may not be later."""
    written = text(form, name)
    if not written:
        return ""
    if len(written) == 8 and written.isdigit():
        written = f"{written[:4]}-{written[4:6]}-{written[6:]}"
    if len(written) != 10 or date_range(written) is None:
        return Wrong(name, NOT_A_DATE)
    if today is not None and written > today.isoformat():
        return Wrong(name, IN_FUTURE)
    return written


def with_number(patient: Resource, number: PersonIdentifier) -> Resource:
    """A Patient with one more identity; reserve numbers become earlier ones when a real number comes."""
    new = {"use": "official", **identifiers.to_fhir(number)}
    real = isinstance(number, Personnummer | Samordningsnummer)
    kept = [
        {**each, "use": "old"} if real and each.get("use") in ("temp", "official") else each
        for each in patient.get("identifier", ())
    ]
    if not real:
        new["use"] = "secondary" if kept else "temp"
    changed = _claimed({**patient, "identifier": [*kept, new]})
    if real and not patient.get("birthDate"):
        changed["birthDate"] = _birth_date(number)
    return changed


def _claimed(patient: Resource) -> Resource:
    """A Patient without HL7 Sweden's profile where its numbers do not follow it: it has one of each kind."""
    given = [each.get("system") for each in patient["identifier"]]
    claims = patient.get("meta", {}).get("profile", [])
    if PROFILE not in claims or all(given.count(each) <= 1 for each in _ONE_OF_EACH):
        return patient
    meta = {name: value for name, value in patient["meta"].items() if name != "profile"}
    kept = [each for each in claims if each != PROFILE]
    meta |= {"profile": kept} if kept else {}
    plain = {name: value for name, value in patient.items() if name != "meta"}
    return {**plain, "meta": meta} if meta else plain


def _birth_date(number: PersonIdentifier) -> str:
    born = number.birth_date if isinstance(number, Personnummer | Samordningsnummer) else None
    return born.isoformat() if born else ""


def with_contacts(patient: Resource, form: Form) -> Resource:
    """A Patient with the telephone, e-mail and address of a form in place of the ones that were shown."""
    points = [
        each
        for each in patient.get("telecom", ())
        if each.get("use") == "old" or each.get("system") not in ("phone", "email")
    ]
    for system, name, use in (
        ("phone", "mobile", "mobile"),
        ("phone", "phone", "home"),
        ("email", "email", "home"),
    ):
        if text(form, name):
            points.append({"system": system, "value": text(form, name), "use": use})
    changed = {name: value for name, value in patient.items() if name != "telecom"}
    if points:
        changed["telecom"] = points
    return _with_address(changed, form)


def _with_address(patient: Resource, form: Form) -> Resource:
    addresses: list[Resource] = list(patient.get("address", ()))
    place = next((number for number, each in enumerate(addresses) if each.get("use") != "old"), None)
    before = addresses[place] if place is not None else {"use": "home", "country": "SE"}
    line, code, city = (text(form, name) for name in ("line", "code", "city"))
    after = {
        name: value for name, value in before.items() if name not in ("line", "postalCode", "city", "text")
    }
    after |= {"line": [line]} if line else {}
    after |= {"postalCode": code} if code else {}
    after |= {"city": city} if city else {}
    shown = (" ".join(before.get("line", ())), before.get("postalCode", ""), before.get("city", ""))
    if shown == (line, code, city):
        return patient
    if place is not None:
        del addresses[place]
    if line or code or city:
        addresses.insert(place or 0, after)
    changed = {name: value for name, value in patient.items() if name != "address"}
    return {**changed, "address": addresses} if addresses else changed


def with_death(patient: Resource, on: str, source: str) -> Resource:
    """A Patient who is deceased, on a day or at a time not known; with no source, one who is not."""
    names = ("deceasedBoolean", "deceasedDateTime", "_deceasedBoolean", "_deceasedDateTime")
    changed = {name: value for name, value in patient.items() if name not in names}
    if not source:
        return changed
    said = {"extension": [{"url": systems.DECEASED_SOURCE, "valueCode": source}]}
    if on:
        return {**changed, "deceasedDateTime": on, "_deceasedDateTime": said}
    return {**changed, "deceasedBoolean": True, "_deceasedBoolean": said}


def related_person(patient: str, form: Form, today: date, schemes: Sequence[LocalScheme]) -> Resource | Wrong:
    """Somebody close to a patient, or who acts for one, from a form."""
    name, role = text(form, "name"), form.get("role", "")
    number = person_number(form, "number", today, schemes)
    start, end = day(form, "start"), day(form, "end")
    if not name:
        return Wrong("name", NO_NAME)
    if role not in ROLES:
        return Wrong("role", NO_ROLE)
    for each in (number, start, end):
        if isinstance(each, Wrong):
            return each
    if start and end and str(end) < str(start):
        return Wrong("end", ENDS_FIRST)
    system, code, label = ROLES[role]
    given, _, family = name.rpartition(" ")
    made: Resource = {
        "resourceType": "RelatedPerson",
        "active": True,
        "patient": {"reference": f"Patient/{patient}"},
        "relationship": [{"coding": [{"system": system, "code": code, "display": label}]}],
        "name": [{"text": name, "family": family, **({"given": given.split()} if given else {})}],
    }
    if number is not None and not isinstance(number, Wrong):
        made["identifier"] = [identifiers.to_fhir(number)]
    if text(form, "phone"):
        made["telecom"] = [{"system": "phone", "value": text(form, "phone")}]
    period = {**({"start": start} if start else {}), **({"end": end} if end else {})}
    return {**made, "period": period} if period else made


def new_patient(form: Form, today: date, number: PersonIdentifier | None) -> Resource | Wrong:
    """A Patient to be registered from a form; without a number one is given out when it is written."""
    given, family, sex = text(form, "given"), text(form, "family"), form.get("sex", "")
    born = day(form, "born", today)
    if isinstance(born, Wrong):
        return born
    real = number if isinstance(number, Personnummer | Samordningsnummer) else None
    if not family:
        return Wrong("family", NO_NAME)
    if real is not None and not sex:
        sex = str(real.sex)
    if sex not in SEXES:
        return Wrong("sex", NO_SEX)
    name: Resource = {
        "use": "official" if given else "temp",
        "text": f"{given} {family}".strip(),
        "family": family,
    }
    if given:
        name["given"] = given.split()
    made: Resource = {
        "resourceType": "Patient",
        "meta": {"profile": [PROFILE]},
        "active": True,
        "name": [name],
        "gender": sex,
    }
    if number is not None:
        made["identifier"] = [{"use": "official" if real else "temp", **identifiers.to_fhir(number)}]
    birth = born or (_birth_date(real) if real else "")
    return {**made, "birthDate": birth} if birth else made


def ended(body: bytes, today: str) -> Resource:
    """A RelatedPerson whose relation ends today."""
    person: Resource = json.loads(body)
    return {**person, "active": False, "period": {**person.get("period", {}), "end": today}}
