"""The gate of exports and imports in bulk: who may order them, what they hold, to whom a file is handed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from kontinuum.access import Action, Deny
from kontinuum.access.bulk import PROVISION, may_bring_in, may_take_out, still_reaches
from kontinuum.access.redact import may_see
from kontinuum.fhir import json
from kontinuum.kernel.principal import Principal
from kontinuum.record import extracting, reading
from kontinuum.record.context import Context, forbidden
from kontinuum.record.extracting import Extent, Extracted
from kontinuum.record.outcome import Refusal, RefusalKind, refuse
from kontinuum.record.scoping import beyond_scopes, types_beyond_scopes
from kontinuum.store import persons
from kontinuum.store.resources import export as store


class Bulk:
    """What the principal may do in bulk."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def may_export(self, extent: Extent, asked: str) -> Refusal | None:
        """Why an export is not carried out for the principal; None when it may be ordered. Logged as `asked`.

        What cannot be served is told after the law: who may not order learns nothing of it.
        """
        refused = await self._may("export", may_take_out(self._context.question(Action.SEARCH)), asked)
        if refused is not None:
            return refused
        queries = extracting.check(extent)
        if isinstance(queries, Refusal):
            return queries
        beyond = await types_beyond_scopes(self._context, extent.types or [None])
        beyond = beyond or await beyond_scopes(self._context, queries)
        if beyond is not None or extent.level != "patient":
            return beyond
        return await self._unknown(extent.patients or ())

    async def may_import(self, asked: str) -> Refusal | None:
        """Why an import is not carried out for the principal; None when it may be ordered. Logged."""
        return await self._may("import", may_bring_in(self._context.question(Action.CREATE)), asked)

    async def _may(self, action: str, deny: Deny | None, asked: str) -> Refusal | None:
        if deny is None:
            return None
        await self._context.log(action, "refused", deny.rule, what=(asked,))
        return forbidden(deny)

    async def ordered(self, action: str, job: str, asked: str) -> None:
        """Log an order that was taken."""
        await self._context.log(action, "permitted", "bulk-order", what=(f"bulk/{job}",), note=asked)

    async def ended(self, action: str, job: str, outcome: str, count: int | None = None) -> None:
        """Log that a job is over: it was carried out (`permitted`), failed or was cancelled (`failed`)."""
        await self._context.log(
            action, outcome, "bulk-order", what=(f"bulk/{job}",), count=count, note="ended"
        )

    async def members(self, group: str) -> tuple[str, ...] | Refusal:
        """The Patients that are members of a Group now, for an export (http://hl7.org/fhir/R4/group.html)."""
        deny = may_take_out(self._context.question(Action.SEARCH))
        refused = await self._may("export", deny, f"Group/{group}/$export")
        found = refused or await reading.read(self._context, "Group", group)
        if isinstance(found, Refusal):
            return found
        resource = json.loads(found.body or b"{}")
        if resource.get("type") != "person" or resource.get("actual") is not True:
            message = f"Group/{group} does not list persons: an export needs type 'person' and actual true."
            return refuse(RefusalKind.INVALID, "not-supported", message)
        patients = []
        for number, member in enumerate(resource.get("member", ())):
            pair = reading.split((member.get("entity") or {}).get("reference") or "")
            if pair is None or pair[0] != extracting.PATIENT:
                message = f"A member of Group/{group} is no Patient."
                return refuse(RefusalKind.INVALID, "not-supported", message, f"Group.member[{number}]")
            if not member.get("inactive"):
                patients.append(pair[1])
        return tuple(dict.fromkeys(patients))

    async def _unknown(self, patients: Sequence[str]) -> Refusal | None:
        """The refusal of Patients that are not there, or not for the principal: both read the same."""
        named = [f"Patient/{each}" for each in patients]
        found = await reading.read_many(self._context, named) if named else {}
        absent = [each for each in named if each not in found]
        if not absent:
            return None
        return refuse(RefusalKind.NOT_FOUND, "not-found", f"There is no {absent[0]}.")

    def extract(self, extent: Extent, job: str) -> AsyncGenerator[Extracted | Refusal, None]:
        """What an export holds; see `extracting.extract`. The law is asked as it stands now."""
        return extracting.extract(self._context, extent, job)

    async def protected_since(self, moment: int) -> list[str]:
        """Who may have got a protected identity since a moment, with every Patient that is the same person.

        Of them nothing is handed out any more.
        """
        if may_see(self._context.question(Action.READ)):
            return []
        found = await store.protected_since(self._context.pool, extracting.PATIENT, moment)
        linked = await persons.members(self._context.pool, found) if found else {}
        return sorted({*found, *(each for _, members in linked.values() for each in members)})

    async def may_have(
        self, action: str, ordered_by: Principal, file: str, type_name: str | None, count: int
    ) -> Refusal | None:
        """Why a file of a job is not handed out to the principal any more; logged either way."""
        question = self._context.question(Action.READ)
        deny = may_take_out(question) if action == "export" else may_bring_in(question)
        if deny is None and not still_reaches(ordered_by, self._context.principal, type_name):
            reason = "Your rights or scopes have become fewer since this was ordered: order it anew."
            deny = Deny("bulk-order", reason, PROVISION)
        if deny is not None:
            await self._context.log(action, "refused", deny.rule, what=(file,))
            return forbidden(deny)
        await self._context.log(action, "permitted", "bulk-order", what=(file,), count=count)
        return None
