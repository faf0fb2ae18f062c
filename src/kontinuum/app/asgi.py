"""The ASGI application: the REST API at `/fhir`, the workspace at `/`."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kontinuum.app.bulk_import import bulk_runner
from kontinuum.app.modules import MODULES
from kontinuum.app.services import Services, open_services
from kontinuum.demo import personas
from kontinuum.kernel.config import Settings, load_settings
from kontinuum.web.api import routes as api_routes
from kontinuum.web.hooks import routes as hooks_routes
from kontinuum.web.smart import CrossOrigin
from kontinuum.web.smart import routes as smart_routes
from kontinuum.web.subscriptions import routes as subscription_routes
from kontinuum.web.workspace import routes as workspace_routes

READ_ON_SECONDS: Final = 30.0
"""How long the rest of a body may take when its request is answered already."""


def build(services: Services) -> Starlette:
    """The application over open services."""
    public = services.settings.public_url or ""
    encrypted = [Middleware(Encrypted)] if public.startswith("https:") else []
    programs = [
        *smart_routes(services),
        *hooks_routes(services),
        *api_routes(services),
        *subscription_routes(services),
    ]
    routes = [*programs, *workspace_routes(services, MODULES)]
    return Starlette(routes=routes, middleware=[*encrypted, Middleware(CrossOrigin)])


class Encrypted:
    """Lets the application know that browsers reach it by https, by way of the proxy that terminates TLS."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        await self._app({**scope, "scheme": "https"} if scope["type"] == "http" else scope, receive, send)


class ReadOn:
    """Reads on to the end of a request that was answered before its body had come, so that both sides go on.

    A refusal need not wait for what it refuses. But the server below closes a connection on which something
    is still to come, and a client that sends meanwhile never sees the answer (RFC 9112 section 9.6). Who
    asks before sending (`Expect: 100-continue`) sends nothing after a refusal.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        more = all(name != b"expect" for name, _ in scope["headers"])

        async def noted() -> Message:
            nonlocal more
            message = await receive()
            more = message["type"] == "http.request" and message.get("more_body", False)
            return message

        await self._app(scope, noted, send)
        with suppress(TimeoutError):
            async with asyncio.timeout(READ_ON_SECONDS):
                while more:
                    await noted()


class Application:
    """Opens its services when the server starts it, answers, and closes them when the server stops it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._inner: ASGIApp | None = None
        self._lifespan = Starlette(lifespan=self._open)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection of the ASGI server."""
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        else:
            assert self._inner is not None, "the server must run the lifespan protocol"
            await self._inner(scope, receive, send)

    @asynccontextmanager
    async def _open(self, _app: Any) -> AsyncIterator[None]:
        dsn = self._settings.database_url
        if dsn is None:
            raise RuntimeError("KONTINUUM_DATABASE_URL is not set: `kontinuum serve` gives it to its workers")
        async with AsyncExitStack() as stack:
            services = await stack.enter_async_context(
                open_services(self._settings, dsn, personas=personas())
            )
            runner = await bulk_runner(services, dsn)
            runner.start()
            stack.push_async_callback(runner.stop)
            self._inner = ReadOn(build(services))
            services.courier.start()
            yield


def create_app() -> Application:
    """The application of one worker process, from the settings in the environment."""
    # An answer makes thousands of objects that end with it, without cycles. Looking for cycles among them as
    # often as Python does by itself takes a tenth of the time, and some answers wait for the whole walk.
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    return Application(load_settings(os.environ))
