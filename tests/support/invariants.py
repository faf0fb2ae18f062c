"""What must hold of the store's tables at every moment, computed anew from the bodies."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

from kontinuum.fhir import json
from kontinuum.fhir.definitions import RESOURCE_TYPES
from kontinuum.fhir.search.extract import extract
from kontinuum.kernel.clock import instant
from kontinuum.kernel.ids import bucket_of, decode_id, id_hash
from kontinuum.store.packing import unpack

TABLES = {
    "hot": "bucket, key, patient, value, sort",
    "search_date": "bucket, key, param, low, high, tags, ord",
    "search_number": "bucket, key, param, low, high, units, tags, ord",
    "search_string": "bucket, key, param, text, tags, ord",
    "search_words": "bucket, key",
}


async def broken(connection: Any) -> list[str]:
    """Everything in which the tables contradict the bodies, in words; empty when nothing does."""
    faults: list[str] = []
    expected: dict[str, Counter[tuple[Any, ...]]] = {table: Counter() for table in TABLES}
    expected_texts: set[tuple[Any, ...]] = set()
    seen: set[tuple[int, str]] = set()
    identities = {
        (row["type"], row["id"]): (row["bucket"], row["key"])
        for row in await connection.fetch("select * from identity")
    }
    for row in await connection.fetch("select * from resource"):
        name = f"{RESOURCE_TYPES[row['type'] - 1]}/{row['id']}"
        if (row["type"], row["id"]) in seen:
            faults.append(f"{name} is there twice")
        seen.add((row["type"], row["id"]))
        faults += [f"{name}: {fault}" for fault in _row(row, identities, expected)]
        if row["body"] is not None:
            expected_texts.update(extract(json.loads(unpack(row["body"]))).texts)
        faults += [f"{name}: {fault}" for fault in await _versions(connection, row)]
    for table, columns in TABLES.items():
        found = Counter(
            tuple(_plain(value) for value in row)
            for row in await connection.fetch(f"select {columns} from {table}")
        )
        if found != expected[table]:
            faults.append(f"{table}: stale {found - expected[table]}, missing {expected[table] - found}")
    known = {tuple(row) for row in await connection.fetch("select hash, param, text from known_text")}
    if missing := expected_texts - known:
        faults.append(f"known_text lacks {missing}")
    gone = await connection.fetchval(
        "select count(*) from history h where not exists"
        " (select from resource r where r.bucket = h.bucket and r.key = h.key)"
    )
    if gone:
        faults.append(f"{gone} versions in history belong to no resource")
    return faults


def _row(row: Any, identities: dict[Any, Any], expected: dict[str, Counter[tuple[Any, ...]]]) -> list[str]:
    faults = []
    bucket, key = row["bucket"], row["key"]
    if identities.get((row["type"], row["id"]), (bucket, key)) != (bucket, key):
        faults.append("identity leads elsewhere")
    if (row["type"], row["id"]) not in identities and decode_id(row["id"]) != (key, bucket):
        faults.append("nothing leads to it")
    if bucket != bucket_of(row["patient"] or row["id"]):
        faults.append("lies in another bucket than its patient's")
    if row["body"] is None:
        return [*faults, "a deletion has hashes"] if row["hashes"] else faults
    resource = json.loads(unpack(row["body"]))
    index = extract(resource)
    meta = resource["meta"]
    stamp = (resource["id"], meta["versionId"], meta["lastUpdated"])
    if stamp != (row["id"], str(row["version"]), instant(row["updated"])):
        faults.append(f"the body says {stamp}")
    if (row["hashes"], row["patient"]) != (index.hashes, index.patient):
        faults.append("hashes or patient are not the body's")
    if row["sort"] != (row["updated"] if index.sort is None else index.sort):
        faults.append("sort is not the body's")
    if index.patient is not None:
        hashed = id_hash(index.patient)
        expected["hot"].update((bucket, key, hashed, value, row["sort"]) for value in index.hot)
    for param, low, high, tags, number in index.dates:
        expected["search_date"][bucket, key, param, low, high, _plain(tags), number] += 1
    for param, low, high, units, tags, number in index.numbers:
        ends = (_end(low), _end(high))
        expected["search_number"][bucket, key, param, *ends, _plain(units), _plain(tags), number] += 1
    words = bool(index.narrative or index.prose)
    expected["search_words"].update([(bucket, key)] if words else [])
    for param, text, tags, number in index.strings:
        expected["search_string"][bucket, key, param, text, _plain(tags), number] += 1
    return faults


async def _versions(connection: Any, row: Any) -> list[str]:
    """Faults of the earlier versions: numbers without a gap, times that rise."""
    older = await connection.fetch(
        "select version, updated, type, id from history where bucket = $1 and key = $2 order by version",
        row["bucket"],
        row["key"],
    )
    numbers = [each["version"] for each in older] + [row["version"]]
    times = [each["updated"] for each in older] + [row["updated"]]
    faults = []
    if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        faults.append(f"versions {numbers}")
    if sorted(set(times)) != times:
        faults.append(f"times do not rise: {times}")
    if any((each["type"], each["id"]) != (row["type"], row["id"]) for each in older):
        faults.append("history of another resource")
    return faults


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _end(value: Decimal) -> Decimal | None:
    return value if value.is_finite() else None
