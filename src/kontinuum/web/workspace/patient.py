"""The patient as the banner and the search results show them: a typed view of Patient and what it means.

http://hl7.org/fhir/R4/patient.html; protected identity after HL7 Sweden's security labels. Under protected
identity neither address nor telephone nor listing leaves this module (offentlighets- och sekretesslagen
(2009:400) 22:1; folkbokföringslagen (1991:481) 16 §).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import msgspec

from kontinuum.fhir.datatypes import (
    Address,
    ContactPoint,
    Element,
    HumanName,
    Identifier,
    Meta,
    Reference,
    decoder,
)
from kontinuum.kernel.i18n import Translator
from kontinuum.kernel.module import Directory
from kontinuum.sweden import identifiers, systems


class NamePart(Element, frozen=True):
    """What is said about one given name."""

    extension: tuple[Qualifier, ...] = ()


class Qualifier(Element, frozen=True):
    """An extension whose value is a code."""

    url: str
    value_code: str | None = None


class NameOfPatient(HumanName, frozen=True):
    """A name in which the name of address (tilltalsnamn) may be marked."""

    given_parts: tuple[NamePart | None, ...] = msgspec.field(name="_given", default=())

    @property
    def parts(self) -> tuple[tuple[str, bool], ...]:
        """Each name, and whether the person is called by it; the family name always is."""
        marked = [part is not None and _is_called(part) for part in self.given_parts]
        marked += [False] * (len(self.given) - len(marked))
        if not any(marked):
            marked = [True] * len(self.given)
        given = list(zip(self.given, marked, strict=False))
        family = [(self.family, True)] if self.family else []
        return (*given, *family) or (((self.text, True),) if self.text else ())


def _is_called(part: NamePart) -> bool:
    return any(one.url == systems.NAME_QUALIFIER and one.value_code == "CL" for one in part.extension)


class PatientResource(Element, frozen=True):
    """The elements of Patient that pages read."""

    id: str
    meta: Meta = Meta()
    identifier: tuple[Identifier, ...] = ()
    name: tuple[NameOfPatient, ...] = ()
    telecom: tuple[ContactPoint, ...] = ()
    gender: str | None = None
    birth_date: str | None = None
    deceased_boolean: bool | None = None
    deceased_date_time: str | None = None
    address: tuple[Address, ...] = ()
    general_practitioner: tuple[Reference, ...] = ()


class Protection(StrEnum):
    """The two levels of protected identity."""

    MARKED = "marked"
    PROTECTED = "protected"


class NumberKind(StrEnum):
    """Which kind of number identifies the patient."""

    PERSONNUMMER = "personnummer"
    SAMORDNINGSNUMMER = "samordningsnummer"
    RESERVE = "reserve"
    OTHER = "other"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Person:
    """A patient's identity, ready to be shown; a text is empty when nothing is recorded or may be shown."""

    id: str
    names: tuple[tuple[str, bool], ...]
    number: str
    number_kind: NumberKind
    birth_date: str
    age: str
    sex: str
    protection: Protection | None
    deceased: bool
    deceased_on: str
    phone: str
    address: str
    listed_at: str
    linked: tuple[str, ...] = ()
    """The numbers of other records that are linked to this one as the same person."""

    @property
    def name(self) -> str:
        """The whole name."""
        return " ".join(part for part, _ in self.names)


_DECODER = decoder(PatientResource)
_KINDS = {
    systems.PERSONNUMMER: NumberKind.PERSONNUMMER,
    systems.SAMORDNINGSNUMMER: NumberKind.SAMORDNINGSNUMMER,
    systems.NATIONAL_RESERVE_NUMBER: NumberKind.RESERVE,
    systems.STOCKHOLM_RESERVE_NUMBER: NumberKind.RESERVE,
}
_BEST_FIRST = tuple(NumberKind)


def read_person(body: bytes, today: date, translator: Translator, directory: Directory) -> Person:
    """Read a stored Patient."""
    patient = _DECODER.decode(body)
    protection = _protection(patient.meta)
    number, kind = _number(patient, today)
    deceased_on = patient.deceased_date_time or ""
    until = _as_date(deceased_on) or today
    open_identity = protection is None
    return Person(
        id=patient.id,
        names=_names(patient.name) or ((translator.gettext("Name not known"), True),),
        number=number,
        number_kind=kind,
        birth_date=patient.birth_date or "",
        age=age_in_words(patient.birth_date, until, translator),
        sex=_sex(patient.gender, translator),
        protection=protection,
        deceased=bool(patient.deceased_boolean or deceased_on),
        deceased_on=translator.day(deceased_on) if deceased_on else "",
        phone=_phone(patient.telecom) if open_identity else "",
        address=_address(patient.address) if open_identity else "",
        listed_at=_listing(patient.general_practitioner, directory) if open_identity else "",
    )


def age_in_words(birth_date: str | None, on: date, translator: Translator) -> str:
    """Age as it is said in care: days the first month, months until two years, then years.

    Empty when the date of birth is not known; with only a year known the age is given as about.
    """
    if not birth_date:
        return ""
    born = _as_date(birth_date)
    if born is None:
        years = on.year - int(birth_date[:4])
        return translator.gettext("about %(years)s years") % {"years": years}
    days = (on - born).days
    months = (on.year - born.year) * 12 + on.month - born.month - (on.day < born.day)
    if days < 31:
        return translator.ngettext("%(num)d day", "%(num)d days", days) % {"num": days}
    if months < 24:
        return translator.ngettext("%(num)d month", "%(num)d months", months) % {"num": months}
    return translator.ngettext("%(num)d year", "%(num)d years", months // 12) % {"num": months // 12}


def _protection(meta: Meta) -> Protection | None:
    codes = {label.code for label in meta.security if label.system == systems.SECURITY_LABEL}
    if systems.PROTECTED_REGISTRATION in codes:
        return Protection.PROTECTED
    return Protection.MARKED if systems.CONFIDENTIALITY_MARK in codes else None


def _number(patient: PatientResource, today: date) -> tuple[str, NumberKind]:
    """The best identifier: a personnummer before a samordningsnummer before a reserve number."""
    current = [one for one in patient.identifier if one.value and one.use != "old"]
    ranked = sorted(current, key=lambda one: _BEST_FIRST.index(_kind(one)))
    if not ranked:
        return "", NumberKind.NONE
    best = ranked[0]
    kind = _kind(best)
    value = best.value or ""
    parsed = identifiers.from_fhir({"system": best.system or "", "value": value}, today=today)
    if parsed is None or isinstance(parsed, identifiers.Rejected):
        return value, kind
    formatted = getattr(parsed, "formatted", None)
    return (formatted() if callable(formatted) else value), kind


def _kind(identifier: Identifier) -> NumberKind:
    """What a number is by its system; a reserve number of any other series is marked as `temp`."""
    stands_in = NumberKind.RESERVE if identifier.use == "temp" else NumberKind.OTHER
    return _KINDS.get(systems.canonical(identifier.system or ""), stands_in)


def _names(names: tuple[NameOfPatient, ...]) -> tuple[tuple[str, bool], ...]:
    """The name in official use, given names before family name."""
    current = [name for name in names if name.use not in {"old", "maiden"}] or list(names)
    if not current:
        return ()
    return next((one for one in current if one.use in {"official", "usual"}), current[0]).parts


def _sex(gender: str | None, translator: Translator) -> str:
    words = {
        "female": translator.gettext("Woman"),
        "male": translator.gettext("Man"),
        "other": translator.gettext("Other sex"),
    }
    return words.get(gender or "", translator.gettext("Sex not known"))


def _phone(points: tuple[ContactPoint, ...]) -> str:
    phones = [point for point in points if point.system == "phone" and point.value and point.use != "old"]
    mobile = next((point for point in phones if point.use == "mobile"), None)
    best = mobile or (phones[0] if phones else None)
    return (best.value or "") if best else ""


def _address(addresses: tuple[Address, ...]) -> str:
    current = next((one for one in addresses if one.use != "old"), None)
    if current is None:
        return ""
    town = " ".join(part for part in (current.postal_code, current.city) if part)
    return ", ".join(part for part in (*current.line, town) if part) or current.text or ""


def _listing(references: tuple[Reference, ...], directory: Directory) -> str:
    if not references:
        return ""
    return directory.name(references[0].reference, references[0].display)


def _as_date(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None
