"""Sign-in's entries in the log: who came in, went, changed assignment, locked and unlocked, and who did not.

HSLF-FS 2016:40 4:9. An entry is durable before its answer leaves, as with every access.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from kontinuum.audit import AuditEntry, entry
from kontinuum.kernel.clock import to_micros
from kontinuum.kernel.principal import ActorKind, Principal

if TYPE_CHECKING:
    from kontinuum.identity import Session
    from kontinuum.web.workspace.services import WorkspaceServices

CLIENT = "browser"


class Event(StrEnum):
    """What happened, as the log's action."""

    SIGN_IN = "sign-in"
    SWITCH = "switch-assignment"
    LOCK = "lock"
    UNLOCK = "unlock"
    TAKE_OVER = "take-over"
    SIGN_OUT = "sign-out"


async def tell(
    services: WorkspaceServices,
    event: Event,
    session: Session,
    basis: str,
    *,
    principal: Principal | None = None,
    outcome: str = "permitted",
    note: str | None = None,
) -> None:
    """Log something about a session; `principal` when it is not, or no longer, the session's own."""
    who = principal or session.principal
    at = to_micros(services.clock.now())
    made = entry(who, at, event.value, outcome, basis, what=(f"session/{session.id}",), note=note)
    await services.application.audit.durable(made)


async def tell_failure(
    services: WorkspaceServices, basis: str, *, provider: str, actor: str = "", name: str = ""
) -> None:
    """Log a sign-in that led to no session. `actor` is whom the provider named, when it got so far."""
    failed = AuditEntry(
        recorded=to_micros(services.clock.now()),
        actor=actor,
        actor_name=name,
        actor_kind=ActorKind.STAFF.value,
        assignment="",
        unit="",
        provider="",
        purpose="",
        client=CLIENT,
        action=Event.SIGN_IN.value,
        outcome="refused",
        basis=basis,
        what=(f"provider/{provider}",),
    )
    await services.application.audit.durable(failed)
