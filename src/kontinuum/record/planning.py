"""What a set of writes comes to: each decided, planned as a version or refused, and traced for the log."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kontinuum.access import NOTHING_KNOWN, Action, Decision, Deny, Facts, Permit, decide
from kontinuum.access.redact import is_marked, may_see
from kontinuum.fhir.definitions import RESOURCE_TYPES, TYPE_CODES
from kontinuum.kernel.i18n import message
from kontinuum.record import projecting, tombstones, tools
from kontinuum.record.context import Context, forbidden, missing, stored
from kontinuum.record.guarding import Grounds, unmarked, veto
from kontinuum.record.outcome import Change, Refusal, RefusalKind, Stored, Written, refuse
from kontinuum.record.persons.rules import changes_links
from kontinuum.record.places import place_of
from kontinuum.record.preparing import created, stamped, superseding
from kontinuum.record.subscriptions import following
from kontinuum.store.resources.rows import NewVersion, ResourceRow


@dataclass(frozen=True, slots=True)
class Intent:
    """One write that is wanted: a resource (None to delete) under an id that may or may not exist.

    `identity` was drawn for a create whose id is the server's. `meta` restores version and time. With
    `only_new` what exists is not touched (If-None-Match: *). `grounds` are what a function of the gate has
    been given besides the content. Only with `linking` may it change which Patient replaces which. `whole`
    was made at the gate from all that is stored, whatever the principal may see.
    """

    type: str
    id: str | None
    resource: dict[str, Any] | None
    if_match: int | None = None
    identity: tuple[int, int, str] | None = None
    meta: tuple[int, int] | None = None
    only_new: bool = False
    grounds: Grounds = Grounds.NONE
    linking: bool = False
    whole: bool = False


@dataclass(frozen=True, slots=True)
class _Trace:
    """What the log tells of one intent; `patients` are those of the version before and the one after."""

    verb: str
    outcome: str
    basis: str
    what: str
    patients: tuple[str | None, ...]


@dataclass(slots=True)
class Plan:
    """The versions that a set of intents comes to, once each has been decided."""

    context: Context
    accountable: int
    now: int
    former: dict[tuple[int, int], list[ResourceRow]]
    destroyed: dict[tombstones.Name, Refusal]
    places: Mapping[str, str]
    beside: tools.Beside = field(default_factory=dict)
    new: list[NewVersion] = field(default_factory=list)
    changes: list[tuple[ResourceRow, NewVersion]] = field(default_factory=list)
    buried: list[ResourceRow] = field(default_factory=list)
    traces: list[_Trace] = field(default_factory=list)

    def moment_after(self, row: ResourceRow) -> int:
        """The time of the next version of a row: later than its last, even if the clock stepped back."""
        return max(self.now, row.updated + 1)

    def add(self, intent: Intent, row: ResourceRow | None, decision: Decision | None) -> Written | Refusal:
        """Plan one intent, given the current row if there is one and the decision about writing it."""
        intent = replace(intent, resource=following.marked(self.context.principal, intent.resource))
        blind = row is not None and not intent.whole and _unseen(self.context, row)
        if blind and not isinstance(decision, Deny):
            decision = _UNSEEN
        if isinstance(decision, Deny):
            return self._denied(intent, row, decision, None if row is None else row.patient)
        unmet = _exists(intent, row) or _unmet_version(intent, row) or links_unchanged(intent, row)
        if unmet is not None:
            return self._failed(intent, row, "failed", "precondition", unmet)
        name = (TYPE_CODES[intent.type], intent.id or "")
        if name in self.destroyed:
            return self._failed(intent, row, "refused", "destroyed", self.destroyed[name])
        unfit = following.unfit(self.context, intent.resource)
        if unfit is not None:
            return self._failed(intent, row, "refused", "subscription", unfit)
        if row is None or decision is None:
            if intent.resource is None:
                return self._failed(intent, row, "not-found", "", missing(intent.type, intent.id or ""))
            return self._create(intent, intent.resource)
        if intent.resource is not None and self._is_known(intent.resource, row):
            return self._done(intent, row, decision, Change.UNCHANGED, stored(row), row.patient)
        vetoed = veto(self.context.principal, intent.grounds, intent.resource, row)
        if vetoed is not None:
            return self._failed(intent, row, "refused", "entry-rule", vetoed)
        if intent.resource is None:
            return self._delete(intent, row, decision)
        fixed = projecting.unchangeable(row, intent.resource)
        if fixed is not None:
            return self._failed(intent, row, "refused", "block-fixed", fixed)
        return self._update(intent, intent.resource, row)

    def _create(self, intent: Intent, resource: dict[str, Any]) -> Written | Refusal:
        version = created(
            self.context,
            resource,
            self.accountable,
            identity=intent.identity,
            client_id=intent.id if intent.identity is None else None,
            meta=intent.meta,
        )
        decision = decide_new(self.context, Action.CREATE, version, self._place(resource, None))
        if isinstance(decision, Deny):
            return self._denied(intent, None, decision, version.patient)
        unsaid = unmarked(resource, version.body) or tools.fault(self.context, intent, None, self.beside)
        if unsaid is not None:
            return self._failed(intent, None, "refused", "entry-rule", unsaid)
        self.new.append(version)
        made = as_stored(self.context, version)
        return self._done(intent, None, decision, Change.CREATED, made, version.patient)

    def _update(self, intent: Intent, resource: dict[str, Any], row: ResourceRow) -> Written | Refusal:
        version = superseding(
            resource, row.key, row.id, row.version + 1, self.moment_after(row), self.accountable
        )
        decision = decide_new(self.context, Action.WRITE, version, self._place(resource, row.body))
        if isinstance(decision, Deny):
            return self._denied(intent, row, decision, version.patient)
        unsaid = unmarked(resource, version.body) or tools.fault(self.context, intent, row, self.beside)
        if unsaid is not None:
            return self._failed(intent, row, "refused", "entry-rule", unsaid)
        self.changes.append((row, version))
        change = Change.UPDATED if row.body is not None else Change.CREATED
        made = as_stored(self.context, version)
        return self._done(intent, row, decision, change, made, row.patient, version.patient)

    def _place(self, resource: dict[str, Any], before: bytes | None) -> str | None:
        return place_of(resource, self.places, self.context.principal.assignment.provider, before)

    def _is_known(self, resource: dict[str, Any], row: ResourceRow) -> bool:
        """Whether the content is that of the current version, or of an earlier one that counts."""
        return any(
            known.body == stamped(resource, row.id, known.version, known.updated)
            for known in (row, *self.former.get((row.bucket, row.key), ()))
        )

    def _delete(self, intent: Intent, row: ResourceRow, decision: Permit) -> Written | Refusal:
        if row.body is None:
            return self._done(intent, row, decision, Change.UNCHANGED, stored(row), row.patient)
        fixed = projecting.unchangeable(row, None)
        if fixed is not None:
            return self._failed(intent, row, "refused", "block-fixed", fixed)
        kept = tools.fault(self.context, intent, row, self.beside)
        if kept is not None:
            return self._failed(intent, row, "refused", "entry-rule", kept)
        self.buried.append(row)
        assignment = self.context.principal.assignment
        deletion = row._replace(
            version=row.version + 1,
            updated=self.moment_after(row),
            body=None,
            unit=assignment.unit,
            provider=assignment.provider,
        )
        return self._done(intent, row, decision, Change.DELETED, stored(deletion), row.patient)

    def _done(
        self,
        intent: Intent,
        row: ResourceRow | None,
        decision: Permit,
        change: Change,
        what: Stored,
        *patients: str | None,
    ) -> Written:
        name = f"{what.reference}/_history/{what.version}"
        self.traces.append(_Trace(_verb(intent, row), "permitted", decision.basis, name, patients))
        return Written(change, what)

    def _denied(self, intent: Intent, row: ResourceRow | None, deny: Deny, patient: str | None) -> Refusal:
        self.traces.append(_Trace(_verb(intent, row), "refused", deny.rule, _name(intent), (patient,)))
        return forbidden(deny)

    def _failed(
        self, intent: Intent, row: ResourceRow | None, outcome: str, basis: str, refusal: Refusal
    ) -> Refusal:
        patients = () if row is None else (row.patient,)
        self.traces.append(_Trace(_verb(intent, row), outcome, basis, _name(intent), patients))
        return refusal

    async def log(self, action: str | None, *, only_refusals: bool) -> None:
        """Log what was decided: one entry for each outcome and ground. Durable when this returns."""
        groups: dict[tuple[str, str], list[_Trace]] = {}
        for trace in self.traces:
            if not only_refusals or trace.outcome != "permitted":
                groups.setdefault((trace.outcome, trace.basis), []).append(trace)
        await asyncio.gather(
            *(
                self.context.log(
                    action or traces[0].verb,
                    outcome,
                    basis,
                    patients=[patient for trace in traces for patient in trace.patients],
                    what=[trace.what for trace in traces],
                    count=len(traces),
                )
                for (outcome, basis), traces in groups.items()
            )
        )


def _verb(intent: Intent, row: ResourceRow | None) -> str:
    """What the log calls a write that belongs to nothing larger."""
    if intent.resource is None:
        return "delete"
    return "create" if row is None or row.body is None else "update"


def _name(intent: Intent) -> str:
    return f"{intent.type}/{intent.id}" if intent.id is not None else intent.type


def _exists(intent: Intent, row: ResourceRow | None) -> Refusal | None:
    if not intent.only_new or row is None or row.body is None:
        return None
    return refuse(
        RefusalKind.PRECONDITION_FAILED,
        "conflict",
        f"{intent.type}/{intent.id} exists in version {row.version} and was only to be made new.",
    )


def links_unchanged(intent: Intent, row: ResourceRow | None) -> Refusal | None:
    """The refusal of an ordinary write that would link Patients, or take a link away.

    A link has conditions, a reason and an effect on what is read: it is made and undone by the patient index.
    """
    if intent.type != "Patient" or intent.linking:
        return None
    if not changes_links(intent.resource, None if row is None else row.body):
        return None
    return refuse(
        RefusalKind.INVALID,
        "business-rule",
        "Patient.link of type replaced-by or replaces is made and undone by linking patients; in an ordinary "
        "write it must stay as it is, and a linked Patient is not deleted before its link is undone.",
        "Patient.link",
    )


def _unmet_version(intent: Intent, row: ResourceRow | None) -> Refusal | None:
    """Optimistic locking (http://hl7.org/fhir/R4/http.html#concurrency)."""
    if intent.if_match is None or (row is not None and row.version == intent.if_match):
        return None
    current = f"the current version is {row.version}" if row is not None else "there is none"
    return refuse(
        RefusalKind.PRECONDITION_FAILED,
        "conflict",
        f"If-Match asks for version {intent.if_match} of {intent.type}/{intent.id}, but {current}: "
        "read it again and repeat the change on what stands there now.",
    )


_UNSEEN = Deny(
    "protected-identity",
    message(
        "The person has a protected identity, and parts of it are not shown to you: a change by you would "
        "lose them. Let somebody with the right to protected identities make it."
    ),
    "offentlighets- och sekretesslagen (2009:400) 22:1",
)


def _unseen(context: Context, row: ResourceRow) -> bool:
    """Whether the principal does not see a protected person's address and relatives, and would lose them."""
    protected = row.type == TYPE_CODES["Patient"] and row.body is not None and is_marked(row.body)
    return protected and not may_see(context.question(Action.WRITE))


def decide_new(context: Context, action: Action, version: NewVersion, place: str | None) -> Decision:
    """The decision on a new version, created or changed, for which the assignment's unit becomes accountable.

    `place` is the provider of the unit that it names, where it is an assignment.
    """
    assignment = context.principal.assignment
    type_name = RESOURCE_TYPES[version.type - 1]
    about = Facts(
        type_name,
        version.patient,
        assignment.unit,
        assignment.provider,
        version.sort,
        place=place,
        body=version.body,
    )
    return decide(context.question(action), about, NOTHING_KNOWN)


def as_stored(context: Context, version: NewVersion) -> Stored:
    """A new version as the gate shows it to who wrote it."""
    assignment = context.principal.assignment
    return Stored(
        RESOURCE_TYPES[version.type - 1],
        version.id,
        version.version,
        version.updated,
        version.body,
        assignment.unit,
        assignment.provider,
    )
