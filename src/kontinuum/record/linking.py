"""What the entries of a transaction mean beyond themselves: criteria, new ids, references to each other.

http://hl7.org/fhir/R4/http.html#trules and http://hl7.org/fhir/R4/bundle.html#references
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.fhir.search.extract import extract
from kontinuum.fhir.search.match import matches
from kontinuum.fhir.search.query import SearchQuery
from kontinuum.kernel.ids import bucket_of
from kontinuum.record import criteria, writing
from kontinuum.record.context import Context
from kontinuum.record.entries import Entry, at, fault
from kontinuum.record.outcome import Change, Refusal, RefusalKind, Written, refuse
from kontinuum.record.preparing import new_id
from kontinuum.record.references import base_of, condition, made_local, references, rewrite
from kontinuum.record.release import release_one
from kontinuum.store.resources.rows import ResourceRow


async def find_conditions(context: Context, connection: Any, entries: Sequence[Entry]) -> Refusal | None:
    """Resolve ifNoneExist, conditional update and conditional delete to the resources they mean.

    Deletions come first (http://hl7.org/fhir/R4/http.html#trules): what they remove is found by nobody.
    """
    conditional = [entry for entry in entries if entry.criteria is not None and entry.writes]
    await criteria.lock(context, connection, [_asked(entry) for entry in conditional])
    deletions = [entry for entry in conditional if entry.method == "DELETE"]
    others = [entry for entry in conditional if entry.method != "DELETE"]
    refusal = await _apply_conditions(context, connection, deletions, ())
    if refusal is not None:
        return refusal
    deleted = _written(entries, "DELETE")
    return await _apply_conditions(context, connection, others, deleted)


async def _apply_conditions(
    context: Context, connection: Any, entries: Sequence[Entry], deleted: Collection[tuple[int, str]]
) -> Refusal | None:
    asked = [_asked(entry) for entry in entries]
    found = await criteria.find(context, connection, asked, without=deleted)
    for entry, rows in zip(entries, found, strict=True):
        row = rows if isinstance(rows, Refusal) else criteria.only(_asked(entry), rows)
        refusal = row if isinstance(row, Refusal) else await _take(context, connection, entry, row)
        if refusal is not None:
            return at(entry, refusal)
    return None


async def _take(context: Context, connection: Any, entry: Entry, row: ResourceRow | None) -> Refusal | None:
    """Let an entry mean what its criteria found."""
    if entry.method == "POST":
        entry.found = (
            None if row is None else Written(Change.UNCHANGED, await release_one(context, connection, row))
        )
    elif entry.method == "DELETE":
        entry.id = None if row is None else row.id
    else:
        intent = writing.update_intent(entry.type, entry.resource or {}, row, entry.if_match)
        if isinstance(intent, Refusal):
            return intent
        entry.id, entry.only_new = intent.id, intent.only_new
    return None


def _asked(entry: Entry) -> criteria.Asked:
    return entry.type, entry.criteria or ""


def _written(entries: Sequence[Entry], *methods: str) -> set[tuple[int, str]]:
    """The (type, id) that entries with some methods write."""
    return {
        (TYPE_CODES[entry.type], entry.id)
        for entry in entries
        if entry.method in methods and entry.id is not None
    }


async def name_and_link(context: Context, connection: Any, entries: Sequence[Entry]) -> Refusal | None:
    """Give new resources their ids and turn references between entries into references by id.

    Patients are named first: the id of what belongs to a patient carries that patient's bucket.
    """
    names: dict[str, str] = {}
    for entry in entries:
        if entry.found is not None:
            _note(names, entry, entry.found.stored.id)
        elif entry.id is not None:
            _note(names, entry, entry.id)
        elif entry.resource is not None and entry.type == "Patient":
            entry.identity = new_id(context)
            _note(names, entry, entry.identity[2])
    later = await _resolve_references(context, connection, entries, names)
    if isinstance(later, Refusal):
        return later
    _rewrite(entries, names)
    names = {}
    for entry in entries:
        if entry.resource is not None and entry.found is None and not entry.id and not entry.identity:
            patient = _patient_of(entry.resource)
            entry.identity = new_id(context, None if patient is None else bucket_of(patient))
            _note(names, entry, entry.identity[2])
    for text, entry in later.items():
        names[text] = f"{entry.type}/{_name_of(entry)}"
    _rewrite(entries, names)
    for entry in entries:
        made_local(entry.resource, context.base)
    return _unlinked(entries)


def _rewrite(entries: Sequence[Entry], names: dict[str, str]) -> None:
    for entry in entries:
        if entry.resource is not None and names:
            rewrite(entry.resource, names, base_of(entry.full_url))


def _unlinked(entries: Sequence[Entry]) -> Refusal | None:
    for entry in entries:
        for text, location in references(entry.resource, f"{entry.location}.resource"):
            if text[:4].lower() == "urn:":  # in whatever case: https://www.rfc-editor.org/rfc/rfc8141
                return fault("not-found", f"The reference {text} matches no fullUrl in the bundle.", location)
    return None


def _patient_of(resource: dict[str, Any]) -> str | None:
    try:
        return extract(resource).patient
    except (TypeError, ValueError, AttributeError, KeyError):
        return None  # not valid: the validation that follows says what is wrong


def _note(names: dict[str, str], entry: Entry, logical_id: str) -> None:
    if entry.full_url:
        names[entry.full_url] = f"{entry.type}/{logical_id}"


def _name_of(entry: Entry) -> str | None:
    """The id that an entry's resource has or gets, None as long as it has none."""
    if entry.found is not None:
        return entry.found.stored.id
    return entry.id or (entry.identity[2] if entry.identity else None)


async def _resolve_references(
    context: Context, connection: Any, entries: Sequence[Entry], names: dict[str, str]
) -> dict[str, Entry] | Refusal:
    """Note the names of what conditional references mean; the entries among it that have no name yet.

    They are resolved as if the bundle were written (http://hl7.org/fhir/R4/http.html#trules): what it
    writes is found as it will be, what it deletes is not.
    """
    places: dict[criteria.Asked, tuple[Entry, str]] = {}
    for entry in entries:
        for text, location in references(entry.resource, f"{entry.location}.resource"):
            asked = condition(text)
            if asked is not None and text not in names:
                places.setdefault(asked, (entry, location))
    touched = _written(entries, "PUT", "PATCH", "DELETE")
    found = await criteria.find(context, connection, list(places), without=touched)
    later: dict[str, Entry] = {}
    for (asked, (entry, location)), rows in zip(places.items(), found, strict=True):
        if isinstance(rows, Refusal):
            return replace(rows, issues=tuple(replace(issue, location=location) for issue in rows.issues))
        text = "?".join(asked)
        inside = _inside(context, asked, entries)
        if len(rows) + len(inside) > 1:
            return at(entry, criteria.several(asked))
        if not rows and not inside:
            return refuse(
                RefusalKind.PRECONDITION_FAILED,
                "not-found",
                f"The conditional reference '{text}' finds nothing.",
                location,
            )
        name = rows[0].id if rows else _name_of(inside[0])
        if name is None:
            later[text] = inside[0]
        else:
            names[text] = f"{asked[0]}/{name}"
    return later


def _inside(context: Context, asked: criteria.Asked, entries: Sequence[Entry]) -> list[Entry]:
    """The entries whose resources, once written, answer criteria."""
    query = criteria.parse(context, asked)
    return [
        entry
        for entry in entries
        if entry.method in ("POST", "PUT", "PATCH") and entry.found is None and entry.type == asked[0]
        if not isinstance(query, Refusal) and _answers(query, entry)
    ]


def _answers(query: SearchQuery, entry: Entry) -> bool:
    try:
        return matches(query, {**(entry.resource or {}), "id": _name_of(entry) or ""})
    except (TypeError, ValueError, AttributeError, KeyError):
        return False  # not valid: the validation that follows says what is wrong
