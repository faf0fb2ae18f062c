"""SMART App Launch 2.2 and OAuth 2.0: apps, what was permitted to them, their tokens, and signing keys."""

from __future__ import annotations

from typing import Any

from kontinuum.identity.service import Identity
from kontinuum.identity.smart.apps import App, Apps, Authentication
from kontinuum.identity.smart.clients import Clients
from kontinuum.identity.smart.grants import Asked, Grants, Issued, Launch, Permission, Wrong
from kontinuum.identity.smart.keys import SigningKeys
from kontinuum.kernel.clock import Clock

__all__ = ["App", "Asked", "Authentication", "Issued", "Launch", "Permission", "Smart", "Wrong"]


class Smart:
    """The register, the permissions, the keys and the proof of who an app is, over one database."""

    def __init__(self, pool: Any, clock: Clock, identity: Identity) -> None:
        self.apps = Apps(pool, clock)
        self.grants = Grants(pool, clock, identity)
        self.keys = SigningKeys(pool, clock)
        self.clients = Clients(self.apps, identity.steps, clock)
