"""The law's own acts: relating, choosing, opening, consenting, blocking, lifting. Each is logged first.

What FHIR has a resource for (Consent: blocks, consents, proxies) is written as one and projected; the
others are
rows of the law's tables. The log's entries are their lasting record: they name patient, unit, reason and end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kontinuum.access import Action, Deny
from kontinuum.access.circumstances import Kind, Level
from kontinuum.access.consents import kind_of
from kontinuum.access.portal import decides
from kontinuum.access.vocabulary import KEPT_IN_BLOCK
from kontinuum.fhir import json
from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.fhir.search.query import MICROS_MAX
from kontinuum.kernel.clock import instant
from kontinuum.kernel.i18n import message, phrase
from kontinuum.kernel.ids import bucket_of
from kontinuum.kernel.principal import Purpose
from kontinuum.record import consents
from kontinuum.record.circumstances import circumstances_of
from kontinuum.record.context import Context, forbidden, missing
from kontinuum.record.durations import CHOICE_FOR, DAY, HOUR
from kontinuum.record.outcome import Refusal, RefusalKind, refuse
from kontinuum.record.preparing import new_id
from kontinuum.store import law as store
from kontinuum.store import law_linked, persons
from kontinuum.store.resources import read as reads

_LIFTS = ("consent", "emergency")


@dataclass(frozen=True, slots=True)
class Done:
    """An act that was carried out: its key, or the reference of its resource, and its end (microseconds)."""

    name: str
    until: int


class Law:
    """What one principal may do about access to patients' records."""

    __slots__ = ("_context",)

    def __init__(self, context: Context) -> None:
        self._context = context

    async def relate(self, patient: str, reason: str) -> Done | Refusal:
        """Rule 7: state by hand why one takes part in the patient's care; reviewed later."""
        refusal = await self._refused("state-relation", patient, reason=reason)
        if refusal is not None:
            return refusal
        actor, assignment = self._context.principal.actor, self._context.principal.assignment
        days = (await self._context.settings()).relation_days
        key, until = self._key(), self._context.now() + days * DAY
        await self._log("state-relation", patient, f"CareRelation/{key}", reason, note=reason)
        row = (key, self._context.now(), until, bucket_of(patient), 0, patient, assignment.unit,
               assignment.provider, actor.id, "stated", actor.id, reason)  # fmt: skip
        await self._insert("care_relation", row)
        return Done(str(key), until)

    async def choose(self, patient: str, units: Sequence[str]) -> Done | Refusal:
        """Rules 8 and 14: choose actively to read what other units (HSA-ids) have documented."""
        refusal = await self._refused("active-choice", patient, related=True)
        if refusal is not None:
            return refusal
        if not units:
            return refuse(RefusalKind.BAD_REQUEST, "required", phrase("Name the units that you choose."))
        actor, assignment = self._context.principal.actor, self._context.principal.assignment
        now, until = self._context.now(), self._context.now() + CHOICE_FOR
        await self._log("active-choice", patient, *dict.fromkeys(units))
        rows = [
            (self._key(), now, until, bucket_of(patient), patient, actor.id, assignment.unit, unit)
            for unit in dict.fromkeys(units)
        ]
        await self._insert("active_choice", *rows)
        return Done(str(rows[0][0]), until)

    async def open(self, patient: str, reason: str) -> Done | Refusal:
        """Rules 15 and 17: open a record at danger to life or serious danger to health."""
        refusal = await self._refused("emergency-opening", patient, reason=reason)
        if refusal is not None:
            return refusal
        actor, assignment = self._context.principal.actor, self._context.principal.assignment
        key, now = self._key(), self._context.now()
        until = now + (await self._context.settings()).opening_hours * HOUR
        await self._log("emergency-opening", patient, f"Opening/{key}", reason, note=reason)
        row = (key, now, until, bucket_of(patient), patient, actor.id, assignment.unit,
               assignment.provider, reason)  # fmt: skip
        await self._insert("opening", row)
        return Done(str(key), until)

    async def close(self, patient: str) -> Done | Refusal:
        """End one's own emergency opening before its time."""
        now, principal = self._context.now(), self._context.principal
        known = await circumstances_of(self._context, self._context.pool, [patient], now)
        if known[patient].opened is None:
            return refuse(RefusalKind.NOT_FOUND, "not-found", phrase("There is no emergency opening to end."))
        await self._log("close-opening", patient)
        members = await persons.whole(self._context.pool, patient)
        places = [(bucket_of(each), each) for each in members]
        unit, person = principal.assignment.unit, principal.actor.id
        await store.close(self._context.pool, places, person=person, unit=unit, now=now)
        return Done("opening", now)

    async def consent(
        self,
        patient: str,
        until: int,
        *,
        only_me: bool = False,
        only_my_unit: bool = False,
        unable: str | None = None,
    ) -> Done | Refusal:
        """Rules 14 and 16: note the patient's consent that this provider reads others' data, until a moment.

        `unable` is how the attitude of a patient who cannot consent was found out, as far as possible.
        """
        refusal = await self._refused("consent", patient, related=True, reason=unable)
        if refusal is not None:
            return refusal
        if until <= self._context.now():
            return refuse(RefusalKind.BAD_REQUEST, "value", phrase("A consent ends in the future."))
        principal = self._context.principal
        scope = consents.Scope(
            unit=principal.assignment.unit if only_my_unit else None,
            person=principal.actor.id if only_me else None,
        )
        resource = consents.reading(patient, self._context.now(), until, scope, unable)
        name = await self._write("consent", patient, resource, note=unable)
        return Done(name, until)

    async def block(
        self,
        patient: str,
        level: Level,
        unit: str,
        provider: str,
        *,
        start: str | None = None,
        end: str | None = None,
        kept: Sequence[str] = (),
    ) -> Done | Refusal:
        """Rules 9, 11, 12, 13: block a unit's documentation (outer: or its provider's, then `unit` is that).

        `start` and `end` are FHIR dates of the documentation; `kept` are groups that stay visible.
        """
        refusal = await self._may_decide("block", patient, provider)
        if refusal is not None:
            return refusal
        unknown = [group for group in kept if group not in KEPT_IN_BLOCK]
        if unknown:
            return refuse(
                RefusalKind.INVALID,
                "code-invalid",
                phrase(
                    "'%(group)s' cannot stay visible in a block; %(groups)s can.",
                    group=unknown[0],
                    groups=", ".join(KEPT_IN_BLOCK),
                ),
            )
        resource = consents.block(patient, self._context.now(), level, unit, start, end, kept)
        name = await self._write("block", patient, resource, accountable=(unit, provider))
        return Done(name, MICROS_MAX)

    async def inform(self, patient: str, how: str, *, objects: bool = False) -> Done | Refusal:
        """Rule 13: note that the patient was told that the own provider offers its data to others.

        `how` is one of `INFORMED_HOW`, or empty for who was told before and `objects` now. An objection is
        an outer block, which comes first and at once.
        """
        refusal = await self._refused("inform", patient, related=True)
        if refusal is not None:
            return refusal
        if how not in consents.INFORMED_HOW and (how or not objects):
            ways = ", ".join(consents.INFORMED_HOW)
            return refuse(
                RefusalKind.BAD_REQUEST, "value", phrase("Say how the patient was told: %(ways)s.", ways=ways)
            )
        principal = self._context.principal
        provider = principal.assignment.provider
        if objects:
            blocked = await self.block(patient, Level.OUTER, provider, provider)
            if isinstance(blocked, Refusal) or not how:
                return blocked
        resource = consents.information(patient, self._context.now(), how, principal)
        name = await self._write("inform", patient, resource, note=how)
        return Done(name, MICROS_MAX)

    async def annul(self, patient: str, consent: str) -> Done | Refusal:
        """Annul a block, withdraw a consent or end an appointment (`Consent/id`), with effect at once."""
        found = await reads.read(self._context.pool, TYPE_CODES["Consent"], consent.removeprefix("Consent/"))
        ours = found is not None and found.body is not None and kind_of(json.loads(found.body)) is not None
        members = await persons.whole(self._context.pool, patient)
        if found is None or not ours or found.patient not in members:
            return missing("Consent", consent.removeprefix("Consent/"))
        refusal = await self._may_decide("annul", patient, found.provider)
        if refusal is not None:
            return refusal
        await self._log("annul", patient, f"Consent/{found.id}/_history/{found.version + 1}")
        await consents.annul(self._context, found)
        return Done(f"Consent/{found.id}", self._context.now())

    async def lift(
        self,
        patient: str,
        block: int,
        *,
        ground: str,
        reason: str,
        until: int,
        everyone: bool = False,
        unit: str | None = None,
    ) -> Done | Refusal:
        """Rules 10 and 15: lift a block for one unit, for oneself or all staff there, for a time.

        At most for as long as the care provider has decided, which is never more than seven days.
        An inner block is lifted by the unit that needs to read (the own), an outer block by the provider that
        holds it for another provider's `unit`.
        """
        refusal = await self._refused("lift", patient, related=True, reason=reason)
        if refusal is not None:
            return refusal
        assignment, now = self._context.principal.assignment, self._context.now()
        if ground not in _LIFTS:
            return refuse(
                RefusalKind.BAD_REQUEST,
                "value",
                phrase("Choose the ground: the patient's consent, or an emergency."),
            )
        days = (await self._context.settings()).lift_days_max
        if not now < until <= now + days * DAY:
            longest = phrase("A block is lifted for %(days)s days at most.", days=days)
            return refuse(RefusalKind.BAD_REQUEST, "value", longest)
        found = [
            b for b in await store.blocks(self._context.pool, bucket_of(patient), patient) if b.key == block
        ]
        if not found or (found[0].provider != assignment.provider):
            # Of another provider's block nothing is told; only that provider can lift it.
            await self._log("lift", patient, str(block), outcome="refused")
            none = phrase("There is no such block at your care provider.")
            return refuse(RefusalKind.NOT_FOUND, "not-found", none)
        if found[0].level == Level.INNER and unit not in (None, assignment.unit):
            own = phrase("An inner block is lifted for the own unit.")
            return refuse(RefusalKind.BAD_REQUEST, "value", own)
        to, person = unit or assignment.unit, "" if everyone or unit else self._context.principal.actor.id
        key = self._key()
        what = (f"Block/{block}", f"unit={to}", f"person={person or 'all'}", f"until={instant(until)}")
        await self._log("lift", patient, *what, note=f"{ground}: {reason}")
        row = (key, now, until, block, bucket_of(patient), patient, to, person, ground, reason,
               self._context.principal.actor.id)  # fmt: skip
        await self._insert("lift", row)
        return Done(str(key), until)

    async def represent(self, patient: str, person: str, kind: Kind, until: int) -> Done | Refusal:
        """Rule 27: note a child's guardian, or a decision that the child or a guardian reads the record."""
        refusal = await self._refused("represent", patient)
        if refusal is not None:
            return refusal
        if kind is Kind.PROXY:
            return refuse(RefusalKind.BAD_REQUEST, "value", "A proxy is appointed by the patient: `appoint`.")
        key, actor = self._key(), self._context.principal.actor
        await self._log("represent", patient, f"{kind.value}=Patient/{person}", f"until={instant(until)}")
        now, nothing = self._context.now(), list[int]()
        row = (key, now, until, bucket_of(patient), 0, patient, person, kind.value, nothing, actor.id, None)
        await self._insert("representative", row)
        return Done(str(key), until)

    async def appoint(
        self, patient: str, person: str, until: int, *, groups: Sequence[str] = (), provider: str = ""
    ) -> Done | Refusal:
        """Rule 29: the patient appoints a proxy, with a scope (groups; none is all) and an end."""
        provider = provider or self._context.principal.assignment.provider
        refusal = await self._may_decide("appoint", patient, provider)
        if refusal is not None:
            return refusal
        if until <= self._context.now():
            return refuse(RefusalKind.BAD_REQUEST, "value", phrase("An appointment ends in the future."))
        resource = consents.proxy(patient, self._context.now(), until, person, groups)
        name = await self._write("appoint", patient, resource, accountable=(provider, provider))
        return Done(name, until)

    async def represented(self) -> list[str]:
        """Rules 27 and 29: for whom the patient who asks acts; what may be read of them, the gate says."""
        actor = self._context.principal.actor
        return await store.represented(self._context.pool, actor.id, self._context.now())

    def _key(self) -> int:
        return self._context.services.keys.next()

    async def _insert(self, table: str, *rows: tuple[Any, ...]) -> None:
        async with self._context.pool.acquire() as connection, connection.transaction():
            await law_linked.insert(connection, table, rows)

    async def _log(
        self, action: str, patient: str, *what: str, note: str | None = None, outcome: str = "permitted"
    ) -> None:
        basis = "law" if outcome == "permitted" else "law-refused"
        await self._context.log(action, outcome, basis, patients=(patient,), what=what, note=note)

    async def _write(
        self,
        action: str,
        patient: str,
        resource: dict[str, Any],
        *,
        accountable: tuple[str, str] | None = None,
        note: str | None = None,
    ) -> str:
        identity = new_id(self._context, bucket_of(patient))
        name = f"{resource['resourceType']}/{identity[2]}"
        await self._log(action, patient, f"{name}/_history/1", note=note)
        assignment = self._context.principal.assignment
        await consents.create(
            self._context, resource, identity, accountable or (assignment.unit, assignment.provider)
        )
        return name

    async def _refused(
        self, action: str, patient: str, *, related: bool = False, reason: str | None = "-"
    ) -> Refusal | None:
        """Why staff in care may not do this about a patient."""
        question = self._context.question(Action.READ)
        if not question.in_care:
            return await self._denied(action, patient, _NOT_IN_CARE)
        if await reads.read(self._context.pool, TYPE_CODES["Patient"], patient) is None:
            return missing("Patient", patient)
        if related:
            known = (await circumstances_of(self._context, self._context.pool, [patient], question.now))[
                patient
            ]
            if known.relation is None and known.opened is None:
                return await self._denied(action, patient, _NO_RELATION)
        if reason is not None and not reason.strip():
            stated = phrase("State the reason: it is logged and reviewed.")
            return refuse(RefusalKind.BAD_REQUEST, "required", stated)
        return None

    async def _may_decide(self, action: str, patient: str, provider: str) -> Refusal | None:
        """Why somebody may not set or end what the patient decides; the provider may note it."""
        question = self._context.question(Action.READ)
        if await reads.read(self._context.pool, TYPE_CODES["Patient"], patient) is None:
            return missing("Patient", patient)
        if not question.is_patient:
            if provider != question.assignment.provider:
                return await self._denied(action, patient, _ANOTHER_PROVIDER)
            if question.is_staff and question.principal.purpose not in _NOTING:
                return await self._denied(action, patient, _NOT_NOTED_SO)
            return None
        known = (await circumstances_of(self._context, self._context.pool, [patient], question.now))[patient]
        if not known.own:
            return await self._denied(action, patient, _NOT_FOR_ANOTHER)
        if not decides(known, question.today):
            return await self._denied(action, patient, _NOT_OLD_ENOUGH)
        return None

    async def _denied(self, action: str, patient: str, deny: Deny) -> Refusal:
        await self._context.log(action, "refused", deny.rule, patients=(patient,))
        return forbidden(deny)


_NOT_IN_CARE = Deny(
    "purpose",
    message("This is done by staff under an assignment whose purpose is care."),
    "patientdatalagen (2008:355) 2:4, 4:1",
)
_NOTING = frozenset({Purpose.CARE, Purpose.ADMINISTRATION})
"""Purposes of staff who note what a patient has decided; that is documentation of care, or its upkeep."""

_NOT_NOTED_SO = Deny(
    "purpose",
    message("Staff note what a patient decides under an assignment whose purpose is care or administration."),
    "patientdatalagen (2008:355) 2:4, 4:4",
)
_NO_RELATION = Deny(
    "care-relation",
    message("Your unit has no care relation with this patient. State why you need the record first."),
    "patientdatalagen (2008:355) 4:1",
)
_ANOTHER_PROVIDER = Deny(
    "other-provider",
    message("This is noted at the care provider that it concerns."),
    "lag (2022:913) om sammanhållen vård- och omsorgsdokumentation",
)
_NOT_FOR_ANOTHER = Deny(
    "guardian-cannot-block",
    message("Only the patient decides this. A guardian cannot block a child's record."),
    "patientdatalagen (2008:355) 4:4",
)
_NOT_OLD_ENOUGH = Deny(
    "own-record",
    message("Online this is done from the age of 16. Turn to the unit that cares for the patient."),
    "patientdatalagen (2008:355) 5:5",
)
