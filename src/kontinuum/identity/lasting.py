"""Whether somebody who left something running behind them may still act, and as whom.

A subscription goes on without requests. It lasts as long as what let its maker in: a permission given to an
app, a backend service's registration, or some valid token of the same person or system.
"""

from __future__ import annotations

from typing import Any

import msgspec

from kontinuum.identity.service import Identity
from kontinuum.kernel.clock import Clock, to_micros
from kontinuum.kernel.principal import Principal
from kontinuum.store import apps, credentials

Lasting = tuple[Principal, tuple[str, ...] | None]
"""Who acts, as things stand now, and the scopes that its app is registered for (None: no app)."""


async def lasting(pool: Any, clock: Clock, identity: Identity, principal: Principal) -> Lasting | None:
    """The principal as it may act now, None when it may not any more."""
    now = to_micros(clock.now())
    app = principal.app
    if app is None:
        until = await credentials.held_until(pool, msgspec.json.encode(principal).decode())
        return (principal, None) if until is not None and until > now else None
    registered = await apps.app(pool, app.id)
    if registered is None or registered.ended is not None:
        return None
    if registered.principal is not None:  # a backend service renews its short permissions as it needs them
        until = await credentials.assignment_end(pool, principal.assignment.id)
        holds = until is None or until > now
    else:
        grant = await apps.grant(pool, app.grant)
        holds = grant is not None and grant.revoked is None and grant.expires > now
    return (await identity.in_context(principal), tuple(registered.scopes)) if holds else None
