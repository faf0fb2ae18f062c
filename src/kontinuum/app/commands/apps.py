"""`kontinuum apps`: register apps, list and end them; each change stands in the log."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from rich import box
from rich.console import Console
from rich.table import Table

from kontinuum.access.scopes import UnknownScopeError, parse_scopes
from kontinuum.app.commands import acting
from kontinuum.app.services import Services, open_services
from kontinuum.audit.entry import by_the_system
from kontinuum.identity.smart import App, Authentication
from kontinuum.identity.smart.apps import read_jwks, service_of
from kontinuum.kernel.clock import to_micros
from kontinuum.kernel.config import Settings

T = TypeVar("T")


def add(
    dsn: str,
    settings: Settings,
    *,
    identity: str,
    name: str,
    kind: str,
    scopes: str,
    redirects: tuple[str, ...] = (),
    launch: str | None = None,
    jwks: Path | None = None,
    jwks_uri: str | None = None,
    unit: str | None = None,
    provider: str | None = None,
) -> int:
    """Register an app; 0 when it is registered, 2 when an option is wrong."""
    place = acting.place(settings, unit, provider)
    if isinstance(place, acting.Refused):
        return _refused(place.message)
    keys = read_jwks("" if jwks is None else jwks.read_text(encoding="utf-8"))
    if keys is None:
        return _refused(f"{jwks}: not a JWK set.")
    try:
        wanted = parse_scopes(scopes)
    except UnknownScopeError as unknown:
        return _refused(f"{unknown}.")
    assignment = acting.system(name, place, client="kontinuum apps").assignment
    app = App(
        id=identity,
        name=name,
        provider=place.provider,
        authentication=Authentication.KEY if kind == "service" else Authentication(kind),
        scopes=wanted,
        redirect_uris=redirects,
        launch_url=launch,
        keys=keys,
        jwks_uri=jwks_uri,
        service=service_of(identity, name, assignment) if kind == "service" else None,
    )

    async def register(services: Services) -> int:
        secret, wrong = await services.smart.apps.add(app, getpass.getuser())
        if wrong:
            return _refused("\n".join(wrong))
        await _log(services, "register-app", identity, *wanted)
        print(f"{name} is registered at {place.provider_name} as {identity}.", file=sys.stderr)
        if secret is not None:
            print("Its secret, shown only now:", file=sys.stderr)
            print(secret)
        return 0

    return _with_services(dsn, settings, register)


def list_(dsn: str, settings: Settings) -> int:
    """Print the apps that have not ended."""
    found = _with_services(dsn, settings, lambda services: services.smart.apps.all())
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("Id", "Name", "Care provider", "Proves itself by", "May ask for"):
        table.add_column(heading, overflow="fold")
    for app in found:
        kind = "key, as a service" if app.service is not None else app.authentication.value
        table.add_row(app.id, app.name, app.provider, kind, " ".join(app.scopes))
    Console(highlight=False).print(table)
    return 0


def remove(dsn: str, settings: Settings, *, identity: str) -> int:
    """End an app; 1 when there is none."""

    async def end(services: Services) -> int:
        if not await services.smart.apps.end(identity):
            print(f"There is no app '{identity}', or it has ended already.", file=sys.stderr)
            return 1
        await _log(services, "end-app", identity)
        print(f"{identity} has ended, with everything that was permitted to it.", file=sys.stderr)
        return 0

    return _with_services(dsn, settings, end)


def _with_services(dsn: str, settings: Settings, use: Callable[[Services], Awaitable[T]]) -> T:
    async def run() -> T:
        async with open_services(settings, dsn, connections=2) as services:
            return await use(services)

    return asyncio.run(run())


async def _log(services: Services, action: str, identity: str, *scopes: str) -> None:
    note = f"by {getpass.getuser()} at the server"
    now = to_micros(services.clock.now())
    await services.audit.durable(by_the_system(now, action, what=(f"app/{identity}", *scopes), note=note))


def _refused(message: str) -> int:
    print(message, file=sys.stderr)
    return 2
