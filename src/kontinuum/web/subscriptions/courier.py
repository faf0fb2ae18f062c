"""Sends what subscriptions are to be sent: a courier in each worker process, one of them a subscription.

The database wakes it when something was written. It also looks by itself, so that a lost notice loses
nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Protocol

import httpx

from kontinuum.fhir.subscriptions.notification import notification
from kontinuum.fhir.subscriptions.terms import Channel
from kontinuum.kernel.clock import Clock, to_micros
from kontinuum.kernel.logging import get_logger
from kontinuum.kernel.principal import Principal
from kontinuum.kernel.recurring import Recurring
from kontinuum.record.subscriptions.delivering import Deliveries, Notification, Subscriber
from kontinuum.store.claims import Claims
from kontinuum.store.faults import FAILED
from kontinuum.web.subscriptions.rest_hook import Failed, post

AT_ONCE: Final = 16
LOOKS: Final = 30.0
"""How many seconds at most pass between two looks, though nobody wakes it."""
RETRY: Final = 3.0
"""How many seconds pass until it looks again when it could not look."""
SETTLING: Final = 0.05
_TRIES: Final = 100
_PRUNES: Final = timedelta(hours=1)

_log = get_logger(__name__)

Send = Callable[[Notification, bytes], Awaitable[Failed | None]]


class Lasts(Protocol):
    """What knows whether somebody may still act, and as whom."""

    async def __call__(self, principal: Principal, /) -> tuple[Principal, tuple[str, ...] | None] | None:
        """The principal now and the scopes that its app is registered for; None: not any more."""
        ...


@dataclass(slots=True)
class _Bound:
    """A websocket that follows a subscription."""

    socket: str
    due: asyncio.Event = field(default_factory=asyncio.Event)
    over: bool = False


class Courier:
    """What one worker does about subscriptions. `base` is the address of the FHIR API in what is sent."""

    def __init__(
        self,
        deliveries: Deliveries,
        lasts: Lasts,
        dsn: str,
        clock: Clock,
        base: str,
        kept: timedelta,
    ) -> None:
        self._deliveries = deliveries
        self._lasts = lasts
        self._claims = Claims(dsn, self.hear)
        self._clock = clock
        self._base = base
        self._kept = kept
        self._pruned = clock.now() - _PRUNES
        self._client: httpx.AsyncClient | None = None
        self._woken = asyncio.Event()
        self._serving: dict[int, asyncio.Task[None]] = {}
        self._missed: set[int] = set()
        self._full = False
        self._bound: dict[int, _Bound] = {}
        self._looking = Recurring("subscriptions", self._look, every=RETRY, woken=self._woken)
        self._stopping = False
        self._listeners: list[Callable[[], None]] = []

    def listen(self, heard: Callable[[], None]) -> None:
        """Let somebody else in this process know too when something was written, by the same connection."""
        self._listeners.append(heard)

    def start(self) -> None:
        """Begin with what was left undone, and go on. Commands of the installation send nothing."""
        if self._client is None:
            self._client = httpx.AsyncClient(follow_redirects=False)
        self._looking.start()

    async def stop(self) -> None:
        """Send nothing more; what was not received stays to be sent."""
        self._stopping = True
        await self._looking.stop()
        tasks = list(self._serving.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()
        await self._claims.close()

    @property
    def busy(self) -> bool:
        """Whether something is on its way, or looked for, at this moment."""
        return bool(self._serving)

    def wake(self) -> None:
        """Look now."""
        self._woken.set()

    def hear(self, what: str) -> None:
        """Look, as something was written; or let a subscription go that another websocket takes over."""
        number, _, socket = what.partition(" ")
        bound = self._bound.get(int(number)) if socket else None
        if bound is not None and bound.socket != socket:
            bound.over = True
            bound.due.set()
        for heard in self._listeners:
            heard()
        self.wake()

    async def _look(self) -> float:
        await self._claims.open()
        return await self._round()

    async def _round(self) -> float:
        """Begin to serve whatever is due; gives how many seconds to wait at most."""
        for number, channel in await self._deliveries.due():
            if channel == Channel.WEBSOCKET:
                if number in self._bound:
                    self._bound[number].due.set()
            elif number in self._serving:
                self._missed.add(number)
            elif len(self._serving) < AT_ONCE:
                self._serving[number] = asyncio.create_task(self._serve_hook(number))
            else:
                self._full = True
        if self._clock.now() - self._pruned >= _PRUNES:
            self._pruned = self._clock.now()
            await self._deliveries.let_go(to_micros(self._pruned - self._kept))
        left = await self._deliveries.seconds_left()
        return LOOKS if left is None else min(max(left, SETTLING), LOOKS)

    async def _serve_hook(self, number: int) -> None:
        async def send(sent: Notification, body: bytes) -> Failed | None:
            assert self._client is not None, "it was started"
            return await post(self._client, sent.terms, body)

        served = False
        try:
            if await self._claims.take(number):
                await self.serve(number, send)
                served = True
        except Exception:  # one that fails must not stop the others; it is tried again at the next look
            _log.exception("subscription_not_served", subscription=number)
        finally:
            self._serving.pop(number, None)
            await self._leave(number)
            if served or self._full or number in self._missed:
                self._missed.discard(number)
                self._full = False
                self.wake()

    async def _leave(self, number: int) -> None:
        with contextlib.suppress(*FAILED):
            await self._claims.leave(number)

    async def serve(self, number: int, send: Send, *, greet: bool = False) -> bool:
        """Send a claimed subscription what is to be sent; false when something was not received.

        With `greet` a handshake comes first, though it is active.
        """
        while self._claims.holds(number) and not self._stopping:
            sent = await self._next(number, greet)
            if sent is None:
                return True
            greet = False
            terms = sent.terms
            body = notification(self._base, sent.kind, sent.standing, terms.content, sent.events, sent.moment)
            failed = await send(sent, body)
            if failed is not None:
                await self._deliveries.lost(sent, failed.reason, reached=failed.reached)
                return False
            await self._deliveries.received(sent)
        return False

    async def _next(self, number: int, greet: bool) -> Notification | None:
        principal = await self._deliveries.principal(number)
        if principal is None:
            return None
        lasting = await self._lasts(principal)
        subscriber = None if lasting is None else Subscriber(*lasting)
        return await self._deliveries.next(number, subscriber, greet=greet)

    async def follow(self, number: int, socket: str, send: Send) -> None:
        """Serve a subscription through a websocket, by its name, until another takes its place or it fails.

        The connection that was opened last is served: the one before may be dead without knowing it.
        """
        for _ in range(_TRIES):
            if await self._claims.take(number):
                break
            await self._deliveries.call(f"{number} {socket}")
            await asyncio.sleep(SETTLING)
        else:
            return
        bound = self._bound[number] = _Bound(socket)
        try:
            greet = True
            while await self.serve(number, send, greet=greet) and not bound.over:
                greet = False
                self.wake()  # to learn when the next heartbeat is due
                await bound.due.wait()
                bound.due.clear()
        finally:
            del self._bound[number]
            await self._leave(number)
