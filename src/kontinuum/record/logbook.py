"""Reading the log through the gate: under its own access control, and logged itself (rule 19).

The log of a care provider is read by those who have an assignment at that provider whose purpose is
supervision (patientdatalagen (2008:355) 2:4 5 and 4:3), and about oneself by every patient (8:5).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

import msgspec

from kontinuum.access import Deny
from kontinuum.audit import AuditEntry
from kontinuum.audit.breach import NOT_THE_RECORD, Breach
from kontinuum.audit.event import event_id, place_of, to_event
from kontinuum.audit.patterns import BY_KEY
from kontinuum.fhir import json
from kontinuum.fhir.search.query import SearchQuery
from kontinuum.kernel.i18n import message, phrase
from kontinuum.kernel.principal import ActorKind, Principal, Purpose
from kontinuum.record import reviewing
from kontinuum.record.context import Context, forbidden
from kontinuum.record.logsearch import filter_of, position_in_log
from kontinuum.record.outcome import Refusal, RefusalKind, SearchPage, Stored, refuse
from kontinuum.store import audit_query, audit_review, persons
from kontinuum.store.audit_query import Filter, Position
from kontinuum.store.audit_review import Check, Finding, Period, Round

__all__ = [
    "Check",
    "Extract",
    "Finding",
    "FindingFile",
    "LogEntry",
    "LogPage",
    "Logbook",
    "Position",
    "Round",
    "is_self",
    "may_review",
]

PAGE = 50
LARGEST_PAGE = 1000
OWN = "own-record"
EXTRACT_AT_MOST = 20_000
BREACH_AT_MOST = 200_000
"""How many accesses are gathered at once; a report of more says that it is not all."""
LONGEST_NOTE = 4000
LONGEST_PERIOD_MICROS = 366 * 24 * 3600 * 1_000_000

OUTCOMES = ("in-order", "ask", "report")
"""What a review comes to: the access was in order; the person is to be asked; it is reported onwards."""

_decode = msgspec.json.Decoder(AuditEntry).decode


@dataclass(frozen=True, slots=True)
class LogEntry:
    """An entry with the id of its AuditEvent."""

    id: str
    entry: AuditEntry


@dataclass(frozen=True, slots=True)
class LogPage:
    """One page of the log, newest first; `next` is the position of the following page."""

    entries: tuple[LogEntry, ...]
    next: Position | None


@dataclass(frozen=True, slots=True)
class Extract:
    """What the log tells about one patient, newest first; `complete` is False when there is more."""

    patient: str
    entries: tuple[LogEntry, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class FindingFile:
    """A finding with its round, the entries behind it, and the reviews made of it."""

    round: Round
    finding: Finding
    entries: tuple[LogEntry, ...]
    checks: tuple[Check, ...]


def may_review(principal: Principal) -> bool:
    """Whether someone may read and review the log of the own care provider; no app does."""
    return (
        principal.app is None
        and principal.actor.kind is ActorKind.STAFF
        and principal.purpose is Purpose.SUPERVISION
    )


def is_self(principal: Principal, patient: str) -> bool:
    """Whether someone is the patient, and no app that acts for the patient."""
    return (
        principal.app is None and principal.actor.kind is ActorKind.PATIENT and principal.actor.id == patient
    )


_NOT_A_REVIEWER = Deny(
    "log-review",
    message("The log is read under an assignment whose purpose is supervision."),
    "patientdatalagen (2008:355) 4:3; HSLF-FS 2016:40 4:9",
)
_NOT_SELF = Deny(
    "log-extract",
    message(
        "An extract of the log is for the patient, or made under an assignment whose purpose is supervision."
    ),
    "patientdatalagen (2008:355) 8:5",
)


class Logbook:
    """The log as one principal may read it."""

    __slots__ = ("_context",)

    def __init__(self, context: Context) -> None:
        self._context = context

    async def event(self, logical_id: str) -> Stored | Refusal:
        """One entry as a FHIR AuditEvent; its id is that of `LogEntry`."""
        place = place_of(logical_id)
        row = None if place is None else await audit_query.one(self._context.pool, *place)
        what = (f"AuditEvent/{logical_id}",)
        if row is None:
            await self._context.log("read-log", "not-found", "", what=what)
            return _missing(logical_id)
        content, provider, patients = row
        entry = _decode(content)
        basis = await self._basis_of_event(entry, provider, patients)
        if basis is None:
            await self._context.log("read-log", "refused", _NOT_A_REVIEWER.rule, what=what)
            return forbidden(_NOT_A_REVIEWER)
        await self._context.log("read-log", "permitted", basis, patients=patients, what=what, count=1)
        return _event(logical_id, entry if basis != OWN else await self._for_the_patient(entry))

    async def _basis_of_event(self, entry: AuditEntry, provider: str, patients: Sequence[str]) -> str | None:
        principal = self._context.principal
        # Who is not known belongs to no provider, and tries the doors of all.
        unknown = not entry.actor and not provider
        if may_review(principal) and (provider == principal.assignment.provider or unknown):
            return _NOT_A_REVIEWER.rule
        if principal.actor.kind is not ActorKind.PATIENT:
            return None
        own = await persons.whole(self._context.pool, principal.actor.id)
        return OWN if set(own) & set(patients) else None

    async def _for_the_patient(self, entry: AuditEntry) -> AuditEntry:
        """What of an entry its patient is told: nobody else's business, and staff as the provider decided."""
        own = self._context.principal.actor.id
        told = replace(entry, patients=(own,), what=(), count=None, note=None)
        decided = await self._context.services.decided.of(entry.provider)
        if entry.actor_kind != ActorKind.STAFF or decided.extract_names:
            return told
        return replace(told, actor="", actor_name="Staff", assignment="")

    async def search(self, query: SearchQuery) -> SearchPage | Refusal:
        """`AuditEvent?…`, newest first: the own provider's entries for a reviewer, the own for a patient."""
        principal, pool = self._context.principal, self._context.pool
        asked = "AuditEvent?" + "&".join(f"{name}={value}" for name, value in query.self_params)
        own = principal.actor.kind is ActorKind.PATIENT and principal.app is None
        wanted = filter_of(query)
        strange = own and isinstance(wanted, Filter) and tuple(wanted.patients) != (principal.actor.id,)
        if strange or not (own or may_review(principal)):
            await self._context.log("read-log", "refused", _NOT_A_REVIEWER.rule, what=(asked,))
            return forbidden(_NOT_A_REVIEWER)
        after = position_in_log(query.cursor)
        if isinstance(wanted, Refusal):
            return wanted
        if isinstance(after, Refusal):
            return after
        if own and (wanted.actors or wanted.assignments):
            return refuse(RefusalKind.FORBIDDEN, "forbidden", "Who of the staff it was is not searched for.")
        if own:
            wanted = wanted._replace(patients=await persons.whole(pool, principal.actor.id))
        else:
            wanted = wanted._replace(provider="" if wanted.unknown else principal.assignment.provider)
        counts = query.summary == "count" or query.count == 0
        size = 0 if counts else min(PAGE if query.count is None else query.count, LARGEST_PAGE)
        rows = await audit_query.find(pool, wanted, size + 1, after) if size else []
        total = await audit_query.count(pool, wanted) if counts or query.total == "accurate" else None
        shown = [_shown(row) for row in rows[:size]]
        about = (principal.actor.id,) if own else (one for each in shown for one in each.entry.patients)
        basis = OWN if own else _NOT_A_REVIEWER.rule
        await self._context.log(
            "read-log", "permitted", basis, patients=about, what=(asked,), count=len(shown)
        )
        told = [await self._for_the_patient(each.entry) if own else each.entry for each in shown]
        events = tuple(_event(each.id, entry) for each, entry in zip(shown, told, strict=True))
        following = ".".join(map(str, rows[size - 1].position)) if len(rows) > size else None
        return SearchPage(events, (), total, following)

    async def find(
        self,
        *,
        actors: Sequence[str] = (),
        patient: str | None = None,
        unit: str | None = None,
        since: int | None = None,
        until: int | None = None,
        unknown: bool = False,
        after: Position | None = None,
        count: int = PAGE,
    ) -> LogPage | Refusal:
        """The own provider's entries, newest first; times in microseconds, `until` exclusive.

        With `unknown` those about callers that are not known instead, whom no care provider has.
        """
        refusal = await self._refuse_others("read-log")
        if refusal is not None:
            return refusal
        provider = self._context.principal.assignment.provider
        whose, about = "" if unknown else provider, (patient,) if patient else ()
        wanted = Filter(whose, actors, about, unit, since, until, unknown=unknown)
        rows = await audit_query.find(self._context.pool, wanted, count + 1, after)
        shown = tuple(_shown(row) for row in rows[:count])
        asked: dict[str, object] = {"actor": ",".join(actors), "patient": patient, "unit": unit}
        asked |= {"since": since, "until": until, "unknown": "true" if unknown else None}
        await self._context.log(
            "read-log",
            "permitted",
            _NOT_A_REVIEWER.rule,
            patients=(one for each in shown for one in each.entry.patients),
            what=("AuditEvent?" + "&".join(f"{name}={value}" for name, value in asked.items() if value),),
            count=len(shown),
        )
        return LogPage(shown, rows[count - 1].position if len(rows) > count else None)

    async def units(self) -> list[str]:
        """The HSA-ids of the own provider's units in the log; none for those who may not read it."""
        principal = self._context.principal
        if not may_review(principal):
            return []
        return await audit_query.units(self._context.pool, principal.assignment.provider)

    async def extract(self, patient: str) -> Extract | Refusal:
        """What the log tells about a patient, under every Patient that is the same person.

        The patient is told of all providers' accesses, staff of those of the own provider.
        """
        principal = self._context.principal
        own = is_self(principal, patient)
        if not own and not may_review(principal):
            await self._context.log("extract-log", "refused", _NOT_SELF.rule, patients=(patient,))
            return forbidden(_NOT_SELF)
        provider = None if own else principal.assignment.provider
        members = await persons.whole(self._context.pool, patient)
        wanted = Filter(provider=provider, patients=members)
        rows = await audit_query.find(self._context.pool, wanted, EXTRACT_AT_MOST + 1)
        shown = rows[:EXTRACT_AT_MOST]
        basis = OWN if own else _NOT_SELF.rule
        await self._context.log(
            "extract-log",
            "permitted",
            basis,
            patients=(patient,),
            what=(f"Patient/{patient}",),
            count=len(shown),
        )
        return Extract(patient, tuple(map(_shown, shown)), len(rows) == len(shown))

    async def review(self, since: int, until: int) -> int | Refusal:
        """Make a round of review over a period (microseconds, `until` exclusive); gives its number."""
        refusal = await self._refuse_others("review-log")
        if refusal is not None:
            return refusal
        if not 0 < until - since <= LONGEST_PERIOD_MICROS:
            span = phrase("A review covers a day at least and a year at most.")
            return refuse(RefusalKind.BAD_REQUEST, "value", span)
        period = Period(self._context.principal.assignment.provider, since, until)
        await self._context.log("review-log", "permitted", _NOT_A_REVIEWER.rule, what=(_span(period),))
        return await reviewing.make_round(self._context, period)

    async def rounds(self) -> list[Round] | Refusal:
        """The own provider's rounds of review, newest first."""
        refusal = await self._refuse_others("read-log")
        if refusal is not None:
            return refusal
        return await audit_review.rounds(self._context.pool, self._context.principal.assignment.provider)

    async def round(self, number: int) -> tuple[Round, list[Finding]] | Refusal:
        """A round with its findings, those to look at first first."""
        refusal = await self._refuse_others("read-log")
        if refusal is not None:
            return refusal
        provider = self._context.principal.assignment.provider
        rounds = await audit_review.rounds(self._context.pool, provider, number)
        if not rounds:
            none = phrase("There is no round %(number)s of review here.", number=number)
            return refuse(RefusalKind.NOT_FOUND, "not-found", none)
        findings = await audit_review.findings(self._context.pool, provider, number=number)
        await self._log_review(
            "read-log", f"review/{number}", (one.patient for one in findings), len(findings)
        )
        return rounds[0], findings

    async def finding(self, number: int) -> FindingFile | Refusal:
        """A finding with the entries behind it."""
        refusal = await self._refuse_others("read-log")
        if refusal is not None:
            return refusal
        found = await self._finding(number)
        if isinstance(found, Refusal):
            return found
        provider = self._context.principal.assignment.provider
        rounds = await audit_review.rounds(self._context.pool, provider, found.round)
        wanted = Filter(
            provider,
            (found.actor,),
            (found.patient,) if found.patient else (),
            None,
            found.first,
            found.last + 1,
        )
        rows = await audit_query.find(self._context.pool, wanted, 500)
        entries = tuple(map(_shown, rows))
        patients = (one for each in entries for one in each.entry.patients)
        await self._log_review("read-log", f"review/{found.round}/{found.place}", patients, len(entries))
        checks = await audit_review.checks(self._context.pool, number)
        return FindingFile(rounds[0], found, entries, tuple(checks))

    async def check(self, number: int, outcome: str, note: str) -> Finding | Refusal:
        """Document the review of a finding; it is in the log before it is kept."""
        refusal = await self._refuse_others("review-log")
        if refusal is not None:
            return refusal
        note = note if note.strip() else ""
        if outcome not in OUTCOMES:
            return refuse(RefusalKind.INVALID, "value", phrase("Choose what the review came to."))
        if len(note) > LONGEST_NOTE:
            long = phrase("A note has at most %(number)s characters.", number=LONGEST_NOTE)
            return refuse(RefusalKind.INVALID, "too-long", long)
        if outcome != "in-order" and not note:
            needed = phrase("Write what is to be asked or reported, and to whom.")
            return refuse(RefusalKind.INVALID, "required", needed)
        found = await self._finding(number)
        if isinstance(found, Refusal):
            return found
        who = self._context.principal
        what = f"review/{found.round}/{found.place}"
        patients = (found.patient,)
        await self._log_review(
            "review-log", what, patients, 1, note=f"{outcome}: {note}" if note else outcome
        )
        about = (who.actor.id, who.actor.name, who.assignment.id)
        async with self._context.pool.acquire() as connection:
            await audit_review.add_check(connection, found, self._context.now(), about, outcome, note)
        return found

    async def breach(
        self, since: int, until: int, *, actors: Sequence[str] = (), unit: str | None = None
    ) -> Breach | Refusal:
        """Whose data was reached at the own provider in a period (µs, `until` exclusive), by whom, which."""
        refusal = await self._refuse_others("breach-report")
        if refusal is not None:
            return refusal
        if not 0 < until - since <= LONGEST_PERIOD_MICROS:
            return refuse(RefusalKind.BAD_REQUEST, "value", "A report covers a day at least, a year at most.")
        provider = self._context.principal.assignment.provider
        wanted = Filter(
            provider, actors, (), unit, since, until, actions_not=NOT_THE_RECORD, outcomes=("permitted",)
        )
        found = Breach()
        async with (
            self._context.pool.acquire() as connection,
            aclosing(audit_query.stream(connection, wanted)) as stream,
        ):
            async for rows in stream:
                for row in rows:
                    found.add(_decode(row.content))
                if found.entries >= BREACH_AT_MOST:
                    found.complete = False
                    break
        what = f"{_span(Period(provider, since, until))}&actor={','.join(actors)}&unit={unit or ''}"
        await self._log_review("breach-report", what, found.concerned, found.entries)
        return found

    async def _finding(self, number: int) -> Finding | Refusal:
        provider = self._context.principal.assignment.provider
        found = await audit_review.findings(self._context.pool, provider, finding=number)
        if not found:
            none = phrase("There is no finding %(number)s of a review here.", number=number)
            return refuse(RefusalKind.NOT_FOUND, "not-found", none)
        return found[0]

    async def _refuse_others(self, action: str) -> Refusal | None:
        if may_review(self._context.principal):
            return None
        await self._context.log(action, "refused", _NOT_A_REVIEWER.rule)
        return forbidden(_NOT_A_REVIEWER)

    async def _log_review(
        self, action: str, what: str, patients: Iterable[str | None], count: int, note: str | None = None
    ) -> None:
        await self._context.log(
            action,
            "permitted",
            _NOT_A_REVIEWER.rule,
            patients=patients,
            what=(what,),
            count=count,
            note=note,
        )


def titles(finding: Finding) -> list[str]:
    """What a finding's patterns are called, in English: to be translated where they are shown."""
    return [BY_KEY[key].title for key in finding.reasons if key in BY_KEY]


def _shown(row: audit_query.Found) -> LogEntry:
    position = row.position
    return LogEntry(event_id(position.writer, position.block, position.ord), _decode(row.content))


def _event(logical_id: str, entry: AuditEntry) -> Stored:
    body = json.dumps(to_event(entry, logical_id))
    return Stored("AuditEvent", logical_id, 1, entry.recorded, body, entry.unit, entry.provider)


def _span(period: Period) -> str:
    return f"AuditEvent?since={period.since}&until={period.until}"


def _missing(logical_id: str) -> Refusal:
    return refuse(RefusalKind.NOT_FOUND, "not-found", f"There is no AuditEvent with the id '{logical_id}'.")
