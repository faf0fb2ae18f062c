"""Stand-ins for the gate and the tokens, for what must be settled before the gate is asked."""

from __future__ import annotations

from typing import Any

from kontinuum.kernel.principal import Actor, ActorKind, Assignment, Principal, Purpose

CLERK = Principal(
    Actor(ActorKind.SYSTEM, "clerk", "Clerk"),
    Assignment("a", "Clerk", "SE1-A", "Unit", "SE1", "Region", Purpose.SYSTEM),
    "test",
)


class OneToken:
    """Knows a single token."""

    async def principal_of_token(self, token: str) -> Principal | None:
        return CLERK if token == "valid" else None


class ClosedGate:
    """A gate that nobody may reach."""

    def record(self, principal: Principal, *, base: str | None = None) -> Any:
        return self

    async def turned_away(self, address: str, reason: str) -> None:
        """Take note that nobody came in; nothing is asked of the record."""

    async def profiles(self) -> dict[str, list[str]]:
        """The profiles that are known concern no patient."""
        return {}

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the gate was asked: {name}")
