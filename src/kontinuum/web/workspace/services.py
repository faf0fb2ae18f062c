"""What the workspace needs from the application, gathered once."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from kontinuum.audit import AuditLog
from kontinuum.identity import Identity, Session
from kontinuum.identity.smart import Smart
from kontinuum.kernel.clock import Clock
from kontinuum.kernel.module import Module
from kontinuum.kernel.principal import Principal
from kontinuum.record.advice import Advice
from kontinuum.store.provider_settings import SettingsReader
from kontinuum.terminology import Terminology
from kontinuum.web.live import Live
from kontinuum.web.workspace.assets import Assets
from kontinuum.web.workspace.directory import UnitDirectory
from kontinuum.web.workspace.templating import Templates

if TYPE_CHECKING:
    from kontinuum.identity.oidc.party import RelyingParty

DEMO: Final = "demo"
"""Who vouches for the personas of the demo, where sign-in services have their keys."""


class Environment(Protocol):
    """The settings that the workspace reads."""

    @property
    def environment(self) -> str:
        """`development`, `test` or `production`."""
        ...

    @property
    def public_url(self) -> str | None:
        """The address under which people reach the workspace."""
        ...


class Gate(Protocol):
    """Makes the `Record` bound to a principal."""

    def record(self, principal: Principal, /) -> Any:
        """The record as this principal may see it."""
        ...


class Application(Protocol):
    """The application's services, as far as the workspace uses them."""

    @property
    def settings(self) -> Environment:
        """The settings in force."""
        ...

    @property
    def clock(self) -> Clock:
        """The clock."""
        ...

    @property
    def gate(self) -> Gate:
        """The way to patient data."""
        ...

    @property
    def identity(self) -> Identity:
        """Sign-in and sessions."""
        ...

    @property
    def audit(self) -> AuditLog:
        """The log."""
        ...

    @property
    def provider_settings(self) -> SettingsReader:
        """The settings of care providers."""
        ...

    @property
    def terminology(self) -> Terminology:
        """Code systems and value sets."""
        ...

    @property
    def smart(self) -> Smart:
        """Apps and what was permitted to them."""
        ...

    @property
    def advice(self) -> Advice:
        """Decision support services of others."""
        ...

    @property
    def live(self) -> Live:
        """Who looks at how much waits."""
        ...

    @property
    def sign_in(self) -> Mapping[str, RelyingParty]:
        """The sign-in services, by their keys."""
        ...


@dataclass(frozen=True, slots=True)
class WorkspaceServices:
    """The application's services and the workspace's own, one of each a process."""

    application: Application
    modules: tuple[Module, ...]
    templates: Templates
    assets: Assets
    directory: UnitDirectory

    @property
    def identity(self) -> Identity:
        """Sign-in and sessions."""
        return self.application.identity

    @property
    def clock(self) -> Clock:
        """The application's clock."""
        return self.application.clock

    @property
    def production(self) -> bool:
        """Whether real patients may be in the record: the demo's sign-in is then refused."""
        return self.application.settings.environment == "production"

    def record(self, principal: Principal) -> Any:
        """The gate, bound to a principal."""
        return self.application.gate.record(principal)

    @property
    def public_url(self) -> str:
        """The address under which people reach the workspace, without a slash at its end."""
        return self.application.settings.public_url or ""

    async def session(self, cookie: str, *, touch: bool = True) -> Session | None:
        """The session behind a cookie. Production knows none that was begun in a demo."""
        session = await self.identity.sessions.find(cookie, touch=touch) if cookie else None
        demo = session is not None and session.proof.origin == DEMO
        return None if demo and self.production else session


def gather(application: Application, modules: Sequence[Module]) -> WorkspaceServices:
    """Load static files and translations, and begin with the templates."""
    assets = Assets()
    templates = Templates(modules, assets)
    # They take longer than all the rest of a start: the first pages are answered while others are compiled.
    threading.Thread(target=templates.load_all, name="templates", daemon=True).start()
    return WorkspaceServices(application, tuple(modules), templates, assets, UnitDirectory(application.clock))
