"""Being away: somebody at the unit sees one's list meanwhile, under the own assignment and nothing more.

What waits for one who is away is at the unit where it is, so who covers may read there what the law lets that
one read anyway; the absence only says what is listed. It is made by who is away, for people who have an
assignment at the unit, and each access is logged as that of who covers.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from kontinuum.kernel.clock import from_micros
from kontinuum.kernel.i18n import local, phrase
from kontinuum.record.context import Context, forbidden
from kontinuum.record.outcome import Refusal, RefusalKind, refuse
from kontinuum.record.tasks import NOT_STAFF, Party, is_care, staff_among
from kontinuum.store import absences as store
from kontinuum.store.absences import Absence

LONGEST: Final = timedelta(days=400)


class Absences:
    """The absences of one principal at the unit of the assignment."""

    __slots__ = ("_context",)

    def __init__(self, context: Context) -> None:
        self._context = context

    async def covered(self) -> list[Absence]:
        """Who is away today and whose list the person sees."""
        person = self._context.principal.actor.reference
        if person is None:
            return []
        return await store.covered(self._context.pool, self._place, person, self._today())

    async def today(self) -> list[Absence]:
        """Who of the unit is away today, and who sees that one's list. It tells of no patient."""
        if not is_care(self._context.principal):
            return []
        return await store.at_unit(self._context.pool, self._place, self._today())

    async def own(self) -> list[Absence]:
        """The person's own absences, those that have passed left out."""
        person = self._context.principal.actor.reference
        if person is None or not is_care(self._context.principal):
            return []
        return await store.of_person(self._context.pool, self._place, person, self._today())

    async def state(self, cover: Party, begins: date, ends: date) -> Absence | Refusal:
        """Be away from one day to another, both included, while somebody at the unit sees one's list."""
        context = self._context
        actor = context.principal.actor
        if not is_care(context.principal) or actor.reference is None:
            return forbidden(NOT_STAFF)
        if ends < max(begins, self._today()) or ends - begins > LONGEST:
            days = phrase("The last day must not lie before the first or before today.")
            return refuse(RefusalKind.INVALID, "value", days)
        here = await staff_among(context, [cover.reference], in_care=True)
        if cover.reference == actor.reference or not here:
            nobody = phrase("Choose somebody else who works at the unit.")
            return refuse(RefusalKind.INVALID, "value", nobody)
        made = Absence(0, actor.reference, actor.name, cover.reference, cover.name, begins, ends)
        note = f"away {begins} to {ends}, covered by {cover.reference}"
        await context.log("create", "permitted", NOT_STAFF.rule, what=("absence",), note=note)
        number = await store.put(context.pool, self._place, made, context.now())
        return made._replace(number=number)

    async def end(self, number: int) -> bool:
        """Take an own absence back; false when there is none of that number."""
        context = self._context
        person = context.principal.actor.reference
        if person is None or not is_care(context.principal):
            return False
        await context.log(
            "update", "permitted", NOT_STAFF.rule, what=(f"absence/{number}",), note="taken back"
        )
        return await store.end(context.pool, self._place, person, number, context.now())

    @property
    def _place(self) -> store.Place:
        at = self._context.principal.assignment
        return at.provider, at.unit

    def _today(self) -> date:
        return local(from_micros(self._context.now())).date()
