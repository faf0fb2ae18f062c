"""A load generator that costs little: HTTP/1.1 over kept connections, one request at a time on each.

A full HTTP client spends more on a request than the server does, and would measure itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """What a load came to: requests done in a time (seconds), and how long each took, in milliseconds."""

    requests: int
    seconds: float
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


class LoadError(Exception):
    """An answer that was not the expected one; the benchmark would measure something else."""


class _Connection(asyncio.Protocol):
    """One connection: gives (status, body) of the answer to each request."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._buffer = b""
        self._needed = -1
        self._head_end = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(LoadError(f"the server closed the connection: {exc}"))

    def ask(self, request: bytes) -> asyncio.Future[tuple[int, bytes]]:
        """Send a request; the answer comes in the future."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._needed < 0:
            head_end = self._buffer.find(b"\r\n\r\n")
            if head_end < 0:
                return
            head = self._buffer[:head_end].lower()
            mark = head.find(b"content-length:")
            if mark < 0:
                raise LoadError(f"an answer without Content-Length: {head!r}")
            self._head_end = head_end + 4
            length = int(head[mark + 15 :].split(b"\r\n", 1)[0])
            self._needed = self._head_end + length
        if len(self._buffer) >= self._needed:
            status, body = int(self._buffer[9:12]), self._buffer[self._head_end : self._needed]
            self._buffer, self._needed = b"", -1
            answer, self._answer = self._answer, None
            if answer is not None and not answer.done():
                answer.set_result((status, body))


def request(method: str, path: str, *, token: str = "", cookie: str = "", body: bytes | None = None) -> bytes:
    """The bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if cookie:
        lines.append(f"Cookie: {cookie}")
    if body is not None:
        lines += ["Content-Type: application/fhir+json", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b"")


def load(
    port: int,
    requests: Iterator[bytes],
    *,
    clients: int,
    seconds: float | None = None,
    expected: int = 200,
    check: Callable[[bytes], bool] | None = None,
    warm_up: float = 1.0,
) -> Load:
    """Keep `clients` connections busy for some seconds, or (None) until the requests are through.

    Raises LoadError for an answer of another status, or one that `check` does not accept.
    """
    return asyncio.run(_load(port, requests, clients, seconds, expected, check, warm_up))


async def _load(
    port: int,
    requests: Iterator[bytes],
    clients: int,
    seconds: float | None,
    expected: int,
    check: Callable[[bytes], bool] | None,
    warm_up: float,
) -> Load:
    loop = asyncio.get_running_loop()
    taken: list[float] = []
    begin = time.perf_counter() + (warm_up if seconds is not None else 0.0)
    end = begin + seconds if seconds is not None else float("inf")

    async def client() -> None:
        _, connection = await loop.create_connection(_Connection, "127.0.0.1", port)
        try:
            for text in requests:
                asked = time.perf_counter()
                if asked >= end:
                    return
                status, body = await connection.ask(text)
                if status != expected or (check is not None and not check(body)):
                    raise LoadError(f"status {status} for {text[:120]!r}: {body[:500]!r}")
                if asked >= begin:
                    taken.append(time.perf_counter() - asked)
        finally:
            connection.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    lasted = (seconds if seconds is not None else 0.0) or time.perf_counter() - begin
    taken.sort()
    if not taken:
        raise LoadError("no request was done in the time: measure for longer")
    return Load(len(taken), lasted, _percentile(taken, 0.5), _percentile(taken, 0.99))


def _percentile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000
