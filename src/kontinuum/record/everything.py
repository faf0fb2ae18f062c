"""Everything about a patient or an encounter: its compartment, and what stands behind it.

http://hl7.org/fhir/R4/patient-operation-everything.html, …/encounter-operation-everything.html. The
compartment is searched as any search is, with the law's scope for every type, in the order of writing: what
is changed meanwhile comes once more at the end, and nothing is left out. A page brings along what its
resources refer to and what is in nobody else's record: staff, units, places, medicines.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from kontinuum.fhir import json
from kontinuum.fhir.definitions import RESOURCE_TYPES, TYPE_CODES
from kontinuum.fhir.search.clinical import clinical_date_parameter
from kontinuum.fhir.search.dates import date_range
from kontinuum.fhir.search.joined import compartment_of, compartment_types
from kontinuum.fhir.search.parse import parse_search
from kontinuum.fhir.search.query import SearchQuery
from kontinuum.kernel.principal import ActorKind
from kontinuum.record import reading
from kontinuum.record.across import OLDEST_FIRST, Page, merged_page
from kontinuum.record.chaining import log_is_not_searched
from kontinuum.record.circumstances import readable
from kontinuum.record.context import Context, reference
from kontinuum.record.outcome import Refusal, RefusalKind, SearchPage, Stored, refuse
from kontinuum.record.references import references
from kontinuum.record.release import release
from kontinuum.record.searching import MAX_COUNT, MAX_INCLUDED, confirmed, position_of
from kontinuum.record.withholding import visible
from kontinuum.store import persons
from kontinuum.store.resources import read as reads
from kontinuum.store.resources.rows import ResourceRow

_LASTING: Final = frozenset(
    "AllergyIntolerance Condition Consent FamilyMemberHistory Patient Person RelatedPerson".split()
)
"""What holds beyond the day on which it was written down: no window of time leaves it out."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of everything: these types, written since then, about care from `start` to `end` (FHIR dates)."""

    types: tuple[str, ...] = ()
    since: str | None = None
    start: str | None = None
    end: str | None = None
    count: int | None = None
    cursor: str | None = None

    @property
    def parameters(self) -> tuple[tuple[str, str], ...]:
        """As they are written in an address."""
        named = (("_since", self.since), ("start", self.start), ("end", self.end))
        listed = [("_type", ",".join(self.types))] if self.types else []
        listed += [(name, value) for name, value in named if value is not None]
        if self.count is not None:
            listed.append(("_count", str(self.count)))
        return (*listed, *((("_cursor", self.cursor),) if self.cursor is not None else ()))


@dataclass(frozen=True, slots=True)
class _Owner:
    """Whose everything; the id is None for everybody's. `persons` are the Patients that are the person."""

    type: str
    id: str | None
    persons: frozenset[str]

    def __str__(self) -> str:
        return "/".join(part for part in (self.type, self.id, "$everything") if part)


async def everything(
    context: Context, type_name: str, logical_id: str | None, wanted: Wanted
) -> SearchPage | Refusal:
    """One page of everything about a Patient or an Encounter.

    Without an id it is about the patient who asks, and for a system about every patient.
    """
    owner = await _owner(context, type_name, logical_id)
    if isinstance(owner, Refusal):
        return owner
    queries = _queries(owner, wanted)
    if isinstance(queries, Refusal):
        return queries
    after = None
    if wanted.cursor is not None:
        position = position_of(queries[0], wanted.cursor)
        if isinstance(position, Refusal):
            return position
        after = position
    page = await merged_page(context, queries, after)
    if isinstance(page, Refusal):
        return page
    # Of every patient: what the types of the compartment hold that belongs to no patient is left out.
    mine = [row for row in page.rows if owner.id is not None or row.patient is not None]
    matches = await release(context, context.pool, mine)
    included = await _behind(context, owner, page, matches)
    if isinstance(included, Refusal):
        return included
    names = set(wanted.types)
    shown = [each for each in matches if not names or each.type in names]
    behind = [each for each in included if not names or RESOURCE_TYPES[each.type - 1] in names]
    await context.log(
        "search",
        "permitted",
        "scope",
        patients=[*sorted(owner.persons), *(row.patient for row in mine)],
        what=(_asked(owner, wanted), *map(reference, [*mine, *behind])),
        count=len(shown) + len(behind),
    )
    return SearchPage(tuple(shown), tuple(await release(context, context.pool, behind)), None, page.next)


def _asked(owner: _Owner, wanted: Wanted) -> str:
    return f"{owner}?" + "&".join(f"{name}={value}" for name, value in wanted.parameters)


async def _owner(context: Context, type_name: str, logical_id: str | None) -> _Owner | Refusal:
    actor = context.principal.actor
    if logical_id is None and actor.kind is ActorKind.SYSTEM:
        return _Owner(type_name, None, frozenset())
    if logical_id is None and actor.kind is ActorKind.PATIENT:
        logical_id = actor.id
    if logical_id is None:
        message = f"Say whose: /{type_name}/id/$everything."
        return refuse(RefusalKind.BAD_REQUEST, "required", message)
    found = await reading.read(context, type_name, logical_id)
    if isinstance(found, Refusal):
        return found
    row = await reads.read(context.pool, TYPE_CODES[type_name], logical_id)
    patient = None if row is None else row.patient
    if patient is None:
        return _Owner(type_name, logical_id, frozenset())
    linked = await persons.members(context.pool, [patient])
    _, others = linked.get(patient, ("", ()))
    return _Owner(type_name, logical_id, frozenset([patient, *others]))


def _queries(owner: _Owner, wanted: Wanted) -> list[SearchQuery] | Refusal:
    """The searches that together find everything, in the order of writing."""
    if "AuditEvent" in wanted.types:
        return log_is_not_searched()
    unknown = next((name for name in wanted.types if name not in TYPE_CODES), None)
    if unknown is not None:
        message = f"_type names '{unknown}', which is no resource type of FHIR R4."
        return refuse(RefusalKind.BAD_REQUEST, "value", message)
    for name, text in (("_since", wanted.since), ("start", wanted.start), ("end", wanted.end)):
        if text is not None and date_range(text) is None:
            message = f"{name} must be a FHIR date or time such as 2026-03-01, not '{text}'."
            return refuse(RefusalKind.BAD_REQUEST, "value", message)
    # The log has readers and rules of its own.
    types = [name for name in compartment_types(owner.type) if name != "AuditEvent"]
    if wanted.types and set(wanted.types) <= set(types):
        types = [name for name in types if name in wanted.types]
    # Types beyond the compartment are found behind what is in it, so all of it is looked at.
    shared = [("_lastUpdated", f"ge{wanted.since}")] if wanted.since is not None else []
    count = MAX_COUNT if wanted.count is None else min(wanted.count, MAX_COUNT)
    told = (("$everything", str(owner)), *wanted.parameters)
    queries = []
    for name in types:
        within = None if owner.id is None else compartment_of(owner.type, owner.id, name)
        for dates in _care_dates(name, wanted):
            query = parse_search(name, [*shared, *dates])
            if not isinstance(query, SearchQuery):
                return Refusal(RefusalKind.BAD_REQUEST, tuple(query))
            queries.append(
                replace(query, compartment=within, sort=OLDEST_FIRST, count=count, self_params=told)
            )
    return queries


def _care_dates(type_name: str, wanted: Wanted) -> list[list[tuple[str, str]]]:
    """The alternatives by which a type is searched within a window of care: dated within it, or not dated."""
    name = clinical_date_parameter(type_name)
    if name is None or type_name in _LASTING or (wanted.start is None and wanted.end is None):
        return [[]]
    ends = (("ge", wanted.start), ("le", wanted.end))
    dated = [(name, prefix + text) for prefix, text in ends if text is not None]
    return [dated, [(f"{name}:missing", "true")]]


async def _behind(
    context: Context, owner: _Owner, page: Page, matches: Sequence[Stored]
) -> list[ResourceRow] | Refusal:
    """What the matches of a page refer to, and what that refers to, outside other patients' records."""
    known = {(row.type, row.id) for row in page.rows}
    found: list[ResourceRow] = []
    fresh: Sequence[Stored] = matches
    while fresh:
        named = [pair for pair in _named(fresh) if pair not in known]
        known.update(named)
        rows = await reads.read_many(context.pool, dict.fromkeys(named)) if named else []
        candidates = [row for row in rows if row.body is not None and _is_behind(owner, page, row)]
        permitted = await visible(context, context.pool, await readable(context, context.pool, candidates))
        found += permitted
        if len(found) > MAX_INCLUDED:
            message = (
                f"More than {MAX_INCLUDED:,} resources are referred to: ask for fewer at a time (_count)."
            )
            return refuse(RefusalKind.BAD_REQUEST, "too-costly", message)
        fresh = await release(context, context.pool, permitted)
    return found


def _is_behind(owner: _Owner, page: Page, row: ResourceRow) -> bool:
    """Whether a resource stands behind the compartment: nobody else's, and no match of another page."""
    if row.patient is not None and row.patient not in owner.persons:
        return False
    return not any(
        query.compartment is not None and confirmed(query, [row]) for query in page.queries.get(row.type, ())
    )


def _named(stored: Iterable[Stored]) -> Iterable[tuple[int, str]]:
    """What resources refer to, by reference or as an attachment."""
    for each in stored:
        resource = json.loads(each.body or b"{}")
        for text, _ in references(resource, each.type):
            pair = reading.split(text)
            if pair is not None and pair[0] != TYPE_CODES["AuditEvent"]:
                yield pair
        for text in _attached(resource):
            pair = reading.split(text)
            if pair is not None and pair[0] == TYPE_CODES["Binary"]:
                yield pair


def _attached(value: object) -> Iterable[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            if name == "url" and isinstance(item, str):
                yield item
            elif isinstance(item, dict | list):
                yield from _attached(item)
    elif isinstance(value, list):
        for item in value:
            yield from _attached(item)
