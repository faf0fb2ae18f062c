"""Requests by nobody known: in the log as failed attempts (HSLF-FS 2016:40 4:9), and unable to fill it.

Whoever has no valid token can send as many requests as the network carries, so each cannot be an entry of its
own. The first one from an address in a minute is an entry at once; those that follow in that minute are
counted, and the count is one entry when the minute is over. At most `ADDRESSES` addresses are told apart in
a minute, all others together are one more. So a worker writes at most 2 * (ADDRESSES + 1) entries a minute
about attempts, whatever comes; and every attempt is counted in one of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from dataclasses import dataclass

import structlog

from kontinuum.audit.entry import AuditEntry
from kontinuum.audit.log import AuditLog, AuditUnavailableError
from kontinuum.kernel.clock import Clock, to_micros
from kontinuum.kernel.principal import ActorKind

ADDRESSES = 100
"""How many addresses are told apart in a minute."""

SECONDS = 60.0
"""How long attempts from one address are counted together."""

OTHERS = "other addresses"
"""Under which name the addresses beyond the first `ADDRESSES` are counted."""

ACTION = "authenticate"

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Counted:
    reason: str
    more: int = 0


class Attempts:
    """What one worker counts of requests that nobody known has made."""

    def __init__(self, audit: AuditLog, clock: Clock, seconds: float = SECONDS) -> None:
        self._audit = audit
        self._clock = clock
        self._seconds = seconds
        self._counted: dict[str, _Counted] = {}
        self._telling: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    async def note(self, address: str, reason: str) -> None:
        """Log an attempt, or count it to those before; `address` is the connection's own.

        A log that cannot be written is told in the server's log: the answer holds nothing to protect.
        """
        place = _place(address)
        if place not in self._counted and len(self._counted) >= ADDRESSES:
            place = OTHERS
        counted = self._counted.get(place)
        if counted is not None:
            counted.more += 1
            return
        self._counted[place] = _Counted(reason)
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell_later(), name="attempts")
        await self._write(place, reason, 1)

    async def close(self) -> None:
        """Log what was counted and not told yet."""
        self._closing.set()
        if self._telling is not None:
            await self._telling

    async def _tell_later(self) -> None:
        while self._counted:  # also what came while the last minute was being told
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._seconds):
                    await self._closing.wait()
            await self._tell()

    async def _tell(self) -> None:
        counted, self._counted = self._counted, {}
        several = ((place, one) for place, one in counted.items() if one.more)
        await asyncio.gather(*(self._write(place, one.reason, one.more) for place, one in several))

    async def _write(self, place: str, reason: str, count: int) -> None:
        entry = AuditEntry(
            recorded=to_micros(self._clock.now()),
            actor="",
            actor_name="",
            actor_kind=ActorKind.SYSTEM.value,
            assignment="",
            unit="",
            provider="",
            purpose="",
            client=place,
            action=ACTION,
            outcome="refused",
            basis=reason,
            count=count,
            note="counted together within a minute" if count > 1 else None,
        )
        try:
            await self._audit.durable(entry)
        except AuditUnavailableError:
            _log.error("audit_attempts_lost", attempts=count)


def _place(address: str) -> str:
    """The address; of IPv6 the network of 64 bits, of which one customer commonly has all addresses."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown address"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
