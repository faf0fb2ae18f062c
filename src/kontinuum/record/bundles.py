"""Transactions and batches (http://hl7.org/fhir/R4/http.html#transaction)."""

from __future__ import annotations

import copy
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kontinuum.fhir.issues import Issue
from kontinuum.record import patching, reading, searching, writing
from kontinuum.record.context import Context
from kontinuum.record.entries import METHODS, Entry, asked_twice, at, fault, named_twice, parse
from kontinuum.record.linking import find_conditions, name_and_link
from kontinuum.record.outcome import Refusal, RefusalKind, SearchPage, Stored, Written, refuse
from kontinuum.record.planning import Intent
from kontinuum.record.preparing import check
from kontinuum.record.references import references

MAX_SHOWN = 64 * 1024 * 1024
"""How many bytes of resources the reads and searches of one bundle may show together."""


@dataclass(slots=True)
class _Showing:
    """What the reads and searches of a bundle have shown so far: their answers are held until the last."""

    size: int = 0

    def of(self, entry: Entry, result: EntryResult) -> EntryResult:
        """A result, or its refusal when all of them together would be too large."""
        shown = [result.stored] if result.stored is not None else []
        if result.page is not None:
            shown += [*result.page.matches, *result.page.included]
        size = sum(len(each.body or b"") for each in shown)
        if self.size + size > MAX_SHOWN:
            message = (
                f"With this answer the bundle would show more than {MAX_SHOWN // 1_048_576} MiB: ask for it "
                "in another bundle, or for smaller pages (_count)."
            )
            refusal = refuse(RefusalKind.TOO_LARGE, "too-costly", message)
            return EntryResult(entry.method, refusal=at(entry, refusal))
        self.size += size
        return result


@dataclass(frozen=True, slots=True)
class EntryResult:
    """What became of one entry: a write, a read, a search or a refusal; none for a deletion of nothing."""

    method: str
    written: Written | None = None
    stored: Stored | None = None
    page: SearchPage | None = None
    refusal: Refusal | None = None


async def transaction(context: Context, bundle: dict[str, Any]) -> list[EntryResult] | Refusal:
    """Carry out a transaction bundle: all of it, or nothing and the reason why."""
    entries = parse(bundle)
    if isinstance(entries, Refusal):
        return entries
    faults = [issue for entry in entries if isinstance(entry, Refusal) for issue in entry.issues]
    if faults:
        return Refusal(RefusalKind.BAD_REQUEST, tuple(faults))
    good = [entry for entry in entries if isinstance(entry, Entry)]
    twice = named_twice(good) or asked_twice(good)
    if twice is not None:
        return twice

    results: list[EntryResult] | Refusal
    for _ in range(writing.ATTEMPTS):
        results = await _attempt(context, good)
        if not patching.overtaken(good, results):
            break
    if isinstance(results, Refusal):
        return results
    showing = _Showing()
    for number, entry in enumerate(good):
        if not entry.writes:
            results[number] = showing.of(entry, await _get(context, entry))
    return results


async def _attempt(context: Context, entries: Sequence[Entry]) -> list[EntryResult] | Refusal:
    """The writes of a transaction, as things stand now."""
    prepared = await patching.prepare(context, entries)
    if isinstance(prepared, Refusal):
        return prepared

    async def work(connection: Any) -> list[EntryResult] | Refusal:
        # A collision repeats the work, so it must not have changed what it began with.
        fresh = [replace(entry, resource=copy.deepcopy(entry.resource)) for entry in prepared]
        return await _write_all(context, connection, fresh)

    return await writing.in_transaction(context, work, what="transaction")


async def batch(context: Context, bundle: dict[str, Any]) -> list[EntryResult] | Refusal:
    """Carry out the entries of a batch bundle, each by itself."""
    entries = parse(bundle)
    if isinstance(entries, Refusal):
        return entries
    named = {each.full_url for each in entries if isinstance(each, Entry) and each.full_url}
    showing = _Showing()
    results: list[EntryResult] = []
    for entry in entries:
        wrong = entry if isinstance(entry, Refusal) else _leads_to_another(entry, named)
        if wrong is not None:
            results.append(EntryResult("", refusal=wrong))
        elif isinstance(entry, Entry):
            results.append(showing.of(entry, await _alone(context, entry)))
    return results


def _leads_to_another(entry: Entry, named: Collection[str]) -> Refusal | None:
    """The refusal of a reference to another entry of a batch, which would be kept and lead nowhere.

    http://hl7.org/fhir/R4/http.html#brules: there are none in a batch, whose entries stand by themselves.
    """
    for text, location in references(entry.resource, f"{entry.location}.resource") if named else ():
        if text in named and text[:4].lower() == "urn:":
            message = f"{text} is another entry: in a batch none refers to another; send a transaction."
            return fault("invalid", message, location)
    return None


async def _write_all(
    context: Context, connection: Any, entries: Sequence[Entry]
) -> list[EntryResult] | Refusal:
    refusal = (
        await find_conditions(context, connection, entries)
        or named_twice(entries)
        or await name_and_link(context, connection, entries)
    )
    if refusal is not None:
        return refusal
    invalid = [issue for entry in entries for issue in _invalid(entry)]
    if invalid:
        return Refusal(RefusalKind.INVALID, tuple(invalid))
    written = [entry for entry in entries if entry.writes and not entry.found]
    written.sort(key=lambda entry: METHODS.index(entry.method))
    intents = [
        Intent(entry.type, entry.id, entry.resource, entry.if_match, entry.identity, only_new=entry.only_new)
        for entry in written
    ]
    results = await writing.apply(context, connection, intents, action="transaction")
    by_number: dict[int, EntryResult] = {
        entry.number: EntryResult(entry.method, written=entry.found) for entry in entries
    }
    for entry, result in zip(written, results, strict=True):
        if isinstance(result, Refusal):
            if entry.method == "DELETE" and result.kind is RefusalKind.NOT_FOUND:
                by_number[entry.number] = EntryResult(entry.method)
                continue
            return at(entry, result)
        by_number[entry.number] = EntryResult(entry.method, written=result)
    return [by_number[entry.number] for entry in entries]


def _invalid(entry: Entry) -> list[Issue]:
    if entry.resource is None or entry.found is not None:
        return []
    refusal = check(entry.resource, entry.type)
    return [] if refusal is None else list(at(entry, refusal).issues)


async def _alone(context: Context, entry: Entry) -> EntryResult:
    """One entry of a batch."""
    result: Written | Refusal | None
    if not entry.writes:
        return await _get(context, entry)
    if entry.method == "POST":
        result = await writing.create(context, entry.resource or {}, entry.criteria)
    elif entry.method == "PUT" and entry.id is not None:
        result = await writing.update(
            context, entry.type, entry.id, entry.resource or {}, entry.if_match, False
        )
    elif entry.method == "PUT":
        result = await writing.conditional_update(
            context, entry.type, entry.criteria or "", entry.resource or {}, entry.if_match
        )
    elif entry.patch is not None and entry.id is not None:
        result = await patching.patch(context, entry.type, entry.id, entry.patch, entry.if_match)
    elif entry.patch is not None:
        result = await patching.conditional_patch(
            context, entry.type, entry.criteria or "", entry.patch, entry.if_match
        )
    elif entry.id is not None:
        result = await writing.delete(context, entry.type, entry.id, entry.if_match)
        if isinstance(result, Refusal) and result.kind is RefusalKind.NOT_FOUND:
            result = None  # as absent as it is wished to be, as by itself and in a transaction
    else:
        deleted = await writing.conditional_delete(context, entry.type, entry.criteria or "")
        result = deleted if isinstance(deleted, Refusal) else next(iter(deleted), None)
    if isinstance(result, Refusal):
        return EntryResult(entry.method, refusal=at(entry, result))
    return EntryResult(entry.method, written=result)


async def _get(context: Context, entry: Entry) -> EntryResult:
    if entry.id is not None:
        found = await reading.read(context, entry.type, entry.id)
        if isinstance(found, Refusal):
            return EntryResult(entry.method, refusal=at(entry, found))
        return EntryResult(entry.method, stored=found)
    query = searching.parse_url(f"{entry.type}?{entry.criteria or ''}", base=context.base)
    page = query if isinstance(query, Refusal) else await searching.search(context, query)
    if isinstance(page, Refusal):
        return EntryResult(entry.method, refusal=at(entry, page))
    return EntryResult(entry.method, page=page)
