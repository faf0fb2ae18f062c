"""Tasks, questions and answers as they stand on the list of what waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kontinuum.kernel.i18n import message
from kontinuum.record.listing import WorkTask
from kontinuum.record.ordered import ANSWERED, ASKED, DECLINED
from kontinuum.record.tasks import ORDER, OTHER, QUESTION, REFERRAL, WORDS
from kontinuum.record.waiting import Waiting
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.patient import Person
from kontinuum.web.workspace.work.results import Answer, answers
from kontinuum.web.workspace.work.tabs import people


@dataclass(frozen=True, slots=True)
class TaskLine:
    """A line: the task, about whom, and how forms name it. `owner` is named where it is somebody else.

    `answers` are what has come of an order.
    """

    task: WorkTask
    person: Person | None
    item: str
    owner: str
    answers: tuple[Answer, ...] = ()

    @property
    def told(self) -> str:
        """Who is told of it because it is late."""
        return ", ".join(one.name for one in self.task.escalated.told) if self.task.escalated else ""

    @property
    def is_question(self) -> bool:
        """Whether an answer is asked for."""
        return self.task.code == QUESTION

    @property
    def is_order(self) -> bool:
        """Whether it is an order or a referral, sent or received: it has a page of its own."""
        return self.task.code in (ORDER, REFERRAL)

    @property
    def is_answered(self) -> bool:
        """Whether there is an answer to be acknowledged, which whoever looks may read."""
        told = self.task.state in (ANSWERED, DECLINED) and self.task.code == ORDER
        return told or any(not one.hidden for one in self.answers)

    @property
    def seen(self) -> str:
        """The versions of the answers that are shown, as the form names them."""
        return " ".join(version for one in self.answers for version in one.versions)

    @property
    def is_others(self) -> bool:
        """Whether another system asks for it."""
        return self.task.code == OTHER

    @property
    def is_words(self) -> bool:
        """Whether it is to read what the patient has written."""
        return self.task.code == WORDS


@dataclass(frozen=True, slots=True)
class TaskGroup:
    """Lines that stand together under a title."""

    key: str
    title: str
    lines: tuple[TaskLine, ...]


_RESULTS: Final = message("Answers to acknowledge")
_ASKED: Final = message("The receiver asks for more")
_LATE: Final = message("Not answered in time")
_IN_TIME: Final = message("Await an answer, in good time")
_REFERRALS: Final = message("Referrals to the unit")
_ANSWERS: Final = message("Answers to you")
_NEEDED: Final = message("Needs somebody")
_ESCALATED: Final = message("Escalated to you")
_TASKS: Final = message("Tasks and questions")
_KEYS: Final = {
    _ESCALATED: "escalated",
    _NEEDED: "needed",
    _RESULTS: "results",
    _ANSWERS: "answers",
    _ASKED: "asked",
    _LATE: "late-orders",
    _IN_TIME: "orders",
    _REFERRALS: "referrals",
    _TASKS: "tasks",
}
"""The groups, in their order."""


async def task_groups(page: Page, found: Waiting, *, of_unit: bool) -> list[TaskGroup]:
    """What was found, that first which nobody in particular sees to; of answers what deviates most."""
    known = await people(page, (one.patient for one in found.tasks))
    come = await answers(page, found)
    me = page.session.principal.actor.reference
    groups: dict[str, list[TaskLine]] = {title: [] for title in _KEYS}
    for one in found.tasks:
        item = f"{one.code}/{one.patient}//{one.version}/{one.id}" if one.text is not None else ""
        owner = "" if one.owner == me else one.owner_name
        line = TaskLine(one, known.get(one.patient), item, owner, come.get(one.id, ()))
        groups[_ESCALATED if one.brought else _title(one, of_unit=of_unit)].append(line)
    groups[_RESULTS].sort(key=lambda line: -max((one.rank for one in line.answers), default=0))
    gettext = page.translator.gettext
    return [TaskGroup(_KEYS[title], gettext(title), tuple(rows)) for title, rows in groups.items() if rows]


def _title(one: WorkTask, *, of_unit: bool) -> str:
    """The group in which a task stands."""
    if one.code == ORDER:
        answered = one.results or one.state in (ANSWERED, DECLINED)
        waits = _LATE if one.overdue else _NEEDED if of_unit and one.needed else _IN_TIME
        return _RESULTS if answered else _ASKED if one.state == ASKED else waits
    if one.code == REFERRAL:
        return _REFERRALS
    return _NEEDED if of_unit and one.needed else _TASKS if one.is_open else _ANSWERS
