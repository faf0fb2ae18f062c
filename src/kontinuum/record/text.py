"""What may be done to an entry beyond writing it, bound to a principal: `record.text`, `record.destruction`.

Corrections and errors (patientdatalagen (2008:355) 3:14), the patient's dissent (3:8) and own words
(patientlagen (2014:821) 5:1), and what is kept back from the patient (HSLF-FS 2022:42).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kontinuum.access.kept_back import Kind
from kontinuum.record import (
    correcting,
    destroying,
    dissenting,
    keeping_back,
    own_words,
    provenance,
    reading,
)
from kontinuum.record.attached import attached
from kontinuum.record.context import Context
from kontinuum.record.correcting import Corrected
from kontinuum.record.destroying import Order
from kontinuum.record.keeping_back import Place
from kontinuum.record.outcome import Refusal, Stored, Written
from kontinuum.store.destruction import Decision
from kontinuum.store.resources.destroy import LastEntry


class Destruction:
    """Destruction of records by decision, for one principal: `record.destruction`."""

    __slots__ = ("_context",)

    def __init__(self, context: Context) -> None:
        self._context = context

    async def register(self, order: Order) -> Decision | Refusal:
        """Register a decision of the authority."""
        return await destroying.register(self._context, order)

    async def execute(self, number: int, *, patient: str) -> Decision | Refusal:
        """Carry out a decision that somebody else has registered."""
        return await destroying.execute(self._context, number, patient)

    async def decisions(self) -> list[Decision] | Refusal:
        """The care provider's decisions."""
        return await destroying.decisions(self._context)

    async def thinnable(self, years: int = destroying.KEPT_YEARS) -> list[LastEntry] | Refusal:
        """The records whose last entry is so old that they may be thinned."""
        return await destroying.thinnable(self._context, years)


class EntryText:
    """The functions on entries, for one principal. `version` is always the version that was read."""

    __slots__ = ("_context",)

    def __init__(self, context: Context) -> None:
        self._context = context

    async def extracted(self, note: dict[str, Any]) -> list[Stored]:
        """What of a note's answers stands as entries of its own, as far as the person may read it."""
        found = await attached(self._context.pool, note, provenance.patient_of(note))
        names = [one.reference for one in found if one.is_extracted]
        return list((await reading.read_many(self._context, names)).values()) if names else []

    async def correct(self, resource: dict[str, Any], reason: str, *, version: int) -> Corrected | Refusal:
        """Give an entry another content; the one before stays readable beside the reason."""
        return await correcting.correct(self._context, resource, reason, version)

    async def withdraw(
        self, type_name: str, logical_id: str, reason: str, *, version: int
    ) -> Corrected | Refusal:
        """Mark a whole entry as entered in error."""
        return await correcting.withdraw(self._context, type_name, logical_id, reason, version)

    async def dissent(self, type_name: str, logical_id: str, text: str) -> Written | Refusal:
        """Note at an entry that the patient holds it to be wrong."""
        return await dissenting.dissent(self._context, type_name, logical_id, text)

    async def withdraw_dissent(self, logical_id: str) -> Written | Refusal:
        """Take back one's own dissent; that it was made stays."""
        return await dissenting.withdraw_dissent(self._context, logical_id)

    async def write_words(self, type_name: str, logical_id: str, text: str) -> Written | Refusal:
        """Write the patient's own words to a contact or note."""
        return await own_words.write(self._context, type_name, logical_id, text)

    async def change_words(self, logical_id: str, text: str, *, version: int) -> Written | Refusal:
        """Write one's own words anew; what stood there stays."""
        return await own_words.change(self._context, logical_id, text, version)

    async def take_back_words(self, logical_id: str) -> Written | Refusal:
        """Take one's own words back; that they were written stays."""
        return await own_words.take_back(self._context, logical_id)

    async def keep_back(
        self, place: Place, kind: Kind, reason: str, *, until: datetime | None = None
    ) -> Corrected | Refusal:
        """Keep an entry or one of its headings back from the patient."""
        return await keeping_back.keep_back(self._context, place, kind, reason, until)

    async def lift(self, place: Place, reason: str) -> Corrected | Refusal:
        """Let the patient see what was kept back."""
        return await keeping_back.lift(self._context, place, reason)
