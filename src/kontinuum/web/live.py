"""Who looks at how much waits, in this process, and when each is to look anew.

One reader of the feed a process, however many look. It asks the database only when something was written, and
only while somebody looks; what it finds wakes those whom it may concern, and they ask for themselves.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from kontinuum.kernel.principal import Principal
from kontinuum.kernel.recurring import Recurring
from kontinuum.record.news import News

SETTLING: Final = 0.5
"""For how many seconds what is written is gathered before those are woken whom it concerns."""

LOOKS: Final = 20.0
"""After how many seconds the feed is read although nothing was said to be written."""


@dataclass(slots=True, eq=False)
class Looker:
    """Somebody who looks, in one session. `due`: look anew; `stale`: and count anew."""

    session: str
    principal: Principal
    due: asyncio.Event = field(default_factory=asyncio.Event)
    stale: bool = True

    async def wait(self, seconds: float) -> None:
        """Wait until it is time to look, so many seconds at most."""
        # Not `wait_for`: before Python 3.12 it loses a cancellation that comes together with the event.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.due.wait()
        self.due.clear()


class Live:
    """The ones who look in this process, and the reader of the feed that wakes them."""

    def __init__(self) -> None:
        self._lookers: set[Looker] = set()
        self._written = asyncio.Event()
        self._news: News | None = None
        self._telling = Recurring("live", self._tell, every=LOOKS, woken=self._written)
        self.closed = False

    def follow(self, news: News, listen: Callable[[Callable[[], None]], None]) -> None:
        """Read this news whenever `listen` tells that something was written."""
        self._news = news
        listen(self._written.set)

    @contextlib.contextmanager
    def looking(self, session: str, principal: Principal) -> Iterator[Looker]:
        """Somebody looks for as long as the block lasts."""
        looker = Looker(session, principal)
        self._lookers.add(looker)
        self._telling.start()
        try:
            yield looker
        finally:
            self._lookers.discard(looker)

    def look_at(self, session: str) -> None:
        """Something became of a session: who looks in it must see whether it still may."""
        for looker in self._lookers:
            if looker.session == session:
                looker.due.set()

    async def stop(self) -> None:
        """Let everybody go."""
        self.closed = True
        for looker in self._lookers:
            looker.due.set()
        await self._telling.stop()

    async def _tell(self) -> None:
        assert self._news is not None, "it follows the news"
        await asyncio.sleep(SETTLING)
        places = await self._news.read()
        for looker in self._lookers:
            if places is None or any(place.concerns(looker.principal) for place in places):
                looker.stale = True
                looker.due.set()
