"""Linking Patients that are one person, and undoing it: who, when and why; nothing is rewritten or lost.

What concerns a Patient stays filed under that Patient. A link says in the index that two are one person, and
stands as `Patient.link` in those of the two that the assignment's provider keeps. Reading goes by the index
(`meaning`), so that a link has effect, and loses it, at once and everywhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from kontinuum.fhir import json
from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.fhir.issues import Issue
from kontinuum.kernel.clock import from_micros, instant
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.principal import PROTECTED_IDENTITY, ActorKind, Purpose
from kontinuum.record import reading, writing
from kontinuum.record.context import Context
from kontinuum.record.outcome import Change, Refusal, RefusalKind, Written, refuse
from kontinuum.record.persons import rules
from kontinuum.record.persons.identity import PROTECTION, Identity, identity_of
from kontinuum.record.persons.rules import CONFLICTS, REPLACED_BY, REPLACES, Conflict
from kontinuum.record.planning import Intent
from kontinuum.store import law_linked
from kontinuum.store import persons as store
from kontinuum.store.persons import Doer, LinkRow
from kontinuum.store.resources import read as reads
from kontinuum.store.resources.rows import ResourceRow

NOT_KEPT = message("The patient index is kept by those who care for patients or administrate.")
NEEDS_RIGHT = message(
    "One of them has a protected identity: linking them needs the right to protected identities."
)
KEPT_ELSEWHERE = message(
    "Neither of them is kept by your care provider: the provider that keeps one of them links them."
)
ALREADY_ONE = message("The two are linked as one person already.")
REPLACED_ALREADY = message(
    "The one to be replaced is linked to another record already: undo that link first."
)
SURVIVOR_REPLACED = message(
    "The one to be kept is itself replaced: link to the one by which the person is known."
)
MARK_ELSEWHERE = message(
    "The one without the mark of protected identity is kept by another care provider: that provider sets the "
    "mark first."
)
__all__ = [
    "LinkRow",
    "Linked",
    "PersonLinks",
    "compare",
    "link",
    "links_of",
    "locked",
    "may_handle_protected",
    "members_of",
    "not_kept_by",
    "person_of",
    "provenance",
    "restore",
    "unlink",
]

_PATIENT = TYPE_CODES["Patient"]
_KEEPING = frozenset({Purpose.CARE, Purpose.ADMINISTRATION, Purpose.SYSTEM})
_PROVISION = "patientdatalagen (2008:355) 3:6 1"
IMPORTED = "import"


@dataclass(frozen=True, slots=True)
class Linked:
    """A link that was made: what spoke against it and was confirmed."""

    replaced: str
    survivor: str
    confirmed: tuple[Conflict, ...]


@dataclass(frozen=True, slots=True)
class PersonLinks:
    """Every Patient that is one person, whom the person is known by, and every link that ever was."""

    person: str
    members: tuple[str, ...]
    links: tuple[LinkRow, ...]


async def link(
    context: Context, replaced: str, survivor: str, *, reason: str, confirmed: Collection[str]
) -> Linked | Refusal:
    """Say that `replaced` is the same person as `survivor`, by whom the person is known from now on."""
    refused = _may_link(replaced, survivor, reason) or await _readable(context, replaced, survivor)
    if refused is not None:
        return refused

    async def work(connection: Any) -> Linked | Refusal:
        await store.lock(connection)
        rows = await locked(connection, replaced, survivor)
        links = await store.in_force(connection, [replaced, survivor])
        stopped = _cannot_link(replaced, survivor, rows, links)
        if stopped is not None:
            return await _refused(context, "link", (replaced, survivor), stopped)
        return await _link(context, connection, rows[replaced], rows[survivor], links, reason, confirmed)

    return await writing.in_transaction(context, work, what=f"link of Patient/{replaced}")


async def unlink(context: Context, replaced: str, *, reason: str) -> PersonLinks | Refusal:
    """Undo the link in force by which a Patient is replaced; both are then as they were without it."""
    refused = _may_link(replaced, "", reason) or await _readable(context, replaced)
    if refused is not None:
        return refused

    async def work(connection: Any) -> PersonLinks | Refusal:
        await store.lock(connection)
        known = await store.links_of(connection, [replaced])
        row = next((each for each in known if each.replaced == replaced and each.ended is None), None)
        if row is None:
            nothing = refuse(
                RefusalKind.CONFLICT, "conflict", f"Patient/{replaced} is not linked to another Patient."
            )
            return await _refused(context, "unlink", (replaced,), nothing)
        return await _unlink(context, connection, row, reason)

    return await writing.in_transaction(context, work, what=f"unlink of Patient/{replaced}")


async def compare(context: Context, replaced: str, survivor: str) -> tuple[Conflict, ...] | Refusal:
    """What speaks against a link; refused where the link itself would be."""
    refused = await _readable(context, replaced, survivor)
    if refused is not None:
        return refused
    found = await reads.read_many(context.pool, [(_PATIENT, replaced), (_PATIENT, survivor)])
    rows = {row.id: row for row in found if row.body is not None}
    links = await store.in_force(context.pool, [replaced, survivor])
    stopped = _cannot_link(replaced, survivor, rows, links)
    if stopped is not None:
        return stopped
    one, other = _identities(context, rows[replaced], rows[survivor])
    return _protected(context, one, other) or rules.conflicts(one, other)


async def links_of(context: Context, patient: str) -> PersonLinks | Refusal:
    """Which Patients are the same person as one, and the history of its links; logged as reading it."""
    refused = await _readable(context, patient)
    if refused is not None:
        return refused
    return await _links(context.pool, patient)


async def person_of(context: Context, patients: Sequence[str]) -> dict[str, str]:
    """Whom the person is known by, for those of some Patients that are linked to others."""
    found = await store.members(context.pool, patients) if patients else {}
    return {patient: person for patient, (person, _) in found.items()}


async def members_of(context: Context, patient: str) -> tuple[str, tuple[str, ...]]:
    """Whom a person is known by, and every Patient that is the person: itself alone when not linked."""
    return (await store.members(context.pool, [patient])).get(patient, (patient, (patient,)))


async def restore(context: Context, connection: Any, written: Iterable[Written | Refusal]) -> None:
    """Take the links over that imported Patients carry, but never one that would close a circle."""
    bodies = [
        json.loads(result.stored.body)
        for result in written
        if isinstance(result, Written)
        and result.change in (Change.CREATED, Change.UPDATED)
        and result.stored.type == "Patient"
        and result.stored.body is not None
        and b'"replaced-by"' in result.stored.body
    ]
    if bodies:
        await store.lock(connection)
    for patient in bodies:
        for reference, kind in sorted(rules.links_in(patient)):
            survivor = reference.removeprefix("Patient/")
            links = await store.in_force(connection, [patient["id"], survivor])
            free = patient["id"] not in links and store.known_by(survivor, links) != patient["id"]
            if kind == REPLACED_BY and free and "/" not in survivor:
                key = context.services.keys.next()
                await store.insert_link(
                    connection, key, patient["id"], survivor, made=context.now(), by=_doer(context),
                    reason=IMPORTED, confirmed=(), labelled={},
                )  # fmt: skip
                await _settle(connection, (), {**links, patient["id"]: survivor})


async def not_kept_by(context: Context) -> Refusal | None:
    """The refusal of keeping up the index, to all but who care or administrate, and systems; logged."""
    staff = context.principal.actor.kind is not ActorKind.PATIENT
    if staff and context.principal.purpose in _KEEPING:
        return None
    await context.log("patient-index", "refused", "patient-index")
    return Refusal(RefusalKind.FORBIDDEN, (Issue("error", "forbidden", NOT_KEPT),), _PROVISION)


def may_handle_protected(context: Context) -> bool:
    """Whether the assignment has the right to what protected identity keeps from others."""
    return PROTECTED_IDENTITY in context.principal.assignment.rights


async def _links(connection: Any, patient: str) -> PersonLinks:
    found = (await store.members(connection, [patient])).get(patient)
    person, members = found or (patient, (patient,))
    return PersonLinks(person, members, tuple(await store.links_of(connection, members)))


async def _link(
    context: Context,
    connection: Any,
    replaced: ResourceRow,
    survivor: ResourceRow,
    links: dict[str, str],
    reason: str,
    confirmed: Collection[str],
) -> Linked | Refusal:
    pair = (replaced.id, survivor.id)
    one, other = _identities(context, replaced, survivor)
    against = rules.conflicts(one, other)
    stopped = (
        _protected(context, one, other)
        or _unconfirmed(against, confirmed)
        or _foreign(context, replaced, survivor)
    )
    if stopped is not None:
        return await _refused(context, "link", pair, stopped)
    label = next((each for each in PROTECTION if each in (one.protection, other.protection)), None)
    labelled = {each.id: [label] for each in (one, other) if label and each.protection is None}
    unmarked = [row.id for row in (replaced, survivor) if row.id in labelled and not _own(context, row)]
    if unmarked:
        return await _refused(context, "link", pair, _cannot_mark())
    await context.log("link", "permitted", "patient-index", patients=pair, what=_what(pair), note=reason)
    refused = await _write(
        context,
        connection,
        [
            (
                row,
                rules.with_link(json.loads(row.body or b""), to, kind, label if row.id in labelled else None),
            )
            for row, to, kind in ((replaced, survivor.id, REPLACED_BY), (survivor, replaced.id, REPLACES))
        ],
        "link",
        reason,
    )
    if refused is not None:
        return refused
    await store.insert_link(
        connection, context.services.keys.next(), *pair, made=context.now(), by=_doer(context),
        reason=reason, confirmed=[str(each) for each in against], labelled=labelled,
    )  # fmt: skip
    await _settle(connection, (), {**links, replaced.id: survivor.id})
    return Linked(*pair, against)


async def _unlink(context: Context, connection: Any, row: LinkRow, reason: str) -> PersonLinks | Refusal:
    pair = (row.replaced, row.survivor)
    rows = await locked(connection, *pair)
    foreign = _foreign(context, *rows.values())
    if foreign is not None:
        return await _refused(context, "unlink", pair, foreign)
    await context.log("unlink", "permitted", "patient-index", patients=pair, what=_what(pair), note=reason)
    changed = [
        (rows[one], rules.without_link(json.loads(rows[one].body or b""), to, row.labelled.get(one, [])))
        for one, to in (pair, pair[::-1])
        if one in rows
    ]
    refused = await _write(context, connection, changed, "unlink", reason)
    if refused is not None:
        return refused
    links = await store.in_force(connection, pair)
    del links[row.replaced]
    await store.end_link(connection, row.id, context.now(), _doer(context), reason)
    await _settle(connection, pair, links)
    return await _links(connection, row.replaced)


async def _settle(connection: Any, parted: Iterable[str], links: dict[str, str]) -> None:
    """Let links have effect: on what searches mean, and on whom the law's facts are about."""
    touched = {*parted, *links, *links.values()}
    await store.settle(connection, touched, links)
    await law_linked.settle(connection, touched)


async def _write(
    context: Context,
    connection: Any,
    changed: Sequence[tuple[ResourceRow, dict[str, Any]]],
    action: str,
    reason: str,
) -> Refusal | None:
    """Write the Patients that the provider keeps, with who and why; another provider's stays untouched."""
    own = [(row, body) for row, body in changed if _own(context, row)]
    intents = [Intent("Patient", row.id, body, linking=True, whole=True) for row, body in own]
    intents += [Intent("Provenance", None, provenance(context, row, action, reason)) for row, _ in own]
    results = await writing.apply(context, connection, intents, action=action)
    return next((each for each in results if isinstance(each, Refusal)), None)


def provenance(context: Context, row: ResourceRow, action: str, reason: str) -> dict[str, Any]:
    """Who made the next version of a Patient and why (http://hl7.org/fhir/R4/provenance.html)."""
    actor = context.principal.actor
    who = {"display": actor.name, **({"reference": actor.reference} if actor.reference else {})}
    unit = {"display": context.principal.assignment.unit_name}
    return {
        "resourceType": "Provenance",
        "target": [{"reference": f"Patient/{row.id}/_history/{row.version + 1}"}],
        "recorded": instant(context.now()),
        "activity": {"text": action},
        "reason": [{"text": reason}],
        "agent": [{"who": who, "onBehalfOf": unit}],
    }


async def locked(connection: Any, *patients: str) -> dict[str, ResourceRow]:
    """The current versions of Patients that exist, by id, their rows locked until the transaction ends."""
    found = await reads.lock_many(connection, [(_PATIENT, patient) for patient in patients])
    return {row.id: row for row in found if row.body is not None}


async def _readable(context: Context, *patients: str) -> Refusal | None:
    """The refusal of what the law does not let the principal read; each reading is logged."""
    for patient in patients:
        found = await reading.read(context, "Patient", patient)
        if isinstance(found, Refusal):
            return found
    return None


def _identities(context: Context, *found: ResourceRow) -> list[Identity]:
    today = local(from_micros(context.now())).date()
    return [identity_of(row.body or b"", today, context.services.schemes) for row in found]


def _own(context: Context, row: ResourceRow) -> bool:
    return row.provider == context.principal.assignment.provider


def _doer(context: Context) -> Doer:
    actor, assignment = context.principal.actor, context.principal.assignment
    return Doer(actor.id, actor.name, assignment.unit, assignment.provider)


def _what(pair: tuple[str, str]) -> tuple[str, ...]:
    return tuple(f"Patient/{one}" for one in pair)


async def _refused(context: Context, action: str, patients: Sequence[str], refusal: Refusal) -> Refusal:
    await context.log(
        action, "refused", "patient-index", patients=patients, what=[f"Patient/{one}" for one in patients]
    )
    return refusal


# --- why not -----------------------------------------------------------------------------------------


def _may_link(replaced: str, survivor: str, reason: str) -> Refusal | None:
    if not reason.strip():
        return refuse(RefusalKind.BAD_REQUEST, "required", "State why: the reason stands in the history.")
    if replaced == survivor:
        return refuse(RefusalKind.BAD_REQUEST, "value", "A Patient cannot be linked to itself.")
    return None


def _cannot_link(
    replaced: str, survivor: str, rows: dict[str, ResourceRow], links: dict[str, str]
) -> Refusal | None:
    for patient in (replaced, survivor):
        if patient not in rows:
            return refuse(RefusalKind.NOT_FOUND, "not-found", f"There is no Patient with the id '{patient}'.")
    if store.known_by(replaced, links) == store.known_by(survivor, links):
        why = ALREADY_ONE
    elif replaced in links:
        why = REPLACED_ALREADY
    elif survivor in links:
        why = SURVIVOR_REPLACED
    else:
        return None
    return refuse(RefusalKind.CONFLICT, "conflict", why)


def _protected(context: Context, one: Identity, other: Identity) -> Refusal | None:
    if one.protection == other.protection or may_handle_protected(context):
        return None
    provision = "offentlighets- och sekretesslagen (2009:400) 22:1"
    return Refusal(RefusalKind.FORBIDDEN, (Issue("error", "forbidden", NEEDS_RIGHT),), provision)


def _unconfirmed(against: Sequence[Conflict], confirmed: Collection[str]) -> Refusal | None:
    issues = tuple(
        Issue(
            "error",
            "business-rule",
            f"{CONFLICTS[each]} Confirm '{each}' if they are one person all the same.",
        )
        for each in against
        if each not in confirmed
    )
    return Refusal(RefusalKind.CONFLICT, issues) if issues else None


def _foreign(context: Context, *rows: ResourceRow) -> Refusal | None:
    if any(_own(context, row) for row in rows):
        return None
    return Refusal(RefusalKind.FORBIDDEN, (Issue("error", "forbidden", KEPT_ELSEWHERE),), _PROVISION)


def _cannot_mark() -> Refusal:
    return refuse(RefusalKind.CONFLICT, "conflict", MARK_ELSEWHERE)
