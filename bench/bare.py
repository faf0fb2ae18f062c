"""The limit of every answer from the database: a bare ASGI handler with one select, on the same server.

No framework, no authentication, no log: `GET /bucket/key` gives a stored body.
"""

from __future__ import annotations

import os
from typing import Any

import asyncpg

SELECT = "select body from resource where bucket = $1 and key = $2"

_pool: Any = None


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer one request of the ASGI protocol."""
    global _pool
    if scope["type"] == "lifespan":
        while True:
            event = await receive()
            if event["type"] == "lifespan.startup":
                dsn = os.environ["KONTINUUM_DATABASE_URL"]
                _pool = await asyncpg.create_pool(dsn, min_size=8, max_size=8, reset=_no_reset)
                await send({"type": "lifespan.startup.complete"})
            else:
                await _pool.close()
                await send({"type": "lifespan.shutdown.complete"})
                return
    bucket, key = scope["path"][1:].split("/")
    body = await _pool.fetchval(SELECT, int(bucket), int(key))
    headers = [
        (b"content-type", b"application/fhir+json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _no_reset(_connection: Any) -> None:
    return
