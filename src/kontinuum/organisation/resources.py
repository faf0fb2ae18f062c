"""The directory's values as FHIR resources and back: THE mapping, documented in docs/organisation.md.

Organization, Practitioner and PractitionerRole after HL7 Sweden's base profiles
(http://hl7.se/fhir/ig/base). What a resource holds beside what is mapped here stays as it is when the
resource is written again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from kontinuum.kernel.i18n import local
from kontinuum.kernel.principal import Purpose
from kontinuum.organisation import codes
from kontinuum.organisation.model import Person, Role, Unit
from kontinuum.sweden import systems

Resource = dict[str, Any]

_LAST_DAY = date(9999, 12, 31)


def hsa_id_of(resource: Mapping[str, Any]) -> str | None:
    """The HSA-id of a resource, by either of its two systems."""
    for identifier in resource.get("identifier", ()):
        if systems.canonical(identifier.get("system", "")) == systems.HSA_ID and identifier.get("value"):
            value: str = identifier["value"]
            return value
    return None


def unit_of(resource: Resource, hsa_ids: Mapping[str, str]) -> Unit:
    """An Organization; `hsa_ids` gives the HSA-id behind a reference."""
    address: Mapping[str, Any] = next(iter(resource.get("address", ())), {})
    kinds = [c.get("code") for t in resource.get("type", ()) for c in t.get("coding", ())]
    kind = next((one for one in kinds if one in codes.UNIT_TYPES), None)
    above = resource.get("partOf", {}).get("reference")
    start, end = _period(_extension(resource, systems.ORGANIZATION_PERIOD).get("valuePeriod", {}))
    return Unit(
        hsa_id=hsa_id_of(resource) or "",
        name=resource.get("name", ""),
        type=kind or ("unit" if above else codes.PROVIDER_TYPE),
        parent=hsa_ids.get(above, above) if above else None,
        organisation_number=_identifier(resource, systems.ORGANISATION_NUMBER),
        street=next(iter(address.get("line", ())), None),
        postal_code=address.get("postalCode"),
        city=address.get("city"),
        phone=_phone(resource),
        start=start,
        end=end,
        active=resource.get("active", True),
    )


def person_of(resource: Resource) -> Person:
    """A Practitioner."""
    names = sorted(resource.get("name", ()), key=lambda one: one.get("use") != "official")
    name = names[0] if names else {}
    labels = resource.get("meta", {}).get("security", ())
    return Person(
        hsa_id=hsa_id_of(resource) or "",
        given_name=" ".join(name.get("given", ())) or ("" if name.get("family") else name.get("text", "")),
        family_name=name.get("family", ""),
        personal_number=_identifier(resource, systems.PERSONNUMMER)
        or _identifier(resource, systems.SAMORDNINGSNUMMER),
        protected=any(label.get("system") == systems.SECURITY_LABEL for label in labels),
        professions=tuple(
            coding["code"]
            for qualification in resource.get("qualification", ())
            for coding in qualification.get("code", {}).get("coding", ())
            if coding.get("system") == systems.LICENSED_PROFESSION and coding.get("code")
        ),
        prescriber_code=_identifier(resource, systems.PRESCRIBER_CODE),
        phone=_phone(resource),
        active=resource.get("active", True),
    )


def role_of(resource: Resource, hsa_ids: Mapping[str, str]) -> Role:
    """A PractitionerRole; a reference that `hsa_ids` does not know stays a reference."""
    purposes = [
        e.get("valueCode")
        for e in resource.get("extension", ())
        if e.get("url") == systems.ASSIGNMENT_PURPOSE
    ]
    rights = (
        e.get("valueCode") for e in resource.get("extension", ()) if e.get("url") == systems.ASSIGNMENT_RIGHT
    )
    who = resource.get("practitioner", {}).get("reference", "")
    where = resource.get("organization", {}).get("reference", "")
    concepts = resource.get("code", ())
    start, end = _period(resource.get("period", {}))
    return Role(
        person=hsa_ids.get(who, who),
        unit=hsa_ids.get(where, where),
        purpose=next((one for one in codes.PURPOSES if purposes == [one.value]), None),
        hsa_id=hsa_id_of(resource),
        rights=tuple(sorted({right for right in rights if right in codes.RIGHTS})),
        title=next((concept["text"] for concept in concepts if concept.get("text")), None),
        position=next(
            (
                coding.get("code")
                for concept in concepts
                for coding in concept.get("coding", ())
                if coding.get("system") == systems.POSITION
            ),
            None,
        ),
        start=start,
        end=end,
        active=resource.get("active", True),
    )


def unit_resource(unit: Unit, references: Mapping[str, str], present: Resource | None = None) -> Resource:
    """The Organization that a unit is; `references` gives the reference of an HSA-id."""
    resource: Resource = dict(present or _begun("Organization", unit.hsa_id))
    others = [t for t in resource.get("type", ()) if not _coded(t, systems.UNIT_TYPE)]
    kind = {"coding": [{"system": systems.UNIT_TYPE, "code": unit.type}]}
    address = dict(next(iter(resource.get("address", ())), {}))
    _put(address, "line", [unit.street, *address.get("line", ())[1:]] if unit.street else None)
    _put(address, "postalCode", unit.postal_code)
    _put(address, "city", unit.city)
    _put(resource, "active", unit.active)
    resource["name"] = unit.name
    if present is None or unit.type != unit_of(present, {}).type:
        resource["type"] = [*others, kind]
    _put(resource, "address", [address, *resource.get("address", ())[1:]] if address else None)
    identifiers = {systems.HSA_ID: unit.hsa_id, systems.ORGANISATION_NUMBER: unit.organisation_number}
    _put(resource, "identifier", _identified(resource, identifiers))
    _put(resource, "telecom", _with_phone(resource, unit.phone))
    period = _as_period(unit.start, unit.end)
    own = [{"url": systems.ORGANIZATION_PERIOD, "valuePeriod": period}] if period else []
    _put(resource, "extension", [*_other_extensions(resource, systems.ORGANIZATION_PERIOD), *own] or None)
    if unit.parent is None:
        resource.pop("partOf", None)
    elif resource.get("partOf", {}).get("reference") != references.get(unit.parent):
        resource["partOf"] = {"reference": references.get(unit.parent, f"Organization/{unit.parent}")}
    return resource


def person_resource(person: Person, present: Resource | None = None) -> Resource:
    """The Practitioner that a person is."""
    resource: Resource = dict(present or _begun("Practitioner", person.hsa_id))
    number = person.personal_number
    is_coordination = number is not None and len(number) == 12 and number[6:8] > "60"
    identifiers = {
        systems.HSA_ID: person.hsa_id,
        systems.PERSONNUMMER: None if is_coordination else number,
        systems.SAMORDNINGSNUMMER: number if is_coordination else None,
        systems.PRESCRIBER_CODE: person.prescriber_code,
    }
    _put(resource, "identifier", _identified(resource, identifiers))
    _put(resource, "active", person.active)
    _put(resource, "telecom", _with_phone(resource, person.phone))
    meta = dict(resource.get("meta", {}))
    labels = [label for label in meta.get("security", ()) if label.get("system") != systems.SECURITY_LABEL]
    if person.protected:
        kept = [one for one in meta.get("security", ()) if one.get("system") == systems.SECURITY_LABEL]
        labels += kept or [{"system": systems.SECURITY_LABEL, "code": systems.CONFIDENTIALITY_MARK}]
    _put(meta, "security", labels or None)
    _put(resource, "meta", meta or None)
    if present is None or person_of(present).name != person.name:
        said = {"use": "official", "text": person.name, "family": person.family_name}
        given = [{**said, "given": person.given_name.split()}]
        resource["name"] = [
            *given,
            *(n for n in resource.get("name", ()) if n.get("use") not in (None, "official")),
        ]
    licences = [
        q
        for q in resource.get("qualification", ())
        if not _coded(q.get("code", {}), systems.LICENSED_PROFESSION)
    ]
    licences += [
        {"code": {"coding": [{"system": systems.LICENSED_PROFESSION, "code": code}]}}
        for code in person.professions
    ]
    _put(resource, "qualification", licences or None)
    return resource


def role_resource(role: Role, references: Mapping[str, str], present: Resource | None = None) -> Resource:
    """The PractitionerRole that an assignment or employment is; without `present` and HSA-id it has no id."""
    resource: Resource = dict(present or _begun("PractitionerRole", role.hsa_id))
    _put(resource, "identifier", _identified(resource, {systems.HSA_ID: role.hsa_id}))
    _put(resource, "active", role.active)
    for element, kind, hsa_id in (
        ("practitioner", "Practitioner", role.person),
        ("organization", "Organization", role.unit),
    ):
        reference = references.get(hsa_id, f"{kind}/{hsa_id}")
        if resource.get(element, {}).get("reference") != reference:
            resource[element] = {"reference": reference}
    own = (
        [] if role.purpose is None else [{"url": systems.ASSIGNMENT_PURPOSE, "valueCode": role.purpose.value}]
    )
    own += [{"url": systems.ASSIGNMENT_RIGHT, "valueCode": right} for right in sorted(role.rights)]
    others = _other_extensions(resource, systems.ASSIGNMENT_PURPOSE, systems.ASSIGNMENT_RIGHT)
    _put(resource, "extension", [*own, *others] or None)
    before = role_of(present, {}) if present else None
    if before is None or (before.title, before.position) != (role.title, role.position):
        coded = {"coding": [{"system": systems.POSITION, "code": role.position}]} if role.position else {}
        said = {"text": role.title} if role.title else {}
        _put(resource, "code", [{**coded, **said}] if coded or said else None)
    if before is None or (before.start, before.end) != (role.start, role.end):
        _put(resource, "period", _as_period(role.start, role.end))
    return resource


def employment_id(role: Role) -> str:
    """The id of an employment or assignment that a directory names no HSA-id for: the same each time."""
    told = "|".join((role.person, role.unit, role.purpose or "", role.title or "", str(role.start or "")))
    return f"{role.kind.value}-{hashlib.blake2b(told.encode(), digest_size=10).hexdigest()}"


def _begun(kind: str, logical_id: str | None) -> Resource:
    """A new resource, which follows HL7 Sweden's profile of its type."""
    identity = {"id": logical_id} if logical_id else {}
    return {"resourceType": kind, **identity, "meta": {"profile": [systems.BASE_PROFILE + kind]}}


def _put(resource: Resource, name: str, value: object) -> None:
    """Set an element, or remove it: FHIR knows no empty ones."""
    if value is None:
        resource.pop(name, None)
    else:
        resource[name] = value


def _identified(resource: Resource, wanted: Mapping[str, str | None]) -> list[dict[str, Any]] | None:
    """The identifiers of a resource with those of some systems as wanted; what is right stays as it is."""
    kept = []
    left = dict(wanted)
    for one in resource.get("identifier", ()):
        system = systems.canonical(one.get("system", ""))
        if system not in wanted:
            kept.append(one)
        elif left.get(system) is not None and one.get("value") == left[system]:
            kept.append(one)
            left[system] = None
    kept += [{"system": system, "value": value} for system, value in left.items() if value is not None]
    return kept or None


def _identifier(resource: Resource, system: str) -> str | None:
    for one in resource.get("identifier", ()):
        if systems.canonical(one.get("system", "")) == system and one.get("value"):
            value: str = one["value"]
            return value
    return None


def _coded(concept: Mapping[str, Any], system: str) -> bool:
    return any(coding.get("system") == system for coding in concept.get("coding", ()))


def _extension(resource: Resource, url: str) -> dict[str, Any]:
    return next((one for one in resource.get("extension", ()) if one.get("url") == url), {})


def _other_extensions(resource: Resource, *urls: str) -> list[dict[str, Any]]:
    return [one for one in resource.get("extension", ()) if one.get("url") not in urls]


def _phone(resource: Resource) -> str | None:
    return next((t.get("value") for t in resource.get("telecom", ()) if t.get("system") == "phone"), None)


def _with_phone(resource: Resource, phone: str | None) -> list[dict[str, Any]] | None:
    if _phone(resource) == phone:
        return resource.get("telecom")
    others = [t for t in resource.get("telecom", ()) if t.get("system") != "phone"]
    return [*([{"system": "phone", "value": phone}] if phone else []), *others] or None


def _period(period: Mapping[str, str]) -> tuple[date | None, date | None]:
    """The first and the last day of a period, in Sweden."""
    start, end = period.get("start"), period.get("end")
    return local(start).date() if start else None, _last_day(end) if end else None


def _last_day(bound: str) -> date:
    if re.fullmatch(r"\d{4}", bound):
        return date(int(bound), 12, 31)
    if re.fullmatch(r"\d{4}-\d\d", bound):
        year, month = int(bound[:4]), int(bound[5:])
        following = date(year + month // 12, month % 12 + 1, 1) if (year, month) < (9999, 12) else _LAST_DAY
        return date.fromordinal(following.toordinal() - 1)
    return local(bound).date()


def _as_period(start: date | None, end: date | None) -> dict[str, str] | None:
    bounds = (("start", start), ("end", end))
    return {name: day.isoformat() for name, day in bounds if day is not None} or None


def references_of(found: Iterable[tuple[str, Resource]]) -> dict[str, str]:
    """HSA-id to reference, of (reference, resource)."""
    return {hsa: reference for reference, resource in found if (hsa := hsa_id_of(resource))}


def known_purpose(text: str) -> Purpose | None:
    """The purpose that a directory means; None for one that is no purpose of staff here."""
    return codes.PURPOSE_TERMS.get(text.strip().lower())
