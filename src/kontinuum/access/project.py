"""What a FHIR resource says to the law: one pure function from a resource to rows.

Encounters, bookings, referrals, listings, episodes and teams make care relations; Consents make blocks,
consents and proxies; a Patient tells age, death and protected identity, a RelatedPerson who is a guardian, a
Communication that the patient was informed. The rows are written in the same
transaction as the resource, so that the two never disagree. What a block or consent says and this function
does not understand is refused, never ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from kontinuum.access.circumstances import Level, Protection
from kontinuum.access.consents import BlockRow, Consents, Understood, denies, read_consent
from kontinuum.access.vocabulary import COHERENT_RECORD, INFORMATION
from kontinuum.fhir.search.dates import date_range
from kontinuum.fhir.search.query import MICROS_MAX, MICROS_MIN
from kontinuum.sweden import systems

_DAY = timedelta(days=1) // timedelta(microseconds=1)
AFTER_CONTACT = 365 * _DAY
"""How long a unit takes part in the care after a visit, an admission or a booking."""
AFTER_REFERRAL = 365 * _DAY
"""How long the receiver of a referral takes part in the care, from the day it was written."""

_INPATIENT = frozenset({"IMP", "ACUTE", "NONAC", "OBSENC", "SS"})
_HAPPENING = frozenset({"arrived", "triaged", "in-progress", "onleave"})
_BOOKED = frozenset({"proposed", "pending", "booked", "arrived", "fulfilled", "checked-in", "waitlist"})


@dataclass(frozen=True, slots=True)
class Relation:
    """A unit's care relation; `unit` is None for the accountable one, else HSA-id or `Organization/id`."""

    basis: str
    low: int
    high: int
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """What the law asks about a person; `born` is yyyymmdd, the latest that a partial date allows."""

    born: int | None
    deceased: bool
    protection: Protection


@dataclass(frozen=True, slots=True)
class Guardianship:
    """When somebody is a child's guardian; who that is, the RelatedPerson's number tells."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Projection:
    """The rows that a resource makes; `informed` is when the patient was told of coherent records."""

    relations: tuple[Relation, ...] = ()
    consents: Consents = field(default_factory=Consents)
    person: PersonFacts | None = None
    guardianship: Guardianship | None = None
    informed: int | None = None


def project(resource: dict[str, Any], recorded: int) -> Projection:
    """The rows of a valid resource; `recorded` is its time of writing in microseconds."""
    kind = resource["resourceType"]
    if kind == "Patient":
        return Projection(tuple(_listing(resource)), person=_person(resource))
    if kind == "Consent":
        understood = read_consent(resource)
        return Projection(
            consents=understood.rows if isinstance(understood, Understood) else _unclear(resource)
        )
    if kind == "RelatedPerson":
        return Projection(guardianship=_guardianship(resource))
    if kind == "Communication":
        return Projection(informed=_informed(resource, recorded))
    relations = _RELATIONS.get(kind)
    return Projection(tuple(relations(resource, recorded))) if relations else Projection()


def _unclear(resource: dict[str, Any]) -> Consents:
    """What a Consent means that is not understood, from before such were refused: it hides all it may mean.

    That is everything that its care provider has about the patient, from other units and other providers. A
    permission that is not understood permits nothing.
    """
    if not denies(resource):
        return Consents()
    levels = (Level.INNER, Level.OUTER)
    return Consents(blocks=tuple(BlockRow(each, "", MICROS_MIN, MICROS_MAX, frozenset()) for each in levels))


def _encounter(resource: dict[str, Any], recorded: int) -> Iterator[Relation]:
    status = resource.get("status")
    inpatient = (resource.get("class") or {}).get("code") in _INPATIENT
    low, high = _period(resource.get("period"))
    if status == "planned":
        last = high if high < MICROS_MAX else low
        start = recorded if low == MICROS_MIN else min(recorded, low)
        yield Relation("booking", start, _after(recorded if last == MICROS_MIN else last, AFTER_CONTACT))
    elif status in _HAPPENING or status == "finished":
        start = recorded if low == MICROS_MIN else low
        over = high < MICROS_MAX
        if status == "finished" and not over:
            high = start
        until = high if status in _HAPPENING and not over else _after(high, AFTER_CONTACT)
        yield Relation("admission" if inpatient else "visit", start, until)


def _appointment(resource: dict[str, Any], recorded: int) -> Iterator[Relation]:
    if resource.get("status") in _BOOKED:
        start, end = date_range(resource.get("start") or ""), date_range(resource.get("end") or "")
        last = end[1] if end else start[1] if start else recorded
        yield Relation("booking", min(recorded, start[0]) if start else recorded, _after(last, AFTER_CONTACT))


def _referral(resource: dict[str, Any], recorded: int) -> Iterator[Relation]:
    if resource.get("status") in ("active", "on-hold", "completed"):
        written = date_range(resource.get("authoredOn") or "")
        low = written[0] if written else recorded
        for unit in _organizations(resource.get("performer") or ()):
            yield Relation("referral", low, _after(low, AFTER_REFERRAL), unit)


def _episode(resource: dict[str, Any], recorded: int) -> Iterator[Relation]:
    if resource.get("status") in ("planned", "waitlist", "active", "onhold"):
        low, high = _period(resource.get("period"))
        yield Relation("listing", recorded if low == MICROS_MIN else low, high)


def _team(resource: dict[str, Any], recorded: int) -> Iterator[Relation]:
    if resource.get("status") in ("proposed", "active"):
        low, high = _period(resource.get("period"))
        members = [each.get("member") or {} for each in resource.get("participant") or ()]
        for unit in _organizations([*(resource.get("managingOrganization") or ()), *members]):
            yield Relation("team", recorded if low == MICROS_MIN else low, high, unit)


def _listing(resource: dict[str, Any]) -> Iterator[Relation]:
    for unit in _organizations(resource.get("generalPractitioner") or ()):
        yield Relation("listing", MICROS_MIN, MICROS_MAX, unit)


_RELATIONS: dict[str, Callable[[dict[str, Any], int], Iterator[Relation]]] = {
    "Encounter": _encounter,
    "Appointment": _appointment,
    "ServiceRequest": _referral,
    "EpisodeOfCare": _episode,
    "CareTeam": _team,
}

PROJECTED_TYPES = frozenset({"Patient", "RelatedPerson", "Consent", "Communication", *_RELATIONS})
"""The types that say anything to the law; others cost nothing."""


def _organizations(references: Any) -> Iterator[str]:
    """The units among references: an HSA-id where it is given, else `Organization/id`."""
    for reference in references:
        identifier = reference.get("identifier") or {}
        if systems.canonical(identifier.get("system") or "") == systems.HSA_ID and identifier.get("value"):
            yield identifier["value"]
        elif str(reference.get("reference", "")).startswith("Organization/"):
            yield "/".join(reference["reference"].split("/")[:2])


def _guardianship(resource: dict[str, Any]) -> Guardianship | None:
    """A RelatedPerson says that somebody has custody by the code GUARD alone: not every parent has it."""
    if resource.get("active") is False or not _coded(
        resource.get("relationship"), systems.ROLE_CODE, "GUARD"
    ):
        return None
    return Guardianship(*_period(resource.get("period")))


def _informed(resource: dict[str, Any], recorded: int) -> int | None:
    told = _coded(resource.get("category"), INFORMATION, COHERENT_RECORD)
    if resource.get("status") != "completed" or not told:
        return None
    sent = date_range(resource.get("sent") or "")
    return sent[0] if sent else recorded


def _coded(concepts: Any, system: str, code: str) -> bool:
    """Whether a code is among some CodeableConcepts."""
    return any(
        coding.get("system") == system and coding.get("code") == code
        for concept in concepts or ()
        for coding in concept.get("coding") or ()
    )


def _person(resource: dict[str, Any]) -> PersonFacts:
    born = _latest_day(resource.get("birthDate"))
    deceased = bool(resource.get("deceasedBoolean") or resource.get("deceasedDateTime"))
    return PersonFacts(born, deceased, protection_of(resource))


def protection_of(resource: dict[str, Any]) -> Protection:
    """The level of protected identity that a Patient is marked with (rule 4)."""
    labels = (resource.get("meta") or {}).get("security") or ()
    codes = {label.get("code") for label in labels if label.get("system") == systems.SECURITY_LABEL}
    if systems.PROTECTED_REGISTRATION in codes:
        return Protection.PROTECTED
    return Protection.MARKED if systems.CONFIDENTIALITY_MARK in codes else Protection.NONE


def _latest_day(date: str | None) -> int | None:
    if not date:
        return None
    year, _, rest = date.partition("-")
    month, _, day = rest.partition("-")
    return int(year) * 10_000 + int(month or 12) * 100 + int(day or 31)


def _period(period: dict[str, Any] | None) -> tuple[int, int]:
    low, high = date_range((period or {}).get("start") or ""), date_range((period or {}).get("end") or "")
    return low[0] if low else MICROS_MIN, high[1] if high else MICROS_MAX


def _after(moment: int, duration: int) -> int:
    return min(MICROS_MAX, moment + duration)
