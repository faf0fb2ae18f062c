"""`kontinuum cds`: register services of others, list, switch and end them; each change stands in the log."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Awaitable, Callable

from rich import box
from rich.console import Console
from rich.table import Table

from kontinuum.access.scopes import LAUNCH, UnknownScopeError, parse_scopes
from kontinuum.app.commands import acting, operating
from kontinuum.app.services import Services
from kontinuum.identity.hooks import Terms
from kontinuum.kernel.config import Settings


def add(
    dsn: str,
    settings: Settings,
    *,
    base: str,
    units: tuple[str, ...] = (),
    scopes: str = "",
    token: bool = False,
    on: bool = False,
    provider: str | None = None,
) -> int:
    """Register what an address offers; 0 when something is registered, 2 when an option is wrong."""
    place = acting.place(settings, units[0] if units else None, provider)
    if isinstance(place, acting.Refused):
        return operating.refused(place.message)
    try:
        wanted = tuple(each for each in parse_scopes(scopes) if each not in LAUNCH)
    except UnknownScopeError as unknown:
        return operating.refused(f"{unknown}.")
    terms = Terms(place.provider, units, wanted, token, on)

    async def register(services: Services) -> int:
        added, wrong = await services.advice.services.add(base, terms, getpass.getuser())
        if wrong:
            return operating.refused("\n".join(wrong))
        for each in added:
            await operating.log(
                services, "register-service", f"service/{each.id}", each.address, *each.scopes
            )
            state = "is asked" if each.active else f"is not asked yet: kontinuum cds on {each.id}"
            print(f"{each.title} ({each.hook}) {state}.", file=sys.stderr)
            print(each.id)
        return 0

    return operating.with_services(dsn, settings, register)


def list_(dsn: str, settings: Settings) -> int:
    """Print the services that have not ended."""
    found = operating.with_services(dsn, settings, lambda services: services.advice.services.all())
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("Id", "Name", "Hook", "Address", "Care provider", "Units", "Is sent", "Asked"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "Id")
    for each in found:
        sent = " ".join(each.scopes) + (", with a token" if each.token else "")
        where, asked = " ".join(each.units) or "all", "yes" if each.active else "no"
        table.add_row(each.id, each.title, each.hook, each.address, each.provider, where, sent, asked)
    Console(highlight=False).print(table)
    return 0


def switch(dsn: str, settings: Settings, *, identity: str, active: bool) -> int:
    """Ask a service, or do not; 1 when there is none."""
    action = "ask-service-on" if active else "ask-service-off"
    return _change(dsn, settings, identity, action, lambda s: s.advice.services.switch(identity, active))


def remove(dsn: str, settings: Settings, *, identity: str) -> int:
    """End a service; 1 when there is none."""
    return _change(dsn, settings, identity, "end-service", lambda s: s.advice.services.end(identity))


def _change(
    dsn: str, settings: Settings, identity: str, action: str, do: Callable[[Services], Awaitable[bool]]
) -> int:
    async def change(services: Services) -> int:
        if not await do(services):
            print(f"There is no service '{identity}', or it has ended already.", file=sys.stderr)
            return 1
        await operating.log(services, action, f"service/{identity}")
        return 0

    return operating.with_services(dsn, settings, change)
