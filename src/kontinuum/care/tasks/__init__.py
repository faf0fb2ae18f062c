"""Tasks and questions about the patient that wait for somebody at the unit."""

from __future__ import annotations

from kontinuum.care.tasks.views import TASKS_CARD
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import Module

MODULE = Module(name="tasks", title=message("Tasks and questions"), package=__name__, cards=(TASKS_CARD,))
