"""A subscriber: what it asks for, and a real HTTP server that receives notifications and can be down."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

from kontinuum.app.services import Services

GUIDE = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
PATIENCE = 30.0
"""Seconds after which what is waited for is held to be missing."""


def subscription(
    endpoint: str | None, topic: str = "observation", *filters: str, **more: Any
) -> dict[str, Any]:
    """A Subscription to a topic; `more` are elements, or content, header, heartbeat_period, max_count."""
    content = more.pop("content", "id-only")
    header = more.pop("header", None)
    kinds = {"heartbeat_period": "valueUnsignedInt", "max_count": "valuePositiveInt"}
    numbers = [
        {"url": f"{GUIDE}backport-{name.replace('_', '-')}", kinds[name]: more.pop(name)}
        for name in kinds
        if name in more
    ]
    channel: dict[str, Any] = {
        "type": "websocket" if endpoint is None else "rest-hook",
        **({} if endpoint is None else {"endpoint": endpoint}),
        "payload": "application/fhir+json",
        "_payload": {"extension": [{"url": f"{GUIDE}backport-payload-content", "valueCode": content}]},
        **({"extension": numbers} if numbers else {}),
        **({"header": header} if header else {}),
    }
    narrowed = [{"url": f"{GUIDE}backport-filter-criteria", "valueString": each} for each in filters]
    return {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "To show it",
        "criteria": f"urn:kontinuum:topic:{topic}",
        **({"_criteria": {"extension": narrowed}} if narrowed else {}),
        "channel": channel,
        **more,
    }


@dataclass(frozen=True)
class Notified:
    """A notification as it was received."""

    headers: dict[str, str]
    bundle: dict[str, Any]

    @property
    def told(self) -> dict[str, Any]:
        """The parameters of its first entry that are there once."""
        parameters = self.bundle["entry"][0]["resource"]["parameter"]
        return {
            each["name"]: next(value for name, value in each.items() if name != "name")
            for each in parameters
            if each["name"] != "notification-event"
        }

    @property
    def events(self) -> list[tuple[int, str | None]]:
        """The number of each event and the `Type/id` of its focus."""
        parameters = self.bundle["entry"][0]["resource"]["parameter"]
        found = []
        for each in parameters:
            if each["name"] == "notification-event":
                parts = {part["name"]: part for part in each["part"]}
                focus = parts.get("focus", {}).get("valueReference", {}).get("reference")
                short = None if focus is None else "/".join(focus.split("/")[-2:])
                found.append((int(parts["event-number"]["valueString"]), short))
        return found


@dataclass
class Receiver:
    """A server on this machine; `answer` is the status of each answer, None to close without one."""

    url: str = ""
    answer: Callable[[Notified], int | None] = lambda _notified: 200
    got: list[Notified] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    serving: set[Any] = field(default_factory=set)
    server: Any = None
    port: int = 0

    async def start(self) -> None:
        """Listen, at the same port as before."""
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self.server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"

    async def stop(self) -> None:
        """Listen no more."""
        self.server.close()
        await self.server.wait_closed()
        await asyncio.sleep(0)  # what was accepted just now begins to be served
        for task in (*self.serving,):
            task.cancel()
        await asyncio.gather(*self.serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self.serving.add(task)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lines = [line.split(": ", 1) for line in head.split("\r\n")[1:] if line]
            headers = {name.lower(): value for name, value in lines}
            bundle = json.loads(await reader.readexactly(int(headers["content-length"])))
            notified = Notified(headers, bundle)
            status = self.answer(notified)
            if status is not None:
                if 200 <= status < 300:
                    self.got.append(notified)
                writer.write(
                    f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
                )
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            self.serving.discard(task)
            self.news.set()

    def of(self, kind: str) -> list[Notified]:
        """What was received of a kind."""
        return [each for each in self.got if each.told["type"] == kind]

    @property
    def events(self) -> list[tuple[int, str | None]]:
        """Every event that was received."""
        return [event for each in self.of("event-notification") for event in each.events]

    async def until(self, holds: Callable[[], Any]) -> None:
        """Wait until something holds, looking after each notification."""
        async with asyncio.timeout(PATIENCE):
            while not holds():
                self.news.clear()
                await self.news.wait()


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver that listens."""
    made = Receiver()
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


async def until_status(client: httpx.AsyncClient, identity: str, status: str) -> dict[str, Any]:
    """The Subscription once it has a status."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = (await client.get(f"/fhir/Subscription/{identity}")).json()
            if found.get("status") == status:
                return found
            await asyncio.sleep(0.02)


QUIET = """
select not exists (select from outbox)
   and not exists (
       select from subscription s join feed_consumer c on c.name = 'subscription/' || s.number
        where s.status in ('requested', 'active')
          and (s.status = 'requested' or s.sent > s.accepted
               or exists (select from feed_watch w join feed f on f.type = w.type and f.position > c.position
                           where w.consumer = c.name)))
"""


async def quiet(services: Services) -> None:
    """Wait until everything that was to be sent has been sent."""
    async with asyncio.timeout(PATIENCE):
        while services.courier.busy or not await services.pool.fetchval(QUIET):
            services.courier.wake()
            await asyncio.sleep(0.02)


async def until(ask: Callable[[], Awaitable[Any]], holds: Callable[[Any], Any]) -> Any:
    """Ask again and again until the answer is as it should be, and give it."""
    async with asyncio.timeout(PATIENCE):
        while not holds(found := await ask()):
            await asyncio.sleep(0.02)
    return found
