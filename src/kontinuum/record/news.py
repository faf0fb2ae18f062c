"""That work has changed somewhere: for whoever shows how much of it waits, to look anew.

The feed tells which resources were written (`store/feed.py`). Nothing of them is told here but where they
belong, and whether they name somebody; how much waits each one asks for by the gate, as who looks. An answer
to an order, and what becomes of it, concerns those who wait for it, by whatever way it was written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.kernel.principal import Principal
from kontinuum.record.answered import ANSWERING, awaiting
from kontinuum.record.context import Services
from kontinuum.store import feed
from kontinuum.store.resources import read as reads
from kontinuum.store.resources.rows import ResourceRow

CONSUMER: Final = "work"
_TYPES: Final = {name: TYPE_CODES[name] for name in ("Composition", "Consent", "Task")}
_ANSWERS: Final = frozenset(TYPE_CODES[name] for name in ANSWERING)
_FOLLOWED: Final = (*_TYPES.values(), *map(feed.answering, _ANSWERS))
_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Touched:
    """A place at which something was written; `everywhere`: at any unit of the care provider.

    `body` names whom it may concern who works elsewhere at the provider.
    """

    unit: str
    provider: str
    body: bytes
    everywhere: bool = False

    def concerns(self, principal: Principal) -> bool:
        """Whether how much waits for somebody, or at the unit of the assignment, may be another now."""
        at = principal.assignment
        if self.provider != at.provider:
            return False
        named = (principal.actor.reference or "\0").encode()
        # A role stands for a person whom its reference does not name.
        return self.everywhere or self.unit == at.unit or named in self.body or _ROLE in self.body


_ROLE: Final = b"PractitionerRole/"


class News:
    """What one worker has read of the feed. It follows from the first look on."""

    def __init__(self, services: Services) -> None:
        self._pool = services.pool
        self._position: int | None = None

    async def read(self) -> list[Touched] | None:
        """Where something was written since the last look; None at first, as it may be anywhere."""
        if self._position is None:
            await feed.watch(self._pool, CONSUMER, _FOLLOWED)
        await feed.advance(self._pool)
        if self._position is None:
            self._position = await feed.last(self._pool)
            return None
        touched: list[Touched] = []
        while True:
            found = await feed.read(self._pool, self._position, _FOLLOWED, _AT_ONCE)
            changed = {(abs(one.change.type), one.change.id) for one in found}
            touched += map(_touched, await self._places(await reads.read_many(self._pool, sorted(changed))))
            if found:
                self._position = found[-1].position
            if len(found) < _AT_ONCE:
                await feed.keep(self._pool, CONSUMER, self._position)
                return list(dict.fromkeys(touched))

    async def _places(self, written: list[ResourceRow]) -> list[ResourceRow]:
        """What was written; in place of an answer the Tasks of those who wait for it."""
        answers = [row for row in written if row.type in _ANSWERS]
        gone = [row for row in answers if row.body is None]
        waiting = await awaiting(self._pool, [*answers, *await reads.superseded(self._pool, gone)])
        return [row for row in written if row.type not in _ANSWERS] + waiting


def _touched(row: ResourceRow) -> Touched:
    consent = row.type == _TYPES["Consent"]
    return Touched(row.unit, row.provider, b"" if consent else row.body or b"", consent)
