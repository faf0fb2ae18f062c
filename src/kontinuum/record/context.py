"""What one bound record works with: the principal and the worker's services."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from kontinuum.access import Action, Deny, Question
from kontinuum.audit import AuditLog, entry
from kontinuum.fhir.definitions import RESOURCE_TYPES, TYPE_CODES
from kontinuum.fhir.issues import Issue
from kontinuum.kernel.clock import Clock, to_micros
from kontinuum.kernel.i18n import Phrase
from kontinuum.kernel.ids import KeySource
from kontinuum.kernel.principal import Principal
from kontinuum.kernel.provider_settings import ProviderSettings, ReserveSeries
from kontinuum.profiles import Profiles
from kontinuum.record.outcome import Refusal, RefusalKind, Stored, refuse
from kontinuum.record.subscriptions.endpoints import Endpoints
from kontinuum.record.terms import LoadedTerms, Terms
from kontinuum.store.resources import write
from kontinuum.store.resources.rows import ResourceRow
from kontinuum.sweden.identifiers import LocalScheme, schemes_of

MAX_LOGGED_REFERENCES = 500
"""How many references one log entry names; the entry's count always tells how many there were."""


class ProviderDecisions(Protocol):
    """The settings of care providers, by HSA-id."""

    async def of(self, provider: str, /) -> ProviderSettings:
        """The settings in force at a care provider."""
        ...

    @property
    def series(self) -> tuple[ReserveSeries, ...]:
        """The series of reserve numbers that any care provider uses."""
        ...


@dataclass(slots=True)
class Services:
    """A worker's shared means: connections, log, clock, keys, settings, the numbers of accountable units.

    `hinted` are the kinds of which a patient is told that something is kept back. With
    `claims_bind` a resource is refused that does not follow a profile that it claims. `endpoints` are where
    notifications may be sent. `law_complete` remembers that the tables of the law were found complete; they
    stay so.
    """

    pool: Any
    audit: AuditLog
    clock: Clock
    keys: KeySource
    decided: ProviderDecisions
    terms: Terms = field(default_factory=LoadedTerms)
    accountables: dict[tuple[str, str], int] = field(default_factory=dict)
    hinted: frozenset[str] = frozenset()
    profiles: Profiles = field(default_factory=Profiles)
    claims_bind: bool = True
    endpoints: Endpoints = field(default_factory=Endpoints)
    law_complete: bool = False

    @property
    def schemes(self) -> tuple[LocalScheme, ...]:
        """The kinds of local reserve number that are recognised, whichever care provider uses them."""
        return schemes_of(self.decided.series)


@dataclass(frozen=True, slots=True)
class Context:
    """Services bound to a principal: what every operation of the gate is given.

    With `own_unit` a search finds only what the unit of the assignment is accountable for. `base` is the
    address under which the record is asked over HTTP: what is referred to below it is kept here.
    """

    services: Services
    principal: Principal
    own_unit: bool = False
    base: str | None = None

    @property
    def pool(self) -> Any:
        """The connection pool."""
        return self.services.pool

    def now(self) -> int:
        """The present in microseconds since 1970."""
        return to_micros(self.services.clock.now())

    async def settings(self) -> ProviderSettings:
        """What the assignment's care provider has decided."""
        return await self.services.decided.of(self.principal.assignment.provider)

    def question(
        self, action: Action, *, patient: str | None = None, type_name: str | None = None
    ) -> Question:
        """What the principal wants to do, now; a search may be narrowed to one patient and one type."""
        return Question(self.principal, action, self.now(), patient, type_name, self.services.law_complete)

    async def accountable(self) -> int:
        """The number of the unit and provider that are accountable for what is written: the assignment's."""
        assignment = self.principal.assignment
        pair = (assignment.unit, assignment.provider)
        number = self.services.accountables.get(pair)
        if number is None:
            number = self.services.accountables[pair] = await write.accountable(self.pool, *pair)
        return number

    async def log(
        self,
        action: str,
        outcome: str,
        basis: str,
        *,
        patients: Iterable[str | None] = (),
        what: Iterable[str] = (),
        count: int | None = None,
        note: str | None = None,
    ) -> None:
        """Write an entry to the log and return when it is durable."""
        distinct = tuple(dict.fromkeys(patient for patient in patients if patient))
        await self.services.audit.durable(
            entry(
                self.principal,
                self.now(),
                action,
                outcome,
                basis,
                patients=distinct,
                what=tuple(what)[:MAX_LOGGED_REFERENCES],
                count=count,
                note=note,
            )
        )

    async def denied(self, action: str, deny: Deny, row: ResourceRow) -> Refusal:
        """Log a denied access and give its refusal: of what is hidden, the same as of what is not there."""
        await self.log(action, "refused", deny.rule, patients=(row.patient,), what=(reference(row),))
        return missing(RESOURCE_TYPES[row.type - 1], row.id) if deny.hidden else forbidden(deny)


def stored(row: ResourceRow) -> Stored:
    """A row as it stands; what leaves the gate goes through `release`."""
    return Stored(
        RESOURCE_TYPES[row.type - 1], row.id, row.version, row.updated, row.body, row.unit, row.provider
    )


def reference(row: ResourceRow) -> str:
    """The versioned reference of a row, for the log."""
    return f"{RESOURCE_TYPES[row.type - 1]}/{row.id}/_history/{row.version}"


def forbidden(deny: Deny) -> Refusal:
    """The refusal that a denial becomes."""
    message = f"{deny.reason} ({deny.provision})"
    issue = Issue("error", "forbidden", message, phrase=Phrase(deny.reason))
    return Refusal(RefusalKind.FORBIDDEN, (issue,), deny.provision)


def missing(type_name: str, logical_id: str) -> Refusal:
    """The refusal for what was never there."""
    return refuse(RefusalKind.NOT_FOUND, "not-found", f"There is no {type_name} with the id '{logical_id}'.")


def type_code(type_name: str) -> int | Refusal:
    """The number of a resource type, or the refusal of a name that R4 does not know."""
    code = TYPE_CODES.get(type_name)
    if code is None:
        return refuse(
            RefusalKind.NOT_FOUND, "not-supported", f"'{type_name}' is not a resource type of FHIR R4."
        )
    return code
