"""Lets apps that run in a browser call from their own origin (https://fetch.spec.whatwg.org/#http-cors-protocol).

Nothing here is decided by a cookie: without a token of its own an app from elsewhere is nobody.
"""

from __future__ import annotations

from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kontinuum.web.smart import addresses

_EXACT = (addresses.TOKEN, addresses.REVOKE, addresses.INTROSPECT, addresses.KEYS)
_BELOW = (addresses.FHIR, "/.well-known", "/cds-services")
_PREFLIGHT = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, PATCH, DELETE"),
    (
        b"access-control-allow-headers",
        b"accept, authorization, content-type, if-match, if-modified-since, if-none-exist, if-none-match,"
        b" prefer, x-provenance, x-security-context",
    ),
    (b"access-control-max-age", b"600"),
    (b"content-length", b"0"),
]
_ANSWER = [
    (b"access-control-allow-origin", b"*"),
    (
        b"access-control-expose-headers",
        b"etag, last-modified, location, content-location, www-authenticate,"
        b" expires, retry-after, x-progress, preference-applied",
    ),
]


class CrossOrigin:
    """Answers a browser that asks whether it may, and marks what other origins may read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        if scope["type"] != "http" or not _is_shared(scope["path"]):
            return await self._app(scope, receive, send)
        names = {name for name, _ in scope["headers"]}
        if b"origin" not in names:
            return await self._app(scope, receive, send)
        if scope["method"] == "OPTIONS" and b"access-control-request-method" in names:
            await send({"type": "http.response.start", "status": 204, "headers": _PREFLIGHT})
            await send({"type": "http.response.body", "body": b""})
            return None

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers: list[Any] = [*message["headers"], *_ANSWER]
                message = {**message, "headers": headers}
            await send(message)

        return await self._app(scope, receive, marked)


def _is_shared(path: str) -> bool:
    return path in _EXACT or path in _BELOW or path.startswith(tuple(f"{each}/" for each in _BELOW))
