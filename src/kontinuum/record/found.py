"""What was found that waits, before the law is asked what may be shown of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from kontinuum.record.answered import Arrived
from kontinuum.record.tasks import ORDER, Escalated, TaskRow
from kontinuum.store.drafts import BegunRow
from kontinuum.store.resources.rows import ResourceRow


@dataclass(frozen=True, slots=True)
class Noted:
    """A note that waits, for what, the Task behind it, and who is away for whom it is seen."""

    code: str
    row: ResourceRow
    task: TaskRow | None
    instead: str


@dataclass(slots=True)
class Found:
    """All of it; a task beside who is away and for whom it is seen.

    `mine` are the references of the person, `asked` what the person asks of others. `escalated` tells by id
    who is told of what is late, and `brought` holds the ids of what is here because the person is told.
    """

    notes: list[Noted]
    tasks: list[tuple[TaskRow, str]]
    drafts: tuple[BegunRow, ...]
    complete: bool
    staff: frozenset[str] = frozenset()
    arrived: Arrived = field(default_factory=dict)
    mine: set[str] = field(default_factory=set)
    asked: list[TaskRow] = field(default_factory=list)
    escalated: dict[str, Escalated] = field(default_factory=dict)
    brought: set[str] = field(default_factory=set)

    def keep_orders(self) -> None:
        """Leave out all but the orders and referrals that go on, of those whose list it is."""
        self.notes, self.drafts = [], ()
        self.tasks = [
            (one, instead)
            for one, instead in self.tasks
            if one.code == ORDER and one.is_open and one.row.id not in self.brought
        ]

    @property
    def answers(self) -> list[ResourceRow]:
        """What has come of orders."""
        return [row for rows in self.arrived.values() for row in rows]

    @property
    def rows(self) -> list[ResourceRow]:
        """The resources, each once."""
        every = [one.row for one in self.notes] + [one.row for one, _ in self.tasks]
        return list({(row.type, row.id): row for row in every}.values())

    def __len__(self) -> int:
        # A draft that was saved into the record unsigned is there already, as the note.
        noted = {one.row.id for one in self.notes}
        return len(self.notes) + len(self.tasks) + sum(draft.id not in noted for draft in self.drafts)
