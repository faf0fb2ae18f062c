"""The ends of sessions that nobody ended by hand, in the log: by their time, or with their assignment.

HSLF-FS 2016:40 4:9. A session that nobody asks for any more ends as well, so no request is waited for.
"""

from __future__ import annotations

from kontinuum.audit import AuditLog, entry
from kontinuum.identity import Ending, Session
from kontinuum.identity.sessions import Sessions
from kontinuum.kernel.clock import Clock, instant, to_micros

SECONDS = 60.0
"""How often a worker looks. Several look in turn; each end is told by one."""


class Endings:
    """What one worker does about sessions that have ended."""

    def __init__(self, sessions: Sessions, audit: AuditLog, clock: Clock) -> None:
        self._sessions = sessions
        self._audit = audit
        self._clock = clock

    async def look(self) -> None:
        """End what is over, and log every end that is not in the log; what cannot be told waits."""
        await self._sessions.end_overdue()
        while await self._sessions.tell_ends(self._tell):
            pass

    async def _tell(self, session: Session, ending: Ending) -> None:
        now = to_micros(self._clock.now())
        note = f"last used {instant(to_micros(session.used))}"
        what = (f"session/{session.id}",)
        await self._audit.durable(
            entry(session.principal, now, "sign-out", "permitted", ending.value, what=what, note=note)
        )
