"""Tasks, questions and answers as they stand on the list of what waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kontinuum.kernel.i18n import message
from kontinuum.record.tasks import OTHER, QUESTION, WORDS, WorkTask
from kontinuum.record.waiting import Waiting
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.patient import Person
from kontinuum.web.workspace.work.tabs import people


@dataclass(frozen=True, slots=True)
class TaskLine:
    """A line: the task, about whom, and how forms name it. `owner` is named where it is somebody else."""

    task: WorkTask
    person: Person | None
    item: str
    owner: str

    @property
    def told(self) -> str:
        """Who is told of it because it is late."""
        return ", ".join(one.name for one in self.task.escalated.told) if self.task.escalated else ""

    @property
    def is_question(self) -> bool:
        """Whether an answer is asked for."""
        return self.task.code == QUESTION

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


_ANSWERS: Final = message("Answers to you")
_NEEDED: Final = message("Needs somebody")
_ESCALATED: Final = message("Escalated to you")
_TASKS: Final = message("Tasks and questions")


async def task_groups(page: Page, found: Waiting, *, of_unit: bool) -> list[TaskGroup]:
    """What was found, that first which nobody in particular sees to."""
    known = await people(page, (one.patient for one in found.tasks))
    me = page.session.principal.actor.reference
    groups: dict[str, list[TaskLine]] = {_ANSWERS: [], _ESCALATED: [], _NEEDED: [], _TASKS: []}
    for one in found.tasks:
        item = f"{one.code}/{one.patient}//{one.version}/{one.id}" if one.text is not None else ""
        line = TaskLine(one, known.get(one.patient), item, "" if one.owner == me else one.owner_name)
        title = _NEEDED if of_unit and one.needed else _TASKS if one.is_open else _ANSWERS
        groups[_ESCALATED if one.brought else title].append(line)
    keys = {_ANSWERS: "answers", _ESCALATED: "escalated", _NEEDED: "needed", _TASKS: "tasks"}
    return [TaskGroup(keys[t], page.translator.gettext(t), tuple(rows)) for t, rows in groups.items() if rows]
