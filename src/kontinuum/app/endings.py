"""The ends of sessions that nobody ended by hand, in the log: by their time, or with their assignment.

HSLF-FS 2016:40 4:9. A session that nobody asks for any more ends as well, so no request is waited for.
"""

from __future__ import annotations

import asyncio
import contextlib

import structlog

from kontinuum.audit import AuditLog, entry
from kontinuum.audit.log import AuditUnavailableError
from kontinuum.identity import Ending, Session
from kontinuum.identity.sessions import Sessions
from kontinuum.kernel.clock import Clock, instant, to_micros
from kontinuum.store.faults import FAILED

SECONDS = 60.0
"""How often a worker looks. Several look in turn; each end is told by one."""

_log = structlog.get_logger(__name__)


class Endings:
    """What one worker does about sessions that have ended."""

    def __init__(self, sessions: Sessions, audit: AuditLog, clock: Clock, seconds: float = SECONDS) -> None:
        self._sessions = sessions
        self._audit = audit
        self._clock = clock
        self._seconds = seconds
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look now, which covers what ended while nothing ran, and then again and again."""
        self._task = asyncio.create_task(self._run(), name="ends of sessions")

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def look(self) -> None:
        """End what is over, and log every end that is not in the log."""
        await self._sessions.end_overdue()
        while await self._sessions.tell_ends(self._tell):
            pass

    async def _run(self) -> None:
        while True:
            try:
                await self.look()
            except (AuditUnavailableError, *FAILED):
                _log.exception("ends_of_sessions_not_told")  # they stay to be told
            await asyncio.sleep(self._seconds)

    async def _tell(self, session: Session, ending: Ending) -> None:
        now = to_micros(self._clock.now())
        note = f"last used {instant(to_micros(session.used))}"
        what = (f"session/{session.id}",)
        await self._audit.durable(
            entry(session.principal, now, "sign-out", "permitted", ending.value, what=what, note=note)
        )
