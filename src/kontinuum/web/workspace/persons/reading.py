"""What the person page shows, read from FHIR: identities, contacts, relations, and what each version changed.

Values of contacts are never shown in the history: they may be what protected identity keeps from the reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from kontinuum.fhir import json
from kontinuum.kernel.i18n import Translator, message
from kontinuum.kernel.module import Directory, ResourceVersion
from kontinuum.record.outcome import Stored
from kontinuum.sweden import identifiers, systems
from kontinuum.sweden.identifiers import LocalScheme
from kontinuum.web.workspace.persons.editing import ACTING, ROLES

Resource = dict[str, Any]

KINDS: Final = {
    systems.PERSONNUMMER: message("Personal identity number"),
    systems.SAMORDNINGSNUMMER: message("Co-ordination number"),
    systems.NATIONAL_RESERVE_NUMBER: message("National reserve number"),
    systems.LMA_NUMBER: message("LMA number"),
}
_EARLIER: Final = message("earlier")
USES: Final = {
    "old": _EARLIER,
    "temp": message("for the time being"),
    "secondary": message("also"),
}
ELEMENTS: Final = {
    "identifier": message("number"),
    "name": message("name"),
    "telecom": message("telephone or e-mail"),
    "address": message("address"),
    "gender": message("sex"),
    "birthDate": message("date of birth"),
    "deceased": message("deceased"),
    "link": message("link"),
    "protection": message("protected identity"),
    "contact": message("close persons"),
    "generalPractitioner": message("listing"),
    "active": message("record in use"),
}
LEVELS: Final = {
    systems.CONFIDENTIALITY_MARK: message("Marked as confidential"),
    systems.PROTECTED_REGISTRATION: message("Protected population registration"),
}
SOURCES: Final = {
    "population-register": message("Population register"),
    "death-certificate": message("Death certificate"),
    "stated": message("Stated by a relative or other person"),
}


@dataclass(frozen=True, slots=True)
class ShownNumber:
    """An identity of a person as it is written for people."""

    number: str
    kind: str
    use: str


@dataclass(frozen=True, slots=True)
class ShownRelation:
    """Somebody close to the patient; `acts`: on the patient's behalf, `over`: the period has ended."""

    id: str
    version: int
    name: str
    role: str
    number: str
    phone: str
    start: str
    end: str
    acts: bool
    over: bool


@dataclass(frozen=True, slots=True)
class ShownChange:
    """A version of the Patient: when, by whom, at which unit, what changed and why."""

    version: int
    when: int
    who: str
    unit: str
    what: tuple[str, ...]
    why: str


def numbers(
    patient: Resource, today: date, schemes: Sequence[LocalScheme], translator: Translator
) -> list[ShownNumber]:
    """The identities of a Patient, those in use first."""
    found = []
    for each in patient.get("identifier", ()):
        read = identifiers.from_fhir(each, today=today, schemes=schemes)
        known = read is not None and not isinstance(read, identifiers.Rejected)
        system = systems.canonical(each.get("system", ""))
        use = USES.get(each.get("use", ""), "")
        scheme = next((one.name for one in schemes if one.system == system), system)
        found.append(
            ShownNumber(
                str(read) if known else each.get("value", ""),
                translator.gettext(KINDS[system]) if system in KINDS else scheme[:1].upper() + scheme[1:],
                translator.gettext(use) if use else "",
            )
        )
    outdated = translator.gettext(_EARLIER)
    return sorted(found, key=lambda one: one.use == outdated)


def relations(stored: Iterable[ResourceVersion], today: date, translator: Translator) -> list[ShownRelation]:
    """Those close to the patient: who acts for the patient first, those whose period has ended last."""
    found = [_relation(each, today, translator) for each in stored if each.body is not None]
    return sorted(found, key=lambda one: (one.over, not one.acts, one.name))


def _relation(stored: ResourceVersion, today: date, translator: Translator) -> ShownRelation:
    person: Resource = json.loads(stored.body or b"")
    concept: Resource = next(iter(person.get("relationship", ())), {})
    codes = {(each.get("system"), each.get("code")) for each in concept.get("coding", ())}
    # ROLES names those who act for the patient first: a parent who is guardian is shown as that.
    role = next((key for key, (system, code, _) in ROLES.items() if (system, code) in codes), "")
    display = next((each.get("display", "") for each in concept.get("coding", ())), "")
    name: Resource = next(iter(person.get("name", ())), {})
    period = person.get("period", {})
    number: Resource = next(iter(person.get("identifier", ())), {})
    read = identifiers.from_fhir(number, today=today) if number else None
    return ShownRelation(
        id=stored.id,
        version=stored.version,
        name=name.get("text") or " ".join([*name.get("given", ()), name.get("family", "")]),
        role=concept.get("text") or (translator.gettext(ROLES[role][2]) if role else display),
        number="" if read is None or isinstance(read, identifiers.Rejected) else str(read),
        phone=next((each.get("value", "") for each in person.get("telecom", ())), ""),
        start=period.get("start", "")[:10],
        end=period.get("end", "")[:10],
        acts=role in ACTING,
        over=person.get("active") is False or ("end" in period and period["end"][:10] < today.isoformat()),
    )


def changes(
    versions: Sequence[Stored],
    reasons: Iterable[ResourceVersion],
    directory: Directory,
    translator: Translator,
) -> list[ShownChange]:
    """What each version of a Patient changed, newest first; `reasons` are the Provenance of some of them."""
    told = _told(reasons)
    bodies = [json.loads(each.body) if each.body else None for each in versions]
    shown = []
    for number, each in enumerate(versions):
        before = bodies[number + 1] if number + 1 < len(bodies) else None
        who, why = told.get(f"{each.reference}/_history/{each.version}", ("", ""))
        what = _differences(before, bodies[number])
        shown.append(
            ShownChange(
                each.version,
                each.updated,
                who,
                directory.unit(each.unit),
                tuple(translator.gettext(one) for one in what),
                why,
            )
        )
    return shown


def _told(reasons: Iterable[ResourceVersion]) -> dict[str, tuple[str, str]]:
    """Who and why, by the versioned reference that a Provenance speaks of."""
    found = {}
    for each in reasons:
        provenance = json.loads(each.body) if each.body else {}
        who = next((agent.get("who", {}).get("display", "") for agent in provenance.get("agent", ())), "")
        why = next((reason.get("text", "") for reason in provenance.get("reason", ())), "")
        for target in provenance.get("target", ()):
            found[target.get("reference", "")] = (who, why)
    return found


def _differences(before: Resource | None, after: Resource | None) -> list[str]:
    if after is None:
        return [message("deleted")]
    if before is None:
        return [message("first registered")]
    one, other = _parts(before), _parts(after)
    found = [name for name in ELEMENTS if one.get(name) != other.get(name)]
    others = {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)} - set(ELEMENTS)
    return [*(ELEMENTS[name] for name in found), *([message("other information")] if others else [])]


def _parts(patient: Resource) -> Resource:
    """A Patient's elements, with what the page calls by one name under one name."""
    parts = {
        name: value for name, value in patient.items() if not name.startswith("deceased") and name != "meta"
    }
    parts = {name: value for name, value in parts.items() if not name.startswith("_deceased")}
    parts["deceased"] = patient.get("deceasedDateTime") or patient.get("deceasedBoolean")
    labels = patient.get("meta", {}).get("security", ())
    parts["protection"] = [
        each.get("code") for each in labels if each.get("system") == systems.SECURITY_LABEL
    ]
    return parts
