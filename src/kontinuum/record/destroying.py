"""Destruction of records: only on a registered decision by the authority, by two persons.

patientdatalagen (2008:355) 8:4: the Health and Social Care Inspectorate (IVO) may decide, on the patient's
request, that a record is destroyed in whole or in part. One person registers the decision, another carries
it out; both have an assignment for administration with the right to it. The log keeps its entries; a
tombstone tells what was there.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from kontinuum.fhir import json
from kontinuum.fhir.definitions import RESOURCE_TYPES, TYPE_CODES
from kontinuum.kernel.clock import from_micros, to_micros
from kontinuum.kernel.i18n import local, phrase
from kontinuum.kernel.ids import is_id
from kontinuum.kernel.principal import DESTRUCTION, Principal, Purpose
from kontinuum.record.attached import attached
from kontinuum.record.context import Context
from kontinuum.record.guarding import said_by_patient
from kontinuum.record.outcome import Refusal, RefusalKind, refuse
from kontinuum.record.reading import split
from kontinuum.record.references import references
from kontinuum.record.tombstones import PROVISION
from kontinuum.record.writing import in_transaction
from kontinuum.store import destruction as store
from kontinuum.store import draft_files, drafts, jobs, law_linked, persons
from kontinuum.store.destruction import Decision
from kontinuum.store.resources import destroy as rows
from kontinuum.store.resources import read as reads
from kontinuum.store.resources.destroy import LastEntry
from kontinuum.store.resources.rows import ResourceRow

KEPT_YEARS: Final = 10
"""A record is kept at least this long after its last entry (patientdatalagen 3:17)."""
MAX_ENTRIES: Final = 5000
MAX_THINNABLE: Final = 1000

_PATIENT: Final = TYPE_CODES["Patient"]
_ABOUT: Final = {"Provenance": "target", "Communication": "about"}


@dataclass(frozen=True, slots=True)
class Order:
    """What is registered: who decided what in which case, about which patient and which entries.

    `entries` are references `Type/id`; none means everything that the provider holds about the patient.
    """

    authority: str
    case_number: str
    decided: date
    patient: str
    requested_by: str
    entries: tuple[str, ...] = ()


async def register(context: Context, order: Order) -> Decision | Refusal:
    """Register a decision; nothing is destroyed by it yet."""
    what = f"destruction {order.case_number.strip()}"
    refused = _without_right(context) or _incomplete(context, order)
    if refused is None:
        found = await _doomed(context, context.pool, order.patient, order.entries)
        refused = found if isinstance(found, Refusal) else None
    if refused is not None:
        await context.log(
            "register-destruction", "refused", PROVISION, patients=(order.patient,), what=(what,)
        )
        return refused
    principal = context.principal
    wanted = Decision(
        number=0,
        authority=order.authority.strip(),
        case_number=order.case_number.strip(),
        decided=order.decided,
        patient=order.patient,
        entries=tuple(dict.fromkeys(order.entries)),
        provider=principal.assignment.provider,
        requested_by=order.requested_by.strip(),
        registered=context.now(),
        registrar=principal.actor.id,
        registrar_name=principal.actor.name,
    )
    await context.log(
        "register-destruction", "permitted", PROVISION, patients=(order.patient,), what=(what, *order.entries)
    )
    made = await store.register(context.pool, wanted)
    known = phrase("%(case)s is registered for this patient already.", case=wanted.case_number)
    return made or refuse(RefusalKind.CONFLICT, "duplicate", known)


async def execute(context: Context, number: int, patient: str) -> Decision | Refusal:
    """Carry out a registered decision; `patient` is named again, so that nobody destroys the wrong record.

    Entries, versions, index values and drafts go in one transaction, and tombstones stay.
    """

    async def work(connection: Any) -> Decision | Refusal:
        decision = await store.read(connection, number, context.principal.assignment.provider, lock=True)
        refused = _without_right(context) or _not_executable(context, decision, patient)
        if refused is not None or decision is None:
            await context.log(
                "destroy", "refused", PROVISION, patients=(patient,), what=(f"destruction {number}",)
            )
            return refused or _unknown(number)
        doomed = await _doomed(context, connection, decision.patient, decision.entries)
        if isinstance(doomed, Refusal):
            return doomed
        await context.log(
            "destroy",
            "permitted",
            PROVISION,
            patients=(decision.patient,),
            what=(f"destruction {decision.case_number}", *map(_name, doomed)),
            count=len(doomed),
        )
        now, actor = context.now(), context.principal.actor
        await rows.destroy(connection, doomed, decision.number, now)
        await law_linked.remove(connection, [(row.bucket, row.key) for row in doomed])
        # A note that was left unsigned has its id from the draft, which still holds the same text.
        unsigned = [row.id for row in doomed] if decision.entries else None
        await drafts.destroy(connection, decision.patient, decision.provider, unsigned)
        await draft_files.destroy(connection, decision.patient, decision.provider, unsigned)
        await persons.destroy(connection, [row.id for row in doomed if row.type == _PATIENT])
        await jobs.withdraw(connection)
        await store.executed(connection, decision.number, now, actor.id, actor.name, len(doomed))
        done = await store.read(connection, number, decision.provider)
        return done or _unknown(number)

    return await in_transaction(context, work, what=f"destruction {number}")


async def decisions(context: Context) -> list[Decision] | Refusal:
    """The provider's decisions, those to be carried out first."""
    refused = await _may_not_see(context)
    if refused is not None:
        return refused
    found = await store.listed(context.pool, context.principal.assignment.provider)
    patients = [each.patient for each in found]
    await context.log(
        "read", "permitted", PROVISION, patients=patients, what=("destruction",), count=len(found)
    )
    return found


async def thinnable(context: Context, years: int = KEPT_YEARS) -> list[LastEntry] | Refusal:
    """The records whose last entry is older than some years: what may be thinned. Nothing is done by it."""
    refused = await _may_not_see(context)
    if refused is not None:
        return refused
    if years < KEPT_YEARS:
        kept = phrase(
            "A record is kept at least %(years)s years after its last entry (patientdatalagen 3:17).",
            years=KEPT_YEARS,
        )
        return refuse(RefusalKind.INVALID, "business-rule", kept)
    today = from_micros(context.now())
    before = to_micros(_years_before(today, years))
    found = await rows.last_entries(
        context.pool, context.principal.assignment.provider, before, MAX_THINNABLE
    )
    await context.log(
        "read", "permitted", "patientdatalagen (2008:355) 3:17",
        patients=[each.patient for each in found], what=("retention",), count=len(found),
    )  # fmt: skip
    return found


async def _doomed(
    context: Context, connection: Any, patient: str, entries: Sequence[str]
) -> list[ResourceRow] | Refusal:
    """The rows that a decision means, each this patient's and this provider's own; or why it means none.

    With a note go its files, and with each entry what speaks of it.
    """
    provider = context.principal.assignment.provider
    if not entries:
        linked = await _linked(connection, patient)
        if linked is not None:
            return linked
        found = await rows.of_patient(connection, patient)
        own = [row for row in found if row.provider == provider]
        # Who the patient is belongs to all providers: it goes only with the last of their entries.
        others = any(row.provider != provider and row.body is not None for row in found)
        if others:
            own = [row for row in own if row.type != _PATIENT]
        if not own:
            none = phrase("The provider holds no entry about this patient.")
            return refuse(RefusalKind.INVALID, "not-found", none)
        return own
    names = {text: pair for text in entries if (pair := split(text))}
    held = {(row.type, row.id): row for row in await reads.lock_many(connection, list(names.values()))}
    for text in entries:
        row = held.get(names[text]) if text in names else None
        if row is None or row.patient != patient or row.provider != provider:
            return refuse(
                RefusalKind.INVALID,
                "not-found",
                phrase(
                    "%(entry)s is no entry of %(provider)s about Patient/%(patient)s: compare with the "
                    "decision.",
                    entry=text,
                    provider=provider,
                    patient=patient,
                ),
            )
        if row.type == _PATIENT:
            return refuse(
                RefusalKind.INVALID,
                "business-rule",
                phrase(
                    "Who the patient is cannot be destroyed alone: register a decision about the whole "
                    "record."
                ),
            )
    doomed = dict(held)
    for row in held.values():
        files = await attached(connection, json.loads(row.body), patient) if row.body is not None else ()
        doomed |= {(one.row.type, one.row.id): one.row for one in files if one.row.provider == provider}
    return [*doomed.values(), *await _speaking_of(connection, patient, doomed.values())]


async def _linked(connection: Any, patient: str) -> Refusal | None:
    """A whole record is that of one Patient: what is filed under others would be left without a word."""
    _, members = (await persons.members(connection, [patient])).get(patient, (patient, ()))
    others = [f"Patient/{each}" for each in members if each != patient]
    if not others:
        return None
    return refuse(
        RefusalKind.INVALID,
        "business-rule",
        phrase(
            "Patient/%(patient)s is linked to %(others)s as one person: undo the links first, and register "
            "the decision for each Patient that it means.",
            patient=patient,
            others=", ".join(others),
        ),
    )


async def _speaking_of(connection: Any, patient: str, entries: Collection[ResourceRow]) -> list[ResourceRow]:
    """The reasons of corrections, and what the patient has said: they repeat what the entries said."""
    names = set(map(_name, entries))
    places = {(row.bucket, row.key) for row in entries}
    found = []
    for row in await rows.of_patient(connection, patient):
        element = _ABOUT.get(RESOURCE_TYPES[row.type - 1])
        if element is None or row.body is None or (row.bucket, row.key) in places:
            continue
        resource = json.loads(row.body)
        told = {text.split("/_history/")[0] for text, _ in references(resource.get(element), element)}
        if told & names and (element == "target" or said_by_patient(resource)):
            found.append(row)
    return found


def may_destroy(principal: Principal) -> bool:
    """Whether an assignment is for administration and has the right to destroy by decision."""
    return principal.purpose is Purpose.ADMINISTRATION and DESTRUCTION in principal.assignment.rights


def _without_right(context: Context) -> Refusal | None:
    if may_destroy(context.principal):
        return None
    text = phrase(
        "Decisions on destruction belong to an assignment for administration with the right to destroy "
        "records. (%(provision)s)",
        provision=PROVISION,
    )
    return refuse(RefusalKind.FORBIDDEN, "forbidden", text)


async def _may_not_see(context: Context) -> Refusal | None:
    """The refusal, logged, of the lists to those without the right."""
    refused = _without_right(context)
    if refused is not None:
        await context.log("read", "refused", PROVISION, what=("destruction",))
    return refused


def _incomplete(context: Context, order: Order) -> Refusal | None:
    texts = (order.authority, order.case_number, order.requested_by)
    if not all(text.strip() and len(text) <= 200 for text in texts):
        needed = phrase(
            "Give the authority, the case number and who requested it, in at most 200 characters each."
        )
        return refuse(RefusalKind.INVALID, "required", needed)
    if order.decided > local(from_micros(context.now())).date():
        future = phrase("The decision has a date that lies in the future.")
        return refuse(RefusalKind.INVALID, "value", future)
    if not is_id(order.patient):
        whom = phrase("Say which patient the decision is about.")
        return refuse(RefusalKind.INVALID, "required", whom)
    if len(order.entries) > MAX_ENTRIES:
        many = phrase("At most %(number)s entries are named at once.", number=MAX_ENTRIES)
        return refuse(RefusalKind.INVALID, "too-costly", many)
    return None


def _not_executable(context: Context, decision: Decision | None, patient: str) -> Refusal | None:
    if decision is None:
        return None
    if decision.executed is not None:
        done = phrase("This decision has been carried out already.")
        return refuse(RefusalKind.CONFLICT, "business-rule", done)
    if decision.registrar == context.principal.actor.id:
        two = phrase(
            "Whoever registered a decision may not carry it out: another person must compare it first."
        )
        return refuse(RefusalKind.FORBIDDEN, "business-rule", two)
    if decision.patient != patient:
        other = phrase(
            "The decision %(case)s is not about Patient/%(patient)s.",
            case=decision.case_number,
            patient=patient,
        )
        return refuse(RefusalKind.INVALID, "business-rule", other)
    return None


def _unknown(number: int) -> Refusal:
    text = phrase("No decision on destruction has the number %(number)s.", number=number)
    return refuse(RefusalKind.NOT_FOUND, "not-found", text)


def _name(row: ResourceRow) -> str:
    return f"{RESOURCE_TYPES[row.type - 1]}/{row.id}"


def _years_before(moment: datetime, years: int) -> datetime:
    try:
        return moment.replace(year=moment.year - years)
    except ValueError:  # 29 February
        return moment.replace(year=moment.year - years, day=28)
