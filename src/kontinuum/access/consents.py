"""Blocks, consents and proxies as FHIR Consent (http://hl7.org/fhir/R4/consent.html), read and written here.

A block is `provision.type` deny: `organization` is whose data, `provision.dataPeriod` its clinical time,
`provision.provision` (permit) with `class` what stays visible. A consent is permit: `provision.actor` to whom
(nobody named: the whole care provider that captured it), `provision.period` its time. A proxy is permit
with a
Patient as actor. Whatever else such a Consent says is refused: what is not understood cannot be kept to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kontinuum.access.circumstances import Level
from kontinuum.access.vocabulary import (
    BLOCKS,
    CONSENT_KIND,
    INFORMATION_TYPE,
    INFORMATION_TYPES,
    KEPT_IN_BLOCK,
    READING,
    ConsentKind,
)
from kontinuum.fhir.issues import Issue
from kontinuum.fhir.search.dates import date_range
from kontinuum.fhir.search.query import MICROS_MAX, MICROS_MIN
from kontinuum.sweden import systems

_OPTED_OUT = frozenset({"OPTOUT", "OPTOUTE"})
"""Policies that deny what is not excepted (http://terminology.hl7.org/CodeSystem/v3-ActCode)."""


@dataclass(frozen=True, slots=True)
class BlockRow:
    """A block on the data of a unit or (outer) of the provider; `unit` is an HSA-id."""

    level: Level
    unit: str
    low: int
    high: int
    kept: frozenset[str]


@dataclass(frozen=True, slots=True)
class ConsentRow:
    """Consent for the provider that captured it: for `unit` and `person`, or all where they are empty."""

    unit: str
    person: str
    low: int
    high: int
    unable: bool


@dataclass(frozen=True, slots=True)
class ProxyRow:
    """Somebody who reads for the patient; empty `types` is everything."""

    person: str
    low: int
    high: int
    types: frozenset[str]


@dataclass(frozen=True, slots=True)
class Consents:
    """The rows of one Consent."""

    blocks: tuple[BlockRow, ...] = ()
    consents: tuple[ConsentRow, ...] = ()
    proxies: tuple[ProxyRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Understood:
    """What a Consent says; `kind` is None for a Consent that the law's rules do not concern."""

    kind: ConsentKind | None
    rows: Consents


class _UnclearError(Exception):
    """Something in a Consent of ours that is not understood, and where."""

    def __init__(self, message: str, location: str, code: str = "not-supported") -> None:
        super().__init__(message)
        self.issue = Issue("error", code, message, location)


def kind_of(resource: dict[str, Any]) -> ConsentKind | None:
    """What a Consent of ours says, None for another's."""
    codes = [
        coding.get("code")
        for concept in resource.get("category") or ()
        for coding in concept.get("coding") or ()
        if coding.get("system") == CONSENT_KIND
    ]
    return next((kind for kind in ConsentKind if kind.value in codes), None)


def read_consent(resource: dict[str, Any]) -> Understood | Issue:
    """What a valid Consent says to the law, or what in it is not understood."""
    try:
        kind = _kind(resource)
        if kind is None:
            return Understood(None, Consents())
        rows = _READERS[kind](kind, resource, resource.get("provision") or {})
    except _UnclearError as unclear:
        return unclear.issue
    return Understood(kind, rows if resource.get("status") == "active" else Consents())


def _kind(resource: dict[str, Any]) -> ConsentKind | None:
    for concept in resource.get("category") or ():
        for coding in concept.get("coding") or ():
            if coding.get("system") == CONSENT_KIND and coding.get("code") not in list(ConsentKind):
                known = ", ".join(ConsentKind)
                raise _UnclearError(f"'{coding.get('code')}' is none of {known}.", "Consent.category")
    kind = kind_of(resource)
    if kind is None and denies(resource):
        raise _UnclearError(
            "This Consent denies something, and what it denies cannot be kept to: give it a category of "
            f"{CONSENT_KIND} ({', '.join(sorted(BLOCKS))}).",
            "Consent.category",
        )
    return kind


def denies(resource: dict[str, Any]) -> bool:
    """Whether a Consent in force denies anything, in its root rule, a nested one or by opting out."""
    rules = [resource.get("provision") or {}]
    for rule in rules:
        rules += rule.get("provision") or ()
    policies = (resource.get("policyRule") or {}).get("coding") or ()
    opted_out = any(coding.get("code") in _OPTED_OUT for coding in policies)
    return resource.get("status") == "active" and (
        opted_out or any(rule.get("type") == "deny" for rule in rules)
    )


def _block(kind: ConsentKind, resource: dict[str, Any], provision: dict[str, Any]) -> Consents:
    _only(provision, {"id", "type", "dataPeriod", "provision"}, "Consent.provision")
    if provision.get("type") != "deny":
        raise _UnclearError("A block's provision has the type deny.", "Consent.provision.type", "value")
    units = [_hsa(each, "Consent.organization") for each in resource.get("organization") or ()]
    if not units:
        raise _UnclearError(
            "A block says whose documentation it covers: organization.identifier with an HSA-id.",
            "Consent.organization",
            "required",
        )
    kept: frozenset[str] = frozenset()
    for number, exception in enumerate(provision.get("provision") or ()):
        where = f"Consent.provision.provision[{number}]"
        _only(exception, {"id", "type", "class"}, where)
        if exception.get("type") != "permit" or not exception.get("class"):
            raise _UnclearError("An exception from a block permits a class of information.", where, "value")
        kept |= _classes(exception["class"], KEPT_IN_BLOCK, f"{where}.class")
    low, high = _period(provision.get("dataPeriod"))
    level = Level.INNER if kind is ConsentKind.INNER_BLOCK else Level.OUTER
    return Consents(blocks=tuple(BlockRow(level, unit, low, high, kept) for unit in units))


def _reading(kind: ConsentKind, resource: dict[str, Any], provision: dict[str, Any]) -> Consents:
    _only(provision, {"id", "type", "period", "actor", "purpose"}, "Consent.provision")
    _permits(provision)
    low, high = _period(provision.get("period"))
    actors = provision.get("actor") or ()
    scopes = [_scope(actor, f"Consent.provision.actor[{n}]") for n, actor in enumerate(actors)] or [("", "")]
    unable = kind is ConsentKind.CANNOT_CONSENT
    return Consents(consents=tuple(ConsentRow(unit, person, low, high, unable) for unit, person in scopes))


def _proxy(kind: ConsentKind, resource: dict[str, Any], provision: dict[str, Any]) -> Consents:
    _only(provision, {"id", "type", "period", "actor", "class"}, "Consent.provision")
    _permits(provision)
    low, high = _period(provision.get("period"))
    if high == MICROS_MAX:
        raise _UnclearError("An appointment has an end.", "Consent.provision.period.end", "required")
    types = _classes(provision.get("class") or (), tuple(INFORMATION_TYPES), "Consent.provision.class")
    people = [
        str((actor.get("reference") or {}).get("reference", "")) for actor in provision.get("actor") or ()
    ]
    if not people or not all(person.startswith("Patient/") for person in people):
        raise _UnclearError(
            "A proxy is a Patient of this record: Consent.provision.actor.reference.",
            "Consent.provision.actor",
            "value",
        )
    return Consents(proxies=tuple(ProxyRow(person.split("/")[1], low, high, types) for person in people))


_READERS = dict.fromkeys(BLOCKS, _block) | dict.fromkeys(READING, _reading)
_READERS[ConsentKind.PROXY] = _proxy


def _permits(provision: dict[str, Any]) -> None:
    if provision.get("type") != "permit":
        raise _UnclearError("A consent's provision has the type permit.", "Consent.provision.type", "value")


def _only(element: dict[str, Any], understood: set[str], where: str) -> None:
    for name in element:
        if name not in understood:
            raise _UnclearError(
                f"'{name}' is not understood here, so it could not be kept to.", f"{where}.{name}"
            )


def _scope(actor: dict[str, Any], where: str) -> tuple[str, str]:
    reference = actor.get("reference") or {}
    literal = str(reference.get("reference", ""))
    if literal.startswith("Practitioner/"):
        return "", literal.split("/")[1]
    return _hsa(reference, f"{where}.reference"), ""


def _hsa(reference: dict[str, Any], where: str) -> str:
    identifier = reference.get("identifier") or {}
    if systems.canonical(identifier.get("system") or "") != systems.HSA_ID or not identifier.get("value"):
        raise _UnclearError("It is named by its HSA-id (identifier).", where, "value")
    return str(identifier["value"])


def _classes(codings: Any, understood: tuple[str, ...], where: str) -> frozenset[str]:
    types: frozenset[str] = frozenset()
    for coding in codings:
        code = coding.get("code")
        if coding.get("system") != INFORMATION_TYPE or code not in understood:
            raise _UnclearError(
                f"'{code}' is none of {', '.join(understood)} ({INFORMATION_TYPE}).", where, "code-invalid"
            )
        types |= INFORMATION_TYPES[code]
    return types


def _period(period: dict[str, Any] | None) -> tuple[int, int]:
    low, high = date_range((period or {}).get("start") or ""), date_range((period or {}).get("end") or "")
    return low[0] if low else MICROS_MIN, high[1] if high else MICROS_MAX
