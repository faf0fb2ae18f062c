"""The patient index as features use it, bound to a principal like the rest of the record."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kontinuum.record.context import Context
from kontinuum.record.outcome import Refusal, Written
from kontinuum.record.persons import duplicates, links, numbers, protecting
from kontinuum.record.persons.duplicates import Pair, Scanned
from kontinuum.record.persons.links import Linked, PersonLinks
from kontinuum.record.persons.rules import Conflict
from kontinuum.sweden.identifiers import LocalScheme


class PatientIndex:
    """Linking Patients, finding those that may be one person, and giving out reserve numbers.

    Kept up by those who care for patients or administrate, and by systems; refused to patients and to others.
    """

    __slots__ = ("_context",)

    def __init__(self, context: Context) -> None:
        self._context = context

    @property
    def schemes(self) -> Sequence[LocalScheme]:
        """The region's own kinds of reserve number."""
        return self._context.services.schemes

    @property
    def may_handle_protected(self) -> bool:
        """Whether the assignment has the right to what protected identity keeps from others."""
        return links.may_handle_protected(self._context)

    async def link(
        self, replaced: str, survivor: str, *, reason: str, confirmed: Collection[str] = ()
    ) -> Linked | Refusal:
        """Say that two Patients are one person, known by `survivor`; `confirmed` are `Conflict` values."""
        refused = await links.not_kept_by(self._context)
        if refused is not None:
            return refused
        return await links.link(self._context, replaced, survivor, reason=reason, confirmed=confirmed)

    async def unlink(self, replaced: str, *, reason: str) -> PersonLinks | Refusal:
        """Undo the link by which a Patient is replaced."""
        refused = await links.not_kept_by(self._context)
        if refused is not None:
            return refused
        return await links.unlink(self._context, replaced, reason=reason)

    async def compare(self, replaced: str, survivor: str) -> tuple[Conflict, ...] | Refusal:
        """What speaks against linking two Patients, or why they cannot be linked at all."""
        return await links.compare(self._context, replaced, survivor)

    async def links_of(self, patient: str) -> PersonLinks | Refusal:
        """Which Patients are the same person as one, and the history of its links."""
        return await links.links_of(self._context, patient)

    async def person_of(self, patients: Sequence[str]) -> dict[str, str]:
        """Whom the person is known by, for those of some Patients that are linked to others."""
        return await links.person_of(self._context, patients)

    async def members_of(self, patient: str) -> tuple[str, tuple[str, ...]]:
        """Whom a person is known by, and every Patient that is the person; one probe of an index."""
        return await links.members_of(self._context, patient)

    async def protect(
        self, patient: str, level: str | None, *, reason: str, if_match: int
    ) -> Written | Refusal:
        """Put a Patient under a level of protected identity, or under none."""
        refused = await links.not_kept_by(self._context)
        if refused is not None:
            return refused
        return await protecting.protect(self._context, patient, level, reason=reason, if_match=if_match)

    async def draw_reserve_number(self) -> tuple[str, str] | Refusal:
        """A reserve number (system, value) of the configured series that nobody has had."""
        refused = await links.not_kept_by(self._context)
        if refused is not None:
            return refused
        return await numbers.draw(self._context)

    async def find_duplicates(self, at_most: int) -> Scanned | Refusal:
        """Compare Patients written since last time with the others; how many are left."""
        refused = await links.not_kept_by(self._context)
        if refused is not None:
            return refused
        return await duplicates.scan(self._context, at_most)

    async def duplicates_of(self, patient: dict[str, object]) -> list[Pair] | Refusal:
        """Patients that may be the same person as one that is not written yet."""
        refused = await links.not_kept_by(self._context)
        if refused is not None:
            return refused
        return await duplicates.of_new(self._context, patient)

    async def duplicates(
        self, *, dismissed: bool = False, patient: str | None = None, limit: int = 50
    ) -> list[Pair] | Refusal:
        """Pairs that may be one person: open ones, or those that somebody has dismissed."""
        refused = await links.not_kept_by(self._context)
        if refused is not None:
            return refused
        return await duplicates.pairs(self._context, dismissed=dismissed, patient=patient, limit=limit)

    async def dismiss(self, one: str, other: str, *, reason: str) -> Refusal | None:
        """Remember that two Patients are not one person, and why."""
        refused = await links.not_kept_by(self._context)
        if refused is not None:
            return refused
        return await duplicates.dismiss(self._context, one, other, reason=reason)

    async def reopen(self, one: str, other: str) -> Refusal | None:
        """Take a dismissal back."""
        refused = await links.not_kept_by(self._context)
        if refused is not None:
            return refused
        return await duplicates.reopen(self._context, one, other)
