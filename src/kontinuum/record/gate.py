"""THE gate: every way to a patient's data leads through a Record bound to a principal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from kontinuum.audit import AuditLog
from kontinuum.audit.attempts import Attempts
from kontinuum.fhir.issues import Issue
from kontinuum.fhir.patch import Patch
from kontinuum.fhir.search.query import SearchQuery
from kontinuum.kernel.around import Coming
from kontinuum.kernel.clock import Clock
from kontinuum.kernel.ids import KeySource
from kontinuum.kernel.principal import Principal
from kontinuum.profiles import Profiles
from kontinuum.record import (
    accompanied,
    across,
    bundles,
    chronicle,
    drafts,
    everything,
    exporting,
    importing,
    latest,
    patching,
    profiled,
    reading,
    searching,
    transferring,
    trying,
    writing,
)
from kontinuum.record.agenda import Agenda
from kontinuum.record.bulk import Bulk
from kontinuum.record.bundles import EntryResult
from kontinuum.record.chronicle import Leaf, Part
from kontinuum.record.context import Context, ProviderDecisions, Services
from kontinuum.record.draft_files import DraftFiles
from kontinuum.record.drafts import Draft, Together
from kontinuum.record.everything import Wanted
from kontinuum.record.existence import Access, access_to, readable_units, standing
from kontinuum.record.exporting import Exported, ExportPage
from kontinuum.record.feedback import Feedback
from kontinuum.record.importing import Incoming
from kontinuum.record.law import Law
from kontinuum.record.logbook import Logbook
from kontinuum.record.news import News
from kontinuum.record.outcome import HistoryPage, Refusal, SearchPage, Stored, Written
from kontinuum.record.persons.index import PatientIndex
from kontinuum.record.planning import Intent
from kontinuum.record.subscriptions.delivering import Deliveries
from kontinuum.record.subscriptions.endpoints import Endpoints
from kontinuum.record.subscriptions.own import Subscriptions
from kontinuum.record.text import Destruction, EntryText
from kontinuum.record.waiting import Work
from kontinuum.record.withholding import HINTED
from kontinuum.store.law import is_complete


class Gate:
    """A worker's gate: hands out records, each bound to one principal."""

    def __init__(
        self,
        pool: Any,
        audit: AuditLog,
        clock: Clock,
        keys: KeySource,
        decided: ProviderDecisions,
        *,
        hinted: Collection[str] = HINTED,
        profiles: Profiles | None = None,
        claims_bind: bool = True,
        endpoints: Endpoints | None = None,
    ) -> None:
        self._services = Services(
            pool,
            audit,
            clock,
            keys,
            decided,
            hinted=frozenset(hinted),
            profiles=profiles or Profiles(),
            claims_bind=claims_bind,
            endpoints=endpoints or Endpoints(),
        )
        self._attempts = Attempts(audit, clock)

    async def close(self) -> None:
        """Log what was counted and not told yet; before the log closes."""
        await self._attempts.close()

    async def turned_away(self, address: str, reason: str) -> None:
        """Log that somebody unknown asked for the record: no token (`no-token`), or none that is valid."""
        await self._attempts.note(address, reason)

    async def forget_drafts(self) -> None:
        """Remove what is kept of drafts no longer: discarded ones, and sound whose time is out."""
        await drafts.forget(self._services)

    async def learn_of_law(self) -> None:
        """Learn whether the tables of the law are complete, so that searches need not ask for it."""
        self._services.law_complete = await is_complete(self._services.pool)

    @property
    def deliveries(self) -> Deliveries:
        """What each subscription is to be sent next, decided as its subscriber."""
        return Deliveries(self._services)

    @property
    def news(self) -> News:
        """Where work has changed, from now on."""
        return News(self._services)

    def record(self, principal: Principal, *, base: str | None = None) -> Record:
        """The record as this principal may see and change it.

        `base` is the address under which it is asked: references below it mean what is kept here.
        """
        return Record(Context(self._services, principal, base=base))

    async def providers(self) -> list[str]:
        """The HSA-ids of the care providers whose documentation the record holds."""
        return await exporting.providers(self._services.pool)

    async def profiles(self) -> dict[str, list[str]]:
        """The profiles that a resource can be held to, by its type."""
        return await self._services.profiles.supported(self._services.pool)

    def export(
        self, principals: Sequence[Principal], types: Sequence[str] | None = None
    ) -> AsyncIterator[ExportPage]:
        """Every current resource that any of the principals may read, page by page, from one moment.

        A record of several care providers is given out by a principal of each of them.
        """
        contexts = [Context(self._services, principal) for principal in principals]
        return exporting.export(contexts, types)


class Record:
    """The record, bound to an actor, an assignment and a purpose.

    Every method decides by law, logs durably, and only then shows or commits. What is refused comes
    back as a `Refusal`.
    """

    __slots__ = ("_context",)

    def __init__(self, context: Context) -> None:
        self._context = context

    @property
    def principal(self) -> Principal:
        """To whom this record is bound."""
        return self._context.principal

    @property
    def at_own_unit(self) -> Record:
        """The same record, whose searches find only what the assignment's unit is accountable for."""
        return Record(replace(self._context, own_unit=True))

    @property
    def text(self) -> EntryText:
        """Corrections, dissent, and what is kept back from the patient."""
        return EntryText(self._context)

    @property
    def files(self) -> DraftFiles:
        """Files of drafts, and sound that waits to be written out."""
        return DraftFiles(self._context)

    @property
    def destruction(self) -> Destruction:
        """Destruction of records, on a registered decision only."""
        return Destruction(self._context)

    @property
    def work(self) -> Work:
        """What waits for this principal and at the unit: to sign, to countersign, begun drafts."""
        return Work(self._context)

    @property
    def agenda(self) -> Agenda:
        """Which times of staff and which beds are taken; it tells of no patient."""
        return Agenda(self._context)

    @property
    def feedback(self) -> Feedback:
        """Deviations and ideas of the staff of the assignment's unit."""
        return Feedback(self._context)

    @property
    def bulk(self) -> Bulk:
        """Exports and imports in bulk."""
        return Bulk(self._context)

    @property
    def persons(self) -> PatientIndex:
        """The patient index: links between Patients, possible duplicates, reserve numbers."""
        return PatientIndex(self._context)

    @property
    def subscriptions(self) -> Subscriptions:
        """The principal's own subscriptions: how they stand, what was sent, the way to a websocket."""
        return Subscriptions(self._context)

    @property
    def law(self) -> Law:
        """What this principal may do about access: relations, choices, consents, openings, blocks."""
        return Law(self._context)

    async def access(self, patient: str, stands: Access | None = None) -> Access:
        """How this principal stands to a patient (see `standing`), and what exists that is not shown."""
        return await access_to(self._context, patient, stands)

    async def standing(self, patient: str, *, counting: bool = False) -> Access:
        """How this principal stands to a patient; with `counting`, `access` is going to be asked next."""
        return await standing(self._context, patient, counting=counting)

    @property
    def log(self) -> Logbook:
        """The log, as this principal may read it."""
        return Logbook(self._context)

    async def read(self, type_name: str, logical_id: str) -> Stored | Refusal:
        """The current version of a resource."""
        return await reading.read(self._context, type_name, logical_id)

    async def vread(self, type_name: str, logical_id: str, version: int) -> Stored | Refusal:
        """One version of a resource."""
        return await reading.vread(self._context, type_name, logical_id, version)

    async def read_many(self, references: Sequence[str]) -> dict[str, Stored]:
        """Several resources by `Type/id`; what does not exist or is not permitted is absent."""
        return await reading.read_many(self._context, references)

    async def history(
        self,
        type_name: str | None = None,
        logical_id: str | None = None,
        *,
        count: int = 50,
        cursor: str | None = None,
        since: int | None = None,
        until: int | None = None,
        at: int | None = None,
    ) -> HistoryPage | Refusal:
        """Versions newest first, of a resource, a type or everything; times in microseconds.

        Written from `since` on and before `until`, and still current at or after `at`.
        """
        return await reading.history(
            self._context, type_name, logical_id, count=count, cursor=cursor, since=since, until=until, at=at
        )

    async def search(self, query: SearchQuery) -> SearchPage | Refusal:
        """One page of a parsed search."""
        return await searching.search(self._context, query)

    async def search_types(self, queries: Sequence[SearchQuery]) -> SearchPage | Refusal:
        """One page of a search over several types, which is parsed for each of them."""
        return await across.search_types(self._context, queries)

    async def chronicle(self, patient: str, parts: Sequence[Part]) -> list[Leaf] | Refusal:
        """Pages of a patient's entries of many types in clinical order, logged as one access."""
        return await chronicle.chronicle(self._context, patient, parts)

    async def readable_units(self, patient: str) -> list[str]:
        """The HSA-ids of the units of which something about a patient may be read, the fullest first."""
        return await readable_units(self._context, patient)

    async def everything(
        self, type_name: str, logical_id: str | None, wanted: Wanted
    ) -> SearchPage | Refusal:
        """One page of everything about a Patient or an Encounter; without an id, of the patient who asks."""
        return await everything.everything(self._context, type_name, logical_id, wanted)

    async def latest(self, query: SearchQuery, most: int) -> SearchPage | Refusal:
        """The latest Observations of a patient that a search finds, at most so many of each code."""
        return await latest.latest(self._context, query, most)

    async def find(self, url: str) -> SearchPage | Refusal:
        """One page of a search written as `Type?parameters`."""
        query = searching.parse_url(url)
        return query if isinstance(query, Refusal) else await searching.search(self._context, query)

    async def find_many(self, urls: Sequence[str]) -> list[SearchPage]:
        """Several searches for one page view, logged as one access.

        Raises ValueError for a search that does not parse: the program is wrong, not its user.
        """
        return await searching.search_many(self._context, _parsed(urls))

    async def create(
        self,
        resource: dict[str, Any],
        *,
        if_none_exist: str | None = None,
        provenance: dict[str, Any] | None = None,
    ) -> Written | Refusal:
        """Create a resource; with criteria, only if they find none. `provenance` is stored beside it."""
        if provenance is not None:
            return await accompanied.create(self._context, resource, provenance)
        return await writing.create(self._context, resource, if_none_exist)

    async def update(
        self,
        type_name: str,
        logical_id: str,
        resource: dict[str, Any],
        *,
        if_match: int | None = None,
        only_new: bool = False,
        provenance: dict[str, Any] | None = None,
    ) -> Written | Refusal:
        """Update a resource or create it under this id; with `only_new` refuse when it exists.

        `provenance` is stored beside it; with a reason in it, a signed entry may be changed.
        """
        if provenance is not None:
            intent = Intent(type_name, logical_id, resource, if_match, only_new=only_new)
            return await accompanied.update(self._context, intent, provenance)
        return await writing.update(self._context, type_name, logical_id, resource, if_match, only_new)

    async def conditional_update(
        self, type_name: str, criteria: str, resource: dict[str, Any], *, if_match: int | None = None
    ) -> Written | Refusal:
        """Update the one resource that criteria find, or create it."""
        return await writing.conditional_update(self._context, type_name, criteria, resource, if_match)

    async def patch(
        self,
        type_name: str,
        logical_id: str,
        change: Patch,
        *,
        if_match: int | None = None,
        provenance: dict[str, Any] | None = None,
    ) -> Written | Refusal:
        """Change a resource by a patch; `provenance` as in `update`."""
        return await patching.patch(self._context, type_name, logical_id, change, if_match, provenance)

    async def conditional_patch(
        self, type_name: str, criteria: str, change: Patch, *, if_match: int | None = None
    ) -> Written | Refusal:
        """Patch the one resource that criteria find."""
        return await patching.conditional_patch(self._context, type_name, criteria, change, if_match)

    async def delete(
        self, type_name: str, logical_id: str, *, if_match: int | None = None
    ) -> Written | Refusal:
        """Delete a resource; its history stays."""
        return await writing.delete(self._context, type_name, logical_id, if_match)

    async def conditional_delete(self, type_name: str, criteria: str) -> list[Written] | Refusal:
        """Delete the one resource that criteria find; an empty list when they find none."""
        return await writing.conditional_delete(self._context, type_name, criteria)

    async def try_write(
        self, type_name: str, logical_id: str | None, resource: dict[str, Any] | None
    ) -> Refusal | None:
        """Why a create (no id), update or delete (no resource) would be refused now; nothing is written."""
        return await trying.try_write(self._context, type_name, logical_id, resource)

    async def judge(self, resource: dict[str, Any], profile: str | None = None) -> list[Issue] | Refusal:
        """What a valid resource, which need not be stored, lacks by a profile and those that it claims."""
        return await profiled.judge(self._context, resource, profile)

    async def transaction(self, bundle: dict[str, Any]) -> list[EntryResult] | Refusal:
        """Carry out a transaction bundle, all or nothing."""
        return await bundles.transaction(self._context, bundle)

    async def batch(self, bundle: dict[str, Any]) -> list[EntryResult] | Refusal:
        """Carry out a batch bundle, each entry by itself."""
        return await bundles.batch(self._context, bundle)

    async def own_export(self) -> list[Exported] | Refusal:
        """Everything that a patient may read of the own record, to take away."""
        return await exporting.own(self._context)

    async def coming(self) -> list[Coming]:
        """Who is on the way to a place of the assignment's unit from another unit of the care provider."""
        return await transferring.coming(self._context)

    async def receive(
        self,
        encounter: str,
        version: int,
        here: Sequence[Mapping[str, Any]],
        responsible: Mapping[str, Any],
        unit: Mapping[str, Any],
    ) -> Written | Refusal:
        """Take in somebody who is on the way; the assignment's unit becomes accountable for the contact."""
        return await transferring.receive(self._context, encounter, version, here, responsible, unit)

    async def draft(self, patient: str, template: str) -> Draft | Refusal | None:
        """The author's own draft of a template for a patient."""
        return await drafts.open_draft(self._context, patient, template)

    async def drafts(self, patient: str) -> list[Draft] | Refusal:
        """The author's own open drafts for a patient."""
        return await drafts.list_drafts(self._context, patient)

    async def known_draft(self, patient: str, identity: str) -> Draft | None:
        """One of the author's own open drafts as it stands, without what it holds."""
        return await drafts.known_draft(self._context, patient, identity)

    async def save_draft(self, patient: str, template: str, content: bytes, version: int) -> Draft | Refusal:
        """Save over a version of a draft, 0 for a new one; a conflict when another window was first."""
        return await drafts.save_draft(self._context, patient, template, content, version)

    async def discard_draft(self, patient: str, identity: str) -> Draft | Refusal:
        """Put a draft aside, to be taken back within a day."""
        return await drafts.discard_draft(self._context, patient, identity)

    async def restore_draft(self, patient: str, identity: str) -> Draft | Refusal:
        """Take a discarded draft back."""
        return await drafts.restore_draft(self._context, patient, identity)

    async def together(self, patient: str, template: str) -> Together | Refusal:
        """How far the own draft has come in whichever window, and who else writes on its note just now."""
        return await drafts.together(self._context, patient, template)

    async def remove_draft(self, patient: str, identity: str) -> None:
        """Remove a draft whose content is in the record; its sound stays."""
        await drafts.remove_draft(self._context, patient, identity)

    async def take_in(self, incoming: Sequence[Incoming]) -> list[Written | Refusal]:
        """Import resources under their own ids; what is refused is left out and told."""
        return await importing.take_in(self._context, incoming)


def _parsed(urls: Sequence[str]) -> list[SearchQuery]:
    queries = []
    for url in urls:
        query = searching.parse_url(url)
        if isinstance(query, Refusal):
            raise ValueError(f"{url}: {query.issues[0].message}")
        queries.append(query)
    return queries
