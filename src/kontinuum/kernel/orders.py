"""What a module can do with orders and referrals that concern more units than its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from kontinuum.kernel.module import Refused


class OrderWriter(Protocol):
    """The part of the gate that hands referrals over. A Task was found in the patient's record before."""

    async def refer(self, request: Mapping[str, object], awaited: Mapping[str, object], /) -> Refused | None:
        """Send a referral: the ServiceRequest, which names the receiver, and the Task of its sender."""
        ...

    async def reply(self, task: str, version: int, deed: str, text: str, /) -> Refused | None:
        """Accept, ask about, decline, answer or complete a referral, as `record.referring` names it."""
        ...

    async def revoke(self, task: str, version: int, reason: str, /) -> Refused | None:
        """Take back what was ordered."""
        ...
