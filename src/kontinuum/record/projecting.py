"""Keeps the tables of the law in step with the resources they come from, in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from kontinuum.access.consents import Understood, kind_of, read_consent
from kontinuum.access.project import PROJECTED_TYPES, project
from kontinuum.access.vocabulary import BLOCKS
from kontinuum.fhir import json
from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.kernel.clock import from_micros
from kontinuum.kernel.i18n import local
from kontinuum.kernel.ids import bucket_of
from kontinuum.record.circumstances import PROTECTIONS
from kontinuum.record.outcome import Refusal, RefusalKind, refuse
from kontinuum.record.persons import guardians
from kontinuum.store import law as store
from kontinuum.store import law_linked
from kontinuum.store.resources import read as reads
from kontinuum.store.resources.rows import NewVersion, ResourceRow
from kontinuum.sweden import systems

_CONSENT = TYPE_CODES["Consent"]
_PATIENT = TYPE_CODES["Patient"]
_ORGANIZATION = TYPE_CODES["Organization"]
CODES = frozenset(TYPE_CODES[name] for name in PROJECTED_TYPES)
_PERSON = ("person_fact",)
_OF_RESOURCES = tuple(table for table in store.PROJECTED if table not in _PERSON)


class Accountable(NamedTuple):
    """Who is accountable for what is being written, by HSA-id."""

    unit: str
    provider: str


def unclear(resource: dict[str, Any]) -> Refusal | None:
    """The refusal of a block or consent that is not understood, so that it could not be kept to (rule 11)."""
    if resource.get("resourceType") != "Consent":
        return None
    understood = read_consent(resource)
    if isinstance(understood, Understood):
        return None
    return Refusal(RefusalKind.INVALID, (understood,))


def concerns_law(new: NewVersion) -> bool:
    """Whether writing a version changes what the law knows."""
    return new.type in CODES or new.type == _ORGANIZATION


def unchangeable(row: ResourceRow, resource: dict[str, Any] | None) -> Refusal | None:
    """A block is never edited, only annulled (rule 10): the refusal of any other change."""
    if row.type != _CONSENT or row.body is None:
        return None
    before = json.loads(row.body)
    if kind_of(before) not in BLOCKS:
        return None
    annulled = resource is not None and resource.get("status") in ("inactive", "entered-in-error")
    if annulled and _apart_from_status(before) == _apart_from_status(resource or {}):
        return None
    return refuse(
        RefusalKind.CONFLICT,
        "business-rule",
        "A block is never edited or deleted, only annulled: change nothing but its status, to inactive. "
        "(patientdatalagen (2008:355) 4:4)",
        "Consent",
    )


def _apart_from_status(resource: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in resource.items() if name not in ("id", "meta", "status")}


async def write(
    connection: Any,
    created: Sequence[NewVersion],
    changed: Sequence[tuple[ResourceRow, NewVersion]],
    buried: Sequence[ResourceRow],
    accountable: Accountable,
    now: int,
) -> None:
    """Bring the tables of the law in step with what was just written; within its transaction."""
    outdated = [(old.bucket, old.key) for old, _ in changed if old.type in CODES]
    if outdated:
        await law_linked.remove(connection, outdated)
    gone = [(row.bucket, row.key) for row in buried if row.type in CODES]
    if gone:  # what a person was is still asked of the history
        await law_linked.remove(connection, gone, _OF_RESOURCES)
    new = [*created, *(version for _, version in changed)]
    rows: dict[str, list[tuple[Any, ...]]] = {}
    for version in new:
        if version.type in CODES:
            _add(rows, version, json.loads(version.body), accountable, now)
    await _insert(connection, rows, now)
    touched: list[NewVersion | ResourceRow] = [*new, *(old for old, _ in changed), *buried]
    await guardians.follow(connection, [each for each in touched if each.type == _PATIENT], _day(now))
    await _name_units(connection, [v for v in new if v.type == _ORGANIZATION], accountable)


async def rebuild(
    connection: Any, found: Sequence[ResourceRow], former: Sequence[ResourceRow], now: int
) -> None:
    """Make anew what some resources say to the law; they must be locked.

    `former` are the last versions with a body of those that are deleted: what a person was is still asked.
    """
    await law_linked.remove(connection, [(row.bucket, row.key) for row in found])
    rows: dict[str, list[tuple[Any, ...]]] = {}
    for row in found:
        if row.body is not None:
            _add(rows, row, json.loads(row.body), Accountable(row.unit, row.provider), now)
    deleted: dict[str, list[tuple[Any, ...]]] = {}
    for row in former:
        _add(deleted, row, json.loads(row.body or b""), Accountable(row.unit, row.provider), now)
    for table in _PERSON:
        rows.setdefault(table, []).extend(deleted.get(table, ()))
    await _insert(connection, rows, now)


async def _insert(connection: Any, rows: dict[str, list[tuple[Any, ...]]], now: int) -> None:
    await _resolve_relations(connection, rows.get("care_relation", []))
    rows["representative"] = await guardians.known(connection, rows.get("representative", []), _day(now))
    for table in store.PROJECTED:
        await law_linked.insert(connection, table, rows.get(table, ()))


def _add(
    rows: dict[str, list[tuple[Any, ...]]],
    version: NewVersion | ResourceRow,
    resource: dict[str, Any],
    accountable: Accountable,
    now: int,
) -> None:
    projection = project(resource, version.updated)
    patient = version.id if resource["resourceType"] == "Patient" else version.patient
    if patient is None:
        return
    key, bucket = version.key, bucket_of(patient)
    source = f"{resource['resourceType']}/{version.id}"
    unit, provider = accountable

    def put(table: str, *record: Any) -> None:
        rows.setdefault(table, []).append(record)

    for number, relation in enumerate(projection.relations):
        if relation.high > now:  # what has ended decides nothing any more
            at = relation.unit or unit
            put("care_relation", key, relation.low, relation.high, bucket, number, patient, at, provider, "",
                relation.basis, source, None)  # fmt: skip
    said = projection.consents
    for number, consent in enumerate(said.consents):
        at = "" if consent.unit == provider else consent.unit
        put("consent", key, consent.low, consent.high, bucket, number, patient, provider, at, consent.person,
            source, consent.unable)  # fmt: skip
    for number, block in enumerate(said.blocks):
        at = "" if block.unit == provider else block.unit
        put("block", key, block.low, block.high, bucket, number, block.level.value, patient, provider, at,
            _type_codes(block.kept), source)  # fmt: skip
    for number, proxy in enumerate(said.proxies):
        put("representative", key, proxy.low, proxy.high, bucket, number, patient, proxy.person, "proxy",
            _type_codes(proxy.types), source, None)  # fmt: skip
    if projection.informed is not None:
        put("informed", key, projection.informed, bucket, patient, provider, source)
    if projection.guardianship is not None:
        low, high = projection.guardianship.low, projection.guardianship.high
        for known in guardians.numbers_in(resource, _day(now)):
            put("representative", key, low, high, bucket, 0, patient, "", "guardian", [], source, known)
    if projection.person is not None:
        person = projection.person
        level = PROTECTIONS.index(person.protection)
        put("person_fact", key, bucket, person.born, person.deceased, level, patient)


async def _resolve_relations(connection: Any, records: list[tuple[Any, ...]]) -> None:
    """Give relations that name an Organization its HSA-id, and the provider that the unit belongs to."""
    names = sorted({record[6] for record in records if record[6].startswith("Organization/")})
    if not names:
        return
    found = await reads.read_many(
        connection, [(_ORGANIZATION, name.removeprefix("Organization/")) for name in names]
    )
    known = {
        f"Organization/{row.id}": (hsa, row.provider) for row in found if row.body and (hsa := _hsa(row.body))
    }
    for number, record in enumerate(records):
        if record[6] in known:
            records[number] = (*record[:6], *known[record[6]], *record[8:])


async def _name_units(connection: Any, written: Sequence[NewVersion], accountable: Accountable) -> None:
    """Relations that waited for an Organization get its HSA-id."""
    named = [
        (f"Organization/{version.id}", hsa, accountable.provider)
        for version in written
        if (hsa := _hsa(version.body))
    ]
    if named:
        await store.resolve(connection, named)


def _hsa(body: bytes) -> str | None:
    for identifier in json.loads(body).get("identifier") or ():
        if systems.canonical(identifier.get("system") or "") == systems.HSA_ID:
            value: str | None = identifier.get("value")
            return value
    return None


def _day(now: int) -> date:
    return local(from_micros(now)).date()


def _type_codes(names: frozenset[str]) -> list[int]:
    return sorted(TYPE_CODES[name] for name in names)
