"""Orders and referrals as one asks the gate for them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from kontinuum.record import ordered, referring
from kontinuum.record.context import Context
from kontinuum.record.outcome import Refusal, Written


class Orders:
    """What is done with orders and referrals besides writing them."""

    __slots__ = ("_context",)

    def __init__(self, context: Context) -> None:
        self._context = context

    async def acknowledge(
        self, task: str, version: int, seen: Collection[str], *, patient: str
    ) -> Written | Refusal:
        """Acknowledge the answers that were shown, as `Type/id/_history/n`; none for words alone."""
        return await ordered.acknowledge(self._context, task, version, seen, patient=patient)

    async def refer(self, request: dict[str, Any], awaited: dict[str, Any]) -> Refusal | None:
        """Send a referral: the ServiceRequest, and the Task of its sender."""
        return await referring.send(self._context, request, awaited)

    async def reply(self, task: str, version: int, deed: str, text: str) -> Written | Refusal:
        """Accept, ask about, decline, answer or complete a referral."""
        return await referring.reply(self._context, task, version, deed, text)

    async def revoke(self, task: str, version: int, reason: str) -> Written | Refusal:
        """Take back what was ordered, with the reason."""
        return await referring.revoke(self._context, task, version, reason)
