"""The decision on access, in its two forms: a check of one resource, a predicate for a search."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from kontinuum.access.bars import CARE_BARS, PORTAL_BARS, Bar, any_bar, stopping
from kontinuum.access.circumstances import Circumstances, Kind
from kontinuum.access.decision import Action, Decision, Deny, Facts, Permit, Question
from kontinuum.access.grounds import (
    Emergency,
    NotPatientData,
    OtherProvider,
    OtherUnit,
    OwnDocumentation,
    PatientIdentity,
    SameUnit,
    SystemAssignment,
    UncheckedEmergency,
)
from kontinuum.access.needs import ACTIVE_CHOICE, CARE_RELATION, CONSENT
from kontinuum.access.portal import DecisionForChild, GuardianOfChild, OwnRecord, Proxy
from kontinuum.access.redact import unprotected
from kontinuum.access.rule import Rule
from kontinuum.access.scopes import outside, within_scopes
from kontinuum.access.sql import COMPLETE, NOTHING, all_of, any_of, compact, filled, none_of
from kontinuum.access.subscribers import OwnSubscription
from kontinuum.access.vetoes import VETOES
from kontinuum.kernel.clock import to_micros
from kontinuum.kernel.principal import Principal
from kontinuum.kernel.sql import Fragment

OPEN_GROUNDS: tuple[Rule, ...] = (
    NotPatientData(),
    PatientIdentity(),
    SystemAssignment(),
    OwnDocumentation(),
    OwnSubscription(),
)
"""Grounds that no bar stops, in the order in which they are tried."""

CARE_GROUNDS: tuple[Rule, ...] = (SameUnit(), OtherUnit(), OtherProvider(), Emergency())
"""Grounds of staff, which blocks stop."""

UNCHECKED = UncheckedEmergency()
"""The only ground on which anything that blocks may concern is shown while they cannot be checked."""

PORTAL_GROUNDS: tuple[Rule, ...] = (OwnRecord(), GuardianOfChild(), DecisionForChild(), Proxy())
"""Grounds on the patient's own pages, which what is kept back and a closed account stop."""

CANNOT_CHECK = Deny(
    "cannot-check",
    "Whether the patient's blocks and consents permit this cannot be checked just now, so it is not shown. "
    "At danger to life or serious danger to health, make an emergency opening.",
    "lag (2022:913) om sammanhållen vård- och omsorgsdokumentation; patientdatalagen (2008:355) 4:4",
)
"""Rule 17: where the check cannot be made the answer is no."""


def decide(question: Question, facts: Facts, circumstances: Circumstances | None) -> Decision:
    """Whether one resource may be read or written, and on which ground.

    Circumstances that could not be found out (None) refuse everything that depends on them. An app's scopes
    are asked about after the law: their refusal tells nothing that the law hides.
    """
    decided = _by_law(question, facts, circumstances)
    return decided if isinstance(decided, Deny) else outside(question, facts) or decided


def _by_law(question: Question, facts: Facts, circumstances: Circumstances | None) -> Decision:
    known = circumstances if circumstances is not None else Circumstances()
    for veto in VETOES:
        if veto.holds(question, facts, known):
            return Deny(veto.name, veto.reason.en, veto.provision, veto.hidden and question.reads)
    for rule in OPEN_GROUNDS:
        if rule.holds(question, facts, known):
            return Permit(rule.name)
    if circumstances is None:
        return CANNOT_CHECK
    if circumstances.unchecked:
        return Permit(UNCHECKED.name) if UNCHECKED.holds(question, facts, known) else CANNOT_CHECK
    grounds, bars = (PORTAL_GROUNDS, PORTAL_BARS) if question.is_patient else (CARE_GROUNDS, CARE_BARS)
    # An outer block must not be told of, whether or not there is a ground for access.
    barred = stopping(bars, question, facts, known)
    if barred is not None and barred.hidden and not question.reads:
        # That an id is taken cannot be kept from a writer: the answer is that of all foreign data.
        return _lacking(question, facts, known)
    if barred is not None and (barred.hidden or _ground(grounds, question, facts, known)):
        return _barred(barred)
    ground = _ground(grounds, question, facts, known)
    return Permit(ground.name) if ground is not None else _lacking(question, facts, known)


def predicate(question: Question, *, with_protected: bool = True) -> Fragment:
    """The resources that `decide` permits, as SQL over a resource row `r` and its accountability `a`.

    Without `with_protected` resources of persons with a protected identity are left out.
    """
    today = question.today if question.is_patient else 0
    shape = _shape(
        question.principal,
        question.action,
        question.type,
        question.patient is not None,
        today,
        with_protected,
        question.complete,
    )
    return filled(shape, question)


@lru_cache(maxsize=4096)
def _shape(
    principal: Principal,
    action: Action,
    type_name: str | None,
    bound: bool,
    today: int,
    with_protected: bool,
    complete: bool,
) -> Fragment:
    """The SQL of `predicate`, in which the moment and the patient are still open."""
    moment = to_micros(datetime.strptime(str(today), "%Y%m%d").replace(hour=12, tzinfo=UTC)) if today else 0
    question = Question(principal, action, moment, "" if bound else None, type_name, complete)
    scope = all_of(within_scopes(question), _scope(question))
    return compact(scope if with_protected else all_of(scope, unprotected(question)))


def _scope(question: Question) -> Fragment:
    vetoed = any_of(*(veto.predicate(question) for veto in VETOES))
    unconditional = all_of(any_of(*(rule.predicate(question) for rule in OPEN_GROUNDS)), none_of(vetoed))
    grounds, bars = (PORTAL_GROUNDS, PORTAL_BARS) if question.is_patient else (CARE_GROUNDS, CARE_BARS)
    if question.is_system:
        return unconditional
    conditional = all_of(
        any_of(*(rule.predicate(question) for rule in grounds)),
        none_of(any_bar(bars, question)),
        none_of(vetoed),
    )
    if not question.complete:
        nobodys = Fragment("r.patient is null") if question.patient is None else NOTHING
        unchecked = all_of(none_of(COMPLETE), UNCHECKED.predicate(question))
        conditional = any_of(all_of(any_of(COMPLETE, nobodys), conditional), unchecked)
    return any_of(unconditional, conditional)


def barred_by(question: Question) -> Fragment:
    """The resources whose very existence is hidden from staff, as SQL like `predicate`."""
    barred = any_bar(tuple(bar for bar in CARE_BARS if bar.hidden), question)
    if not question.complete:
        barred = any_of(barred, none_of(COMPLETE))
    return filled(compact(barred), question)


def depends_on_circumstances(question: Question, facts: Facts) -> bool:
    """Whether the decision turns on anything between the patient and the one who asks."""
    if facts.patient is None:
        return False
    return not any(rule.holds(question, facts, Circumstances()) for rule in OPEN_GROUNDS)


def _ground(
    grounds: tuple[Rule, ...], question: Question, facts: Facts, circumstances: Circumstances
) -> Rule | None:
    return next((rule for rule in grounds if rule.holds(question, facts, circumstances)), None)


def _barred(bar: Bar) -> Deny:
    return Deny(bar.name, bar.reason.en, bar.provision, bar.hidden)


def _lacking(question: Question, facts: Facts, circumstances: Circumstances) -> Deny:
    """What is missing, the first thing first."""
    if question.is_patient:
        own = OwnRecord()
        return Deny(
            own.name,
            own.reason.en,
            own.provision,
            question.reads and not _told(question, facts, circumstances),
        )
    same_provider = facts.provider == question.assignment.provider
    if not question.reads_in_care:
        return _of_another_provider(question) if not same_provider else _not_needed(question)
    if not CARE_RELATION.holds(question, facts, circumstances):
        return Deny(CARE_RELATION.name, CARE_RELATION.reason.en, CARE_RELATION.provision)
    need = ACTIVE_CHOICE
    if not same_provider and not CONSENT.holds(question, facts, circumstances):
        return Deny(CONSENT.name, CONSENT.reason.en, CONSENT.provision)
    return Deny(need.name, need.reason.en, need.provision)


def _told(question: Question, facts: Facts, circumstances: Circumstances) -> bool:
    """Whether a patient is told why something is refused: of the own record, or that of a child.

    That there is anything about anybody else is not told: to strangers nothing, to a proxy nothing outside
    of what the patient has included.
    """
    guards = any(each.kind is not Kind.PROXY for each in circumstances.representations)
    return guards or circumstances.own or (facts.patient is not None and facts.patient == question.actor.id)


def _of_another_provider(question: Question) -> Deny:
    return Deny(
        "same-provider",
        f"Another care provider is accountable for this; your assignment is at "
        f"{question.assignment.provider_name}.",
        "patientdatalagen (2008:355) 4:1; lag (2022:913) 2:1",
    )


def _not_needed(question: Question) -> Deny:
    return Deny(
        "other-unit",
        f"Another unit is accountable for this; your assignment is at {question.assignment.unit_name}.",
        "patientdatalagen (2008:355) 4:1-2",
    )
