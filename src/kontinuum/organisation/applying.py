"""Reading the directory from the record and writing changes to it, through the gate.

Every write has a Provenance beside it in the same transaction: who, when, on which ground. Writing under an
assignment makes its care provider accountable, so each care provider's changes are written by its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol
from urllib.parse import quote

from kontinuum.fhir import json
from kontinuum.kernel.clock import instant
from kontinuum.kernel.principal import ActorKind, Principal
from kontinuum.organisation.files import Line
from kontinuum.organisation.model import Person, Role, Unit
from kontinuum.organisation.plan import Change, Directory, Held
from kontinuum.organisation.resources import employment_id
from kontinuum.record import Refusal
from kontinuum.sweden import systems

AT_ONCE = 40
BUNDLE = 200
PAGE = 500
TYPES = ("Organization", "Practitioner", "PractitionerRole")


class Reader(Protocol):
    """The gate, as far as the directory reads it."""

    async def find(self, url: str, /) -> Any:
        """One page of a search."""
        ...

    async def find_many(self, urls: Sequence[str], /) -> Any:
        """Several searches."""
        ...

    async def read_many(self, references: Sequence[str], /) -> Any:
        """Several resources."""
        ...


class Writer(Reader, Protocol):
    """The gate, as far as the directory writes it."""

    @property
    def principal(self) -> Principal:
        """Under whom it is written."""
        ...

    async def transaction(self, bundle: dict[str, Any], /) -> Any:
        """All or nothing."""
        ...


def held(stored: Any) -> Held:
    """A stored resource as the directory compares it."""
    resource = json.loads(stored.body)
    return Held(stored.reference, stored.version, stored.provider, resource)


async def look_up(record: Reader, lines: Sequence[Line]) -> Directory:
    """What the record holds of everything that a delivery names."""
    directory = Directory()
    for type_name, hsa_ids in _named(lines).items():
        for url in _by_hsa_id(type_name, hsa_ids):
            for stored in await pages(record, url):
                directory.add(held(stored))
    references = [f"PractitionerRole/{each}" for each in _computed(lines)]
    for batch in _batches(references, PAGE):
        for stored in (await record.read_many(batch)).values():
            directory.add(held(stored))
    await _add_referred(record, directory)
    return directory


async def whole(record: Reader) -> Directory:
    """Everything that the record holds of the directory."""
    directory = Directory()
    for type_name in TYPES:
        for stored in await pages(record, f"{type_name}?_count={PAGE}"):
            directory.add(held(stored))
    return directory


async def pages(record: Reader, url: str) -> list[Any]:
    """Every match of a search, page after page. Raises ValueError when the search itself is refused."""
    found = await every(record, url)
    if isinstance(found, Refusal):
        raise ValueError(f"{url}: {found.issues[0].message}")
    return found


async def every(record: Reader, url: str) -> list[Any] | Refusal:
    """Every match of a search, page after page, or why it is refused."""
    found: list[Any] = []
    cursor = ""
    while True:
        page = await record.find(url + cursor)
        if isinstance(page, Refusal):
            return page
        found += page.matches
        if page.next is None:
            return found
        cursor = f"&_cursor={quote(page.next, safe='')}"


async def apply(
    record: Writer,
    changes: Sequence[Change],
    *,
    now: int,
    reason: str,
    told: Callable[[int], None] = lambda _: None,
) -> Refusal | None:
    """Write changes in transactions of a few hundred; the first refusal stops, and what is written stays.

    `told` hears how many were written. `now` is in microseconds.
    """
    for batch in _batches(changes, BUNDLE):
        entries = [entry(c.reference, c.resource, c.version) for c in batch]
        targets = [(c.reference, (c.version or 0) + 1) for c in batch]
        note = provenance(record.principal, now, reason, targets)
        answer = await record.transaction(bundle([*entries, {**_post("Provenance"), "resource": note}]))
        if isinstance(answer, Refusal):
            return answer
        told(len(batch))
    return None


def entry(reference: str, resource: dict[str, Any], version: int | None) -> dict[str, Any]:
    """A write of a transaction: over the version that was seen, or of what was not there."""
    condition = {"ifNoneMatch": "*"} if version is None else {"ifMatch": f'W/"{version}"'}
    return {"resource": resource, "request": {"method": "PUT", "url": reference, **condition}}


def bundle(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """A transaction."""
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def provenance(
    principal: Principal, now: int, reason: str, targets: Iterable[tuple[str, int]]
) -> dict[str, Any]:
    """Who changed which versions, when and why (http://hl7.org/fhir/R4/provenance.html)."""
    actor, assignment = principal.actor, principal.assignment
    who: dict[str, Any] = {"display": actor.name}
    if actor.kind is ActorKind.STAFF and actor.reference:
        who["reference"] = actor.reference
    place = {
        "identifier": {"system": systems.HSA_ID, "value": assignment.unit},
        "display": assignment.unit_name or assignment.unit,
    }
    said = [{"text": reason}] if reason else []
    return {
        "resourceType": "Provenance",
        "target": [{"reference": f"{reference}/_history/{version}"} for reference, version in targets],
        "recorded": instant(now),
        **({"reason": said} if said else {}),
        "agent": [{"who": who, "onBehalfOf": place}],
    }


def _post(type_name: str) -> dict[str, Any]:
    return {"request": {"method": "POST", "url": type_name}}


def _named(lines: Sequence[Line]) -> dict[str, set[str]]:
    """The HSA-ids that a delivery names, by type of resource."""
    named: dict[str, set[str]] = {name: set() for name in TYPES}
    for line in lines:
        record = line.record
        if isinstance(record, Unit):
            named["Organization"].update(filter(None, (record.hsa_id, record.parent)))
        elif isinstance(record, Person):
            named["Practitioner"].add(record.hsa_id)
        else:
            named["Practitioner"].add(record.person)
            named["Organization"].add(record.unit)
            if record.hsa_id:
                named["PractitionerRole"].add(record.hsa_id)
    return named


def _computed(lines: Sequence[Line]) -> list[str]:
    return sorted(
        {employment_id(x.record) for x in lines if isinstance(x.record, Role) and not x.record.hsa_id}
    )


def _by_hsa_id(type_name: str, hsa_ids: Iterable[str]) -> Iterator[str]:
    for batch in _batches(sorted(hsa_ids), AT_ONCE // 2):
        tokens = ",".join(
            quote(f"{system}|{hsa_id}", safe="")
            for hsa_id in batch
            for system in sorted(systems.HSA_ID_FORMS)
        )
        yield f"{type_name}?identifier={tokens}&_count={PAGE}"


async def _add_referred(record: Reader, directory: Directory) -> None:
    """Add what is above the units and behind the assignments, so that every reference has its HSA-id."""
    while True:
        wanted = {
            reference
            for one in directory.held.values()
            for element in ("partOf", "practitioner", "organization")
            if (reference := one.resource.get(element, {}).get("reference"))
            and reference not in directory.held
        }
        found = await record.read_many(sorted(wanted)) if wanted else {}
        for stored in found.values():
            directory.add(held(stored))
        if not found:
            return


def _batches(items: Sequence[Any], size: int) -> Iterator[Any]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
