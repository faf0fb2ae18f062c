"""Notifications through a websocket, which shows a token for the subscriptions that it wants.

http://hl7.org/fhir/uv/subscriptions-backport/STU1.1/channels.html#websockets. The client sends
`bind-with-token TOKEN`, for as many tokens as it has; it is answered by a handshake for each subscription.
Nothing is decided by a cookie or an origin.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from typing import Final, Protocol

from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from kontinuum.record import Gate
from kontinuum.record.subscriptions.delivering import Notification
from kontinuum.web.subscriptions.courier import Courier
from kontinuum.web.subscriptions.rest_hook import Failed

PATH: Final = "/subscriptions"
COMMAND: Final = "bind-with-token"
LONGEST: Final = 1000
MOST: Final = 100
STRANGER: Final = 30.0
"""How many seconds a connection may take until it has shown a token."""
POLICY_VIOLATION: Final = 1008
"""RFC 6455 7.4.1: also what a connection is closed with whose subscription another has taken over."""


class Services(Protocol):
    """What the websocket needs of the application."""

    @property
    def gate(self) -> Gate:
        """The way to the subscriptions."""
        ...

    @property
    def courier(self) -> Courier:
        """Who sends."""
        ...


class Socket:
    """One connection and the subscriptions that it follows."""

    def __init__(self, services: Services, websocket: WebSocket) -> None:
        self._services = services
        self._websocket = websocket
        self._name = secrets.token_hex(8)
        self._turn = asyncio.Lock()
        self._followed: dict[int, asyncio.Task[None]] = {}

    async def talk(self) -> None:
        """Answer the client until it goes."""
        await self._websocket.accept()
        try:
            while True:
                async with asyncio.timeout(None if self._followed else STRANGER):
                    said = await self._websocket.receive_text()
                if not await self._bind(said):
                    await self._close("say bind-with-token and a token that is valid")
                    return
        except (WebSocketDisconnect, KeyError):  # KeyError: what came is not text
            pass
        except TimeoutError:
            await self._close("say bind-with-token and a token")
        finally:
            for task in self._followed.values():
                task.cancel()
            await asyncio.gather(*self._followed.values(), return_exceptions=True)

    async def _bind(self, said: str) -> bool:
        command, _, token = said[:LONGEST].strip().partition(" ")
        if command != COMMAND:
            return False
        numbers = await self._services.gate.deliveries.bound(token.strip())
        fresh = [number for number in numbers if number not in self._followed]
        if not numbers or len(self._followed) + len(fresh) > MOST:
            return False
        for number in fresh:
            self._followed[number] = asyncio.create_task(self._follow(number))
        return True

    async def _follow(self, number: int) -> None:
        try:
            await self._services.courier.follow(number, self._name, self._send)
        finally:
            await self._close("a subscription is not served here any more")

    async def _send(self, sent: Notification, body: bytes) -> Failed | None:
        try:
            async with asyncio.timeout(sent.terms.timeout), self._turn:
                await self._websocket.send_text(body.decode())
        except (TimeoutError, RuntimeError, OSError, WebSocketDisconnect):
            return Failed("The websocket was closed.", reached=True)
        return None

    async def _close(self, reason: str) -> None:
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # the other side was faster
            await self._websocket.close(POLICY_VIOLATION, reason)


def routes(services: Services) -> list[BaseRoute]:
    """The websocket's address, for the application to list."""

    async def endpoint(websocket: WebSocket) -> None:
        await Socket(services, websocket).talk()

    return [WebSocketRoute(PATH, endpoint)]
