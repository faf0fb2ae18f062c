"""A decision support service of others: CDS Hooks 2.0 over HTTP on loopback; it can be told to misbehave."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Look = Callable[["Received"], Awaitable[None]]


@dataclass(frozen=True)
class Received:
    """A question as it arrived."""

    service: str
    authorization: str
    body: dict[str, Any]
    raw: bytes


@dataclass
class Peer:
    """The service: what it offers and answers, and what it was asked.

    `look` is called before it answers, as a service that reads with its token would.
    """

    address: str
    offered: list[dict[str, Any]] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[Received] = field(default_factory=list)
    look: Look | None = None
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def offers(self, name: str, answer: Any, *, hook: str = "patient-view", **prefetch: str) -> None:
        """Offer a service: its answer is cards, a Response, or None for silence."""
        self.offered.append(
            {"id": name, "hook": hook, "title": name, "description": f"About {name}", "prefetch": prefetch}
        )
        self.answers[name] = answer

    async def discovery(self, _request: Request) -> Response:
        """Answer `GET /cds-services`."""
        return JSONResponse({"services": self.offered})

    async def call(self, request: Request) -> Response:
        """Answer `POST /cds-services/{service}`."""
        raw = await request.body()
        name = request.path_params["service"]
        received = Received(name, request.headers.get("authorization", ""), json.loads(raw), raw)
        self.asked.append(received)
        if self.look is not None:
            await self.look(received)
        answer = self.answers[name]
        if answer is None:
            await self.over.wait()
        return answer if isinstance(answer, Response) else JSONResponse({"cards": answer})


def card(summary: str, indicator: str = "info", **more: Any) -> dict[str, Any]:
    """A card."""
    return {"summary": summary, "indicator": indicator, "source": {"label": "Rådet"}, **more}


@asynccontextmanager
async def peer() -> AsyncIterator[Peer]:
    """Run the service."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        served = Peer(f"http://127.0.0.1:{listening.getsockname()[1]}")
        app = Starlette(
            routes=[
                Route("/cds-services", served.discovery, methods=["GET"]),
                Route("/cds-services/{service}", served.call, methods=["POST"]),
            ]
        )
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        running = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield served
        finally:
            served.over.set()
            server.should_exit = True
            await running
